"""Rows for `tinygrad_gd.ops.neural`: recurrent layers, attention, normalised rows."""

from __future__ import annotations

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd.ground.registry import by_name
from tinygrad_gd.ops.neural import recurrent

from . import Sample, normal, torch_

HIDDEN = np.triu(np.full((3, 3), -np.inf), 1)
STATE, CELL = normal(2, 2, seed=1), normal(2, 2, seed=2)
ROWS = [
    Sample("lstm", lambda z, h, c, w: recurrent.lstm_states(z, h, c, w),
           (normal(2, 2, 8), STATE, CELL, normal(8, 2, seed=3))),
    Sample("gru", lambda z, h, w, b: recurrent.gru_states(z, h, w, b),
           (normal(2, 2, 6), STATE, normal(6, 2, seed=3), normal(6, seed=4))),
    *(Sample("rnn", lambda z, h, w, f=f: recurrent.rnn_states(z, h, w, f),
             (normal(2, 2, 2), STATE, normal(2, 2, seed=3)), f) for f in ("tanh", "relu")),
    *(Sample("attention_scores", lambda q, k: by_name("attention_scores")(q, k), (normal(2, 3, 4), k), label,
             torch=lambda q, k: torch_("matmul")(q, k.mT))
      for k, label in ((normal(2, 5, 4, seed=1), "batch"), (normal(5, 4, seed=1), "one set of keys"))),
    *(Sample("attention_weights", lambda x, b=b: by_name("attention_weights")(x + b.astype(x.dtype)), (normal(2, 3, 3),), label,
             torch=lambda x, b=b: torch_("softmax")(x + torch_("tensor")(b), -1))
      for b, label in ((np.zeros((3, 3)), "all seen"), (HIDDEN, "causal"))),
    Sample("standardize", lambda x: by_name("standardize")(x, eps=1e-5), (normal(2, 3, 4),),
           torch=lambda x: torch_("nn.functional.layer_norm")(x, (4,))),
    *(Sample("linear", lambda x, w, b: tg.linear(x, w, b), (normal(2, 3, 2), normal(4, 2, seed=1), b), label,
             torch=torch_("nn.functional.linear") if label == "batch" else None)
      for b, label in ((normal(4, seed=2), "batch"), (normal(3, 4, seed=2), "a bias for each row"))),
]
