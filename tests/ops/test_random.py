"""Random draws: seeded, of the right distribution, differentiable, and fresh in every replay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w

DRAWS: dict[str, Any] = {
    "normal": lambda **o: tg.normal(1.0, 2.0, **o), "uniform": lambda **o: tg.uniform(-1.0, 3.0, **o),
    "bernoulli": lambda **o: tg.bernoulli(0.3, **o),
    "standard_normal": lambda **o: tg.standard_normal(**o),
    "standard_uniform": lambda **o: tg.standard_uniform(**o),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWS)
def test_the_seed_repeats_a_draw_and_only_the_seed(name: str) -> None:
    tg.manual_seed(7)
    first, second = DRAWS[name](size=(50,)), DRAWS[name](size=(50,))
    tg.manual_seed(7)
    again = DRAWS[name](size=(50,))
    assert np.array_equal(first, again) and not np.array_equal(first, second)


@pytest.mark.parametrize(("name", "mean", "variance"), [
    ("normal", 1, 4), ("uniform", 1, 16 / 12), ("bernoulli", 0.3, 0.21),
    ("standard_normal", 0, 1), ("standard_uniform", 0.5, 1 / 12),
])
def test_moments(name: str, mean: float, variance: float) -> None:
    tg.manual_seed(0)
    n = 20_000
    x = DRAWS[name](size=(n,)).numpy()
    assert abs(x.mean() - mean) < 4 * np.sqrt(variance / n)
    assert abs(x.var() / variance - 1) < 0.05


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("size", [(), (0, 3), (2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_size_and_dtype(name: str, size: Any, dtype: Any) -> None:
    x = DRAWS[name](size=size, dtype=dtype)
    assert isinstance(x, tg.Tensor) and x.shape == size and x.dtype == dtype


def test_dtype_follows_the_parameters_and_the_default() -> None:
    single = np.zeros(2, np.float32)
    assert tg.normal(single, 1.0).dtype == tg.bernoulli(single).dtype == np.float32
    assert tg.normal(single, np.ones(2)).dtype == np.float64
    assert tg.normal(np.zeros(2), 1.0, dtype=np.float32).dtype == np.float32
    assert tg.uniform(0, np.array([1, 2])).dtype == np.float64
    assert tg.normal(size=2, dtype=np.float16).dtype == np.float16
    with tg.default_dtype(np.float32):
        assert tg.normal(size=2).dtype == np.float32


def test_gradients_are_those_of_the_same_noise() -> None:
    tg.manual_seed(5)
    mean, deviation = (tg.Tensor(x, requires_grad=True) for x in (2.0, 0.5))
    x = tg.normal(mean, deviation, size=(4,))
    x.sum().backward()
    noise = (x.numpy() - 2.0) / 0.5
    assert mean.grad.item() == 4 and deviation.grad.item() == pytest.approx(noise.sum(), rel=1e-12)


class TestDropout:
    def test_what_stays_is_scaled_and_the_gradient_follows_the_mask(self) -> None:
        tg.manual_seed(0)
        x = tg.Tensor(np.ones(10_000, np.float32), requires_grad=True)
        y = tg.dropout(x, 0.2)
        y.sum().backward()
        assert set(y.tolist()) == {0.0, float(np.float32(1) / np.float32(0.8))}
        assert abs(y.numpy().mean() - 1) < 0.02
        assert y.dtype == x.grad.dtype == np.float32
        np.testing.assert_array_equal(x.grad, y.numpy())

    def test_a_second_backward_pass_sees_the_same_mask(self) -> None:
        x = tg.Tensor(np.ones(100), requires_grad=True)
        y = tg.dropout(x).sum()
        y.backward()
        first = x.grad.numpy().copy()
        y.backward()
        np.testing.assert_array_equal(x.grad, 2 * first)

    def test_off(self) -> None:
        x = tg.Tensor([1.0, 2.0])
        assert tg.dropout(x, 0.5, training=False) is x and tg.dropout(x, 0) is x

    def test_all_dropped_without_a_division_by_zero(self) -> None:
        x = tg.Tensor([1.0, np.inf], requires_grad=True)
        y = tg.dropout(x, 1.0)
        y.sum().backward()
        assert y.tolist() == x.grad.tolist() == [0, 0]


MISUSE: Table = {
    "bounds the wrong way": (lambda: tg.uniform(1.0, 0.0), ValueError, "uniform: high - low is a width"),
    "bounds without end": (lambda: tg.uniform(0.0, np.inf), ValueError, "uniform: high - low is a width"),
    "training as text": (lambda: tg.dropout(w(), 0.5, "no"), TypeError, "dropout: training: expected True or False, got str 'no'; write training=True"),
    "size -1": (lambda: tg.normal(size=-1), tg.ShapeError, "shape size=-1"),
    "size 2.5": (lambda: tg.normal(size=2.5), tg.ShapeError, "shape size=2.5"),
    "size beside a vector": (lambda: tg.normal(np.zeros(3), size=2), tg.ShapeError, r"size=2, .*\[\(3,\)\] must broadcast"),
    "size beside a matrix": (lambda: tg.normal(np.zeros((2, 3)), size=3), tg.ShapeError, "size=3"),
    "parameters that do not broadcast": (lambda: tg.normal(np.zeros(3), np.ones(2)), tg.ShapeError, r"\[\(3,\), \(2,\)\] must broadcast"),
    "deviation below 0": (lambda: tg.normal(0, -1), tg.OptionError, "scale is a standard deviation, >= 0; got -1"),
    "deviations below 0": (lambda: tg.normal(0, [1.0, -1.0]), tg.OptionError, "scale is a standard deviation"),
    "whole numbers": (lambda: tg.normal(dtype=int), tg.DTypeError, "floating numbers, got int64"),
    "probability above 1": (lambda: tg.bernoulli([0.5, 2.0]), tg.OptionError, "p is a probability"),
    "a probability that learns": (lambda: tg.bernoulli(tg.Tensor(0.5, requires_grad=True, name="p")), tg.GradError,
     r"bernoulli: 'p' .* pass p.detach\(\)"),
    "dropping more than all": (lambda: tg.dropout(tg.Tensor([1.0]), 1.5), tg.OptionError, "p is a probability.*got 1.5"),
    "dropping half": (lambda: tg.dropout(tg.Tensor([1.0]), "half"), tg.OptionError, "one probability.*got str"),
    "dropping of integers": (lambda: tg.dropout(tg.Tensor([1])), tg.DTypeError, "use .astype"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
