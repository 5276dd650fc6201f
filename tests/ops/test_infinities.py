"""At infinite arguments a gradient is its limit, where there is one."""

from __future__ import annotations

import math
import warnings
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import tinygrad_gd as tg
from tests.ops.test_higher_derivatives import ELEMENTWISE, Case

INF, NAN = math.inf, math.nan
FAR = (1e4, 1e6, 1e8)
#: Far out their slopes are steps or waves, without a limit.
WAVES = {"remainder", "fmod", "sin", "cos", "tan", "fractional_part"}
#: Their slope is a convention.
CHOSEN = {"nan_to_num"}
#: To the left they have poles without end.
POLES = {"gammaln", "digamma", "polygamma"}


def slope(case: Case, point: tuple[float, ...], position: int) -> Any:
    """The exact gradient, None where the function has no real value."""
    with mp.workdps(50):
        orders = tuple(int(i == position) for i in range(len(point)))
        try:
            if len(point) == 1:
                found = mp.diff(case.exact, point[0], relative=True)
            else:
                found = mp.diff(case.exact, point, orders, relative=True)
        except (ValueError, ZeroDivisionError):
            return None
        return None if isinstance(found, mp.mpc) else found


def limit(case: Case, point: tuple[float, ...], position: int) -> float | None:
    """The gradient's limit as the infinite argument grows; None where none is seen."""
    slopes = [slope(case, tuple(math.copysign(far, x) if math.isinf(x) else x for x in point), position) for far in FAR]
    if None in slopes:
        return None
    first, second, third = slopes
    if abs(third - second) <= 1e-3 * max(1, abs(third)) and abs(third - second) <= abs(second - first) + 1e-30:
        return float(third)
    return math.copysign(INF, third) if abs(third) > abs(second) > abs(first) else None


def gradients(call: Any, *point: Any) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return [np.asarray(tg.grad(call, position)(*point)) for position in range(len(point))]


@pytest.mark.parametrize("case", [c for c in ELEMENTWISE if c.name not in WAVES | CHOSEN], ids=str)
def test_gradients_at_infinity_are_limits(case: Case) -> None:
    arity, seen = len(case.points[0]), 0
    points = [(s * INF,) for s in (1, -1)[: 2 - (case.name in POLES)]] if arity == 1 else [
        pair for s in (INF, -INF) for x in (0.7, 2.5, -1.3)[: 3 - ("power" in case.name)] for pair in ((s, x), (x, s))]
    for point in points:
        found = gradients(case.call, *point)
        for position in range(arity):
            expected = limit(case, point, position)
            if expected is None:
                continue
            seen += 1
            actual = float(found[position])
            right = actual == expected if math.isinf(expected) else abs(actual - expected) <= 2e-3 * max(1.0, abs(expected))
            assert right, f"gradient {position} at {point}: {actual}, right is {expected}"
    assert seen or case.name in ("arcsin", "arccos", "arctanh")


SHARES: dict[str, tuple[Any, tuple[Any, ...], tuple[Any, ...]]] = {
    "logaddexp of inf": (np.logaddexp, (1.0, INF), (0.0, 1.0)), "logaddexp2 of inf": (np.logaddexp2, (INF, 1.0), (1.0, 0.0)),
    "two infinities": (np.logaddexp, (INF, INF), (NAN, NAN)), "nothing at all": (np.logaddexp, (-INF, -INF), (0.0, 0.0)),
    "logsumexp of inf": (lambda x: tg.logsumexp(x), ([1.0, INF, -INF],), ([0.0, 1.0, 0.0],)),
    "logsumexp of two": (lambda x: tg.logsumexp(x), ([1.0, INF, INF],), ([0.0, NAN, NAN],)),
    "logsumexp of -inf": (lambda x: tg.logsumexp(x), ([0.0, -INF, 0.0],), ([0.5, 0.0, 0.5],)),
    "logsumexp of nothing": (lambda x: tg.logsumexp(x), ([-INF, -INF],), ([0.0, 0.0],)),
    "logsumexp of rows": (lambda x: tg.logsumexp(x, axis=1).sum(), ([[INF, 0.0], [0.0, 0.0]],), ([[1.0, 0.0], [0.5, 0.5]],)),
    "softmax with a mask": (lambda x: (tg.softmax(x) * [1.0, 2.0, 4.0]).sum(), ([0.0, -INF, 0.0],), ([-0.75, 0.0, 0.75],)),
    "softmax of nothing": (lambda x: tg.softmax(x)[0], ([-INF, -INF],), ([NAN, NAN],)),
    "log_softmax with a mask": (lambda x: tg.log_softmax(x)[0], ([0.0, -INF, 0.0],), ([0.5, 0.0, -0.5],)),
    "log_softmax of nothing": (lambda x: tg.log_softmax(x)[0], ([-INF, -INF],), ([NAN, NAN],)),
    "cross_entropy with a mask": (lambda x: tg.nn.cross_entropy(x, [0]), ([[0.0, -INF, 0.0]],), ([[-0.5, 0.0, 0.5]],)),
    "hypot": (np.hypot, (-INF, 3.0), (-1.0, 0.0)), "hypot of two": (np.hypot, (INF, INF), (NAN, NAN)),
    "arctan2": (np.arctan2, (INF, 1.0), (0.0, 0.0)), "arctan2 of two": (np.arctan2, (INF, -INF), (0.0, 0.0)),
    "norm": (np.linalg.norm, ([1.0, -INF, 2.0],), ([0.0, -1.0, 0.0],)),
    "norm of two": (np.linalg.norm, ([INF, -INF, 2.0],), ([NAN, NAN, 0.0],)),
    "norm 3": (lambda x: np.linalg.norm(x, 3), ([1.0, -INF],), ([0.0, -1.0],)),
    "norm -1": (lambda x: np.linalg.norm(x, -1), ([2.0, INF],), ([1.0, 0.0],)),
    "norm of rows": (lambda x: np.linalg.norm(x, axis=1).sum(), ([[INF, 0.0], [3.0, 4.0]],), ([[1.0, 0.0], [0.6, 0.8]],)),
    "max": (np.max, ([1.0, INF],), ([0.0, 1.0],)), "clip": (lambda x: np.clip(x, -1, 1).sum(), ([INF, -INF, 0.0],), ([0.0, 0.0, 1.0],)),
    "sinc": (lambda x: np.sinc(x).sum(), ([INF, -INF],), ([0.0, 0.0],)), "power": (np.power, (0.5, INF), (0.0, 0.0)),
    "mean": (np.mean, ([INF, 1.0],), ([0.5, 0.5],)), "prod": (np.prod, ([INF, 2.0],), ([2.0, INF],)),
}


@pytest.mark.parametrize("name", SHARES)
def test_who_gets_the_gradient_beside_infinities(name: str) -> None:
    call, point, expected = SHARES[name]
    found = gradients(call, *(np.array(x) for x in point))
    for g, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(g, e)


@pytest.mark.parametrize(("name", "left", "right"), [
    ("silu", 0.0, INF), ("gelu", 0.0, INF), ("mish", 0.0, INF), ("hardswish", 0.0, INF), ("softsign", -1.0, 1.0),
    ("softplus", 0.0, INF), ("log_sigmoid", -INF, 0.0), ("sigmoid", 0.0, 1.0), ("elu", -1.0, INF), ("celu", -1.0, INF),
    ("selu", -1.7580993408473766, INF), ("relu", 0.0, INF), ("relu6", 0.0, 6.0), ("hardtanh", -1.0, 1.0),
    ("hardsigmoid", 0.0, 1.0)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_values_of_activations_at_infinity(name: str, left: float, right: float, dtype: Any) -> None:
    out = getattr(tg, name)(tg.Tensor(np.array([-INF, INF], dtype)))
    np.testing.assert_array_equal(out, np.array([left, right]).astype(dtype))


def test_options_do_not_bring_back_a_nan() -> None:
    x = np.array([-INF, INF])
    np.testing.assert_array_equal(tg.leaky_relu(x, negative_slope=0.0), [0.0, INF])
    np.testing.assert_array_equal(tg.gelu(x, approximate="tanh"), [0.0, INF])
    np.testing.assert_array_equal(gradients(lambda x: tg.gelu(x, approximate="tanh").sum(), x)[0], [0.0, 1.0])
