"""A network in training, and what a step may use besides it."""

from __future__ import annotations

import collections
import types
from typing import Any

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd import nn


class World:
    """A network in training, and things that a step may read from Python.

    `calls` counts how often the loss has been computed by Python.
    """

    def __init__(self) -> None:
        tg.manual_seed(0)
        self.rng = np.random.default_rng(0)
        self.x, self.y = self.rng.normal(size=(8, 3)), tg.Tensor(self.rng.normal(size=(8, 2)))
        self.net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        self.first = next(self.net.parameters())
        self.extra = tg.Tensor([0.5, 1.5], requires_grad=True)
        self.optimizer = tg.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
        self.calls, self.k, self.on, self.act = 0, 1.0, True, tg.tanh
        self.table, self.many, self.queue = {"k": 1.0}, [1.0, 2.0], collections.deque([1.0])
        self.numbers, self.index = np.array([1.0, 2.0]), np.array([0, 2, 4])
        self.mask, self.name = np.arange(8) % 2 == 0, types.SimpleNamespace(k=1.0)
        self.kept: Any = []

    def loss(self, x: Any = None) -> Any:
        self.calls += 1
        return nn.mse_loss(self.net(tg.Tensor(self.x) if x is None else x), self.y)

    def train(self, loss: Any) -> Any:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def values(self) -> list[Any]:
        """What training has made of the parameters, and what the optimizer remembers."""
        state = [t for p in self.net.parameters() for t in self.optimizer.state.get(p, {}).values()]
        return [np.array(t.numpy()) for t in (*self.net.parameters(), self.extra, *state)]
