"""Rows for `tinygrad_gd.ops.activations`."""

from __future__ import annotations

import numpy as np

import tinygrad_gd as tg

from . import Sample, normal, torch_

X, WIDE = normal(2, 3), np.array([-3.7, -1.4, 0.3, 2.2, 7.1])
F = "nn.functional."
PLAIN = {"relu": "relu", "relu6": "relu6", "sigmoid": "sigmoid", "log_sigmoid": "logsigmoid",
         "selu": "selu", "elu": "elu", "celu": "celu", "leaky_relu": "leaky_relu", "mish": "mish",
         "silu": "silu", "softplus": "softplus", "softsign": "softsign", "gelu": "gelu",
         "hardtanh": "hardtanh", "hardswish": "hardswish"}
OPTIONS = [("leaky_relu", {"negative_slope": 0.2}), ("elu", {"alpha": 0.7}), ("celu", {"alpha": 0.5}),
           ("hardtanh", {"min_val": -0.4, "max_val": 0.6}), ("softplus", {"beta": 2.5}),
           ("gelu", {"approximate": "tanh"})]

ROWS = [
    *(Sample(name, lambda x, f=name: getattr(tg, f)(x), (X,), torch=torch_(F + theirs))
      for name, theirs in PLAIN.items()),
    *(Sample(name, lambda x, f=name: getattr(tg, f)(x), (WIDE,), "wide", torch=torch_(F + theirs))
      for name, theirs in PLAIN.items()),
    *(Sample("hardsigmoid", lambda x: tg.hardsigmoid(x), (x,), label,
             torch=lambda x: (x / 6 + 0.5).clip(0, 1))  # PyTorch's own has 1/6 in float32
      for x, label in ((X, ""), (WIDE, "wide"))),
    *(Sample(name, lambda x, f=name, o=options: getattr(tg, f)(x, **o), (X,), str(options),
             torch=lambda x, f=name, o=options: torch_(F + f)(x, **o))
      for name, options in OPTIONS),
    Sample("prelu", lambda x, w: tg.prelu(x, w), (X, normal(3, seed=1))),
    Sample("prelu", lambda x, w: tg.prelu(x, w), (X, np.array([0.3])), "shared",
           torch=torch_(F + "prelu")),
    *(Sample(name, lambda x, f=name, a=axis: getattr(tg, f)(x, axis=a), (normal(2, 3, 2),),
             f"axis={axis}", torch=lambda x, f=name, a=axis: torch_(f)(x, a))
      for name in ("softmax", "log_softmax") for axis in (-1, 0, 1)),
    *(Sample(name, lambda x, f=name: getattr(tg, f)(x), (np.zeros((0, 3)),), "empty",
             torch=lambda x, f=name: torch_(f)(x, -1)) for name in ("softmax", "log_softmax")),
    *(Sample("glu", lambda x, a=axis: tg.glu(x, axis=a), (normal(2, 3, 4),), f"axis={axis}",
             torch=lambda x, a=axis: torch_(F + "glu")(x, a)) for axis in (-1, 0)),
]
