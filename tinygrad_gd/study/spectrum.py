"""Both ends of the spectrum of a symmetric matrix that is known by its products with vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ground.extras import found

Array = np.ndarray[Any, Any]
Product = Callable[[Array], Array]

#: Eigenvalues are sought to this part of the largest in size.
PRECISION = 1e-9
#: So many products at most for one end; what has not converged by then is the best bound there is.
STEPS = 300


def both_ends(product: Product, n: int) -> tuple[Array, Array]:
    """The smallest and the largest eigenvalue, and the eigenvectors as columns.

    By SciPy's ``eigsh`` if it is there, else by `lanczos`. The start is the same each time.

    >>> values, vectors = both_ends(lambda v: np.arange(1.0, 501) * v, 500)
    >>> np.round(values, 6).tolist(), int(np.argmax(np.abs(vectors[:, 1])))
    ([1.0, 500.0], 499)
    """
    arpack = found("scipy.sparse.linalg")
    return lanczos(product, n) if arpack is None or n < 3 else _by_arpack(arpack, product, n)


def _by_arpack(arpack: Any, product: Product, n: int) -> tuple[Array, Array]:
    options = {"k": 1, "which": "LM", "tol": PRECISION, "ncv": min(n, 40), "v0": _start(n),
               "maxiter": STEPS}
    try:
        far, v = arpack.eigsh(arpack.LinearOperator((n, n), product, dtype=float), **options)
        # measured from the end that is found, the other one is the largest, however near 0 it lies
        shift = float(far[0])
        other = arpack.LinearOperator((n, n), lambda x: product(x) - shift * x, dtype=float)
        near, u = arpack.eigsh(other, **options)
    except arpack.ArpackError:  # a multiple of the identity, or no convergence
        return lanczos(product, n)
    values, vectors = np.array([near[0] + shift, shift]), np.hstack([u, v])
    order = np.argsort(values)
    return values[order], vectors[:, order]


def lanczos(product: Product, n: int, steps: int = STEPS) -> tuple[Array, Array]:
    """The same by Lanczos with full reorthogonalisation, of at most ``steps`` products.

    The basis q makes the matrix tridiagonal; the eigenvalues of that one, the Ritz values, converge
    from inside to both ends. Twice is enough for orthogonality (Parlett).

    >>> values, _ = lanczos(lambda v: np.arange(1.0, 51) * v, 50)
    >>> np.round(values, 6).tolist()
    [1.0, 50.0]
    """
    q = np.zeros((min(n, steps), n))
    diagonal: list[float] = []
    beside: list[float] = []
    rest = _start(n)
    for i in range(len(q)):
        q[i] = rest / np.linalg.norm(rest)
        rest = product(q[i])
        diagonal.append(float(q[i] @ rest))
        for _ in range(2):
            rest = rest - q[: i + 1].T @ (q[: i + 1] @ rest)
        left = float(np.linalg.norm(rest))
        ritz, vectors = np.linalg.eigh(
            np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
        # how far a Ritz vector is from an eigenvector: what is left over times its last entry
        if left * np.abs(vectors[-1, [0, -1]]).max() <= PRECISION * np.abs(ritz).max():
            break
        beside.append(left)
    return ritz[[0, -1]], q[: len(ritz)].T @ vectors[:, [0, -1]]


def _start(n: int) -> Array:
    return np.random.default_rng(0).standard_normal(n)
