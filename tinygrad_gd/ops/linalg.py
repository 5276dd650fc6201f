"""Linear algebra: primitives on the last one or two axes, batched where NumPy batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backward import unbroadcast
from ..primitive import primitive


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
        gx = g @ transposed(y)
    else:
        g, _, matrix = _as_matrices(g, x, y)
        gx = g @ transposed(matrix)
    return gx if gx.shape == x.shape else unbroadcast(gx, x.shape)


def _matmul_right(g: Any, out: Any, x: Any, y: Any) -> Any:
    if x.ndim > 1 and y.ndim > 1:
        gy = transposed(x) @ g
    else:
        g, matrix, _ = _as_matrices(g, x, y)
        gy = transposed(matrix) @ g
        gy = gy[..., 0] if y.ndim == 1 else gy
    return gy if gy.shape == y.shape else unbroadcast(gy, y.shape)


matmul = primitive(np.matmul, _matmul_left, _matmul_right, elementwise=False)


def _linear(x: Any, weight: Any, bias: Any, /) -> Any:
    return x @ weight.T + bias


def _linear_at_once(x: Any, weight: Any, bias: Any, /) -> Any:
    out = x @ weight.T
    if out.shape[-1:] == bias.shape and out.dtype == bias.dtype:
        return np.add(out, bias, out)
    return out + bias


def _rows(x: Any) -> Any:
    return x if x.ndim == 2 else np.reshape(x, (-1, x.shape[-1]))


linear = primitive(
    _linear,
    lambda g, out, x, weight, bias: g @ weight,
    lambda g, out, x, weight, bias: _rows(g).T @ _rows(x),
    lambda g, out, x, weight, bias: unbroadcast(g, bias.shape),
    run=_linear_at_once)
