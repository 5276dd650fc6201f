"""Texts that are deployed: what they must be given, and of which sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.values import values

RNG = np.random.default_rng(0)
nn = tg.nn


def deployed(step: Any) -> Any:
    """The function of a step's text, which takes state by the names of `state_dict`."""
    space: dict[str, Any] = {}
    exec(step.source, space)
    space["STATE"] = space.get("STATE", {})

    def run(model: Any, *arrays: Any) -> Any:
        state = {name: values(model.state_dict()[key]) for name, key in space["STATE"].items()}
        return space[step.name](*arrays, **state)

    return run


def called(function: Any, shapes: list[tuple[int, ...]], frozen: bool, times: int = 4) -> Any:
    """A compiled function after calls with arrays of some shapes."""
    step = tg.compile(function, frozen=frozen)
    for shape in shapes:
        for _ in range(times):
            step(RNG.normal(size=shape))
    return step


FREE: dict[str, tuple[Any, tuple[int, ...], int]] = {
    "dense": (lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.LayerNorm(8), nn.Linear(8, 3)), (0, 4), 0),
    "images": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.GELU(), nn.MaxPool2d(2),
                                     nn.Flatten(), nn.Linear(27, 2), nn.Softmax(-1)), (0, 2, 6, 6), 0),
    "long images": (lambda: nn.Sequential(nn.Conv2d(1, 2, (1, 3)), nn.Tanh()), (2, 1, 3, 0), 3),
    "attention": (lambda: nn.TransformerEncoderLayer(8, 2, 16), (0, 3, 8), 0),
    "long attention": (lambda: nn.TransformerEncoderLayer(8, 2, 16), (3, 0, 8), 1),
    "memory": (lambda: nn.LSTM(3, 4, num_layers=2), (5, 0, 3), 1),
    "steps": (lambda: nn.GRU(3, 4), (0, 2, 3), 0),
}


def first(result: Any) -> Any:
    return result[0] if isinstance(result, tuple) else result


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", [n for n in FREE if n != "long images"])
def test_a_length_that_another_call_had_otherwise_is_free(name: str, frozen: bool) -> None:
    build, shape, axis = FREE[name]
    model = build().eval()
    shapes = [(*shape[:axis], n, *shape[axis + 1 :]) for n in (2, 6)]
    run = deployed(called(lambda x: first(model(x)), shapes, frozen))
    for n in (1, 3, 17):
        x = RNG.normal(size=(*shape[:axis], n, *shape[axis + 1 :]))
        assert np.array_equal(run(model, x), values(first(model(x))))
    for wrong in (np.ones((2, 77)), np.ones((2, 2, 2, 2, 2)), np.float64(3)):
        with pytest.raises(AssertionError, match=r"x: not of shape \(.*any"):
            run(model, wrong)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("loss_of", [nn.mse_loss, lambda a, b: ((a - b) ** 2).sum(), nn.huber_loss])
def test_a_step_of_any_length_gives_the_bits_of_the_plain_one(loss_of: Any, frozen: bool) -> None:
    def build() -> Any:
        tg.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

        def step(x: Any, y: Any) -> Any:
            loss = loss_of(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return model, step

    (model, step), (_, other) = build(), build()
    compiled = tg.compile(other, frozen=frozen)
    for n in (4, 4, 4, 9, 9, 9):
        compiled(RNG.normal(size=(n, 4)), RNG.normal(size=(n, 3)))
    space: dict[str, Any] = {}
    exec(compiled.source, space)
    state = {name: np.array(values(model.state_dict()[key])) for name, key in space["STATE"].items()}
    x, y = RNG.normal(size=(13, 4)), RNG.normal(size=(13, 3))
    loss, *new = space["step"](x, y, **state, lr=0.1)
    assert loss == step(x, y).item()
    assert {a.tobytes() for a in new} == {values(p).tobytes() for p in model.parameters()}
    with pytest.raises(AssertionError, match=r"y: not of length len\(x\)"):
        space["step"](x, y[:1], **state, lr=0.1)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(("lengths", "function"), [
    ((5,), lambda x: np.tanh(x)),
    ((5, 7), lambda x: np.tanh(x)),  # x[: 5 // 3] and x[: 7 // 3] may be different things
    ((4, 8), lambda x: x * (x.shape[0] - 1)),
    ((4, 8), lambda x: x[: x.shape[0] // 2]),
    ((4, 9), lambda x: x * (x.shape[0] % 3)),
    ((4, 9), lambda x: x.sum() if x.shape[0] > 5 else x.mean()),
    ((4, 9), lambda x: x * np.float32(1 / (x.shape[0] + 1))),
])
def test_other_lengths_are_refused_by_name(lengths: Any, function: Any, frozen: bool) -> None:
    step = called(lambda x: function(tg.Tensor(x)), [(n, 3) for n in lengths], frozen)
    with pytest.raises(AssertionError, match=rf"x: not of shape \({lengths[-1]}, 3\)"):
        deployed(step)(nn.Sequential(), np.ones((20, 3)))


def test_products_and_shares_of_lengths_are_computed() -> None:
    step = called(lambda x: tg.Tensor(x).reshape(-1) * x.size + np.zeros(x.size) + x.shape[1] * 3,
                  [(3, 7), (6, 15)], False)
    assert ".reshape(-1)" in step.source and "len(x) * np.shape(x)[1]" in step.source, step.source
    x = RNG.normal(size=(4, 5))
    assert np.array_equal(deployed(step)(nn.Sequential(), x), x.reshape(-1) * 20 + 15)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("build", [
    lambda: nn.TransformerEncoderLayer(8, 2, 16).eval(), lambda: nn.MultiheadAttention(8, 2),
    lambda: nn.LSTM(8, 4), lambda: nn.GRU(8, 4, num_layers=2), lambda: nn.RNN(8, 4, bidirectional=True)])
def test_a_text_is_given_the_data_and_the_state_and_nothing_else(build: Any, frozen: bool) -> None:
    model = build()

    def predict(x: Any) -> Any:
        return first(model(x, x, x) if isinstance(model, nn.MultiheadAttention) else model(x))

    x = RNG.normal(size=(3, 5, 8))
    step = tg.compile(predict, frozen=frozen)
    expected = [step(x) for _ in range(3)][-1]
    assert np.array_equal(deployed(step)(model, x), values(expected)), step.source


def test_an_array_that_is_written_to_in_between_is_two() -> None:
    def step(x: Any) -> Any:
        first = tg.Tensor(x) * 2
        x[0] = 7.0
        return first + tg.Tensor(x)

    compiled = tg.compile(step)
    results = [compiled(np.arange(3.0)).tolist() for _ in range(3)]
    assert results == [[7.0, 3.0, 6.0]] * 3
    space: dict[str, Any] = {}
    exec(compiled.source, space)
    assert np.array_equal(space["step"](np.arange(3.0), np.array([7.0, 1.0, 2.0])), results[0]), compiled.source


def test_arrays_full_of_a_share_are_made_anew() -> None:
    def derivative(x: Any) -> Any:
        return tg.grad(lambda w: (tg.Tensor(x) @ w).mean())(tg.Tensor(np.ones((3, 1))))

    step = called(derivative, [(4, 3), (9, 3)], False)
    x = RNG.normal(size=(20, 3))
    assert np.array_equal(deployed(step)(nn.Sequential(), x), values(derivative(x))), step.source


@pytest.mark.parametrize("frozen", [False, True])
def test_a_share_of_a_length_is_of_the_dtype_that_it_was(frozen: bool) -> None:
    def derivative(x: Any) -> Any:  # np.where(x > 0, 1 / len(x), 0) would be of float64
        return tg.grad(lambda w: np.clip(tg.Tensor(x) @ w, 0.0, None).mean())(w)

    w = tg.Tensor(np.ones((3, 1), np.float32))
    step = tg.compile(derivative, frozen=frozen)
    for n in (4, 4, 4, 9, 9, 9):
        step(RNG.normal(size=(n, 3)).astype(np.float32))
    x = RNG.normal(size=(20, 3)).astype(np.float32)
    found = deployed(step)(nn.Sequential(), x, w.numpy())
    assert found.dtype == np.float32 and np.array_equal(found, values(derivative(x))), step.source


def test_what_is_made_of_an_argument_is_not_called_like_it() -> None:
    model = nn.Sequential(nn.Tanh(), nn.Linear(3, 2))

    def predict(x: Any) -> Any:
        x = (x - 1.0) / 2.0
        return model(x)

    step = called(predict, [(4, 3)], False)
    space: dict[str, Any] = {}
    exec(step.source, space)
    state = {name: values(model.state_dict()[key]) for name, key in space["STATE"].items()}
    x = RNG.normal(size=(4, 3))
    with pytest.raises(TypeError, match="'x'"):
        space["predict"](x=x, **state)
    found = space["predict"](array_1=(x - 1.0) / 2.0, **state)
    assert np.array_equal(found, values(predict(x))), step.source
