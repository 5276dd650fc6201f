"""Rows for `tinygrad_gd.ops.elementwise`."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd.ground.registry import by_name

from . import Sample, normal, positive, torch_

PAIR = (normal(2, 3), positive(2, 3, seed=1))
POSITIVE = (positive(2, 3), positive(2, 3, seed=1))
CROSSED = (np.array([-2.3, 0.4, 3.1]), np.array([0.7, -1.5, 0.9]))
SMALL = np.array([[-0.7, 0.3, 0.6], [0.1, -0.2, 0.5]])
BEYOND = np.array([-1.7, -0.3, 0.4, 2.0, 0.9])


def below(x: Any, y: Any) -> Any:
    """A function of two branches: sqrt(x) where x >= y, x * y where it is not."""
    return np.piecewise(x, [x < 0.5, x >= 0.5], [lambda v: v * 2, np.sqrt]) * y


ROWS = [
    *(Sample(f.__name__, f, PAIR, torch=torch_(f.__name__))
      for f in (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.fmax,
                np.fmin, np.hypot, np.remainder, np.fmod)),
    *(Sample(f.__name__, f, CROSSED, "each is larger once", torch=torch_(f.__name__))
      for f in (np.maximum, np.minimum, np.fmax, np.fmin, np.fmod)),
    *(Sample(name, f, POSITIVE, torch=torch_(torch))
      for name, f, torch in (("power", np.power, "pow"), ("arctan2", np.arctan2, "arctan2"),
                             ("logaddexp", np.logaddexp, "logaddexp"),
                             ("logaddexp2", np.logaddexp2, "logaddexp2"))),
    Sample("arctan2", np.arctan2, (normal(4), normal(4, seed=1)), "quadrants",
           torch=torch_("arctan2")),
    Sample("copysign", np.copysign, PAIR, torch=torch_("copysign")),
    Sample("nextafter", np.nextafter, PAIR),
    *(Sample(f.__name__, f, (normal(2, 3),), torch=torch_(f.__name__))
      for f in (np.negative, np.positive, np.square, np.exp, np.exp2, np.expm1, np.sin, np.cos,
                np.tan, np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh, np.deg2rad, np.rad2deg,
                np.absolute)),
    Sample("radians", np.radians, (normal(2, 3),), torch=torch_("deg2rad")),
    Sample("degrees", np.degrees, (normal(2, 3),), torch=torch_("rad2deg")),
    *(Sample(f.__name__, f, (positive(2, 3),), torch=torch_(f.__name__))
      for f in (np.reciprocal, np.sqrt, np.log, np.log2, np.log10, np.log1p)),
    Sample("cbrt", np.cbrt, (positive(2, 3),)),
    *(Sample("integer_power", lambda x, n=n: x**n, (np.round(8 * normal(2, 3)) / 8,),
             f"{n}, without rounding", torch=lambda x, n=n: x**n) for n in (3, 4.0, 5, 11)),
    Sample("fabs", np.fabs, (normal(2, 3),), torch=torch_("abs")),
    *(Sample(f.__name__, f, (SMALL,), torch=torch_(f.__name__))
      for f in (np.arcsin, np.arccos, np.arctanh)),
    Sample("arccosh", np.arccosh, (1 + positive(2, 3),), torch=torch_("arccosh")),
    Sample("where", lambda x, y: np.where(np.array(True), x, y), PAIR),
    Sample("where", lambda x, y: np.where(x > y, x, y), PAIR, "data", torch=torch_("maximum")),
    Sample("clip", lambda a: np.clip(a, -0.5, 0.6), (normal(2, 3),),
           torch=lambda a: a.clip(-0.5, 0.6)),
    Sample("clip", lambda a: np.clip(a, -0.5, None), (normal(2, 3),), "min",
           torch=lambda a: a.clip(min=-0.5)),
    Sample("clip", lambda a: np.clip(a, None, 0.6), (normal(2, 3),), "max",
           torch=lambda a: a.clip(max=0.6)),
    Sample("clip", lambda a, low, high: np.clip(a, low, high),
           (BEYOND, np.full(5, -1.0), np.array([1.1, 1.2, 1.3, 1.4, 1.5])), "bounds",
           torch=torch_("clip")),
    Sample("nan_to_num", np.nan_to_num, (normal(2, 3),), torch=torch_("nan_to_num")),
    *(Sample(f.__name__, f, (normal(2, 3),), torch=torch_(f.__name__))
      for f in (np.sign, np.floor, np.ceil, np.trunc)),
    Sample("rint", np.rint, (normal(2, 3),), torch=torch_("round")),
    Sample("round", lambda a: np.round(a, 1), (normal(2, 3),),
           torch=lambda a: a.round(decimals=1)),
    Sample("round", np.around, (normal(2, 3),), "around"),
    Sample("fix", lambda x: tg.fix(x), (normal(2, 3),), torch=torch_("fix")),
    Sample("spacing", np.spacing, (normal(2, 3),)),
    Sample("floor_divide", np.floor_divide, PAIR),
    Sample("heaviside", np.heaviside, PAIR),
    Sample("heaviside", lambda y: np.heaviside(0.0, y), (normal(2, 3),), "at 0"),
    Sample("divmod", lambda x, y: np.divmod(x, y)[1], PAIR, torch=torch_("remainder")),
    Sample("conjugate", np.conjugate, (normal(2, 3),), torch=torch_("conj")),
    Sample("real", np.real, (normal(2, 3),)),
    Sample("ldexp", lambda x: np.ldexp(x, 3), (normal(2, 3),), torch=lambda x: x * 8),
    Sample("fractional_part", lambda x: np.modf(x)[0], (normal(2, 3),), torch=torch_("frac")),
    Sample("frexp", lambda x: np.frexp(x)[0], (normal(2, 3),), smooth=False),
    Sample("power_log", lambda x, y: by_name("power_log")(x, y, n=2), POSITIVE),
    Sample("root", lambda x: by_name("root")(x), (positive(2, 3),)),
    Sample("without_slope", lambda x: by_name("without_slope")(x, np.array(False)), (normal(2, 3),)),
    Sample("piecewise", below, (BEYOND, positive(5))),
]
