"""Running sums and products.

The gradient of cumprod is right where some elements are 0, to any order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import ShapeError, describe
from ..ground.registry import implements
from .reductions import from_last, in_dtype, prepared, to_last
from .shape import concatenate
from .signatures import as_tensor, called_like


def _cumsum(a: Any, /, axis: Any = None) -> Any:
    return a.cumsum(axis)


def _cumsum_back(g: Any, out: Any, a: Any, axis: Any) -> Any:
    return np.reshape(np.flip(np.cumsum(np.flip(g, axis), axis), axis), a.shape)


@called_like(np.cumsum, _cumsum, _cumsum_back)
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
    """Running sums along ``axis``, of the flattened array by default."""
    if not (dtype is out is None):
        a = prepared("cumsum", a, dtype, out, True, 0)
    return in_dtype(apply(cumsum, (a,), {"axis": axis}), dtype)


def _cumprod(a: Any, /, axis: Any = None) -> Any:
    return a.cumprod(axis)


def _ahead(x: Any, step: int) -> Any:
    """``x[k + step]`` along the last axis, and 0 beyond the end."""
    beyond = np.zeros((*x.shape[:-1], step), x.dtype)
    return np.concatenate([x[..., step:], beyond], axis=-1)


def _cumprod_back(g: Any, out: Any, a: Any, axis: Any) -> Any:
    """Before * (g[k] + a[k+1] g[k+1] + a[k+1] a[k+2] g[k+2] + ...), by doubling, without dividing."""
    if not a.size:
        return np.reshape(g, a.shape)
    rest = to_last(g, axis)
    one = np.ones((*rest.shape[:-1], 1), a.dtype)
    before = np.concatenate([one, to_last(out, axis)[..., :-1]], axis=-1)
    factor, step = _ahead(to_last(a, axis), 1), 1
    while step < rest.shape[-1]:
        rest = rest + factor * _ahead(rest, step)
        factor = factor * _ahead(factor, step)
        step *= 2
    return from_last(before * rest, a, axis)


@called_like(np.cumprod, _cumprod, _cumprod_back)
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
    """Running products along ``axis``; the gradient is right where some elements are 0."""
    if not (dtype is out is None):
        a = prepared("cumprod", a, dtype, out, True, 1)
    return in_dtype(apply(cumprod, (a,), {"axis": axis}), dtype)


# -- by the names of the array API -----------------------------------------------------------------


def _running(operation: str, row: Any, x: Any, axis: Any, dtype: Any, out: Any, first: Any) -> Tensor:
    """From the start along ``axis``; with ``first``, from this value before the first element."""
    x = as_tensor(operation, x)
    if axis is None and x.ndim != 1:
        raise ShapeError(f"{operation}: axis= is needed for {describe(x)}, as for all but vectors")
    axis = 0 if axis is None else axis
    result: Tensor = row(x, axis, dtype, out)
    if first is None:
        return result
    edge = [1 if i == axis % x.ndim else n for i, n in enumerate(x.shape)]
    joined: Tensor = concatenate([np.full(edge, first, result.dtype), result], axis=axis)
    return joined


def cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None,
                   include_initial: bool = False) -> Tensor:
    """`cumsum`, on demand with the 0 that it starts from.

    >>> import tinygrad_gd as tg
    >>> tg.cumulative_sum(tg.Tensor([1.0, 2.0]), include_initial=True).tolist()
    [0.0, 1.0, 3.0]
    """
    return _running("cumulative_sum", cumsum, x, axis, dtype, out, 0 if include_initial else None)


def cumulative_prod(x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None,
                    include_initial: bool = False) -> Tensor:
    """`cumprod`, on demand with the 1 that it starts from."""
    return _running("cumulative_prod", cumprod, x, axis, dtype, out, 1 if include_initial else None)


for _new in (cumulative_sum, cumulative_prod):  # since NumPy 2.1
    implements(*(f for f in [getattr(np, _new.__name__, None)] if f))(_new)
