"""Reductions of no elements: NumPy's results, and advice that can be followed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.values import values


@pytest.mark.parametrize("ord", [None, "fro", "nuc", 1, -1, 2, -2, 3, 0, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("axis", [None, -1, 0, (0, 1), (-2, -1)], ids=str)
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (0, 0), (2, 0, 3), (0, 2, 3)], ids=str)
def test_norms_of_nothing(shape: Any, axis: Any, ord: Any) -> None:
    x = np.zeros(shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            expected = np.asarray(np.linalg.norm(x, ord, axis))
        except ValueError:  # an extreme of nothing, or no matrices
            with pytest.raises((ValueError, TypeError)):
                np.linalg.norm(tg.Tensor(x), ord, axis)
            return
        t = tg.Tensor(x, requires_grad=True)
        found = np.linalg.norm(t, ord, axis)
        found.sum().backward()
    np.testing.assert_array_equal(values(found), expected)
    assert t.grad.shape == shape


@pytest.mark.parametrize("function", [tg.softmax, tg.log_softmax])
@pytest.mark.parametrize(("shape", "axis"), [((0, 3), 0), ((0, 3), 1), ((3, 0), 1), ((0,), -1), ((2, 0, 3), 1)])
def test_softmax_of_nothing_is_empty(function: Any, shape: Any, axis: int) -> None:
    x = tg.Tensor(np.ones(shape), requires_grad=True)
    out = function(x, axis=axis)
    out.sum().backward()
    assert out.shape == x.grad.shape == shape
    with pytest.raises(tg.ShapeError, match="axes run from"):
        function(x, axis=4)


def test_logsumexp_of_nothing() -> None:
    x = tg.Tensor(np.ones((0, 3)), requires_grad=True)
    out = tg.logsumexp(x, axis=0)
    assert out.tolist() == [-np.inf] * 3 == np.logaddexp.reduce(np.ones((0, 3)), axis=0).tolist()
    out.sum().backward()
    assert x.grad.shape == (0, 3)
    assert tg.logsumexp(x).item() == -np.inf and tg.logsumexp(x, axis=1, keepdims=True).shape == (0, 1)


ADVISING: dict[str, Any] = {
    "max": np.max, "min": np.min, "nanmax": lambda x, **o: np.nanmax(x, **o), "nanmin": lambda x, **o: np.nanmin(x, **o),
    "amax": np.amax, "maximum.reduce": lambda x, **o: np.maximum.reduce(x, axis=0, **o)}


@pytest.mark.parametrize("name", ADVISING)
def test_initial_is_taken_by_what_advises_it(name: str) -> None:
    nothing, call = tg.Tensor(np.ones(0), requires_grad=True), ADVISING[name]
    with pytest.raises(tg.ShapeError, match="initial="):
        call(nothing)
    assert call(nothing, initial=2.0).item() == call(np.ones(0), initial=2.0) == 2.0


@pytest.mark.parametrize("call", [np.ptp, np.median, lambda x: np.quantile(x, 0.5), np.argmax, lambda x: np.linalg.norm(x, -np.inf),
                                  lambda x: np.linalg.norm(x[None], -2), tg.nn.functional.adaptive_max_pool1d])
def test_nothing_else_advises_it(call: Any) -> None:
    nothing = tg.Tensor(np.ones(0))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            call(nothing)
    except (ValueError, TypeError, IndexError) as error:
        assert "initial=" not in str(error)


def test_initial_and_where_of_nanmax() -> None:
    values = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, -1.0]])
    mask = np.array([True, True, False])
    for name in ("nanmax", "nanmin"):
        for options in ({"axis": 1, "initial": 2.0}, {"initial": -5.0}, {"axis": 0, "initial": 0.5, "where": mask}):
            np.testing.assert_array_equal(getattr(np, name)(tg.Tensor(values), **options), getattr(np, name)(values, **options))
