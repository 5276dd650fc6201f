"""The map of a layer, ``x @ weight.T + bias``, and the order in which its results lie in memory.

OpenBLAS takes 1.1 to 2 times as long for ``x @ weight.T`` as for ``weight @ x.T`` if the batch is
small beside the layer, though both are the same sums. The larger layers of float32 are therefore
computed as ``(weight @ x.T).T``. Their results lie by columns (in Fortran order), and so does
what is computed from them elementwise, and its cotangent.

Of a large batch of matrices all rows are one product: `numpy.matmul` makes one of each matrix, and
packs ``weight`` anew for each, which takes up to twice as long. Small matrices OpenBLAS does not pack;
a product of each takes a tenth less than one of all rows.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...engine.backward import unbroadcast
from ...engine.primitive import apply
from ...engine.tensor import Tensor
from ...ground.fast import held, is_sooner_in_rows, lies_by_columns, product
from ..linalg.products import matmul
from ..shape import reshape
from ..signatures import as_tensor, called_like

#: Elements of a batch from which on it matters how it lies, and how its products are made.
MANY_ELEMENTS = 1 << 11

#: Elements of a weight, and rows of a batch, from which on the other product is sooner.
LARGE_ELEMENTS, ROWS = 1 << 14, 6

FLOAT32 = np.dtype(np.float32)


def is_sooner_by_columns(x: Any, weight: Any) -> bool:
    """Whether ``(weight @ x.T).T`` takes less time than ``x @ weight.T``.

    What it saves grows with the weight. Beside an array in C order, such as the target of a wide last
    layer, a result by columns costs more than that, unless it is small beside the weight.
    """
    if x.size < MANY_ELEMENTS or not (
            x.dtype == weight.dtype == FLOAT32 and x.ndim == weight.ndim == 2):
        return False
    (rows, inner), (columns, terms) = x.shape, weight.shape
    if inner != terms or (columns > terms and 8 * rows > terms):
        return False
    large = weight.size >= LARGE_ELEMENTS and ROWS <= rows <= columns // 2
    return (large and held(weight).flags.c_contiguous) or lies_by_columns(x)


def is_large_batch(x: Any, weight: Any) -> bool:
    """Whether all rows of the matrices in ``x`` are multiplied at once."""
    if x.ndim <= 2 or x.size < MANY_ELEMENTS:
        return False
    alike = x.dtype == weight.dtype and weight.size <= LARGE_ELEMENTS
    return not (alike and is_sooner_in_rows(*x.shape[-2:], len(weight), x.dtype, prod(x.shape[:-2])))


def _rows(x: Any) -> Any:
    return x if x.ndim == 2 else np.reshape(x, (-1, x.shape[-1]))


def _linear(x: Any, weight: Any, bias: Any, /) -> Any:
    if is_large_batch(x, weight):
        return np.reshape(_rows(x) @ weight.T, (*x.shape[:-1], weight.shape[0])) + bias
    if is_sooner_by_columns(x, weight):
        return (weight @ x.T).T + bias
    return x @ weight.T + bias


def _linear_at_once(x: Any, weight: Any, bias: Any, /) -> Any:
    if x.ndim > 2 and is_large_batch(x, weight):
        out = product(_rows(x), weight.T).reshape(*x.shape[:-1], len(weight))
    elif is_sooner_by_columns(x, weight):
        out = product(weight, x.T).T
    else:
        out = product(x, weight.T)
    if out.shape[-1:] == bias.shape and out.dtype == bias.dtype:
        out += bias
        return out
    return out + bias


def _towards_x(g: Any, out: Any, x: Any, weight: Any, bias: Any) -> Any:
    return product(weight.T, g.T).T if lies_by_columns(x) else product(g, weight)


@called_like(
    (), _linear, _towards_x,
    lambda g, out, x, weight, bias: product(_rows(g).T, _rows(x)),
    lambda g, out, x, weight, bias: unbroadcast(g, bias.shape),
    run=_linear_at_once, kind="op")
def linear(x: Any, weight: Any, bias: Any = None) -> Tensor:
    """``x @ weight.T + bias``, the bias being optional; ``weight`` has a row for each result.

    >>> import tinygrad_gd as tg
    >>> tg.linear(tg.Tensor([1.0, 2.0]), [[3.0, 4.0], [5.0, 6.0]], [0.5, 0.0]).tolist()
    [11.5, 17.0]
    """
    if bias is not None:
        return apply(linear, (x, weight, bias))
    x, weight = as_tensor("linear", x), as_tensor("linear", weight)
    if is_large_batch(x, weight):
        return reshape(matmul(reshape(x, (-1, x.shape[-1])), weight.T), (*x.shape[:-1], len(weight)))
    return matmul(weight, x.T).T if is_sooner_by_columns(x, weight) else matmul(x, weight.T)
