"""A network in training, and what a step may use or change besides it."""

from __future__ import annotations

import argparse
import collections
import io
import logging
import random
import types
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_gd as tg
from tests.program.frozen import frozen
from tinygrad_gd import nn


class Slots:
    __slots__ = ("k",)


class Base(nn.Module):
    def __init__(self) -> None:
        self.linear, self.calls = nn.Linear(3, 2), 0

    def forward(self, x: Any) -> Any:
        return self.linear(x) * self.scale()

    def scale(self) -> float:
        return 1.0


class Derived(Base):
    def forward(self, x: Any) -> Any:
        return super().forward(x) + 1


class Counting(Base):
    def forward(self, x: Any) -> Any:
        self.calls += 1
        return super().forward(x)


class World:
    """A network in training, and things that a step may use or change."""

    def __init__(self) -> None:
        tg.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        self.rng = np.random.default_rng(0)
        self.x, self.y = self.rng.normal(size=(8, 3)), tg.Tensor(self.rng.normal(size=(8, 2)))
        self.net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        self.derived, self.counting = Derived(), Counting()
        self.first = next(self.net.parameters())
        self.optimizer = tg.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
        self.count, self.history, self.table = 0, [0.0], {"n": 0, "k": 1.0}
        self.many, self.batches = [float(i) for i in range(300)], [self.x + i for i in range(200)]
        self.queue, self.file = collections.deque([1.0, 2.0]), io.StringIO()
        self.log = logging.Logger("surprise")
        self.log.addHandler(logging.StreamHandler(self.file))
        self.repeated = iter([1.0] * 5 + [2.0] * 9)
        self.numbers, self.index = np.array([1.0, 2.0]), np.array([0, 2, 4])
        self.mask = np.arange(8) % 2 == 0
        self.slots, self.name = Slots(), types.SimpleNamespace(k=1.0)
        self.slots.k = 1.0
        self.args = argparse.Namespace(k=1.0)
        self.scalar: Any = 2

    def loss(self, x: Any = None) -> Any:
        return nn.mse_loss(self.net(tg.Tensor(self.x) if x is None else x), self.y)

    def train(self, loss: Any) -> Any:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


Step = Callable[[World], Any]


def run_of(step: Step, change: Callable[[World], Any] | None, compiled: bool) -> tuple[Any, World, list[Any]]:
    world = World()
    run: Any = frozen(lambda: step(world)) if compiled else lambda: step(world)
    seen = []
    for i in range(14):
        if i == 7 and change is not None:
            change(world)
        seen.append(np.array(run()._value))
    seen += [p.numpy() for p in world.net.parameters()]
    seen += [p.grad is None for p in world.net.parameters()] if "zero_grad" in step.__code__.co_names else []
    state = world.count, world.counting.calls, world.table, world.history, world.file.getvalue(), world.many
    return run, world, [*seen, *map(repr, state)]
