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
