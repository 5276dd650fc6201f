"""Rows for `tinygrad_gd.ops.elementwise`."""

from __future__ import annotations

import numpy as np

from . import Sample, normal, positive, torch_

PAIR = (normal(2, 3), positive(2, 3, seed=1))
SMALL = np.array([[-0.7, 0.3, 0.6], [0.1, -0.2, 0.5]])
FLAT = "sign floor ceil trunc rint".split()

ROWS = [
    *(Sample(f.__name__, f, PAIR, torch=torch_(f.__name__))
      for f in (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.fmax,
                np.fmin, np.hypot)),
    *(Sample(f.__name__, f, (positive(2, 3), positive(2, 3, seed=1)))
      for f in (np.power, np.arctan2, np.logaddexp, np.logaddexp2)),
    Sample("remainder", np.remainder, PAIR, torch=torch_("remainder")),
    Sample("fmod", np.fmod, PAIR, torch=torch_("fmod")),
    Sample("copysign", np.copysign, PAIR),
    *(Sample(f.__name__, f, (normal(2, 3),), torch=torch_(f.__name__))
      for f in (np.negative, np.positive, np.square, np.exp, np.exp2, np.expm1, np.sin, np.cos,
                np.tan, np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh, np.deg2rad, np.rad2deg,
                np.absolute)),
    *(Sample(f.__name__, f, (positive(2, 3),), torch=torch_(f.__name__))
      for f in (np.reciprocal, np.sqrt, np.log, np.log2, np.log10, np.log1p)),
    Sample("cbrt", np.cbrt, (positive(2, 3),)),
    Sample("fabs", np.fabs, (normal(2, 3),)),
    *(Sample(f.__name__, f, (SMALL,), torch=torch_(f.__name__))
      for f in (np.arcsin, np.arccos, np.arctanh)),
    Sample("arccosh", np.arccosh, (1 + positive(2, 3),), torch=torch_("arccosh")),
    Sample("where", lambda x, y: np.where(np.array(True), x, y), PAIR),
    Sample("clip", lambda a: np.clip(a, -0.5, 0.6), (normal(2, 3),),
           torch=lambda a: a.clip(-0.5, 0.6)),
    *(Sample(name, getattr(np, name), (normal(2, 3),)) for name in FLAT),
    Sample("floor_divide", np.floor_divide, PAIR),
    Sample("heaviside", np.heaviside, PAIR),
]
