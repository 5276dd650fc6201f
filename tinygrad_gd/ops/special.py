"""Special functions, computed with NumPy alone: loops over terms, never over elements.

Accuracy, in units of 2.2e-16, as the tests measure it again (float32 is computed in float64 and
rounded once, but for erf and erfc, whose units are 1.2e-7 then)::

    erf                       2 of the result; 3 in float32
    erfc                      4 of the result, down to where it underflows (x = 26.5); 6 in float32
    gammaln     x > 0         4 of the result
    digamma     x > 0         6 of the result, or of 1 where that is larger
    polygamma   x > 0         4 of the result, for n up to 4
    gammaln, digamma  x < 0   8 of the result, or of 1 where that is larger
    polygamma   x < 0         500 of the result, or of 1 where that is larger, for n up to 4
    sinc                      10 of the result, or of 1; so for its first three derivatives

At the poles 0, -1, -2, ... nothing warns, and values are SciPy's: gammaln is inf; digamma is -inf at
0.0, inf at -0.0, and NaN at the others, where the limits from both sides differ; polygamma is inf for
odd n, and -inf, the limit from the right, for even n. Programs print these functions as they stand, so
they use nothing but NumPy and each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.primitive import apply, primitive
from ..engine.tensor import Tensor
from ..errors import OptionError
from ..ground.checks import check_integer
from .in_rules import in_rule
from .signatures import called_like

SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0


def _rounded(result: Any, x: Any) -> Any:
    """A float64 result in the dtype that NumPy's functions give for ``x``."""
    return result.astype(np.exp(np.zeros_like(x, shape=())).dtype)[()]


def _chebyshev(t: Any, coefficients: Any) -> Any:
    """The series of Chebyshev polynomials at ``t``, by Clenshaw's recurrence."""
    this = before = np.zeros_like(t)
    for c in coefficients[:0:-1]:
        this, before = c + 2 * t * this - before, this
    return coefficients[0] + t * this - before


def _polynomial(t: Any, coefficients: Any) -> Any:
    """The sum of ``coefficients[k] * t**k``, by Horner's rule."""
    total = np.full_like(t, coefficients[-1])
    for c in coefficients[-2::-1]:
        total *= t
        total += c
    return total


# -- the error function ----------------------------------------------------------------------------


def _erf_inside(x: Any) -> Any:
    """erf for abs(x) <= 1: x times a polynomial in x^2, economized from Chebyshev's series."""
    return x * _polynomial(x * x, (
        1.1283791670955126, -0.37612638903183543, 0.1128379167094513, -0.026866170643256995,
        0.005223977607269946, -0.0008548325982543225, 0.00012055295112667001,
        -1.4924740785377576e-05, 1.6447471190594618e-06, -1.6208829856810202e-07,
        1.3721520406351094e-08, -7.798543850549947e-10))


def _erfc_tail(y: Any) -> Any:
    """erfc for y >= 0: exp(-y^2) / (1 + y) times a polynomial in t = (y - 3) / (y + 3)."""
    y = np.minimum(y, 10.2 if y.dtype == np.float32 else 30)  # there it is 0
    high = np.floor(y * 16) / 16  # y^2 = high^2, which is exact, and a small rest
    gauss = np.exp(-high * high) * np.exp(-(y - high) * (y + high))
    return gauss / (1 + y) * _polynomial((y - 3) / (y + 3), (
        0.7160046048055597, -0.23092735460472524, 0.09902073499429474, -0.010234585582222405,
        -0.023803042226468688, 0.02194974149504044, -0.00976239671316483,
        0.0016459314435708936, 0.0007022393585460404, -0.0003807620130811753,
        -0.00010916851200445952) if y.dtype == np.float32 else (
        0.7160046047255598, -0.23092733308380917, 0.09902075367944078, -0.010235388899012888,
        -0.02380391310870102, 0.021957764012793677, -0.009750689292237701, 0.0016185691254892154,
        0.000645814199124352, -0.00036728847066616046, -2.0551588688191707e-05,
        5.6119347300494525e-05, -1.5144373196860844e-06, -8.99002256263096e-06,
        2.607474381204413e-07, 1.5887117808490867e-06, 6.071316964356298e-08,
        -2.934111944342301e-07, -4.6979037222864144e-08, 5.097096680939509e-08,
        1.6229238335064303e-08, -7.063922718222641e-09, -3.4827007512413944e-09,
        5.567150863376234e-10, 3.685916803815211e-10))


def _erf(x: Any, /) -> Any:
    wide = _computed_in(x)
    size = np.absolute(wide)
    outside = np.copysign(1 - _erfc_tail(size), wide)
    return _rounded(np.where(size < 1, _erf_inside(np.clip(wide, -1, 1)), outside), x)


def _erfc(x: Any, /) -> Any:
    wide = _computed_in(x)
    left = np.multiply(wide < 0, wide.dtype.type(2))  # a choice between random signs takes longer
    return _rounded(np.absolute(left - _erfc_tail(np.absolute(wide))), x)


def _computed_in(x: Any) -> Any:
    """An argument in the dtype that results are computed in: float32 also for float16, else float64."""
    short = getattr(x, "dtype", None) in (np.float16, np.float32)
    return np.asarray(x, np.float32 if short else np.float64)


erf = primitive(_erf, lambda g, out, x: g * (SLOPE * np.exp(-x * x)), elementwise=True,
                analytic=False, atomic=True)
erfc = primitive(_erfc, lambda g, out, x: -g * (SLOPE * np.exp(-x * x)), elementwise=True,
                 analytic=False, atomic=True)
erf.__doc__ = """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.

>>> import tinygrad_gd as tg
>>> x = tg.Tensor(0.5, requires_grad=True); y = tg.erf(x); y.backward()
>>> f"{y:.12f} {x.grad:.12f}"
'0.520499877813 0.878782578936'
"""
erfc.__doc__ = "1 - erf(x), exact to a few units also where that is tiny, as erfc(20) = 5.4e-176."

# -- the gamma function and its derivatives --------------------------------------------------------
# Stirling's series serves large x. For small x the recurrence leads there (digamma, polygamma), or
# down to [1, 2] (gammaln, which is 0 at both ends and must be small near them); for x <= 0 the
# reflection leads to 1 - x.


def _bernoulli() -> Any:
    """Bernoulli's numbers B_2, B_4, ..."""
    return (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)


def _above_poles(x: Any) -> Any:
    """(x > 0, or 1 - x by reflection; the distance to the nearest integer; which were reflected)."""
    wide = np.maximum(np.asarray(x, np.float64), -1e300)  # an integer, as -inf is by convention
    reflect = wide <= 0
    nearest = np.where(reflect, np.rint(wide), 0)
    return np.where(reflect, 1 - wide, wide), np.where(reflect, wide - nearest, 0.5), reflect


def _gammaln_after_one(d: Any) -> Any:
    """gammaln(1 + d) for 0 <= d <= 1: d (d - 1) times a Chebyshev series in 2 d - 1."""
    coefficients = (
        0.49141539302938714, -0.07611416167043585, 0.008432324965932778, -0.001079493726328608,
        0.00014900748003692963, -2.1512399888556784e-05, 3.1979329860862186e-06,
        -4.851693012139927e-07, 7.47148782116316e-08, -1.1638296700170518e-08,
        1.829400437118668e-09, -2.8969180607129607e-10, 4.61570140620909e-11,
        -7.392810230497983e-12, 1.1894280008333085e-12, -1.9212068676522805e-13,
        3.113975526387164e-14, -5.0628432984486114e-15, 8.254150281631144e-16,
        -1.3490578987574844e-16, 2.209876116782623e-17)
    return d * (d - 1) * _chebyshev(2 * d - 1, coefficients)


def _gammaln_small(x: Any) -> Any:
    """gammaln(x) for 0 < x < 10."""
    product = np.ones_like(x)
    for k in range(1, 9):  # gamma(x) = (x - 1) gamma(x - 1); the difference is exact
        product = product * np.where(x >= k + 1, x - k, 1)
    logarithm = np.where(x < 1, -np.log(x), np.log(product))
    return _gammaln_after_one(np.where(x < 1, x, x - np.floor(x))) + logarithm


def _gammaln_large(x: Any) -> Any:
    """gammaln(x) for x >= 10: Stirling's series."""
    r = 1 / x
    total = np.zeros_like(r)
    for k, b in reversed(list(enumerate(_bernoulli(), 1))):
        total = total * (r * r) + b / (2 * k * (2 * k - 1))
    return (x - 0.5) * (np.log(x) - 1) - 0.5 + np.log(2 * np.pi) / 2 + total * r


def _gammaln(x: Any, /) -> Any:
    positive, distance, reflect = _above_poles(x)
    small = positive < 10
    value = np.where(small, _gammaln_small(np.where(small, positive, 1)),
                     _gammaln_large(np.where(small, 10, positive)))
    sine = np.absolute(np.sin(np.pi * distance))
    mirrored = np.log(np.pi / np.where(sine == 0, 1, sine)) - value
    return _rounded(np.where(reflect, np.where(sine == 0, np.inf, mirrored), value), x)


def _digamma(x: Any, /) -> Any:
    positive, distance, reflect = _above_poles(x)
    small = positive < 10
    z = np.where(small, positive + 10, positive)
    start = np.where(small, positive, 1.0)
    shift = np.zeros_like(start)
    for k in range(9, -1, -1):
        shift = shift + 1 / (start + k)
    r = 1 / z
    total = np.zeros_like(r)
    for k, b in reversed(list(enumerate(_bernoulli(), 1))):
        total = (total + b / (2 * k)) * (r * r)
    value = np.log(z) - r / 2 - total - np.where(small, shift, 0)
    tangent = np.tan(np.pi * np.where(distance == 0, np.nan, distance))
    value = np.where(reflect, value - np.pi / tangent, value)
    wide = np.asarray(x, np.float64)
    return _rounded(np.where(wide == 0, np.copysign(np.inf, -wide), value), x)


def _polygamma(x: Any, /, n: int) -> Any:
    positive, distance, reflect = _above_poles(x)
    steps = 12 + n
    small = positive < steps
    z = np.where(small, positive + steps, positive)
    start = np.where(small, positive, 1.0)
    shift = np.zeros_like(start)
    for k in range(steps - 1, -1, -1):
        shift = shift + (1 / (start + k)) ** (n + 1)
    factorial = float(np.prod(np.arange(1.0, n)))  # (n - 1)!
    r, factor = 1 / z, n * (n + 1) / 2
    total = np.zeros_like(r)
    for k, b in enumerate(_bernoulli(), 1):
        total = total + b * factor * r ** (2 * k)
        factor = factor * (2 * k + n) * (2 * k + n + 1) / ((2 * k + 1) * (2 * k + 2))
    value = factorial * (r**n * (1 + n * r / 2 + total) + np.where(small, n * shift, 0))
    value = -value if n % 2 == 0 else value
    cotangent = 1 / np.tan(np.pi * np.where(distance == 0, np.nan, distance))
    mirrored = (-value if n % 2 else value) - np.pi * _derivative_of_cot(cotangent, n)
    value = np.where(reflect, mirrored, value)
    return _rounded(np.where(reflect & (distance == 0), np.inf if n % 2 else -np.inf, value), x)


def _derivative_of_cot(c: Any, n: int) -> Any:
    """The n-th derivative of cot(pi x), a polynomial in its value ``c``."""
    p = np.array([0.0, 1.0])  # coefficients, the constant first
    for _ in range(n):  # (d/dx) p(c) = -pi (1 + c^2) p'(c)
        slope = p[1:] * np.arange(1, len(p))
        p = -np.pi * (np.append(slope, [0, 0]) + np.append([0, 0], slope))
    total = 0.0
    for coefficient in p[::-1]:
        total = total * c + coefficient
    return total


@called_like((), _polygamma, lambda g, out, x, n: g * _polygamma_in_rule(x, n=n + 1),
             elementwise=True, analytic=False, atomic=True, kind="op")
def polygamma(n: int, x: Any) -> Tensor:
    """The n-th derivative of digamma at ``x``; polygamma(0, x) is digamma(x)."""
    n = check_integer("polygamma: n, the order of a derivative,", n, 0, wrong_type=OptionError)
    return apply(polygamma, (x,), {"n": n}) if n else digamma(x)


_polygamma_in_rule: Callable[..., Any] = in_rule(polygamma)
digamma = primitive(_digamma, lambda g, out, x: g * _polygamma_in_rule(x, n=1), elementwise=True,
                    analytic=False, atomic=True)
_digamma_in_rule = in_rule(digamma)
gammaln = primitive(_gammaln, lambda g, out, x: g * _digamma_in_rule(x), elementwise=True,
                    analytic=False, atomic=True)
gammaln.__doc__ = """The logarithm of the absolute value of the gamma function; inf at its poles.

>>> import tinygrad_gd as tg
>>> x = tg.Tensor(5.0, requires_grad=True); y = tg.gammaln(x); y.backward()
>>> f"{y:.12f} {x.grad:.12f}"  # log 4!, and 1 + 1/2 + 1/3 + 1/4 - Euler's constant
'3.178053830348 1.506117668432'
"""
digamma.__doc__ = "The derivative of gammaln; at its poles NaN, at 0.0 -inf and at -0.0 inf."

# -- the cardinal sine -------------------------------------------------------------------------------


def _sinc(x: Any, /) -> Any:
    return np.sinc(x)


def _sinc_derivative(x: Any, /, n: int) -> Any:
    """The n-th derivative of sinc, n >= 1."""
    wide = np.asarray(x, np.float64)
    near = np.absolute(wide) < 1
    y, odd = np.pi * np.where(near, wide, 0), n % 2
    total = np.zeros_like(y)
    for j in range(32 + odd, -1, -2):  # sum of (-1)^k y^j / ((2 k + 1) j!), 2 k = n + j, nested
        total = 1 / (n + j + 1) - y * y * total / ((j + 1) * (j + 2))
    series = (-1) ** ((n + odd) // 2) * np.pi**n * total * (y if odd else 1)
    endless = np.isinf(wide)  # there all waves have run out
    far = np.where(near | endless, 1.0, wide)
    angle = np.pi * (far - 2 * np.rint(far / 2))
    value = np.sinc(far)
    for k in range(1, n + 1):  # the derivatives of x sinc(x) = sin(pi x) / pi
        wave = np.sin(angle) if k % 2 == 0 else np.cos(angle)
        sign = 1 if k % 4 < 2 else -1
        value = (sign * np.pi ** (k - 1) * wave - k * value) / far
    return _rounded(np.where(near, series, np.where(endless, 0.0, value)), x)


sinc_derivative = primitive(
    _sinc_derivative, lambda g, out, x, n: g * _sinc_derivative_in_rule(x, n=n + 1),
    elementwise=True, analytic=False, atomic=True, internal=True)
_sinc_derivative_in_rule: Callable[..., Any] = in_rule(sinc_derivative)
sinc = primitive(_sinc, lambda g, out, x: g * _sinc_derivative_in_rule(x, n=1), numpy=np.sinc,
                 elementwise=True, analytic=False)
sinc.__doc__ = "sin(pi x) / (pi x), and 1 at 0; its derivatives are exact there, too."
