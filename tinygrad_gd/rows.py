"""Sums over rows and the extremes of each row, as biases and softmax need them: NumPy's, sooner."""

from __future__ import annotations

from typing import Any

import numpy as np

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
