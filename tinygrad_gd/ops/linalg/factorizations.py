"""The factorizations of ``np.linalg``, batched over the leading axes.

What NumPy reads of a symmetric matrix is one triangle only; gradients of `cholesky`, `eigh` and
`eigvalsh` are symmetric all the same, those of the function on symmetric matrices.

Factorizations are not unique, and only what does not depend on the choice has a derivative:

- the sign of an eigenvector or of a pair of singular vectors is free: use ``v**2``, ``v @ v.T`` ...;
- vectors of equal eigenvalues or singular values may be rotated into each other. A gradient that
  comes in through such vectors is NaN here, never a finite wrong number; through the values
  alone it is right. Values count as equal when they differ by no more than rounding;
- `qr` needs linearly independent columns.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...engine.primitive import apply, primitive
from ...engine.tensor import Tensor
from ...errors import GradError, OptionError
from ...ground.registry import NUMPY
from ..signatures import called_like
from .linear_systems import solve_or_explain
from .products import transposed


class QRResult(NamedTuple):
    """Orthonormal columns and the upper triangle with ``a = Q @ R``."""

    Q: Tensor
    R: Tensor


class EighResult(NamedTuple):
    """Ascending eigenvalues, and the eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVDResult(NamedTuple):
    """Singular vectors and descending singular values with ``a = U @ diag(S) @ Vh``."""

    U: Tensor
    S: Tensor
    Vh: Tensor


# -- several results of one primitive --------------------------------------------------------------


def _packed(batch: tuple[int, ...], *parts: Any) -> Any:
    """The parts of each matrix's result, one after the other along one last axis."""
    sizes = [int(np.prod(part.shape[len(batch) :])) for part in parts]
    flat = [np.reshape(part, (*batch, n)) for part, n in zip(parts, sizes, strict=True)]
    return np.concatenate(flat, axis=-1)


def _parts(packed: Any, *shapes: tuple[int, ...]) -> list[Any]:
    """The inverse of `_packed`; ``shapes`` without those of the batch."""
    parts, start = [], 0
    for shape in shapes:
        stop = start + prod(shape)
        parts.append(np.reshape(packed[..., start:stop], (*packed.shape[:-1], *shape)))
        start = stop
    return parts


def _on_diagonal(values: Any) -> Any:
    return np.einsum("...i,ij->...ij", values, np.eye(values.shape[-1], dtype=values.dtype))


# -- symmetric matrices ----------------------------------------------------------------------------


def _cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """The lower triangle ``L`` with ``a = L @ L.T``, or with ``upper`` its transpose."""
    return np.linalg.cholesky(a, upper=upper)


def _cholesky_back(g: Any, out: Any, a: Any, upper: bool) -> Any:
    # dL = L (half the diagonal and all below it of L^-1 dA L^-T)
    lower, g = (transposed(out), transposed(g)) if upper else (out, g)
    n, back = a.shape[-1], transposed(lower)
    half = np.tri(n, dtype=g.dtype) - np.eye(n, dtype=g.dtype) / 2
    inner = half * (back @ g)
    ga = np.linalg.solve(back, transposed(np.linalg.solve(back, inner + transposed(inner))))
    return ga / 2


cholesky = primitive(_cholesky, _cholesky_back, numpy=np.linalg.cholesky, analytic=False)


def _over_gaps(x: Any, gaps: Any, limit: Any) -> Any:
    """``(x - x.T) / gaps`` of vectors with distinct values; NaN where they are equal and x counts."""
    equal = np.abs(gaps) <= limit
    back = transposed(x)
    quotient = np.where(equal, 0, (x - back) / np.where(equal, 1, gaps))
    counts = ((x != 0) | (back != 0)) & ~np.eye(x.shape[-1], dtype=bool)
    return np.where(equal & counts, np.nan, quotient)


def _rounding(values: Any, n: int) -> Any:
    """How far equal eigenvalues or singular values may differ by rounding, per matrix."""
    eps = float(np.finfo(values.dtype).eps)
    return n * eps * np.max(np.abs(values), axis=-1, keepdims=True, initial=0)


def _eigh(a: Any, /, UPLO: Any = "L") -> Any:
    values, vectors = np.linalg.eigh(a, UPLO)
    return _packed(a.shape[:-2], values, vectors)


def _eigh_back(g: Any, out: Any, a: Any, UPLO: str) -> Any:
    n = a.shape[-1]
    (values, vectors), (g_values, g_vectors) = (_parts(p, (n,), (n, n)) for p in (out, g))
    gaps = np.expand_dims(values, -2) - np.expand_dims(values, -1)
    limit = np.expand_dims(_rounding(values, n), -1)
    inner = _on_diagonal(g_values) + _over_gaps(transposed(vectors) @ g_vectors, gaps, limit) / 2
    return vectors @ inner @ transposed(vectors)


@called_like((), _eigh, _eigh_back, analytic=False, atomic=True, kind="op")
def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """Eigenvalues and eigenvectors of symmetric matrices, ``a @ v = w * v``.

    Gradients that come in through eigenvectors of equal eigenvalues are NaN: there is none.

    >>> import numpy as np, tinygrad_gd as tg
    >>> a = tg.Tensor([[2.0, 0.0], [0.0, 3.0]], requires_grad=True)
    >>> np.linalg.eigh(a).eigenvalues[1].backward(); a.grad.tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    packed = apply(eigh, (a,), {"UPLO": UPLO})
    n = np.shape(a)[-1]
    return EighResult(*_parts(packed, (n,), (n, n)))


NUMPY[np.linalg.eigh] = eigh


def _eigvalsh(a: Any, /, UPLO: Any = "L") -> Any:
    """The ascending eigenvalues of symmetric matrices, of which one triangle is read."""
    return np.linalg.eigvalsh(a, UPLO)


def _eigvalsh_back(g: Any, out: Any, a: Any, UPLO: Any) -> Any:
    vectors = np.linalg.eigh(a, UPLO)[1]
    return (vectors * np.expand_dims(g, -2)) @ transposed(vectors)


eigvalsh = primitive(_eigvalsh, _eigvalsh_back, numpy=np.linalg.eigvalsh, analytic=False)

# -- orthogonal factors ----------------------------------------------------------------------------


def _qr(a: Any, /, mode: Any = "reduced") -> Any:
    q, r = np.linalg.qr(a, mode)
    return _packed(a.shape[:-2], q, r)


def _qr_shapes(shape: tuple[int, ...], mode: str) -> tuple[tuple[int, int], tuple[int, int]]:
    m, n = shape[-2:]
    k = m if mode == "complete" else min(m, n)
    return (m, k), (k, n)


def _qr_back(g: Any, out: Any, a: Any, mode: str) -> Any:
    shapes = _qr_shapes(a.shape, mode)
    (m, k), (_, n) = shapes
    if k > n:
        raise GradError(f"backward: qr with mode='complete' of a {m} x {n} matrix has no derivative, "
                        f"the last {k - n} columns of Q are free to turn; use mode='reduced'")
    (q, r), (gq, gr) = (_parts(p, *shapes) for p in (out, g))
    # The first k columns of a decide q and the square part of r; the others are q @ (rest of r).
    square, rest = gr[..., :k], gr[..., k:]
    gq = gq + a[..., k:] @ transposed(rest)
    skew = r[..., :k] @ transposed(square) - transposed(gq) @ q
    inner = np.tril(skew) + transposed(np.tril(skew, -1))
    first = transposed(solve_or_explain("qr", r[..., :k], transposed(gq + q @ inner)))
    return np.concatenate([first, q @ rest], axis=-1)


@called_like((), _qr, _qr_back, analytic=False, atomic=True, kind="op")
def qr(a: Any, mode: str = "reduced") -> QRResult | Any:
    """Orthonormal ``Q`` and upper triangular ``R`` with ``a = Q @ R``; only R with ``mode="r"``.

    Differentiable where the first columns of ``a``, as many as R has rows, are independent.

    >>> import numpy as np, tinygrad_gd as tg
    >>> q, r = np.linalg.qr(tg.Tensor([[3.0, 1.0], [4.0, 2.0]])); abs(r).numpy().round(6).tolist()
    [[5.0, 2.2], [0.0, 0.4]]
    """
    if mode not in ("reduced", "complete", "r"):
        raise OptionError(f"qr: mode= must be 'reduced', 'complete' or 'r', got {mode!r}")
    kind = "complete" if mode == "complete" else "reduced"
    packed = apply(qr, (a,), {"mode": kind})
    result = QRResult(*_parts(packed, *_qr_shapes(np.shape(a), kind)))
    return result.R if mode == "r" else result


NUMPY[np.linalg.qr] = qr


def _svd(a: Any, /, full_matrices: bool = True) -> Any:
    return _packed(a.shape[:-2], *np.linalg.svd(a, full_matrices))


def _svd_shapes(shape: tuple[int, ...], full_matrices: bool) -> Any:
    m, n = shape[-2:]
    k = min(m, n)
    return ((m, m), (k,), (n, n)) if full_matrices else ((m, k), (k,), (k, n))


def _first_columns(u: Any, gu: Any, k: int) -> tuple[Any, Any]:
    """Vectors with a singular value; the cotangents of the others, turned with them, join theirs."""
    if u.shape[-1] == k:
        return u, gu
    first, rest = u[..., :k], u[..., k:]
    return first, gu[..., :k] - rest @ (transposed(gu[..., k:]) @ first)


def _outside(u: Any, gu: Any, s: Any, limit: Any) -> Any:
    """The part of ``gu`` that turns the columns of ``u`` out of the space they span, over ``s``."""
    part = gu - u @ (transposed(u) @ gu)
    zero = s <= limit
    quotient = np.where(zero, 0, part / np.where(zero, 1, s))
    return np.where(zero & (gu != 0), np.nan, quotient)


def _svd_back(g: Any, out: Any, a: Any, full_matrices: bool) -> Any:
    shapes = _svd_shapes(a.shape, full_matrices)
    (u, s, vh), (gu, gs, gvh) = (_parts(p, *shapes) for p in (out, g))
    (m, n), k = a.shape[-2:], s.shape[-1]
    u, gu = _first_columns(u, gu, k)
    v, gv = _first_columns(transposed(vh), transposed(gvh), k)
    across, down = np.expand_dims(s, -2), np.expand_dims(s, -1)
    limit = np.expand_dims(_rounding(s, max(m, n)), -1)
    total = np.where(across + down == 0, 1, across + down)
    turn_u, turn_v = (_over_gaps(transposed(x) @ gx, across - down, limit) / total
                      for x, gx in ((u, gu), (v, gv)))
    ga = u @ (turn_u * across + down * turn_v + _on_diagonal(gs)) @ transposed(v)
    if m > n:
        ga = ga + _outside(u, gu, across, limit) @ transposed(v)
    if n > m:
        ga = ga + u @ transposed(_outside(v, gv, across, limit))
    return ga


@called_like((), _svd, _svd_back, analytic=False, atomic=True, kind="op")
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True,
        hermitian: bool = False) -> SVDResult | Any:
    """Singular value decomposition ``a = U @ diag(S) @ Vh``.

    Gradients that come in through the vectors of equal singular values, or of the value 0 of a
    matrix that is not square, are NaN: there is none. `svdvals` gives the values alone.

    >>> import numpy as np, tinygrad_gd as tg
    >>> a = tg.Tensor([[3.0, 0.0], [0.0, 2.0]], requires_grad=True)
    >>> np.linalg.svd(a).S[0].backward(); abs(a.grad).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    if hermitian:
        raise OptionError("svd: hermitian= is not supported with Tensors; leave it out, of a symmetric "
                          "matrix the singular values are the same, or use eigh")
    if not compute_uv:
        return svdvals(a)
    packed = apply(svd, (a,), {"full_matrices": bool(full_matrices)})
    return SVDResult(*_parts(packed, *_svd_shapes(np.shape(a), full_matrices)))


NUMPY[np.linalg.svd] = svd


def _svdvals(x: Any, /) -> Any:
    """The descending singular values of matrices."""
    return np.linalg.svdvals(x)


def _svdvals_back(g: Any, out: Any, x: Any) -> Any:
    u, _, vh = np.linalg.svd(x, full_matrices=False)
    return (u * np.expand_dims(g, -2)) @ vh


svdvals = primitive(_svdvals, _svdvals_back, numpy=np.linalg.svdvals, analytic=False)
