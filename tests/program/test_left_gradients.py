"""Gradients that a compiled step leaves are results of its program."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.texts import executed


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("watching", [contextlib.nullcontext, tg.study.watch])
def test_gradients_that_a_step_leaves_are_in_its_text(watching: Any, frozen: bool) -> None:
    w = tg.Tensor([1.0, -2.0], requires_grad=True, name="w")

    def step() -> None:
        w.zero_grad()
        ((w * 3) ** 2).sum().backward()

    run = tg.compile(step, frozen=frozen)
    with watching():
        for _ in range(4):
            run()
    assert "return d_w" in run.source
    (found,) = executed(run.captured)
    np.testing.assert_array_equal(found, [18.0, -36.0])
    np.testing.assert_array_equal(w.grad.numpy(), found)


def test_gradients_that_an_optimizer_uses_are_left_out() -> None:
    w = tg.Tensor([1.0, -2.0], requires_grad=True, name="w")
    optimizer = tg.optim.SGD([w], lr=0.1)

    def step() -> tg.Tensor:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        optimizer.step()
        return loss

    for watching in (contextlib.nullcontext, tg.study.watch):
        run = tg.compile(step)
        with watching():
            run()
            run()
        assert not run.captured.gradients and "return loss, " in run.source


def test_views_of_gradients_that_a_step_keeps_are_not_written_to() -> None:
    w, kept = tg.Tensor([1.0, -2.0], requires_grad=True), []

    @tg.compile
    def step(scale: float) -> None:
        w.zero_grad()
        (w * w * scale).sum().backward()
        kept.append(w.grad.numpy())  # its first look at it

    for n in range(5):
        step(float(n))
    np.testing.assert_array_equal(kept, [[2.0 * n, -4.0 * n] for n in range(5)])
