"""`linear` by columns: where results lie so, and that values, programs and texts do not suffer from it."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.ground.fast import lies_by_columns
from tinygrad_gd.transforms import grad

RNG = np.random.default_rng(0)

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


def values(*shape: int, dtype: Any = np.float32) -> Any:
    return RNG.standard_normal(shape).astype(dtype)


def layer(terms: int, columns: int, dtype: Any = np.float32) -> Any:
    made = tg.nn.Linear(terms, columns)
    made.weight = tg.nn.Parameter(values(columns, terms, dtype=dtype) / terms**0.5)
    made.bias = tg.nn.Parameter(values(columns, dtype=dtype))
    return made


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


@pytest.mark.parametrize("name", SHAPES)
def test_a_layer_without_bias_is_the_same_product(name: str) -> None:
    rows, terms, columns, dtype, by_columns = SHAPES[name]
    x, w, g = (values(*s, dtype=dtype) for s in ((rows, terms), (columns, terms), (rows, columns)))
    layer = tg.nn.Linear(terms, columns, bias=False)
    layer.weight = tg.nn.Parameter(w)
    out = layer(x)
    out.backward(g)
    assert lies_by_columns(out) is by_columns
    with_bias = tg.linear(x, w, np.zeros(columns, dtype))
    np.testing.assert_array_equal(out.numpy(), with_bias.numpy())
    expected = g.T.astype(float) @ x
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(layer.weight.grad.numpy(), expected, rtol=tolerance, atol=tolerance * 10)


def test_cotangents_lie_as_the_values_do() -> None:
    seen: list[bool] = []
    h = layer(256, 256)(tg.Tensor(values(32, 256)))
    a = tg.relu(h)
    z = layer(128, 8)(layer(256, 128)(a))
    for t in (h, a):
        t.register_hook(lambda g: seen.append(lies_by_columns(g)))
    (z * z).sum().backward(create_graph=True)  # hooks get the cotangent itself
    assert lies_by_columns(a) and lies_by_columns(z) and seen == [True, True]


def network(*sizes: int) -> Any:
    layers: list[Any] = []
    for terms, columns in pairwise(sizes):
        layers += [layer(terms, columns), tg.nn.ReLU()]
    return tg.nn.Sequential(*layers[:-1])


def train(model: Any, x: Any, y: Any) -> Any:
    optimizer = tg.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step() -> Any:
        optimizer.zero_grad()
        loss = tg.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


@pytest.mark.parametrize("sizes", [(300, 128, 70, 10), (256, 256, 256, 256), (128, 256, 1000)],
                         ids=str)
@pytest.mark.parametrize("rows", [8, 33, 64, 128])
def test_programs_have_the_same_bits(sizes: tuple[int, ...], rows: int) -> None:
    x, y = values(rows, sizes[0]), RNG.integers(0, sizes[-1], rows)
    first = network(*sizes)
    second = network(*sizes)
    second.load_state_dict(first.state_dict())
    eager = train(first, x, y)
    compiled = tg.compile(train(second, x, y), strict=True)
    for _ in range(6):
        np.testing.assert_array_equal(eager().numpy(), compiled().numpy())
    for p, q in zip(first.parameters(), second.parameters(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())


def test_the_text_is_what_was_computed() -> None:
    model, x, y = network(256, 128, 10), tg.Tensor(values(32, 256), name="x"), RNG.integers(0, 10, 32)
    loss = tg.nn.functional.cross_entropy(model(x), y)
    text = tg.source(loss, wrt=list(model.parameters()), check=True)  # to the last bit
    assert ".T).T" in text


def test_a_program_writes_over_what_lies_by_columns() -> None:
    """Bias and activation take no buffer besides that of their product."""
    x, model = tg.Tensor(values(64, 256)), layer(256, 128)
    step = tg.compile(lambda x: tg.relu(model(x)).sum(), strict=True)
    for _ in range(3):
        step(x)
    assert step.memory().buffers == 64 * 128 * 4


def test_what_labels_tell_is_prepared_once_and_anew_when_they_change() -> None:
    x, y = values(32, 256), [tg.Tensor(RNG.integers(0, 10, 32)) for _ in range(2)]
    y[1].data = y[0].numpy()
    first, second = network(256, 128, 10), network(256, 128, 10)
    second.load_state_dict(first.state_dict())
    eager, compiled = train(first, x, y[0]), tg.compile(train(second, x, y[1]), strict=True)
    for k in range(12):
        if k == 6:
            y[0].data = RNG.permutation(10).repeat(4)[:32]
            y[1].data = y[0].numpy()
        elif k == 9:
            y[0].data[:3], y[1].data[:3] = 7, 7
        np.testing.assert_array_equal(eager().numpy(), compiled().numpy())
    assert ".take(h" in compiled.replay_source and "[...] = h" not in compiled.replay_source
    totals = [i for i in compiled.program.instructions
              if i.primitive.name == "sum" and i.params.get("axis") == 1]
    assert len(totals) == 1  # of the exponentials, for the loss and for its gradient


def test_data_that_stay_lie_as_is_read_soonest_and_others_as_they_are() -> None:
    batches, y = values(20, 128, 784), RNG.integers(0, 10, 128)
    first, second = network(784, 256, 10), network(784, 256, 10)
    second.load_state_dict(first.state_dict())
    given = [tg.Tensor(batches[0]) for _ in range(2)]
    eager, compiled = train(first, given[0], y), tg.compile(train(second, given[1], y), strict=True)
    for _ in range(4):
        np.testing.assert_array_equal(eager().numpy(), compiled().numpy())
    replay = compiled._entry().replay
    large = next((name for name, a in replay.space.items()
                  if isinstance(a, np.ndarray) and a.shape == (784, 128) and a.flags.c_contiguous), "")
    for batch in batches:
        given[0].data = given[1].data = batch
        np.testing.assert_array_equal(eager().numpy(), compiled().numpy())
        if large:  # where that gives the same bits
            np.testing.assert_array_equal(replay.space[large], batch.T)
    assert not large or np.shares_memory(replay.space[large], given[1]._data)


@pytest.mark.parametrize("sizes", [(256, 128, 128, 10), (64, 32, 16, 10)], ids=str)
def test_copies_of_operands_lie_where_nobody_is_working(sizes: tuple[int, ...]) -> None:
    x, y = values(64, sizes[0]), RNG.integers(0, sizes[-1], 64)
    step = tg.compile(train(network(*sizes), x, y), strict=True)
    for _ in range(4):
        step()
    replay = step._entry().replay
    held = {name: a for name, a in replay.space.items() if isinstance(a, np.ndarray) and a.ndim}
    lines = replay.source.splitlines()
    copies = 0
    for line, following in pairwise(lines):
        if found := re.match(r" +(scratch\d+)\[\.\.\.\] = (\w+)", line):
            copies += 1
            others = {found[2], *re.findall(r"\w+", following)} - {found[1]}
            for name in others & held.keys():
                assert not np.shares_memory(held[found[1]], held[name]), (line, following)
    assert copies > 5
    assert step.memory().constants < 3 * x.nbytes


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
