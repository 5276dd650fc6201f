"""What np.errstate and warnings' filters say inside of a compiled step holds for the operations there."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.values import values


class World:
    def __init__(self) -> None:
        self.w = tg.Tensor(np.array([0.0, 1.0, 2.0]), requires_grad=True)
        self.opt = tg.optim.SGD([self.w], lr=0.125)
        self.state = tg.Tensor(np.array([1e308, 1.0, 1.0]))
        self.told: list[Any] = []
        self.call = 0


def ignoring(s: World, x: Any) -> Any:
    with np.errstate(divide="ignore"):
        y = np.log(s.w * x)
    return np.exp(y)


def raising(s: World, x: Any) -> Any:
    h = s.w * x
    try:
        with np.errstate(all="raise"):
            return np.log(np.abs(h + x - 3.5)) * 2.0  # of 0 in one call
    except Exception as error:
        s.told.append(type(error))
        return h


def raising_after_a_warning(s: World, x: Any) -> Any:
    y = np.log(s.w * x)  # warns
    with np.errstate(all="raise"):
        z = y * s.w.sum() + x
    return z * 2.0


def one_after_the_other(s: World, x: Any) -> Any:
    with np.errstate(divide="ignore"):
        y = np.log(s.w)
    with np.errstate(all="raise"):
        z = np.exp(s.w) * x
    return y + z + np.log(s.w * x)  # warns


def set_for_good(s: World, x: Any) -> Any:
    before = np.seterr(divide="ignore")
    y = np.log(s.w * x)
    np.seterr(**before)
    return y


def set_at_the_end(s: World, x: Any) -> Any:
    y = np.log(s.w * x)  # warns
    np.seterr(all="raise")
    return y


def looked_at(s: World, x: Any) -> Any:
    y = np.log(s.w * x)  # warns
    with np.errstate(all="raise"):
        s.told.append(y.tolist())
    return y


def called(s: World, x: Any) -> Any:
    with np.errstate(all="call", call=lambda *what: s.told.append(what)):
        y = np.log(s.w * x)
    return y


def a_reverse_pass(s: World, x: Any) -> Any:
    y = np.sqrt(s.w * x).sum()
    s.opt.zero_grad()
    with np.errstate(divide="ignore"):
        y.backward()
    return y, s.w.grad


def a_reverse_pass_that_raises(s: World, x: Any) -> Any:
    y = (s.w + 1e10) * x
    s.opt.zero_grad()
    try:
        with np.errstate(all="raise"):
            y.backward(np.full(3, 1e308 if s.call in (0, 4) else 1.0))
    except FloatingPointError as error:  # from a rule, in words of NumPy
        s.told.append(str(error))
    return y


def a_derivative(s: World, x: Any) -> Any:
    with np.errstate(divide="ignore"):
        g = tg.grad(lambda w: np.sqrt(w * x).sum())(s.w)
    return g


def an_update(s: World, x: Any) -> Any:
    y = (np.log(s.w.detach() * x) * 0.0 + s.w * 1e308).sum()  # warns
    s.opt.zero_grad()
    y.backward()
    with np.errstate(all="ignore"):
        s.opt.step()
    return y


def in_place(s: World, x: Any) -> Any:
    y = np.log(s.w * x)  # warns
    with np.errstate(all="ignore"):
        s.state *= 10.0
    return y


def filtered(s: World, x: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return np.log(np.abs(s.w * x + x - 3.5)) + 1.0
        except RuntimeWarning as error:
            s.told.append(str(error))
    return s.w * 1.0


def caught(s: World, x: Any) -> Any:
    h = s.w * x
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        y = np.log(h)
    s.told += [str(t.message) for t in found]
    return y


def before_other_filters(s: World, x: Any) -> Any:
    y = np.log(s.w * x)  # warns
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        z = s.w + 1.0
    return y + z


def on_another_branch(s: World, x: Any) -> Any:
    y = np.log(s.w * x)  # warns
    with np.errstate(divide="ignore"):
        z = np.log(s.w * x * 2.0)
        if s.call > 3:
            z = z * 2.0
    if s.call % 2:
        z = np.exp(z)
    return y, z


def in_a_new_branch(s: World, x: Any) -> Any:
    y = s.w * x
    if s.call > 3:
        y = np.log(y)  # warns
    with np.errstate(all="raise"):
        return y + (1.0 if s.call % 2 else 2.0 * s.w)


STEPS = [ignoring, raising, raising_after_a_warning, one_after_the_other, set_for_good, set_at_the_end, looked_at, called,
         a_reverse_pass, a_reverse_pass_that_raises, a_derivative, an_update, in_place, filtered, caught, before_other_filters, on_another_branch,
         in_a_new_branch]


def run(step: Any, compiled: bool) -> tuple[list[Any], Any]:
    s, found = World(), []

    def f(x: Any) -> Any:
        return step(s, x)

    wrapped = tg.compile(f) if compiled else f
    for s.call in range(8):
        with warnings.catch_warnings(record=True) as told, np.errstate(all="warn"):
            warnings.simplefilter("always")
            result = wrapped(tg.Tensor(0.5 + s.call))
        results = result if isinstance(result, tuple) else (result,)
        found.append(([str(t.message) for t in told], s.told, [values(t).tolist() for t in (*results, s.w, s.state)]))
        s.told = []
    return found, wrapped


@pytest.mark.parametrize("step", STEPS)
def test_errors_are_treated_as_they_are_without_compiling(step: Any) -> None:
    mine, called = run(step, True)
    eagerly, _ = run(step, False)
    for a, b in zip(mine, eagerly, strict=True):
        assert str(a) == str(b)  # NaNs, too
    assert called._lockstep.hits >= 3, "it must be the program that is tested"


def test_a_frozen_step_that_says_how_errors_are_treated_is_refused() -> None:
    s = World()
    step = tg.compile(lambda: ignoring(s, 1.0), frozen=True)
    with pytest.warns(tg.CaptureWarning, match="np.errstate"), np.errstate(all="raise", under="ignore"):
        assert len({str(step().tolist()) for _ in range(6)}) == 1


def test_the_graph_of_a_result_is_made_without_a_second_warning() -> None:
    w = tg.Tensor(np.array([0.0, 1.0]), requires_grad=True)
    step = tg.compile(lambda x: np.log(w * x).sum())
    for _ in range(4):
        with pytest.warns(RuntimeWarning, match="divide by zero"):
            loss = step(tg.Tensor(2.0))
        with np.errstate(divide="raise"):
            graph = loss.op, loss.inputs
    assert graph[0].name == "sum" and step._lockstep.hits == 3
