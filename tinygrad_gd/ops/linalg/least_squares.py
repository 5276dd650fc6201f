"""Least squares and the Moore-Penrose inverse: of matrices whose rank does not change nearby."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...engine.operands import frozen
from ...engine.primitive import apply, primitive
from ...engine.tensor import Tensor
from ...errors import OptionError
from ...ground.registry import implements
from ..reductions import sum as sum_of
from ..shape import reshape
from ..signatures import as_tensor, called_like
from .factorizations import svdvals
from .products import matmul, transposed

_UNSET: Any = object()


class LstsqResult(NamedTuple):
    """The solution of least squares, its squared errors, and the rank and singular values of ``a``."""

    x: Tensor
    residuals: Tensor
    rank: Tensor
    s: Tensor


def _pinv(a: Any, /, rcond: Any = None) -> Any:
    return np.linalg.pinv(a, rcond)


def _pinv_back(g: Any, out: Any, a: Any, rcond: Any) -> Any:
    back, tall = transposed(out), transposed(g)
    outside = tall - a @ (out @ tall)  # zero for a wide matrix of full rank
    beside = tall - (tall @ out) @ a  # zero for a tall one
    return outside @ (out @ back) + (back @ out) @ beside - back @ g @ back


@called_like(np.linalg.pinv, _pinv, _pinv_back, analytic=False, kind="op")
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = _UNSET) -> Tensor:
    """The Moore-Penrose inverse: of least squares, and of least length among those.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.linalg.pinv(tg.Tensor([[3.0], [4.0]])).numpy().round(2).tolist()
    [[0.12, 0.16]]
    """
    if hermitian:
        raise OptionError("pinv: hermitian= is not supported with Tensors; leave it out: of a "
                          "symmetric matrix the result is the same. Of the lower triangle alone it is "
                          "np.linalg.pinv(np.tril(a) + np.tril(a, -1).T)")
    a = as_tensor("pinv", a)
    if rtol is not _UNSET:
        if rcond is not None:
            raise OptionError("pinv: give rcond= or rtol=, not both")
        rcond = max(a.shape[-2:]) * float(np.finfo(a.dtype).eps) if rtol is None else rtol
    return apply(pinv, (a,), {"rcond": frozen("pinv", "rcond", rcond)})


def _lstsq(a: Any, b: Any, /, rcond: Any = None) -> Any:
    return np.linalg.lstsq(a, b, rcond)[0]


def _columns(*vectors: Any) -> list[Any]:
    return [np.expand_dims(v, -1) if v.ndim == 1 else v for v in vectors]


def _lstsq_left(g: Any, out: Any, a: Any, b: Any, rcond: Any) -> Any:
    g, x, b = _columns(g, out, b)
    back = np.linalg.pinv(a, rcond).T
    gb = back @ g
    outside = (b - a @ x) @ (back.T @ gb).T
    beside = (back @ x) @ (g - a.T @ gb).T
    return outside + beside - gb @ x.T


lstsq_solution = primitive(
    _lstsq, _lstsq_left,
    lambda g, out, a, b, rcond: np.linalg.pinv(a, rcond).T @ g,
    name="lstsq_solution", analytic=False, atomic=True, internal=True)


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> LstsqResult:
    """Least squares: the ``x`` with the smallest ``|b - a @ x|``, the shortest if there are several.

    ``residuals`` are the squared errors of each column of ``b`` for every tall ``a`` (NumPy leaves
    them out where the rank is deficient), ``rank`` is an integer Tensor.

    >>> import numpy as np, tinygrad_gd as tg
    >>> a = np.column_stack([np.arange(3.0), np.ones(3)])
    >>> np.linalg.lstsq(a, tg.Tensor([1.0, 3.0, 5.0])).x.numpy().round(6).tolist()
    [2.0, 1.0]
    """
    a, b = as_tensor("lstsq", a), as_tensor("lstsq", b)
    rcond = frozen("lstsq", "rcond", rcond)
    x = apply(lstsq_solution, (a, b), {"rcond": rcond})
    rows, columns = a.shape
    values = svdvals(a)
    smallest = max(a.shape) * float(np.finfo(values.dtype).eps) if rcond is None else rcond
    rank = sum_of(values.detach() > smallest * values.detach()[:1])
    error = b - matmul(a, x) if rows > columns else x[:0]
    return LstsqResult(x, reshape(sum_of(error * error, 0), -1)[: None if rows > columns else 0],
                       rank, values)
