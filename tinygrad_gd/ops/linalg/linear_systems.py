"""Systems of linear equations and inverses, batched over the leading axes."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...engine.backward import unbroadcast
from ...engine.primitive import primitive
from ...engine.tensor import Tensor
from ...errors import MatrixError, ShapeError, describe
from ...ground.registry import implements
from ..shape import moveaxis, reshape
from ..signatures import as_tensor
from .products import transposed


def _inv(a: Any, /) -> Any:
    """The inverse matrices; to solve a system, `solve` is faster and more exact."""
    return np.linalg.inv(a)


def _inv_back(g: Any, out: Any, a: Any) -> Any:
    inverse = transposed(out)
    return -(inverse @ g @ inverse)


inv = primitive(_inv, _inv_back, numpy=np.linalg.inv)


def _solve(a: Any, b: Any, /) -> Any:
    """The solution ``x`` of ``a @ x = b``; a ``b`` of one axis is a vector.

    >>> import tinygrad_gd as tg
    >>> tg.solve(tg.Tensor([[2.0, 0.0], [0.0, 4.0]]), [2.0, 2.0]).tolist()
    [1.0, 0.5]
    """
    return np.linalg.solve(a, b)


def _solve_right(g: Any, out: Any, a: Any, b: Any) -> Any:
    if b.ndim == 1:
        gb = np.linalg.solve(transposed(a), np.expand_dims(g, -1))[..., 0]
    else:
        gb = np.linalg.solve(transposed(a), g)
    return gb if gb.shape == b.shape else unbroadcast(gb, b.shape)


def _solve_left(g: Any, out: Any, a: Any, b: Any) -> Any:
    if b.ndim == 1:
        g, out = np.expand_dims(g, -1), np.expand_dims(out, -1)
    ga = -(np.linalg.solve(transposed(a), g) @ transposed(out))
    return ga if ga.shape == a.shape else unbroadcast(ga, a.shape)


solve = primitive(_solve, _solve_left, _solve_right, numpy=np.linalg.solve)


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Tensor:
    """The ``x`` with ``tensordot(a, x, x.ndim) == b``; ``axes`` of ``a`` are moved to its end first."""
    a, b = as_tensor("tensorsolve", a), as_tensor("tensorsolve", b)
    if axes is not None:
        a = moveaxis(a, axes, range(-len(axes), 0))
    if prod(a.shape[b.ndim :]) != b.size:
        raise ShapeError(f"tensorsolve: {describe(a, 0)} is no square matrix when its first {b.ndim} "
                         f"axes, those of {describe(b, 1)}, are taken as one, and the others as one")
    return reshape(solve(reshape(a, (b.size, b.size)), reshape(b, -1)), a.shape[b.ndim :])


@implements(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Tensor:
    """The inverse of ``x -> tensordot(a, x, ...)``, with the first ``ind`` axes of ``a`` as rows."""
    a = as_tensor("tensorinv", a)
    rows, columns = a.shape[:ind], a.shape[ind:]
    if ind < 1 or prod(rows) != prod(columns):
        raise ShapeError(f"tensorinv: {describe(a)} is no square matrix when its first {ind} axes are "
                         "taken as one, and the others as one; check ind=")
    return reshape(inv(reshape(a, (prod(rows), prod(rows)))), (*columns, *rows))


def solve_or_explain(operation: str, a: Any, b: Any) -> Any:
    """``np.linalg.solve`` in a rule, where a singular matrix means that there is no derivative."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError as error:
        raise MatrixError(f"backward: {operation} has no derivative here, because its matrix is "
                          f"singular or its columns are linearly dependent ({error}); add a small "
                          "multiple of np.eye(n) to the matrix, or leave the dependent columns out"
                          ) from error
