"""Derivatives up to order 4, in every order of the arguments, against mpmath; conventions have none.

A rule that replaces a number, as where(y == 0, 0, ...) does, gives the right gradient there and a wrong
second one. So each smooth primitive is looked at where its rule has a choice, a maximum or an absolute
value, too.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np
import pytest

import tinygrad_gd as tg
from tests.ops.test_primitives import DIFFERENTIABLE
from tinygrad_gd.ground.registry import by_name

ORDER = 4
Point = tuple[float, ...]


class Case(NamedTuple):
    """A function of numbers in our words and in mpmath's, and where it is looked at."""

    name: str
    call: Callable[..., Any]
    exact: Callable[..., Any]
    points: tuple[Point, ...]
    tolerance: float = 1e-9

    def __str__(self) -> str:
        return self.name


def one(name: str, exact: Any, *points: float, call: Any = None, tolerance: float = 1e-9) -> Case:
    """A function of one number, by default the one that is registered under the name."""
    return Case(name, call or by_name(name), exact, tuple((float(x),) for x in points), tolerance)


def two(name: str, exact: Any, *points: Point, call: Any = None, tolerance: float = 1e-9) -> Case:
    return Case(name, call or by_name(name), exact, points, tolerance)


def softplus(x: Any) -> Any:
    return mp.log1p(mp.exp(x))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def elu(alpha: float, scale: float = 1.0) -> Any:
    return lambda x: scale * (x if x > 0 else alpha * mp.expm1(x))


def gelu_by_tanh(x: Any) -> Any:
    return x / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf(0.044715) * x**3)))


def modulo(x: Any, y: Any) -> Any:
    return x - y * mp.floor(x / y)


def truncated(x: Any, y: Any) -> Any:
    return x - y * (mp.floor if x / y > 0 else mp.ceil)(x / y)


GENERIC, POSITIVE, INSIDE = (-1.7, 0.3, 2.2), (0.4, 1.0, 2.7), (-0.6, 0.0, 0.8)
PAIRS = ((0.7, 1.3), (-1.2, 0.4), (1.1, -0.6))
TIES = ((0.5, 0.5), (0.0, 0.0), (1.5, -2.0), (-30.0, 3.0), (3.0, -30.0))
POWERS = ((2.0, 3.0), (2.0, 0.0), (23.0, 0.0), (2.0, 1.0), (1.0, 0.0), (1.0, 1.0), (1.0, 2.0), (0.3, -1.0),
          (0.7, 2.5), (5.0, -0.5), (1.0, -2.0))
ALPHA, SCALE = 1.6732632423543772848, 1.0507009873554804934

ELEMENTWISE = [
    *(two(name, exact, *PAIRS, (0.0, 1.0), (1.0, 1.0)) for name, exact in {
        "add": lambda x, y: x + y, "subtract": lambda x, y: x - y, "multiply": lambda x, y: x * y,
        "divide": lambda x, y: x / y}.items()),
    *(two(name, exact, *PAIRS) for name, exact in {
        "maximum": max, "minimum": min, "fmax": max, "fmin": min, "remainder": modulo, "fmod": truncated,
        "copysign": lambda x, y: abs(x) * mp.sign(y)}.items()),
    two("ratio", lambda x, y: x / y, *PAIRS, call=lambda x, y: by_name("ratio")(x, y)),
    two("prelu", lambda x, w: x if x > 0 else w * x, *PAIRS),
    two("where", lambda x, y: x, *PAIRS, call=lambda x, y: np.where(True, x, y)),
    two("logaddexp", lambda x, y: mp.log(mp.exp(x) + mp.exp(y)), *PAIRS, *TIES),
    two("logaddexp2", lambda x, y: mp.log(2**x + 2**y) / mp.log(2), *PAIRS, *TIES),
    two("hypot", mp.hypot, *PAIRS, (0.0, 1.0), (-2.0, 0.0)),
    two("arctan2", mp.atan2, *PAIRS, (0.0, 1.0), (1.0, 0.0), (-2.0, 0.0)),
    two("power", mp.power, *POWERS),
    two("power_log", lambda x, y: x**y * mp.log(x) ** 2, *POWERS, call=lambda x, y: by_name("power_log")(x, y, n=2)),
    *(one("power", lambda x, y=y: x**y, *points, call=lambda x, y=y: x**y) for y, points in (
        (0, (-1.0, 0.0, 2.0)), (1, (-1.0, 0.0, 2.0)), (1.0, (0.0, 3.0)), (2, (-1.0, 0.0, 2.0)), (2.0, (0.0,)), (-1, (0.5, -2.0)),
        (-2.5, (0.5,)), (0.5, (0.25, 4.0)), (1.5, (4.0,)), (17, (-1.0, 0.0, 0.5)), (20.0, (-1.0, 0.0)))),
    *(one("power", lambda x, y=y: x**y if y else mp.mpf(1), -1.5, 0.0, 0.5, call=lambda x, y=y: x ** np.array(y))
      for y in (0.0, 1.0, 2.0, 3.0, 4.0)),
    one("power", lambda y: mp.mpf(2) ** y, 0.0, 1.0, -1.5, call=lambda y: 2 ** y),
    one("power", lambda x: x**x, 0.2, 1.0, 2.0, call=lambda x: x**x),
    *(one("integer_power", lambda x, n=n: x**n, -1.5, 0.0, 0.5, call=lambda x, n=n: by_name("integer_power")(x, n=n))
      for n in (1, 2, 3, 4, 5, 16)),
    one("float_power", lambda x: x**3, 0.0, -2.0, call=lambda x: np.float_power(x, 3)),
    two("float_power", mp.power, *POWERS),
    *(one(name, exact, *GENERIC, 0.0, 1.0, -1.0) for name, exact in {
        "negative": lambda x: -x, "positive": lambda x: x, "conjugate": lambda x: x, "square": lambda x: x * x,
        "exp": mp.exp, "exp2": lambda x: 2**x, "expm1": mp.expm1, "sin": mp.sin, "cos": mp.cos, "tanh": mp.tanh,
        "sinh": mp.sinh, "cosh": mp.cosh, "arctan": mp.atan, "arcsinh": mp.asinh, "erf": mp.erf, "erfc": mp.erfc,
        "deg2rad": mp.radians, "radians": mp.radians, "rad2deg": mp.degrees, "degrees": mp.degrees,
        "sigmoid": sigmoid, "softplus": softplus, "log_sigmoid": lambda x: -softplus(-x),
        "silu": lambda x: x * sigmoid(x), "mish": lambda x: x * mp.tanh(softplus(x)),
        "gelu": lambda x: x * mp.ncdf(x), "sinc": mp.sincpi, "nan_to_num": lambda x: x}.items()),
    one("tan", mp.tan, -1.2, 0.0, 0.4, 1.3),
    one("gelu", gelu_by_tanh, *GENERIC, 0.0, 5.0, call=lambda x: tg.gelu(x, approximate="tanh")),
    one("softplus", lambda x: softplus(3 * x) / 3, *GENERIC, 0.0, 8.0, call=lambda x: tg.softplus(x, beta=3)),
    *(one(name, exact, -12.0, 9.0) for name, exact in {
        "silu": lambda x: x * sigmoid(x), "mish": lambda x: x * mp.tanh(softplus(x)), "gelu": lambda x: x * mp.ncdf(x),
        "softplus": softplus, "log_sigmoid": lambda x: -softplus(-x)}.items()),
    one("sinc_derivative", lambda x: mp.diff(mp.sincpi, x), *GENERIC, 0.0, 1.0,
        call=lambda x: by_name("sinc_derivative")(x, n=1)),
    *(one(name, exact, *POSITIVE) for name, exact in {
        "reciprocal": lambda x: 1 / x, "sqrt": mp.sqrt, "root": mp.sqrt, "cbrt": mp.cbrt, "log": mp.log,
        "log2": lambda x: mp.log(x, 2), "log10": mp.log10, "log1p": mp.log1p}.items()),
    one("reciprocal", lambda x: 1 / x, -0.5), one("log1p", mp.log1p, 0.0, -0.5), one("cbrt", lambda x: -mp.cbrt(-x), -2.0),
    *(one(name, exact, *INSIDE) for name, exact in {
        "arcsin": mp.asin, "arccos": mp.acos, "arctanh": mp.atanh}.items()),
    one("arccosh", mp.acosh, 1.2, 3.0),
    one("gammaln", lambda x: mp.log(abs(mp.gamma(x))), 0.3, 1.0, 2.0, 9.99, 10.0, 30.0, -0.4, -2.6, tolerance=1e-8),
    one("digamma", lambda x: mp.psi(0, x), 0.3, 1.0, 9.99, 10.0, -0.4, -2.6, tolerance=1e-8),
    *(one("polygamma", lambda x, n=n: mp.psi(n, x), 0.3, 1.0, 12.99, 13.0, -0.4,
          call=lambda x, n=n: tg.polygamma(n, x), tolerance=1e-8) for n in (1, 2)),
    one("ldexp", lambda x: 8 * x, *GENERIC, 0.0, call=lambda x: np.ldexp(x, 3)),
    two("descend", lambda p, g: p - mp.mpf(0.5) * g, *PAIRS, call=lambda p, g: by_name("descend")(p, 0.5, g, into=None)),
    # the smooth pieces of those with kinks
    *(one(name, exact, *GENERIC, -4.5, 7.5)
      for name, exact in {
          "absolute": abs, "fabs": abs, "relu": lambda x: max(x, 0), "relu6": lambda x: min(max(x, 0), 6),
          "leaky_relu": lambda x: x if x > 0 else mp.mpf(0.01) * x, "hardtanh": lambda x: min(max(x, -1), 1),
          "hardsigmoid": lambda x: min(max(x / 6 + 0.5, 0), 1),
          "hardswish": lambda x: x * min(max(x / 6 + mp.mpf(0.5), 0), 1), "softsign": lambda x: x / (1 + abs(x)),
          "elu": elu(1.0), "celu": elu(1.0), "selu": elu(ALPHA, SCALE),
          "fractional_part": lambda x: x - (mp.floor(x) if x > 0 else mp.ceil(x))}.items()),
    one("elu", elu(0.7), *GENERIC, call=lambda x: tg.elu(x, alpha=0.7)),
    one("celu", lambda x: x if x > 0 else 2 * mp.expm1(x / 2), *GENERIC, call=lambda x: tg.celu(x, alpha=2.0)),
    *(one("clip", lambda x: min(max(x, -1), 1), -1.5, 0.0, 2.0, call=call)
      for call in (lambda x: np.clip(x, -1, 1), lambda x: np.clip(x, np.array(-1.0), np.array(1.0)))),
]  # fmt: skip

#: Steps, whose derivatives are zero wherever they have any.
STEPS = {"ceil", "floor", "floor_divide", "heaviside", "rint", "round", "sign", "spacing", "trunc"}
#: Those that others are made of and that compute nothing.
IDENTITIES = {"nextafter", "without_slope"}


def vector(x: Any, y: Any) -> Any:
    return tg.stack([x, y, tg.Tensor(0.3)])


def exact_vector(x: Any, y: Any) -> list[Any]:
    return [x, y, mp.mpf(0.3)]


def matrix(x: Any, y: Any) -> Any:
    return tg.stack([tg.stack([x, y]), tg.stack([y, x * y])])


def of_vector(name: str, call: Any, exact: Any, *points: Point) -> Case:
    return Case(name, lambda x, y: call(vector(x, y)), lambda x, y: exact(exact_vector(x, y)),
                points or ((0.7, -1.3), (0.0, 0.5), (0.3, 0.3), (0.0, 0.0)))


def of_matrix(name: str, call: Any, exact: Any, *points: Point) -> Case:
    return Case(name, lambda x, y: call(matrix(x, y)), exact, points, 1e-8)


def variance(v: list[Any]) -> Any:
    center = mp.fsum(v) / 3
    return mp.fsum((x - center) ** 2 for x in v) / 3


def log_sum(v: list[Any]) -> Any:
    return mp.log(mp.fsum(map(mp.exp, v)))


REDUCTIONS = [
    of_vector("prod", np.prod, mp.fprod), of_vector("cumprod", lambda v: np.cumprod(v).sum(), lambda v: v[0] + v[0] * v[1] + mp.fprod(v)),
    of_vector("var", np.var, variance), of_vector("var", lambda v: np.var(v, ddof=1), lambda v: variance(v) * 3 / 2),
    of_vector("std", np.std, lambda v: mp.sqrt(variance(v)), (0.7, -1.3), (0.0, 0.5), (0.0, 0.0)),
    of_vector("nanstd", lambda v: np.nanstd(v), lambda v: mp.sqrt(variance(v)), (0.7, -1.3), (0.0, 0.5), (0.0, 0.0)),
    of_vector("norm", np.linalg.norm, lambda v: mp.norm(v)),
    of_vector("norm", lambda v: np.linalg.norm(v, 4), lambda v: mp.fsum(x**4 for x in v) ** (mp.mpf(1) / 4)),
    of_vector("norm", lambda v: np.linalg.norm(v, 3), lambda v: mp.cbrt(mp.fsum(abs(x) ** 3 for x in v)), (0.7, -1.3), (0.3, 0.3)),
    of_vector("norm", lambda v: np.linalg.norm(v, 1.5), lambda v: mp.fsum(abs(x) ** 1.5 for x in v) ** (mp.mpf(2) / 3), (0.7, -1.3), (0.3, 0.3)),
    of_vector("norm", lambda v: np.linalg.norm(v, 1), lambda v: mp.fsum(map(abs, v)), (0.7, -1.3), (0.3, 0.3)),
    of_vector("logsumexp", lambda v: tg.logsumexp(v), log_sum),
    of_vector("softmax", lambda v: tg.softmax(v)[0], lambda v: mp.exp(v[0] - log_sum(v))),
    of_vector("log_softmax", lambda v: tg.log_softmax(v)[1], lambda v: v[1] - log_sum(v)),
    of_vector("cross_entropy", lambda v: tg.nn.cross_entropy(v[None], [0]), lambda v: log_sum(v) - v[0]),
    of_vector("mse", lambda v: tg.nn.mse_loss(v, v[::-1] * 2), lambda v: mp.fsum((x - 2 * y) ** 2 for x, y in zip(v, v[::-1], strict=True)) / 3),
    of_vector("average", lambda v: np.average(v, weights=v * v + 1.0), lambda v: mp.fsum(x**3 + x for x in v) / mp.fsum(x * x + 1 for x in v)),
    of_matrix("det", np.linalg.det, lambda x, y: x * x * y - y * y, (0.7, 1.3), (1.0, 1.0), (0.0, 0.0), (0.0, 1.0)),
    of_matrix("slogdet", lambda m: np.linalg.slogdet(m)[1], lambda x, y: mp.log(abs(x * x * y - y * y)), (0.7, 1.3), (0.0, 1.0)),
    of_matrix("inv", lambda m: np.linalg.inv(m)[0, 0], lambda x, y: x * y / (x * x * y - y * y), (0.7, 1.3), (0.0, 1.0)),
    of_matrix("solve", lambda m: np.linalg.solve(m, np.array([1.0, 2.0]))[0], lambda x, y: (x * y - 2 * y) / (x * x * y - y * y), (0.7, 1.3)),
    of_matrix("eigvalsh", lambda m: np.linalg.eigvalsh(m)[1],
              lambda x, y: (x + x * y + mp.sqrt((x - x * y) ** 2 + 4 * y * y)) / 2, (0.7, 1.3), (0.0, 1.0)),
    of_matrix("cholesky", lambda m: np.linalg.cholesky(m)[1, 1], lambda x, y: mp.sqrt(x * y - y * y / x), (2.0, 0.5), (1.5, 1.0)),
    of_matrix("svdvals", lambda m: np.linalg.svd(m, compute_uv=False)[0],
              lambda x, y: (abs(x + x * y) + mp.sqrt((x - x * y) ** 2 + 4 * y * y)) / 2, (0.7, 1.3)),
]


#: Which arguments to differentiate by, for functions of one and of two; of the fourth derivatives, which
#: take longest, only those by x first and by y first.
ORDERS = {arity: [a for n in range(1, ORDER + 1) for a in product(range(arity), repeat=n)
                  if n < ORDER or list(a) in (sorted(a), sorted(a, reverse=True))] for arity in (1, 2)}


def derivative(call: Any, arguments: Any, point: Point) -> float:
    """d/d(arguments[0]) first, then d/d(arguments[1]) of that ..."""
    for position in arguments:
        call = tg.grad(call, position)
    return float(call(*point).item())


@pytest.mark.parametrize("case", [*ELEMENTWISE, *REDUCTIONS], ids=str)
def test_derivatives_up_to_order_four(case: Case) -> None:
    for point in case.points:
        arity = len(point)

        @cache
        def exactly(*orders: int, point: Point = point, arity: int = arity) -> float:
            with mp.workdps(40):
                return float(mp.diff(case.exact, point if arity > 1 else point[0], orders if arity > 1 else orders[0]))

        for arguments in ORDERS[arity]:
            expected = exactly(*(arguments.count(i) for i in range(arity)))
            actual = derivative(case.call, arguments, point)
            assert abs(actual - expected) <= case.tolerance * max(1.0, abs(expected)), (
                f"d{arguments} at {point}: {actual}, right is {expected}")


def test_every_elementwise_primitive_is_looked_at() -> None:
    elementwise = {name for name in DIFFERENTIABLE if getattr(by_name(name), "elementwise", False)}
    assert len(elementwise) > 80
    assert elementwise - {case.name for case in ELEMENTWISE} == STEPS | IDENTITIES


# -- where there is no derivative, or the rule gives a convention ------------------------------------

ZERO = np.zeros(2)
CONVENTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "norm": (np.linalg.norm, (ZERO,)), "norm 3": (lambda v: np.linalg.norm(v, 3), (ZERO,)),
    "norm 4": (lambda v: np.linalg.norm(v, 4), (ZERO,)), "norm of rows": (lambda m: np.linalg.norm(m, axis=1).sum(), (np.zeros((1, 2)),)),
    "frobenius": (np.linalg.norm, (np.zeros((2, 2)),)), "vector_norm": (np.linalg.vector_norm, (ZERO,)),
    "hypot": (np.hypot, (0.0, 0.0)), "arctan2": (np.arctan2, (0.0, 0.0)),
    "std": (np.std, (np.full(3, 2.0),)), "std of one": (lambda v: np.std(v, axis=1).sum(), (np.ones((2, 1)),)),
    "std where": (lambda v: np.std(v, where=np.array([True, True, False])), (np.array([2.0, 2.0, 5.0]),)),
    "nanstd": (lambda v: np.nanstd(v), (np.full(3, 2.0),)), "power": (np.power, (0.0, 0.0)),
    "float_power": (np.float_power, (0.0, 0.0)),
    "logaddexp": (np.logaddexp, (-np.inf, -np.inf)), "logaddexp2": (np.logaddexp2, (-np.inf, -np.inf)),
    "logsumexp": (lambda v: tg.logsumexp(v), (np.full(2, -np.inf),)),
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_gradient_that_is_a_convention_has_no_derivative(name: str) -> None:
    """0 where the function is not smooth, with NaN as the derivative of that, also if it is squared."""
    call, point = CONVENTIONS[name]
    for position, x in enumerate(point):
        gradient = np.asarray(tg.grad(call, position)(*point))
        assert gradient.shape == np.shape(x) and not gradient.any()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            if name[:3] not in ("pow", "flo"):  # x ** 0 is flat in x
                assert np.isnan(tg.hessian(call, position)(*point)).any()
            mixed = tg.grad(lambda *p: (tg.grad(call, 0)(*p) ** 2 + tg.grad(call, 0)(*p)).sum(), len(point) - 1)(*point)
            assert np.isnan(mixed).any() if name == "std where" else np.isnan(mixed).all()


def test_the_square_of_a_norm_has_no_made_up_curvature() -> None:
    curvature = np.asarray(tg.hessian(lambda x: np.linalg.norm(x) ** 2)(ZERO))
    assert np.isnan(curvature).all()
    rows = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert np.isfinite(tg.hvp(lambda x: np.linalg.norm(x, axis=1).sum(), (rows,), (rows,)).numpy()[0]).all()


#: (function, point, arguments in their order, the limit); NaN would be right, too.
LIMITS: list[tuple[Any, Point, tuple[int, ...], float]] = [
    (np.power, (0.0, 1.0), (0, 1), -math.inf), (np.power, (0.0, 1.0), (1, 0), -math.inf),
    (np.power, (0.0, 2.0), (0, 0), 2.0), (np.power, (0.0, 2.0), (0, 1), 0.0), (np.power, (0.0, 2.0), (1, 0), 0.0),
    (np.power, (0.0, 2.0), (1, 1), 0.0), (np.power, (0.0, 2.0), (0, 0, 1), -math.inf),
    (np.power, (0.0, 2.0), (1, 0, 0), -math.inf), (np.power, (0.0, 3.0), (0, 1, 0), 0.0),
    (np.power, (0.0, 0.5), (1, 1), 0.0), (np.power, (0.0, -1.0), (1,), -math.inf), (np.power, (0.0, -1.0), (1, 1), math.inf),
    (np.power, (0.0, -1.0), (0,), -math.inf), (np.power, (0.0, 0.5), (0,), math.inf), (np.power, (0.0, 0.5), (0, 0), -math.inf),
    (np.sqrt, (0.0,), (0,), math.inf), (np.sqrt, (0.0,), (0, 0), -math.inf), (np.sqrt, (0.0,), (0, 0, 0), math.inf),
    (np.cbrt, (0.0,), (0,), math.inf), (np.log, (0.0,), (0, 0), -math.inf), (np.arcsin, (1.0,), (0, 0), math.inf),
    (np.arcsin, (-1.0,), (0, 0), -math.inf), (np.arccos, (1.0,), (0,), -math.inf), (np.arccosh, (1.0,), (0,), math.inf),
    (np.arctanh, (1.0,), (0,), math.inf), (np.arctanh, (1.0,), (0, 0), math.inf), (np.arctanh, (-1.0,), (0, 0), -math.inf),
    (np.log1p, (-1.0,), (0,), math.inf), (np.log1p, (-1.0,), (0, 0), -math.inf), (tg.digamma, (0.0,), (0,), math.inf),
    (tg.gammaln, (0.0,), (0,), -math.inf), (tg.gammaln, (0.0,), (0, 0), math.inf),
]


@pytest.mark.parametrize(("call", "point", "arguments", "limit"), LIMITS)
def test_at_ends_and_poles_there_is_the_limit(call: Any, point: Point, arguments: Any, limit: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert derivative(call, arguments, point) == limit


#: Norms where an element is 0: the derivatives by it, of the orders 1, 2, ...
KINKS: dict[float, tuple[float, ...]] = {
    1.5: (0.0, math.nan), 0.5: (0.0, math.nan), -1.0: (0.0, math.nan), 2: (0.0, 0.5, 0.0), 4: (0.0, 0.0, 0.0, 0.75)}


@pytest.mark.parametrize("ord", KINKS)
def test_norms_where_an_element_is_zero(ord: float) -> None:
    """(2^p + x^p)^(1/p) at x = 0; where the second derivative is infinite, it is NaN."""
    for order, expected in enumerate(KINKS[ord], 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            found = derivative(lambda x: np.linalg.norm(tg.stack([x, tg.Tensor(2.0)]), ord), (0,) * order, (0.0,))
        np.testing.assert_allclose(found, expected, atol=1e-12)
