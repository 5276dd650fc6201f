"""Sliding windows, and their inverse: adding windows up where they overlap.

Pooling is made of these two linear maps, each of which is the other's derivative. Both act on the
last axes; a window reaches ``dilation * (length - 1) + 1`` elements far, and the next one begins
``stride`` elements later.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from operator import index, mul
from typing import Any

import numpy as np

from ...engine.primitive import apply, primitive
from ...engine.tensor import Tensor
from ...errors import OptionError, ShapeError, describe
from ...ground.registry import implements
from ...ground.storage import read_only
from ..shape import axis_of, moveaxis, pad
from ..signatures import as_tensor

Lengths = tuple[int, ...]


def _windows(x: Any, /, window: Any, counts: Any, stride: Any, dilation: Any) -> Any:
    """The windows of shape ``window`` over the last axes, ``counts`` of them along each."""
    axes = tuple(range(-len(window), 0))
    reach = tuple(d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True))
    views = np.lib.stride_tricks.sliding_window_view(x, reach, axes)
    first = tuple(slice(0, (n - 1) * s + 1, s) for n, s in zip(counts, stride, strict=True))
    key: Any = (..., *first, *(slice(None, None, d) for d in dilation))
    return views[key]


def _windows_at_once(x: Any, window: Any, counts: Any, stride: Any, dilation: Any) -> Any:
    """The same view, without NumPy's checks, which take 20 microseconds."""
    if type(x) is not np.ndarray or not x.flags.c_contiguous:
        return _windows(x, window, counts, stride, dilation)
    first = x.ndim - len(window)
    last = x.strides[first:]
    strides = (*x.strides[:first], *map(mul, last, stride), *map(mul, last, dilation))
    return np.ndarray((*x.shape[:first], *counts, *window), x.dtype, read_only(x), 0, strides)


def elements(place: Any, counts: Any, stride: Any, dilation: Any) -> Any:
    """A slice of each axis: what all windows hold at one ``place`` inside them."""
    each = zip(place, counts, stride, dilation, strict=True)
    return [slice(p * d, p * d + (n - 1) * s + 1, s) for p, n, s, d in each]


@lru_cache(maxsize=1024)
def places(window: Any, counts: Any, stride: Any, dilation: Any) -> Any:
    """For each place in a window: its key among windows, and that of its elements in the array."""
    return [((..., *place), (..., *elements(place, counts, stride, dilation)))
            for place in np.ndindex(*window)]


def _overlap_add(x: Any, /, shape: Any, stride: Any, dilation: Any) -> Any:
    """The sum of all windows, each at its place in an array whose last axes have ``shape``."""
    first, ndim = x.ndim - 2 * len(shape), len(shape)
    out = np.zeros((*x.shape[:first], *shape), x.dtype)
    window, counts = x.shape[first + ndim :], x.shape[first : first + ndim]
    for here, there in places(window, counts, stride, dilation):
        part = out[there]
        np.add(part, x[here], part)
    return out


def _windows_back(g: Any, out: Any, x: Any, window: Any, counts: Any, stride: Any,
                  dilation: Any) -> Any:
    return overlap_add(g, x.shape[x.ndim - len(window) :], stride, dilation)


def _overlap_add_back(g: Any, out: Any, x: Any, shape: Any, stride: Any, dilation: Any) -> Any:
    first, ndim = x.ndim - 2 * len(shape), len(shape)
    return windows(g, x.shape[first + ndim :], x.shape[first : first + ndim], stride, dilation)


_windows_primitive = primitive(
    _windows, _windows_back, run=_windows_at_once, kind="view", atomic=True, internal=True)
_overlap_add_primitive = primitive(
    _overlap_add, _overlap_add_back, atomic=True, internal=True)


def windows(x: Any, window: Lengths, counts: Lengths, stride: Lengths, dilation: Lengths) -> Any:
    """The windows over the last axes of an array or, recorded, of a Tensor."""
    options = {"window": window, "counts": counts, "stride": stride, "dilation": dilation}
    return apply(_windows_primitive, (x,), options) if isinstance(x, Tensor) else _windows_at_once(
        x, **options)


def overlap_add(x: Any, shape: Lengths, stride: Lengths, dilation: Lengths) -> Any:
    """The sum of windows, of an array or, recorded, of a Tensor."""
    options = {"shape": shape, "stride": stride, "dilation": dilation}
    if isinstance(x, Tensor):
        return apply(_overlap_add_primitive, (x,), options)
    return _overlap_add(x, **options)


# -- what the functions made of windows share --------------------------------------------------------


def numbers(operation: str, option: str, value: Any, ndim: int, least: int) -> Lengths:
    """An option of one integer for all axes or one for each, as a tuple."""
    each = value if isinstance(value, tuple | list) else (value,) * ndim
    try:
        given = () if bool in map(type, each) else tuple(map(index, each))
    except TypeError:
        given = ()
    if len(given) != ndim or min(given, default=least - 1) < least:
        raise OptionError(f"{operation}: {option}= must be an integer of at least {least}, or a tuple "
                          f"of {ndim} of them, got {value!r}")
    return given


def count_windows(operation: str, x: Tensor, window: Lengths, stride: Lengths, dilation: Lengths,
                  borders: Iterable[tuple[int, int]] | None = None) -> Lengths:
    """How many windows fit along each of the last axes, which ``borders`` make longer."""
    lengths = x.shape[x.ndim - len(window) :]
    if borders is not None:
        lengths = tuple(n + before + after for n, (before, after) in zip(lengths, borders, strict=True))
    reach = tuple(d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True))
    if any(r > n for r, n in zip(reach, lengths, strict=True)):
        raise ShapeError(f"{operation}: a kernel that reaches over {reach} is larger than the input, "
                         f"{describe(x)} with its padding; use a smaller kernel or more padding=")
    return tuple((n - r) // s + 1 for n, r, s in zip(lengths, reach, stride, strict=True))


def bordered(x: Tensor, borders: Any, value: Any = 0) -> Tensor:
    """``x`` with ``(before, after)`` elements more along each of the last axes."""
    if not any(map(any, borders)):
        return x
    padded: Tensor = pad(x, [(0, 0)] * (x.ndim - len(borders)) + list(borders), constant_values=value)
    return padded


def batched(operation: str, x: Any, ndim: int) -> tuple[Tensor, bool]:
    """The input as (n, channels, *lengths), and whether the batch axis was put before it."""
    x = as_tensor(operation, x)
    if x.ndim not in (ndim + 1, ndim + 2):
        axes = ("length", "height, width", "depth, height, width")[ndim - 1]
        raise ShapeError(f"{operation}: expected an input (n, channels, {axes}) or (channels, {axes}), "
                         f"got {describe(x)}; insert axes with x[:, None]")
    return (x, False) if x.ndim == ndim + 2 else (x[None], True)


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False,
                        writeable: bool = False) -> Tensor:
    """All windows of ``window_shape`` along ``axis``, whose elements are the last axes of the result.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    >>> tg.sliding_window_view(x, 3).sum().backward(); x.grad.tolist()
    [1.0, 2.0, 2.0, 1.0]
    """
    x = as_tensor("sliding_window_view", x)
    if writeable:
        raise OptionError("sliding_window_view: writeable=True is not supported with Tensors; change "
                          "elements with x.at[key].set(values)")
    window = tuple(map(index, window_shape)) if np.iterable(window_shape) else (index(window_shape),)
    axes = range(x.ndim) if axis is None else axis if np.iterable(axis) else (axis,)
    axes = [axis_of("sliding_window_view", x, i) for i in axes]
    if len(axes) != len(window):
        raise ShapeError(f"sliding_window_view: window_shape= has {len(window)} lengths for "
                         f"{len(axes)} axes of {describe(x)}; give one for each, or axis=")
    if min(window, default=1) < 1:
        raise OptionError("sliding_window_view: window_shape= must be positive, got "
                          f"{window_shape!r}")
    for length, i in zip(window, axes, strict=True):  # one at a time: an axis may be named twice
        last: Any = moveaxis(x, i, -1)
        counts = count_windows("sliding_window_view", last, (length,), (1,), (1,))
        x = moveaxis(windows(last, (length,), counts, (1,), (1,)), -2, i)
    result: Tensor = x
    return result
