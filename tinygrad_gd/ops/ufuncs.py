"""The rest of NumPy's elementwise functions, in rows as in `elementwise`.

Conventions where a derivative has to choose:

==============================  ================================================================
sign floor ceil trunc rint      0 everywhere; so too round, fix, spacing, floor_divide and both
round heaviside                 arguments' jumps in heaviside (its value at 0 is passed on to y)
maximum minimum fmax fmin       a tie shares the gradient equally
absolute fabs copysign          0 at x = 0
hypot arctan2                   0 at the origin, where second derivatives are NaN
clip                            passes the gradient at its bounds; beyond them the bound gets it
remainder fmod modf             that of the branch: 1 for x, minus the whole quotient for y
nan_to_num                      0 where a value was replaced
logaddexp logaddexp2            0 where both are -inf, NaN where both are inf
power                           0 for both at 0 ** 0
nextafter                       1 for x, 0 for the direction
sqrt cbrt at 0, log at 0        infinite, with NumPy's warning
==============================  ================================================================

Functions of integers (gcd, lcm, shifts, bitwise) have no derivative.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..engine.operands import frozen
from ..engine.primitive import apply, primitive
from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, ShapeError, describe
from ..ground.registry import also, implements
from .elementwise import absolute, divide, equal, power, to_first, to_second, where
from .in_rules import by_convention
from .indexing import SLOT, apply_scatter, getitem
from .shape import broadcast
from .signatures import as_tensor, called_like, refuse

LN2, LN10 = float(np.log(2)), float(np.log(10))

# -- arithmetic ----------------------------------------------------------------------------------

reciprocal = primitive(np.reciprocal, lambda g, out, x: -g * out * out)
cbrt = primitive(np.cbrt, lambda g, out, x: g / (3 * out * out), analytic=False)
remainder = primitive(
    np.remainder, lambda g, out, x, y: g, lambda g, out, x, y: -g * np.floor_divide(x, y),
    analytic=False)
fmod = primitive(
    np.fmod, lambda g, out, x, y: g, lambda g, out, x, y: g * np.rint((out - x) / y),
    analytic=False)  # (out - x) / y is the whole quotient; x / y may round up to the next one

# -- exponentials and logarithms -------------------------------------------------------------------

exp2 = primitive(np.exp2, lambda g, out, x: g * out * LN2)
expm1 = primitive(np.expm1, lambda g, out, x: g * (out + 1))
log2 = primitive(np.log2, lambda g, out, x: g / (x * LN2))
log10 = primitive(np.log10, lambda g, out, x: g / (x * LN10))
log1p = primitive(np.log1p, lambda g, out, x: g / (1 + x))


def _below(x: Any, y: Any, out: Any) -> Any:
    """How far x lies below the logarithm of the sum; an infinite x takes all of it."""
    infinite, nothing = x == np.inf, out == -np.inf
    top = by_convention(nothing, np.where(infinite & (y == np.inf), np.nan, np.where(infinite, 0, x)))
    out = by_convention(nothing, out)
    return top - np.where(infinite | nothing, 0, out)  # where nothing is added up, nothing gets a share


logaddexp = primitive(
    np.logaddexp, lambda g, out, x, y: g * np.exp(_below(x, y, out)),
    lambda g, out, x, y: g * np.exp(_below(y, x, out)), analytic=False)
logaddexp2 = primitive(
    np.logaddexp2, lambda g, out, x, y: g * np.exp2(_below(x, y, out)),
    lambda g, out, x, y: g * np.exp2(_below(y, x, out)), analytic=False)
logaddexp.__doc__ = "log(exp(x) + exp(y)), without overflow. Gradient of x: ``g * exp(x - out)``."
logaddexp2.__doc__ = "log2(2**x + 2**y), without overflow. Gradient of x: ``g * 2 ** (x - out)``."

# -- trigonometric and hyperbolic ------------------------------------------------------------------

tan = primitive(np.tan, lambda g, out, x: g * (1 + out * out))
arcsin = primitive(np.arcsin, lambda g, out, x: g / np.sqrt(1 - x * x))
arccos = primitive(np.arccos, lambda g, out, x: -g / np.sqrt(1 - x * x))
arctan = primitive(np.arctan, lambda g, out, x: g / (1 + x * x))


def _over_square(x: Any, y: Any) -> Any:
    """``x / r**2`` at the distance r of the point (x, y); 0 at the origin, and beyond all bounds."""
    zero = (x == 0) & (y == 0)
    x, y = by_convention(zero, x), by_convention(zero, y)
    r = np.where(zero, 1, np.hypot(x, y))
    return np.where(np.isinf(x), 0, x) / r / r


def _cosine(x: Any, y: Any, r: Any) -> Any:
    """``x / r`` at the distance r of the point (x, y); 0 at the origin."""
    zero, far = r == 0, np.isinf(x) & np.isfinite(y)
    x, r = by_convention(zero, x), by_convention(zero, r)
    return np.where(far, np.sign(x), x) / np.where(far | zero, 1, r)


arctan2 = primitive(
    np.arctan2, lambda g, out, x, y: g * _over_square(y, x),
    lambda g, out, x, y: -g * _over_square(x, y), analytic=False)
arctan2.__doc__ = """The angle of a point whose height is x and whose width is y, from -pi to pi.

Gradients: ``g * y / r**2`` and ``-g * x / r**2`` at the distance r from the origin, there 0."""
hypot = primitive(
    np.hypot, lambda g, out, x, y: g * _cosine(x, y, out),
    lambda g, out, x, y: g * _cosine(y, x, out), analytic=False)
sinh = primitive(np.sinh, lambda g, out, x: g * np.cosh(x))
cosh = primitive(np.cosh, lambda g, out, x: g * np.sinh(x))
arcsinh = primitive(np.arcsinh, lambda g, out, x: g / np.sqrt(1 + x * x))
arccosh = primitive(np.arccosh, lambda g, out, x: g / np.sqrt((x - 1) * (x + 1)))
arctanh = primitive(np.arctanh, lambda g, out, x: g / (1 - x * x))
deg2rad = primitive(np.deg2rad, lambda g, out, x: g * (np.pi / 180), analytic=False)
rad2deg = primitive(np.rad2deg, lambda g, out, x: g * (180 / np.pi), analytic=False)
radians = primitive(np.radians, lambda g, out, x: g * (np.pi / 180), analytic=False)
degrees = primitive(np.degrees, lambda g, out, x: g * (180 / np.pi), analytic=False)

# -- kinks, choices and steps -----------------------------------------------------------------------

fabs = primitive(np.fabs, lambda g, out, x: g * np.sign(x), analytic=False)
copysign = primitive(
    np.copysign, lambda g, out, x, y: g * np.sign(x) * np.copysign(1.0, y),
    lambda g, out, x, y: g * 0, analytic=False)
fmax = primitive(np.fmax, to_first, to_second, analytic=False)
fmin = primitive(np.fmin, to_first, to_second, analytic=False)
fmax.__doc__ = "The larger of x and y that is not NaN; equal ones share the gradient equally."
fmin.__doc__ = "The smaller of x and y that is not NaN; equal ones share the gradient equally."


def _clip(a: Any, a_min: Any, a_max: Any, /) -> Any:
    return np.clip(a, a_min, a_max)


def _crossed(a_min: Any, a_max: Any) -> Any:
    """Where the lower bound is above the upper one, which then decides; True or False of numbers."""
    if a_min is None or a_max is None:
        return False
    above = a_min > a_max
    return above if isinstance(above, np.ndarray | Tensor) else bool(above)


def _clip_inside(g: Any, out: Any, a: Any, a_min: Any, a_max: Any) -> Any:
    crossed, inside = _crossed(a_min, a_max), out == a
    if crossed is True:
        return g * 0
    return np.where(inside if crossed is False else inside & ~crossed, g, 0)


def _clip_low(g: Any, out: Any, a: Any, a_min: Any, a_max: Any) -> Any:
    return np.where((a < a_min) & (out == a_min), g, 0)


def _clip_high(g: Any, out: Any, a: Any, a_min: Any, a_max: Any) -> Any:
    crossed, beyond = _crossed(a_min, a_max), a > a_max
    if crossed is not False:
        beyond = beyond | crossed
    return np.where(beyond & (out == a_max), g, 0)


@called_like(np.clip, _clip, _clip_inside, _clip_low, _clip_high, elementwise=True, analytic=False,
             kind="op")
def clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None,
         max: Any = None) -> Tensor:
    """``minimum(maximum(a, a_min), a_max)``; a bound that is None does not hold.

    Where the lower bound is above the upper one, that is the result, and gets the gradient.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([-2.0, 0.5, 1.0], requires_grad=True)
    >>> tg.clip(x, min=0, max=1).sum().backward(); x.grad.tolist()
    [0.0, 1.0, 1.0]
    """
    refuse("clip", "use the returned Tensor", out=out)
    for name, bound, other in (("min", min, a_min), ("max", max, a_max)):
        if bound is not None and other is not None:
            raise DTypeError(f"clip: got both a_{name}= and {name}=, which mean the same bound")
    low, high = a_min if min is None else min, a_max if max is None else max
    if isinstance(a, int | float):  # NumPy would take it as float64, whatever the bounds are
        a = np.asarray(a, np.result_type(a, *(b for b in (low, high) if b is not None)))
    return apply(clip, (a, low, high))


def _nan_to_num(x: Any, /, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


@called_like(
    np.nan_to_num, _nan_to_num,
    lambda g, out, x, nan, posinf, neginf: np.where(np.isfinite(x), g, 0),
    elementwise=True, analytic=False, kind="op")
def nan_to_num(x: Any, copy: Any = True, nan: Any = 0.0, posinf: Any = None,
               neginf: Any = None) -> Tensor:
    """``x`` with NaN and infinities replaced, by default with 0 and the largest numbers."""
    if not isinstance(copy, bool):
        raise OptionError(f"nan_to_num: the option after x is copy=, as in NumPy, got {copy!r}; write "
                          f"nan={copy!r}")
    if not copy:
        raise DTypeError("nan_to_num: copy=False would write into a Tensor; use the returned one")
    options = {"nan": nan, "posinf": posinf, "neginf": neginf}
    return apply(nan_to_num, (x,), {k: frozen("nan_to_num", k, v) for k, v in options.items()})


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
heaviside.__doc__ = "0 where x < 0, y where x is 0, 1 where x > 0; where x is 0, y gets the gradient."
spacing = primitive(np.spacing, *_ZERO, analytic=False)
nextafter = primitive(
    np.nextafter, lambda g, out, x, y: g, lambda g, out, x, y: g * 0, analytic=False)


def _round(a: Any, /, decimals: Any = 0) -> Any:
    return np.round(a, decimals)


@called_like((np.round, np.around), _round, lambda g, out, a, decimals: g * 0, elementwise=True,
             analytic=False, kind="op")
def round(a: Any, decimals: Any = 0, out: Any = None) -> Tensor:
    """``a`` rounded to ``decimals`` places, halves to even; a step, so its gradient is 0."""
    refuse("round", "use the returned Tensor", out=out)
    return apply(round, (a,), {"decimals": decimals})


# -- a number and its parts ------------------------------------------------------------------------

conjugate = primitive(np.conjugate, lambda g, out, x: g, analytic=False)  # Tensors are real
ldexp = primitive(np.ldexp, lambda g, out, x, y: np.ldexp(g, y), None, analytic=False)


def _fractional_part(x: Any, /) -> Any:
    return np.modf(x)[0]


def _binary_exponent(x: Any, /) -> Any:
    return np.frexp(x)[1]


fractional_part = primitive(
    _fractional_part, lambda g, out, x: g, elementwise=True, analytic=False, atomic=True,
    internal=True)
binary_exponent = primitive(_binary_exponent, elementwise=True, atomic=True, internal=True)


@implements(np.modf)
def modf(x: Any) -> tuple[Tensor, Tensor]:
    """The parts of ``x`` after and before the point, both with its sign."""
    return fractional_part(x), trunc(x)


@implements(np.frexp)
def frexp(x: Any) -> tuple[Tensor, Tensor]:
    """(m, e) with ``x = m * 2**e`` and ``0.5 <= |m| < 1``; the gradient of m is that at fixed e."""
    e = binary_exponent(x)
    return ldexp(x, -e), e


@implements(np.divmod)
def divmod(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """The floor of the quotient, and the remainder."""
    return floor_divide(x1, x2), remainder(x1, x2)


@implements(*(getattr(np, name) for name in ("fix",) if hasattr(np, name)))  # NumPy is giving it up
def fix(x: Any, out: Any = None) -> Tensor:
    """``x`` rounded towards zero; the gradient is 0."""
    refuse("fix", "use the returned Tensor", out=out)
    return trunc(x)


@implements(np.real)
def real(val: Any) -> Tensor:
    """``val``: Tensors are real."""
    return conjugate(val)


@implements(np.imag)
def imag(val: Any) -> Tensor:
    """Zeros: Tensors are real."""
    return Tensor(np.zeros_like(as_tensor("imag", val)))


@implements(np.float_power)
def float_power(x1: Any, x2: Any) -> Tensor:
    """``x1 ** x2`` in float64 at least, so that integers may have negative exponents.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.float_power(tg.Tensor([2, 4]), -1).tolist()
    [0.5, 0.25]
    """
    base = as_tensor("float_power", x1).astype(np.float64)
    if not isinstance(x2, int | float):
        x2 = as_tensor("float_power", x2).astype(np.float64)
    return power(base, x2)


@implements(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Tensor:
    """Each function of ``funclist`` on the elements where its condition holds.

    As with NumPy, the last condition that holds counts, an extra function is for the elements
    where none does, and a number stands for a constant. A function sees only its own elements, so
    that ``sqrt`` of the others does no harm.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = tg.Tensor([-4.0, 4.0], requires_grad=True)
    >>> np.piecewise(x, [x >= 0], [np.sqrt, 0]).sum().backward(); x.grad.tolist()
    [0.0, 0.25]
    """
    x = as_tensor("piecewise", x)
    result = Tensor(np.zeros(x.shape, x.dtype))
    for mask, piece in _pieces(x, condlist, funclist):
        if callable(piece):
            own = getitem(x, mask)
            if not own.size:
                continue
            values = as_tensor("piecewise", piece(own, *args, **kw))
            piece = apply_scatter(broadcast(values, own.shape), (mask,), (SLOT,), x.shape)
        elif np.size(piece) != 1:
            raise ShapeError("piecewise: expected functions or numbers for the pieces, got "
                             f"{describe(piece)}; write lambda x: ... for what varies")
        result = where(mask, piece, result)
    return result if result.dtype == x.dtype else result.astype(x.dtype)


def _pieces(x: Any, condlist: Any, funclist: Any) -> Any:
    """(mask, function) for each condition, an otherwise first."""
    scalar = not getattr(condlist, "ndim", isinstance(condlist, list | tuple))
    single = scalar or (x.ndim and not np.ndim(condlist[0]))
    masks = [as_tensor("piecewise", c) for c in ([condlist] if single else condlist)]
    functions = list(funclist)
    for mask in masks:
        if mask.dtype != bool or mask.shape != x.shape:
            raise ShapeError(f"piecewise: a condition must be a mask of the shape of "
                             f"{describe(x)}, got {describe(mask)}")
    if len(functions) == len(masks) + 1:
        covered = masks[0]
        for mask in masks[1:]:
            covered = covered | mask
        masks, functions = [~covered, *masks], [functions[-1], *functions[:-1]]
    if len(functions) != len(masks):
        raise ShapeError(f"piecewise: {len(masks)} conditions need {len(masks)} functions, or one "
                         f"more for the rest; got {len(functions)}")
    return zip(masks, functions, strict=True)


# -- without a derivative -------------------------------------------------------------------------

isfinite, isnan = primitive(np.isfinite), primitive(np.isnan)
isinf, signbit = primitive(np.isinf), primitive(np.signbit)
logical_and, logical_or = primitive(np.logical_and), primitive(np.logical_or)
logical_xor, logical_not = primitive(np.logical_xor), primitive(np.logical_not)
bitwise_and, bitwise_or = primitive(np.bitwise_and), primitive(np.bitwise_or)
bitwise_xor, invert = primitive(np.bitwise_xor), primitive(np.invert)
left_shift, right_shift = primitive(np.left_shift), primitive(np.right_shift)
bitwise_count, gcd, lcm = primitive(np.bitwise_count), primitive(np.gcd), primitive(np.lcm)


@implements(np.isposinf)
def isposinf(x: Any, out: Any = None) -> Tensor:
    """Where ``x`` is +inf."""
    refuse("isposinf", "use the returned Tensor", out=out)
    return equal(x, np.inf)


@implements(np.isneginf)
def isneginf(x: Any, out: Any = None) -> Tensor:
    """Where ``x`` is -inf."""
    refuse("isneginf", "use the returned Tensor", out=out)
    return equal(x, -np.inf)


#: NumPy's other names for the same functions.
also({
    "abs": absolute, "acos": arccos, "acosh": arccosh, "around": round, "asin": arcsin,
    "asinh": arcsinh, "atan": arctan, "atan2": arctan2, "atanh": arctanh, "bitwise_invert": invert,
    "bitwise_left_shift": left_shift, "bitwise_not": invert, "bitwise_right_shift": right_shift,
    "conj": conjugate, "mod": remainder, "pow": power, "true_divide": divide,
})
