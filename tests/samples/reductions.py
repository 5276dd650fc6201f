"""Rows for `tinygrad_gd.ops.reductions`."""

from __future__ import annotations

import numpy as np

import tinygrad_gd as tg

from . import Sample, normal

X = normal(2, 3, 4)

ROWS = [
    *(Sample(name, lambda x, f=name, o=options: getattr(np, f)(x, **o), (X,), str(options))
      for name in ("sum", "mean", "max", "min")
      for options in ({}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": (0, 2)})),
    Sample("sum", np.sum, (np.array(2.0),), "0-d"),
    Sample("sum", lambda x: np.sum(x, axis=0), (np.zeros((0, 3)),), "empty"),
    Sample("logsumexp", lambda x: tg.logsumexp(x), (X,)),
    Sample("logsumexp", lambda x: tg.logsumexp(x, axis=-1), (X,), "axis=-1",
           torch=lambda x: x.logsumexp(-1)),
    Sample("logsumexp", lambda x: tg.logsumexp(x, axis=1, keepdims=True), (X,), "keepdims"),
]
