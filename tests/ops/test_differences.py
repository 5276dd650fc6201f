"""Differences, slopes and integrals."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import ONE, PAIR, Table, refused, w


def test_integrals_over_coordinates_with_more_axes_than_the_values() -> None:
    y, x = np.array([1.0, 2.0, 4.0]), np.arange(12.0).reshape(4, 3) ** 2
    np.testing.assert_array_equal(np.trapezoid(w(y), x).numpy(), np.trapezoid(y, x))
    np.testing.assert_array_equal(np.trapezoid(y, w(x)).numpy(), np.trapezoid(y, x))


MISUSE: Table = {
    "half a difference": (lambda: np.diff(w(), n=1.5), TypeError, r"diff\('w'.*n=1\.5.*as an integer"),
    "half an axis of diff": (lambda: np.diff(w(PAIR), axis=0.5), TypeError, r"diff\('w'.*as an integer"),
    "an axis twice": (lambda: np.gradient(w(PAIR), axis=(0, -2)), ValueError, r"gradient: axis=\(0, -2\) names an axis twice"),
    "no axis for slopes": (lambda: np.gradient(w(1.0), 2.0), ValueError, "gradient: expected samples along at least one axis"),
    "spacing of two axes": (lambda: np.gradient(w(), PAIR), ValueError, "gradient: expected 3 coordinates for axis 0"),
    "interp beyond": (lambda: np.interp(w(), ONE.cumsum(), ONE, left=[1.0, 2.0]), ValueError, "interp: left= must be one number, got list"),
    "ends of another kind": (lambda: np.ediff1d(tg.Tensor([1, 2]), to_end=1.5), TypeError, "ediff1d: to_end= is float64.*astype"),
    "places for other values": (lambda: np.trapezoid(w(), [1.0, 2.0]), ValueError, r"trapezoid: expected one place x for each value.*'w'.*\(2,\)"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
