"""Faster ways to what NumPy computes: sums of rows, extremes and products, to the last bit."""

from __future__ import annotations

from itertools import product as every
from typing import Any

import numpy as np
import pytest

from tinygrad_gd.ground.fast import is_sooner_in_rows, product


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, int, complex])
def test_rows_are_added_to_the_bits_of_numpy(dtype: Any) -> None:
    from tinygrad_gd.ground.fast import add_rows

    rng = np.random.default_rng(0)
    for n in (0, 1, 2, 3, 8, 100, 1000):
        for m in (0, 1, 2, 7, 16, 100, 257):
            g = (100 * rng.standard_normal((2 * n, m))).astype(dtype)
            for form in (g, np.asfortranarray(g), g[::2], g[:, ::-1], g.reshape(n, 2, m)):
                got, expected = add_rows(form), np.add.reduce(form, axis=0)
                np.testing.assert_array_equal(got, expected)
                assert got.dtype == expected.dtype


def test_the_largest_of_each_row_is_that_of_numpy() -> None:
    from tinygrad_gd.ground.fast import extreme

    rng = np.random.default_rng(0)
    for shape in ((40, 7), (3, 7), (40, 1), (40, 0 + 33), (64, 10), (4, 5, 10, 16), (40,), (2, 40, 3)):
        for x in (rng.standard_normal(shape), np.full(shape, np.nan), rng.integers(0, 9, shape),
                  rng.standard_normal(shape)[::-1], np.asfortranarray(rng.standard_normal(shape))):
            for axis in (-1, len(shape) - 1, 0, None, (-1,), np.int64(-1)):
                for of, keepdims in ((np.maximum, True), (np.minimum, False), (np.maximum, False)):
                    found, expected = extreme(of, x, axis, keepdims), of.reduce(x, axis, keepdims=keepdims)
                    np.testing.assert_array_equal(found, expected)
                    assert np.shape(found) == np.shape(expected)


@pytest.mark.parametrize("rows", [1, 2, 7, 10, 16, 17])
def test_products_of_few_rows_have_the_bits_of_numpy(rows: int) -> None:
    """The rows may be copied into another order first, but only where that changes nothing."""
    rng = np.random.default_rng(0)
    for inner, columns, dtype in every([31, 64, 300], [8, 64, 128, 700], [np.float32, np.float64]):
        x, w = rng.normal(size=(rows, inner)).astype(dtype), rng.normal(size=(columns, inner)).astype(dtype)
        for factor in (x, np.asfortranarray(x), x[::-1]):
            np.testing.assert_array_equal(product(factor, w.T), np.matmul(factor, w.T))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_small_products_have_the_bits_of_numpy(dtype: Any) -> None:
    """The second factors may be copied into another order first, but only where that changes nothing."""
    rng = np.random.default_rng(0)
    sooner = 0
    for rows, inner, columns in every([4, 16, 40], [1, 8, 16, 33], [3, 16, 32]):
        x, y = (rng.normal(size=(2, 5, n, inner)).astype(dtype) for n in (rows, columns))
        sooner += is_sooner_in_rows(rows, inner, columns, x.dtype)
        for a, b in ((x, y), (x[:1], y), (x[..., ::-1], y), (x, y[..., ::-1]), (x, y.swapaxes(0, 1)[:, :2])):
            if a.shape[:2] == b.shape[:2] or len(a) == 1:
                np.testing.assert_array_equal(product(a, b.swapaxes(-1, -2)), np.matmul(a, b.swapaxes(-1, -2)))
        np.testing.assert_array_equal(product(x, y[0, 0].T), np.matmul(x, y[0, 0].T))
    assert sooner
