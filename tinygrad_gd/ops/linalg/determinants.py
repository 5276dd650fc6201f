"""Determinants, whose gradients are right where the matrix is singular, too."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...engine.primitive import apply, primitive
from ...engine.rules import Every
from ...engine.tensor import Tensor
from ...errors import ShapeError
from ...ground.registry import NUMPY
from ..signatures import called_like
from .linear_systems import solve_or_explain
from .products import transposed


class SlogdetResult(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant."""

    sign: Tensor
    logabsdet: Tensor


def _without_each(s: Any) -> Any:
    """``s`` once for each of its entries, with this entry replaced by 1."""
    return np.where(np.eye(s.shape[-1], dtype=bool), 1, np.expand_dims(s, -2))


def _products_of_others(s: Any) -> Any:
    """For each entry the product of all others, without a division."""
    one = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([one, s[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([one, s[..., :0:-1]], -1), -1)[..., ::-1]
    return (before * after)[..., : s.shape[-1]]


def _permutations(n: int) -> list[tuple[tuple[int, ...], int]]:
    """All orders of 0 ... n - 1, and their signs."""
    if n == 0:
        return [((), 1)]
    return [((*order[:k], n - 1, *order[k:]), sign * (-1) ** (n - 1 - k))
            for order, sign in _permutations(n - 1) for k in range(n)]


def _cofactors(a: Any, /, *directions: Any) -> Any:
    """The derivative of order ``k + 1`` of det at ``a``, along ``k`` directions and one left open.

    In the basis of singular vectors ``a`` is diagonal, and with ``P`` the product of the diagonal
    without the entries i, j ... it is the sum over all permutations s of (j, ..., i)

        sign(s) P[j, ..., i] d1[j, s(j)] ...    at the place [i, s(i)].
    """
    u, s, vh = np.linalg.svd(a)
    order = len(directions)
    turned = [np.swapaxes(u, -1, -2) @ d @ np.swapaxes(vh, -1, -2) for d in directions]
    for _ in range(order):
        s = _without_each(s)
    products, total = _products_of_others(s), np.zeros_like(a)
    names, unit = "abcdefghijkl"[: order + 1], np.eye(a.shape[-1], dtype=a.dtype)
    for choice, sign in _permutations(order + 1):
        row, column = names[order], names[choice[order]]
        terms = [f"...{names}", *(f"...{names[i]}{names[choice[i]]}" for i in range(order))]
        fixed = [unit] if row == column else []
        if fixed:
            column = "z"
            terms.append(row + column)
        subscripts = f"{','.join(terms)}->...{row}{column}"
        total = total + sign * np.einsum(subscripts, products, *turned, *fixed)
    orientation = np.linalg.slogdet(u @ vh)[0]
    return np.expand_dims(orientation, (-2, -1)) * (u @ total @ vh)


def _cofactors_back(position: int, g: Any, out: Any, a: Any, *directions: Any) -> Any:
    kept = [d for i, d in enumerate(directions, 1) if i != position]
    return cofactors_of(a, *kept, g)


@called_like((), _cofactors, Every(_cofactors_back), analytic=False, atomic=True, kind="op",
             internal=True)
def cofactors(a: Any, /, *directions: Any) -> Any:
    """The matrix of cofactors, the gradient of det: ``det(a) * inv(a).T``, right for singular ``a``.

    With directions, the gradient of the derivative of det along them.

    >>> import tinygrad_gd as tg
    >>> cofactors(tg.Tensor([[1.0, 2.0], [2.0, 4.0]])).numpy().round(6).tolist()
    [[4.0, -2.0], [-2.0, 1.0]]
    """
    if any(np.shape(d) != np.shape(a) for d in directions):
        raise ShapeError(f"cofactors: expected directions of the shape {np.shape(a)} of the matrices, "
                         f"got {[np.shape(d) for d in directions]}; use np.broadcast_to")
    return apply(cofactors, (a, *directions))


def cofactors_of(a: Any, *directions: Any) -> Any:
    """`cofactors` for rules: on arrays, or recorded on Tensors."""
    recorded = any(isinstance(x, Tensor) for x in (a, *directions))
    return cofactors(a, *directions) if recorded else _cofactors(a, *directions)


def _det(a: Any, /) -> Any:
    """The determinants of square matrices; the gradient is right for singular ones, too."""
    return np.linalg.det(a)


det = primitive(
    _det, lambda g, out, a: np.expand_dims(g, (-2, -1)) * cofactors_of(a), numpy=np.linalg.det)


def _slogdet(a: Any, /) -> Any:
    return np.stack(np.linalg.slogdet(a))


def _slogdet_back(g: Any, out: Any, a: Any) -> Any:
    identity = np.eye(a.shape[-1], dtype=a.dtype)
    return np.expand_dims(g[1], (-2, -1)) * solve_or_explain("slogdet", transposed(a), identity)


@called_like((), _slogdet, _slogdet_back, analytic=False, atomic=True, kind="op")
def slogdet(a: Any) -> SlogdetResult:
    """Sign and logarithm of ``|det(a)|``, which neither overflow nor underflow.

    >>> import numpy as np, tinygrad_gd as tg
    >>> a = tg.Tensor([[0.0, 1.0], [2.0, 0.0]], requires_grad=True)
    >>> sign, logabsdet = np.linalg.slogdet(a); sign.item()
    -1.0
    >>> logabsdet.backward(); a.grad.tolist()
    [[0.0, 1.0], [0.5, 0.0]]
    """
    return SlogdetResult(*apply(slogdet, (a,)))


NUMPY[np.linalg.slogdet] = slogdet
