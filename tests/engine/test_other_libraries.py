"""Tables and sparse matrices beside Tensors: they record, or are refused; nothing is lost on the way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg

D = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])


def w(value: Any = 0.5) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, name="w")


@pytest.fixture
def df() -> Any:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 7.0]}, index=[5, 3, 1])


def test_a_loss_over_columns_has_its_gradient(df: Any) -> None:
    t = w()
    loss = ((df.y - df.x * t) ** 2).mean() + 0.1 * t * t
    loss.backward()
    assert t.grad is not None and t.grad.item() == pytest.approx(-15.9)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lt", "ge", "eq", "ne"])
def test_tables_on_either_side_are_their_values(df: Any, name: str) -> None:
    operation = getattr(__import__("operator"), name)
    for table in (df, df.x, df.index):
        values, t = table.to_numpy(), w(2.0)
        for found, expected in ((operation(table, t), operation(values, 2.0)), (operation(t, table), operation(2.0, values))):
            assert isinstance(found, tg.Tensor) and found.requires_grad is (name not in ("lt", "ge", "eq", "ne"))
            np.testing.assert_array_equal(found.numpy(), expected)


def test_where_pandas_asks_for_values_first_it_is_refused(df: Any) -> None:
    for use in (lambda: df @ w([1.0, 2.0]), lambda: df.x.dot(w([1.0, 2.0, 3.0])), lambda: df.to_numpy().dot(w([1.0, 2.0]))):
        with pytest.raises(tg.GradError, match=r"tg\.matmul\(A, t\)"):
            use()
    assert tg.matmul(df, w([1.0, 2.0])).tolist() == (df.to_numpy() @ [1.0, 2.0]).tolist()
    assert (w([1.0, 2.0, 3.0]) @ df).requires_grad


def test_tables_are_data_like_arrays(df: Any) -> None:
    t = w([1.0, 2.0, 3.0])
    assert tg.Tensor(df).shape == (3, 2) and tg.Tensor(df.x).tolist() == [1.0, 2.0, 3.0]
    assert t[df.x > 1].tolist() == [2.0, 3.0] and t[df.y.argsort()].requires_grad
    assert np.where(df.x > 1, t, 0.0).tolist() == [0.0, 2.0, 3.0]
    assert tg.nn.Linear(2, 1)(df).shape == (3, 1)
    labels = df.x.astype(int) - 1
    logits = w(np.zeros((3, 3)))
    assert tg.nn.cross_entropy(logits, labels).item() == tg.nn.cross_entropy(logits, labels.to_numpy()).item()
    assert tg.nn.mse_loss(t, df.y).requires_grad


def test_what_is_no_number_is_said_of_tables(df: Any) -> None:
    words = df.assign(x=["u", "v", "v"])
    for use in (lambda: tg.Tensor(words), lambda: words.x * w(), lambda: tg.nn.Linear(2, 1)(words)):
        with pytest.raises(tg.DTypeError, match=r"expected numbers; .*select_dtypes"):
            use()
    with pytest.raises(tg.DTypeError, match=r"cross_entropy: labels are class numbers.*np\.unique\(labels, return_inverse=True\)"):
        tg.nn.cross_entropy(w(np.zeros((3, 2))), words.x)
    with pytest.raises(tg.DTypeError, match="the mask of float64"):
        w() * np.ma.array([1.0, 2.0], mask=[True, False])


def sparse() -> Any:
    return pytest.importorskip("scipy.sparse")


@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "coo_array", "csr_matrix", "dia_matrix"])
def test_products_with_sparse_matrices_have_all_their_derivatives(kind: str) -> None:
    made = getattr(sparse(), kind)(D)
    rng = np.random.default_rng(0)
    for f, dense, x in (
        (lambda t: tg.matmul(made, t), lambda t: D @ t, rng.normal(size=3)),
        (lambda t: np.matmul(made, t), lambda t: D @ t, rng.normal(size=(3, 4))),
        (lambda t: t @ made, lambda t: t @ D, rng.normal(size=2)), (lambda t: t @ made, lambda t: t @ D, rng.normal(size=(5, 2))),
    ):
        np.testing.assert_allclose(f(tg.Tensor(x)).numpy(), dense(x), rtol=1e-14)
        assert tg.gradcheck(lambda t, f=f: f(t) ** 2, [x], order=2)
    assert tg.hessian(lambda t: (tg.matmul(made, t) ** 2).sum())(np.ones(3)).tolist() == (2 * D.T @ D).tolist()


def test_a_fit_with_a_sparse_matrix_and_a_penalty() -> None:
    made, y, t = sparse().csr_array(D), np.array([1.0, 2.0]), w([1.0, 2.0, 3.0])
    loss = ((tg.matmul(made, t) - y) ** 2).sum() + 0.1 * (t * t).sum()
    made.data[:] = 0.0  # what was recorded stays
    loss.backward()
    assert t.grad is not None
    np.testing.assert_allclose(t.grad.numpy(), 2 * D.T @ (D @ t.numpy() - y) + 0.2 * t.numpy(), rtol=1e-14)


def test_where_scipy_asks_for_values_first_it_is_refused() -> None:
    made, t = sparse().csr_array(D), w([1.0, 2.0, 3.0])
    for use in (lambda: made @ t, lambda: made * t, lambda: made.dot(t), lambda: sparse().csr_matrix(D) * t):
        with pytest.raises(tg.GradError, match=r"tg\.matmul\(A, t\)"):
            use()
    for use in (lambda: made + w(D), lambda: w(D) * made, lambda: np.dot(made, t), lambda: made - w(D)):
        with pytest.raises(tg.DTypeError, match=r"a sparse matrix takes part in products.*toarray"):
            use()
    with pytest.raises(tg.ShapeError, match="vector of length 3"):
        tg.matmul(made, w([1.0, 2.0]))


def test_a_step_with_a_sparse_matrix_is_compiled_with_the_same_bits() -> None:
    made = sparse().csr_array(D)

    def train(compiled: bool) -> list[float]:
        t = w([1.0, 2.0, 3.0])
        optimizer = tg.optim.SGD([t], lr=0.01)

        def step() -> Any:
            loss = ((tg.matmul(made, t) - 1.0) ** 2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run = tg.compile(step) if compiled else step
        return [run().item() for _ in range(5)]

    assert train(True) == train(False)


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i4"])
def test_arrays_of_another_byte_order_become_native_at_the_door(dtype: str) -> None:
    array = np.array([[1.0, 2.0], [3.0, 4.0]]).astype(dtype)
    native = array.astype(array.dtype.newbyteorder("="))
    assert tg.Tensor(array).dtype.isnative and tg.Tensor(1, dtype=dtype).dtype.isnative
    assert w(native.astype("f4")).astype(">f8").dtype.isnative
    for f in (tg.exp, tg.sum, lambda a: tg.repeat(a, 2), lambda a: tg.tile(a, 2), lambda a: tg.broadcast_to(a, (3, 2, 2)),
              tg.diagonal, tg.transpose, lambda a: tg.concatenate([a, a]), lambda a: tg.pad(a, 1), tg.cumsum, tg.sort,
              lambda a: a * w(1.0), lambda a: tg.take(a, [0], axis=0), lambda a: tg.where(a > 1, a, a)):
        found, expected = f(array), f(native)
        assert found.dtype == expected.dtype and found.dtype.isnative
        assert found.tolist() == expected.tolist()
    t = w(2.0)
    (tg.repeat(array * t, 2).sum() + tg.diagonal(t * array).sum()).backward()
    assert t.grad is not None and t.grad.item() == 25.0
    t = w(np.ones((2, 2)))
    t.data = array
    (t * 1.0).backward(array.astype(">f8"))
    assert t.tolist() == native.tolist() and t.grad is not None and t.grad.dtype.isnative
    compiled = tg.compile(lambda a: (a * t).sum())
    assert len({compiled(array).item() for _ in range(4)}) == 1


def test_a_float32_parameter_beside_float64_data_is_told_once_per_line() -> None:
    p = tg.Tensor(np.ones((2, 3), np.float32), requires_grad=True, name="p")
    wide = [lambda: p / np.sqrt(2), lambda: p * np.ones(3), lambda: p @ tg.Tensor(np.ones((3, 2))), lambda: p * np.arange(3),
            lambda: tg.nn.mse_loss(p, np.zeros((2, 3))), lambda: tg.concatenate([p, np.ones((1, 3))])]
    for f in wide:
        with pytest.warns(tg.PrecisionWarning, match=r"'p' \(float32 of shape \(2, 3\)\) with .* gives float64.*test_other_libraries") as told:
            assert f().dtype == np.float64
        assert len(told) == 1 and told[0].filename == __file__
    for f in (lambda: p * 2.0, lambda: p * 3, lambda: p / math.sqrt(2), lambda: p.astype(float), lambda: p.sum(dtype=np.float64),
              lambda: p * np.float32(2), lambda: p * np.ones(3, np.float16), lambda: np.where(np.ones(3) > 0, p, 0.0),
              lambda: p[np.array([0])], lambda: tg.Tensor(np.ones(3, np.float32)) * np.ones(3), lambda: tg.nn.cross_entropy(p, [0, 1])):
        f()  # any warning is an error here
