"""Elementwise primitives: one NumPy ufunc and one rule per argument, a row each.

In a rule ``g`` is the cotangent of the result, ``out`` the result, the rest the arguments. Rules
ignore broadcasting and dtype promotion; the backward pass undoes both. Conventions at kinks:
abs'(0) = sign'(0) = relu'(0) = 0, ties in maximum and minimum share equally, clip passes the
gradient at its bounds.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..primitive import primitive

LN2, LN10 = float(np.log(2)), float(np.log(10))

# -- arithmetic ----------------------------------------------------------------------------------
# `run` is Python's operator: the same bits as the ufunc, and much less overhead on NumPy scalars.

add = primitive(np.add, lambda g, out, x, y: g, lambda g, out, x, y: g, run=operator.add)
subtract = primitive(
    np.subtract, lambda g, out, x, y: g, lambda g, out, x, y: -g, run=operator.sub)
multiply = primitive(
    np.multiply, lambda g, out, x, y: g * y, lambda g, out, x, y: g * x, run=operator.mul)
divide = primitive(
    np.divide, lambda g, out, x, y: g / y, lambda g, out, x, y: -g * out / y, run=operator.truediv)
negative = primitive(np.negative, lambda g, out, x: -g, run=operator.neg)
positive = primitive(np.positive, lambda g, out, x: g)
reciprocal = primitive(np.reciprocal, lambda g, out, x: -g * out * out)
square = primitive(np.square, lambda g, out, x: g * 2 * x)
sqrt = primitive(np.sqrt, lambda g, out, x: g * 0.5 / out)
cbrt = primitive(np.cbrt, lambda g, out, x: g / (3 * out * out), analytic=False)
remainder = primitive(
    np.remainder, lambda g, out, x, y: g, lambda g, out, x, y: -g * np.floor_divide(x, y),
    analytic=False)
fmod = primitive(
    np.fmod, lambda g, out, x, y: g, lambda g, out, x, y: -g * np.trunc(x / y), analytic=False)


def _power_base(g: Any, out: Any, x: Any, y: Any) -> Any:
    if isinstance(y, int | float):  # the usual case: x ** 3
        return g * (y * x ** (y - 1)) if y != 0 else g * 0
    return g * np.where(y == 0, 0, y * x ** np.where(y == 0, 1, y - 1))


def _power_exponent(g: Any, out: Any, x: Any, y: Any) -> Any:
    one = out.dtype.type(1)  # of the result's precision, so that the logarithm is, too
    return g * out * np.log(np.where(x == 0, one, x))  # 0 ** y is flat in y; x < 0 gives NaN


power = primitive(np.power, _power_base, _power_exponent, run=operator.pow)

# -- exponentials and logarithms -------------------------------------------------------------------

exp = primitive(np.exp, lambda g, out, x: g * out)
exp2 = primitive(np.exp2, lambda g, out, x: g * out * LN2)
expm1 = primitive(np.expm1, lambda g, out, x: g * (out + 1))
log = primitive(np.log, lambda g, out, x: g / x)
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

sin = primitive(np.sin, lambda g, out, x: g * np.cos(x))
cos = primitive(np.cos, lambda g, out, x: -g * np.sin(x))
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
tanh = primitive(np.tanh, lambda g, out, x: g * (1 - out * out), kind="act")
arcsinh = primitive(np.arcsinh, lambda g, out, x: g / np.sqrt(1 + x * x))
arccosh = primitive(np.arccosh, lambda g, out, x: g / np.sqrt((x - 1) * (x + 1)))
arctanh = primitive(np.arctanh, lambda g, out, x: g / (1 - x * x))
deg2rad = primitive(np.deg2rad, lambda g, out, x: g * (np.pi / 180), analytic=False)
rad2deg = primitive(np.rad2deg, lambda g, out, x: g * (180 / np.pi), analytic=False)

# -- kinks, choices and steps -----------------------------------------------------------------------

absolute = primitive(np.absolute, lambda g, out, x: g * np.sign(x), analytic=False)
fabs = primitive(np.fabs, lambda g, out, x: g * np.sign(x), analytic=False)
copysign = primitive(
    np.copysign, lambda g, out, x, y: g * np.sign(x) * np.copysign(1.0, y),
    lambda g, out, x, y: g * 0, analytic=False)


def _share(g: Any, out: Any, mine: Any, other: Any) -> Any:
    """Of maximum and its kin: all to the argument that was chosen, half to each on a tie."""
    return np.where(out == mine, np.where(mine == other, g / 2, g), 0)


def _first(g: Any, out: Any, x: Any, y: Any) -> Any:
    return _share(g, out, x, y)


def _second(g: Any, out: Any, x: Any, y: Any) -> Any:
    return _share(g, out, y, x)


maximum = primitive(np.maximum, _first, _second, analytic=False)
minimum = primitive(np.minimum, _first, _second, analytic=False)
fmax = primitive(np.fmax, _first, _second, analytic=False)
fmin = primitive(np.fmin, _first, _second, analytic=False)


def _where(condition: Any, x: Any, y: Any, /) -> Any:
    return np.where(condition, x, y)


where = primitive(
    _where, None, lambda g, out, condition, x, y: np.where(condition, g, 0),
    lambda g, out, condition, x, y: np.where(condition, 0, g),
    numpy=np.where, run=np.where, elementwise=True)


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

equal = primitive(np.equal, run=operator.eq)
not_equal = primitive(np.not_equal, run=operator.ne)
less = primitive(np.less, run=operator.lt)
less_equal = primitive(np.less_equal, run=operator.le)
greater = primitive(np.greater, run=operator.gt)
greater_equal = primitive(np.greater_equal, run=operator.ge)
isfinite, isnan = primitive(np.isfinite), primitive(np.isnan)
isinf, signbit = primitive(np.isinf), primitive(np.signbit)
logical_and, logical_or = primitive(np.logical_and), primitive(np.logical_or)
logical_xor, logical_not = primitive(np.logical_xor), primitive(np.logical_not)
bitwise_and, bitwise_or = primitive(np.bitwise_and), primitive(np.bitwise_or)
bitwise_xor, invert = primitive(np.bitwise_xor), primitive(np.invert)
