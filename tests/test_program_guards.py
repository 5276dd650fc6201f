"""What a compiled step depends on may change between calls: every change is seen, as without compiling."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd import nn

FACTOR = {"value": 1.0}
SCALE = 1.0


class Config:
    scale = 1.0


class Settings:
    def __init__(self) -> None:
        self.inner = Config()


class Scaled(nn.Module):
    """A model that depends on all kinds of things besides its parameters."""

    gain = 1.0

    def __init__(self) -> None:
        self.linear = nn.Linear(3, 2)
        self.factor = 1.0
        self.table, self.options = [1.0, 2.0], {"k": 1.0}

    def forward(self, x: Any) -> Any:
        return self.linear(x) * self.scale() * self.gain * self.table[0] * self.options["k"]

    def scale(self) -> float:
        return self.factor * SCALE


class World:
    """A model in training, and everything that its step sees."""

    def __init__(self) -> None:
        tg.manual_seed(0)
        rng = np.random.default_rng(0)
        self.x, self.y = tg.Tensor(rng.normal(size=(8, 3))), tg.Tensor(rng.normal(size=(8, 2)))
        self.net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        self.scaled = Scaled()
        self.parameters = [*self.net.parameters(), *self.scaled.parameters()]
        self.optimizer = tg.optim.SGD(self.parameters, lr=0.1, momentum=0.9)
        self.settings, self.activations, self.flags = Settings(), [tg.tanh], {"l1"}
        self.losses: list[float] = []

    def loss(self) -> Any:
        return nn.mse_loss(self.net(self.x), self.y) + nn.mse_loss(self.scaled(self.x), self.y)

    def train(self, loss: Any) -> Any:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def plain(self) -> Any:
        return self.train(self.loss())

    def with_globals(self) -> Any:
        penalty = sum((p * p).sum() * SCALE for p in self.parameters)  # seen inside of a generator
        return self.train(self.loss() * FACTOR["value"] * Config.scale + penalty)

    def with_objects(self) -> Any:
        h = self.net(self.x) * self.settings.inner.scale
        for activation in self.activations:
            h = activation(h)
        return self.train(nn.mse_loss(h, self.y) * (2.0 if "l2" in self.flags else 1.0))


def set_global(name: str, value: Any) -> Callable[[World], None]:
    return lambda world: globals().__setitem__(name, value)


def set_option(name: str, value: Any) -> Callable[[World], None]:
    return lambda world: world.optimizer.param_groups[0].__setitem__(name, value)


CHANGES: dict[str, tuple[Any, Callable[[World], None]]] = {
    "a global in a method of a module": (World.plain, set_global("SCALE", 2.0)),
    "a global in a generator": (World.with_globals, set_global("SCALE", 2.0)),
    "an entry of a dict": (World.with_globals, lambda w: FACTOR.update(value=2.0)),
    "an attribute of a class": (World.with_globals, lambda w: setattr(Config, "scale", 2.0)),
    "an attribute of an object in an object": (
        World.with_objects, lambda w: setattr(w.settings.inner, "scale", 2.0)),
    "a list that grows": (World.with_objects, lambda w: w.activations.append(tg.relu)),
    "a set that grows": (World.with_objects, lambda w: w.flags.add("l2")),
    "an attribute of a module": (World.plain, lambda w: setattr(w.scaled, "factor", 2.0)),
    "an attribute of a module's class": (World.plain, lambda w: setattr(Scaled, "gain", 2.0)),
    "a list in a module": (World.plain, lambda w: w.scaled.table.__setitem__(0, 2.0)),
    "a dict in a module": (World.plain, lambda w: w.scaled.options.update(k=2.0)),
    "a frozen parameter": (World.plain, lambda w: w.parameters[0].requires_grad_(False)),
    "another layer": (World.plain, lambda w: setattr(w.net, "1", nn.ReLU())),
    "weight decay": (World.plain, set_option("weight_decay", 0.1)),
    "no momentum": (World.plain, set_option("momentum", 0.0)),
    "no learning": (World.plain, set_option("lr", 0.0)),
    "nesterov": (World.plain, set_option("nesterov", True)),
    "forgotten velocities": (World.plain, lambda w: w.optimizer.state.clear()),
    "loaded state": (World.plain, lambda w: w.optimizer.load_state_dict(w.optimizer.state_dict())),
    "another memory order": (World.plain, lambda w: setattr(
        w.parameters[0], "data", np.asfortranarray(w.parameters[0].numpy() * 1.5))),
    "data written over": (World.plain, lambda w: w.x.data.__setitem__(0, 3.0)),
}


def trajectory(step: Any, change: Callable[[World], None], compiled: bool) -> list[Any]:
    world = World()
    run = functools.partial(step, world)
    run = tg.compile(run, strict=True) if compiled else run
    seen = []
    for i in range(11):
        if i == 5:
            change(world)
        seen.append(run().item())
    return [*seen, *(p.numpy() for p in world.parameters)]


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_outside_is_seen(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step, change = CHANGES[what]
    results = []
    for compiled in (False, True):
        with monkeypatch.context() as patch:  # the change is undone for the second run
            patch.setattr(Config, "scale", 1.0)
            patch.setattr(Scaled, "gain", 1.0)
            patch.setitem(globals(), "SCALE", 1.0)
            patch.setitem(FACTOR, "value", 1.0)
            results.append(trajectory(step, change, compiled))
    for eager, replayed in zip(*results, strict=True):
        np.testing.assert_array_equal(replayed, eager)


def test_what_a_step_never_mentions_may_change() -> None:
    """A trainer that collects losses beside its step is captured once."""
    world = World()
    run = tg.compile(world.plain, strict=True)
    for _ in range(20):
        world.losses.append(run().item())
    assert len(run._entries[()]) == 1


def test_arguments_of_any_memory_order_give_the_same_bits() -> None:
    data = np.random.default_rng(3).normal(size=(16, 3))
    views = [data[:8], np.asfortranarray(data[:8]), data[::2], data[::-1][:8]]
    results = []
    for compiled in (False, True):
        world = World()

        def step(x: Any, world: World = world) -> Any:
            return world.train(nn.mse_loss(world.net(x), world.y))

        run = tg.compile(step, strict=True) if compiled else step
        results.append([run(views[i % 4]).item() for i in range(16)])
    assert results[0] == results[1]


def test_parameters_of_a_compiled_step_can_be_differentiated_together_afterwards() -> None:
    world = World()
    run = tg.compile(world.plain, strict=True)
    for _ in range(4):
        run()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        world.plain()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in world.parameters)
