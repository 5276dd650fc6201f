"""A Tensor that requires a gradient does not become a number or an array without a word."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg


def w(value: Any = 2.0) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, name="w")


def set_an_element(t: Any) -> None:
    np.zeros(2)[0] = t


#: What would take the values of a Tensor, of one element or of three.
ONE: dict[str, Callable[[Any], Any]] = {
    "float": float, "int": int, "complex": complex, "np.float64": np.float64, "math.exp": math.exp,
    "math.floor": math.floor, "percent": lambda t: "%.2f" % t,  # noqa: UP031
    "full": lambda t: np.full(3, t),
    "a list": lambda t: np.array([t, t]), "a function of a list": lambda t: np.exp([t, t]),
    "r_": lambda t: np.r_[t, 1.0], "element": set_an_element, "sum": lambda t: math.fsum([t]),
}
MANY: dict[str, Callable[[Any], Any]] = {
    "asarray": np.asarray, "array": np.array, "vectorize": lambda t: np.vectorize(lambda v: v)(t),
    "a method": lambda t: np.ones(3).dot(t), "slice": lambda t: np.zeros(3).__setitem__(slice(None), t),
    "dlpack": np.from_dlpack, "masked on the left": lambda t: np.ma.array([1.0, 2, 3], mask=[0, 1, 0]) * t,
    "masked sum": lambda t: np.ma.sum(np.ma.array([1.0, 2, 3]) + t), "random": lambda t: np.random.default_rng(0).normal(t),
}


@pytest.mark.parametrize("use", [*ONE.values(), *MANY.values()], ids=[*ONE, *MANY])
def test_what_records_nothing_is_refused_with_the_ways_out(use: Callable[[Any], Any]) -> None:
    t = w() if use in ONE.values() else w([1.0, 2.0, 3.0])
    for recorded in (t, t * 1.0):
        with pytest.raises((tg.GradError, ValueError)) as caught:
            use(recorded)
        said = f"{caught.value} {caught.value.__cause__}"  # NumPy puts its own before ours for an element
        assert "requires a gradient, which would be lost" in said
        assert all(cure in said for cure in ("np.exp(t)", "np.stack", ".at[i].set(v)", "tg.matmul(A, t)", ".item()", ".detach()"))
    with tg.no_grad():
        use(t)
    use(t.detach())


@pytest.mark.parametrize("transform", [tg.grad, tg.jacobian, tg.hessian, tg.value_and_grad])
def test_inside_a_function_that_is_differentiated_too(transform: Any) -> None:
    with pytest.raises(tg.GradError, match=r"np\.exp\(t\) for math\.exp\(t\)"):
        transform(lambda x: math.exp(x) * x)(1.0)
    with pytest.raises(tg.GradError, match="lost when it becomes"):
        tg.jvp(lambda x: float(x) * x, (1.0,), (1.0,))
    assert tg.grad(lambda x: np.exp(x) * x)(1.0).item() == pytest.approx(2 * math.e)


def test_what_is_asked_for_by_name_and_what_is_shown_stays() -> None:
    t = w([1.0, 2.0]) * 2.0
    assert t.tolist() == [2.0, 4.0] and t.numpy().tolist() == [2.0, 4.0] and t[0].item() == 2.0
    assert f"{t[0]:.1f}" == "2.0" and "made by multiply" in f"{t}" == str(t) and bool(t[0]) and t[0] > 1
    assert np.shape(t) == (2,) and t.nbytes == 16 and t.itemsize == 8 and t.nonzero()[0].tolist() == [0, 1]
    assert int(tg.Tensor(3)) == 3 and float(tg.Tensor(0.5)) == 0.5 and [10, 20][tg.Tensor(1)] == 20


def test_libraries_of_others_raise_instead_of_cutting_the_graph() -> None:
    x = w([1.0, 2.0, 3.0])
    with contextlib.suppress(ImportError):
        import scipy.fft
        import scipy.linalg
        import scipy.special
        import scipy.stats

        for use in (scipy.special.logsumexp, scipy.linalg.norm, scipy.stats.zscore, scipy.fft.fft):
            with pytest.raises(tg.GradError, match="would be lost"):
                use(x)
    plot = pytest.importorskip("matplotlib.figure").Figure().subplots().plot
    with pytest.raises(tg.GradError, match=r"For plots, metrics and files take the values: \.item\(\)"):
        plot(x)
