"""Every optimizer in a compiled step: the same bits, whatever a schedule does to its options."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.optim.trajectories import ALL, OPTIONS, OTHERS

MODES = [{}, {"frozen": True}]
CALLS = 8
SETS = [("SGD", {"momentum": 0.9, "maximize": True}), *OPTIONS, *OTHERS]
CASES = [*((*s, np.float32) for s in SETS), *((name, {}, np.float64) for name in (*ALL, "Muon"))]


class Net:
    """A small network with a number beside it, and its training step."""

    def __init__(self, name: str, options: dict[str, Any], dtype: Any) -> None:
        rng = np.random.default_rng(0)
        with tg.default_dtype(dtype):
            self.layers = [tg.nn.Linear(3, 8), tg.nn.Linear(8, 8), tg.nn.Linear(8, 1)]
        self.scale = tg.Tensor(dtype(1.5), requires_grad=True)
        self.x = rng.standard_normal((16, 3)).astype(dtype)
        self.params = [*(p for layer in self.layers for p in layer.parameters()), self.scale]
        with tg.no_grad():
            for p in self.params[:-1]:
                p.assign(rng.standard_normal(p.shape).astype(dtype) * dtype(0.5))
        params = [p for p in self.params if p.ndim == 2] if name == "Muon" else self.params
        self.optimizer = getattr(tg.optim, name)(params, **{"lr": 0.01, **options})

    def step(self) -> Any:
        self.optimizer.zero_grad()
        hidden = np.tanh(self.layers[1](np.tanh(self.layers[0](self.x))))
        loss = ((self.layers[2](hidden) * self.scale - self.x[:, :1]) ** 2).mean()
        loss.backward()
        self.optimizer.step()
        return loss

    def remembered(self) -> list[bytes]:
        held = [*self.params, *(t for s in self.optimizer.state.values() for t in s.values())]
        return [np.asarray(t.numpy() if isinstance(t, tg.Tensor) else t).tobytes() for t in held]


def changed(group: Any, k: int) -> None:
    """What schedulers change."""
    group["lr"] = 0.01 / (k + 1)
    if "betas" in group:
        group["betas"] = (0.85 + k / 200, 0.99)
    if group.get("momentum"):
        group["momentum"] = 0.5 + k / 100


def run(net: Net, step: Any, calls: int = CALLS) -> list[Any]:
    losses = []
    for k in range(calls):
        changed(net.optimizer.param_groups[0], k)
        losses.append(step().item())
    return [losses, *net.remembered()]


@pytest.mark.parametrize("mode", MODES, ids=["lockstep", "frozen"])
@pytest.mark.parametrize(("name", "options", "dtype"), CASES, ids=str)
def test_a_compiled_step_has_the_same_bits(name: str, options: dict[str, Any], dtype: Any, mode: Any) -> None:
    eager, net = (Net(name, options, dtype) for _ in "ab")
    step = tg.compile(net.step, strict=True, **mode)
    assert run(eager, eager.step) == run(net, step)
    first = 2 if any(net.optimizer.state.values()) else 1  # calls, one of which makes what is remembered
    assert not step.problem and step._lockstep.records == first
    assert step._lockstep.hits == CALLS - first or len(step._all()) == 1


@pytest.mark.parametrize("name", ["Adam", "AdamW", "RMSprop", "Adagrad", "Adamax", "Adadelta", "Lion"])
def test_small_parameters_are_updated_side_by_side(name: str) -> None:
    net = Net(name, {}, np.float32)
    step = tg.compile(net.step, frozen=True)
    run(net, step)
    joined = set(re.findall(r"(\w+)\((?:\w+, )?flat", step.replay_source))
    own = {"sign"} if name == "Lion" else {"divide", "maximum" if name == "Adamax" else "sqrt"}
    assert joined >= {"multiply", "add", "subtract", *own}


def test_what_is_the_same_for_all_parameters_is_computed_once() -> None:
    net = Net("Adam", {}, np.float32)
    step = tg.compile(net.step, frozen=True)
    run(net, step)
    assert step.source.count("betas[1] **") == step.source.count("betas[0] **") == 1


@pytest.mark.parametrize("mode", MODES, ids=["lockstep", "frozen"])
def test_a_momentum_that_becomes_none_is_another_formula(mode: Any) -> None:
    """Of floats that are not 0 optimizers ask no more, so these may change; 0 is no momentum at all."""
    eager, net = (Net("RMSprop", {"momentum": 0.5}, np.float64) for _ in "ab")
    step = tg.compile(net.step, **mode)
    found = []
    for owner, call in ((eager, eager.step), (net, step)):
        for k in range(12):
            owner.optimizer.param_groups[0]["momentum"] = 0.5 if k < 6 else 0.0
            call()
        found.append(owner.remembered())
    assert found[0] == found[1]


@pytest.mark.parametrize("mode", MODES, ids=["lockstep", "frozen"])
@pytest.mark.parametrize("name", ALL)
def test_a_closure_may_be_in_a_compiled_step_or_be_compiled(name: str, mode: Any) -> None:
    def closure(net: Net) -> Any:
        net.optimizer.zero_grad()
        loss = (net.layers[0](net.x) ** 2).mean() * net.scale
        loss.backward()
        return loss

    def run(how: str) -> list[Any]:
        net = Net(name, {}, np.float64)

        def inner() -> Any:
            return closure(net)

        given = tg.compile(inner, **mode) if how == "inside" else inner

        def step() -> Any:
            return net.optimizer.step(given)

        call = tg.compile(step, **mode) if how == "around" else step
        losses = [call().item() for _ in range(8)]
        assert losses[0] != losses[7]
        return [losses, *net.remembered()]

    assert run("eager") == run("around") == run("inside")
