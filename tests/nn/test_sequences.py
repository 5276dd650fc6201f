"""Layers for sequences are PyTorch's, option by option, and train with the same bits in compiled steps."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
import tinygrad_gd.nn.functional as F
from tests.misuse import Table, refused
from tests.nn.sequence_rows import EARLIER, RANDOM, ROWS, B, M, Row, X


def pytorch() -> Any:
    """PyTorch with one thread: tests run side by side, and its threads wait for each other in turns."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.set_num_threads(1)
    return torch


def leaves(arrays: list[Any]) -> list[Any]:
    return [tg.Tensor(a, requires_grad=True) for a in arrays]


def weights_of(outputs: list[Any]) -> list[Any]:
    """What the sum over the outputs is weighted with, so that no gradient is 0 by symmetry."""
    return [np.cos(np.arange(math.prod(out.shape))).reshape(tuple(out.shape)) for out in outputs]


def agree(ours: Any, theirs: Any) -> None:
    expected = theirs.detach().numpy()
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-9, atol=1e-10 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("row", [*ROWS, *RANDOM], ids=str)
def test_twenty_steps_and_the_evaluation_equal_pytorch(row: Row) -> None:
    torch = pytorch()
    torch.manual_seed(0)
    ours, theirs = row.made(), row.made(torch.nn).double()
    assert [(k, v.shape) for k, v in ours.state_dict().items()] == [(k, tuple(v.shape)) for k, v in theirs.state_dict().items()]
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    call = {k: torch.tensor(np.ascontiguousarray(v)) if isinstance(v, np.ndarray) else v for k, v in row.call.items()}
    optimizers = tg.optim.SGD(ours.parameters(), lr=2e-3), torch.optim.SGD(theirs.parameters(), lr=2e-3)
    for i in range(20 if row in RANDOM else 0, 22):
        if i == 20:
            ours.eval(), theirs.eval()
        mine, other = leaves(row.inputs(i)), [torch.tensor(a, requires_grad=True) for a in row.inputs(i)]
        outputs, expected = row.outputs(ours, mine, row.call), row.outputs(theirs, other, call)
        assert outputs
        for a, b in zip(outputs, expected, strict=True):
            agree(a, b)
        for optimizer in optimizers:
            optimizer.zero_grad()
        weights = weights_of(outputs)
        sum((a * w).sum() for a, w in zip(outputs, weights, strict=True)).backward()  # type: ignore[union-attr]
        sum((a * torch.tensor(w)).sum() for a, w in zip(expected, weights, strict=True)).backward()
        for a, b in zip([*mine, *ours.parameters()], [*other, *theirs.parameters()], strict=True):
            agree(a.grad, b.grad)
        for optimizer in optimizers if i < 20 else ():
            optimizer.step()
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name], value.numpy(), rtol=1e-9, atol=1e-11)


def train(row: Row, compiled: Any) -> dict[str, Any]:
    """Steps on batches that change: outputs, gradients of the inputs, and the state at the end."""
    tg.manual_seed(0)
    layer, seen = row.made(), {}
    optimizer = tg.optim.SGD(layer.parameters(), lr=0.05)

    def step(*inputs: Any) -> Any:
        optimizer.zero_grad()
        outputs = row.outputs(layer, list(inputs), row.call)
        weights = weights_of(outputs)
        sum((a * w).sum() for a, w in zip(outputs, weights, strict=True)).backward()  # type: ignore[union-attr]
        optimizer.step()
        return outputs

    run = compiled(step)
    for i in range(4):
        inputs = leaves(row.inputs(i))
        seen |= {f"output {i} {k}": out.numpy().copy() for k, out in enumerate(run(*inputs))}
        seen |= {f"gradient {i} {k}": x.grad.numpy().copy() for k, x in enumerate(inputs)}
    return seen | layer.state_dict()


#: One row for each class and kind of call.
KINDS = {(row.name, *row.call, len(row.shapes)): row for row in ROWS}


@pytest.mark.parametrize("row", [*KINDS.values(), *RANDOM], ids=str)
def test_compiled_steps_have_the_bits_of_eager_ones(row: Row) -> None:
    eager = train(row, lambda step: step)
    assert "gradient 3 0" in eager and eager["output 0 0"].any()
    for compiled in (tg.compile(strict=True), tg.compile(frozen=True, strict=True)):
        other = train(row, compiled)
        assert list(other) == list(eager)
        for name, value in eager.items():
            np.testing.assert_array_equal(other[name], value, name)


# -- by formulas, so that it means something without PyTorch --------------------------------------------


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def lstm_step(x: Any, h: Any, c: Any, p: Any) -> Any:
    i, f, g, o = np.split(x @ p["weight_ih"].T + p["bias_ih"] + h @ p["weight_hh"].T + p["bias_hh"], 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x: Any, h: Any, p: Any) -> Any:
    (xr, xu, xn), (hr, hu, hn) = (np.split(v @ p[f"weight_{k}"].T + p[f"bias_{k}"], 3, -1) for v, k in ((x, "ih"), (h, "hh")))
    u = sigmoid(xu + hu)
    return (1 - u) * np.tanh(xn + sigmoid(xr + hr) * hn) + u * h


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_layers_go_along_the_steps_as_their_formulas_say(kind: str) -> None:
    layer, x = getattr(tg.nn, kind)(4, 6), np.random.default_rng(0).normal(size=X)
    cell = getattr(tg.nn, f"{kind}Cell")(4, 6)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    p, h, c = cell.state_dict(), np.zeros((3, 6)), np.zeros((3, 6))
    out, last = layer(x)
    state: Any = None
    for t in range(5):
        if kind == "LSTM":
            h, c = lstm_step(x[t], h, c, p)
        else:
            h = gru_step(x[t], h, p) if kind == "GRU" else np.tanh(x[t] @ p["weight_ih"].T + p["bias_ih"] + h @ p["weight_hh"].T + p["bias_hh"])
        state = cell(x[t], state)
        np.testing.assert_allclose(out[t].numpy(), h, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose((state[0] if kind == "LSTM" else state).numpy(), h, rtol=1e-12, atol=1e-14)
    expected = [h[None], c[None]] if kind == "LSTM" else [h[None]]
    for a, b in zip(last if kind == "LSTM" else [last], expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_gradients_and_second_derivatives_against_differences(kind: str) -> None:
    layer = getattr(tg.nn, kind)(2, 2, num_layers=2, bidirectional=True)
    assert tg.gradcheck(lambda x: layer(x)[0], [np.random.default_rng(0).normal(size=(3, 1, 2))], order=2)


def test_weights_are_drawn_between_bounds() -> None:
    tg.manual_seed(0)
    for layer in (tg.nn.LSTM(40, 25), tg.nn.GRUCell(40, 25), tg.nn.RNN(40, 25)):
        for values in layer.state_dict().values():
            assert 0.15 < np.abs(values).max() <= 0.2  # 1 / sqrt(25)


def test_a_state_behind_one_part_goes_into_the_next() -> None:
    layer, x = tg.nn.LSTM(4, 6, num_layers=2), np.random.default_rng(0).normal(size=X)
    whole, (h, c) = layer(x)
    first, state = layer(x[:2])
    second, (h2, c2) = layer(x[2:], state)
    for a, b in ((whole, np.concatenate([first, second])), (h, h2), (c, c2)):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-13)


def test_a_far_gate_neither_overflows_nor_warns() -> None:
    layer = tg.nn.LSTM(1, 1)
    with tg.default_dtype(np.float32):
        small = tg.nn.LSTM(1, 1)
    for each, x in ((layer, np.full((2, 1, 1), 1e5)), (small, np.full((2, 1, 1), -1e5, np.float32))):
        assert np.isfinite(each(x)[0].numpy()).all()


# -- attention ---------------------------------------------------------------------------------------------


def plain_attention(q: Any, k: Any, v: Any, bias: Any, scale: float) -> Any:
    scores = q @ k.swapaxes(-1, -2) * scale + bias
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True) @ v


QUERY, KEY, VALUE = (np.random.default_rng(i).normal(size=s) for i, s in enumerate([(2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 6)]))
LATER = np.where(EARLIER, 0.0, -np.inf)
#: options, and what they add to the scores.
MASKS: dict[str, tuple[dict[str, Any], Any]] = {
    "none": ({}, 0), "causal": ({"is_causal": True}, LATER), "booleans": ({"attn_mask": EARLIER}, LATER),
    "numbers": ({"attn_mask": 3 * KEY[..., :1]}, 3 * KEY[..., :1]), "scale": ({"scale": 0.7}, 0),
    "a tensor of booleans": ({"attn_mask": tg.Tensor(EARLIER)}, LATER),
}


@pytest.mark.parametrize("name", MASKS)
def test_attention_is_its_formula_and_pytorchs(name: str) -> None:
    options, bias = MASKS[name]
    q, k, v = tensors = leaves([QUERY, KEY, VALUE])
    out = F.scaled_dot_product_attention(q, k, v, **options)
    np.testing.assert_allclose(out.numpy(), plain_attention(QUERY, KEY, VALUE, bias, options.get("scale", 0.5)), rtol=1e-12)
    out.backward(np.cos(VALUE))
    torch = pytorch()
    others = [torch.tensor(x.numpy(), requires_grad=True) for x in (QUERY, KEY, VALUE) for x in [tg.Tensor(x)]]
    given = {k: torch.tensor(v.numpy() if isinstance(v, tg.Tensor) else v) if k == "attn_mask" else v for k, v in options.items()}
    theirs = torch.nn.functional.scaled_dot_product_attention(*others, **given)
    theirs.backward(torch.tensor(np.cos(VALUE)))
    agree(out, theirs)
    for a, b in zip(tensors, others, strict=True):
        agree(a.grad, b.grad)


def test_a_query_that_sees_nothing_gets_nothing() -> None:
    mask = EARLIER.copy()
    mask[2] = False
    q, k, v = tensors = leaves([QUERY, KEY, VALUE])
    out = F.scaled_dot_product_attention(q, k, v, mask)
    out.sum().backward()
    assert not out[:, :, 2].numpy().any() and out[:, :, 3].numpy().all()
    assert all(np.isfinite(x.grad.numpy()).all() for x in tensors) and not q.grad[:, :, 2].numpy().any()


def test_gradients_of_attention_against_differences() -> None:
    arrays = [QUERY[0, :1], KEY[0, :1], VALUE[0, :1], np.random.default_rng(3).normal(size=(5, 5))]
    assert tg.gradcheck(F.scaled_dot_product_attention, arrays, order=2)


def test_dropout_of_weights_keeps_their_mean() -> None:
    tg.manual_seed(0)
    ones = np.ones((1, 400, 4))
    out = F.scaled_dot_product_attention(ones, ones, ones, dropout_p=0.5).numpy()
    assert abs(out.mean() - 1) < 0.02 and out.std() > 0.01
    layer = tg.nn.MultiheadAttention(8, 2, dropout=0.5)
    x = np.random.default_rng(0).normal(size=(5, 3, 8))
    assert not np.array_equal(layer(x, x, x)[0].numpy(), layer(x, x, x)[0].numpy())
    layer.eval()
    np.testing.assert_array_equal(layer(x, x, x)[0].numpy(), layer(x, x, x)[0].numpy())


def test_causal_attention_without_a_mask_hides_what_comes_later() -> None:
    x = np.random.default_rng(0).normal(size=B)
    for name, key in (("MultiheadAttention", "attn_mask"), ("TransformerEncoderLayer", "src_mask")):
        layer = getattr(tg.nn, name)(8, 2, batch_first=True)
        layer.eval()
        inputs = (x, x, x) if name == M else (x,)
        hidden, out = (layer(*inputs, **options) for options in ({"is_causal": True}, {key: ~EARLIER}))
        first, second = (r[0] if name == M else r for r in (hidden, out))
        np.testing.assert_array_equal(first.numpy(), second.numpy())
        changed = np.concatenate([x[:, :3], x[:, 3:] + 1], axis=1)
        again = layer(*((changed,) * len(inputs)), is_causal=True)
        np.testing.assert_allclose((again[0] if name == M else again).numpy()[:, :3], first.numpy()[:, :3], rtol=1e-12)


def test_copies_in_a_stack_learn_by_themselves() -> None:
    stack = tg.nn.TransformerEncoder(tg.nn.TransformerEncoderLayer(8, 2, 12), 2)
    names = [name for name, _ in stack.named_parameters()]
    assert names[0] == "layers.0.self_attn.in_proj_weight" and len(names) == 24
    with tg.no_grad():
        stack.layers[0].linear1.bias.assign(np.ones(12))
    assert not np.array_equal(stack.layers[1].linear1.bias.numpy(), np.ones(12))


def test_an_activation_may_be_a_function() -> None:
    first, second = (tg.nn.TransformerEncoderLayer(8, 2, 12, 0.0, f) for f in ("gelu", lambda x: tg.gelu(x)))
    second.load_state_dict(first.state_dict())
    x = np.random.default_rng(0).normal(size=(5, 3, 8))
    np.testing.assert_array_equal(first(x).numpy(), second(x).numpy())


def test_what_layers_show() -> None:
    assert repr(tg.nn.LSTM(4, 6, 2, batch_first=True)) == "LSTM(4, 6, num_layers=2, batch_first=True)"
    assert repr(tg.nn.RNNCell(4, 6, nonlinearity="relu")) == "RNNCell(4, 6, nonlinearity='relu')"
    assert repr(tg.nn.MultiheadAttention(8, 2, 0.1)).startswith("MultiheadAttention(\n  8, 2, dropout=0.1\n  (out_proj): ")


def test_dropout_between_layers_that_are_not_there_is_told() -> None:
    with pytest.warns(UserWarning, match="GRU: dropout=0.5 stands between layers, and num_layers=1"):
        tg.nn.GRU(4, 6, dropout=0.5)


def lstm(**options: Any) -> Any:
    return tg.nn.LSTM(4, 6, **options)


Q = tg.Tensor(np.ones((2, 3, 4)))
MISUSE: Table = {
    "width": (lambda: lstm()(np.ones((5, 3, 2))), ValueError, r"LSTM: expected an input \(steps, 4\), or a batch.*got float64 of shape \(5, 3, 2\)"),
    "no steps": (lambda: lstm()(np.ones((0, 3, 4))), ValueError, "LSTM: .*at least one step"),
    "axes": (lambda: tg.nn.GRUCell(4, 6)(np.ones(X)), ValueError, r"GRUCell: expected an input \(4\), or"),
    "one state of two": (lambda: lstm()(np.ones(X), np.ones((1, 3, 6))), ValueError, r"LSTM: the initial state is a pair \(h, c\), got float64"),
    "state": (lambda: tg.nn.GRU(4, 6)(np.ones(X), np.ones((3, 6))), ValueError, r"GRU: expected an initial state h of shape \(1, 3, 6\), got float64 of shape \(3, 6\)"),
    "layers": (lambda: lstm(num_layers=0), ValueError, "LSTM: num_layers must be an integer of at least 1"),
    "hidden": (lambda: tg.nn.RNNCell(4, 0), ValueError, "RNNCell: hidden_size must be an integer"),
    "dropout": (lambda: lstm(dropout=2), ValueError, "LSTM: dropout is a probability between 0 and 1, got int 2"),
    "nonlinearity": (lambda: tg.nn.RNN(4, 6, nonlinearity="sigmoid"), ValueError, "RNN: nonlinearity is 'tanh' or 'relu', got 'sigmoid'"),
    "projection": (lambda: lstm(proj_size=3), TypeError, "LSTM: unknown option proj_size=, .*LSTMCell and a tg.nn.Linear"),
    "device": (lambda: lstm(device="cpu"), TypeError, "LSTM: unknown option device=, leave it out"),
    "bias": (lambda: lstm(bias=1), TypeError, "LSTM: bias: expected True or False"),
    "heads": (lambda: tg.nn.MultiheadAttention(8, 3), ValueError, "num_heads=3 must divide embed_dim=8"),
    "mask of attention": (lambda: F.scaled_dot_product_attention(Q, Q, Q, np.ones((3, 3), int)), TypeError, "attn_mask has booleans, or floats.*got int64"),
    "two masks": (lambda: F.scaled_dot_product_attention(Q, Q, Q, np.ones((3, 3)), is_causal=True), ValueError, "attn_mask= and is_causal=True were given"),
    "keys": (lambda: F.scaled_dot_product_attention(Q, Q[..., :2], Q), ValueError, r"expected queries \(..., q, n\), keys"),
    "groups": (lambda: F.scaled_dot_product_attention(Q, Q, Q, enable_gqa=True), TypeError, r"enable_gqa=, .*np\.repeat\(key"),
    "shape of a mask": (lambda: tg.nn.MultiheadAttention(4, 2)(Q, Q, Q, attn_mask=np.ones((3, 3), bool)), ValueError, r"attn_mask of shape \(2, 2\) or"),
    "shape of padding": (lambda: tg.nn.MultiheadAttention(4, 2)(Q, Q, Q, key_padding_mask=np.ones((2, 2), bool)), ValueError, r"key_padding_mask of shape \(3, 2\)"),
    "inputs": (lambda: tg.nn.MultiheadAttention(6, 2)(Q, Q, Q), ValueError, r"expected query, key and value as \(length, batch, n\)"),
    "batches": (lambda: tg.nn.MultiheadAttention(4, 2)(Q, Q[:, :2], Q[:, :2]), ValueError, "as many keys as values and one batch"),
    "activation": (lambda: tg.nn.TransformerEncoderLayer(8, 2, activation="sine"), ValueError, "activation is 'relu', 'gelu' or a function, got 'sine'"),
    "nested": (lambda: tg.nn.TransformerEncoder(tg.nn.TransformerEncoderLayer(8, 2), 1, enable_nested_tensor=False), TypeError, "enable_nested_tensor=, leave it out"),
    "a class": (lambda: tg.nn.TransformerEncoder(tg.nn.TransformerEncoderLayer, 1), ValueError, "TransformerEncoder: expected a layer, got"),
    "width of a transformer": (lambda: tg.nn.Transformer(8, 2, 1, 1, 12)(Q, Q), ValueError, "Transformer: expected src with a last axis of d_model = 8"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM", "MultiheadAttention"])
def test_the_gradient_is_a_text_that_runs(kind: str) -> None:
    layer = getattr(tg.nn, kind)(4, 2)
    x = np.random.default_rng(0).normal(size=(5, 3, 4))
    out, _ = layer(x, x, x) if kind == M else layer(x)
    text = tg.source((out**2).sum(), wrt=list(layer.parameters()), check=True)
    assert "weight" in text and "tinygrad_gd" not in text


BEHIND = {"Linear": (4, 2), "ReLU": (), "Conv1d": (4, 2, 1), "LayerNorm": (4,), "LSTM": (4, 3)}


@pytest.mark.parametrize("name", BEHIND)
@pytest.mark.parametrize("grad", [True, False])
def test_the_pair_that_a_recurrent_layer_gives_is_told_as_one(name: str, grad: bool) -> None:
    given = r"got a tuple of parts that differ in shape, the first float64 of shape \(3, 2, 4\);.*out, _ = layer\(x\)"
    with pytest.raises(tg.errors.ShapeError, match=given), tg.no_grad() if not grad else nullcontext():
        tg.nn.Sequential(tg.nn.LSTM(8, 4), getattr(tg.nn, name)(*BEHIND[name]))(np.zeros((3, 2, 8)))
