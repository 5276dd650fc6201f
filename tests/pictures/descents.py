"""The README's picture of descent: five ways from one start down the loss of a line."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_gd as tg

#: Rows in a batch and the optimizer; each makes the same number of steps.
WAYS: dict[str, tuple[int | None, Any]] = {
    "batch": (None, lambda p: tg.optim.SGD(p, lr=0.36)),
    "mini-batch": (8, lambda p: tg.optim.SGD(p, lr=0.1)),
    "stochastic": (1, lambda p: tg.optim.SGD(p, lr=0.04)),
    "momentum": (None, lambda p: tg.optim.SGD(p, lr=0.03, momentum=0.85)),
    "Adam": (None, lambda p: tg.optim.Adam(p, lr=0.2)),
}
STEPS = 59


def paths(x: Any, y: Any) -> dict[str, list[list[float]]]:
    """Weight and bias before each step and at the end, for each way."""
    found = {}
    for name, (size, make) in WAYS.items():
        w, b = (tg.Tensor(start, requires_grad=True) for start in (-0.5, 3.5))
        optimizer = make([w, b])
        path = found[name] = [[w.item(), b.item()]]
        loader = tg.DataLoader(x, y, batch_size=size, shuffle=True, seed=0)
        while len(path) <= STEPS:
            for xs, ys in loader:
                optimizer.zero_grad()
                ((w * xs + b - ys) ** 2).mean().backward()
                optimizer.step()
                path.append([w.item(), b.item()])
        del path[STEPS + 1 :]
    return found


def descents() -> Any:
    """The loss over weight and bias, and the five paths."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-0.5, 2.5, 64)
    y = 2 * x + 1 + 0.5 * rng.standard_normal(64)
    w, b = (tg.Tensor(0.0, requires_grad=True, name=n) for n in "wb")
    return tg.plot.contour(lambda: ((w * x + b - y) ** 2).mean(), [w, b], paths(x, y))
