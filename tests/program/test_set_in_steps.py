"""Steps that say how Tensors are derived: what was computed before that is not affected."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.values import values


def first(w: Any, c: Any, n: int) -> Any:
    c.requires_grad = not c.requires_grad
    return c * 2.0 * w, c * 3.0


def last(w: Any, c: Any, n: int) -> Any:
    y = c * 2.0
    made = y * w, y
    c.requires_grad = not c.requires_grad
    return made


def between(w: Any, c: Any, n: int) -> Any:
    y = c * 2.0
    c.requires_grad = not c.requires_grad
    return y * w, y, c * 3.0


def once(w: Any, c: Any, n: int) -> Any:
    y = c * 2.0
    if n == 5:
        c.requires_grad = True
    return y * w, y, c * 3.0


def own(w: Any, c: Any, n: int) -> Any:
    t = tg.Tensor(np.ones(3) * n)
    y = t * 2.0
    t.requires_grad = True
    return y, t * w if n > 3 else t * 3.0


def hook(w: Any, c: Any, n: int) -> Any:
    w.grad = None
    (w * w).sum().backward()
    if n > 3:
        w.register_hook(lambda g: g * 2.0)
    return w.grad * c if n % 2 else w.grad + c, w * c


def run(wrap: Callable[[Any], Any], step: Any) -> list[Any]:
    w = tg.Tensor(np.array([0.5, 1.0, 2.0]), requires_grad=True)
    c, found = tg.Tensor(np.array([1.0, 2.0, 3.0])), []
    called = wrap(lambda n: step(w, c, n))
    for n in range(9):
        found.append([(values(t).tolist(), t.requires_grad) for t in called(n)])
        found.append(None if w.grad is None else w.grad.tolist())
    return found


@pytest.mark.parametrize("step", [first, last, between, once, own, hook])
def test_what_was_computed_before_it_is_what_it_was(step: Any) -> None:
    expected = run(lambda step: step, step)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tg.CaptureWarning)
        assert run(tg.compile, step) == expected


def test_a_question_about_a_graph_that_leads_another_way_is_known_the_next_time() -> None:
    x = tg.Tensor(2.0)

    @tg.compile
    def step(n: int) -> Any:
        if n % 2:
            return tg.grad(np.square)(x)
        return tg.jvp(np.square, (x,), (x,))[1]

    for n in range(12):
        step(n)
    assert step._lockstep.records == 2 and step._lockstep.hits == 10


def test_what_was_recorded_before_it_was_set_is_forgotten() -> None:
    def run(wrap: Callable[[Any], Any]) -> list[Any]:
        w, found = tg.Tensor(np.ones(2), requires_grad=True), []

        def step(x: Any, n: int) -> Any:
            loss = (x * w).sum()
            try:
                loss.backward()
            except tg.GradError:
                found.append("nothing to derive")
            if n == 0:
                w.requires_grad_(False)
            return loss

        called = wrap(step)
        for n in range(5):
            found.append(called(tg.Tensor(np.full(2, 1.0 + n)), n).item())
            w.grad = None
        return found

    assert run(tg.compile) == run(lambda step: step)
