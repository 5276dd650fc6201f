"""Convolution as neural networks mean it (the kernel is not flipped), and its transpose.

The elements under each window become a column of a matrix, and the convolution is one product of
matrices. PyTorch's names, arguments and axes: the input is
(n, channels, *lengths), the weight (out_channels, channels / groups, *window).
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...engine.primitive import apply
from ...engine.tensor import Tensor
from ...errors import OptionError, ShapeError, describe
from ...ground.registry import implements
from ..elementwise import add
from ..shape import flip, reshape
from ..signatures import as_tensor, called_like
from .columns import Borders, col2im, im2col, samples_first, samples_last
from .windows import Lengths, batched, count_windows, numbers

# -- three maps that are each other's derivatives ----------------------------------------------------


def _columns(x: Any, window: Any, counts: Any, stride: Any, dilation: Any, padding: Any,
             groups: int) -> Any:
    """(n, channels, *lengths) to (groups, channels / groups * window, places * n)."""
    columns = im2col(x, window, counts, stride, dilation, padding)
    return np.reshape(columns, (groups, x.shape[1] // groups * prod(window), prod(counts) * x.shape[0]))


def _grouped(x: Any, groups: int) -> Any:
    """(n, channels, *lengths) to (groups, channels / groups, places * n)."""
    shape = (groups, x.shape[1] // groups, prod(x.shape[2:]) * x.shape[0])
    return np.reshape(samples_last(x), shape)


def _matrices(weight: Any, groups: int) -> Any:
    """(out, channels / groups, *window) to (groups, out / groups, channels / groups * window)."""
    return np.reshape(weight, (groups, weight.shape[0] // groups, prod(weight.shape[1:])))


def _conv(x: Any, weight: Any, /, counts: Any, stride: Any, dilation: Any, padding: Any,
          groups: int) -> Any:
    columns = _columns(x, weight.shape[2:], counts, stride, dilation, padding, groups)
    product = _matrices(weight, groups) @ columns
    return samples_first(np.reshape(product, (weight.shape[0], *counts, x.shape[0])))


def _conv_transpose(x: Any, weight: Any, /, shape: Any, stride: Any, dilation: Any, padding: Any,
                    groups: int) -> Any:
    product = np.swapaxes(_matrices(weight, groups), 1, 2) @ _grouped(x, groups)
    columns = np.reshape(
        product, (groups * weight.shape[1], *weight.shape[2:], *x.shape[2:], x.shape[0]))
    return col2im(columns, shape, stride, dilation, padding)


def _for_weight(x: Any, g: Any, weight: Any, stride: Any, dilation: Any, padding: Any,
                groups: int) -> Any:
    """The cotangent of the weight, from the input and the cotangent of the output."""
    columns = _columns(x, weight.shape[2:], g.shape[2:], stride, dilation, padding, groups)
    product = columns @ np.swapaxes(_grouped(g, groups), 1, 2)  # sooner than its transpose
    return np.reshape(np.swapaxes(product, 1, 2), weight.shape)


def _conv_input(g: Any, out: Any, x: Any, weight: Any, counts: Any, stride: Any, dilation: Any,
                padding: Any, groups: int) -> Any:
    return _conv_transpose(g, weight, x.shape[2:], stride, dilation, padding, groups)


def _conv_weight(g: Any, out: Any, x: Any, weight: Any, counts: Any, stride: Any, dilation: Any,
                 padding: Any, groups: int) -> Any:
    return _for_weight(x, g, weight, stride, dilation, padding, groups)


def _transpose_input(g: Any, out: Any, x: Any, weight: Any, shape: Any, stride: Any, dilation: Any,
                     padding: Any, groups: int) -> Any:
    return _conv(g, weight, x.shape[2:], stride, dilation, padding, groups)


def _transpose_weight(g: Any, out: Any, x: Any, weight: Any, shape: Any, stride: Any, dilation: Any,
                      padding: Any, groups: int) -> Any:
    return _for_weight(g, x, weight, stride, dilation, padding, groups)


# -- arguments ---------------------------------------------------------------------------------------


def _weight(operation: str, weight: Any, ndim: int, x: Tensor, groups: Any, axis: int) -> Tensor:
    """The weight, checked against the input's channels, which its ``axis`` has."""
    weight = as_tensor(operation, weight)
    if weight.ndim != ndim + 2:
        raise ShapeError(f"{operation}: expected a weight with {ndim + 2} axes, "
                         f"{'(out, in / groups' if axis else '(in, out / groups'}, *window), got "
                         f"{describe(weight)}")
    if 0 in weight.shape[2:]:
        raise ShapeError(f"{operation}: expected a window with elements, got the weight "
                         f"{describe(weight)}; its lengths must be at least 1")
    numbers(operation, "groups", groups, 1, 1)
    if weight.shape[0] % groups or x.shape[1] % groups:
        raise ShapeError(f"{operation}: groups={groups} does not divide {x.shape[1]} channels of the "
                         f"input and {weight.shape[0]} of the weight, {describe(weight)}; choose a "
                         "common divisor")
    if x.shape[1] != (weight.shape[1] * groups if axis else weight.shape[0]):
        raise ShapeError(f"{operation}: the input {describe(x)} has {x.shape[1]} channels, the weight "
                         f"{describe(weight)} with groups={groups} is made for "
                         f"{weight.shape[1] * groups if axis else weight.shape[0]}; check axis 1 of "
                         "the input and in_channels")
    checked: Tensor = weight
    return checked


def _borders(operation: str, padding: Any, window: Lengths, stride: Lengths,
             dilation: Lengths) -> Borders:
    if padding == "valid":
        return ((0, 0),) * len(window)
    if padding == "same":
        if max(stride) > 1:
            raise OptionError(f"{operation}: padding='same' needs stride=1, got stride={stride}; give "
                              "the padding as a number")
        extra = [d * (k - 1) for k, d in zip(window, dilation, strict=True)]
        return tuple((n // 2, n - n // 2) for n in extra)
    if isinstance(padding, str):
        raise OptionError(f"{operation}: padding= must be 'valid', 'same', an integer or a tuple of "
                          f"them, got {padding!r}")
    return tuple((p, p) for p in numbers(operation, "padding", padding, len(window), 0))


def _with_bias(operation: str, out: Tensor, bias: Any, alone: bool) -> Tensor:
    if bias is not None:
        bias = as_tensor(operation, bias)
        if bias.shape != out.shape[1:2]:
            raise ShapeError(f"{operation}: expected a bias of shape {out.shape[1:2]}, one for each "
                             f"output channel, got {describe(bias)}")
        out = add(out, reshape(bias, (-1, *(1,) * (out.ndim - 2))))
    return out[0] if alone else out


def _convolved(made: Any, ndim: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any,
               dilation: Any, groups: Any) -> Tensor:
    name = made.name
    x, alone = batched(name, x, ndim)
    weight = _weight(name, weight, ndim, x, groups, 1)
    steps = numbers(name, "stride", stride, ndim, 1)
    reach = numbers(name, "dilation", dilation, ndim, 1)
    window = weight.shape[2:]
    borders = _borders(name, padding, window, steps, reach)
    counts = count_windows(name, x, window, steps, reach, borders)
    out = apply(made, (x, weight), {"counts": counts, "stride": steps, "dilation": reach,
                                    "padding": borders, "groups": groups})
    return _with_bias(name, out, bias, alone)


def _transposed(made: Any, ndim: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any,
                output_padding: Any, groups: Any, dilation: Any) -> Tensor:
    name = made.name
    x, alone = batched(name, x, ndim)
    weight = _weight(name, weight, ndim, x, groups, 0)
    steps = numbers(name, "stride", stride, ndim, 1)
    reach = numbers(name, "dilation", dilation, ndim, 1)
    cut = numbers(name, "padding", padding, ndim, 0)
    more = numbers(name, "output_padding", output_padding, ndim, 0)
    if any(m >= max(s, d) for m, s, d in zip(more, steps, reach, strict=True)):
        raise OptionError(f"{name}: output_padding={output_padding} must be smaller than stride= or "
                          f"dilation=, {steps} and {reach}")
    whole = tuple((n - 1) * s + d * (k - 1) + 1 + m for n, s, d, k, m in zip(
        x.shape[2:], steps, reach, weight.shape[2:], more, strict=True))
    if any(n <= 2 * p for n, p in zip(whole, cut, strict=True)):
        raise ShapeError(f"{name}: padding={padding} cuts everything off an output of {whole}; use "
                         "less padding=")
    out = apply(made, (x, weight), {
        "shape": tuple(n - 2 * p for n, p in zip(whole, cut, strict=True)), "stride": steps,
        "dilation": reach, "padding": tuple((p, p) for p in cut), "groups": groups})
    return _with_bias(name, out, bias, alone)


# -- the public functions ----------------------------------------------------------------------------


@called_like((), _conv, _conv_input, _conv_weight, kind="op")
def conv1d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
           dilation: Any = 1, groups: int = 1) -> Tensor:
    """``out[n, o, i] = bias[o] + sum over c, k of weight[o, c, k] * input[n, c, i + k]``.

    >>> import tinygrad_gd as tg
    >>> tg.conv1d(tg.Tensor([[1.0, 2.0, 4.0, 8.0]]), [[[-1.0, 1.0]]]).tolist()
    [[1.0, 2.0, 4.0]]
    """
    return _convolved(conv1d, 1, input, weight, bias, stride, padding, dilation, groups)


@called_like((), _conv, _conv_input, _conv_weight, kind="op")
def conv2d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
           dilation: Any = 1, groups: int = 1) -> Tensor:
    """``out[n, o, i, j] = bias[o] + sum of weight[o, c, k, l] * input[n, c, i + k, j + l]``.

    Parameters
    ----------
    input : (n, in_channels, height, width), or one image without ``n``.
    weight : (out_channels, in_channels / groups, height, width of the window).
    bias : (out_channels,).
    stride, padding, dilation : one integer, or one for height and one for width; padding also
        ``"valid"`` (none) or ``"same"`` (the output is as large as the input).
    groups : the channels are convolved in that many separate groups.

    >>> import numpy as np, tinygrad_gd as tg
    >>> image, weight = tg.Tensor(np.ones((1, 3, 8, 8))), np.ones((4, 3, 3, 3))
    >>> tg.conv2d(image, weight, stride=2, padding=1).shape
    (1, 4, 4, 4)
    """
    return _convolved(conv2d, 2, input, weight, bias, stride, padding, dilation, groups)


@called_like((), _conv, _conv_input, _conv_weight, kind="op")
def conv3d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
           dilation: Any = 1, groups: int = 1) -> Tensor:
    """`conv2d` of volumes: (n, in_channels, depth, height, width).

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.conv3d(np.ones((1, 2, 4, 5, 6)), np.ones((3, 2, 2, 2, 2))).shape
    (1, 3, 3, 4, 5)
    """
    return _convolved(conv3d, 3, input, weight, bias, stride, padding, dilation, groups)


@called_like((), _conv_transpose, _transpose_input, _transpose_weight, kind="op")
def conv_transpose1d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Tensor:
    """The transpose (the derivative by the input) of `conv1d`, weights (in, out / groups, length).

    >>> import tinygrad_gd as tg
    >>> tg.conv_transpose1d(tg.Tensor([[1.0, 2.0]]), [[[1.0, 10.0]]], stride=2).tolist()
    [[1.0, 10.0, 2.0, 20.0]]
    """
    return _transposed(conv_transpose1d, 1, input, weight, bias, stride, padding, output_padding,
                       groups, dilation)


@called_like((), _conv_transpose, _transpose_input, _transpose_weight, kind="op")
def conv_transpose2d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Tensor:
    """The transpose (the derivative by the input) of `conv2d`; it makes images larger.

    The weight is (in_channels, out_channels / groups, height, width); ``padding`` is cut off, and
    ``output_padding`` rows and columns are added at the end.

    >>> import numpy as np, tinygrad_gd as tg
    >>> image, weight = tg.Tensor(np.ones((1, 3, 4, 4))), np.ones((3, 2, 2, 2))
    >>> tg.conv_transpose2d(image, weight, stride=2).shape
    (1, 2, 8, 8)
    """
    return _transposed(conv_transpose2d, 2, input, weight, bias, stride, padding, output_padding,
                       groups, dilation)


@called_like((), _conv_transpose, _transpose_input, _transpose_weight, kind="op")
def conv_transpose3d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Tensor:
    """The transpose (the derivative by the input) of `conv3d`; it makes volumes larger."""
    return _transposed(conv_transpose3d, 3, input, weight, bias, stride, padding, output_padding,
                       groups, dilation)


# -- NumPy's convolution of two vectors --------------------------------------------------------------


def _vectors(operation: str, a: Any, v: Any, mode: str) -> tuple[Tensor, Tensor]:
    a, v = as_tensor(operation, a), as_tensor(operation, v)
    a, v = (reshape(x, 1) if x.ndim == 0 else x for x in (a, v))
    for position, x in enumerate((a, v)):
        if x.ndim != 1 or not x.size:
            raise ShapeError(f"{operation}: expected vectors of at least one element, got "
                             f"{describe(x, position)}; use tg.conv1d for batches")
    if mode not in ("full", "same", "valid"):
        raise OptionError(f"{operation}: mode= must be 'full', 'same' or 'valid', got {mode!r}")
    return a, v


def _convolve(a: Any, v: Any, /, mode: str = "full") -> Any:
    return np.convolve(a, v, mode)  # type: ignore[call-overload]


def _correlated(g: Any, x: Any, y: Any, mode: str) -> Any:
    """The cotangent of ``x`` in ``convolve(x, y, mode)``: ``g`` in full length, with ``y``."""
    shorter, missing = min(x.size, y.size), x.size + y.size - 1 - g.size
    before = {"full": 0, "same": (shorter - 1) // 2, "valid": shorter - 1}[mode]
    return np.correlate(np.pad(g, (before, missing - before)) if missing else g, y, "valid")


@called_like(np.convolve, _convolve, lambda g, out, a, v, mode: _correlated(g, a, v, mode),
             lambda g, out, a, v, mode: _correlated(g, v, a, mode), kind="op")
def convolve(a: Any, v: Any, mode: str = "full") -> Tensor:
    """``out[n] = sum over k of a[n - k] * v[k]`` of two vectors: the product of polynomials.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.convolve(tg.Tensor([1.0, 2.0]), [1.0, 10.0, 100.0]).tolist()
    [1.0, 12.0, 120.0, 200.0]
    """
    return apply(convolve, _vectors("convolve", a, v, mode), {"mode": mode})


@implements(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Tensor:
    """``out[k] = sum over n of a[n + k] * v[n]`` of two vectors.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.correlate(tg.Tensor([1.0, 2.0, 4.0]), [1.0, 1.0]).tolist()
    [3.0, 6.0]
    """
    a, v = _vectors("correlate", a, v, mode)
    if v.shape[0] > a.shape[0]:  # the result of the exchanged vectors, in reverse
        result: Tensor = flip(convolve(v, flip(a), mode))
        return result
    return convolve(a, flip(v), mode)
