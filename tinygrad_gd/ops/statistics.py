"""Order statistics, averages, covariances, and functions that leave out NaN.

Where a derivative has to choose, equal elements share the gradient of a median or a quantile equally.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.primitive import apply, primitive
from ..engine.tensor import Tensor
from ..errors import DivisionError, OptionError, ShapeError, describe
from ..ground.fast import is_half
from ..ground.registry import implements
from .elementwise import where as select
from .reductions import count as count_of
from .reductions import (
    counted,
    divided,
    floating,
    from_last,
    mean,
    prod,
    share,
    std,
    to_last,
    var,
)
from .reductions import max as max_of
from .reductions import min as min_of
from .reductions import sum as sum_of
from .running import cumprod, cumsum
from .shape import broadcast_to, concatenate, reshape, stack
from .signatures import as_tensor, called_like, refuse

# -- order statistics ------------------------------------------------------------------------------


def _between(g: Any, a: Any, axis: Any, position: float) -> Any:
    """The cotangent to the two elements around a place in the sorted order, as they were weighed."""
    if not a.size:
        return a * 0
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
             method: str = "linear", keepdims: Any = False, *, weights: Any = None) -> Tensor:
    """The value below which the fraction ``q`` of the elements lies; a list of q gives a new axis 0.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([4.0, 1.0, 2.0], requires_grad=True)
    >>> tg.quantile(x, 0.25).backward(); x.grad.tolist()
    [0.0, 0.5, 0.5]
    """
    refuse("quantile", "use the returned Tensor", out=out)
    refuse("quantile", "repeat the elements instead", weights=weights)
    return _each_quantile(quantile, a, q, {"axis": axis, "method": method, "keepdims": keepdims})


def _each_quantile(row: Any, a: Any, q: Any, options: dict[str, Any]) -> Tensor:
    """One quantile for each fraction in ``q``, whose axes come first."""
    _check_fixed(row.name, q)
    fractions = np.asarray(q)
    if not np.all((fractions >= 0) & (fractions <= 1)):
        raise OptionError(f"{row.name}: q= must lie between 0 and 1, got {q}")
    parts = [apply(row, (a,), {"q": float(f), **options}) for f in fractions.flat]
    if not fractions.ndim:
        return parts[0]
    return reshape(stack(parts), (*fractions.shape, *parts[0].shape))


def _check_fixed(operation: str, q: Any) -> None:
    if isinstance(q, Tensor) and q.requires_grad:
        raise OptionError(f"{operation}: not differentiable in q, which is {describe(q)}; detach() it")


def _hundredths(operation: str, q: Any) -> Any:
    _check_fixed(operation, q)
    return np.true_divide(np.asarray(q), 100)


@implements(np.percentile)
def percentile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
               method: str = "linear", keepdims: Any = False, *, weights: Any = None) -> Tensor:
    """`quantile` with ``q`` from 0 to 100."""
    return quantile(a, _hundredths("percentile", q), axis, out, overwrite_input, method, keepdims,
                    weights=weights)


def _median(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.median(a, axis=axis, keepdims=keepdims)


@called_like(np.median, _median, lambda g, out, a, axis, keepdims:
             _between(g, a, axis, (count_of(a, axis) - 1) / 2), analytic=False)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
           keepdims: Any = False) -> Tensor:
    """The middle element in sorted order, or the mean of the two in the middle."""
    refuse("median", "use the returned Tensor", out=out)
    return apply(median, (a,), {"axis": axis, "keepdims": keepdims})


# -- averages and covariances ----------------------------------------------------------------------


def _check_total(total: Any, /, axis: Any, name: str | None, shape: tuple[int, ...]) -> Any:
    if (total == 0).any():
        whose = f"of {name!r} ({shape})" if name else f"of an array of shape {shape}"
        place = "" if axis is None else f" along axis={axis}"
        raise DivisionError(f"average: weights= {whose}{place} sum to 0, by which nothing can be "
                            "divided; give positive weights, and leave out what has none")
    return total


check_total = primitive(_check_total, kind="check", atomic=True, internal=True)


@implements(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *,
            keepdims: Any = False) -> Tensor | Any:
    """Weighted mean: ``sum(a * weights) / sum(weights)``."""
    a = as_tensor("average", a)
    if weights is None:
        result = mean(a, axis, keepdims=keepdims)
        total: Any = count_of(a, axis)
    else:
        weights = _along_axes(a, axis, as_tensor("average", weights))
        total = sum_of(weights, axis, keepdims=keepdims)
        apply(check_total, (total,), {"axis": axis, "name": a.name, "shape": a.shape})
        result = sum_of(a * weights, axis, keepdims=keepdims) / total
    if not returned:
        return result
    return result, broadcast_to(as_tensor("average", total).astype(result.dtype), result.shape)


def _along_axes(a: Tensor, axis: Any, weights: Tensor) -> Tensor:
    """Weights for the elements, from weights given for each place along ``axis``."""
    if weights.shape == a.shape:
        return weights
    axes = [] if axis is None else [axis] if not isinstance(axis, tuple) else list(axis)
    if not axes or weights.shape != tuple(a.shape[i] for i in axes):
        raise ShapeError(f"average: weights= must have the shape of {describe(a)}, or one length for "
                         f"each axis in axis={axis}; got {describe(weights)}")
    places = {i % a.ndim: n for i, n in zip(axes, weights.shape, strict=True)}
    order = sorted(range(len(axes)), key=lambda i: axes[i] % a.ndim)
    return reshape(weights.transpose(order), tuple(places.get(i, 1) for i in range(a.ndim)))


@implements(np.cov)
def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None,
        fweights: Any = None, aweights: Any = None, *, dtype: Any = None) -> Tensor:
    """Covariance matrix of variables that are the rows of ``m`` (and ``y``), observed in the columns.

    >>> import tinygrad_gd as tg
    >>> tg.cov(tg.Tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    refuse("cov", "repeat the columns, or use average", fweights=fweights, aweights=aweights)
    parts = [_variables(x, rowvar) for x in (m, y) if x is not None]
    x = parts[0] if len(parts) == 1 else concatenate(parts, axis=0)
    if dtype is None and is_half(x):  # whose products overflow soon
        return cov(x.astype(np.float32), bias=bias, ddof=ddof).astype(np.float16)
    x = x if dtype is None else x.astype(floating("cov", dtype))
    less = ddof if ddof is not None else 0 if bias else 1
    n = x.shape[1] - less
    if n <= 0:
        raise ShapeError(f"cov: {x.shape[1]} observations are too few for ddof={less}; "
                         "observations are the columns, use rowvar=False where they are the rows")
    x = x - mean(x, 1, keepdims=True)
    result: Tensor = np.matmul(x, x.T).squeeze() * (1 / n)
    return result


def _variables(x: Any, rowvar: bool) -> Tensor:
    x = as_tensor("cov", x)
    x = x if x.dtype.kind == "f" else x.astype(float)
    if x.ndim > 2:
        raise ShapeError(f"cov: expected at most two axes, got {describe(x)}")
    rows = x if x.ndim == 2 else reshape(x, (1, -1))
    return rows if rowvar or len(rows) == 1 else rows.T


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Tensor:
    """Correlation coefficients: `cov` divided by the standard deviations of both variables."""
    x = as_tensor("corrcoef", x)
    if is_half(x) and dtype is None:
        return corrcoef(x.astype(np.float32), y, rowvar).astype(np.float16)
    c = cov(x, y, rowvar, dtype=dtype)
    result: Tensor
    if not c.ndim:
        result = c / c
        return result
    deviation = np.sqrt(np.diagonal(c))
    result = np.clip(c / deviation[:, None] / deviation[None, :], -1, 1)
    return result


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
    a = as_tensor("nanmean", a)
    dtype, marked = floating("nanmean", dtype) if a.dtype.kind == "f" else dtype, ~np.isnan(a)
    if is_half(a) and dtype is None:  # as NumPy, whose mean adds up in float32, but not its nanmean
        total = sum_of(a, axis, None, out, keepdims, where=marked)
        return divided(total, counted(a, axis, keepdims, marked))
    return mean(a, axis, dtype, out, keepdims, where=marked)


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


def _nan_extreme(a: Any, result: Tensor, axis: Any, keepdims: Any) -> Tensor:
    """NaN where there was nothing else, as in NumPy."""
    if result.dtype.kind != "f":
        return result
    return select(np.all(np.isnan(a), axis=axis, keepdims=keepdims), np.nan, result)


@implements(np.nanmax)
def nanmax(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
           where: Any = True) -> Tensor:
    """`max` of the elements that are not NaN; NaN where there is none."""
    result = max_of(_filled(a, -np.inf), axis, out, keepdims, initial, where)
    return _nan_extreme(a, result, axis, keepdims) if initial is None else result


@implements(np.nanmin)
def nanmin(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
           where: Any = True) -> Tensor:
    """`min` of the elements that are not NaN; NaN where there is none."""
    result = min_of(_filled(a, np.inf), axis, out, keepdims, initial, where)
    return _nan_extreme(a, result, axis, keepdims) if initial is None else result


@implements(np.nancumsum)
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
    """`cumsum` that counts NaN as 0."""
    return cumsum(_filled(a, 0), axis, dtype, out)


@implements(np.nancumprod)
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
    """`cumprod` that counts NaN as 1."""
    return cumprod(_filled(a, 1), axis, dtype, out)


def _nanquantile(a: Any, /, q: float, axis: Any = None, keepdims: Any = False) -> Any:
    return np.nanquantile(a, q, axis=axis, keepdims=keepdims)


def _nanmedian(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.nanmedian(a, axis=axis, keepdims=keepdims)


def _among_numbers(g: Any, a: Any, axis: Any, q: float) -> Any:
    """The cotangent of a quantile to the elements around it: how many count decides where it lies."""
    rows = to_last(a, axis)
    if not rows.shape[-1]:
        return a * 0
    g = np.reshape(g, (*rows.shape[:-1], 1))
    n = np.add.reduce(~np.isnan(rows), axis=-1, keepdims=True)
    position = np.maximum(n - 1, 0) * q
    low = np.floor(position).astype("int64")
    ordered, weight = np.sort(rows), (position - low).astype(a.dtype)
    parts = []
    for place, part in ((low, 1 - weight), (np.minimum(low + 1, np.maximum(n - 1, 0)), weight)):
        mine = rows == np.take_along_axis(ordered, place, -1)
        parts.append(mine * (g * part / np.maximum(np.add.reduce(mine, axis=-1, keepdims=True), 1)))
    return from_last((parts[0] + parts[1]).astype(a.dtype), a, axis)


@called_like(np.nanquantile, _nanquantile, lambda g, out, a, q, axis, keepdims:
             _among_numbers(g, a, axis, q), analytic=False)
def nanquantile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
                method: str = "linear", keepdims: Any = False, *, weights: Any = None) -> Tensor:
    """`quantile` of the elements that are not NaN, by linear interpolation."""
    refuse("nanquantile", "use the returned Tensor", out=out)
    refuse("nanquantile", "repeat the elements instead", weights=weights)
    if method != "linear":
        raise OptionError(f"nanquantile: method={method!r} is not supported with Tensors, only "
                          "'linear'; of rows without NaN use quantile")
    return _each_quantile(nanquantile, a, q, {"axis": axis, "keepdims": keepdims})


@implements(np.nanpercentile)
def nanpercentile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
                  method: str = "linear", keepdims: Any = False, *, weights: Any = None) -> Tensor:
    """`nanquantile` with ``q`` from 0 to 100."""
    return nanquantile(a, _hundredths("nanpercentile", q), axis, out, overwrite_input, method, keepdims,
                       weights=weights)


@called_like(np.nanmedian, _nanmedian, lambda g, out, a, axis, keepdims:
             _among_numbers(g, a, axis, 0.5), analytic=False)
def nanmedian(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
              keepdims: Any = False) -> Tensor:
    """`median` of the elements that are not NaN."""
    refuse("nanmedian", "use the returned Tensor", out=out)
    return apply(nanmedian, (a,), {"axis": axis, "keepdims": keepdims})


def _nanargmax(a: Any, /, axis: Any = None, *, keepdims: Any = False) -> Any:
    """Position of the largest element along ``axis`` that is not NaN."""
    return np.asarray(np.nanargmax(a, axis=axis, keepdims=keepdims))[()]


def _nanargmin(a: Any, /, axis: Any = None, *, keepdims: Any = False) -> Any:
    """Position of the smallest element along ``axis`` that is not NaN."""
    return np.asarray(np.nanargmin(a, axis=axis, keepdims=keepdims))[()]


nanargmax = primitive(_nanargmax, numpy=np.nanargmax, kind="red")
nanargmin = primitive(_nanargmin, numpy=np.nanargmin, kind="red")
