"""Products of SciPy's sparse matrices with Tensors: ``tg.matmul(S, t)`` and ``t @ S``.

The matrix is a constant of a linear map; the gradient is that of its transpose. Nothing is made dense.
``S @ t`` itself is answered by SciPy, which asks a Tensor for its values, and is refused then if they
require a gradient: Python asks the left operand first.
"""

from __future__ import annotations

from typing import Any

from ...engine.operands import FOREIGN, operand
from ...engine.primitive import apply, primitive
from ...engine.tensor import Tensor
from ...errors import DTypeError, ShapeError, describe
from ..shape import transpose


def _sparse_product(x: Any, /, matrix: Any) -> Any:
    return matrix @ x


def _transposed_product(g: Any, matrix: Any) -> Any:
    return (apply(sparse_product, (g,), {"matrix": matrix.T}) if isinstance(g, Tensor)
            else matrix.T @ g)


sparse_product = primitive(
    _sparse_product, lambda g, out, x, matrix: _transposed_product(g, matrix), name="sparse_product",
    atomic=True, internal=True)


def _is_sparse(x: Any) -> bool:
    return hasattr(x, "tocsr")


def _product(inputs: tuple[Any, ...]) -> Tensor | None:
    """``matmul`` of a sparse matrix and what is none; None if neither is sparse."""
    left, right = map(_is_sparse, inputs)
    if left is right:  # of two, the product is SciPy's own
        return None
    if left:
        return _of_columns(inputs[0], operand("matmul", inputs[1]))
    x = operand("matmul", inputs[0])
    made = _of_columns(inputs[1].T, transpose(x) if x.ndim > 1 else x)
    return transpose(made) if x.ndim > 1 else made


def _of_columns(matrix: Any, x: Any) -> Tensor:
    if matrix.ndim != 2 or x.ndim not in (1, 2) or matrix.shape[1] != x.shape[0]:
        raise ShapeError(f"matmul: a sparse matrix of shape {matrix.shape} multiplies a vector of "
                         f"length {matrix.shape[-1]} or a matrix of that many rows, got {describe(x)}")
    if matrix.dtype.kind not in "fiub":
        raise DTypeError(f"matmul: expected a sparse matrix of real numbers, got {matrix.dtype}")
    return apply(sparse_product, (x,), {"matrix": matrix.copy()})  # a later write would go unnoticed


FOREIGN["matmul"] = _product
