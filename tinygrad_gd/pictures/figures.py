"""Arrays in a few characters: `mean 3.0000 std 1.4142`, `norm 0.7230`, `51% zero`, `NaN x3`."""

from __future__ import annotations

from typing import Any

import numpy as np


def number(x: float) -> str:
    """Four decimals, or an exponent where they would say nothing.

    >>> number(2.302585), number(-0.00012), number(float("nan"))
    ('2.3026', '-1.2e-04', 'NaN')
    """
    if not np.isfinite(x):
        return "NaN" if np.isnan(x) else "Inf" if x > 0 else "-Inf"
    return f"{x:.4f}" if x == 0 or 1e-3 <= abs(x) < 1e5 else f"{x:.1e}"


def value_summary(array: Any, activation: bool = False) -> str:
    """A scalar as it is; an array by mean and deviation; what is not finite before all else.

    >>> value_summary(np.array([1.0, 3.0])), value_summary(np.array([np.nan, 1.0, np.inf]))
    ('mean 2.0000 std 1.0000', 'NaN x1 Inf x1')
    >>> value_summary(np.array([0.0, 0.0, 5.0]), activation=True)
    '67% zero'
    """
    array = np.asarray(array)
    if array.size <= 1 or array.dtype.kind != "f":
        return _few_or_whole(array)
    if alarm := _not_finite(array):
        return alarm
    if activation and (zeros := array.size - np.count_nonzero(array)):
        return f"{zeros / array.size:.0%} zero"
    unit = _unit(array)
    scaled = array / unit
    return f"mean {number(scaled.mean() * unit)} std {number(scaled.std() * unit)}"


def gradient_summary(array: Any) -> str:
    """A scalar as it is; an array by its Euclidean norm.

    >>> gradient_summary(np.array([3.0, -4.0]))
    'norm 5.0000'
    """
    array = np.asarray(array)
    if array.size <= 1:
        return _few_or_whole(array)
    unit = _unit(array)
    return _not_finite(array) or f"norm {number(np.linalg.norm(array / unit) * unit)}"


def is_alarm(text: str) -> bool:
    """Whether a summary speaks of NaN or infinity."""
    return text.startswith(("NaN", "Inf", "-Inf"))


def _few_or_whole(array: np.ndarray[Any, Any]) -> str:
    if array.size == 0:
        return "empty"
    if array.size == 1:
        only = array.reshape(-1)[0]
        return number(float(only)) if array.dtype.kind == "f" else str(only)
    return f"{array.min()} .. {array.max()}"


def _not_finite(array: np.ndarray[Any, Any]) -> str:
    nans, infinities = np.count_nonzero(np.isnan(array)), np.count_nonzero(np.isinf(array))
    return " ".join(f"{word} x{n}" for word, n in (("NaN", nans), ("Inf", infinities)) if n)


def _unit(array: np.ndarray[Any, Any]) -> Any:
    """What to divide by so that squares neither overflow nor vanish; 1 for everyday numbers."""
    array = np.asarray(array, np.float64)
    largest = np.abs(array).max()
    return largest if largest > 0 and not 1e-100 < largest < 1e100 else np.float64(1)
