"""A user's script that type checkers accept, and that runs: tests/test_types.py does both."""

from __future__ import annotations

import numpy as np

import tinygrad_gd as tg
import tinygrad_gd.nn.functional as F
from tinygrad_gd import Tensor, nn
from tinygrad_gd.linalg import norm
from tinygrad_gd.study import advise


class Block(nn.Module):
    """A layer around which its input passes."""

    def __init__(self, size: int) -> None:
        self.inner = nn.Linear(size, size)
        self.scale = nn.Parameter(np.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        """The output."""
        inner: Tensor = self.inner(x)
        return x + F.relu(inner) * self.scale


def bowl(p: Tensor) -> Tensor:
    """A function of one Tensor."""
    return ((p - 1) ** 2).sum() + tg.exp(-p).mean()


tg.manual_seed(0)
array = np.linspace(0.0, 1.0, 12).reshape(4, 3)
w = tg.Tensor(np.ones((3, 2)), requires_grad=True, name="w")
number = np.float64(2.0)

products: list[Tensor] = [array @ w, w.T @ array.T, number * w, w * number, 3 - w, w ** 2, -w]
sums: Tensor = array[:, :2] + (array @ w) * np.float32(0.5) - 1.0 / (1.0 + abs(array @ w))
masked: Tensor = tg.where(sums > 0, sums, 0.0) + np.ones(2) / (sums + 2)

values = np.asarray(w.detach()) * 2 + 1
print(values.sum(), np.exp(w).sum(), np.maximum(w, 0).shape, np.where(w > 0, w, 0).shape)
print(np.concatenate([w, w]).shape, np.stack([w, w], axis=1).shape, np.transpose(w).shape)
print(np.allclose(w, w.numpy()), np.sum(w), np.clip(w, 0, 1).shape, np.square(w).mean())

u, s, vh = tg.linalg.svd(tg.Tensor(array), full_matrices=False)
sign, logabsdet = tg.linalg.slogdet(w.T @ w + np.eye(2))
q, r = tg.qr(w)
size: Tensor = norm(w, axis=0, keepdims=True) + tg.sum(s) + logabsdet * sign + q.sum() + r.sum()
print(tg.softmax(size, axis=-1).tolist(), tg.clip(w, min=0, max=1).shape, u.shape, vh.shape)

loss = (array @ w).mean() + masked.sum()
loss.backward()
assert w.grad is not None
print(w.grad.shape, loss.item(), tg.linalg.eigh(w.T @ w + np.eye(2)).eigenvalues.tolist())

value, pull = tg.vjp(bowl, tg.Tensor([1.0, 2.0]))
print(tg.grad(bowl)(np.zeros(2)), pull(1.0), tg.hessian(bowl)(np.zeros(2)))

model = nn.Sequential(nn.Linear(3, 2), Block(2), nn.ReLU())
optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for x, y in tg.DataLoader(array, np.array([0, 1, 0, 1]), batch_size=2, shuffle=True):
    error = nn.cross_entropy(model(x), y)
    optimizer.zero_grad()
    error.backward()
    optimizer.step()

criterion = nn.BCEWithLogitsLoss(pos_weight=[2.0, 1.0])
binary: Tensor = criterion(model(array), np.eye(4)[:, :2]) + F.huber_loss(w, np.zeros((3, 2)), delta=2.0)
points, labels = tg.datasets.moons(20, noise=0.1)
print(binary.item(), tg.datasets.Scaler(points)(points).shape, labels.sum(), tg.save, tg.load)


@tg.compile
def step() -> Tensor:
    """One step of training."""
    loss = nn.mse_loss(array @ w, np.zeros((4, 2)))
    w.zero_grad()
    loss.backward()
    return loss


for _ in range(3):
    step()
print(step.source, tg.source(loss, wrt=[w]), tg.latex((w * 2).sum()))
print(tg.draw(loss, values=False), advise(lambda: (w ** 2).sum(), [w]))
