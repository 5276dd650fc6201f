"""Rows for `tinygrad_gd.ops.indexing`."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd.registry import NAMES

from . import Sample, normal

X = normal(3, 4)
ROWS = [
    Sample("getitem", lambda x, k=key: x[k], (X,), label)
    for label, key in {
        "integer": 1, "negative": -1, "slice": slice(0, 2), "step": (slice(None), slice(3, 0, -2)),
        "newaxis": (None, 1, ...), "repeated": np.array([0, 0, 2]),
        "pairs": (np.array([0, 1, 0]), np.array([3, 2, 3])),
        "mixed": (np.array([[0], [2]]), slice(1, 3)), "mask": X > 0,
        "row mask": np.array([True, False, True]), "empty": slice(0, 0),
    }.items()
]

SCATTER = {"key": (slice(0, 2),), "shape": (3, 4)}
ROWS.append(Sample("scatter", lambda g: scatter(g), (normal(2, 4),)))


def scatter(g: Any) -> Any:
    """The rule of a slice, as a function of its own."""
    if isinstance(g, tg.Tensor):
        return tg.apply(NAMES["scatter"], (g,), SCATTER)
    return NAMES["scatter"].function(g, **SCATTER)
