"""The matrix functions and factorizations of ``np.linalg``, batched over the leading axes.

What NumPy reads of a symmetric matrix is one triangle only; gradients of `cholesky`, `eigh` and
`eigvalsh` are symmetric all the same, those of the function on symmetric matrices.

Factorizations are not unique, and only what does not depend on the choice has a derivative:

- the sign of an eigenvector or of a pair of singular vectors is free: use ``v**2``, ``v @ v.T`` ...;
- vectors of equal eigenvalues or singular values may be rotated into each other. A gradient that
  comes in through such vectors is NaN here, never a finite wrong number; through the values
  alone it is right. Values count as equal when they differ by no more than rounding;
- `qr` needs linearly independent columns, `pinv` and `lstsq` a rank that does not change nearby.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..backward import unbroadcast
from ..errors import GradError, MatrixError, OptionError, ShapeError, describe
from ..primitive import Every, apply, primitive
from ..registry import NUMPY, implements
from ..tensor import Tensor
from .linalg import matmul, transposed
from .reductions import sum as sum_of
from .shape import moveaxis, reshape
from .signatures import as_tensor, called_like

_UNSET: Any = object()


class SlogdetResult(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant."""

    sign: Tensor
    logabsdet: Tensor


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


class LstsqResult(NamedTuple):
    """The solution of least squares, its squared errors, and the rank and singular values of ``a``."""

    x: Tensor
    residuals: Tensor
    rank: Tensor
    s: Tensor


# -- several results of one primitive ----------------------------------------------------------------


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


def _solve_or_explain(operation: str, a: Any, b: Any) -> Any:
    """``np.linalg.solve`` in a rule, where a singular matrix means that there is no derivative."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError as error:
        raise MatrixError(f"backward: {operation} has no derivative here, because its matrix is "
                          f"singular or its columns are linearly dependent ({error}); add a small "
                          "multiple of np.eye(n) to the matrix, or leave the dependent columns out"
                          ) from error


# -- inverses and linear equations -------------------------------------------------------------------


def _inv(a: Any, /) -> Any:
    return np.linalg.inv(a)


def _inv_back(g: Any, out: Any, a: Any) -> Any:
    inverse = transposed(out)
    return -(inverse @ g @ inverse)


inv = primitive(_inv, _inv_back, numpy=np.linalg.inv)


def _pinv(a: Any, /, rcond: Any = None) -> Any:
    return np.linalg.pinv(a, rcond)


def _pinv_back(g: Any, out: Any, a: Any, rcond: Any) -> Any:
    back, tall = transposed(out), transposed(g)
    outside = tall - a @ (out @ tall)  # zero for a wide matrix of full rank
    beside = tall - (tall @ out) @ a  # zero for a tall one
    return outside @ (out @ back) + (back @ out) @ beside - back @ g @ back


@called_like(np.linalg.pinv, _pinv, _pinv_back, analytic=False, kind="op")
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = _UNSET) -> Any:
    """The Moore-Penrose inverse: of least squares, and of least length among those.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.linalg.pinv(tg.Tensor([[3.0], [4.0]])).numpy().round(2).tolist()
    [[0.12, 0.16]]
    """
    if hermitian:
        raise OptionError("pinv: hermitian= is not supported with Tensors; leave it out, the result is "
                          "the same")
    a = as_tensor("pinv", a)
    if rtol is not _UNSET:
        if rcond is not None:
            raise OptionError("pinv: give rcond= or rtol=, not both")
        rcond = max(a.shape[-2:]) * float(np.finfo(a.dtype).eps) if rtol is None else rtol
    return apply(pinv, (a,), {"rcond": rcond})


def _solve(a: Any, b: Any, /) -> Any:
    return np.linalg.solve(a, b)


def _solve_right(g: Any, out: Any, a: Any, b: Any) -> Any:
    if b.ndim == 1:
        gb = np.linalg.solve(transposed(a), np.expand_dims(g, -1))[..., 0]
    else:
        gb = np.linalg.solve(transposed(a), g)
    return gb if gb.shape == b.shape else unbroadcast(gb, b.shape)


def _solve_left(g: Any, out: Any, a: Any, b: Any) -> Any:
    if b.ndim == 1:
        g, out = np.expand_dims(g, -1), np.expand_dims(out, -1)
    ga = -(np.linalg.solve(transposed(a), g) @ transposed(out))
    return ga if ga.shape == a.shape else unbroadcast(ga, a.shape)


solve = primitive(_solve, _solve_left, _solve_right, numpy=np.linalg.solve)


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Tensor:
    """The ``x`` with ``tensordot(a, x, x.ndim) == b``; ``axes`` of ``a`` are moved to its end first."""
    a, b = as_tensor("tensorsolve", a), as_tensor("tensorsolve", b)
    if axes is not None:
        a = moveaxis(a, axes, range(-len(axes), 0))
    if prod(a.shape[b.ndim :]) != b.size:
        raise ShapeError(f"tensorsolve: {describe(a, 0)} is no square matrix when its first {b.ndim} "
                         f"axes, those of {describe(b, 1)}, are taken as one, and the others as one")
    return reshape(solve(reshape(a, (b.size, b.size)), reshape(b, -1)), a.shape[b.ndim :])


@implements(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Tensor:
    """The inverse of ``x -> tensordot(a, x, ...)``, with the first ``ind`` axes of ``a`` as rows."""
    a = as_tensor("tensorinv", a)
    rows, columns = a.shape[:ind], a.shape[ind:]
    if ind < 1 or prod(rows) != prod(columns):
        raise ShapeError(f"tensorinv: {describe(a)} is no square matrix when its first {ind} axes are "
                         "taken as one, and the others as one; check ind=")
    return reshape(inv(reshape(a, (prod(rows), prod(rows)))), (*columns, *rows))


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
    name="lstsq_solution", analytic=False, atomic=True)


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
    x = apply(lstsq_solution, (a, b), {"rcond": rcond})
    rows, columns = a.shape
    values = svdvals(a)
    smallest = max(a.shape) * float(np.finfo(values.dtype).eps) if rcond is None else rcond
    rank = sum_of(values.detach() > smallest * values.detach()[:1])
    error = b - matmul(a, x) if rows > columns else x[:0]
    return LstsqResult(x, reshape(sum_of(error * error, 0), -1)[: None if rows > columns else 0],
                       rank, values)


# -- determinants ------------------------------------------------------------------------------------


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


@called_like((), _cofactors, Every(_cofactors_back), analytic=False, atomic=True, kind="op")
def cofactors(a: Any, /, *directions: Any) -> Any:
    """The matrix of cofactors, the gradient of det: ``det(a) * inv(a).T``, right for singular ``a``.

    With directions, the gradient of the derivative of det along them.

    >>> import tinygrad_gd as tg
    >>> tg.cofactors(tg.Tensor([[1.0, 2.0], [2.0, 4.0]])).numpy().round(6).tolist()
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
    return np.linalg.det(a)


det = primitive(
    _det, lambda g, out, a: np.expand_dims(g, (-2, -1)) * cofactors_of(a), numpy=np.linalg.det)


def _slogdet(a: Any, /) -> Any:
    return np.stack(np.linalg.slogdet(a))


def _slogdet_back(g: Any, out: Any, a: Any) -> Any:
    identity = np.eye(a.shape[-1], dtype=a.dtype)
    return np.expand_dims(g[1], (-2, -1)) * _solve_or_explain("slogdet", transposed(a), identity)


@called_like((), _slogdet, _slogdet_back, analytic=False, atomic=True, kind="op")
def slogdet(a: Any) -> Any:
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

# -- symmetric matrices ------------------------------------------------------------------------------


def _cholesky(a: Any, /, *, upper: bool = False) -> Any:
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
def eigh(a: Any, UPLO: str = "L") -> Any:
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
    return np.linalg.eigvalsh(a, UPLO)


def _eigvalsh_back(g: Any, out: Any, a: Any, UPLO: Any) -> Any:
    vectors = np.linalg.eigh(a, UPLO)[1]
    return (vectors * np.expand_dims(g, -2)) @ transposed(vectors)


eigvalsh = primitive(_eigvalsh, _eigvalsh_back, numpy=np.linalg.eigvalsh, analytic=False)

# -- orthogonal factors ------------------------------------------------------------------------------


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
    first = transposed(_solve_or_explain("qr", r[..., :k], transposed(gq + q @ inner)))
    return np.concatenate([first, q @ rest], axis=-1)


@called_like((), _qr, _qr_back, analytic=False, atomic=True, kind="op")
def qr(a: Any, mode: str = "reduced") -> Any:
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
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Singular value decomposition ``a = U @ diag(S) @ Vh``.

    Gradients that come in through the vectors of equal singular values, or of the value 0 of a
    matrix that is not square, are NaN: there is none. `svdvals` gives the values alone.

    >>> import numpy as np, tinygrad_gd as tg
    >>> a = tg.Tensor([[3.0, 0.0], [0.0, 2.0]], requires_grad=True)
    >>> np.linalg.svd(a).S[0].backward(); abs(a.grad).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    if hermitian:
        raise OptionError("svd: hermitian= is not supported with Tensors; leave it out, or use eigh")
    if not compute_uv:
        return svdvals(a)
    packed = apply(svd, (a,), {"full_matrices": bool(full_matrices)})
    return SVDResult(*_parts(packed, *_svd_shapes(np.shape(a), full_matrices)))


NUMPY[np.linalg.svd] = svd


def _svdvals(x: Any, /) -> Any:
    return np.linalg.svdvals(x)


def _svdvals_back(g: Any, out: Any, x: Any) -> Any:
    u, _, vh = np.linalg.svd(x, full_matrices=False)
    return (u * np.expand_dims(g, -2)) @ vh


svdvals = primitive(_svdvals, _svdvals_back, numpy=np.linalg.svdvals, analytic=False)

# -- rank and condition ------------------------------------------------------------------------------


def _matrix_rank(A: Any, /, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    return np.asarray(np.linalg.matrix_rank(A, tol, hermitian, rtol=rtol))[()]


matrix_rank = primitive(_matrix_rank, numpy=np.linalg.matrix_rank)


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
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
        return np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(inv(x), p, axis=(-2, -1))
    s = svdvals(x)
    with np.errstate(divide="ignore", invalid="ignore"):  # a singular matrix: infinite
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
