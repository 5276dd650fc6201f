"""The special functions keep the accuracy that `tinygrad_gd.ops.special` states."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.ground.registry import by_name

UNIT = 2.2e-16

#: name -> (units allowed, argument -> exact value); the values are right to 20 digits.
EXACT: dict[str, tuple[float, dict[float, float]]] = {
    "erf": (2, {
        1e-9: 1.1283791670955126438e-9, 0.5: 0.52049987781304653768, 0.999: 0.84228527020649694164,
        1.5: 0.96610514647531072707, -3: -0.99997790950300141456}),
    "erfc": (4, {
        -2: 1.9953222650189527342, 0.3: 0.67137324054087258381, 0.5: 0.47950012218695346232,
        4: 1.5417257900280018852e-8, 10: 2.088487583762544757e-45, 26.5: 2.2109076642637342759e-307}),
    "gammaln": (4, {
        1e-300: 690.77552789821370518, 0.5: 0.57236494292470008707, 0.9999999: 5.7721574684441928263e-8,
        1.00000001: -5.77215653168851219e-9, 1.5: -0.12078223763524522235,
        2.5: 0.28468287047291915963, 9.75: 12.242204940050762559, 10: 12.801827480081469611,
        123.25: 468.61448295051664423, 1e10: 220258509288.81058147}),
    "digamma": (6, {
        1e-10: -10000000000.5772153, 0.5: -1.9635100260214234794, 1: -0.57721566490153286061,
        30: 3.3844381326855248766, 1e10: 23.02585092989045684, 7: 1.8727843350984671394}),
}  # fmt: skip
#: (n, x) -> the exact value of polygamma(n, x)
POLYGAMMA = {
    (1, 1e-3): 1000001.6425331958273, (1, 0.5): 4.9348022005446793094,
    (1, 7): 0.15354517795933754758, (1, 1e5): 0.000010000050000166666667,
    (2, 1e-3): -2000000002.3976321648, (2, 0.5): -16.828796644234319996,
    (2, 7): -0.023530472985855237466, (3, 0.5): 97.409091034002437236,
    (3, 7): 0.0071981985631254453923, (4, 1): -24.886266123440878232,
    (4, 7): -0.0032967715890263801009, (4, 1e5): -6.0001200009999999999e-20,
}  # fmt: skip
REFLECTED = [
    (lambda x: tg.gammaln(x), 8, {-0.5: 1.2655121234846453965, -7.25: -7.5418834434757500244}),
    (lambda x: tg.digamma(x), 8, {-0.5: 0.036489973978576520559, -7.25: 5.1899772149562878875}),
    (lambda x: tg.polygamma(1, x), 500, {-0.75: 18.975106932284888517}),
    (lambda x: tg.polygamma(2, x), 500, {-0.75: -124.58699919679617959}),
    (lambda x: tg.polygamma(3, x), 500, {-0.75: 1557.745106972151359}),
    (lambda x: tg.polygamma(4, x), 500, {-0.75: -24483.239586168797931}),
]  # fmt: skip


def units(actual: Any, expected: Any, least: float = 0) -> Any:
    """The error in units of the result, or of ``least`` where that is larger."""
    actual, expected = np.asarray(actual, float), np.asarray(expected, float)
    return np.max(np.abs(actual - expected) / np.maximum(np.abs(expected), max(least, 1e-300))) / UNIT


@pytest.mark.parametrize("name", EXACT)
def test_values(name: str) -> None:
    allowed, table = EXACT[name]
    function, single_units = getattr(tg, name), {"erf": 3, "erfc": 6}
    assert units(function(np.array(list(table))), list(table.values())) < allowed + 1
    for x, exact in table.items():
        if abs(x) < 1e-30:
            continue
        single = function(np.float32(x))
        assert single.dtype == np.float32
        exact_single = float(function(float(np.float32(x))))
        assert abs(float(single) - exact_single) <= single_units.get(name, 0.5) * np.spacing(abs(single.numpy()))
        assert math.isclose(exact_single, exact, rel_tol=1e-4, abs_tol=1e-4)


def test_polygamma() -> None:
    for (n, x), exact in POLYGAMMA.items():
        assert units(tg.polygamma(n, x), exact) < 5, (n, x)


@pytest.mark.parametrize(("function", "allowed", "table"), REFLECTED)
def test_negative_arguments(function: Any, allowed: float, table: Any) -> None:
    assert units(function(np.array(list(table))), list(table.values()), least=1) < allowed


@pytest.mark.parametrize(("name", "allowed"), [("erf", 3), ("erfc", 6)])
def test_stated_accuracy_of_float32(name: str, allowed: float) -> None:
    x = np.linspace(-6, 9, 100_001, dtype=np.float32)
    exact, found = (getattr(tg, name)(v).numpy() for v in (x.astype(float), x))
    assert found.dtype == np.float32
    assert np.max(np.abs(found - exact) / np.spacing(np.abs(exact).astype(np.float32))) < allowed


RANGES: list[tuple[str, Any, float, float]] = [  # name, arguments, units allowed, least
    ("erf", np.linspace(-6, 6, 301), 2, 0),
    ("erfc", np.linspace(-6, 26.5, 301), 4, 0),
    ("gammaln", np.linspace(0.01, 30, 301), 4, 0),
    ("gammaln", np.logspace(-200, 200, 101), 4, 0),
    ("gammaln", np.linspace(-9.99, -0.013, 201), 8, 1),
    ("digamma", np.linspace(0.01, 30, 301), 6, 1),
    ("digamma", np.linspace(-9.99, -0.013, 201), 8, 1),
    *((f"polygamma {n}", np.linspace(0.01, 30, 101), 4, 0) for n in (1, 2, 3, 4)),
    *((f"polygamma {n}", np.linspace(-9.99, -0.013, 101), 500, 1) for n in (1, 2, 3, 4)),
]


@pytest.mark.parametrize(("name", "x", "allowed", "least"), RANGES)
def test_stated_accuracy(name: str, x: Any, allowed: float, least: float) -> None:
    mp = pytest.importorskip("mpmath", reason="mpmath is not installed")
    with mp.workdps(40):
        kind, _, n = name.partition(" ")
        exact: Any = {
            "erf": mp.erf, "erfc": mp.erfc, "gammaln": lambda v: mp.log(abs(mp.gamma(v))),
            "digamma": mp.digamma, "polygamma": lambda v: mp.polygamma(int(n), v)}[kind]
        expected = [float(exact(mp.mpf(v))) for v in x]
    actual = tg.polygamma(int(n), x) if n else getattr(tg, kind)(x)
    assert units(actual, expected, least) < allowed


@pytest.mark.parametrize("n", [1, 2, 3])
def test_derivatives_of_sinc(n: int) -> None:
    mp = pytest.importorskip("mpmath", reason="mpmath is not installed")
    x = np.concatenate([np.linspace(-6, 6, 40), [1e-3, -1e-5, 1.0, -0.999999]])
    with mp.workdps(60):
        expected = [float(mp.diff(lambda v: mp.sinc(mp.pi * v), mp.mpf(v), n)) for v in x]
    assert units(by_name("sinc_derivative")(x, n=n), expected, least=1) < 10


def test_sinc_is_flat_at_zero_and_its_second_derivative_is_right_there() -> None:
    for zero in (0.0, -0.0, 1e-30):
        x = tg.Tensor(zero, requires_grad=True)
        assert abs(tg.grad(np.sinc)(x).item()) <= abs(zero) * 4
        second = tg.grad(tg.grad(np.sinc))(x)
        assert math.isclose(second.item(), -math.pi**2 / 3, rel_tol=1e-15)
        fourth = tg.grad(tg.grad(tg.grad(tg.grad(np.sinc))))(x)
        assert math.isclose(fourth.item(), math.pi**4 / 5, rel_tol=1e-15)


def test_limits_and_poles_do_not_warn() -> None:
    inf, nan = math.inf, math.nan
    same = np.testing.assert_array_equal
    same(tg.erf([0.0, inf, -inf, nan, 1e300, 5e-324]), [0, 1, -1, nan, 1, 5e-324])
    assert math.copysign(1, tg.erf(-0.0)) == -1
    same(tg.erfc([0.0, inf, -inf, nan, 1e300]), [1, 0, 2, nan, 0])
    same(tg.gammaln([0.0, -0.0, -1, -7, inf, -inf, nan, 1, 2]), [inf] * 6 + [nan, 0, 0])
    poles = np.array([0.0, -0.0, -1, -2, -1e300, inf, nan])
    same(tg.digamma(poles), [-inf, inf, nan, nan, nan, inf, nan])
    special = pytest.importorskip("scipy.special", reason="SciPy is not installed")
    same(tg.digamma(poles), special.digamma(poles))
    for n in (1, 2, 3, 4):
        same(tg.polygamma(n, poles), [inf if n % 2 else -inf] * 5 + [0, nan])
        same(tg.polygamma(n, poles), special.polygamma(n, poles))
    x = tg.Tensor(poles[:2], requires_grad=True)
    tg.gammaln(x).sum().backward()
    same(x.grad, [-inf, inf])


def test_gammaln_to_the_third_derivative() -> None:
    x = tg.Tensor(2.5, requires_grad=True)
    f: Any = tg.gammaln
    for exact in (0.7031566406452431872, 0.49035775610023486497, -0.23620405164172739864):
        f = tg.grad(f)
        assert math.isclose(f(x).item(), exact, rel_tol=1e-14)


def test_numbers_lists_and_integers_are_taken() -> None:
    assert tg.erf(1).dtype == np.float64 and tg.erf([1, 2]).dtype == np.float64
    assert tg.erf(tg.Tensor(np.arange(3))).shape == (3,)
    assert tg.erf(np.zeros((0, 3), np.float32)).dtype == np.float32


@pytest.mark.parametrize("n", [-1, 1.5, "2"])
def test_the_order_of_polygamma_is_checked(n: Any) -> None:
    with pytest.raises(tg.OptionError, match="polygamma: n, the order of a derivative, must be an integer of at least 0"):
        tg.polygamma(n, 1.0)
