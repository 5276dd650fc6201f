"""`linear` by columns: where results lie so, and that values do not suffer from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.ops.columns import RNG, layer, values
from tinygrad_gd.ground.fast import lies_by_columns
from tinygrad_gd.transforms import grad

#: rows, terms, columns, dtype, whether the result lies by columns.
SHAPES = {
    "large": (32, 256, 128, np.float32, True),
    "few rows": (5, 256, 128, np.float32, False),
    "many rows": (100, 256, 128, np.float32, False),
    "small": (32, 64, 64, np.float32, False),
    "wide, as a decoder's last layer": (64, 64, 512, np.float32, False),
    "wide, with few rows": (16, 128, 512, np.float32, True),
    "float64": (32, 256, 128, np.float64, False),
}


@pytest.mark.parametrize("name", SHAPES)
def test_results_and_gradients_do_not_depend_on_the_order_in_memory(name: str) -> None:
    rows, terms, columns, dtype, by_columns = SHAPES[name]
    x, w, b, g = (values(*s, dtype=dtype) for s in (
        (rows, terms), (columns, terms), (columns,), (rows, columns)))
    given = [tg.Tensor(a, requires_grad=True) for a in (x, w, b)]
    out = tg.linear(*given)
    assert lies_by_columns(out) is by_columns
    out.backward(g)
    exact = [a.astype(float) for a in (x, w, b, g)]
    expected = (exact[0] @ exact[1].T + exact[2], exact[3] @ exact[1], exact[3].T @ exact[0],
                exact[3].sum(0))
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    for got, right in zip((out, *(t.grad for t in given)), expected, strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(got.numpy(), right, rtol=tolerance, atol=tolerance * 10)


def test_cotangents_lie_as_the_values_do() -> None:
    seen: list[bool] = []
    h = layer(256, 256)(tg.Tensor(values(32, 256)))
    a = tg.relu(h)
    z = layer(128, 8)(layer(256, 128)(a))
    for t in (h, a):
        t.register_hook(lambda g: seen.append(lies_by_columns(g)))
    (z * z).sum().backward(create_graph=True)  # hooks get the cotangent itself
    assert lies_by_columns(a) and lies_by_columns(z) and seen == [True, True]


def test_second_derivatives() -> None:
    x, w, b = values(32, 256) / 16, values(128, 256), values(128)

    def penalty(x: Any) -> Any:  # the gradient of a loss that has a gradient in it
        return (grad(lambda x: tg.tanh(tg.linear(x, w, b)).sum())(x) ** 2).sum()

    got = grad(penalty)(tg.Tensor(x)).numpy()
    expected = grad(penalty)(tg.Tensor(x.astype(float))).numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_cross_entropy_of_logits_by_columns() -> None:
    logits, y = values(32, 300), RNG.integers(0, 300, 32)
    plain, by_columns = (tg.Tensor(np.array(logits, order=order), requires_grad=True) for order in "CF")
    for t in (plain, by_columns):
        tg.nn.functional.cross_entropy(t, y).backward()
        second = grad(lambda z: (grad(lambda z: tg.nn.functional.cross_entropy(z, y))(z) ** 2).sum())(t)
        t.grad = t.grad + second
    np.testing.assert_allclose(plain.grad.numpy(), by_columns.grad.numpy(), rtol=1e-5, atol=1e-7)


def test_dropout_of_a_square_that_lies_by_columns() -> None:
    x = tg.Tensor(np.asfortranarray(np.ones((64, 64), np.float32)), requires_grad=True)
    dropped = tg.dropout(x, 0.25)
    assert lies_by_columns(dropped) and 0.15 < (dropped.numpy() == 0).mean() < 0.35
    dropped.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), dropped.numpy())


@pytest.mark.parametrize("order", ["CC", "FF", "CF", "FC"])
def test_choice_of_arrays_in_any_order(order: str) -> None:
    x, y = (np.array(values(100, 80), order=o) for o in order)
    got, expected = tg.where(x > 0, x, y), np.where(x > 0, x, y)
    np.testing.assert_array_equal(got.numpy(), expected)
    assert got.numpy().flags.fnc == expected.flags.fnc


def test_shapes_that_do_not_fit_are_told_as_they_were_given() -> None:
    x, w = (tg.Tensor(values(*s), name=n) for s, n in (((32, 100), "x"), ((128, 256), "w")))
    with pytest.raises(tg.errors.ShapeError, match=r"linear\('x'.*shapes \(32,100\) and \(256,128\)"):
        tg.linear(x, w, values(128))
