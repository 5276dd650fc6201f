"""Elementwise functions and dtypes: what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import ONE, Table, refused, w

MISUSE: Table = {
    "not of floats": (lambda: ~w(), TypeError, r"invert\('w'.*compare first, as in ~\(x > 0\)"),
    "and of floats": (lambda: w() & w(), TypeError, r"compare first, as in \(x > 0\) & \(y > 0\)"),
    "dtype": (lambda: w().astype("float31"), TypeError, r"astype: .*float31.*such as np\.float32"),
    "text for a dtype": (lambda: w().sum(dtype="bogus"), TypeError, "astype: data type .*bogus.*expected a NumPy dtype"),
    "integer to a negative power": (lambda: tg.Tensor([2, 3]) ** -1, ValueError, r"no negative powers.*\.astype\(float\)"),
    "shift of floats": (lambda: w() << 1, TypeError, "left_shift.*'w'.*check the dtypes"),
    "a piece of arrays": (lambda: np.piecewise(w(), [ONE > 0], [ONE]), ValueError, r"piecewise: expected functions or numbers.*\(3,\)"),
    "dtype of an array": (lambda: w().astype(ONE), TypeError, r"astype: expected a NumPy dtype.*float64 of shape \(3,\).*\.dtype"),
    "dtype of a Tensor": (lambda: np.astype(tg.Tensor([1]), w()), TypeError, r"astype: expected a NumPy dtype.*'w'.*\.dtype"),
    "dtype of objects": (lambda: np.astype(w(), object), TypeError, "astype: expected a float, int or bool dtype, got.*object"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
