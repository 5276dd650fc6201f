"""The checker itself, against planted errors; and every rule, corrupted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.samples import all_samples
from tests.test_primitives import DIFFERENTIABLE, check
from tinygrad_gd.primitive import Every
from tinygrad_gd.registry import NAMES

X = np.array([0.5, 1.5, -2.0])


def one_wrong_element(g: Any, out: Any, x: Any) -> Any:
    return g * 3 * x**2 * np.array([1, 1, 1.001])


PLANTED = {
    "0.1 % off": (lambda g, out, x: g * 3.003 * x**2, 1),
    "one element": (one_wrong_element, 1),
    "zero": (lambda g, out, x: g * 0 * x, 1),
    "NaN": (lambda g, out, x: g * np.nan * x, 1),
    "second order only": (lambda g, out, x: g * 3 * np.asarray(x) ** 2 + 0 * x, 2),
}


@pytest.fixture
def cube(request: Any) -> Iterator[Any]:
    yield tg.primitive(lambda x: x * x * x, request.param, name="planted", elementwise=True)
    del NAMES["planted"]


@pytest.mark.parametrize("cube,order", PLANTED.values(), ids=PLANTED, indirect=["cube"])
def test_planted_errors_are_found(cube: Any, order: int) -> None:
    with np.errstate(invalid="ignore"):
        assert not tg.gradcheck(cube, [X], order=order, raise_exception=False)
        if order == 2:
            assert tg.gradcheck(cube, [X])
        with pytest.raises(tg.GradCheckError, match=r"input 0 is wrong at index \(\d,\)"):
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


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_corrupted_rules_are_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule off by 0.1 % must fail a row, unless its derivative is zero everywhere."""
    made = NAMES[name]
    rows = [row for row in all_samples() if row.name == name]
    count = 1 if made.variadic else len(made.vjps)
    for position in range(count):
        if not made.variadic and made.vjps[position] is None:
            continue
        gave: list[float] = []

        def wrong(*args: Any, rule: Any, gave: list[float] = gave, **params: Any) -> Any:
            g = rule(*args, **params) * np.float64(1.001)
            gave.append(float(np.max(np.abs(g), initial=0)))
            return g

        from functools import partial

        if made.variadic:
            vjps: Any = Every(partial(wrong, rule=made.vjps.rule))
        else:
            vjps = list(made.vjps)
            vjps[position] = partial(wrong, rule=made.vjps[position])
        monkeypatch.setattr(made, "vjps", vjps)
        caught = 0
        for row in rows:
            try:
                check(row)
            except AssertionError:
                caught += 1
        monkeypatch.undo()
        assert caught or max(gave, default=0) == 0, f"argument {position}"
