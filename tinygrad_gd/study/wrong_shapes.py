"""What is wrong with a gradient that has not the shape of its Tensor."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.tensor import Tensor

if TYPE_CHECKING:
    from .naming import Names

Array = Any


def about_shape(mine: Array, right: Array, names: Names, x: Tensor) -> str:
    """Which sum is missing or too much, which axes are exchanged."""
    start = f"its shape is {mine.shape}, and that of {names(x)} is {x.shape}"
    if mine.ndim == 2 and mine.T.shape == right.shape and _close(mine.T, right):
        return f"{start}: it is transposed"
    if mine.size == right.size and _close(mine.reshape(right.shape), right):
        return f"{start}: the numbers are right, only the shape is not (keepdims=True, or a reshape)"
    for axes in _some_axes(mine.ndim):
        total = mine.sum(axis=axes)
        if total.size == right.size and _close(total.reshape(right.shape), right):
            along = f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
            times = int(np.prod([mine.shape[a] for a in axes]))
            return (f"{start}: the sum over {along} is missing. {names(x)} was used {times} times by "
                    "broadcasting, and what comes back from each use adds up")
    for axes in _some_axes(right.ndim):
        if mine.shape in (right.sum(axis=axes).shape, right.sum(axis=axes, keepdims=True).shape):
            if _close(mine.ravel(), right.sum(axis=axes).ravel()):
                along = ", ".join(map(str, axes))
                return f"{start}: it was summed over axis {along} once too often, which {names(x)} has"
    return f"{start}; a gradient has the shape of what it belongs to"


def _some_axes(ndim: int) -> list[tuple[int, ...]]:
    return [axes for n in range(1, ndim + 1) for axes in combinations(range(ndim), n)]


def _close(a: Array, b: Array) -> bool:
    return bool(np.allclose(a, b, rtol=1e-6, atol=1e-9 * float(np.abs(b).max(initial=0.0))))
