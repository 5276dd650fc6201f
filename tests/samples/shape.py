"""Rows for `tinygrad_gd.ops.shape`."""

from __future__ import annotations

import numpy as np

from . import Sample, normal

X, Y = normal(2, 3), normal(2, 3, seed=1)

ROWS = [
    Sample("broadcast_to", lambda a: np.broadcast_to(a, (4, 2, 3)), (X,)),
    Sample("broadcast_to", lambda a: np.broadcast_to(a, (2, 3)), (normal(2, 1),), "size 1"),
    Sample("reshape", lambda a: np.reshape(a, (3, 2)), (X,)),
    Sample("reshape", lambda a: np.reshape(a, -1), (X,), "-1"),
    Sample("transpose", np.transpose, (X,)),
    Sample("transpose", lambda a: np.transpose(a, (1, -1, 0)), (normal(2, 3, 4),), "negative axis"),
    Sample("swapaxes", lambda a: np.swapaxes(a, 0, -1), (normal(2, 3, 4),)),
    Sample("squeeze", lambda a: np.squeeze(a, 1), (normal(2, 1, 3),)),
    Sample("expand_dims", lambda a: np.expand_dims(a, -1), (X,)),
    Sample("concatenate", lambda a, b: np.concatenate([a, b], axis=-1), (X, Y)),
    Sample("concatenate", lambda a, b: np.concatenate([a, b], axis=None), (X, Y), "axis=None"),
    Sample("stack", lambda a, b: np.stack([a, b], axis=1), (X, Y)),
    Sample("stack", lambda a, b: np.stack([a, b], axis=-1), (X, Y), "axis=-1"),
    Sample("moveaxis", lambda a: np.moveaxis(a, 0, -1), (normal(2, 3, 4),)),
    Sample("copy", np.copy, (X,)),
    Sample("astype", lambda a: a.astype(a.dtype), (X,)),
]
