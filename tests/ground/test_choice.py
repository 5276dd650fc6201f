"""`either` has the bits of np.where, in what it combines itself and in what it hands on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.ground import fast
from tinygrad_gd.ground.fast import BLOCK, MANY, either

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
