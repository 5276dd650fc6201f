"""The registry: every name and every function of NumPy once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.ground.registry import NAMES, NUMPY


def test_every_numpy_function_is_registered_once() -> None:
    assert all(callable(made) for made in NUMPY.values())
    assert NUMPY[np.exp] is tg.exp


def redefined() -> Any:
    def redefined_in_a_cell(x: Any) -> Any:
        return x * 2

    return tg.primitive(redefined_in_a_cell, lambda g, out, x: g * 2)


def test_a_registered_name_is_taken_but_its_own_cell_may_run_again() -> None:
    with pytest.raises(ValueError, match=r"'exp' is registered already, by numpy.*another name="):
        tg.primitive(lambda x: x, lambda g, out, x: g, name="exp")
    with pytest.raises(ValueError, match=r"np\.sin is registered already"):
        tg.primitive(lambda x: x, lambda g, out, x: g, name="mine", numpy=np.sin)
    assert "mine" not in NAMES and NAMES["exp"] is tg.exp
    first, second = redefined(), redefined()
    assert NAMES.pop("redefined_in_a_cell") is second is not first
