"""Rows for `tinygrad_gd.ops.sorting`."""

from __future__ import annotations

import numpy as np

from . import Sample, normal

ROWS = [
    Sample("sort", lambda x: np.sort(x), (normal(3, 4),), torch=lambda x: x.sort(-1).values),
    Sample("sort", lambda x: np.sort(x, axis=0), (normal(3, 4),), "axis=0"),
    Sample("sort", lambda x: np.sort(x, axis=None), (normal(3, 2),), "flat", autograd=False),
    Sample("partition", lambda x: np.partition(x, 2, axis=-1), (normal(3, 5),), autograd=False),
    Sample("unique", lambda x: np.unique(x), (normal(2, 3),), autograd=False),
]
