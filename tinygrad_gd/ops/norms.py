"""Norms of vectors and matrices.

Conventions where a derivative has to choose: the gradient of a norm at 0 is 0, and so is that of a
p-norm with p < 1 where an element is 0; second derivatives are NaN there. Of several infinite elements
nobody can say how they share the gradient: it is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import OptionError
from ..ground.registry import implements
from .in_rules import by_convention
from .reductions import check_some, kept, share
from .reductions import max as max_of
from .reductions import min as min_of
from .reductions import sum as sum_of
from .shape import axis_of, moveaxis, reshape
from .signatures import as_tensor, called_like


def _norm(x: Any, /, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    return np.linalg.norm(x, ord, axis, keepdims)


def _norm_back(g: Any, out: Any, x: Any, ord: Any, axis: Any, keepdims: Any) -> Any:
    if ord in (np.inf, -np.inf):
        return share(g, np.absolute(x), out, axis) * np.sign(x)
    if ord == 0:
        return x * 0
    if ord == 1:
        return kept(g, x, axis) * np.sign(x)
    g, unit = kept(g, x, axis), _unit(x, kept(out, x, axis), axis)  # its powers do not overflow
    if ord in (None, 2, "fro"):
        return g * unit
    if ord > 1:  # an even power of the element itself is smooth also where that is 0
        slope = np.power if ord % 2 == 0 else _signed_power
        return g * slope(unit, ord - 1)
    flat = x == 0
    unit = by_convention(flat, unit)
    return np.where(flat, 0, g * np.sign(x) * np.where(flat, 1, np.absolute(unit)) ** (ord - 1))


def _signed_power(x: Any, p: float) -> Any:
    return np.sign(x) * np.absolute(x) ** p


def _unit(x: Any, length: Any, axis: Any) -> Any:
    """``x / length``, 0 for the zero vector; beside one infinite element all others are 0."""
    zero, infinite = length == 0, np.isinf(x) & np.isinf(length)
    alone = np.add.reduce(infinite, axis=axis, keepdims=True) == 1
    x = by_convention(zero, np.where(infinite, np.where(alone, np.sign(x), np.nan), x))
    return x / np.where(zero | infinite, 1, length)


@called_like(np.linalg.norm, _norm, _norm_back, analytic=False)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Tensor:
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
    if ord == -np.inf:
        check_some("norm", x, axis)
    return apply(norm, (x,), {"ord": ord, "axis": axis, "keepdims": keepdims})


def _smallest(x: Tensor, axis: Any) -> Tensor:
    check_some("norm", x, axis)
    return min_of(x, axis)


def _matrix_norm(x: Tensor, ord: Any, row: int, column: int, keepdims: Any) -> Tensor:
    """Norms of matrices, as sums and extremes of absolute values or of singular values."""
    row, column = (axis_of("norm", x, axis) for axis in (row, column))
    largest: Any = max_of if x.size else sum_of  # of nothing it is 0, as in NumPy
    if ord in (2, -2, "nuc"):
        matrices: Any = moveaxis(x, (row, column), (-2, -1))
        values = np.linalg.svd(matrices, compute_uv=False)
        of: dict[Any, Any] = {2: largest, -2: _smallest, "nuc": sum_of}
        result = of[ord](values, -1)
    elif ord in (1, -1, np.inf, -np.inf):
        summed, other = (row, column) if ord in (1, -1) else (column, row)
        sums, axis = sum_of(abs(x), summed), other - (other > summed)
        result = largest(sums, axis) if ord > 0 else _smallest(sums, axis)
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
