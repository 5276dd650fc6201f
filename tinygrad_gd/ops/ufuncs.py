"""The rest of NumPy's elementwise functions, in rows as in `elementwise`.

clip passes the gradient at its bounds; steps such as floor have the gradient 0.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..primitive import primitive
from .elementwise import to_first, to_second

LN2, LN10 = float(np.log(2)), float(np.log(10))

# -- arithmetic ----------------------------------------------------------------------------------

reciprocal = primitive(np.reciprocal, lambda g, out, x: -g * out * out)
cbrt = primitive(np.cbrt, lambda g, out, x: g / (3 * out * out), analytic=False)
remainder = primitive(
    np.remainder, lambda g, out, x, y: g, lambda g, out, x, y: -g * np.floor_divide(x, y),
    analytic=False)
fmod = primitive(
    np.fmod, lambda g, out, x, y: g, lambda g, out, x, y: -g * np.trunc(x / y), analytic=False)

# -- exponentials and logarithms -------------------------------------------------------------------

exp2 = primitive(np.exp2, lambda g, out, x: g * out * LN2)
expm1 = primitive(np.expm1, lambda g, out, x: g * (out + 1))
log2 = primitive(np.log2, lambda g, out, x: g / (x * LN2))
log10 = primitive(np.log10, lambda g, out, x: g / (x * LN10))
log1p = primitive(np.log1p, lambda g, out, x: g / (1 + x))
logaddexp = primitive(
    np.logaddexp, lambda g, out, x, y: g * np.exp(x - out), lambda g, out, x, y: g * np.exp(y - out),
    analytic=False)
logaddexp2 = primitive(
    np.logaddexp2, lambda g, out, x, y: g * np.exp2(x - out),
    lambda g, out, x, y: g * np.exp2(y - out), analytic=False)

# -- trigonometric and hyperbolic ------------------------------------------------------------------

tan = primitive(np.tan, lambda g, out, x: g * (1 + out * out))
arcsin = primitive(np.arcsin, lambda g, out, x: g / np.sqrt(1 - x * x))
arccos = primitive(np.arccos, lambda g, out, x: -g / np.sqrt(1 - x * x))
arctan = primitive(np.arctan, lambda g, out, x: g / (1 + x * x))
arctan2 = primitive(
    np.arctan2, lambda g, out, x, y: g * (y / np.hypot(x, y)) / np.hypot(x, y),
    lambda g, out, x, y: -g * (x / np.hypot(x, y)) / np.hypot(x, y), analytic=False)
hypot = primitive(
    np.hypot, lambda g, out, x, y: g * x / np.where(out == 0, 1, out),
    lambda g, out, x, y: g * y / np.where(out == 0, 1, out), analytic=False)
sinh = primitive(np.sinh, lambda g, out, x: g * np.cosh(x))
cosh = primitive(np.cosh, lambda g, out, x: g * np.sinh(x))
arcsinh = primitive(np.arcsinh, lambda g, out, x: g / np.sqrt(1 + x * x))
arccosh = primitive(np.arccosh, lambda g, out, x: g / np.sqrt((x - 1) * (x + 1)))
arctanh = primitive(np.arctanh, lambda g, out, x: g / (1 - x * x))
deg2rad = primitive(np.deg2rad, lambda g, out, x: g * (np.pi / 180), analytic=False)
rad2deg = primitive(np.rad2deg, lambda g, out, x: g * (180 / np.pi), analytic=False)

# -- kinks, choices and steps -----------------------------------------------------------------------

fabs = primitive(np.fabs, lambda g, out, x: g * np.sign(x), analytic=False)
copysign = primitive(
    np.copysign, lambda g, out, x, y: g * np.sign(x) * np.copysign(1.0, y),
    lambda g, out, x, y: g * 0, analytic=False)
fmax = primitive(np.fmax, to_first, to_second, analytic=False)
fmin = primitive(np.fmin, to_first, to_second, analytic=False)


def _clip(a: Any, a_min: Any, a_max: Any, /) -> Any:
    return np.clip(a, a_min, a_max)


def _clip_inside(g: Any, out: Any, a: Any, a_min: Any, a_max: Any) -> Any:
    return np.where(out == a, g, 0)


def _clip_low(g: Any, out: Any, a: Any, a_min: Any, a_max: Any) -> Any:
    return np.where((a < a_min) & (out == a_min), g, 0)


def _clip_high(g: Any, out: Any, a: Any, a_min: Any, a_max: Any) -> Any:
    return np.where((a > a_max) & (out == a_max), g, 0)


clip = primitive(_clip, _clip_inside, _clip_low, _clip_high, numpy=np.clip, elementwise=True,
                 analytic=False)

_ZERO = (lambda g, out, x: g * 0,)
sign = primitive(np.sign, *_ZERO, analytic=False)
floor = primitive(np.floor, *_ZERO, analytic=False)
ceil = primitive(np.ceil, *_ZERO, analytic=False)
trunc = primitive(np.trunc, *_ZERO, analytic=False)
rint = primitive(np.rint, *_ZERO, analytic=False)
floor_divide = primitive(
    np.floor_divide, lambda g, out, x, y: g * 0, lambda g, out, x, y: g * 0, run=operator.floordiv,
    analytic=False)
heaviside = primitive(
    np.heaviside, lambda g, out, x, y: g * 0, lambda g, out, x, y: np.where(x == 0, g, 0),
    analytic=False)

# -- without a derivative -------------------------------------------------------------------------

isfinite, isnan = primitive(np.isfinite), primitive(np.isnan)
isinf, signbit = primitive(np.isinf), primitive(np.signbit)
logical_and, logical_or = primitive(np.logical_and), primitive(np.logical_or)
logical_xor, logical_not = primitive(np.logical_xor), primitive(np.logical_not)
bitwise_and, bitwise_or = primitive(np.bitwise_and), primitive(np.bitwise_or)
bitwise_xor, invert = primitive(np.bitwise_xor), primitive(np.invert)
