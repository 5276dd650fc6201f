"""Functions sampled on a grid: differences, slopes, integrals, interpolation, polynomials."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from ..engine.primitive import apply, primitive
from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, ShapeError, describe
from ..ground.checks import check_switch
from ..ground.registry import implements
from .elementwise import where
from .reductions import one_number
from .reductions import sum as sum_of
from .running import cumprod
from .shape import along, axis_of, broadcast_to, concatenate, moveaxis, reshape
from .signatures import as_tensor, refuse
from .sorting import searchsorted

# -- differences -----------------------------------------------------------------------------------


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """Differences of neighbours along ``axis``, ``n`` times over."""
    steps = as_tensor("diff", a)
    if not steps.ndim or n < 0:
        raise ShapeError(f"diff: expected at least one axis and n >= 0, got {describe(steps)} and "
                         f"n={n}")
    axis = axis_of("diff", steps, axis)
    if n == 0:  # as NumPy: nothing is prepended or appended then
        return steps
    edge = (*steps.shape[:axis], 1, *steps.shape[axis + 1 :])
    ends = [broadcast_to(as_tensor("diff", x), edge) if np.ndim(x) == 0 and x is not None else x
            for x in (prepend, append)]
    parts = [x for x in (ends[0], steps, ends[1]) if x is not None]
    steps = concatenate(parts, axis=axis) if len(parts) > 1 else steps
    for _ in range(n):
        steps = _slice(steps, axis, 1, None) - _slice(steps, axis, None, -1)
    return steps


def _slice(a: Tensor, axis: int, start: int | None, stop: int | None) -> Tensor:
    return along(a, axis, slice(start, stop))


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Tensor:
    """Differences of neighbours in the flattened array, with values put before and after them."""
    flat = reshape(as_tensor("ediff1d", ary), -1)
    steps = flat[1:] - flat[:-1]
    parts = {"to_begin": to_begin, "": steps, "to_end": to_end}
    joined = [x if x is steps else _like_steps(name, x, flat)
              for name, x in parts.items() if x is not None]
    return concatenate(joined, axis=0) if len(joined) > 1 else steps


def _like_steps(option: str, values: Any, flat: Tensor) -> Tensor:
    """Values to put before or after the differences, in their dtype."""
    values = reshape(as_tensor("ediff1d", values), -1)
    if not np.can_cast(values.dtype, flat.dtype, "same_kind"):
        raise DTypeError(f"ediff1d: {option}= is {values.dtype}, the differences are {flat.dtype}; "
                         "convert the array first, with .astype(float)")
    result: Tensor = values.astype(flat.dtype)
    return result


# -- slopes ----------------------------------------------------------------------------------------


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Tensor | Any:
    """Slopes of samples along each axis (one Tensor, or a tuple for several axes), of second order.

    Parameters
    ----------
    varargs : the spacing of all axes, or for each its spacing or its coordinates; they get gradients.
    edge_order : 1 or 2, the order of the one-sided differences at the ends.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.gradient(tg.Tensor([0.0, 1.0, 4.0, 9.0])).tolist()
    [1.0, 2.0, 4.0, 5.0]
    """
    f = as_tensor("gradient", f)
    f = f if f.dtype.kind == "f" else f.astype(float)
    asked = range(f.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = [axis_of("gradient", f, i) for i in asked]
    if len(set(axes)) < len(axes):
        raise ShapeError(f"gradient: axis={axis} names an axis twice; name each axis once")
    if not axes:
        raise ShapeError(f"gradient: expected samples along at least one axis, got {describe(f)}; "
                         "check axis=")
    if len(varargs) not in (0, 1, len(axes)) or (len(varargs) == 1 < len(axes) and np.ndim(varargs[0])):
        raise ShapeError(f"gradient: expected one spacing, or a spacing or coordinates for each of "
                         f"{len(axes)} axes of {describe(f)}, got {len(varargs)}")
    if edge_order not in (1, 2):
        raise OptionError(f"gradient: edge_order= must be 1 or 2, got {edge_order!r}")
    spacings = varargs or (1.0,)
    spacings = spacings if len(spacings) == len(axes) else spacings * len(axes)
    slopes = tuple(_slopes(f, i, h, edge_order) for i, h in zip(axes, spacings, strict=True))
    return slopes[0] if len(slopes) == 1 else slopes


def _slopes(f: Tensor, axis: int, spacing: Any, edge_order: int) -> Tensor:
    """Along one axis, moved to the end."""
    f = moveaxis(f, axis, -1)
    n = f.shape[-1]
    if n <= edge_order:
        raise ShapeError(f"gradient: edge_order={edge_order} needs at least {edge_order + 1} samples, "
                         f"got {n} along axis {axis}")
    h = _steps(spacing, n, axis)
    ends = _ends_of_first_order if edge_order == 1 else _ends_of_second_order
    first, last = ends(f, h)
    if isinstance(spacing, Tensor) or np.ndim(h):
        before, after = (h[..., :-1], h[..., 1:]) if np.ndim(h) else (h, h)
        inner = (-after / (before * (before + after)) * f[..., :-2]
                 + (after - before) / (before * after) * f[..., 1:-1]
                 + before / (after * (before + after)) * f[..., 2:])
    else:
        inner = (f[..., 2:] - f[..., :-2]) / (2.0 * h)
    return moveaxis(concatenate([first, inner, last], axis=-1), -1, axis)


def _steps(spacing: Any, n: int, axis: int) -> Any:
    """The spacing: one number, or one for each pair of neighbours."""
    if not np.ndim(spacing):
        return spacing
    if np.shape(spacing) != (n,):
        raise ShapeError(f"gradient: expected {n} coordinates for axis {axis}, got shape "
                         f"{np.shape(spacing)}")
    if isinstance(spacing, Tensor):
        return spacing[1:] - spacing[:-1]
    steps = np.diff(np.asarray(spacing))
    return float(steps[0]) if np.all(steps == steps[0]) else steps  # as NumPy: rounded once


def _ends_of_first_order(f: Tensor, h: Any) -> tuple[Tensor, Tensor]:
    first, last = (h[0], h[-1]) if np.ndim(h) else (h, h)
    return (f[..., 1:2] - f[..., :1]) / first, (f[..., -1:] - f[..., -2:-1]) / last


def _ends_of_second_order(f: Tensor, h: Any) -> tuple[Tensor, Tensor]:
    x, y, v, w = (h[0], h[1], h[-2], h[-1]) if np.ndim(h) else (h, h, h, h)
    first = (-(2.0 * x + y) / (x * (x + y)) * f[..., :1] + (x + y) / (x * y) * f[..., 1:2]
             + -x / (y * (x + y)) * f[..., 2:3])
    last = (w / (v * (v + w)) * f[..., -3:-2] + -(w + v) / (v * w) * f[..., -2:-1]
            + (2.0 * w + v) / (w * (v + w)) * f[..., -1:])
    return first, last


# -- integrals -------------------------------------------------------------------------------------


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """Integral of ``y`` over ``x`` by the trapezoidal rule: ``sum((y1 + y0) * (x1 - x0) / 2)``."""
    y = as_tensor("trapezoid", y)
    axis_of("trapezoid", y, axis)
    width = dx
    if x is not None:
        x, along_x = as_tensor("trapezoid", x), 0 if np.ndim(x) == 1 else axis
        if x.shape[axis_of("trapezoid", x, along_x)] != y.shape[axis]:
            raise ShapeError(f"trapezoid: expected one place x for each value along axis {axis} of "
                             f"{describe(y)}, got {describe(x)}; leave x out for equal steps, dx=")
        width = diff(x, axis=along_x)
        if width.ndim == 1:
            shape = [1] * y.ndim
            shape[axis] = -1
            width = reshape(width, shape)
    return sum_of(width * (_slice(y, axis, 1, None) + _slice(y, axis, None, -1)) / 2.0, axis)


# -- between and beside the samples ----------------------------------------------------------------


@implements(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Tensor:
    """Linear interpolation at ``x`` of samples ``fp`` at ascending ``xp``; all three get gradients.

    At a sample, the slope is the one on its right (at the last, on its left); outside of all samples
    the value is ``left`` or ``right``, by default that of the nearest sample.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = tg.Tensor([0.5, 2.5], requires_grad=True)
    >>> np.interp(x, [0, 1, 2, 3], [0, 10, 30, 0]).sum().backward(); x.grad.tolist()
    [10.0, -30.0]
    """
    x, xp, fp = (_floating("interp", a) for a in (x, xp, fp))
    for option, value in (("left", left), ("right", right)):
        one_number("interp", option, value)
    if xp.shape != fp.shape or xp.ndim != 1 or not xp.size:
        raise ShapeError(f"interp: expected vectors of the same length, got xp {describe(xp)} and fp "
                         f"{describe(fp)}")
    if period is not None:
        x, xp, fp = _in_one_period(x, xp, fp, period)
        left = right = None
    if xp.size == 1:
        inside = fp[0] + 0 * x
    else:
        low = np.clip(searchsorted(xp.detach(), x.detach(), "right") - 1, 0, xp.size - 2)
        slope = (fp[low + 1] - fp[low]) / (xp[low + 1] - xp[low])
        inside = slope * (x - xp[low]) + fp[low]
        inside = where(x == xp[-1], slope * (x - xp[-1]) + fp[-1], inside)
    below = where(x < xp[0], fp[0] if left is None else left, inside)
    result: Tensor = where(x > xp[-1], fp[-1] if right is None else right, below)
    return result


def _floating(operation: str, x: Any) -> Any:
    x = as_tensor(operation, x)
    return x if x.dtype.kind == "f" else x.astype(float)


def _in_one_period(x: Tensor, xp: Tensor, fp: Tensor, period: Any) -> tuple[Any, Any, Any]:
    """All places moved into 0 ... period, and one sample more on each side."""
    if not np.all(np.asarray(period) != 0):
        raise OptionError("interp: period= must not be 0")
    period = abs(period)
    x, xp = np.remainder(x, period), np.remainder(xp, period)
    order = np.argsort(xp.detach())
    xp, fp = xp[order], fp[order]
    return (x, concatenate([xp[-1:] - period, xp, xp[:1] + period], axis=0),
            concatenate([fp[-1:], fp, fp[:1]], axis=0))


def _ends(operation: str, start: Any, stop: Any) -> list[Any]:
    """Both as floating Tensors; a Python number takes the dtype of the other."""
    given = [x if isinstance(x, int | float) else _floating(operation, x) for x in (start, stop)]
    dtype = np.result_type(*given, 0.0)
    return [Tensor(x, dtype=dtype) if isinstance(x, int | float) else x for x in given]


@implements(np.linspace)
def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
             dtype: Any = None, axis: int = 0, *, device: Any = None) -> Tensor | Any:
    """``num`` evenly spaced values from ``start`` to ``stop``, which both get gradients.

    >>> import tinygrad_gd as tg
    >>> tg.linspace(tg.Tensor(0.0), 1.0, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    refuse("linspace", "leave it out", device=device)
    first, last = _ends("linspace", start, stop)
    num = index(num)
    if num < 0:
        raise OptionError(f"linspace: num= must be an integer >= 0, got {num}")
    delta, parts = last - first, num - 1 if endpoint else num
    ramp = np.arange(num, dtype=delta.dtype).reshape(-1, *(1,) * delta.ndim)
    delta = delta[None]  # as many axes as the ramp
    step = delta / parts if parts > 0 else delta * np.nan
    values = first + (ramp * step if parts > 0 else ramp * delta)
    if endpoint and num > 1:
        end = last if last.dtype == values.dtype else last.astype(values.dtype)
        values = concatenate([values[:-1], broadcast_to(end, values.shape[1:])[None]], axis=0)
    values = moveaxis(values, 0, axis) if axis else values
    if dtype is not None:  # integers are rounded down, as NumPy does
        values = (np.floor(values) if np.dtype(dtype).kind in "iu" else values).astype(dtype)
    return (values, step[0] if parts > 0 else Tensor(np.nan)) if retstep else values


@implements(np.logspace)
def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0,
             dtype: Any = None, axis: int = 0) -> Tensor:
    """``base`` to the powers of `linspace`: values whose ratios are equal.

    >>> import tinygrad_gd as tg
    >>> tg.logspace(tg.Tensor(0.0), 2.0, 3).tolist()
    [1.0, 10.0, 100.0]
    """
    if np.ndim(base):
        raise ShapeError(f"logspace: base= must be one number, got {describe(base)}")
    values: Tensor = base ** linspace(start, stop, num, endpoint, axis=axis)
    return values if dtype is None else values.astype(dtype)


def _on_one_side(start: Any, stop: Any, /) -> Any:
    if np.any(np.sign(start) * np.sign(stop) <= 0):
        raise OptionError("geomspace: start and stop must not be 0 and have the same sign, got "
                          f"{start} and {stop}; use linspace across 0")
    return start


on_one_side = primitive(_on_one_side, kind="check", atomic=True, internal=True)


@implements(np.geomspace)
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None,
              axis: int = 0) -> Tensor:
    """``num`` values from ``start`` to ``stop`` whose ratios are equal; both get gradients.

    >>> import tinygrad_gd as tg
    >>> tg.geomspace(tg.Tensor(-1.0), -100.0, 3).tolist()
    [-1.0, -10.0, -100.0]
    """
    first, last = _ends("geomspace", start, stop)
    apply(on_one_side, (first, last))
    sign = np.sign(first)
    values = logspace(np.log10(first / sign), np.log10(last / sign), num, endpoint)
    inner = values[1:-1] if endpoint and num > 1 else values[1:]
    ends = [broadcast_to(end / sign, values.shape[1:])[None]  # exact, as in NumPy
            for end in (first, last)][: min(num, 1 + bool(endpoint))]
    values = concatenate([*ends[:1], inner, *ends[1:]], axis=0) * sign
    values = moveaxis(values, 0, axis) if axis else values
    return values if dtype is None else values.astype(dtype)


@implements(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of a vector's elements as the columns of a matrix, the highest first.

    The powers of float32 are float32 here, as in all operations, and float64 in NumPy.

    >>> import tinygrad_gd as tg
    >>> tg.vander(tg.Tensor([2.0, 3.0]), 3).tolist()
    [[4.0, 2.0, 1.0], [9.0, 3.0, 1.0]]
    """
    x = as_tensor("vander", x)
    if x.ndim != 1:
        raise ShapeError(f"vander: expected a vector, got {describe(x)}; use reshape(-1)")
    increasing = check_switch("vander: increasing", increasing)
    if x.dtype.kind != "f":
        x = x.astype(np.promote_types(x.dtype, int))
    factors = broadcast_to(reshape(x, (-1, 1)), (x.size, max((x.size if N is None else N) - 1, 0)))
    one = np.ones((x.size, min(1, x.size if N is None else N)), x.dtype)
    powers = concatenate([one, cumprod(factors, 1)], axis=1)
    return powers if increasing else powers[:, ::-1]


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Tensor:
    """The polynomial with coefficients ``p``, the highest power first, at ``x``; both get gradients.

    >>> import tinygrad_gd as tg
    >>> tg.polyval(tg.Tensor([1.0, 0.0, -2.0]), 3.0).item()
    7.0
    """
    p, x = as_tensor("polyval", p), as_tensor("polyval", x)
    if p.ndim != 1:
        raise ShapeError(f"polyval: expected a vector of coefficients, got {describe(p)}")
    value: Tensor = np.zeros_like(x)
    for coefficient in p:
        value = value * x + coefficient
    return value
