"""Rows for `tinygrad_gd.ops.linalg`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

import tinygrad_gd as tg

from . import Sample, named, normal, torch_

SHAPES = {
    "1-D 1-D": ((3,), (3,)), "2-D 1-D": ((2, 3), (3,)), "1-D 2-D": ((3,), (3, 2)),
    "2-D": ((2, 3), (3, 2)), "batched": ((2, 2, 3), (2, 3, 2)), "broadcast": ((2, 1, 3), (3, 2)),
    "batched 1-D": ((2, 2, 3), (3,)), "1-D batched": ((3,), (2, 3, 2)),
}


def pair(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[Any, Any]:
    return normal(*a), normal(*b, seed=1)


def whole(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[Any, Any]:
    """Whole numbers, whose sums of products are exact in any order."""
    return np.round(3 * normal(*a)), np.round(3 * normal(*b, seed=1))


def tensordot(axes: Any) -> Any:
    return lambda a, b: np.tensordot(a, b, axes)


def sparse_or_dense(x: Any) -> Any:
    """A product with a constant matrix, which Tensors see as SciPy's and arrays as NumPy's."""
    dense = np.array([[1.0, 0.0, -2.0], [0.0, 3.0, 0.0]]).astype(x.dtype)
    return tg.matmul(sparse.csr_array(dense), x) if isinstance(x, tg.Tensor) else dense @ x


def of_list(function: Any, *arrays: Any) -> Any:
    return function(arrays)


def chain(*shapes: tuple[int, ...]) -> Sample:
    return Sample(  # a partial hides the list from HIPS autograd, which does not look into it
        "multi_dot", partial(of_list, np.linalg.multi_dot),
        tuple(normal(*s, seed=k) for k, s in enumerate(shapes)), " ".join(map(str, shapes)),
        torch=lambda *arrays: torch_("linalg.multi_dot")(arrays))


ROWS = [
    *(Sample("matmul", np.matmul, pair(a, b), label, torch=torch_("matmul"))
      for label, (a, b) in SHAPES.items()),
    Sample("matmul", lambda a, b: np.linalg.matmul(a, b), pair((2, 3), (3, 2)), "np.linalg"),
    Sample("matmul", np.matmul, (np.ones((2, 0)), np.ones((0, 3))), "empty"),
    Sample("linear", lambda x, w, b: tg.linear(x, w, b), (normal(2, 3), normal(4, 3), normal(4)),
           torch=torch_("nn.functional.linear")),
    Sample("matmul", lambda x, w: tg.linear(x, w), (normal(2, 3), normal(4, 3)), "linear",
           torch=torch_("nn.functional.linear")),
    Sample("matmul", lambda x, w: x @ w.T, (normal(6, 3), normal(4, 3)), "of a transposed matrix"),
    Sample("dot", np.dot, pair((), (2, 3)), "0-d"),
    Sample("dot", np.dot, pair((3,), (3,)), "1-D", torch=torch_("dot")),
    Sample("dot", np.dot, pair((2, 3), (3, 2)), "2-D", torch=torch_("matmul")),
    Sample("dot", np.dot, whole((2, 2, 3), (2, 3, 2)), "3-D",
           torch=lambda a, b: torch_("tensordot")(a, b, ([-1], [-2]))),
    Sample("dot", np.dot, whole((2, 2, 3), (3,)), "3-D 1-D", torch=torch_("matmul")),
    Sample("vdot", np.vdot, pair((2, 3), (3, 2)),
           torch=lambda a, b: torch_("vdot")(a.ravel(), b.ravel())),
    *(Sample("vecdot", np.vecdot, pair(a, b), label, torch=torch_("linalg.vecdot"))
      for label, a, b in (("", (2, 3), (2, 3)), ("broadcast", (2, 1, 3), (2, 3)))),
    Sample("vecdot", lambda a, b: np.linalg.vecdot(a, b, axis=0),  # type: ignore[call-overload]
           pair((3, 2), (3, 2)), "axis=0",
           torch=lambda a, b: torch_("linalg.vecdot")(a, b, dim=0)),
    *(Sample("inner", np.inner, whole(a, b), label, torch=torch_("inner")) for label, a, b in (
        ("1-D", (3,), (3,)), ("2-D", (2, 3), (4, 3)), ("3-D", (2, 2, 3), (2, 3)), ("0-d", (), (3,)))),
    Sample("outer", np.outer, pair((3,), (2,)), torch=torch_("outer")),
    Sample("outer", np.outer, pair((2, 2), (3,)), "flattened"),
    Sample("outer", lambda a, b: np.linalg.outer(a, b), pair((3,), (2,)), "np.linalg"),
    *(Sample("tensordot", tensordot(axes), pair(a, b), str(axes),
             torch=lambda a, b, axes=axes: torch_("tensordot")(a, b, axes))
      for axes, a, b in (
          (2, (2, 3, 2), (3, 2)), (1, (2, 3), (3, 2)), (0, (2,), (3,)),
          (((0, 2), (-1, 0)), (2, 2, 3), (3, 2, 2)), (((2, 0), (0, -1)), (2, 2, 3), (3, 2, 2)),
          (((0, 1, 2), (1, 2, 0)), (2, 3, 1), (1, 2, 3)))),
    Sample("tensordot", lambda a, b: np.linalg.tensordot(a, b, axes=1), pair((2, 3), (3, 2)),
           "np.linalg"),
    *(Sample("kron", np.kron, pair(a, b), f"{a} {b}", torch=torch_("kron"))
      for a, b in (((2,), (3,)), ((2, 2), (1, 3)), ((2, 1, 2), (2, 2)))),
    Sample("cross", np.cross, pair((2, 3), (2, 3)), torch=torch_("linalg.cross")),
    Sample("cross", np.cross, pair((2, 3), (3,)), "broadcast"),
    Sample("cross", lambda a, b: np.cross(a, b, axis=0), pair((3, 2), (3, 2)), "axis=0",
           torch=lambda a, b: torch_("linalg.cross")(a, b, dim=0)),
    Sample("cross", lambda a, b: np.cross(a, b, axisa=0, axisc=0), pair((3, 2), (2, 3)), "axisa axisc"),
    Sample("cross", lambda a, b: np.linalg.cross(a, b, axis=0), pair((3, 2), (3, 2)), "np.linalg"),
    chain((2, 3), (3, 2)), chain((2, 3), (3, 4), (4, 1)), chain((4,), (4, 3), (3, 2), (2,)),
    chain((1, 3), (3, 2), (2, 3), (3, 1), (1,)),
    *(Sample("matrix_power", lambda a, n=n: np.linalg.matrix_power(a, n), (normal(2, 2),), str(n),
             torch=lambda a, n=n: torch_("linalg.matrix_power")(a, n)) for n in (1, 2, 3, 6, -1, -3)),
    Sample("matrix_power", lambda a: np.linalg.matrix_power(a, 5), (normal(2, 2, 2),), "batched"),
    Sample("diagonal", lambda a: np.linalg.diagonal(a, offset=1), (normal(2, 2, 3),), "np.linalg"),
    Sample("trace", lambda a: np.linalg.trace(a, offset=-1), (normal(2, 3, 3),), "np.linalg"),
    Sample("matvec", lambda a, x: named("matvec")(a, x), pair((2, 2, 3), (3,)), torch=lambda a, x: a @ x,
           autograd=False),
    *(Sample("sparse_product", sparse_or_dense, (normal(*shape),), str(shape), autograd=False)
      for shape in ((3,), (3, 2))),
    Sample("vecmat", lambda x, a: named("vecmat")(x, a), pair((2, 2), (2, 2, 3)),
           torch=lambda x, a: (x[:, None, :] @ a)[:, 0, :], autograd=False),
]
