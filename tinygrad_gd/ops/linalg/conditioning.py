"""How far matrices are from singular ones: rank and condition number."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.primitive import apply, primitive
from ...engine.tensor import Tensor
from ...errors import ShapeError
from ...ground.registry import implements
from ..norms import norm
from ..signatures import as_tensor
from .factorizations import svdvals
from .linear_systems import inv


def _matrix_rank(A: Any, /, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """How many singular values are larger than ``tol``, or than ``rtol`` times the largest."""
    return np.asarray(np.linalg.matrix_rank(A, tol, hermitian, rtol=rtol))[()]


matrix_rank = primitive(_matrix_rank, numpy=np.linalg.matrix_rank)


def _ratio(x: Any, y: Any, /) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):  # a singular matrix: infinite
        return x / y


ratio = primitive(_ratio, lambda g, out, x, y: g / y, lambda g, out, x, y: -g * out / y,
                  elementwise=True, atomic=True, internal=True)


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Tensor:
    """Condition number: how much solving with ``x`` enlarges relative errors, in the norm ``p``.

    For ``None`` and 2 the largest singular value over the smallest, for -2 the reverse; otherwise
    ``norm(x, p) * norm(inv(x), p)``.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.linalg.cond(tg.Tensor([[2.0, 0.0], [0.0, 8.0]])).item()
    4.0
    """
    x = as_tensor("cond", x)
    if x.ndim < 2 or not x.shape[-1] or not x.shape[-2]:
        raise ShapeError(f"cond: expected matrices with elements, got shape {x.shape}")
    if p not in (None, 2, -2):
        return norm(x, p, (-2, -1)) * norm(inv(x), p, (-2, -1))
    s = svdvals(x)
    ends = (s[..., -1], s[..., 0]) if p == -2 else (s[..., 0], s[..., -1])
    out: Tensor = apply(ratio, ends)
    return out
