"""Rows for `tinygrad_gd.ops.sorting`."""

from __future__ import annotations

import numpy as np

import tinygrad_gd as tg

from . import Sample, normal

ROWS = [
    Sample("sort", lambda x: np.sort(x), (normal(3, 4),), torch=lambda x: x.sort(-1).values),
    Sample("sort", lambda x: np.sort(x, axis=0), (normal(3, 4),), "axis=0"),
    Sample("sort", lambda x: np.sort(x, axis=None), (normal(3, 2),), "flat", autograd=False),
    Sample("partition", lambda x: np.partition(x, 2, axis=-1), (normal(3, 5),), autograd=False),
    Sample("unique", lambda x: np.unique(x), (normal(2, 3),), autograd=False),
]

REPEATED = np.array([0, 2, 2, 0])
ROWS += [
    Sample("unique", lambda x: np.unique(x[[0, 1, 0]], axis=0), (normal(2, 3),), "slices", autograd=False),
    Sample("unique_values", lambda x: np.unique_values(x), (normal(4),), autograd=False),
    Sample("bincount", lambda w: tg.bincount(REPEATED, w, minlength=5), (normal(4),), autograd=False),
]
