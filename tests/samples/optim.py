"""Rows for `tinygrad_gd.optim.descend`."""

from __future__ import annotations

import tinygrad_gd as tg

from . import Sample, normal

ROWS = [
    Sample("descend", lambda p, rate, g: tg.descend(p, rate, g),
           (normal(2, 3), normal(seed=1), normal(2, 3, seed=2))),
]
