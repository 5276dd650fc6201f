"""Calls in other words, and products by columns: the bits of eager code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.ops.columns import RNG, train, values, wide_network
from tests.program.frozen import frozen


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("call", "function", "shapes"), [
    ("dot(", lambda a, b: a @ b, [(40, 1), (1, 30)]),
    ("dot(", lambda a, b: a @ b, [(1, 40), (40, 30)]),
    ("einsum", lambda a, b: (a * b).sum(axis=0), [(100, 17), (17,)]),
    ("view", lambda a, b: (a + b) / np.sum(a + b, axis=1, keepdims=True)
     * np.log(np.sum(a + b, axis=1))[:, None], [(20, 33), (33,)]),
    ("reduce", lambda a, b: (a * b).max(axis=1), [(64, 17), (17,)]),
    ("reduce", lambda a, b: np.exp(np.min(a * b, axis=-1, keepdims=True)), [(40, 3), (3,)]),
    ("flat", lambda a, b: (a * b)[np.arange(20), np.arange(20) % 33], [(20, 33), (33,)]),
    ("flat", lambda a, b: np.exp((a * b)[[0, -1] * 4, np.arange(8)]), [(20, 33), (33,)]),
])
def test_calls_in_other_words_give_the_same_bits(call: str, function: Any, shapes: Any,
                                                 dtype: Any) -> None:
    rng = np.random.default_rng(3)
    a, b = (tg.Tensor(rng.uniform(0.5, 2, shape).astype(dtype)) for shape in shapes)
    run = frozen(lambda a, b: 2.0 * function(a, b), strict=True)
    for value in (None, None, None, 0.0, np.inf, np.nan):
        if value is not None:
            a.data[3 % shapes[0][0], 0] = value
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(run(a, b).numpy(), 2.0 * function(a, b).numpy())
    assert call in run.replay_source


@pytest.mark.parametrize("largest", [np.max, np.min])
def test_the_zero_that_is_largest_in_a_row_has_the_sign_that_it_has_without_compiling(largest: Any) -> None:
    x = tg.Tensor(np.random.default_rng(0).choice([0.0, -0.0], (64, 17)))
    run = tg.compile(lambda x: largest(x * 2.0, axis=1) * 3.0, strict=True)
    expected = (largest(x * 2.0, axis=1) * 3.0).numpy()
    assert 0 < np.signbit(expected).sum() < 64
    for _ in range(3):
        assert run(x).numpy().tobytes() == expected.tobytes()


def test_memory_that_is_not_dense_is_multiplied_as_before() -> None:
    """NumPy hands windows that overlap to another routine than np.dot does."""
    windows = np.lib.stride_tricks.sliding_window_view(np.sin(np.arange(40.0)), 7)
    w = tg.Tensor(np.cos(np.arange(7.0)).reshape(7, 1))
    run = frozen(lambda x, w: (x @ w) * 2.0, strict=True)
    for _ in range(3):
        np.testing.assert_array_equal(run(windows, w).numpy(), 2.0 * (windows @ w).numpy())
    assert "matmul(" in run.replay_source


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_small_matrices_by_columns_are_copied_before_they_are_multiplied(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    x, y = (tg.Tensor(rng.normal(size=(3, 2, n, 16)).astype(dtype)) for n in (40, 32))
    run = frozen(lambda x, y: 2.0 * ((x * 1.5) @ (y * 0.5).swapaxes(-1, -2)), strict=True)
    for _ in range(3):
        expected = 2.0 * ((x * 1.5).numpy() @ (y * 0.5).numpy().swapaxes(-1, -2))
        np.testing.assert_array_equal(run(x, y).numpy(), expected)
    assert "scratch" in run.replay_source


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_of_small_matrices_makes_a_product_of_each(dtype: Any, bias: bool) -> None:
    x, (w, b) = tg.Tensor(values(8, 32, 24, dtype=dtype)), (values(32, 24, dtype=dtype), values(32, dtype=dtype))
    v, w = (tg.Tensor(w.copy(), requires_grad=True) for _ in "vw")

    def made(w: Any) -> Any:
        opt = tg.optim.SGD([w], lr=0.01)

        def step(x: Any) -> Any:
            loss = np.tanh(tg.linear(x, w, b if bias else None)).sum()
            opt.zero_grad()
            loss.backward()
            opt.step()
            return loss

        return step

    eager, compiled = made(v), frozen(made(w), strict=True)
    for _ in range(4):
        assert eager(x).item() == compiled(x).item()
        np.testing.assert_array_equal(v.numpy(), w.numpy())
    assert "matmul(v" in compiled.replay_source and "scratch" in compiled.replay_source


def test_what_is_added_to_a_product_of_rows_is_added_where_it_lies() -> None:
    x, w = tg.Tensor(values(4, 32, 20)), tg.Tensor(values(6, 20), requires_grad=True)
    b = tg.Tensor(values(6), requires_grad=True)
    run = frozen(lambda x: np.tanh(tg.linear(x, w, b)).sum(), strict=True)
    for _ in range(3):
        assert run(x).item() == np.tanh(tg.linear(x, w, b)).sum().item()
    assert len(run.memory().uses) == 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ">f8", np.int64, bool])
@pytest.mark.parametrize("order", ["C", "F"])
def test_products_of_two_dtypes_have_the_same_bits_compiled(dtype: Any, order: Any) -> None:
    rng = np.random.default_rng(0)
    compiled = frozen(lambda x, w: np.tanh(x @ w.T).sum(), strict=True)
    for rows, inner, columns in [(2, 64, 10), (5, 100, 64), (5, 1, 3), (50, 64, 10), (1, 64, 10)]:
        x = rng.normal(size=(rows, inner)).astype(dtype, order=order)
        w = tg.Tensor(rng.normal(size=(columns, inner)))
        expected = np.tanh(np.matmul(x, w.numpy().T)).sum()
        assert [compiled(x, w).item() for _ in range(4)] == [expected] * 4


@pytest.mark.parametrize("sizes", [(300, 128, 70, 10), (256, 256, 256, 256), (128, 256, 1000)],
                         ids=str)
@pytest.mark.parametrize("rows", [8, 33, 64, 128])
def test_programs_have_the_same_bits(sizes: tuple[int, ...], rows: int) -> None:
    x, y = values(rows, sizes[0]), RNG.integers(0, sizes[-1], rows)
    first = wide_network(*sizes)
    second = wide_network(*sizes)
    second.load_state_dict(first.state_dict())
    eager = train(first, x, y)
    compiled = frozen(train(second, x, y), strict=True)
    for _ in range(6):
        np.testing.assert_array_equal(eager().numpy(), compiled().numpy())
    for p, q in zip(first.parameters(), second.parameters(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())


def test_what_labels_tell_is_prepared_once_and_anew_when_they_change() -> None:
    x, y = values(32, 256), [tg.Tensor(RNG.integers(0, 10, 32)) for _ in range(2)]
    y[1].data = y[0].numpy()
    first, second = wide_network(256, 128, 10), wide_network(256, 128, 10)
    second.load_state_dict(first.state_dict())
    eager, compiled = train(first, x, y[0]), frozen(train(second, x, y[1]), strict=True)
    for k in range(12):
        if k == 6:
            y[0].data = RNG.permutation(10).repeat(4)[:32]
            y[1].data = y[0].numpy()
        elif k == 9:
            y[0].data[:3], y[1].data[:3] = 7, 7
        np.testing.assert_array_equal(eager().numpy(), compiled().numpy())
    assert any(i.phase == "once" for i in compiled.program.instructions)
    totals = [i for i in compiled.program.instructions
              if i.primitive.name == "sum" and i.params.get("axis") == 1]
    assert len(totals) == 1  # of the exponentials, for the loss and for its gradient


def test_one_buffer_holds_ten_numbers_and_two_rows_by_columns() -> None:
    """Each form of a buffer has a name of its own."""
    a, b, c = (tg.Tensor(values(*shape)) for shape in ((2, 5), (5, 2), (10,)))

    def step(a: Any, b: Any, c: Any) -> Any:
        first = np.exp(a).sum()
        second = np.exp(b.T * 0.5).max() + first
        return np.exp(c * 0.5).max() + second

    run = frozen(step, strict=True)
    for _ in range(4):
        assert run(a, b, c).item() == step(a, b, c).item()
    assert len(run.memory().uses) == 1


@pytest.mark.parametrize("settled", [True, False])
def test_places_of_rows_are_looked_up_once(settled: bool) -> None:
    rows = tg.Tensor(np.array([[1, 1, 0], [2, 1, 4]]))
    table = tg.Tensor(values(5, 3))

    def step(rows: Any, x: Any) -> Any:
        return tg.grad(lambda table: (np.sin(tg.nn.functional.embedding(rows, table)) * x).sum())(table) * 2.0

    run = frozen((lambda x: step(rows, x)) if settled else (lambda x: step(rows + (x[0, 0, 0] > 9).astype(int), x)), strict=True)
    for k in range(6):
        x = tg.Tensor(values(2, 3, 3))
        if k == 4:
            rows.data[0] = 3, 3, 1
        expected = step(rows, x).numpy()
        assert run(x).numpy().tobytes() == expected.tobytes()
    assert ("added(" in run.replay_source) == settled
