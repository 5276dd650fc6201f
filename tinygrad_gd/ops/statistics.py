"""Order statistics, averages, functions that leave out NaN, differences and norms.

Conventions where a derivative has to choose: equal elements share the gradient of a median or a
quantile equally; the gradient of a norm at 0 is 0; of a p-norm also where an element is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import OptionError, ShapeError, describe
from ..primitive import apply, primitive
from ..registry import implements
from ..tensor import Tensor
from .reductions import count as count_of
from .reductions import cumprod, cumsum, kept, mean, prod, share, std, var
from .reductions import max as max_of
from .reductions import min as min_of
from .reductions import sum as sum_of
from .shape import along, axis_of, broadcast_to, concatenate, moveaxis, reshape, stack
from .signatures import as_tensor, called_like, refuse

# -- order statistics ------------------------------------------------------------------------------


def _between(g: Any, a: Any, axis: Any, position: float) -> Any:
    """The cotangent to the two elements around a place in the sorted order, as they were weighed."""
    low, last = int(np.floor(position)), max(count_of(a, axis) - 1, 1)
    weight = position - low
    below = np.quantile(a, low / last, axis=axis, method="nearest", keepdims=True)
    if weight == 0:
        return share(g, a, below, axis)
    above = np.quantile(a, (low + 1) / last, axis=axis, method="nearest", keepdims=True)
    return share(g * (1 - weight), a, below, axis) + share(g * weight, a, above, axis)


def _quantile(a: Any, /, q: float, axis: Any = None, method: str = "linear",
              keepdims: Any = False) -> Any:
    quantile_of: Any = np.quantile
    return quantile_of(a, q, axis=axis, method=method, keepdims=keepdims)


def _quantile_back(g: Any, out: Any, a: Any, q: float, axis: Any, method: str, keepdims: Any) -> Any:
    ramp = np.arange(count_of(a, axis), dtype=float)
    return _between(g, a, axis, float(_quantile(ramp, q, None, method)))  # any method is linear


@called_like(np.quantile, _quantile, _quantile_back, analytic=False)
def quantile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
             method: str = "linear", keepdims: Any = False, *, weights: Any = None) -> Any:
    """The value below which the fraction ``q`` of the elements lies; a list of q gives a new axis 0.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([4.0, 1.0, 2.0], requires_grad=True)
    >>> tg.quantile(x, 0.25).backward(); x.grad.tolist()
    [0.0, 0.5, 0.5]
    """
    refuse("quantile", "use the returned Tensor", out=out)
    refuse("quantile", "repeat the elements instead", weights=weights)
    if isinstance(q, Tensor) and q.requires_grad:
        raise OptionError(f"quantile: not differentiable in q, which is {describe(q)}; detach() it")
    fractions = np.asarray(q)
    if not np.all((fractions >= 0) & (fractions <= 1)):
        raise OptionError(f"quantile: q= must lie between 0 and 1, got {q}")
    options = {"axis": axis, "method": method, "keepdims": keepdims}
    parts = [apply(quantile, (a,), {"q": float(f), **options}) for f in fractions.flat]
    if not fractions.ndim:
        return parts[0]
    return reshape(stack(parts), (*fractions.shape, *parts[0].shape))


@implements(np.percentile)
def percentile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
               method: str = "linear", keepdims: Any = False, *, weights: Any = None) -> Any:
    """`quantile` with ``q`` from 0 to 100."""
    if isinstance(q, Tensor) and q.requires_grad:
        raise OptionError(f"percentile: not differentiable in q, which is {describe(q)}; detach() it")
    return quantile(a, np.true_divide(np.asarray(q), 100), axis, out, overwrite_input, method,
                    keepdims, weights=weights)


def _median(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.median(a, axis=axis, keepdims=keepdims)


@called_like(np.median, _median, lambda g, out, a, axis, keepdims:
             _between(g, a, axis, (count_of(a, axis) - 1) / 2), analytic=False)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
           keepdims: Any = False) -> Any:
    """The middle element in sorted order, or the mean of the two in the middle."""
    refuse("median", "use the returned Tensor", out=out)
    return apply(median, (a,), {"axis": axis, "keepdims": keepdims})


# -- averages and integrals ------------------------------------------------------------------------


@implements(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *,
            keepdims: Any = False) -> Any:
    """Weighted mean: ``sum(a * weights) / sum(weights)``."""
    a = as_tensor("average", a)
    if weights is None:
        result = mean(a, axis, keepdims=keepdims)
        total: Any = count_of(a, axis)
    else:
        weights = _along_axes(a, axis, as_tensor("average", weights))
        total = sum_of(weights, axis, keepdims=keepdims)
        result = sum_of(a * weights, axis, keepdims=keepdims) / total
    if not returned:
        return result
    return result, broadcast_to(as_tensor("average", total).astype(result.dtype), result.shape)


def _along_axes(a: Tensor, axis: Any, weights: Tensor) -> Tensor:
    """Weights for the elements, from weights given for each place along ``axis``."""
    if weights.shape == a.shape:
        return weights
    axes = [] if axis is None else [axis] if not isinstance(axis, tuple) else list(axis)
    if weights.shape != tuple(a.shape[i] for i in axes):
        raise ShapeError(f"average: weights= must have the shape of {describe(a)}, or one length for "
                         f"each axis in axis={axis}; got {describe(weights)}")
    places = {i % a.ndim: n for i, n in zip(axes, weights.shape, strict=True)}
    order = sorted(range(len(axes)), key=lambda i: axes[i] % a.ndim)
    return reshape(weights.transpose(order), tuple(places.get(i, 1) for i in range(a.ndim)))


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Differences of neighbours along ``axis``, ``n`` times over."""
    a = as_tensor("diff", a)
    if not a.ndim or n < 0:
        raise ShapeError(f"diff: expected at least one axis and n >= 0, got {describe(a)} and n={n}")
    axis = axis_of("diff", a, axis)
    edge = (*a.shape[:axis], 1, *a.shape[axis + 1 :])
    ends = [broadcast_to(as_tensor("diff", x), edge) if np.ndim(x) == 0 and x is not None else x
            for x in (prepend, append)]
    parts = [x for x in (ends[0], a, ends[1]) if x is not None]
    a = concatenate(parts, axis=axis) if len(parts) > 1 else a
    for _ in range(n):
        a = _slice(a, axis, 1, None) - _slice(a, axis, None, -1)
    return a


def _slice(a: Any, axis: int, start: int | None, stop: int | None) -> Any:
    return along(a, axis, slice(start, stop))


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """Integral of ``y`` over ``x`` by the trapezoidal rule: ``sum((y1 + y0) * (x1 - x0) / 2)``."""
    y = as_tensor("trapezoid", y)
    axis = axis_of("trapezoid", y, axis)
    width = dx
    if x is not None:
        width = diff(x, axis=0 if np.ndim(x) == 1 else axis)
        if width.ndim == 1:
            shape = [1] * y.ndim
            shape[axis] = -1
            width = reshape(width, shape)
    return sum_of(width * (_slice(y, axis, 1, None) + _slice(y, axis, None, -1)) / 2.0, axis)


# -- leaving out NaN -------------------------------------------------------------------------------


def _filled(a: Any, value: Any) -> Any:
    a = as_tensor("isnan", a)
    return np.where(np.isnan(a), value, a) if a.dtype.kind == "f" else a


@implements(np.nansum)
def nansum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
           initial: Any = None, where: Any = True) -> Tensor:
    """`sum` of the elements that are not NaN."""
    return sum_of(_filled(a, 0), axis, dtype, out, keepdims, initial, where)


@implements(np.nanprod)
def nanprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
            initial: Any = None, where: Any = True) -> Tensor:
    """`prod` of the elements that are not NaN."""
    return prod(_filled(a, 1), axis, dtype, out, keepdims, initial, where)


@implements(np.nanmean)
def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None,
            keepdims: Any = False) -> Tensor:
    """`mean` of the elements that are not NaN."""
    return mean(a, axis, dtype, out, keepdims, where=~np.isnan(a))


@implements(np.nanvar)
def nanvar(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
           keepdims: Any = False) -> Tensor:
    """`var` of the elements that are not NaN."""
    return var(a, axis, dtype, out, ddof, keepdims, where=~np.isnan(a))


@implements(np.nanstd)
def nanstd(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
           keepdims: Any = False) -> Tensor:
    """`std` of the elements that are not NaN."""
    return std(a, axis, dtype, out, ddof, keepdims, where=~np.isnan(a))


def _nan_extreme(a: Any, result: Any, axis: Any, keepdims: Any) -> Any:
    """NaN where there was nothing else, as in NumPy."""
    if result.dtype.kind != "f":
        return result
    return np.where(np.all(np.isnan(a), axis=axis, keepdims=keepdims), np.nan, result)


@implements(np.nanmax)
def nanmax(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """`max` of the elements that are not NaN; NaN where there is none."""
    return _nan_extreme(a, max_of(_filled(a, -np.inf), axis, out, keepdims), axis, keepdims)


@implements(np.nanmin)
def nanmin(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """`min` of the elements that are not NaN; NaN where there is none."""
    return _nan_extreme(a, min_of(_filled(a, np.inf), axis, out, keepdims), axis, keepdims)


@implements(np.nancumsum)
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
    """`cumsum` that counts NaN as 0."""
    return cumsum(_filled(a, 0), axis, dtype, out)


@implements(np.nancumprod)
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
    """`cumprod` that counts NaN as 1."""
    return cumprod(_filled(a, 1), axis, dtype, out)


def _nanargmax(a: Any, /, axis: Any = None, *, keepdims: Any = False) -> Any:
    return np.asarray(np.nanargmax(a, axis=axis, keepdims=keepdims))[()]


def _nanargmin(a: Any, /, axis: Any = None, *, keepdims: Any = False) -> Any:
    return np.asarray(np.nanargmin(a, axis=axis, keepdims=keepdims))[()]


nanargmax = primitive(_nanargmax, numpy=np.nanargmax, kind="red")
nanargmin = primitive(_nanargmin, numpy=np.nanargmin, kind="red")

# -- norms -----------------------------------------------------------------------------------------


def _norm(x: Any, /, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    return np.linalg.norm(x, ord, axis, keepdims)


def _norm_back(g: Any, out: Any, x: Any, ord: Any, axis: Any, keepdims: Any) -> Any:
    if ord in (np.inf, -np.inf):
        return share(g, np.absolute(x), out, axis) * np.sign(x)
    if ord == 0:
        return x * 0
    if ord == 1:
        return kept(g, x, axis) * np.sign(x)
    out, g = kept(out, x, axis), kept(g, x, axis)
    unit = x / np.where(out == 0, 1, out)  # between -1 and 1: its powers do not overflow
    if ord in (None, 2, "fro"):
        return g * unit
    size = np.where(x == 0, 1, np.absolute(unit))
    return np.where(x == 0, 0, g * np.sign(x) * size ** (ord - 1))


@called_like(np.linalg.norm, _norm, _norm_back, analytic=False)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    """Norm of vectors (any p, inf, -inf, 0) or matrices (fro, nuc, 1, -1, 2, -2, inf, -inf).

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([3.0, 4.0], requires_grad=True)
    >>> tg.norm(x).backward(); x.grad.tolist()
    [0.6, 0.8]
    """
    x = as_tensor("norm", x)
    if x.dtype.kind != "f":
        x = x.astype(float)
    pair = tuple(range(x.ndim)) if axis is None else axis
    is_matrix = isinstance(pair, tuple) and len(pair) == 2
    if is_matrix and ord not in (None, "fro"):
        return _matrix_norm(x, ord, pair[0], pair[1], keepdims)
    return apply(norm, (x,), {"ord": ord, "axis": axis, "keepdims": keepdims})


def _matrix_norm(x: Tensor, ord: Any, row: int, column: int, keepdims: Any) -> Tensor:
    """Norms of matrices, as sums and extremes of absolute values or of singular values."""
    row, column = row % x.ndim, column % x.ndim
    extreme: Any = max_of
    if ord in (2, -2, "nuc"):
        values = np.linalg.svd(moveaxis(x, (row, column), (-2, -1)), compute_uv=False)
        extreme = {2: max_of, -2: min_of, "nuc": sum_of}[ord]
        result = extreme(values, -1)
    elif ord in (1, -1, np.inf, -np.inf):
        summed, other = (row, column) if ord in (1, -1) else (column, row)
        extreme = max_of if ord > 0 else min_of
        result = extreme(sum_of(abs(x), summed), other - (other > summed))
    else:
        raise OptionError(f"norm: ord={ord!r} is not a matrix norm; use 'fro', 'nuc', 1, -1, 2, -2, "
                          "np.inf or -np.inf, or reshape to vectors")
    shape = tuple(1 if i in (row, column) else n for i, n in enumerate(x.shape))
    return reshape(result, shape) if keepdims else result


@implements(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: Any = False, ord: Any = 2) -> Tensor:
    """`norm` of vectors: of all elements, along an axis, or of several axes taken together."""
    x = as_tensor("vector_norm", x)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    moved = moveaxis(x, tuple(axes), tuple(range(-len(axes), 0)))
    shape = moved.shape[: x.ndim - len(axes)]
    result = norm(reshape(moved, (*shape, -1)), ord, -1)
    gone = {i % x.ndim for i in axes}
    kept_shape = tuple(1 if i in gone else n for i, n in enumerate(x.shape))
    return reshape(result, kept_shape) if keepdims else result


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: Any = False, ord: Any = "fro") -> Tensor:
    """`norm` of the matrices in the last two axes."""
    return norm(x, ord, (-2, -1), keepdims)
