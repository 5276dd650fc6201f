"""When two gradients are the same: rounding of the pass, and of the numbers that are given."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from .reverse import Step

Array = Any
#: Numbers that were rounded to so many decimals are known to be; to fewer, they may be meant so.
DECIMALS = range(4, 9)


def blur_of(given: Any) -> float:
    """By how much numbers may be off that somebody gives: in float32, or rounded.

    >>> blur_of([0.3333, 0.6667]), blur_of([1 / 3, 2 / 3]), blur_of([0.25, 0.5])
    (5.05e-05, 0.0, 0.0)
    """
    x = np.asarray(given)
    size = largest(x) if x.dtype.kind == "f" else 0.0
    if x.dtype.kind == "f" and x.dtype.itemsize < 8:
        return 8 * float(np.finfo(x.dtype).eps) * size * float(np.sqrt(x.size))
    if size and not _has_decimals(x, DECIMALS[0] - 1):
        for n in DECIMALS:
            if _has_decimals(x, n):
                return min(0.505 * 10.0**-n, 2e-2 * size)
    return 0.0


def _has_decimals(x: Array, n: int) -> bool:
    return bool(np.array_equal(np.round(x, n), x))


def noise_in(steps: list[Step]) -> dict[Tensor, float]:
    """How much of each gradient may be rounding: where much cancels, that is all there is."""
    noise: dict[Tensor, float] = {}
    for s in steps:
        g, raw = largest(s.g), largest(s.raw)
        before = noise.get(s.out, 0.0)
        gain = raw / g if g > 10 * before else 1.0
        own = 4 * float(np.finfo(s.to.dtype).eps) * max(g, raw) * np.sqrt(np.size(s.g))
        noise[s.to] = noise.get(s.to, 0.0) + before * gain + own
    return noise


def largest(x: Array) -> float:
    """The largest size among the numbers that are finite."""
    x = np.asarray(x)
    return float(np.abs(x[np.isfinite(x)]).max(initial=0.0))


def same(a: Array, b: Array, noise: float = 0.0) -> bool:
    """Whether two gradients are the same but for rounding."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    near = 1e-3 if b.dtype.itemsize < 8 else 1e-5
    size = largest(b)
    return bool(np.allclose(a, b, rtol=near, atol=1e-3 * near * size + noise, equal_nan=True))


def ratio(a: Array, b: Array, noise: float = 0.0) -> float | None:
    """By how much a gradient is another, if it is a multiple."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    size = float(np.vdot(b, b)) if a.shape == b.shape else 0.0
    times = float(np.vdot(b, a)) / size if size else 0.0
    return times if times and same(a, times * b, noise) else None
