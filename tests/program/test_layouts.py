"""Last bits depend on where elements lie in memory: whatever the layout, programs agree with eager."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import tinygrad_gd as tg
from tests.values import values
from tinygrad_gd.engine.tensor import constant

ROWS, COLUMNS = 17, 6


def layouts(dtype: Any = np.float64) -> Iterator[tuple[str, Any]]:
    """Matrices of one shape that lie in memory in many ways."""
    rng = np.random.default_rng(0)
    n, m = ROWS, COLUMNS

    def drawn(*shape: int) -> Any:
        return rng.normal(size=shape).astype(dtype)

    yield "C", drawn(n, m)
    yield "Fortran", np.asfortranarray(drawn(n, m))
    yield "every second row", drawn(2 * n, m)[::2]
    yield "every second column", drawn(n, 2 * m)[:, ::2]
    yield "Fortran, every second column", np.asfortranarray(drawn(n, 2 * m))[:, ::2]
    yield "rows reversed", drawn(n, m)[::-1]
    yield "columns reversed", drawn(n, m)[:, ::-1]
    yield "Fortran reversed", drawn(m, n).T[::-1, ::-1]
    yield "one row", np.broadcast_to(drawn(m), (n, m))
    yield "one column", np.broadcast_to(drawn(n, 1), (n, m))
    yield "one number", np.broadcast_to(drawn(1), (n, m))
    yield "windows", sliding_window_view(drawn(n + m - 1), m)
    yield "windows transposed", sliding_window_view(drawn(n + m - 1), n).T
    yield "inner part", drawn(n + 2, m + 3)[1:-1, 2:-1]


class Parameters:
    """What stands beside the matrices."""

    def __init__(self, dtype: Any) -> None:
        rng = np.random.default_rng(1)

        def drawn(*shape: int) -> Any:
            return tg.Tensor(rng.normal(size=shape).astype(dtype)[()], requires_grad=True)

        self.weight, self.same = drawn(COLUMNS, 5), drawn(ROWS, COLUMNS)
        self.row, self.column, self.number = drawn(COLUMNS), drawn(ROWS), drawn()

    def gradients(self) -> list[Any]:
        """What a backward pass has left, taken away."""
        found = [p.grad for p in vars(self).values() if p.grad is not None]
        for p in vars(self).values():
            p.grad = None
        return found


FUNCTIONS: dict[str, Callable[[Any, Parameters], Any]] = {
    "matmul": lambda x, p: x @ p.weight,
    "matmul transposed": lambda x, p: x.T @ p.same,
    "vector": lambda x, p: x @ p.row,
    "vector from the left": lambda x, p: p.column @ x,
    "dot": lambda x, p: np.dot(x, p.weight),
    "inner": lambda x, p: np.inner(x, p.same),
    "vdot": lambda x, p: np.vdot(x, p.same),
    "tensordot": lambda x, p: np.tensordot(x, p.same, axes=([0], [0])),
    "einsum": lambda x, p: np.einsum("ij,ij->i", x, p.same),
    "einsum to a number": lambda x, p: np.einsum("ij,ij->", x, p.same),
    "einsum of arrays": lambda x, p: np.einsum("ij,ik->jk", x, x) @ p.weight,
    "sum": lambda x, p: x.sum() * p.number,
    "sum of columns": lambda x, p: x.sum(0) * p.row,
    "sum of rows": lambda x, p: x.sum(1) * p.column,
    "reduce": lambda x, p: np.add.reduce(x, 0) * p.row,
    "sum of products": lambda x, p: (x * p.same).sum(),
    "mean of products": lambda x, p: (x * p.row).mean(0),
    "variance": lambda x, p: x.var() * p.number,
    "norm": lambda x, p: np.linalg.norm(x, axis=1) * p.column,
    "standardized": lambda x, p: ((x - x.mean(0)) / (x.std(0) + 1)) @ p.weight,
    "Gram matrix": lambda x, p: (x.T @ x) @ p.weight,
    "outer Gram matrix": lambda x, p: (x @ x.T) @ p.same,
    "Gram matrix by dot": lambda x, p: np.dot(x.T, x) @ p.weight,
    "covariance": lambda x, p: np.cov(x) @ p.same,
    "covariance of columns": lambda x, p: np.cov(x, rowvar=False) @ p.weight,
    "padded": lambda x, p: np.pad(x, 2).sum() * p.number,
    "padded by edges": lambda x, p: np.pad(x, 1, mode="edge").sum() * p.number,
    "copy": lambda x, p: x.copy().sum() * p.number,
    "np.copy": lambda x, p: np.copy(x).sum() * p.number,
    "take": lambda x, p: np.take(x, [0, 2, 1], axis=1).sum() * p.number,
    "take by method": lambda x, p: x.take([0, 2, 1], 1).sum() * p.number,
    "ravel": lambda x, p: x.ravel() @ p.same.ravel(),
    "reshape": lambda x, p: x.reshape(COLUMNS, ROWS) @ p.same,
    "broadcast": lambda x, p: np.broadcast_to(x, (3, *x.shape)).sum() * p.number,
    "sort": lambda x, p: np.sort(x, 0).sum() * p.number,
    "gradient": lambda x, p: np.gradient(x, axis=0).sum() * p.number,
    "spaced gradient": lambda x, p: np.gradient(x, 0.5, axis=1).sum() * p.number,
    "a row": lambda x, p: x[1] @ p.row,
    "a column": lambda x, p: x[:, 1] @ p.column,
    "a part": lambda x, p: x[:, 1:] @ p.weight[1:],
    "a part in reverse": lambda x, p: p.row @ x.T[::-1, ::-1],
    "windows": lambda x, p: sliding_window_view(x[0], 2) @ p.weight[:2],
    "concatenate": lambda x, p: np.concatenate([x, x], 1).sum() * p.number,
    "solve": lambda x, p: np.linalg.solve(x @ x.T + np.eye(ROWS, dtype=x.dtype), p.same),
    "least squares": lambda x, p: np.linalg.pinv(x) @ p.same,
    "a Tensor of it": lambda x, p: tg.Tensor(x).sum() * p.number,
    "Gram matrix of a Tensor": lambda x, p: (tg.Tensor(x).T @ tg.Tensor(x)) @ p.weight,
    "rows of a Tensor": lambda x, p: tg.Tensor(x).T[1:].sum(0) * p.column,
    "not NumPy's transpose": lambda x, p: tg.transpose(x).sum() * p.number,
    "softmax": lambda x, p: tg.nn.functional.softmax(x @ p.weight, axis=1),
}
AS: dict[str, Callable[[Any], Any]] = {"array": lambda x: x, "Tensor": tg.Tensor}


def outcome(f: Any, p: Parameters, x: Any) -> Any:
    out = f(x, p)
    (out * out).sum().backward()
    return [out, *p.gradients()]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:.* gives float64:tinygrad_gd.PrecisionWarning")  # NumPy's covariance
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", AS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments_of_any_layout(name: str, kind: str, dtype: Any) -> None:
    f, p = FUNCTIONS[name], Parameters(dtype)
    step = tg.compile(lambda x: outcome(f, p, x), strict=True)
    for layout, x in layouts(dtype):
        given = AS[kind](x)
        expected = outcome(f, Parameters(dtype), given)
        for _ in range(4):
            for a, b in zip(step(given), expected, strict=True):
                np.testing.assert_array_equal(values(a), values(b), layout)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_arrays_are_tensors_in_a_frozen_function(name: str) -> None:
    f = FUNCTIONS[name]
    for layout, x in layouts():
        p = Parameters(np.float64)
        step = tg.compile(lambda x, p=p: outcome(f, p, x), strict=True, frozen=True)
        expected = outcome(f, Parameters(np.float64), constant(x))  # with the memory of the array
        for _ in range(4):
            for a, b in zip(step(x), expected, strict=True):
                np.testing.assert_array_equal(values(a), values(b), layout)


def test_a_frozen_function_may_ask_whether_it_has_tensors() -> None:
    w = tg.Tensor(np.random.default_rng(1).normal(size=(10, 1)))

    def f(x: Any) -> Any:
        return (x if isinstance(x, tg.Tensor) else tg.Tensor(x))[:, ::-1] @ w

    step = tg.compile(f, strict=True, frozen=True)
    for x in np.random.default_rng(0).normal(size=(5, 10, 10)):
        np.testing.assert_array_equal(step(x).numpy(), f(x).numpy())


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("kind", AS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_constants_of_any_layout(name: str, kind: str) -> None:
    f = FUNCTIONS[name]
    for layout, x in layouts():
        p, given = Parameters(np.float64), AS[kind](x)
        expected = outcome(f, Parameters(np.float64), given)
        step = tg.compile(lambda p=p, given=given: outcome(f, p, given), strict=True)
        for _ in range(4):
            for a, b in zip(step(), expected, strict=True):
                np.testing.assert_array_equal(values(a), values(b), layout)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_source_of_graphs_with_constants_of_any_layout(name: str) -> None:
    for _, x in layouts():
        out = FUNCTIONS[name](x, Parameters(np.float64))
        tg.source((out * out).sum(), check=True)


@pytest.mark.parametrize("f", [
    lambda x: x.T @ x, lambda x: np.dot(x.T, x), lambda x: np.cov(x), lambda x: np.corrcoef(x.T),
    lambda x: tg.Tensor(x).T @ tg.Tensor(x), lambda x: tg.transpose(x) @ x])
def test_blas_knows_a_matrix_beside_its_own_transpose(f: Any) -> None:
    rng = np.random.default_rng(0)
    step = tg.compile(f, strict=True)
    for x in (rng.normal(size=(40, 70)), rng.normal(size=(80, 70))[::2], rng.normal(size=(70, 40)).T):
        for given in (x, tg.Tensor(x)):
            for _ in range(4):
                np.testing.assert_array_equal(np.asarray(step(given)), np.asarray(f(given)))


def test_what_numpy_computes_of_arrays_is_an_array() -> None:
    p = Parameters(np.float64)

    def f(x: Any) -> Any:
        y = x[1:] * 2
        return (y if isinstance(y, np.ndarray) else p.number) * p.number

    step = tg.compile(f, strict=True)
    for _ in range(4):
        np.testing.assert_array_equal(step(np.ones(3)).numpy(), f(np.ones(3)).numpy())


def assigned(t: Any, x: Any) -> tuple[Any, ...]:
    z = x * 2.0
    t.assign(z)
    return t.sum(), t.sum(0), t.sum(1), z.sum()


def lessened(t: Any, x: Any) -> tuple[Any, ...]:
    before = t * 1.0
    t -= x * 0.5
    return t.sum(), t.sum(0), t.sum(1), before


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("write", [assigned, lessened])
def test_what_is_written_late_lies_where_it_is_written(write: Any, frozen: bool) -> None:
    for name, first in layouts():
        eager, other = tg.Tensor(first), tg.Tensor(first)
        step = tg.compile(lambda x, t=other: write(t, x), frozen=frozen)
        for k in range(6):
            x = tg.Tensor(np.random.default_rng(k).normal(size=(ROWS, COLUMNS)))
            for a, b in zip(step(x), write(eager, x), strict=True):
                assert a.numpy().tobytes() == b.numpy().tobytes(), name


@pytest.mark.parametrize("frozen", [False, True])
def test_what_an_optimizer_updates_lies_where_the_parameter_does(frozen: bool) -> None:
    def sums(compiled: bool) -> list[bytes]:
        w = tg.Tensor(np.asfortranarray(np.random.default_rng(0).normal(size=(ROWS, COLUMNS))), requires_grad=True)
        optimizer, found = tg.optim.SGD([w], lr=0.5), []

        def step(x: Any) -> Any:
            w.grad = None
            (w * x).sum().backward()
            optimizer.step()
            return w.sum(0) * 2.0, w.sum(1) * 2.0, w.sum() * 2.0

        run = tg.compile(step, frozen=frozen) if compiled else step
        for k in range(8):
            x = np.random.default_rng(k).normal(size=(ROWS, COLUMNS))
            found += [s.numpy().tobytes() for s in run(tg.Tensor(x))]
        return found

    assert sums(True) == sums(False)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("norm", [lambda h: tg.nn.functional.layer_norm(h, h.shape[1:]), tg.nn.GroupNorm(2, 4)])
def test_gradients_of_turned_activations_lie_as_those_of_the_plain_step(norm: Any, frozen: bool) -> None:
    def build() -> Any:
        x = constant(np.random.default_rng(0).normal(size=(4, 10, 13)))
        biases = [tg.Tensor(np.zeros(shape), requires_grad=True) for shape in ((4, 1), (13, 1, 1), (10,))]

        def step(y: Any) -> Any:
            for b in biases:
                b.grad = None
            (norm(sum(biases, x.transpose(2, 0, 1))) * y).sum().backward()
            return [b.grad for b in biases]

        return step

    plain, step = build(), tg.compile(build(), frozen=frozen)
    for k in range(4):
        y = tg.Tensor(np.random.default_rng(k).normal(size=(13, 4, 10)))
        assert [a.numpy().tobytes() for a in plain(y)] == [b.numpy().tobytes() for b in step(y)]


@pytest.mark.parametrize("frozen", [False, True])
def test_a_gradient_that_is_handed_on_is_laid_out_anew_for_a_leaf(frozen: bool) -> None:
    def build() -> Any:
        w = tg.Tensor(np.zeros((13, 4, 10)), requires_grad=True)

        def step(y: Any) -> Any:
            w.grad = None
            ((w + 1.0).transpose(1, 2, 0) * y).sum().backward()
            return tg.optim.clip_grad_norm_([w], 1.0), w.grad.sum(0), w.grad.sum(2), w.grad * 1

        return step

    plain, step = build(), tg.compile(build(), frozen=frozen)
    for k in range(6):
        y = tg.Tensor(np.random.default_rng(k).normal(size=(4, 10, 13)))
        for a, b in zip(plain(y), step(y), strict=True):
            assert a.numpy().tobytes() == b.numpy().tobytes() and a.numpy().strides == b.numpy().strides
