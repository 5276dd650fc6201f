"""Arrays in a few characters, all ASCII: `-0.03 +- 0.33`, `[1 -2 0.5]`, `51% zero`, `NaN x3`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

FEW = 6  # so many numbers are written one by one


def number(x: float) -> str:
    """Four decimals, or an exponent where they would say nothing; no zero with a minus.

    >>> number(2.302585), number(-0.00012), number(float("nan")), number(-0.0)
    ('2.3026', '-1.2e-04', 'NaN', '0.0000')
    """
    if not np.isfinite(x):
        return "NaN" if np.isnan(x) else "Inf" if x > 0 else "-Inf"
    return f"{x:.4f}" if 1e-3 <= abs(x) < 1e5 else "0.0000" if x == 0 else f"{x:.1e}"


def duration(seconds: float) -> str:
    """Microseconds, in a few digits.

    >>> duration(2.5e-6), duration(0.0123)
    ('2.5 us', '12,300 us')
    """
    micro = seconds * 1e6
    return f"{micro:,.0f} us" if micro >= 100 else f"{micro:.3g} us"


def duration_and_share(seconds: float, whole: float) -> tuple[str, str]:
    """How long something takes, and which part of all that is.

    >>> duration_and_share(1e-6, 4e-6)
    ('1 us', '25.0%')
    """
    return duration(seconds), f"{seconds / whole if whole else 0:.1%}"


def value_summary(array: Any, activation: bool = False) -> str:
    """Few numbers as they are; more by mean and deviation; what is not finite before all else.

    >>> value_summary(np.array([1.0, 3.0])), value_summary(np.arange(9.0))
    ('[1 3]', '4.0000 +- 2.5820')
    >>> value_summary(np.array([np.nan, *np.ones(6), np.inf]))
    'NaN x1 Inf x1'
    >>> value_summary(np.array([0.0] * 5 + [5.0] * 5), activation=True)
    '50% zero'
    """
    array = np.asarray(array)
    if array.size <= FEW or array.dtype.kind != "f":
        return _few_or_range(array)
    if alarm := _not_finite(array):
        return alarm
    if activation and (zeros := array.size - np.count_nonzero(array)):
        return f"{zeros / array.size:.0%} zero"
    unit = _unit(np.abs(np.asarray(array, np.float64)).max())
    scaled = array / unit
    mean, deviation = scaled.mean(), scaled.std()
    if abs(mean) <= 4 * np.finfo(array.dtype).eps * deviation:  # rounding, which differs by machine
        mean = 0.0
    return f"{number(mean * unit)} +- {number(deviation * unit)}"


def gradient_summary(array: Any) -> str:
    """A scalar as it is; an array by its Euclidean norm.

    >>> gradient_summary(np.array([3.0, -4.0])), gradient_summary(np.float64(-2.0))
    ('5.0000', '-2.0000')
    """
    array = np.asarray(array)
    if array.size <= 1:
        return _few_or_range(array)
    return _not_finite(array) or number(norm(array))


def norm(array: Any) -> float:
    """The Euclidean norm, which neither overflows nor vanishes before its time."""
    return norms([array])[0]


def norms(arrays: Sequence[Any]) -> list[float]:
    """The norms of arrays: of many small ones at once, as a graph has millions.

    >>> norms([np.array([3.0, 4.0]), np.float64(-2.0), np.array([[1e-200], [0.0]])])
    [5.0, 2.0, 1e-200]
    """
    found = np.zeros(len(arrays))
    sizes = np.fromiter((x.size for x in arrays), int, len(arrays))
    for size in set(sizes.tolist()) - {0}:
        places = np.flatnonzero(sizes == size)
        rows = np.concatenate([arrays[k] for k in places.tolist()], None)
        found[places] = _norms(np.abs(rows.astype(np.float64, copy=False)).reshape(-1, size))
    return list(found.tolist())


def _norms(rows: Any) -> Any:
    """The norms of rows that are not negative."""
    largest = rows.max(1)
    if rows.shape[1] == 1:
        return largest
    unit = np.where(np.isfinite(largest), _unit(largest), np.nan)
    return np.sqrt(np.square(rows / unit[:, None]).sum(1)) * unit


def is_finite(array: Any) -> bool:
    """Whether there is neither NaN nor infinity."""
    return getattr(array, "dtype", np.dtype(bool)).kind != "f" or bool(np.isfinite(array).all())


def bar(numbers: list[float], letters: str = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588",
        longest: int = 18) -> str:
    """Sizes as a row of bars, on a scale of factors where they span more than ten.

    >>> bar([1.0, 2.0, 4.0]), bar([0.0, 1.0])
    ('\u2581\u2583\u2588', '\u2581\u2588')
    """
    shown = [numbers[i * len(numbers) // longest] for i in range(longest)] if len(
        numbers) > longest else numbers
    known = [x for x in shown if np.isfinite(x) and x > 0]
    if not known:
        return ""
    scale = np.log if max(known) > 10 * min(known) else float
    low, high = scale(min(known)), scale(max(known))
    least = int(len(known) < len(shown))  # zero and NaN are below what is small

    def height(x: float) -> int:
        share = float((scale(x) - low) / (high - low)) if high > low else least
        return least + round((7 - least) * share)

    return "".join(letters[height(x) if np.isfinite(x) and x > 0 else 0] for x in shown)


def _few_or_range(array: np.ndarray[Any, Any]) -> str:
    if array.size == 0:
        return "empty"
    if array.size == 1:
        only = array.reshape(-1)[0]
        return number(float(only)) if array.dtype.kind == "f" else str(only)
    if array.size <= FEW:
        return _nested(array)
    return f"{array.min()} .. {array.max()}"


def _nested(array: np.ndarray[Any, Any]) -> str:
    """All numbers, with the brackets of their axes."""
    if array.ndim == 0:
        x = array[()]
        return _short(float(x)) if array.dtype.kind == "f" else str(x)
    return f"[{' '.join(map(_nested, array))}]"


def _short(x: float) -> str:
    return f"{x:.4g}" if np.isfinite(x) and x != 0 else number(x).removesuffix(".0000")


def _not_finite(array: np.ndarray[Any, Any]) -> str:
    nans, infinities = np.count_nonzero(np.isnan(array)), np.count_nonzero(np.isinf(array))
    return " ".join(f"{word} x{n}" for word, n in (("NaN", nans), ("Inf", infinities)) if n)


def _unit(largest: Any) -> Any:
    """What to divide by so that squares neither overflow nor vanish; 1 for everyday numbers."""
    odd = (largest > 0) & ~((largest > 1e-100) & (largest < 1e100))
    return np.where(odd, largest, 1.0)
