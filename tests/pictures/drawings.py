"""Graphs that the tests of pictures draw."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd.pictures import Drawing, draw


def line() -> Drawing:
    x = np.array([1.0, 2, 3, 4, 5])
    y = 2 * x + 1
    w, b = (tg.Tensor(0.0, requires_grad=True, name=n) for n in "wb")
    loss = ((w * x + b - y) ** 2).mean()
    loss.backward()
    return draw(loss)


def square() -> Drawing:
    a = tg.Tensor(3.0, requires_grad=True, name="a")
    return draw(a * a)


def scalars() -> Drawing:
    """The chain rule's usual example, all scalars."""
    a, b, c, f = (tg.Tensor(v, requires_grad=True, name=n)
                  for n, v in (("a", 2.0), ("b", -3.0), ("c", 10.0), ("f", -2.0)))
    loss = (a * b + c) * f
    loss.backward()
    return draw(loss)


def network() -> Drawing:
    net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.ReLU(), tg.nn.Linear(4, 2))
    with tg.no_grad():
        for p in net.parameters():
            p.assign(np.linspace(-1, 1, p.size).reshape(p.shape))
    images, labels = np.arange(6.0).reshape(2, 3) / 10, np.array([0, 1])
    loss = tg.nn.cross_entropy(net(images), labels)
    loss.backward()
    return draw(loss)


def views() -> Drawing:
    x = tg.Tensor(np.arange(12.0).reshape(3, 4), requires_grad=True, name="x")
    y = np.concatenate([x.T.reshape(2, 6)[:, ::2], tg.Tensor(np.ones((2, 3)))], axis=0)
    result = (1 - np.where(y > 3, y, 0.5) / 3).sum(axis=1, keepdims=True).max()
    return draw(result)


def not_finite() -> Drawing:
    weights = tg.Tensor([1.0, -1.0, 0.0], requires_grad=True, name="weights")
    with np.errstate(all="ignore"):
        loss = np.log(weights).sum()
        loss.backward()
    return draw(loss)


BUILDERS = [line, square, scalars, network, views, not_finite]


def chain(operations: int) -> tg.Tensor:
    x = tg.Tensor(1.0, requires_grad=True, name="x")
    y = x
    for _ in range(operations):
        y = y + 1
    return y


def node(drawing: Any, title: str) -> Any:
    (found,) = (n for n in drawing.graph.nodes if n.title == title)
    return found
