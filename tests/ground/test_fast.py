"""Faster ways to what NumPy computes: `either`, sums of rows, extremes and products, to the last bit."""

from __future__ import annotations

from itertools import product as every
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.ground import fast
from tinygrad_gd.ground.fast import BLOCK, MANY, either, product

SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-45, -1.5])


def same_bits(found: Any, expected: Any) -> bool:
    return bool(found.dtype == expected.dtype and found.shape == expected.shape
                and found.tobytes() == expected.tobytes())


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int32])
@pytest.mark.parametrize("shape", [(3,), (MANY,), (65, 64), (2 * BLOCK + 7,), (1, 5000), (4, 40, 50)])
def test_bits_of_arrays_and_numbers(dtype: Any, shape: Any) -> None:
    rng = np.random.default_rng(0)
    condition = rng.random(shape) < 0.5

    def filled() -> Any:
        return rng.choice(SPECIAL if dtype != np.int32 else np.arange(-3, 4), shape).astype(dtype)

    numbers = [0, 1, -3, True] + ([-0.0, 2.5, np.inf, np.float64(0.1)] if dtype != np.int32 else [])
    for pair in [(filled(), filled()), *((filled(), n) for n in numbers), *((n, filled()) for n in numbers),
                 (filled(), filled().astype(np.float64)), (1, 0.5)]:
        assert same_bits(either(condition, *pair), np.where(condition, *pair))


def test_layouts_and_conditions_that_broadcast_or_are_no_masks() -> None:
    rng = np.random.default_rng(0)
    x, y, condition = rng.normal(size=(80, 90)), rng.normal(size=(80, 90)), rng.random((80, 90)) < 0.5
    for c in (condition, condition[0], condition[:, :1], condition.astype(float), condition.astype(np.int8), True):
        for a in (x, x[::-1], np.asfortranarray(x), x[0], np.float32(2.0)):
            assert same_bits(either(c, a, y), np.where(c, a, y))
            assert same_bits(either(c, y, a), np.where(c, y, a))
    assert same_bits(either(condition.T, x.T, y.T), np.where(condition.T, x.T, y.T))


def test_arguments_stay_as_they_are_and_results_are_new() -> None:
    x, condition = np.ones(MANY), np.zeros(MANY, bool)
    x.flags.writeable = condition.flags.writeable = False
    for found in (either(condition, x, x), either(condition, x, 0), either(condition, 0, x)):
        assert not np.may_share_memory(found, x)
        found[...] = 7.0
    assert (x == 1).all() and not condition.any()


def test_rules_choose_without_np_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of arrays so large that guessing wrong at every second element is what takes the time."""
    calls = []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            calls.append(name)
            return getattr(np, name)

    monkeypatch.setattr(fast, "np", Watched())
    x = tg.Tensor(np.linspace(-2, 2, MANY), requires_grad=True)
    y = tg.Tensor(np.linspace(2, -2, MANY), requires_grad=True)
    for f in (tg.leaky_relu, tg.relu6, tg.elu, tg.hardtanh, lambda x: np.maximum(x, y),
              lambda x: np.where(x > 0, x, y), lambda x: np.clip(x, -1, 1), tg.selu, tg.hardswish):
        calls.clear()
        f(x).sum().backward()
        assert "bitwise_and" in calls and "where" not in calls


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
