"""The bits that NumPy gives, in less time: sums and extremes of rows, products."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

try:
    from numpy._core.multiarray import c_einsum
except ImportError:
    c_einsum = np.einsum

#: What np.einsum calls, without its 2 microseconds for reading options.
einsum: Any = c_einsum


HALF = np.dtype(np.float16)


def is_half(x: Any) -> bool:
    """Whether an array, Tensor or number is of float16, of which sums are computed in float32."""
    return getattr(x, "dtype", None) == HALF


def by_rows(*arrays: Any) -> bool:
    """Whether all are arrays in C order: NumPy's results are, too, and may be written into one.

    Of others the result lies as those of all operands make it, on which the bits of sums depend.
    """
    return all(type(x) is np.ndarray and x.flags.c_contiguous for x in arrays)


def add_rows(g: Any) -> Any:
    """``np.add.reduce(g, axis=0)``.

    Of a matrix in C order NumPy, too, adds row after row, but calls its loop anew for each of them.

    >>> add_rows(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
    if (type(g) is np.ndarray and g.ndim == 2 and g.shape[1] > 1 and g.dtype.char in "fd"
            and g.flags.c_contiguous):
        return einsum("ij->j", g)
    return np.add.reduce(g, 0)


#: Rows up to this length are compared sooner as columns of a transposed copy.
NARROW_ELEMENTS = 32


def extreme(of: Any, x: Any, axis: Any, keepdims: bool = False) -> Any:
    """``of.reduce(x, axis, keepdims=keepdims)`` for np.maximum or np.minimum.

    Of 0.0 and -0.0 it may take either, as NumPy does.

    >>> extreme(np.maximum, np.array([[1.0, 2.0], [4.0, 3.0]]), 1, keepdims=True)
    array([[2.],
           [4.]])
    """
    if type(x) is not np.ndarray or type(axis) is not int or axis not in (-1, x.ndim - 1):
        return of.reduce(x, axis=axis, keepdims=keepdims)
    shape = x.shape
    if len(shape) == 2 and 1 < shape[1] <= NARROW_ELEMENTS <= shape[0]:
        found = of.reduce(x.T.copy(), 0)
        return found[:, None] if keepdims else found
    if (len(shape) > 2 and 1 < shape[-1] <= NARROW_ELEMENTS <= x.size // shape[-1]
            and x.flags.c_contiguous):
        found = of.reduce(x.reshape(-1, shape[-1]).T.copy(), 0)
        return found.reshape((*shape[:-1], 1) if keepdims else shape[:-1])
    return of.reduce(x, axis=axis, keepdims=keepdims)


#: Elements up to which a product is computed sooner by the method ``dot``, which has less overhead
#: than matmul, but fills the result with zeros first.
LITTLE_ELEMENTS = 1 << 14

#: Rows that are few, elements of results for which OpenBLAS has no code of its own unless both factors
#: lie by columns, and multiplications up to which it has any.
FEW_ROWS, RESULT_ELEMENTS, MOST_MULTIPLICATIONS = 16, 1200, 1_000_000


@lru_cache(1 << 10)
def is_sooner_turned(rows: int, inner: int, columns: int, dtype: Any) -> bool:
    """Whether few rows times a matrix by columns are sooner, and the same, if the rows lie so, too.

    That it is the same is found by trying it.
    """
    if not (1 < rows <= FEW_ROWS and rows * columns > RESULT_ELEMENTS and inner >= 32
            and dtype == np.float32 and rows * inner * columns <= MOST_MULTIPLICATIONS):
        return False
    x, y = (np.sin(np.arange(1, n * inner + 1, dtype=dtype)).reshape(n, inner) for n in (rows, columns))
    return np.array_equal(x.dot(y.T), x.copy("F").dot(y.T))


@lru_cache(1 << 10)
def is_sooner_in_rows(rows: int, inner: int, columns: int, dtype: Any, often: int = 1) -> bool:
    """Whether products of many small matrices by columns are sooner, and the same, with copies by rows.

    OpenBLAS has slow code for small ``x @ y.T``: the copies of y take less than what they save, if each
    is read by enough rows; ``often`` is how many matrices read the same. That it is the same is found
    by trying it.
    """
    if not (min(rows, columns) >= FEW_ROWS and often * rows >= inner > 1 and dtype.char in "fd"
            and rows * inner * columns <= MOST_MULTIPLICATIONS):
        return False
    x, y = (np.sin(np.arange(1, n * inner + 1, dtype=dtype)).reshape(n, inner) for n in (rows, columns))
    return np.array_equal(x @ y.T, x @ y.T.copy())


def product(x: Any, y: Any) -> Any:
    """``x @ y``, if it can be the same by a shorter way.

    A small one of two matrices without gaps needs less preparation, and many small matrices may be
    sooner in another memory order.
    """
    if type(x) is type(y) is ndarray and x.dtype is y.dtype:
        a, b = x.shape, y.shape
        if (len(a) == len(b) == 2 and (a[0] * b[1] <= LITTLE_ELEMENTS or a[1] == 1)
                and x.flags.forc and y.flags.forc):
            if a[0] <= FEW_ROWS and y.flags.fnc and x.flags.c_contiguous and is_sooner_turned(
                    *a, b[1], x.dtype):
                x = x.copy("F")
            return x.dot(y)
        if (len(a) > 2 and len(b) in (2, len(a))
                and y.strides[-2] == x.strides[-1] == y.itemsize < y.strides[-1]
                and is_sooner_in_rows(*a[-2:], b[-1], x.dtype, prod(a[:-2]) if len(b) == 2 else 1)):
            return x @ y.copy()
    return x @ y


def lies_by_columns(x: Any) -> bool:
    """Whether an array or a Tensor is a matrix in Fortran order, such as ``weight.T``."""
    return x.ndim == 2 and bool(x.flags.fnc if type(x) is ndarray else x._by_columns)


def held(x: Any) -> Any:
    """The array of a Tensor, and an array itself."""
    return x if type(x) is ndarray else getattr(x, "_value", x)
