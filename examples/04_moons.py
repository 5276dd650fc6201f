"""A hidden layer bends the border: two moons that no line can part."""

import numpy as np
from sklearn.datasets import make_moons

import tinygrad_gd as tg

tg.manual_seed(0)
x, y = make_moons(300, noise=0.15, random_state=0)
target = tg.Tensor(np.where(y == 1, 1.0, -1.0)[:, None])
points = tg.Tensor(x)

net = tg.nn.Sequential(
    tg.nn.Linear(2, 16), tg.nn.Tanh(), tg.nn.Linear(16, 16), tg.nn.Tanh(), tg.nn.Linear(16, 1)
)
optimizer = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


@tg.compile
def step():
    loss = tg.nn.mse_loss(net(points), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


for epoch in range(1, 501):
    loss = step()
    if epoch % 100 == 0:
        accuracy = np.mean((net(points).numpy() > 0) == (target.numpy() > 0))
        print(f"epoch {epoch}: loss={loss.item():.4f} accuracy={accuracy:.1%}")

assert accuracy > 0.97
