"""Fit a line by gradient descent: the loss, its gradients, and `param -= lr * grad`."""

import numpy as np

import tinygrad_gd as tg

x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
y = 2 * x + 1
w = tg.Tensor(0.0, requires_grad=True, name="w")
b = tg.Tensor(0.0, requires_grad=True, name="b")


@tg.compile  # watched twice, then replayed as a NumPy program; without this line it is only slower
def step():
    loss = ((w * x + b - y) ** 2).mean()
    w.zero_grad()
    b.zero_grad()
    loss.backward()
    with tg.no_grad():
        for param in (w, b):
            param -= 0.08 * param.grad
    return loss


for epoch in range(1, 1001):
    loss = step()
    if epoch in (1, 10, 100, 1000):
        print(f"epoch {epoch}: loss={loss.item():.6f} w={w.item():.4f} b={b.item():.4f}")

assert abs(w.item() - 2) < 1e-6 and abs(b.item() - 1) < 1e-6
