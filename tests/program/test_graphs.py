"""What a compiled step leaves can be derived whenever eager code's could, and what has failed leaves no gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg

CALLS = 7


def stepped(w: Any, x: Any, steps: Any) -> None:
    steps.zero_grad()
    (w * x).sum().backward()
    steps.step()


def a_leaf_of_the_step(w: Any, x: Any, steps: Any, call: int) -> Any:
    x = tg.Tensor(x, requires_grad=True)
    return np.tanh(w * x), x


def after_an_update(w: Any, x: Any, steps: Any, call: int) -> Any:
    stepped(w, x, steps)
    return np.tanh(w * x)


def after_a_write(w: Any, x: Any, steps: Any, call: int) -> Any:
    w.data[0] += 1
    with tg.no_grad():
        w -= 0.1 * w
    return np.tanh(w * x)


def between_updates(w: Any, x: Any, steps: Any, call: int) -> Any:
    stepped(w, x, steps)
    h = np.tanh(w * x)
    stepped(w, x, steps)
    return h


def before_a_write(w: Any, x: Any, steps: Any, call: int) -> Any:
    h = np.tanh(w * x)
    w.data[0] += 1
    return h


def a_look_and_another_branch(w: Any, x: Any, steps: Any, call: int) -> Any:
    stepped(w, x, steps)
    h = np.tanh(w * x).sum()
    w.zero_grad()
    scale = 2 if h.item() > 1e9 or call > 4 else 1
    (h * scale).backward()
    return h.detach(), w.grad


STEPS: list[Callable[..., Any]] = [a_leaf_of_the_step, after_an_update, after_a_write, between_updates, before_a_write,
                                   a_look_and_another_branch]


def run(step: Any, compiled: bool, update: bool) -> list[Any]:
    w = tg.Tensor([0.5, -1.0, 2.0], requires_grad=True)
    steps = tg.optim.SGD([w], lr=0.1)

    def function(x: Any, call: int) -> Any:
        return step(w, x, steps, call)

    function = tg.compile(function) if compiled else function
    found: list[Any] = []
    for call in range(CALLS):
        result = function(np.arange(3.0) + call, call)
        result, *leaves = result if isinstance(result, tuple) else (result,)
        if update:
            steps.step()
        if result.requires_grad:
            w.zero_grad()
            try:
                result.sum().backward()
            except tg.GradError as error:
                found.append("stale" in str(error))
        found += [t if t is None else t.detach().tolist() for t in (result, w.grad, *(t.grad for t in leaves), *leaves)]
    return found


@pytest.mark.parametrize("update", [False, True])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_a_result_is_derived_outside_of_the_step_as_in_eager_code(step: Any, update: bool) -> None:
    assert run(step, True, update) == run(step, False, update)


@pytest.mark.parametrize("before", [False, True], ids=["none", "a gradient before"])
def test_a_reverse_pass_that_an_error_prevents_leaves_no_gradient(before: bool) -> None:
    def run(compiled: bool) -> list[Any]:
        w = tg.Tensor(np.ones((2, 2)), requires_grad=True)

        def step(x: Any) -> Any:
            w.zero_grad()
            if before:
                (w * w).sum().backward()
            np.linalg.inv(w * x).sum().backward()
            np.linalg.inv(w * x).sum().backward()
            return w.sum()

        function = tg.compile(step) if compiled else step
        found: list[Any] = []
        for scale in (1, 2, 3, 0, 4, 0, 5):
            try:
                found.append(function(np.eye(2) * scale).item())
            except np.linalg.LinAlgError as error:
                found.append("Singular" in str(error))
            found.append(None if w.grad is None else w.grad.tolist())
        return found

    assert run(True) == run(False)
