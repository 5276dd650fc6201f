"""Derivatives from values alone, on plain NumPy: what every rule is measured against.

Both oracles differentiate ``sum(weights * f(inputs))`` with respect to every entry of every input.
They share no code with the package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

RTOL_COMPLEX, RTOL_CENTRAL = 1e-11, 1e-6
TINY = 1e-100  # so small that its square vanishes beside any derivative


def central_difference(
    f: Callable[..., Any], inputs: Sequence[Any], weights: Any, h: float = 1e-5
) -> list[Any]:
    """(f(x + h) - f(x - h)) / 2h, entry by entry, in float64."""

    def derivative(change: Callable[[complex], list[Any]]) -> Any:
        difference = np.asarray(f(*change(h))) - np.asarray(f(*change(-h)))
        return np.sum(weights * difference) / (2 * h)

    return _each_entry(inputs, derivative, float)


def complex_step(f: Callable[..., Any], inputs: Sequence[Any], weights: Any) -> list[Any]:
    """Im f(x + ih) / h, exact to rounding where ``f`` is analytic."""
    return _each_entry(
        inputs,
        lambda change: np.sum(weights * (np.imag(f(*change(1j * TINY))) / TINY)),
        complex,
    )


def _each_entry(inputs: Sequence[Any], derivative: Callable[..., Any], dtype: type) -> list[Any]:
    base = [np.asarray(x, dtype) for x in inputs]
    gradients = []
    for position, x in enumerate(base):
        gradient = np.zeros(x.shape)
        for index in np.ndindex(x.shape):

            def change(step: complex, position: int = position, index: Any = index) -> list[Any]:
                moved = [a.copy() for a in base]
                moved[position][index] += step
                return moved

            gradient[index] = derivative(change)
        gradients.append(gradient)
    return gradients


def assert_close(actual: Any, expected: Any, rtol: float, what: str = "") -> None:
    """Equal up to ``rtol`` of the largest entry; NaN equals nothing, shapes and dtypes count."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, not {expected.shape}"
    if not expected.size:
        return
    error = np.abs(actual - expected)
    assert np.all(error <= rtol * np.max(np.abs(expected))), (
        f"{what}: got {actual}, expected {expected}, worst error {np.max(error)}")
