"""Read your own backprop: the gradient of a line and of a network as NumPy text, run and checked."""

import numpy as np

import tinygrad_gd as tg

x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
y = 2 * x + 1
w = tg.Tensor(0.0, requires_grad=True, name="w")
b = tg.Tensor(0.0, requires_grad=True, name="b")
loss = ((w * x + b - y) ** 2).mean()

text = tg.source(loss, wrt=[w, b])
print("The gradient of a line's loss:\n")
print(text)
namespace = {}
exec(text, namespace)
value, d_w, d_b = namespace["gradient"](0.0, 0.0, x, y)
loss.backward()
assert (value, d_w, d_b) == (loss.item(), w.grad.item(), b.grad.item())

tg.manual_seed(0)


class Network(tg.nn.Module):
    def __init__(self):
        self.hidden, self.out = tg.nn.Linear(2, 8), tg.nn.Linear(8, 3)

    def forward(self, x):
        activity = np.tanh(self.hidden(x))
        return self.out(activity)


model = Network()
optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
points, labels = np.random.default_rng(0).standard_normal((20, 2)), np.arange(20) % 3


@tg.compile
def step(points, labels):
    loss = tg.nn.cross_entropy(model(points), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


for _ in range(3):
    step(points, labels)
print("One training step of a network:\n")
print(step.source)
print("The line's loss and its gradient as formulas, in LaTeX:\n")
print(tg.latex(((w * x + b - y) ** 2).mean()))
