"""Rows for `tinygrad_gd.optim.descend`."""

from __future__ import annotations

from tinygrad_gd.ground.registry import by_name

from . import Sample, normal

ROWS = [
    Sample("descend", lambda p, rate, g: by_name("descend")(p, rate, g),
           (normal(2, 3), normal(seed=1), normal(2, 3, seed=2))),
]
