"""Optimizers of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import w


def test_a_derived_optimizer_updates_in_its_own_way() -> None:
    class Signs(tg.optim.SGD):
        def update(self, p: Any, g: Any, options: Any) -> None:
            p -= options["lr"] * np.sign(g)

    w = tg.Tensor([1.0, -2.0], requires_grad=True)
    (w * w * 5).sum().backward()
    Signs([w], lr=0.5).step()
    assert w.tolist() == [0.5, -1.5]


class Twofold(tg.optim.Optimizer):
    def __init__(self, params: Any, lr: Any = 0.1, twice: Any = False) -> None:
        super().__init__(params, {"lr": lr, "twice": twice})

    def update(self, p: tg.Tensor, g: tg.Tensor, options: Any) -> None:
        p -= (2 if options["twice"] else 1) * options["lr"] * g


def test_optimizers_of_ones_own_may_have_switches() -> None:
    p = w(1.0)
    p.grad = 1.0
    Twofold([p], lr=np.float32(0.25), twice=True).step()
    assert p.item() == 0.5
    assert tg.optim.Optimizer([p], {"rate": 1.0}).param_groups[0]["rate"] == 1.0
    with pytest.raises(TypeError, match="Twofold: lr must be a number, got bool"):
        Twofold([p], lr=True)


class Adam(tg.optim.Optimizer):
    """Kept as short as a user would write it."""

    def update(self, p: Any, g: Any, options: Any) -> None:
        m, v = (self.remembered(p, name, like=p) for name in "mv")
        m *= 0.9
        m += 0.1 * g
        v *= 0.99
        v += 0.01 * (g * g)
        p -= options["lr"] * m / (np.sqrt(v) + 1e-8)


def test_what_is_remembered_is_made_once_and_named() -> None:
    p = tg.Tensor([1.0, 2.0], requires_grad=True, name="p")
    optimizer = Adam([p], {"lr": 0.1})
    assert optimizer.state == {}
    m = optimizer.remembered(p, "m", like=p)
    assert m.name == "p.m" and m.tolist() == [0.0, 0.0] and m.dtype == p.dtype and not m.requires_grad
    assert optimizer.remembered(p, "m", like=p) is m and optimizer.state[p]["m"] is m
    unnamed = tg.Tensor(np.float32(1.0), requires_grad=True)
    assert optimizer.remembered(unnamed, "m", like=unnamed).name is None
    assert optimizer.state[unnamed]["m"].dtype == np.float32


def test_an_optimizer_over_what_is_remembered_is_compiled_and_saved() -> None:
    def run(compiled: bool) -> tuple[list[float], Any]:
        tg.manual_seed(0)
        net = tg.nn.Linear(3, 2)
        optimizer = Adam(net.parameters(), {"lr": 0.01})
        x = np.random.default_rng(0).normal(size=(5, 3))

        def step() -> Any:
            loss = (net(x) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run_step = tg.compile(step, strict=True) if compiled else step
        return [run_step().item() for _ in range(6)], optimizer

    (losses, eager), (again, compiled) = run(False), run(True)
    assert losses == again and losses[-1] < losses[0]
    for one, other in zip(eager.state.values(), compiled.state.values(), strict=True):
        assert [v.name for v in one.values()] == [v.name for v in other.values()]
        assert all(np.array_equal(a, b) for a, b in zip(one.values(), other.values(), strict=True))
    saved = eager.state_dict()
    fresh = Adam([p.detach().requires_grad_() for p in eager.state], {"lr": 0.01})
    fresh.load_state_dict(saved)
    assert [sorted(s) for s in fresh.state.values()] == [["m", "v"]] * 2
