"""Texts as they stand on a blackboard: what they call things, what they leave out, and what they export."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen
from tests.program.test_text import compare
from tests.program.texts import assert_text_computes
from tinygrad_gd.program.text.literals import literal
from tinygrad_gd.program.text.source import INFIX

RNG = np.random.default_rng(0)


def compiled(function: Any, *args: Any, times: int = 3) -> Any:
    step = frozen(function, strict=True)
    for _ in range(times):
        step(*args)
    return step


def code(text: str) -> str:
    """The text without comments, which quote the user."""
    return re.sub(r"#.*", "", text)


def training(model: Any, loss_of: Any) -> Any:
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    def step(x: Any, y: Any) -> Any:
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


class Recurrent(tg.nn.Module):
    def __init__(self) -> None:
        self.input, self.hidden = tg.nn.Linear(3, 4), tg.nn.Linear(4, 4, bias=False)
        self.out = tg.nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        h = np.zeros((x.shape[0], 4))
        for turn in range(x.shape[1]):
            h = tg.tanh(self.input(x[:, turn]) + self.hidden(h))
        return self.out(h)


class Norm(tg.nn.Module):
    def __init__(self, size: int) -> None:
        self.scale, self.shift = tg.nn.Parameter(np.ones(size)), tg.nn.Parameter(np.zeros(size))

    def forward(self, x: Any) -> Any:
        centered = x - x.mean(axis=-1, keepdims=True)
        normed = centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-5)
        return normed * self.scale + self.shift


class Attention(tg.nn.Module):
    def __init__(self) -> None:
        self.norm = Norm(8)
        self.query, self.key, self.value = tg.nn.Linear(8, 8), tg.nn.Linear(8, 8), tg.nn.Linear(8, 8)

    def forward(self, x: Any) -> Any:
        normed = self.norm(x)
        query, key, value = self.query(normed), self.key(normed), self.value(normed)
        scores = query @ key.swapaxes(-1, -2) / 2.0
        mask = np.tril(np.ones((5, 5), bool))
        weights = tg.softmax(tg.where(mask, scores, -1e9), axis=-1)
        return x + weights @ value


class Variational(tg.nn.Module):
    def __init__(self) -> None:
        self.encoder, self.mean, self.log_var = tg.nn.Linear(12, 8), tg.nn.Linear(8, 2), tg.nn.Linear(8, 2)
        self.decoder = tg.nn.Sequential(tg.nn.Linear(2, 8), tg.nn.ReLU(), tg.nn.Linear(8, 12))

    def forward(self, x: Any) -> Any:
        h = tg.gelu(self.encoder(x))
        mean, log_var = self.mean(h), self.log_var(h)
        z = tg.normal(mean, tg.exp(log_var * 0.5))
        logits = self.decoder(z)
        reconstruction = (tg.softplus(logits) - x * logits).sum()
        divergence = -0.5 * (1 + log_var - mean**2 - tg.exp(log_var)).sum()
        return reconstruction + divergence


def images_model() -> Any:
    return tg.nn.Sequential(
        tg.nn.Conv2d(1, 4, 3, padding=1), tg.nn.ReLU(), tg.nn.MaxPool2d(2), tg.nn.Flatten(), tg.nn.Linear(64, 10))


#: What a text is written of: a model, its loss, and the arguments.
BOARD: dict[str, Any] = {
    "recurrent": (Recurrent, tg.nn.mse_loss, RNG.standard_normal((6, 5, 3)), RNG.standard_normal((6, 2))),
    "attention": (Attention, tg.nn.mse_loss, RNG.standard_normal((2, 5, 8)), RNG.standard_normal((2, 5, 8))),
    "variational": (Variational, lambda loss, y: loss, RNG.random((6, 12)), np.zeros(6)),
    "images": (images_model, tg.nn.cross_entropy, RNG.standard_normal((6, 1, 8, 8)), RNG.integers(0, 10, 6)),
}


@pytest.mark.parametrize("name", BOARD)
def test_a_text_reads_as_on_a_blackboard(name: str) -> None:
    tg.manual_seed(0)
    build, loss_of, x, y = BOARD[name]
    compare(f"{name}_step.py.txt", compiled(training(build(), loss_of), x, y).source)


@pytest.mark.parametrize("name", BOARD)
def test_the_story_comes_first_and_leaves_out_what_nobody_would_write(name: str) -> None:
    build, loss_of, x, y = BOARD[name]
    text = compiled(training(build(), loss_of), x, y).source
    assert re.search(r"^def (\w+)", text, re.M)[1] == "step"  # type: ignore[index]
    story = text.partition("    return")[0]
    assert "    # update\n" in story and "d_" in story
    story = code(story)
    assert max(map(len, story.splitlines())) <= 100
    assert not re.search(r"\b0\.0 \+|\+ 0\.0\b|/ 1\.0|\.T\.T|np\.full|array_\d|reshape\([^)]*\)\.reshape", story)


def test_the_turns_of_a_loop_and_their_gradients_are_numbered() -> None:
    build, loss_of, x, y = BOARD["recurrent"]
    text = compiled(training(build(), loss_of), x, y).source
    for turn in range(1, 6):
        assert f"    h_{turn} = np.tanh(" in text and f"    d_h_{turn} = " in text
    assert "d_hidden_weight = " in text and "d_hidden_weight_2" not in text
    assert "np.zeros((6, 4)) @ hidden_weight.T" in text  # it is not left out: a weight may be infinite


def test_two_operations_of_one_line_are_not_turns_of_a_loop() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")

    def step() -> Any:
        total = w.sum() + (w * w).sum() + w.prod()
        return total * 1.5

    assert "total = " in code(compiled(step).source)


def test_weights_and_their_gradients_have_the_same_number() -> None:
    first, second = tg.nn.Linear(4, 4), tg.nn.Linear(4, 3)
    x, y = RNG.standard_normal((8, 4)), RNG.integers(0, 3, 8)
    optimizer = tg.optim.SGD([*first.parameters(), *second.parameters()], lr=0.1, momentum=0.9)

    def loss_of() -> Any:
        return tg.nn.cross_entropy(second(tg.tanh(first(x))), y)

    def step() -> Any:
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    text = compiled(step).source
    for name in ("weight", "bias"):
        for number in ("", "_2"):
            assert re.search(rf"velocity\w* \* momentum \+ d_{name}{number}\n", text)
            assert re.search(rf"    {name}{number} = {name}{number} - lr \* ", text)
    assert tg.source(loss_of(), check=True).rstrip().endswith("return loss, d_weight, d_bias, d_weight_2, d_bias_2")


def test_constants_are_written_as_what_they_are() -> None:
    model, x, y = tg.nn.Linear(4, 3), RNG.standard_normal((8, 4)), RNG.integers(0, 3, 8)
    text = tg.source(tg.nn.cross_entropy(model(x), y), check=True)
    assert "def gradient(weight, bias, x, y):" in text
    assert "[np.arange(8), y]" in text and "y[:, None] == np.arange(3)" in text


@pytest.mark.parametrize(("array", "text"), [
    (np.zeros((2, 3)), "np.zeros((2, 3))"), (np.ones((4,), np.float32), "np.ones((4,), np.float32)"),
    (np.arange(5), "np.arange(5)"), (np.arange(2.0, 9.0), "np.arange(2, 9, dtype=np.float64)"), (np.eye(3), "np.eye(3)"),
    (np.tri(4, dtype=bool), "np.tri(4, dtype=np.bool)"), (np.full((2, 2), 7), "np.full((2, 2), np.int64(7))"),
    (np.ones(2), "np.ones((2,))"), (np.zeros(2, int), "np.array([0, 0])"), (np.array([0.0, -0.0, 0.0, 0.0]), None), (np.array([np.nan, -np.inf, 1.0, 2.0]), None), (np.zeros((0, 3)), None),
    (np.array([[1.5, 2.0], [3.0, 4.0]], order="F"), None), (np.array([True, False]), None), (np.float32(0.1), None),
    (np.int8(3), None), (np.bool_(True), None), (np.array([3, 1], np.uint8), None), (np.float64("-inf"), None),
    (np.full(5, -0.0), None), (np.array([5, 2]), "np.array([5, 2])"), (1.0 - 2j, None), (-0.0, None)])
def test_a_literal_is_the_constant(array: Any, text: str | None) -> None:
    written = literal(array)
    assert text in (None, written)
    made = eval(written, {"np": np})
    assert type(made) is type(array)
    a, b = np.asarray(made), np.asarray(array)
    assert (a.dtype, a.shape, a.strides, a.tobytes("A")) == (b.dtype, b.shape, b.strides, b.tobytes("A"))


def test_numbers_keep_their_type_where_that_of_the_result_depends_on_it() -> None:
    w = tg.Tensor(np.array([0.1, 0.2], np.float32), requires_grad=True, name="w")
    with pytest.warns(tg.PrecisionWarning):
        loss = (w * np.sqrt(2.0)).sum()
    space: dict[str, Any] = {}
    exec(tg.source(loss, check=True), space)
    value, d_w = space["gradient"](w.numpy())
    assert (value.dtype, d_w.dtype) == (np.float64, np.float32) and value == loss.item()
    assert "w * 0.1" in tg.source((w * np.float32(0.1)).sum(), check=True)


def test_helpers_bring_the_constants_that_they_refer_to() -> None:
    x = np.ones(3)
    step = compiled(lambda: tg.log_softmax(np.vdot(x * 1.5, x), axis=-1))
    space: dict[str, Any] = {}
    exec(step.source, space)
    assert space["step"]() == 0.0


def test_variables_do_not_hide_helpers() -> None:
    def max_pool2d(windows: Any) -> Any:
        elements = tg.max_pool2d(windows, 2)
        return tg.avg_pool2d(elements, 2) + elements.sum()

    x = RNG.standard_normal((1, 1, 8, 8))
    step = compiled(max_pool2d, x)
    space: dict[str, Any] = {}
    exec(step.source, space)
    np.testing.assert_array_equal(space["max_pool2d"](x), step(x).numpy())


def test_gradients_of_slices_are_assignments_into_zeros() -> None:
    w = tg.Tensor(np.arange(40.0), requires_grad=True, name="w")
    text = tg.source((w[1:3] * w[2:4]).sum() + w[5] + w[np.array([0, 0, 7])].prod(), check=True)
    assert "[1:3] = w[2:4]\n" in text and "[5] = 1.0\n" in text and "np.add.at(" in text
    assert "[0.0, " not in text and "def " not in text.partition("return")[2]


def test_zeros_stay_where_they_change_the_sign_of_a_zero() -> None:
    x = tg.Tensor(np.array([-0.0, 1.0]), name="x")
    assert "x + 0.0" in code(compiled(lambda: (x + 0.0) * 2.0).source)  # of -0.0 it makes 0.0
    assert "x * x * 3.0" in code(compiled(lambda: (x * x + 0.0) * 3.0).source)
    assert "x + 3.0" in code(compiled(lambda: (x + 0.0) + 3.0).source)


def test_a_view_of_what_a_state_was_is_not_what_it_becomes() -> None:
    w = tg.Tensor(np.arange(4.0).reshape(2, 2), name="w")

    def step() -> Any:
        views = [w.T]  # without a name, it would be written in each place
        product = views[0] @ w
        w.assign(w * 2.0)
        return views[0].T + 1.0, views[0] @ product

    compiled(step)  # what its text gives is compared after the test


def test_in_these_tests_every_text_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    x = tg.Tensor([1.0, 2.0], name="x")
    program = compiled(lambda: x + 3.0).captured
    assert_text_computes(program)
    with monkeypatch.context() as patch:
        patch.setitem(INFIX, "add", ("-", 5))
        with pytest.raises(AssertionError, match=r"x - 3\.0"):
            assert_text_computes(program)


class Unit(tg.nn.Module):
    """A layer with statistics: one kept as a buffer, one as an array."""

    def __init__(self, size: int) -> None:
        self.scale = tg.nn.Parameter(RNG.standard_normal(size))
        self.register_buffer("mean", RNG.standard_normal(size))
        self.deviation = RNG.random(size) + 0.5

    def forward(self, x: Any) -> Any:
        return (x - self.mean) / self.deviation * self.scale


class Exported(tg.nn.Module):
    """Its parameters are used in another order than defined; some are shared, some not used at all."""

    def __init__(self) -> None:
        self.last, self.first = tg.nn.Linear(4, 4), tg.nn.Linear(4, 4)
        self.units = [Unit(4), Unit(4)]
        self.tied, self.unused = self.first, tg.nn.Linear(4, 4)

    def forward(self, x: Any) -> Any:
        a, b = self.units
        return self.last(tg.tanh(self.tied(b(tg.tanh(a(self.first(x)))))))


def deployed(tmp_path: Path, text: str, state: Any, x: Any, **others: Any) -> Any:
    """What a process without this package computes, with the state as it was saved."""
    (tmp_path / "model.py").write_text(text)
    np.savez(tmp_path / "weights.npz", **state)
    np.savez(tmp_path / "data.npz", x=x, **others)
    code = """
import sys, numpy as np
from model import STATE, predict
weights = np.load("weights.npz")
state = {name: weights[key] for name, key in STATE.items()}
np.save("out.npy", predict(**np.load("data.npz"), **state))
assert "tinygrad_gd" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert not done.returncode, done.stderr + text
    return np.load(tmp_path / "out.npy")


def test_a_text_says_what_state_dict_calls_its_arguments(tmp_path: Path) -> None:
    net, x = Exported(), RNG.standard_normal((6, 4))

    def predict(x: Any) -> Any:
        return net(x)

    step = compiled(predict, x)
    arrays = {f"units_{n}_deviation": unit.deviation for n, unit in enumerate(net.units)}  # no part of the state
    np.testing.assert_array_equal(deployed(tmp_path, step.source, net.state_dict(), x, **arrays), step(x).numpy())
    with tg.no_grad():
        for tensor in (*net.parameters(), *net.buffers()):
            tensor.assign(tensor * 1.5)
    np.testing.assert_array_equal(deployed(tmp_path, step.source, net.state_dict(), x, **arrays), net(x).numpy())


def test_statistics_that_are_replaced_keep_their_place_in_the_state(tmp_path: Path) -> None:
    net, x = tg.nn.Sequential(tg.nn.Linear(4, 4), Unit(4)), RNG.standard_normal((6, 4))
    with tg.no_grad():
        net[1].mean = 0.9 * net[1].mean + 0.1

    def predict(x: Any) -> Any:
        return net(x)

    got = deployed(tmp_path, compiled(predict, x).source, net.state_dict(), x, deviation=net[1].deviation)
    np.testing.assert_array_equal(got, net(x).numpy())


def test_two_modules_whose_states_are_called_the_same_are_not_mixed_up() -> None:
    first, second = tg.nn.Linear(4, 4), tg.nn.Linear(4, 4, bias=False)
    text = compiled(lambda x: second(first(x)), RNG.standard_normal((6, 4))).source
    assert "STATE = {'bias': 'bias'}" in text


def test_another_size_is_refused_by_name() -> None:
    step = compiled(lambda x: x.mean(axis=0) * 2.0, RNG.standard_normal((6, 4)))
    space: dict[str, Any] = {}
    exec(step.source, space)
    with pytest.raises(AssertionError, match=r"x: not of shape \(6, 4\)"):
        space["step"](np.ones((5, 4)))


def test_attention_without_a_mask_adds_nothing_to_the_scores() -> None:
    query = tg.Tensor(RNG.normal(size=(2, 3)), requires_grad=True)
    step = compiled(lambda key: tg.scaled_dot_product_attention(query, key, key), RNG.normal(size=(4, 3)))
    assert "(key, query):" in step.source
    assert " + " not in code(step.source)


@pytest.mark.parametrize(("draw", "text"), [
    (tg.normal, "t * w"), (tg.uniform, "t * w"), (lambda size: tg.normal(0, 2.0, size), "2.0 * t * w"),
    (lambda size: tg.uniform(1.0, 2.0, size), "(1.0 + t) * w")])
def test_nothing_is_added_to_what_is_drawn(draw: Any, text: str) -> None:
    w = tg.Tensor(np.ones((2, 3)), requires_grad=True, name="w")
    step = compiled(lambda: draw(size=(2, 3)) * w)
    assert f" = {text}\n" in step.source and "0.0" not in step.source, step.source
