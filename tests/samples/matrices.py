"""Rows for the matrix functions of ``np.linalg``: inverses, determinants, factorizations, least squares.

What comes out of a factorization is made independent of its free choices (signs of vectors, turns
within spaces) before it is compared; matrices are far from singular where they have to be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd.ground.registry import by_name

from . import Sample, normal, torch_

A = normal(3, 3) + 2 * np.eye(3)
BATCH = normal(2, 2, 2, seed=3) + 2 * np.eye(2)
TALL, WIDE = normal(4, 2, seed=1), normal(2, 3, seed=2)
RANK_2 = normal(3, 2) @ normal(2, 3, seed=1)
VECTOR = normal(3, seed=4)


def transposed(a: Any) -> Any:
    return np.swapaxes(a, -1, -2)


def symmetric(a: Any) -> Any:
    return a + transposed(a)


def definite(a: Any) -> Any:
    return a @ transposed(a)


def of(path: str, prepare: Callable[[Any], Any] = lambda a: a, part: int | None = None,
       square: bool = False, **options: Any) -> Callable[[Any], Any]:
    """A function of ``np.linalg``, or the same of ``torch.linalg``, of a prepared argument."""

    def call(a: Any) -> Any:
        ours = isinstance(a, np.ndarray | tg.Tensor)
        function = getattr(np.linalg, path) if ours else torch_(f"linalg.{path}")
        result = function(prepare(a), **options)
        result = result if part is None else result[part]
        return result * result if square else result

    return call


def row(name: str, a: Any, label: str = "", torch: bool = True, **how: Any) -> Sample:
    call = of(name, **how)
    return Sample(name, call, (a,), label, torch=call if torch else None)


def eigen_filter(a: Any) -> Any:
    """exp of a symmetric matrix: a function of all parts of eigh."""
    w, v = np.linalg.eigh(a + np.swapaxes(a, -1, -2))
    return (v * np.exp(w)[..., None, :]) @ np.swapaxes(v, -1, -2)


def projections(a: Any, full_matrices: bool) -> Any:
    """A weighted sum of the projections on the singular vectors, on both sides."""
    u, s, vh = np.linalg.svd(a, full_matrices=full_matrices)
    k = s.shape[-1]
    left = (u[..., :k] * s[..., None, :]) @ np.swapaxes(u[..., :k], -1, -2)
    right = np.swapaxes(vh[..., 1:, :], -1, -2) @ vh[..., 1:, :]
    return np.sum(left * left, axis=(-2, -1)) + np.sum(right[..., 0, :], -1)


def lstsq_part(part: int) -> Callable[[Any, Any], Any]:
    return lambda a, b: np.linalg.lstsq(a, b, rcond=None)[part]


def lstsq_torch(a: Any, b: Any) -> Any:
    return torch_("linalg.lstsq")(a, b[:, None] if b.ndim == 1 else b)[0].reshape(a.shape[1], *b.shape[1:])


ROWS = [
    row("inv", A), row("inv", BATCH, "batched"), row("inv", np.zeros((0, 0)), "empty"),
    row("pinv", TALL, "tall"), row("pinv", WIDE, "wide"), row("pinv", BATCH, "batched"),
    row("pinv", A, "square", rcond=1e-10),
    row("det", A), row("det", BATCH, "batched"), row("det", RANK_2, "rank 2 of 3", torch=False),
    row("det", np.ones((2, 2)), "singular", torch=False),
    row("det", np.array([[1.5]]), "1 x 1"), row("det", np.eye(3), "equal singular values"),
    Sample("cofactors", lambda a: by_name("cofactors")(a), (RANK_2,)),
    Sample("cofactors", lambda a, d: by_name("cofactors")(a, d), (normal(2, 3, 3), normal(2, 3, 3, seed=1)),
           "batched, along a direction"),
    Sample("cofactors", lambda a, d, e: by_name("cofactors")(a, d, e),
           tuple(normal(4, 4, seed=k) for k in (1, 2, 3)), "along two"),
    row("slogdet", A, "logabsdet", part=1), row("slogdet", -BATCH, "batched", part=1),
    *(Sample("solve", np.linalg.solve, (a, b), label, torch=torch_("linalg.solve"))
      for label, a, b in (
          ("vector", A, VECTOR), ("matrix", A, normal(3, 2)), ("batched", BATCH, normal(2, 2, 3)))),
    Sample("solve", np.linalg.solve, (BATCH, normal(2)), "batched, vector", autograd=False),
    Sample("solve", np.linalg.solve, (BATCH[0], normal(2, 2, 1)), "broadcast"),
    Sample("tensorsolve", np.linalg.tensorsolve, (normal(2, 3, 6), normal(2, 3, seed=1)),
           torch=torch_("linalg.tensorsolve")),
    Sample("tensorsolve", lambda a, b: np.linalg.tensorsolve(a, b, axes=(1,)),
           (normal(2, 4, 2), normal(2, 2, seed=1)), "axes"),
    *(Sample("tensorinv", lambda a, k=k: np.linalg.tensorinv(a, ind=k), (normal(*shape),), f"ind={k}",
             torch=lambda a, k=k: torch_("linalg.tensorinv")(a, ind=k))
      for k, shape in ((2, (2, 3, 6)), (1, (4, 2, 2)))),
    *(Sample("lstsq_solution", lstsq_part(0), (a, b), label, torch=lstsq_torch if a is TALL else None)
      for label, a, b in (("tall", TALL, normal(4)), ("matrix", TALL, normal(4, 2)),
                          ("wide", WIDE, normal(2)), ("square", A, VECTOR))),
    row("cholesky", A, prepare=definite), row("cholesky", BATCH, "batched", prepare=definite),
    row("cholesky", A, "upper", prepare=definite, upper=True),
    row("eigvalsh", A, prepare=symmetric), row("eigvalsh", BATCH, "batched", prepare=symmetric),
    row("eigvalsh", A, "UPLO=U", prepare=symmetric, UPLO="U"),
    row("eigh", A, "values", prepare=symmetric, part=0),
    row("eigh", A, "vectors", prepare=symmetric, part=1, square=True),
    row("eigh", BATCH, "batched", prepare=symmetric, part=1, square=True),
    Sample("eigh", eigen_filter, (A,), "matrix exponential",
           torch=lambda a: torch_("linalg.matrix_exp")(a + a.T)),
    *(row("qr", a, f"{part} {label}", part=k)
      for k, part in enumerate("QR")
      for label, a in (("square", A), ("tall", TALL), ("batched", BATCH))),
    row("qr", WIDE, "R wide", part=1, torch=False), row("qr", WIDE, "Q wide", part=0, torch=False),
    row("qr", TALL, "r", torch=False, mode="r"), row("qr", A, "complete", part=0, mode="complete"),
    row("svdvals", A), row("svdvals", TALL, "tall"), row("svdvals", WIDE, "wide"),
    row("svdvals", BATCH, "batched"),
    row("svd", A, "values", part=1), row("svd", A, "U", part=0, square=True),
    row("svd", A, "Vh", part=2, square=True), row("svd", BATCH, "batched", part=0, square=True),
    *(row("svd", a, f"{part} {label}", part=k, square=True, full_matrices=False)
      for k, part in ((0, "U"), (2, "Vh")) for label, a in (("tall", TALL), ("wide", WIDE))),
    *(Sample("svd", lambda a, f=full: projections(a, f), (a,), f"projections {label}{' full' * full}")
      for label, a in (("tall", TALL), ("wide", WIDE)) for full in (False, True)),
    row("svd", TALL, "compute_uv=False", torch=False, compute_uv=False),
    Sample("ratio", lambda x, y: by_name("ratio")(x, y), (normal(3), normal(3, seed=1) + 3.0)),
    row("cond", A), row("cond", BATCH, "batched"), row("cond", TALL, "tall"), row("cond", A, "-2", p=-2),
    row("cond", A, "fro", p="fro", torch=False), row("cond", A, "1", p=1, torch=False),
]
