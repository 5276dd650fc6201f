"""The checker itself, against planted errors; and every rule, corrupted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tests.ops.test_primitives import DIFFERENTIABLE, check
from tests.samples import all_samples
from tests.values import values
from tinygrad_gd.engine.rules import Every
from tinygrad_gd.ground.registry import NAMES, by_name

X = np.array([0.5, 1.5, -2.0])


def one_wrong_element(g: Any, out: Any, x: Any) -> Any:
    return g * 3 * x**2 * np.array([1, 1, 1.001])


AT_INDEX = r"gradient of input 0 is wrong at index \(\d,\): backward gives"
PLANTED = {
    "0.1 % off": (lambda g, out, x: g * 3.003 * x**2, 1, AT_INDEX),
    "one element": (one_wrong_element, 1, r"gradient of input 0 is wrong at index \(2,\)"),
    "zero": (lambda g, out, x: g * 0 * x, 1, AT_INDEX),
    "NaN": (lambda g, out, x: g * np.nan * x, 1, AT_INDEX),
    "infinite": (lambda g, out, x: g * 3 * x**2 + np.inf, 1, AT_INDEX),
    "one NaN": (lambda g, out, x: g * 3 * x**2 * np.array([1, np.nan, 1]), 1, r"at index \(1,\)"),
    "wrong shape": (lambda g, out, x: (g * 3 * x**2).sum(), 1, "backward failed with GradError.*shape"),
    "wrong dtype": (lambda g, out, x: (g * 3 * x**2).astype("f4"), 1, AT_INDEX),
    "the rule raises": (lambda g, out, x: g @ np.ones((2, 2)), 1, "backward failed with ValueError"),
    "a Python number": (lambda g, out, x: 3.0, 1, "backward failed with"),
    "not linear in g": (lambda g, out, x: abs(g) * 3 * x**2, 1, "wrong along a random direction"),
    "second order only": (lambda g, out, x: g * 3 * values(x) ** 2 + 0 * x, 2,
                          r"second derivative of input 0 is wrong at index \(\d,\)"),
    "second order by 0.1 %": (lambda g, out, x: g * 3 * x * (1.001 * x - 0.001 * values(x)), 2,
                              r"second derivative of input 0 is wrong"),
    "second order raises": (lambda g, out, x: g * 3 * np.unwrap(x * 0 + 1) * x**2, 2,
                            "no second derivative.*NoRuleError"),
}


@pytest.fixture
def cube(request: Any) -> Iterator[Any]:
    yield tg.primitive(lambda x: x * x * x, request.param, name="planted", elementwise=True)
    del NAMES["planted"]


@pytest.mark.parametrize("cube,order,text", PLANTED.values(), ids=PLANTED, indirect=["cube"])
def test_planted_errors_are_found(cube: Any, order: int, text: str) -> None:
    with np.errstate(invalid="ignore"):
        assert tg.gradcheck(cube, [X], order=order, raise_exception=False) is False
        if order == 2:
            assert tg.gradcheck(cube, [X])
        with pytest.raises(tg.GradCheckError, match=text):
            tg.gradcheck(cube, [X], order=order)


@pytest.mark.parametrize("cube", [lambda g, out, x: g * 3 * x**2], indirect=True)
def test_the_right_rule_passes(cube: Any) -> None:
    assert tg.gradgradcheck(cube, [X])


def test_a_small_true_gradient_is_not_zero() -> None:
    tiny = tg.primitive(lambda x: x * 1e-40, lambda g, out, x: g * 0, name="tiny", elementwise=True)
    assert not tg.gradcheck(tiny, [X], raise_exception=False)
    del NAMES["tiny"]


def test_the_wrong_argument_is_named() -> None:
    swapped = tg.primitive(
        lambda x, y: x * y, lambda g, out, x, y: g * x, lambda g, out, x, y: g * x, name="swapped",
        elementwise=True)
    with pytest.raises(tg.GradCheckError, match="gradient of left"):
        tg.gradcheck(swapped, [tg.Tensor(X, name="left"), tg.Tensor(X + 1)])
    del NAMES["swapped"]


def test_an_error_hidden_from_positive_cotangents_is_found_in_a_matrix() -> None:
    wrong = tg.primitive(
        lambda x: x @ x, lambda g, out, x: np.maximum(g, 0) @ x.T + x.T @ g, name="signless")
    with pytest.raises(tg.GradCheckError, match="random direction"):
        tg.gradcheck(wrong, [np.array([[0.5, 1.5], [-2.0, 0.7]])])
    del NAMES["signless"]


@pytest.mark.parametrize("f", [
    lambda x: np.float64(math.exp(x)), lambda x: np.asarray(x, dtype=np.float64) * 2.0, lambda x: abs(x),
], ids=["refuses complex", "drops the imaginary part", "not analytic"])
@pytest.mark.parametrize("scale", [1.0, 1.001])
def test_functions_of_real_numbers_are_checked_by_differences(f: Any, scale: float) -> None:
    """Registered as analytic by default, though complex step cannot work."""
    slope = {"exp": math.exp(0.5), "asarray": 2.0, "abs": 1.0}
    value = next(v for k, v in slope.items() if k in f.__code__.co_names)
    made = tg.primitive(f, lambda g, out, x: g * (value * scale), name="real_only", elementwise=True)
    assert tg.gradcheck(made, [np.array(0.5)], raise_exception=False) is (scale == 1.0)
    del NAMES["real_only"]


def test_complex_step_is_used_where_it_works() -> None:
    """Eleven digits: an error that differences cannot see."""
    off = tg.primitive(lambda x: x * x * x, lambda g, out, x: g * (3 + 1e-8) * x**2, name="off",
                       elementwise=True)
    with pytest.raises(tg.GradCheckError, match="allowed: 1e-10"):
        tg.gradcheck(off, [X])
    assert tg.gradcheck(off, [X], rtol=1e-6)
    del NAMES["off"]


def test_functions_without_a_gradient_pass_with_zero() -> None:
    assert tg.gradgradcheck(lambda x: np.floor(x) * 1.0, [X + 0.25])
    assert tg.gradgradcheck(lambda x, y: x * 2, [X, X])
    assert tg.gradgradcheck(lambda x: tg.Tensor(1.0), [X])
    assert tg.gradgradcheck(lambda x: x.sum(), [np.ones((0, 2))])


def test_misused_gradchecks_say_so() -> None:
    with pytest.raises(ValueError, match="order must be 1 or 2, got 3"):
        tg.gradcheck(np.exp, [X], order=3)
    with pytest.raises(TypeError, match=r"expected a list of inputs.*write \[x\]"):
        tg.gradcheck(np.exp, X)
    with pytest.raises(tg.GradCheckError, match="expected f to return a floating Tensor, got float"):
        tg.gradcheck(lambda x: 1.0, [X])


#: Arguments with a derivative of zero everywhere, in which no error of 0.1 % shows.
FLAT = {(name, 0) for name in ("ceil", "floor", "floor_divide", "heaviside", "rint", "round", "sign", "spacing",
                               "trunc")} | {("floor_divide", 1), ("copysign", 1), ("nextafter", 1)}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_corrupted_rules_are_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule off by 0.1 % must fail a row, unless its derivative is zero everywhere."""
    made = by_name(name)
    rows = [row for row in all_samples() if row.name == name]
    for position in range(max(len(row.inputs) for row in rows) if made.variadic else len(made.vjps)):
        vjps = _changed_at(position, made.vjps, corrupted)
        if vjps is None:
            continue
        monkeypatch.setattr(made, "vjps", vjps)
        caught = 0
        for row in rows:
            try:
                check(row)
            except AssertionError:
                caught += 1
        monkeypatch.undo()
        assert bool(caught) != ((name, position) in FLAT), f"argument {position}"


def corrupted(rule: Any) -> Any:
    return lambda *args, **params: rule(*args, **params) * np.float64(1.001)


def _changed_at(position: int, vjps: Any, change: Any) -> Any:
    """The rules with the one of ``position`` changed, None where there is no such rule."""
    if isinstance(vjps, Every):
        wrong = change(vjps.rule)
        return Every(lambda i, *args, **params:
                     (wrong if i == position else vjps.rule)(i, *args, **params))
    if vjps[position] is None:
        return None
    return [change(rule) if i == position else rule for i, rule in enumerate(vjps)]


MISUSE: Table = {
    "gradcheck value": (lambda: tg.gradcheck(w().sum(), [w()]), TypeError, "expected a function of Tensors"),
    "gradcheck number": (lambda: tg.gradcheck(np.exp, 1.0), TypeError, r"expected a list.*float; write \[x\]"),
    "gradcheck of nothing": (lambda: tg.gradcheck(np.exp, []), ValueError, "gradcheck: expected at least one input"),
    "gradcheck of text": (lambda: tg.gradcheck(np.exp, ["a"]), TypeError, "gradcheck: input 0 must be an array of numbers, got str"),
    "gradcheck order": (lambda: tg.gradcheck(np.exp, [w()], order=True), ValueError, "gradcheck: order must be 1 or 2"),
    "gradcheck tolerance": (lambda: tg.gradcheck(np.exp, [w()], rtol=np.inf), ValueError, "gradcheck: rtol is None or a finite number"),
    "gradcheck seed": (lambda: tg.gradcheck(np.exp, [w()], seed="a"), ValueError, "gradcheck: seed must be an integer"),  # type: ignore[arg-type]
    "gradcheck of ragged rows": (lambda: tg.gradcheck(np.exp, [[[1.0], [1.0, 2.0]]]), ValueError, "gradcheck: .*different lengths"),
    "gradcheck of nan": (lambda: tg.gradcheck(np.exp, [np.array([np.nan])]), ValueError, "gradcheck: input 0 holds NaN"),
    "gradcheck of a mask": (lambda: tg.gradcheck(np.exp, [np.ma.array([1.0, 2.0], mask=[0, 1])]), TypeError, "mask .*would be lost"),
    "gradcheck in PyTorch's words": (lambda: tg.gradcheck(np.exp, [w()], eps=1e-6), TypeError, "gradcheck: unknown option eps="),  # type: ignore[call-arg]
    "gradgradcheck of order 1": (lambda: tg.gradgradcheck(np.exp, [w()], order=1), ValueError, "gradgradcheck: order is 2"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
