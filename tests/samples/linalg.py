"""Rows for `tinygrad_gd.ops.linalg`."""

from __future__ import annotations

import numpy as np

import tinygrad_gd as tg

from . import Sample, normal, torch_

SHAPES = {
    "1-D 1-D": ((3,), (3,)), "2-D 1-D": ((2, 3), (3,)), "1-D 2-D": ((3,), (3, 2)),
    "2-D": ((2, 3), (3, 2)), "batched": ((2, 2, 3), (2, 3, 2)), "broadcast": ((2, 1, 3), (3, 2)),
    "batched 1-D": ((2, 2, 3), (3,)), "1-D batched": ((3,), (2, 3, 2)),
}
ROWS = [
    *(Sample("matmul", np.matmul, (normal(*a), normal(*b, seed=1)), label, torch=torch_("matmul"))
      for label, (a, b) in SHAPES.items()),
    Sample("linear", lambda x, w, b: tg.linear(x, w, b), (normal(2, 3), normal(4, 3), normal(4))),
]
