"""Rules of ``x ** y``, right to any order and in any order of the arguments.

With P(n) = ``x ** y * log(x) ** n`` all derivatives are sums of such terms::

    d P(n) / dx = y * x ** (y - 1) * log(x) ** n + n * x ** (y - 1) * log(x) ** (n - 1)
    d P(n) / dy = P(n + 1)

On arrays the rules are NumPy expressions; recorded, they are made of the primitive P, whose limits
at x = 0 and at infinity are right. At ``0 ** 0`` both gradients are 0 by convention.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.primitive import primitive
from .in_rules import by_convention, in_rule, is_recorded, product_of_limits


def _vanishes(x: Any, y: Any) -> Any:
    """Where ``x ** y`` is 0, and sinks to it faster than any power of log(x) grows."""
    return ((x == 0) & (y > 0)) | ((x == np.inf) & (y < 0))


def _safe(out: Any, x: Any, vanishes: Any) -> Any:
    """``x``, or 1 whose logarithm is 0, in the result's precision."""
    return np.where(vanishes, out.dtype.type(1), x)


def _power_log(x: Any, y: Any, /, n: int) -> Any:
    out = np.power(x, y)
    return out * np.log(_safe(out, x, _vanishes(x, y))) ** n if n else out


def _base_slope(x: Any, y: Any) -> Any:
    """``y * x ** (y - 1)``, 0 where y is."""
    origin = (x == 0) & (y == 0)
    y = by_convention(origin, y)
    less = np.where(origin, 1, y - 1)
    return product_of_limits(y, _power_log_in_rule(x, less, n=0) if is_recorded(x, y) else x ** less)


def _power_log_base(g: Any, out: Any, x: Any, y: Any, n: int) -> Any:
    if n == 0:
        return g * _base_slope(x, y)
    slope = product_of_limits(y, _power_log_in_rule(x, y - 1, n=n))
    return g * (slope + n * _power_log_in_rule(x, y - 1, n=n - 1))


power_log = primitive(
    _power_log, _power_log_base,
    lambda g, out, x, y, n: g * _power_log_in_rule(x, y, n=n + 1),
    elementwise=True, atomic=True, internal=True)
_power_log_in_rule: Callable[..., Any] = in_rule(power_log)


def to_base(g: Any, out: Any, x: Any, y: Any) -> Any:
    """The cotangent of x in ``x ** y``."""
    if isinstance(y, int | float) and abs(y) < np.inf:  # the usual case: x ** 3
        return g * (y * x ** (y - 1)) if y != 0 else g * 0
    return g * _base_slope(x, y)


def to_exponent(g: Any, out: Any, x: Any, y: Any) -> Any:
    """The cotangent of y in ``x ** y``."""
    origin = (x == 0) & (y == 0)
    if is_recorded(x, y):
        x, y = by_convention(origin, x), by_convention(origin, y)
        return g * np.where(origin, 0, _power_log_in_rule(x, np.where(origin, 1, y), n=1))
    return g * out * np.log(_safe(out, x, _vanishes(x, y) | origin))  # x < 0 gives NaN
