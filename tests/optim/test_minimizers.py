"""SciPy's minimizers with derivatives of this package's, against SciPy alone and against formulas."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tests.oracles import assert_close
from tinygrad_gd.optim import minimizers
from tinygrad_gd.transforms import curvature
from tinygrad_gd.transforms.curvature import Curvature, jacobian_matrix

pytest.importorskip("scipy", reason="SciPy is not installed")

RNG = np.random.default_rng(0)
GRADIENT_FREE = sorted(minimizers.WITHOUT_GRADIENT - {"cobyqa"})
WITH = sorted(minimizers.METHODS - minimizers.WITHOUT_GRADIENT - minimizers.OF_RESIDUALS)


def rosenbrock(p: Any) -> Any:
    return (1 - p["x"]) ** 2 + 100 * (p["rest"][0] - p["x"] ** 2) ** 2


def start() -> dict[str, Any]:
    return {"x": tg.Tensor(-1.0, requires_grad=True), "rest": [tg.Tensor(1.0, requires_grad=True)]}


@pytest.mark.parametrize("method", WITH)
def test_each_method_finds_the_minimum_and_sets_nested_parameters(method: str) -> None:
    # dogleg wants a positive definite Hessian: convex along its way from here
    p = start()
    if method == "dogleg":
        p["x"].data[...], p["rest"][0].data[...] = 0.9, 0.7
    if method == "trust-constr":
        result = tg.optim.minimize(rosenbrock, p, method=method, options={"maxiter": 500})
    else:
        result = tg.optim.minimize(rosenbrock, p, method=method)
    np.testing.assert_allclose([p["x"].item(), p["rest"][0].item()], [1, 1], atol=2e-3)
    assert result.params is not p and result.params["x"] is p["x"] and result.x.tolist() == [
        p["x"].item(), p["rest"][0].item()]
    assert p["x"].grad is None


@pytest.mark.parametrize("method", GRADIENT_FREE)
def test_methods_without_a_gradient_are_given_none(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minimizers, "pull", None)
    p = tg.Tensor([3.0, -2.0], requires_grad=True)
    tg.optim.minimize(lambda: ((p - np.array([1.0, 2.0])) ** 2).sum(), [p], method=method, tol=1e-6)
    np.testing.assert_allclose(p.numpy(), [1, 2], atol=1e-3)


def test_the_path_is_that_of_scipy_with_derivatives_by_hand() -> None:
    from scipy.optimize import minimize, rosen, rosen_der, rosen_hess, rosen_hess_prod

    def ours(x: Any) -> Any:
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    x0 = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
    for method, derivatives in {
        "L-BFGS-B": {}, "BFGS": {}, "CG": {}, "Newton-CG": {"hessp": rosen_hess_prod},
        "trust-ncg": {"hessp": rosen_hess_prod}, "trust-krylov": {"hessp": rosen_hess_prod},
        "trust-exact": {"hess": rosen_hess},
    }.items():
        expected = minimize(rosen, x0, method=method, jac=rosen_der, **derivatives)
        result = tg.optim.minimize(ours, x0, method=method)
        np.testing.assert_allclose(result.x, expected.x, atol=1e-7, err_msg=method)
        assert result.nit == expected.nit and result.nfev == expected.nfev, method
        assert isinstance(result.params, tg.Tensor) and result.params.tolist() == result.x.tolist()
    assert x0.tolist() == [1.3, 0.7, 0.8, 1.9, 1.2]


def test_methods_get_products_or_the_hessian_as_they_want(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    for name in ("product", "matrix"):
        real = getattr(Curvature, name)

        def noted(self: Any, *args: Any, name: str = name, real: Any = real) -> Any:
            made.append(name)
            return real(self, *args)

        monkeypatch.setattr(Curvature, name, noted)
    for method, kind in {"L-BFGS-B": set(), "trust-ncg": {"product"}, "Newton-CG": {"product"},
                         "trust-krylov": {"product"}, "trust-exact": {"matrix", "product"}}.items():
        made.clear()
        tg.optim.minimize(rosenbrock, start(), method=method)
        assert set(made) == kind, method


def test_a_model_is_fitted_by_newton_to_the_closed_form() -> None:
    x = RNG.standard_normal((50, 4))
    y = x @ RNG.standard_normal(4) + 0.1 * RNG.standard_normal(50)
    model = tg.nn.Linear(4, 1)
    result = tg.optim.minimize(lambda: tg.nn.mse_loss(model(tg.Tensor(x)), y[:, None]), model.parameters(),
                               method="trust-ncg", tol=1e-12)
    ones = np.column_stack([x, np.ones(50)])
    assert_close(result.x, np.linalg.lstsq(ones, y, rcond=None)[0], 1e-9)
    assert_close(model.weight.numpy()[0], result.x[:4], 1e-15)
    assert isinstance(result.params, list) and result.params[0] is model.weight


@pytest.mark.parametrize("method", sorted(minimizers.OF_RESIDUALS))
def test_least_squares_has_the_jacobian_and_finds_the_curve(method: str) -> None:
    t = np.linspace(0, 3, 30)
    y = 2.5 * np.exp(-1.3 * t) + 0.5
    p = {"a": tg.Tensor(1.0, requires_grad=True), "rate": tg.Tensor(1.0, requires_grad=True),
         "c": tg.Tensor(0.0, requires_grad=True)}
    result = tg.optim.minimize(lambda q: q["a"] * np.exp(-q["rate"] * t) + q["c"] - y, p, method=method)
    np.testing.assert_allclose(result.x, [2.5, 1.3, 0.5], rtol=1e-6)
    a, rate, _ = result.x
    assert_close(result.jac, np.column_stack([np.exp(-rate * t), -a * t * np.exp(-rate * t), np.ones(30)]), 1e-9)
    assert result.nfev < 40 and p["rate"].item() == result.x[1]


@pytest.mark.parametrize(("shape", "passes"), [((2,), 2), ((7,), 5), ((3, 2), 5), ((), 1)])
def test_jacobians_take_as_few_passes_as_they_can(
        shape: tuple[int, ...], passes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each result, or one and one for each variable."""
    made: list[int] = []
    pull = curvature.pull
    monkeypatch.setattr(curvature, "pull", lambda *args: made.append(1) or pull(*args))
    a, b = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True), tg.Tensor(0.5, requires_grad=True)
    matrix = RNG.standard_normal((*shape, 3))
    out = (matrix * np.sin(a)).sum(axis=-1) * b
    expected = np.concatenate([(matrix * np.cos([1.0, 2.0, 3.0]) * 0.5).reshape(-1, 3),
                               (matrix * np.sin([1.0, 2.0, 3.0])).sum(-1).reshape(-1, 1)], axis=1)
    assert_close(jacobian_matrix(out, [a, b]), expected, 1e-14)
    assert len(made) == passes


def test_options_go_to_scipy() -> None:
    seen: list[Any] = []
    p = start()
    result = tg.optim.minimize(rosenbrock, p, bounds=[(-2, 0.5), (-2, 2)], callback=lambda x: seen.append(x),
                               options={"maxiter": 100})
    assert p["x"].item() == 0.5 and p["rest"][0].item() == pytest.approx(0.25, abs=1e-5) and len(seen) == result.nit
    few = tg.optim.minimize(rosenbrock, start(), options={"maxiter": 2})
    assert few.nit == 2 and not few.success


def test_the_loss_is_recorded_once_for_value_gradient_and_products() -> None:
    calls: list[int] = []
    p = tg.Tensor(np.ones(3), requires_grad=True)

    def loss() -> Any:
        calls.append(1)
        return ((p - 3) ** 4).sum()

    result = tg.optim.minimize(loss, [p], method="trust-ncg")
    assert result.nit > 5 and len(calls) <= result.nfev <= result.nit + 2


def test_without_scipy_the_error_gives_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r'tg.optim.minimize needs scipy.*pip install "tinygrad_gd\[scipy\]"'):
        tg.optim.minimize(rosenbrock, start())


minimize = tg.optim.minimize
MISUSE: Table = {
    "value": (lambda: minimize(w().sum(), [w()]), TypeError, r"function that computes.*minimize\(lambda"),
    "method": (lambda: minimize(rosenbrock, start(), method="adam"), ValueError, "method is one of bfgs, cg.*'adam'"),
    "jac": (lambda: minimize(rosenbrock, start(), jac=True), ValueError, "jac follows from the loss"),
    "vector": (lambda: minimize(lambda p: p[0] * 2, [w()]), RuntimeError, "one number.*least_squares"),
    "number": (lambda: minimize(lambda: 3.0, [w()]), RuntimeError, "to be a Tensor, got float"),
    "nothing": (lambda: minimize(lambda: 3.0, []), ValueError, "at least one parameter"),
    "constant": (lambda: minimize(lambda p: (p[0] ** 2).sum(), [tg.Tensor([1.0])]), TypeError,
                 "minimize: expected Tensors that you made with requires_grad=True"),
    "module": (lambda: minimize(lambda: 3.0, tg.nn.Linear(1, 1)), TypeError, r"got Linear; write \.parameters\(\)"),
    "integers": (lambda: minimize(lambda p: p[0], [1]), TypeError, "requires_grad"),
    "product of nothing": (lambda: minimize(lambda p: (p[0] ** 2).sum(), [w(), w()], method="trust-ncg"),
                           RuntimeError, "does not depend on 'w'"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
