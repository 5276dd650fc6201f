"""Rows for `tinygrad_gd.ops.random`: seeded, so that each call draws the same noise.

Generators draw other numbers in float32 than in float64, so the noise is float64 in every row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tinygrad_gd as tg

from . import Sample, normal, positive


def seeded(draw: Callable[..., Any]) -> Callable[..., Any]:
    """The same numbers in each call."""

    def call(*args: Any) -> Any:
        tg.manual_seed(3)
        return draw(*args).astype(args[0].dtype)

    return call


ROWS = [
    Sample("normal", seeded(lambda m, s: tg.normal(m, s, dtype=float)), (normal(2, 3), positive(2, 3, seed=1))),
    Sample("normal", seeded(lambda m, s: tg.normal(m, s, size=(4, 2, 3), dtype=float)),
           (normal(3), positive(2, 1, seed=1)), "size"),
    Sample("uniform", seeded(lambda a, b: tg.uniform(a, b, dtype=float)), (normal(2, 3), 3 + positive(2, 3))),
    Sample("uniform", seeded(lambda a: tg.uniform(a, 4.0, (2, 3), float)), (normal(3),), "size"),
    Sample("dropout", seeded(lambda x: tg.dropout(x, 0.4)), (normal(3, 4),)),
    Sample("dropout", seeded(lambda x: tg.dropout(x, 0.4, training=False) * 1.0), (normal(2),),
           "off"),
]
