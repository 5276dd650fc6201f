"""Pooling: the largest element, or the mean, of each window. PyTorch's names and conventions.

Of several largest elements the first one gets the gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from ...engine.primitive import Primitive, apply, primitive
from ...engine.tensor import Tensor
from ...errors import OptionError, ShapeError, describe
from ...ground.checks import check_switch
from ...ground.fast import is_half
from ...ground.registry import implements
from ..elementwise import divide, where
from ..shape import along
from ..signatures import called_like
from .windows import Lengths, batched, bordered, count_windows, numbers, overlap_add, places

# -- the primitives: loops over the places in a window -----------------------------------------------


def _max_pool(x: Any, /, window: Any, counts: Any, stride: Any, dilation: Any) -> Any:
    out: Any = None
    for _, there in places(window, counts, stride, dilation):
        out = x[there].copy("K") if out is None else np.maximum(out, x[there], out=out)
    return out


def _firsts(largest: Any, x: Any, *geometry: Any) -> Iterator[tuple[Any, Any]]:
    """Each place in the windows, and of which windows the first of the largest elements is there."""
    free = np.ones_like(largest, bool)
    for _, there in places(*geometry):
        found = (x[there] == largest) & free
        free ^= found
        yield there, found


def _to_largest(g: Any, largest: Any, x: Any, /, window: Any, counts: Any, stride: Any,
                dilation: Any) -> Any:
    """Like x: each element of g at the first of the largest elements of its window, summed."""
    out = np.zeros_like(x, g.dtype)
    for there, found in _firsts(largest, x, window, counts, stride, dilation):
        part = out[there]
        np.add(part, np.where(found, g, 0), part)
    return out


def _from_largest(h: Any, largest: Any, x: Any, /, window: Any, counts: Any, stride: Any,
                  dilation: Any) -> Any:
    """The transpose: of h the element at the first of the largest elements of each window."""
    out = np.zeros_like(largest, h.dtype)
    for there, found in _firsts(largest, x, window, counts, stride, dilation):
        np.add(out, np.where(found, h[there], 0), out)
    return out


# where the largest elements are has no derivative
to_largest: Primitive = primitive(
    _to_largest, lambda g, out, h, largest, x, **options: _along(from_largest, g, largest, x, options),
    None, None, atomic=True, internal=True)
from_largest: Primitive = primitive(
    _from_largest, lambda g, out, h, largest, x, **options: _along(to_largest, g, largest, x, options),
    None, None, atomic=True, internal=True)


def _along(made: Any, g: Any, largest: Any, x: Any, options: Any) -> Any:
    """One of the two maps, of arrays or, recorded, of Tensors."""
    if any(isinstance(a, Tensor) for a in (g, largest, x)):
        return apply(made, (g, largest, x), options)
    return made.function(g, largest, x, **options)


def _max_pool_back(g: Any, out: Any, x: Any, window: Any, counts: Any, stride: Any,
                   dilation: Any) -> Any:
    options = {"window": window, "counts": counts, "stride": stride, "dilation": dilation}
    return _along(to_largest, g, out, x, options)


def _avg_pool(x: Any, /, window: Any, counts: Any, stride: Any, divisor: Any) -> Any:
    if is_half(x):
        return _avg_pool(x.astype(np.float32), window, counts, stride, divisor).astype(np.float16)
    out: Any = None
    for _, there in places(window, counts, stride, (1,) * len(window)):
        out = x[there].copy("K") if out is None else np.add(out, x[there], out=out)
    return out / divisor


def _avg_pool_back(g: Any, out: Any, x: Any, window: Any, counts: Any, stride: Any,
                   divisor: Any) -> Any:
    ones = (1,) * len(window)
    share = np.broadcast_to(np.reshape(g / divisor, (*g.shape, *ones)), (*g.shape, *window))
    return overlap_add(share, x.shape[x.ndim - len(window) :], stride, ones)


# -- arguments ---------------------------------------------------------------------------------------


def _borders(operation: str, x: Tensor, window: Lengths, stride: Lengths, padding: Lengths,
             dilation: Lengths, ceil_mode: bool) -> list[tuple[int, int]]:
    """What to add around ``x``; with ``ceil_mode`` also what the last, incomplete windows need."""
    ceil_mode = check_switch(f"{operation}: ceil_mode", ceil_mode)
    if any(2 * p > k for p, k in zip(padding, window, strict=True)):
        raise OptionError(f"{operation}: padding={padding} is more than half of kernel_size={window}; "
                          "windows would lie outside of the input")
    after = list(padding)
    for i, (n, k, s, p, d) in enumerate(zip(
            x.shape[2:], window, stride, padding, dilation, strict=True)):
        beyond = n + 2 * p - d * (k - 1) - 1
        missing = -beyond % s
        starts_inside = beyond + missing < n + p  # a window must not begin behind the input
        after[i] += missing if ceil_mode and beyond >= 0 and starts_inside else 0
    return list(zip(padding, after, strict=True))


def _geometry(operation: str, ndim: int, kernel_size: Any, stride: Any, padding: Any,
              dilation: Any = 1) -> tuple[Lengths, Lengths, Lengths, Lengths]:
    window = numbers(operation, "kernel_size", kernel_size, ndim, 1)
    steps = window if stride is None else numbers(operation, "stride", stride, ndim, 1)
    return (window, steps, numbers(operation, "padding", padding, ndim, 0),
            numbers(operation, "dilation", dilation, ndim, 1))


def _max_pooled(made: Any, ndim: int, x: Any, kernel_size: Any, stride: Any, padding: Any,
                dilation: Any, ceil_mode: bool, return_indices: bool) -> Tensor:
    if return_indices is not False:
        raise OptionError(f"{made.name}: return_indices=True is not supported; leave it out")
    x, alone = batched(made.name, x, ndim)
    window, steps, around, reach = _geometry(made.name, ndim, kernel_size, stride, padding, dilation)
    lowest = (-np.inf if x.dtype.kind == "f" else False if x.dtype.kind == "b"
              else int(np.iinfo(x.dtype).min))
    x = bordered(x, _borders(made.name, x, window, steps, around, reach, ceil_mode), lowest)
    counts = count_windows(made.name, x, window, steps, reach)
    out = apply(made, (x,), {
        "window": window, "counts": counts, "stride": steps, "dilation": reach})
    return out[0] if alone else out


def _in_reach(n: int, window: int, stride: int, border: tuple[int, int], padding: int) -> Any:
    """How many elements of each window along one axis count for a mean."""
    begin = np.arange(0, n + sum(border) - window + 1, stride) - border[0]
    return np.minimum(begin + window, n + padding) - np.maximum(begin, -padding)


def _to_average(x: Tensor) -> Tensor:
    """``x`` as floats, in which sums do not overflow."""
    return x if x.dtype.kind == "f" else x.astype(float)


def _avg_pooled(made: Any, ndim: int, x: Any, kernel_size: Any, stride: Any, padding: Any,
                ceil_mode: bool, count_include_pad: bool, divisor_override: Any) -> Tensor:
    x, alone = batched(made.name, x, ndim)
    x, counted = _to_average(x), check_switch(f"{made.name}: count_include_pad", count_include_pad)
    window, steps, around, ones = _geometry(made.name, ndim, kernel_size, stride, padding)
    borders = _borders(made.name, x, window, steps, around, ones, ceil_mode)
    sizes = np.ones((), int)
    for n, k, s, border, p in zip(x.shape[2:], window, steps, borders, around, strict=True):
        sizes = sizes[..., None] * _in_reach(n, k, s, border, p if counted else 0)
    x = bordered(x, borders)
    counts = count_windows(made.name, x, window, steps, ones)
    if divisor_override is not None:
        numbers(made.name, "divisor_override", divisor_override, 1, 1)
    divisor = divisor_override or (int(sizes.flat[0]) if (sizes == sizes.flat[0]).all() else None)
    out = apply(made, (x,), {
        "window": window, "counts": counts, "stride": steps, "divisor": divisor or 1})
    if divisor is None:
        out = divide(out, sizes.astype(out.dtype))
    return out[0] if alone else out


# -- the public functions ----------------------------------------------------------------------------


@called_like((), _max_pool, _max_pool_back, analytic=False, atomic=True)
def max_pool1d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Tensor:
    """The largest element of each window; ``stride`` is ``kernel_size`` if it is not given.

    >>> import tinygrad_gd as tg
    >>> tg.max_pool1d(tg.Tensor([[1.0, 3.0, 2.0, 5.0]]), 2).tolist()
    [[3.0, 5.0]]
    """
    return _max_pooled(max_pool1d, 1, input, kernel_size, stride, padding, dilation, ceil_mode,
                       return_indices)


@called_like((), _max_pool, _max_pool_back, analytic=False, atomic=True)
def max_pool2d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Tensor:
    """The largest element of each window of an image (n, channels, height, width).

    ``ceil_mode`` keeps an incomplete last window; of several largest elements the first one gets
    the gradient.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.max_pool2d(tg.Tensor(np.arange(16.0).reshape(1, 4, 4)), 2).tolist()
    [[[5.0, 7.0], [13.0, 15.0]]]
    """
    return _max_pooled(max_pool2d, 2, input, kernel_size, stride, padding, dilation, ceil_mode,
                       return_indices)


@called_like((), _max_pool, _max_pool_back, analytic=False, atomic=True)
def max_pool3d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Tensor:
    """The largest element of each window of a volume (n, channels, depth, height, width)."""
    return _max_pooled(max_pool3d, 3, input, kernel_size, stride, padding, dilation, ceil_mode,
                       return_indices)


@called_like((), _avg_pool, _avg_pool_back, atomic=True)
def avg_pool1d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
               ceil_mode: bool = False, count_include_pad: bool = True) -> Tensor:
    """The mean of each window; without ``count_include_pad`` the padding does not count.

    >>> import tinygrad_gd as tg
    >>> tg.avg_pool1d(tg.Tensor([[1.0, 3.0, 2.0, 5.0]]), 2).tolist()
    [[2.0, 3.5]]
    """
    return _avg_pooled(avg_pool1d, 1, input, kernel_size, stride, padding, ceil_mode,
                       count_include_pad, None)


@called_like((), _avg_pool, _avg_pool_back, atomic=True)
def avg_pool2d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
               ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: Any = None) -> Tensor:
    """The mean of each window of an image; ``divisor_override`` takes the place of the window's size.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.avg_pool2d(tg.Tensor(np.arange(16.0).reshape(1, 4, 4)), 2).tolist()
    [[[2.5, 4.5], [10.5, 12.5]]]
    """
    return _avg_pooled(avg_pool2d, 2, input, kernel_size, stride, padding, ceil_mode,
                       count_include_pad, divisor_override)


@called_like((), _avg_pool, _avg_pool_back, atomic=True)
def avg_pool3d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
               ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: Any = None) -> Tensor:
    """The mean of each window of a volume; options as in `avg_pool2d`."""
    return _avg_pooled(avg_pool3d, 3, input, kernel_size, stride, padding, ceil_mode,
                       count_include_pad, divisor_override)


# -- a given number of windows -----------------------------------------------------------------------


def _spread(name: str, ndim: int, x: Any, output_size: Any) -> tuple[Tensor, Any, Lengths, bool]:
    """The input with equal windows, which lie side by side, and which of their elements count.

    Window i of n reaches from floor(i * length / n) to ceil((i + 1) * length / n). Where these differ
    in length, their elements are written out and the shorter ones repeat their last.
    """
    x, alone = batched(name, x, ndim)
    given = output_size if isinstance(output_size, tuple | list) else (output_size,) * ndim
    lengths = (*x.shape[2:], *given[ndim:])  # one too many is refused as it came
    given = tuple(n if o is None else o for o, n in zip(given, lengths, strict=False))
    size, used = numbers(name, "output_size", given, ndim, 1), np.ones((), bool)
    for axis, n in enumerate(size, 2):
        length, i = x.shape[axis], np.arange(n)
        if not length:
            raise ShapeError(f"{name}: axis {axis} of {describe(x)} is empty; there is nothing to pool")
        begin, end = i * length // n, -(-(i + 1) * length // n)
        places = begin[:, None] + np.arange((end - begin).max())
        used = used[..., None] & (places < end[:, None]).reshape(-1)
        if length % n:
            x = along(x, axis, np.minimum(places, end[:, None] - 1).reshape(-1))
    return x, used, size, alone


def _windows_of(x: Tensor, size: Lengths) -> dict[str, Any]:
    window = tuple(n // count for n, count in zip(x.shape[2:], size, strict=True))
    return {"window": window, "counts": size, "stride": window}


def _adaptive_max(made: Any, name: str, ndim: int, x: Any, output_size: Any) -> Tensor:
    x, _, size, alone = _spread(name, ndim, x, output_size)
    out = apply(made, (x,), {**_windows_of(x, size), "dilation": (1,) * ndim})
    return out[0] if alone else out


def _adaptive_avg(made: Any, name: str, ndim: int, x: Any, output_size: Any) -> Tensor:
    x, used, size, alone = _spread(name, ndim, x, output_size)
    x = _to_average(x)
    options = _windows_of(x, size)
    if used.all():
        out = apply(made, (x,), {**options, "divisor": prod(options["window"])})
    else:
        counts = _avg_pool(used.astype(x.dtype), **options, divisor=1)
        out = divide(apply(made, (where(used, x, 0),), {**options, "divisor": 1}), counts)
    return out[0] if alone else out


@implements()
def adaptive_max_pool1d(input: Any, output_size: Any) -> Tensor:
    """The largest elements of ``output_size`` windows, as equal as possible.

    >>> import tinygrad_gd as tg
    >>> tg.adaptive_max_pool1d(tg.Tensor([[1.0, 4.0, 2.0, 3.0, 0.0]]), 2).tolist()
    [[4.0, 3.0]]
    """
    return _adaptive_max(max_pool1d, "adaptive_max_pool1d", 1, input, output_size)


@implements()
def adaptive_max_pool2d(input: Any, output_size: Any) -> Tensor:
    """The largest elements of ``output_size`` (height, width) windows; None keeps a length."""
    return _adaptive_max(max_pool2d, "adaptive_max_pool2d", 2, input, output_size)


@implements()
def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """The means of ``output_size`` windows, as equal as possible."""
    return _adaptive_avg(avg_pool1d, "adaptive_avg_pool1d", 1, input, output_size)


@implements()
def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """The means of ``output_size`` (height, width) windows; None keeps a length.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.adaptive_avg_pool2d(tg.Tensor(np.ones((2, 3, 5, 7))), 1).shape  # global pooling
    (2, 3, 1, 1)
    """
    return _adaptive_avg(avg_pool2d, "adaptive_avg_pool2d", 2, input, output_size)


@implements()
def adaptive_max_pool3d(input: Any, output_size: Any) -> Tensor:
    """The largest elements of ``output_size`` (depth, height, width) windows; None keeps a length."""
    return _adaptive_max(max_pool3d, "adaptive_max_pool3d", 3, input, output_size)


@implements()
def adaptive_avg_pool3d(input: Any, output_size: Any) -> Tensor:
    """The means of ``output_size`` (depth, height, width) windows; None keeps a length."""
    return _adaptive_avg(avg_pool3d, "adaptive_avg_pool3d", 3, input, output_size)
