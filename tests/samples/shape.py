"""Rows for `tinygrad_gd.ops.shape` and `tinygrad_gd.ops.arrange`."""

from __future__ import annotations

import numpy as np

from . import Sample, named, normal, torch_

X, Y = normal(2, 3), normal(2, 3, seed=1)
CUBE, VECTOR = normal(2, 3, 2), normal(4)

ROWS = [
    Sample("broadcast_to", lambda a: np.broadcast_to(a, (4, 2, 3)), (X,),
           torch=lambda a: a.broadcast_to(4, 2, 3)),
    Sample("broadcast_to", lambda a: np.broadcast_to(a, (2, 3)), (normal(2, 1),), "size 1"),
    Sample("broadcast_arrays", lambda a: np.broadcast_arrays(a, np.zeros((4, 1, 1)))[0], (X,)),
    Sample("reshape", lambda a: np.reshape(a, (3, 2)), (X,), torch=lambda a: a.reshape(3, 2)),
    Sample("reshape", lambda a: np.reshape(a, -1), (X,), "-1"),
    Sample("reshape", lambda a: np.reshape(a, (3, 2), order="F"), (X,), "order=F"),
    Sample("ravel", np.ravel, (X,), torch=torch_("ravel")),
    Sample("ravel", lambda a: np.ravel(a, order="F"), (X,), "order=F"),
    Sample("transpose", np.transpose, (X,)),
    Sample("transpose", lambda a: np.transpose(a, (1, -1, 0)), (CUBE,), "negative axis",
           torch=lambda a: a.permute(1, -1, 0)),
    Sample("permute_dims", lambda a: np.permute_dims(a, (2, 0, 1)), (CUBE,)),
    Sample("swapaxes", lambda a: np.swapaxes(a, 0, -1), (CUBE,), torch=lambda a: a.swapaxes(0, -1)),
    Sample("squeeze", lambda a: np.squeeze(a, 1), (normal(2, 1, 3),), torch=lambda a: a.squeeze(1)),
    Sample("squeeze", np.squeeze, (normal(1, 3, 1),), "all"),
    Sample("expand_dims", lambda a: np.expand_dims(a, -1), (X,), torch=lambda a: a.unsqueeze(-1)),
    Sample("expand_dims", lambda a: np.expand_dims(a, (0, -1)), (X,), "axes"),
    Sample("moveaxis", lambda a: np.moveaxis(a, 0, -1), (CUBE,), torch=lambda a: a.moveaxis(0, -1)),
    Sample("rollaxis", lambda a: np.rollaxis(a, 2), (CUBE,)),
    Sample("rollaxis", lambda a: np.rollaxis(a, 0, -1), (CUBE,), "negative start"),
    Sample("matrix_transpose", np.matrix_transpose, (CUBE,), torch=lambda a: a.mT),
    *(Sample(f"atleast_{n}d", getattr(np, f"atleast_{n}d"), (x,), f"{x.ndim}-d",
             torch=torch_(f"atleast_{n}d"))
      for n in (1, 2, 3) for x in (np.array(2.0), VECTOR, X)),
    Sample("copy", np.copy, (X,)),
    Sample("astype", lambda a: a.astype(a.dtype), (X,)),
    # joining
    Sample("concatenate", lambda a, b: np.concatenate([a, b], axis=-1), (X, Y),
           torch=lambda a, b: torch_("cat")([a, b], dim=-1)),
    Sample("concatenate", lambda a, b: np.concatenate([a, b], axis=None), (X, Y), "axis=None"),
    Sample("concatenate", lambda a, b: np.concatenate([a, b]), (X, np.zeros((0, 3))), "empty"),
    Sample("concat", lambda a, b: np.concat([a, b]), (X, Y), autograd=False),
    Sample("stack", lambda a, b: np.stack([a, b], axis=1), (X, Y),
           torch=lambda a, b: torch_("stack")([a, b], dim=1)),
    Sample("stack", lambda a, b: np.stack([a, b], axis=-1), (X, Y), "axis=-1"),
    *(Sample(name, lambda a, b, f=name: getattr(np, f)([a, b]), (X, Y), torch=lambda a, b, f=name:
             torch_(f)([a, b]), autograd=name != "dstack")
      for name in ("hstack", "vstack", "dstack", "column_stack")),
    *(Sample(name, lambda a, b, f=name: getattr(np, f)([a, b]), (VECTOR, VECTOR + 1), "vectors",
             torch=lambda a, b, f=name: torch_(f)([a, b]), autograd=name != "dstack")
      for name in ("hstack", "vstack", "dstack", "column_stack")),
    Sample("block", lambda a, b: np.block([[a, b], [b[0], a[1]]]), (X, Y), autograd=False),
    Sample("append", lambda a, b: np.append(a, b), (X, VECTOR)),
    Sample("append", lambda a, b: np.append(a, b, axis=0), (X, Y), "axis"),
    Sample("insert", lambda a, b: np.insert(a, 1, b, axis=1), (X, normal(2)), "integer"),
    Sample("insert", lambda a, b: np.insert(a, [0, -1], b, axis=0), (X, Y), "list"),
    Sample("insert", lambda a, b: np.insert(a, slice(0, 4, 2), b), (X, normal(2)), "slice"),
    Sample("delete", lambda a: np.delete(a, [0, -1], axis=1), (X,)),
    Sample("delete", lambda a: np.delete(a, 2), (X,), "flat"),
    # splitting
    Sample("split", lambda a: np.split(a, 3, axis=-1)[1], (X,), torch=lambda a: a.tensor_split(3, -1)[1]),
    Sample("split", lambda a: np.split(a, [1, 2], axis=1)[2], (X,), "indices"),
    Sample("array_split", lambda a: np.array_split(a, 3)[0], (VECTOR,),
           torch=lambda a: a.tensor_split(3)[0]),
    Sample("hsplit", lambda a: np.hsplit(a, 3)[2], (X,), torch=lambda a: a.hsplit(3)[2]),
    Sample("vsplit", lambda a: np.vsplit(a, 2)[1], (X,), torch=lambda a: a.vsplit(2)[1]),
    Sample("dsplit", lambda a: np.dsplit(a, 2)[1], (CUBE,), torch=lambda a: a.dsplit(2)[1]),
    Sample("unstack", lambda a: named("unstack")(a, axis=-1)[1], (X,),
           torch=lambda a: a.unbind(-1)[1], autograd=False),
    # repeating and turning
    Sample("tile", lambda a: np.tile(a, (2, 1, 3)), (X,), torch=lambda a: a.tile(2, 1, 3)),
    Sample("tile", lambda a: np.tile(a, 2), (CUBE,), "short", autograd=False),
    Sample("repeat", lambda a: np.repeat(a, 2), (X,), torch=lambda a: a.repeat_interleave(2)),
    Sample("repeat", lambda a: np.repeat(a, 3, axis=-2), (X,), "axis",
           torch=lambda a: a.repeat_interleave(3, -2), autograd=False),
    Sample("repeat", lambda a: np.repeat(a, [2, 0, 1], axis=1), (X,), "list"),
    Sample("resize", lambda a: np.resize(a, (3, 4)), (X,)),
    Sample("roll", lambda a: np.roll(a, 2), (X,), torch=lambda a: a.roll(2)),
    Sample("roll", lambda a: np.roll(a, (1, -2), axis=(0, -1)), (X,), "axes",
           torch=lambda a: a.roll((1, -2), (0, -1))),
    Sample("flip", np.flip, (X,), torch=lambda a: a.flip(0, 1)),
    Sample("flip", lambda a: np.flip(a, (0, -1)), (CUBE,), "axes", torch=lambda a: a.flip(0, -1)),
    Sample("fliplr", np.fliplr, (X,), torch=torch_("fliplr")),
    Sample("flipud", np.flipud, (X,), torch=torch_("flipud")),
    *(Sample("rot90", lambda a, k=k: np.rot90(a, k, (2, 0)), (CUBE,), f"k={k}",
             torch=lambda a, k=k: a.rot90(k, (2, 0))) for k in (-1, 0, 1, 2)),
    # borders
    *(Sample("pad", lambda a, m=mode: np.pad(a, ((1, 0), (2, 5)), m), (X,), mode)
      for mode in ("constant", "edge", "reflect", "symmetric", "wrap")),
    Sample("pad", lambda a: np.pad(a, 1, constant_values=3.0), (X,), "value",
           torch=lambda a: torch_("nn.functional.pad")(a, (1, 1, 1, 1), value=3.0)),
    # triangles and diagonals
    *(Sample(name, lambda a, f=name, k=k: getattr(np, f)(a, k), (CUBE,), f"k={k}",
             torch=lambda a, f=name, k=k: torch_(f)(a, k))
      for name in ("tril", "triu") for k in (0, 1, -1)),
    *(Sample(name, getattr(np, name), (VECTOR,), "vector") for name in ("tril", "triu")),
    *(Sample("diag", lambda a, k=k: np.diag(a, k), (x,), f"{x.ndim}-d, k={k}",
             torch=lambda a, k=k: a.diag(k))
      for x in (VECTOR, X, X.T) for k in (0, 1, -1)),
    Sample("diagflat", lambda a: np.diagflat(a, -1), (X,), torch=lambda a: a.diagflat(-1)),
    *(Sample("diagonal", lambda a, o=o, x=x, y=y: np.diagonal(a, o, x, y), (CUBE,), f"{o}, {x}, {y}",
             torch=lambda a, o=o, x=x, y=y: a.diagonal(o, x, y))
      for o, x, y in ((0, 0, 1), (1, 0, 1), (-1, -1, 0), (-4, 0, 1))),
    Sample("trace", np.trace, (X,), torch=torch_("trace")),
    Sample("trace", lambda a: np.trace(a, 1, -1, 0), (CUBE,), "axes"),
    *(Sample("meshgrid", lambda a, b, i=i, s=s: np.meshgrid(a, b, indexing=i, sparse=s)[1],
             (VECTOR, normal(2)), f"{i}, sparse={s}",
             torch=None if s else lambda a, b, i=i: torch_("meshgrid")(a, b, indexing=i)[1])
      for i in ("xy", "ij") for s in (False, True)),
    *(Sample("apply_along_axis", lambda a, f=f, i=axis: np.apply_along_axis(f, i, a), (CUBE,), f"{label}, {axis}",
             autograd=False)
      for label, f in (("number", np.prod), ("vector", lambda v: v[:1] * v), ("matrix", lambda v: np.outer(v, v)))
      for axis in (1, -1)),
    Sample("apply_over_axes", lambda a: np.apply_over_axes(np.sum, a, [0, -1]), (CUBE,)),
    Sample("apply_over_axes", lambda a: np.apply_over_axes(np.cumsum, a, 1), (CUBE,), "kept"),
]
