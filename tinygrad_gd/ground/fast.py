"""The bits that NumPy gives, in less time: choices, sums and extremes of rows, products."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy import ndarray

try:
    from numpy._core.multiarray import c_einsum
except ImportError:
    c_einsum = np.einsum

#: What np.einsum calls, without its 2 microseconds for reading options.
einsum: Any = c_einsum


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
NARROW = 32


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
    if len(shape) == 2 and 1 < shape[1] <= NARROW <= shape[0]:
        found = of.reduce(x.T.copy(), 0)
        return found[:, None] if keepdims else found
    if len(shape) > 2 and 1 < shape[-1] <= NARROW <= x.size // shape[-1] and x.flags.c_contiguous:
        found = of.reduce(x.reshape(-1, shape[-1]).T.copy(), 0)
        return found.reshape((*shape[:-1], 1) if keepdims else shape[:-1])
    return of.reduce(x, axis=axis, keepdims=keepdims)


#: Elements from which on it is worth its calls.
MANY = 4096
#: Elements that are chosen at a time, so that a processor's own cache holds them.
BLOCK = 1 << 14

_INTEGERS: dict[Any, Any] = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}
_NUMBERS = int, float


def either(condition: Any, x: Any, y: Any) -> Any:
    """``np.where(condition, x, y)``, of arrays, Tensors and numbers.

    >>> either(np.array([True, False]), np.array([1.0, 2.0]), 0)
    array([1., 0.])
    """
    array = x if type(x) is np.ndarray else y
    if (type(condition) is not np.ndarray or type(array) is not np.ndarray or array.size < MANY
            or array.dtype not in _INTEGERS or not _fits(condition, array, bool)
            or not all(type(v) in _NUMBERS or _fits(v, array, array.dtype) for v in (x, y))):
        return np.where(condition, x, y)
    if array.flags.fnc:
        return either(*(v.T if type(v) is np.ndarray else v for v in (condition, x, y))).T
    out = np.empty(array.shape, array.dtype)
    _combine(condition.reshape(-1).view(np.int8), _bits(x, array.dtype), _bits(y, array.dtype),
             out.reshape(-1).view(_INTEGERS[array.dtype]))
    return out


def _fits(v: Any, array: Any, dtype: Any) -> bool:
    return (type(v) is np.ndarray and v.dtype == dtype and v.shape == array.shape
            and v.flags["F" if array.flags.fnc else "C"])


def _bits(v: Any, dtype: Any) -> Any:
    """The elements as integers; None for zeros, whose bits need not be combined."""
    if type(v) is np.ndarray:
        return v.reshape(-1).view(_INTEGERS[dtype])
    number = np.array(v, dtype).view(_INTEGERS[dtype])
    return number if number else None


def _combine(condition: Any, x: Any, y: Any, out: Any) -> None:
    """Write ``x`` where the condition, of zeros and ones, holds, and ``y`` elsewhere."""
    scratch = np.empty(BLOCK, out.dtype)
    for start in range(0, out.size, BLOCK):
        part = slice(start, start + BLOCK)
        into, holds = out[part], condition[part]
        first, other = (v[part] if v is not None and v.ndim else v for v in (x, y))
        if other is None:  # ones in all bits where it holds, which widening keeps
            np.copyto(into, np.negative(holds))
            np.bitwise_and(into, 0 if first is None else first, into)
        elif first is None:
            np.copyto(into, np.subtract(holds, 1))
            np.bitwise_and(into, other, into)
        else:
            mask = scratch[: into.size]
            np.copyto(mask, np.negative(holds))
            np.bitwise_xor(first, other, into)
            np.bitwise_and(into, mask, into)
            np.bitwise_xor(into, other, into)


#: Elements up to which a product is computed sooner by the method ``dot``, which has less overhead
#: than matmul, but fills the result with zeros first.
LITTLE = 1 << 14

#: Rows that are few, results for which OpenBLAS has no code of its own unless both factors lie by
#: columns, and multiplications up to which it has any.
FEW, RESULTS, TERMS = 16, 1200, 1_000_000


@lru_cache(1 << 10)
def is_sooner_turned(rows: int, inner: int, columns: int, dtype: Any) -> bool:
    """Whether few rows times a matrix by columns are sooner, and the same, if the rows lie so, too.

    That it is the same is found by trying it.
    """
    if not (1 < rows <= FEW and rows * columns > RESULTS and inner >= 32 and dtype == np.float32
            and rows * inner * columns <= TERMS):
        return False
    x, y = (np.sin(np.arange(1, n * inner + 1, dtype=dtype)).reshape(n, inner) for n in (rows, columns))
    return np.array_equal(x.dot(y.T), x.copy("F").dot(y.T))


def product(x: Any, y: Any) -> Any:
    """``x @ y``; a small one of two matrices without gaps calls the same routine by a shorter way."""
    if type(x) is type(y) is ndarray and x.dtype is y.dtype:
        a, b = x.shape, y.shape
        if (len(a) == len(b) == 2 and (a[0] * b[1] <= LITTLE or a[1] == 1)
                and x.flags.forc and y.flags.forc):
            if a[0] <= FEW and y.flags.fnc and x.flags.c_contiguous and is_sooner_turned(
                    *a, b[1], x.dtype):
                x = x.copy("F")
            return x.dot(y)
    return x @ y


def lies_by_columns(x: Any) -> bool:
    """Whether an array or a Tensor is a matrix in Fortran order, such as ``weight.T``."""
    return x.ndim == 2 and bool(held(x).flags.fnc)


def held(x: Any) -> Any:
    """The array of a Tensor, and an array itself."""
    return x if type(x) is ndarray else getattr(x, "_data", x)
