"""``dtype=`` gives NumPy's dtype and value, also where that wraps around."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.samples import named

INTEGERS = np.array([[200, 100, 3], [255, 7, 2]])
INPUTS: dict[str, Any] = {
    "int64": INTEGERS, "uint8": INTEGERS.astype(np.uint8), "bool": INTEGERS > 50, "float64": INTEGERS * 1.75,
    "float32": (INTEGERS * 1.75).astype(np.float32), "float16": (INTEGERS * 1.75).astype(np.float16)}
DTYPES = (np.uint8, "i1", np.int16, np.uint32, int, bool, np.float16, np.float32, float)
OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    **{name: ({}, {"axis": 0}, {"keepdims": True}, {"initial": 3}, {"axis": 1, "where": INTEGERS > 5}) for name in ("sum", "prod")},
    **{name: ({}, {"axis": 0}, {"keepdims": True}) for name in ("nansum", "nanprod", "nanmean")},
    "mean": ({}, {"axis": 0}, {"keepdims": True}, {"axis": 1, "where": INTEGERS > 5}),
    **{name: ({}, {"axis": 1}) for name in ("cumsum", "cumprod", "nancumsum", "nancumprod")},
    **{name: ({"axis": 1}, {"axis": 0, "include_initial": True}) for name in ("cumulative_sum", "cumulative_prod")},
    "trace": ({}, {"offset": 1}),
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("kind", INPUTS)
def test_the_dtype_that_is_asked_for(kind: str, name: str) -> None:
    if not hasattr(np, name):
        pytest.skip("this NumPy has no such function")
    for dtype in DTYPES:
        for options in OPTIONS[name]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                check_dtype(name, INPUTS[kind], dtype, options)


def check_dtype(name: str, x: Any, dtype: Any, options: dict[str, Any]) -> None:
    try:
        expected = np.asarray(getattr(np, name)(x, dtype=dtype, **options))
    except TypeError:  # integers for the mean of the numbers among NaN
        with pytest.raises(tg.DTypeError, match="dtype= must be floating"):
            getattr(np, name)(tg.Tensor(x), dtype=dtype, **options)
        return
    found = named(name)(tg.Tensor(x), dtype=dtype, **options)
    assert found.dtype == expected.dtype == np.dtype(dtype)
    if expected.dtype.kind == "f":  # products begin with initial=, which rounds otherwise
        np.testing.assert_allclose(found.numpy(), expected, rtol=4 * np.finfo(dtype).eps)
    else:
        np.testing.assert_array_equal(found, expected)


def test_methods_and_ufuncs_take_it_too() -> None:
    t = tg.Tensor(INTEGERS)
    for found in (t.sum(dtype=np.uint8), np.add.reduce(t, axis=None, dtype=np.uint8), tg.sum(t, dtype="uint8")):
        assert found.dtype == np.uint8 and found.item() == INTEGERS.sum() % 256
    assert np.add.accumulate(t, axis=0, dtype=np.int8).dtype == np.int8
    assert t.trace(dtype=np.uint8).dtype == np.uint8 and t.cumsum(dtype=np.uint8).dtype == np.uint8
    assert t.mean(dtype=np.uint8).item() == np.mean(INTEGERS, dtype=np.uint8)


def test_a_floating_dtype_keeps_the_gradient() -> None:
    x = tg.Tensor([1.0, 2.0, 4.0], requires_grad=True)
    (np.sum(x, dtype=np.float32) + np.mean(x, dtype=np.float16) + np.prod(x, dtype=np.float32, initial=0.5)).backward()
    np.testing.assert_allclose(x.grad.numpy(), [1 + 1 / 3 + 4, 1 + 1 / 3 + 2, 1 + 1 / 3 + 1], rtol=1e-3)
    assert not np.sum(x, dtype=int).requires_grad
