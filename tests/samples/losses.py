"""Rows for the losses of `tinygrad_gd.nn`, which are primitives too."""

from __future__ import annotations

import numpy as np

from tinygrad_gd.ground.registry import by_name

from . import Sample, normal, positive, torch_

LABELS = np.array([1, 0, 2])
X, Y = normal(3, 3), normal(3, 3, seed=1)
CHANCES, LIKELY = positive(4) / 4, positive(4, seed=1) / 4
ROWS = [
    *(Sample("mse", lambda a, b, r=r: by_name("mse")(a, b, reduction=r), (X, Y), r,
             torch=lambda a, b, r=r: torch_("nn.functional.mse_loss")(a, b, reduction=r))
      for r in ("mean", "sum", "none")),
    *(Sample("cross_entropy_of_logits",
             lambda a, r=r: by_name("cross_entropy_of_logits")(a, LABELS, reduction=r), (X,), r,
             torch=lambda a, r=r: torch_("nn.functional.cross_entropy")(a, torch_("tensor")(LABELS), reduction=r))
      for r in ("mean", "sum", "none")),
    Sample("binary_nll", lambda p, t: by_name("binary_nll")(p, t), (CHANCES, LIKELY),
           torch=lambda p, t: torch_("nn.functional.binary_cross_entropy")(p, t, reduction="none")),
    Sample("check_values", lambda x: by_name("check_values")(x, loss="loss", what="x is", allowed=(-9.0, 9.0), cure=""), (X,)),
]
