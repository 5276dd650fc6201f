"""What a compiled step depends on may change between calls: every change is seen, as without compiling."""

from __future__ import annotations

import copy
import functools
import importlib
import math
import sys
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen
from tinygrad_gd import nn
from tinygrad_gd.ground.live import live
from tinygrad_gd.ground.storage import changes
from tinygrad_gd.program.guards import guards

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
    run = frozen(run, strict=True) if compiled else run
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
    run = frozen(world.plain, strict=True)
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

        run = frozen(step, strict=True) if compiled else step
        results.append([run(views[i % 4]).item() for i in range(16)])
    assert results[0] == results[1]


def test_parameters_of_a_compiled_step_can_be_differentiated_together_afterwards() -> None:
    world = World()
    run = frozen(world.plain, strict=True)
    for _ in range(4):
        run()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        world.plain()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in world.parameters)


def _halved_when_large(loss: Any, number: Any) -> Any:
    return loss * 0.5 if number > 0.2 else loss


#: What Python, NumPy and C code can do with a number besides arithmetic.
USES: dict[str, Callable[[Any, Any], Any]] = {
    "a branch": _halved_when_large,
    "a chain of comparisons": lambda loss, n: loss * 2.0 if 0.1 <= n < 0.3 else loss,
    "truth": lambda loss, n: loss * 2.0 if n - 0.2 else loss,
    "membership": lambda loss, n: loss * 2.0 if n in (0.1, 0.3) else loss,
    "a key of a dict": lambda loss, n: loss * {0.1: 2.0, 0.2: 3.0}.get(n, 1.0),
    "float": lambda loss, n: loss * float(n),
    "int": lambda loss, n: loss * int(n * 10 + 0.5),
    "round": lambda loss, n: loss * (round(n, 1) + round(n * 10)),
    "math.sqrt": lambda loss, n: loss * math.sqrt(n),
    "math.floor and ceil": lambda loss, n: loss * (math.floor(n * 10) + math.ceil(n * 10)),
    "math.isclose": lambda loss, n: loss * (2.0 if math.isclose(n, 0.2) else 1.0),
    "np.sqrt": lambda loss, n: loss * np.sqrt(n),
    "a NumPy comparison": lambda loss, n: loss * np.where(np.arange(3) * 0.1 < n, 2.0, 1.0).sum(),
    "an array's product": lambda loss, n: (loss * (np.arange(3.0) * n)).sum(),
    "np.array": lambda loss, n: (loss * np.array([n, 1.0])).sum(),
    "np.full": lambda loss, n: (loss * np.full(3, n)).sum(),
    "a Tensor": lambda loss, n: loss * tg.Tensor(n),
    "a Tensor's comparison": lambda loss, n: loss * tg.where(loss.detach() > n, 2.0, 1.0),
    "max": lambda loss, n: loss * max(n, 0.15),
    "sum": lambda loss, n: loss * sum([n, n]),
    "divmod": lambda loss, n: loss * divmod(n, 0.15)[1] + n // 0.15,
    "powers": lambda loss, n: loss * (n ** 2 + 2 ** n + abs(-n) - (+n) + n % 0.15),
    "complex": lambda loss, n: loss * abs(n * 1j + complex(n)),
    "a fraction": lambda loss, n: loss * float(Fraction(1, 2) + Fraction(n)),
    "text": lambda loss, n: loss * float(f"{n:.3f}") * float(str(n)) * len(f"{n}"),
    "a method": lambda loss, n: loss * (2.0 if n.is_integer() else n.real),
    "an option of an operation": lambda loss, n: loss + tg.leaky_relu(-loss, n) + tg.elu(-loss, n),
    "a bound": lambda loss, n: tg.clip(loss, n, 5.0 * n) + loss,
    "isinstance": lambda loss, n: loss * n if isinstance(n, float) else loss,
    "a copy": lambda loss, n: loss * copy.deepcopy(n) * copy.copy(n),
}


@pytest.mark.parametrize("given", ["as an argument", "as an option"])
@pytest.mark.parametrize("use", USES)
def test_numbers_that_python_looks_at_decide_on_the_program(use: str, given: str) -> None:
    schedule = [0.1, 0.1, 0.1, 0.3, 0.3, 0.3, 0.2, 0.2, 0.2, 0.1, 0.3]
    results = []
    for compiled in (False, True):
        world = World()

        def step(number: Any, world: World = world) -> Any:
            options = world.optimizer.param_groups[0]
            number = live(options)["lr"] if given == "as an option" else number
            return world.train(USES[use](world.loss(), number))

        run = frozen(step, strict=True) if compiled else step
        losses = []
        for rate in schedule:
            world.optimizer.param_groups[0]["lr"] = rate
            losses.append(run(rate if given == "as an argument" else 0.5).item())
        results.append([*losses, *(p.numpy() for p in world.parameters)])
        if compiled:
            assert len(run._entries) == 1, "never settled"
    for eager, replayed in zip(*results, strict=True):
        np.testing.assert_array_equal(replayed, eager)


@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_rates_of_a_schedule_stay_live(kind: Any) -> None:
    """Whatever the kind of number, one program serves all rates, and float32 stays float32."""
    results = []
    for compiled in (False, True):
        tg.manual_seed(0)
        with tg.default_dtype(np.float32):
            net = nn.Linear(3, 2)
        optimizer = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        x = np.ones((4, 3), np.float32)

        def step(factor: Any, net: Any = net, optimizer: Any = optimizer, x: Any = x) -> Any:
            loss = (net(x) ** 2).mean() * factor
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run = frozen(step, strict=True) if compiled else step
        losses = []
        for i in range(20):
            optimizer.param_groups[0]["lr"] = kind(0.1 * np.cos(i / 20))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", tg.PrecisionWarning)  # of NumPy's float64
                losses.append(run(kind(1 + i / 7)).item())
        assert not compiled or [len(e) for e in run._entries.values()] == [1]
        assert net.weight.dtype == np.float32
        results.append([*losses, *(p.numpy() for p in net.parameters())])
    for eager, replayed in zip(*results, strict=True):
        np.testing.assert_array_equal(replayed, eager)


def test_programs_for_many_shapes_are_kept_up_to_a_limit() -> None:
    run = frozen(lambda x: x * 2, strict=True)
    for n in range(200):
        for _ in range(3):
            np.testing.assert_array_equal(run(np.arange(float(n))).numpy(), np.arange(float(n)) * 2)
    assert len(run._entries) <= 64


HOSTILE = """
class Strange:
    def __getattr__(self, name):
        raise RuntimeError(f"no {name} here")

tanh = Strange()
factor = 2.0

def helper(x):
    return x * factor
"""


@pytest.mark.parametrize("place", ["lib/site-packages", "scripts"])
@pytest.mark.parametrize("knows", [True, False])
def test_other_libraries_that_a_step_uses_are_not_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, knows: bool
) -> None:
    """One that was installed and never heard of this package; what knows it, or lies elsewhere, is."""
    name, head = f"other_{place[:3]}_{knows}", "from tinygrad_gd import tanh as ours\n" if knows else ""
    package = tmp_path / place / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(head + HOSTILE)
    monkeypatch.syspath_prepend(str(package.parent))
    library = importlib.import_module(name)
    x = tg.Tensor([1.0, 2.0])
    step = frozen(lambda: library.helper(tg.tanh(x)).sum(), strict=True)
    for factor in (2.0, 2.0, 2.0, 2.0, 3.0, 3.0):
        library.factor = factor
        seen = factor if knows or place == "scripts" else 2.0
        assert step().item() == (seen * np.tanh(x.numpy())).sum()
    monkeypatch.delitem(sys.modules, name)


def test_what_another_thread_sets_while_attributes_are_compared_is_not_overlooked() -> None:
    class Flag(tg.nn.Module):
        on = True

    class Meddling(tg.nn.Module):
        """Has its attribute read after that of the module before it, which is then set."""

        meddles = False

        @property
        def training(self) -> bool:
            if self.meddles:
                first.on = False
            return True

    first, second = Flag(), Meddling()
    first.on = True
    Meddling.meddles = True
    settings = guards.Settings([first, second], {})
    assert settings.seen != changes.count and not settings.hold()
    first.on, Meddling.meddles = True, False
    settings = guards.Settings([first, second], {})
    assert settings.seen == changes.count and settings.hold()
    Meddling.meddles = True
    assert settings.hold() and settings.seen != changes.count and not settings.hold()
