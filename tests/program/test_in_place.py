"""A step that writes into what it has made leaves the bits of eager code, in all who hold that."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.texts import bits

STEPS: dict[str, Callable[[Any, Any, list[Any], int], Any]] = {}


def row(step: Callable[[Any, Any, list[Any], int], Any]) -> None:
    STEPS[step.__name__] = step


@row
def a_detached_one(w: Any, x: Any, seen: list[Any], call: int) -> Any:
    d = (w * x).detach()
    seen.append(d)
    d += 1
    return d, d * 2


@row
def in_no_grad(w: Any, x: Any, seen: list[Any], call: int) -> Any:
    with tg.no_grad():
        d = w * x
        d *= d
        h = w * 3
    h -= w
    return d, h


@row
def by_two_names(w: Any, x: Any, seen: list[Any], call: int) -> Any:
    d = e = tg.Tensor(x) * 2
    view = d.numpy()
    d /= 4
    return d, e, view, d.reshape(3, 1)


@row
def its_gradients(w: Any, x: Any, seen: list[Any], call: int) -> Any:
    w.zero_grad()
    loss = ((w * x) ** 2).sum()
    loss.backward()
    w.grad *= 0.5
    if call > 3:
        w.grad.data.clip(-1, 1, out=w.grad.data)
    w.data -= 0.1 * w.grad.numpy()
    return loss


@row
def elements(w: Any, x: Any, seen: list[Any], call: int) -> Any:
    d = tg.Tensor(x) * 2
    d[0] = 5
    d.assign(d * 2)
    return d, d.sum().item()


@row
def what_records_is_made_anew(w: Any, x: Any, seen: list[Any], call: int) -> Any:
    total = old = tg.Tensor(x) * 1.0
    total += w
    total *= 2
    with tg.no_grad():
        total -= 1  # recorded it was, and is made anew
    return total, old


@row
def a_leaf_of_its_own(w: Any, x: Any, seen: list[Any], call: int) -> Any:
    v = (w * x).detach().requires_grad_()
    (v * v).sum().backward()
    with tg.no_grad():
        v -= 0.1 * v.grad
    with pytest.raises(tg.GradError, match="leaf that requires a gradient"):
        v += 1
    return v, v.grad


@row
def in_some_calls_only(w: Any, x: Any, seen: list[Any], call: int) -> Any:
    d = (w * x).detach()
    if call % 4 == 3:
        d += 1
        seen.append(d)
    return d * w


@row
def another_form(w: Any, x: Any, seen: list[Any], call: int) -> Any:
    d = tg.Tensor(x) * 2
    with pytest.raises(tg.ShapeError):
        d += np.ones((2, 3))
    d += np.float32(0.1)
    whole = tg.Tensor(np.arange(3)) * 1
    with pytest.raises(tg.ShapeError):
        whole += 0.5
    return d, whole


def run(step: Any, compiled: bool) -> list[Any]:
    """All that eight calls leave."""
    w, seen, found = tg.Tensor([0.5, -1.0, 2.0], requires_grad=True), [], []
    function = tg.compile(lambda x, call: step(w, x, seen, call)) if compiled else (
        lambda x, call: step(w, x, seen, call))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tg.CaptureWarning)
        for call in range(8):
            found.append(function(np.arange(3.0) + call // 2, call))
    flat = [x for result in found for x in (result if isinstance(result, tuple) else (result,))]
    return [bits(np.array(x.numpy())) if isinstance(x, tg.Tensor) else repr(x) for x in (*flat, *seen, w, w.grad)]


@pytest.mark.parametrize("name", STEPS)
def test_it_is_done_as_in_eager_code(name: str) -> None:
    assert run(STEPS[name], True) == run(STEPS[name], False)


@pytest.mark.parametrize(("step", "cure"), [
    (lambda t: t.__setitem__(0, 1.0), r"t\.at\[i\]\.set\(x\)"), (lambda t: t.__iadd__(1.0), r"x = x \+ y for x \+= y")])
def test_a_step_that_runs_uncompiled_as_it_writes_into_a_result_is_told_what_compiles(step: Any, cure: str) -> None:
    run = tg.compile(lambda x: step(tg.Tensor(x) * 2.0))
    with pytest.warns(tg.CaptureWarning, match=cure):
        for _ in range(8):
            run(np.arange(3.0))
