"""float16: values are NumPy's to the bit, and gradients those of float32, rounded."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.ops.test_primitives import ROWS, gradients
from tests.samples import Sample

HALF = np.float16
RNG = np.random.default_rng(0)
INPUTS: dict[str, Any] = {
    "hundreds": np.full((28, 28), 100, HALF), "many": np.ones((3000, 3), HALF), "normal": RNG.standard_normal((50, 7)).astype(HALF),
    "large": (300 * RNG.standard_normal((100, 3))).astype(HALF), "cube": RNG.standard_normal((2, 3, 4)).astype(HALF),
    "holes": np.where(RNG.random((40, 6)) < 0.2, np.nan, RNG.standard_normal((40, 6))).astype(HALF),
}  # fmt: skip
REDUCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in (
        "sum", "mean", "var", "std", "max", "min", "ptp", "median", "prod", "cumsum", "cumprod", "average", "nansum", "nanmean",
        "nanvar", "nanstd", "nanmax", "nanmin", "nanmedian", "nanprod", "nancumsum", "nancumprod", "trapezoid", "diff")},
    "norm": np.linalg.norm, "norm 1": lambda x, axis=0: np.linalg.norm(x, 1, axis), "norm 3": lambda x, axis=0: np.linalg.norm(x, 3, axis),
    "quantile": lambda x, axis=None: np.quantile(x, 0.3, axis), "ddof": lambda x, axis=None: np.std(x, axis, ddof=1),
    "dot": lambda x: np.dot(x[..., 0, :] if x.ndim > 2 else x, x.reshape(-1, x.shape[-1]).T), "float32": lambda x: np.mean(x, dtype=np.float32),
    "where": lambda x, axis=None: np.mean(x, axis, where=np.arange(x.shape[-1]) > 0),
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("kind", INPUTS)
def test_values_are_those_of_numpy(kind: str, name: str) -> None:
    x, function = INPUTS[kind], REDUCTIONS[name]
    for options in [{}] if name in ("dot", "float32") else [{}, {"axis": 0}, {"axis": -1}]:  # those two have no axis
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            try:
                expected = np.asarray(function(x, **options))
            except ValueError:  # NumPy does not take it
                continue
            found = function(tg.Tensor(x), **options)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected, err_msg=str(options))


def test_the_mean_of_hundreds_is_a_hundred() -> None:
    x = tg.Tensor(INPUTS["hundreds"], requires_grad=True)
    assert np.mean(x).item() == tg.nn.mse_loss(x, np.full((28, 28), 90, HALF)).item() == 100
    assert tg.nn.functional.avg_pool2d(x[None, None], 28).item() == 100
    assert tg.cov(INPUTS["large"].T / HALF(16)).dtype == HALF and np.isfinite(tg.corrcoef(INPUTS["large"].T)).all()


#: What would overflow, or stand still at 2048, if it was added up in float16.
LONG: dict[str, Callable[[Any], Any]] = {
    "mean": np.mean, "a mean over an axis": lambda x: np.mean(x, axis=0).sum(), "average": lambda x: np.average(x), "std": np.std,
    "var": lambda x: np.var(x, axis=0).sum(), "mse": lambda x: tg.nn.mse_loss(x, np.zeros(x.shape, x.dtype)),
    "broadcast row": lambda x: (x[:1] + np.zeros(x.shape, x.dtype)).mean(),
    "cumsum": lambda x: np.cumsum(x, axis=0)[:, 0].mean(), "softmax": lambda x: tg.softmax(x, axis=0)[0].sum(),
    "log_softmax": lambda x: tg.log_softmax(x, axis=0).mean(), "logsumexp": lambda x: tg.logsumexp(x),
    "norm": lambda x: np.linalg.norm(x / 100), "repeated": lambda x: x[np.zeros(5000, int)].mean() / 4,
    "cross_entropy": lambda x: tg.nn.cross_entropy(x, np.zeros(len(x), int)), "max": np.max,
    "tile": lambda x: np.tile(x[:1], (5000, 1)).mean(), "pool": lambda x: tg.avg_pool1d(x.T[None], 3000).sum(),
}
#: Whose value NumPy itself adds up in float16, row after row.
BY_NUMPY = {"var", "cumsum"}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", LONG)
def test_long_sums_and_their_gradients(name: str, create_graph: bool) -> None:
    values = (np.ones((30_000, 3)) + np.eye(30_000, 3)) / 2
    results = []
    for dtype in (HALF, np.float32):
        x = tg.Tensor(values.astype(dtype), requires_grad=True)
        out = LONG[name](x)
        out.backward(create_graph=create_graph)
        results.append((out, x.grad))
    (out, g), (exact, e) = results
    assert out.dtype == g.dtype == HALF
    if name not in BY_NUMPY:
        np.testing.assert_allclose(out.numpy(), exact.numpy(), rtol=2e-3)
    assert np.any(e)
    np.testing.assert_allclose(g.numpy(), e.numpy(), rtol=1e-2, atol=1.2e-7)  # twice the smallest float16


#: Undefined order of equal keys, and what SciPy takes in float32 and float64 only.
OTHERWISE = {"partition", "sparse_product"}


@pytest.mark.parametrize("row", [row for row in ROWS if row.name not in OTHERWISE], ids=str)
def test_gradients_are_those_of_float32_rounded(row: Sample) -> None:
    inputs = tuple(x.astype(HALF) for x in row.inputs)
    try:
        out, found = gradients(row, inputs)
    except tg.DTypeError as error:
        assert "float16 is unsupported in linalg" in str(error)
        pytest.skip("NumPy's linalg takes no float16")
    weights = np.random.default_rng(5).uniform(0.5, 1.5, out.shape).astype(HALF)
    _, found = gradients(row, inputs, weights.astype(out.dtype))
    _, exact = gradients(row, tuple(x.astype(np.float32) for x in inputs), weights.astype(np.float32))
    for g, e in zip(found, exact, strict=True):
        assert g.dtype == HALF
        if e.size:
            np.testing.assert_allclose(g, e, rtol=2e-3, atol=2e-3 * max(float(np.abs(e).max()), 1e-3))


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "mean": lambda x: (x * x).mean(), "std": lambda x: x.std(axis=0).sum(), "norm": lambda x: np.linalg.norm(x),
    "softmax": lambda x: (tg.softmax(x) * x).sum(), "logsumexp": lambda x: tg.logsumexp(x), "pool": lambda x: tg.avg_pool1d(x[None], 3).sum(),
    "mse": lambda x: tg.nn.mse_loss(x, x[::-1] * 2), "cross_entropy": lambda x: tg.nn.cross_entropy(x, [0, 1, 2, 0]),
    "broadcast": lambda x: (x[0] + x).sum(), "linear": lambda x: tg.linear(x, x, x[:, 0]).mean(), "cumsum": lambda x: np.cumsum(x, 0).mean(),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_give_the_same_bits(name: str) -> None:
    values = np.random.default_rng(1).standard_normal((4, 6)).astype(HALF)
    runs = []
    for compiled in (False, True):
        w = tg.Tensor(values, requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.5)

        def step(w: Any = w, optimizer: Any = optimizer) -> Any:
            loss = PROGRAMS[name](w)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run = tg.compile(step, strict=True) if compiled else step
        runs.append(([run().item() for _ in range(5)], w.numpy()))
    assert runs[0][0] == runs[1][0] and len(set(runs[0][0])) > 1
    np.testing.assert_array_equal(runs[0][1], runs[1][1])
