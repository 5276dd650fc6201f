"""Elementwise primitives: one NumPy ufunc and one rule per argument, a row each.

These are the ones a first look at backprop needs; `ufuncs` has the rest of NumPy's.

In a rule ``g`` is the cotangent of the result, ``out`` the result, the rest the arguments. Rules
ignore broadcasting and dtype promotion; the backward pass undoes both. Conventions at kinks:
abs'(0) = sign'(0) = relu'(0) = 0, ties in maximum and minimum share equally.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..engine.primitive import primitive
from .powers import to_base, to_exponent


def _integer_power(x: Any, /, n: int) -> Any:
    """x ** n by multiplications, up to ninety times as fast as np.power."""
    if n < 2:
        return x if n else np.ones_like(x)
    half = _integer_power(x, n // 2)
    return half * half * x if n % 2 else half * half


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
square = primitive(np.square, lambda g, out, x: (g + g) * x)
integer_power = primitive(
    _integer_power, lambda g, out, x, n: g * (n * _integer_power(x, n - 1)), elementwise=True,
    internal=True)
sqrt = primitive(np.sqrt, lambda g, out, x: g * 0.5 / out)
power = primitive(np.power, to_base, to_exponent, run=operator.pow)
power.__doc__ = "x ** y. Gradients: ``g * y * x ** (y - 1)`` and ``g * out * log(x)``."

# -- functions of one argument -------------------------------------------------------------------

exp = primitive(np.exp, lambda g, out, x: g * out)
log = primitive(np.log, lambda g, out, x: g / x)

sin = primitive(np.sin, lambda g, out, x: g * np.cos(x))
cos = primitive(np.cos, lambda g, out, x: -g * np.sin(x))
tanh = primitive(np.tanh, lambda g, out, x: g * (1 - out * out), kind="act")

# -- kinks, choices and steps -----------------------------------------------------------------------

absolute = primitive(np.absolute, lambda g, out, x: g * np.sign(x), analytic=False)


def _share(g: Any, out: Any, mine: Any, other: Any) -> Any:
    """Of maximum and its kin: all to the argument that was chosen, half to each on a tie."""
    return np.where(out == mine, np.where(mine == other, g / 2, g), 0)


def to_first(g: Any, out: Any, x: Any, y: Any) -> Any:
    """The rule of a choice between two arguments, for the first."""
    return _share(g, out, x, y)


def to_second(g: Any, out: Any, x: Any, y: Any) -> Any:
    """The rule of a choice between two arguments, for the second."""
    return _share(g, out, y, x)


maximum = primitive(np.maximum, to_first, to_second, analytic=False)
minimum = primitive(np.minimum, to_first, to_second, analytic=False)
maximum.__doc__ = "The larger of x and y, NaN if one is; equal ones share the gradient equally."
minimum.__doc__ = "The smaller of x and y, NaN if one is; equal ones share the gradient equally."


def _where(condition: Any, x: Any, y: Any, /) -> Any:
    """The elements of ``x`` where the condition holds, those of ``y`` elsewhere."""
    return np.where(condition, x, y)


where = primitive(
    _where, None, lambda g, out, condition, x, y: np.where(condition, g, 0),
    lambda g, out, condition, x, y: np.where(condition, 0, g),
    numpy=np.where, run=np.where, elementwise=True)

# -- without a derivative -------------------------------------------------------------------------

equal = primitive(np.equal, run=operator.eq)
not_equal = primitive(np.not_equal, run=operator.ne)
less = primitive(np.less, run=operator.lt)
less_equal = primitive(np.less_equal, run=operator.le)
greater = primitive(np.greater, run=operator.gt)
greater_equal = primitive(np.greater_equal, run=operator.ge)
