"""The two maps convolutions are made of: windows to columns of a matrix (im2col), and back (col2im).

Each is the other's derivative. Between them the samples lie side by side in memory: loops over the
places in a window then run over long stretches, and one product of matrices serves all samples.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ...engine.primitive import apply, primitive
from ...engine.tensor import Tensor
from .windows import Lengths, elements

Borders = tuple[tuple[int, int], ...]


def samples_last(x: Any) -> Any:
    """The axes (n, channels, *lengths) as (channels, *lengths, n)."""
    return np.transpose(x, (*range(1, x.ndim), 0))


def samples_first(x: Any) -> Any:
    """The axes (channels, *lengths, n) as (n, channels, *lengths)."""
    return np.transpose(x, (x.ndim - 1, *range(x.ndim - 1)))


def _bordered(channels: int, lengths: Any, n: int, padding: Any, dtype: Any) -> tuple[Any, Any]:
    """Zeros for (channels, *lengths, n) with borders, and their part inside of the borders."""
    borders = [*zip(lengths, padding, strict=True)]
    room = np.zeros((channels, *(k + before + after for k, (before, after) in borders), n), dtype)
    inside: Any = (slice(None), *(slice(before, before + k) for k, (before, _) in borders))
    return room, room[inside]


@lru_cache(maxsize=1024)
def _places(window: Any, counts: Any, stride: Any, dilation: Any) -> Any:
    """For each place in a window: its key among columns, and that of its elements."""
    return [((slice(None), *place), (slice(None), *elements(place, counts, stride, dilation)))
            for place in np.ndindex(*window)]


def _im2col(x: Any, /, window: Any, counts: Any, stride: Any, dilation: Any, padding: Any) -> Any:
    """(n, channels, *lengths) to (channels, *window, *counts, n)."""
    if any(map(any, padding)):
        room, inside = _bordered(x.shape[1], x.shape[2:], x.shape[0], padding, x.dtype)
        inside[...] = samples_last(x)
    else:
        room = np.ascontiguousarray(samples_last(x))
    columns = np.empty((x.shape[1], *window, *counts, x.shape[0]), x.dtype)
    for here, there in _places(window, counts, stride, dilation):
        columns[here] = room[there]
    return columns


def _col2im(columns: Any, /, shape: Any, stride: Any, dilation: Any, padding: Any) -> Any:
    """(channels, *window, *counts, n) to (n, channels, *shape): each element the sum of its copies."""
    k = len(shape)
    room, inside = _bordered(columns.shape[0], shape, columns.shape[-1], padding, columns.dtype)
    for here, there in _places(columns.shape[1 : 1 + k], columns.shape[1 + k : -1], stride, dilation):
        part = room[there]
        np.add(part, columns[here], part)
    return samples_first(inside)


def _im2col_back(g: Any, out: Any, x: Any, window: Any, counts: Any, stride: Any, dilation: Any,
                 padding: Any) -> Any:
    return col2im(g, x.shape[2:], stride, dilation, padding)


def _col2im_back(g: Any, out: Any, columns: Any, shape: Any, stride: Any, dilation: Any,
                 padding: Any) -> Any:
    k = len(shape)
    return im2col(g, columns.shape[1 : 1 + k], columns.shape[1 + k : -1], stride, dilation, padding)


_im2col_primitive = primitive(_im2col, _im2col_back, atomic=True, internal=True)
_col2im_primitive = primitive(_col2im, _col2im_back, atomic=True, internal=True)


def im2col(x: Any, window: Lengths, counts: Lengths, stride: Lengths, dilation: Lengths,
           padding: Borders) -> Any:
    """The windows of an array or, recorded, of a Tensor, as columns."""
    options = {"window": window, "counts": counts, "stride": stride, "dilation": dilation,
               "padding": padding}
    return apply(_im2col_primitive, (x,), options) if isinstance(x, Tensor) else _im2col(x, **options)


def col2im(x: Any, shape: Lengths, stride: Lengths, dilation: Lengths, padding: Borders) -> Any:
    """The sum of columns as windows, of an array or, recorded, of a Tensor."""
    options = {"shape": shape, "stride": stride, "dilation": dilation, "padding": padding}
    return apply(_col2im_primitive, (x,), options) if isinstance(x, Tensor) else _col2im(x, **options)
