"""Products of vectors, matrices and tensors, batched where NumPy batches.

`einsum`, linear systems, determinants, factorizations and least squares have files of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import index
from typing import Any

import numpy as np

from ...engine.backward import unbroadcast
from ...engine.primitive import apply, primitive
from ...engine.tensor import Tensor
from ...errors import DTypeError, OptionError, ShapeError, describe
from ...ground.fast import lies_by_columns, product
from ...ground.registry import NUMPY, explaining, implements
from ..arrange import trace
from ..elementwise import multiply
from ..shape import diagonal, moveaxis, reshape
from ..signatures import as_tensor, called_like, refuse


def transposed(x: Any) -> Any:
    """The last two axes swapped."""
    return x.swapaxes(-1, -2) if x.ndim > 2 else x.T


def _as_matrices(g: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Vectors as matrices with one row or column, the way matmul itself reads them."""
    if x.ndim == 1:
        x, g = np.expand_dims(x, 0), np.expand_dims(g, -1 if y.ndim == 1 else -2)
    if y.ndim == 1:
        y, g = np.expand_dims(y, -1), np.expand_dims(g, -1)
    return g, x, y


def _matmul_left(g: Any, out: Any, x: Any, y: Any) -> Any:
    if x.ndim > 1 and y.ndim > 1:
        gx = product(g, transposed(y))
    elif x.ndim == y.ndim == 1:
        gx = g * y
    elif x.ndim + y.ndim == 3:
        gx = y @ g if x.ndim == 1 else np.expand_dims(g, -1) * y
    else:
        g, _, matrix = _as_matrices(g, x, y)
        gx = g @ transposed(matrix)
    return gx if gx.shape == x.shape else unbroadcast(gx, x.shape)


def _matmul_right(g: Any, out: Any, x: Any, y: Any) -> Any:
    if x.ndim == 2 and lies_by_columns(y):  # in the same order, so that nobody has to copy it
        gy = transposed(product(transposed(g), x))
    elif x.ndim > 1 and y.ndim > 1:
        gy = product(transposed(x), g)
    elif x.ndim == y.ndim == 1:
        gy = g * x
    elif x.ndim + y.ndim == 3:
        gy = transposed(x) @ g if y.ndim == 1 else np.expand_dims(x, -1) * g
    else:
        g, matrix, _ = _as_matrices(g, x, y)
        gy = transposed(matrix) @ g
        gy = gy[..., 0] if y.ndim == 1 else gy
    return gy if gy.shape == y.shape else unbroadcast(gy, y.shape)


matmul = primitive(np.matmul, _matmul_left, _matmul_right, run=product, elementwise=False)
matmul.__doc__ = "x @ y, of matrices in the last two axes. Gradients: ``g @ y.T`` and ``x.T @ g``."


# -- sums of products over chosen axes ---------------------------------------------------------------


@called_like(
    np.vecdot, np.vecdot,
    lambda g, out, x, y: unbroadcast(np.einsum("...,...i->...i", g, y), x.shape),
    lambda g, out, x, y: unbroadcast(np.einsum("...,...i->...i", g, x), y.shape),
    analytic=False, kind="op")  # of complex vectors, NumPy conjugates the first
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """``sum(x1 * x2)`` along ``axis``, the other axes broadcast.

    >>> import tinygrad_gd as tg
    >>> tg.vecdot(tg.Tensor([[1.0, 2.0], [3.0, 4.0]]), [1.0, 10.0]).tolist()
    [21.0, 43.0]
    """
    if axis != -1:
        x1, x2 = moveaxis(x1, axis, -1), moveaxis(x2, axis, -1)
    return apply(vecdot, (x1, x2))


def _others(ndim: int, axes: Sequence[int]) -> list[int]:
    return [axis for axis in range(ndim) if axis not in axes]


def _tensordot(a: Any, b: Any, /, axes: Any) -> Any:
    return np.tensordot(a, b, axes)


def _tensordot_left(g: Any, out: Any, a: Any, b: Any, axes: Any) -> Any:
    mine, theirs = axes
    free = _others(b.ndim, theirs)
    ga = np.tensordot(g, b, (range(g.ndim - len(free), g.ndim), free))
    places = _others(a.ndim, mine) + [m for _, m in sorted(zip(theirs, mine, strict=True))]
    return np.transpose(ga, [places.index(axis) for axis in range(a.ndim)])


def _tensordot_right(g: Any, out: Any, a: Any, b: Any, axes: Any) -> Any:
    theirs, mine = axes
    free = _others(a.ndim, theirs)
    gb = np.tensordot(a, g, (free, range(len(free))))
    places = [m for _, m in sorted(zip(theirs, mine, strict=True))] + _others(b.ndim, mine)
    return np.transpose(gb, [places.index(axis) for axis in range(b.ndim)])


def _pair_of_axes(axes: Any) -> tuple[list[int], list[int]]:
    try:
        if isinstance(axes, int | np.integer):
            return list(range(-axes, 0)), list(range(axes))
        last, first = ([index(i) for i in np.atleast_1d(each)] for each in axes)
        return last, first
    except (TypeError, ValueError) as error:
        raise OptionError("tensordot: axes= must be a number of axes or a pair of axes or lists of "
                          f"axes, as in axes=([1, 2], [1, 0]); got {axes!r}") from error


@called_like(np.tensordot, _tensordot, _tensordot_left, _tensordot_right, kind="op")
def tensordot(a: Any, b: Any, axes: Any = 2) -> Tensor:
    """Sum of products over ``axes``: a number of last axes of ``a`` and first ones of ``b``, or a pair.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.tensordot(tg.Tensor(np.ones((2, 3, 4))), np.ones((4, 3)), ([1, 2], [1, 0])).tolist()
    [12.0, 12.0]
    """
    a, b = as_tensor("tensordot", a), as_tensor("tensordot", b)
    last, first = _pair_of_axes(axes)
    for x, given in ((a, last), (b, first)):
        if any(not -x.ndim <= axis < x.ndim for axis in given):
            raise ShapeError(f"tensordot: axes {given} do not all exist in {describe(x)}, which "
                             f"has {x.ndim}")
    pair = tuple(i % a.ndim for i in last), tuple(i % b.ndim for i in first)
    lengths = [a.shape[i] for i in pair[0]], [b.shape[i] for i in pair[1]]
    if lengths[0] != lengths[1] or len(set(pair[0])) < len(pair[0]):
        raise ShapeError(
            f"tensordot: axes {list(pair[0])} of {describe(a, 0)} have lengths {lengths[0]}, axes "
            f"{list(pair[1])} of {describe(b, 1)} have {lengths[1]}; summed axes must be different "
            "ones and agree in pairs, check axes=")
    return apply(tensordot, (a, b), {"axes": pair})


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Tensor:
    """Matrix product; of more than two axes, over the last of ``a`` and the second-to-last of ``b``.

    For batches of matrices `matmul` is meant.
    """
    refuse("dot", "use the returned Tensor", out=out)
    a, b = as_tensor("dot", a), as_tensor("dot", b)
    if not a.ndim or not b.ndim:
        return multiply(a, b)
    if max(a.ndim, b.ndim) <= 2:
        return matmul(a, b)
    return tensordot(a, b, ([-1], [-1 if b.ndim == 1 else -2]))


@implements(np.inner)
def inner(a: Any, b: Any, /) -> Tensor:
    """Sum of products over the last axes of both."""
    a, b = as_tensor("inner", a), as_tensor("inner", b)
    if not a.ndim or not b.ndim:
        return multiply(a, b)
    return matmul(a, b.T) if max(a.ndim, b.ndim) <= 2 else tensordot(a, b, ([-1], [-1]))


@implements(np.vdot)
def vdot(a: Any, b: Any, /) -> Tensor:
    """Sum of products over all elements."""
    return matmul(reshape(a, -1), reshape(b, -1))


@implements(np.outer)
def outer(a: Any, b: Any, out: Any = None) -> Tensor:
    """All products of an element of ``a`` and one of ``b``, as a matrix."""
    refuse("outer", "use the returned Tensor", out=out)
    a, b = as_tensor("outer", a), as_tensor("outer", b)
    return multiply(reshape(a, (-1, 1)), reshape(b, (1, -1)))


@implements(*(f for f in [getattr(np, "matvec", None)] if f))  # new in NumPy 2.2
def matvec(x1: Any, x2: Any, /) -> Tensor:
    """Matrices times vectors: ``(..., m, n)`` and ``(..., n)`` give ``(..., m)``."""
    if np.ndim(x1) < 2:
        raise ShapeError(f"matvec: expected matrices (..., m, n), got {describe(x1, 0)}; use vecdot "
                         "for vectors")
    return matmul(x1, reshape(as_tensor("matvec", x2), (*np.shape(x2), 1)))[..., 0]


@implements(*(f for f in [getattr(np, "vecmat", None)] if f))
def vecmat(x1: Any, x2: Any, /) -> Tensor:
    """Vectors times matrices: ``(..., m)`` and ``(..., m, n)`` give ``(..., n)``."""
    if np.ndim(x2) < 2:
        raise ShapeError(f"vecmat: expected matrices (..., m, n), got {describe(x2, 1)}; use vecdot "
                         "for vectors")
    rows: Tensor = matmul(reshape(as_tensor("vecmat", x1), (*np.shape(x1)[:-1], 1, -1)), x2)
    return rows[..., 0, :]


@implements(np.kron)
def kron(a: Any, b: Any) -> Tensor:
    """Kronecker product: every element of ``a`` replaced by itself times ``b``.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.kron(tg.Tensor([1.0, 10.0]), [1.0, 2.0]).tolist()
    [1.0, 2.0, 10.0, 20.0]
    """
    a, b = as_tensor("kron", a), as_tensor("kron", b)
    ndim = max(a.ndim, b.ndim)
    rows, columns = ((1,) * (ndim - x.ndim) + x.shape for x in (a, b))
    blocks = multiply(reshape(a, [n for m in rows for n in (m, 1)]),
                      reshape(b, [n for m in columns for n in (1, m)]))
    return reshape(blocks, [m * n for m, n in zip(rows, columns, strict=True)])


@implements(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1,
          axis: int | None = None) -> Tensor:
    """The vector perpendicular to two vectors of three components.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.cross(tg.Tensor([1.0, 0.0, 0.0]), [0.0, 1.0, 0.0]).tolist()
    [0.0, 0.0, 1.0]
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    vectors = []
    for x, place in ((a, axisa), (b, axisb)):
        vector = moveaxis(as_tensor("cross", x), place, -1)
        if vector.shape[-1] != 3:
            raise ShapeError(f"cross: expected vectors of 3 components along axis {place}, got "
                             f"{describe(x)}; append a component 0 to vectors in the plane")
        vectors.append(vector)
    (x, y), after, later = vectors, [1, 2, 0], [2, 0, 1]
    normal = x[..., after] * y[..., later] - x[..., later] * y[..., after]
    return normal if axisc == -1 else moveaxis(normal, -1, axisc)


# -- products of many matrices -----------------------------------------------------------------------


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Tensor:
    """The product of a chain of matrices, in the order that needs the fewest multiplications.

    The first and the last may be vectors.
    """
    refuse("multi_dot", "use the returned Tensor", out=out)
    chain = [as_tensor("multi_dot", a) for a in arrays]
    last = len(chain) - 1
    if last < 1:
        raise OptionError(f"multi_dot: expected at least two arrays, got {len(chain)}")
    for k, a in enumerate(chain):
        if a.ndim != 2 and not (a.ndim == 1 and k in (0, last)):
            raise ShapeError(f"multi_dot: expected matrices (the first and last may be vectors), got "
                             f"{describe(a, k)}; use matmul for batches")
    heights = [1 if a.ndim == 1 and k == 0 else a.shape[0] for k, a in enumerate(chain)]
    cuts = _best_cuts((*heights, chain[-1].shape[1] if chain[-1].ndim == 2 else 1))

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return chain[i]
        return matmul(product(i, cuts[i, j]), product(cuts[i, j] + 1, j))

    return product(0, last)


@lru_cache(maxsize=256)
def _best_cuts(lengths: tuple[int, ...]) -> dict[tuple[int, int], int]:
    """Where to split the product of the matrices i to j, for all i and j (Cormen et al., 15.2)."""
    n = len(lengths) - 1
    costs, cuts = {(i, i): 0 for i in range(n)}, {}
    for distance in range(1, n):
        for i in range(n - distance):
            j = i + distance
            costs[i, j], cuts[i, j] = min(
                (costs[i, k] + costs[k + 1, j] + lengths[i] * lengths[k + 1] * lengths[j + 1], k)
                for k in range(i, j))
    return cuts


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: Any) -> Tensor:
    """A square matrix multiplied ``n`` times with itself; for negative ``n`` its inverse.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.linalg.matrix_power(tg.Tensor([[1.0, 1.0], [0.0, 1.0]]), 5).tolist()
    [[1.0, 5.0], [0.0, 1.0]]
    """
    a = as_tensor("matrix_power", a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"matrix_power: expected square matrices, got {describe(a)}; multiply others "
                         "with @")
    try:
        n = index(n)
    except TypeError as error:
        raise DTypeError(f"matrix_power: expected an integer exponent, got {describe(n)}; for real "
                         "powers of symmetric matrices use np.linalg.eigh") from error
    if n == 0:
        return Tensor(np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape))
    power = np.linalg.inv(a) if n < 0 else a
    result, n = None, abs(n)
    if n == 3:  # NumPy's order: the same bits
        return matmul(matmul(power, power), power)
    while True:
        n, odd = divmod(n, 2)
        if odd:
            result = power if result is None else matmul(result, power)
        if not n:
            return result  # type: ignore[return-value]
        power = matmul(power, power)


# -- np.linalg's names for the same, where its signatures differ ------------------------------------


def _of_linalg(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Register ``_linalg_f`` as what ``np.linalg.f`` does with Tensors, under that name."""
    function.__name__ = function.__name__.removeprefix("_linalg_")
    NUMPY[getattr(np.linalg, function.__name__)] = explaining(function)
    return function


@_of_linalg
def _linalg_outer(x1: Any, x2: Any, /) -> Tensor:
    """All products of an element of one vector with one of another: ``x1[:, None] * x2``."""
    for k, x in enumerate((x1, x2)):
        if np.ndim(x) != 1:
            raise ShapeError(f"outer: np.linalg.outer expected vectors, got {describe(x, k)}; np.outer "
                             "flattens its arguments first")
    return outer(x1, x2)


@_of_linalg
def _linalg_tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Tensor:
    """Sum of products over ``axes``: as many last of ``x1`` as first of ``x2``, or two lists."""
    return tensordot(x1, x2, axes)


@_of_linalg
def _linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """The cross product of the vectors of three elements along ``axis``."""
    return cross(x1, x2, axis=axis)


@_of_linalg
def _linalg_diagonal(x: Any, /, *, offset: int = 0) -> Tensor:
    """The diagonals of the matrices in the last two axes."""
    return diagonal(x, offset, -2, -1)


@_of_linalg
def _linalg_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """Sums of the diagonals of the matrices in the last two axes."""
    return trace(x, offset, -2, -1, dtype)


NUMPY.update({np.linalg.matmul: matmul, np.linalg.vecdot: vecdot})
