"""Layers, and the functions under their names."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import ONE, Table, refused, w
from tests.ops.columns import values
from tinygrad_gd.ground.fast import lies_by_columns


def mlp() -> tg.nn.Sequential:
    tg.manual_seed(0)
    return tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 2))


def test_gradients_of_a_network_against_differences() -> None:
    net = mlp()
    labels = np.array([0, 1, 1])
    x = np.random.default_rng(1).standard_normal((3, 3))
    assert tg.gradcheck(lambda t: tg.nn.cross_entropy(net(t), labels), [x], order=2)


def test_linear_without_bias_and_in_batches() -> None:
    layer = tg.nn.Linear(3, 2, bias=False)
    x = np.ones((4, 5, 3))
    np.testing.assert_allclose(layer(tg.Tensor(x)).numpy(), x @ layer.weight.numpy().T)
    assert tg.gradcheck(lambda w, b: tg.linear(tg.Tensor(x), w, b).sum(), [np.ones((2, 3)), np.ones(2)])


def test_names_of_layers_that_are_functions_here() -> None:
    for name, text in (("Erf", r"in forward\(\), use the function tg\.erf"), ("NanMax", "tg.nanmax"),
                       ("LPPool9d", "$")):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'.*{text}"):
            getattr(tg.nn, name)


def test_lists_go_in_where_arrays_do() -> None:
    layer = tg.nn.Linear(2, 1)
    assert layer([[1.0, 2.0]]).item() == layer(np.array([[1.0, 2.0]])).item()
    with pytest.raises(ValueError, match="Linear: expected the last axis to have 2 features, got list"):
        layer([1.0])


def test_everything_functional_is_the_function_itself() -> None:
    from tinygrad_gd.nn.functional import cross_entropy, dropout, linear, relu

    assert [relu, linear, dropout] == [tg.relu, tg.linear, tg.dropout] and "gelu" in dir(tg.nn.functional)
    assert cross_entropy is tg.nn.cross_entropy and not hasattr(tg.nn.functional, "nonsense")


def layer() -> Any:
    return tg.nn.Linear(1, 1)


def test_layers_tell_their_arguments() -> None:

    assert list(inspect.signature(tg.nn.Linear).parameters) == ["in_features", "out_features", "bias"]
    with pytest.raises(AttributeError, match="subclass of Optimizer"):
        getattr(tg.optim, "Shampoo")  # noqa: B009
    with pytest.raises(AttributeError, match=r"write a tg\.nn\.Module"):
        getattr(tg.nn, "LPPool9d")  # noqa: B009
    with pytest.raises(AttributeError, match="use log_sigmoid"):
        getattr(tg.nn.functional, "logsigmoid")  # noqa: B009
    with pytest.raises(AttributeError, match=r"self\.register_buffer\(name, values\)"):
        layer().get_extra_state()
    with pytest.raises(TypeError, match=r"^mine$"):
        tg.gradcheck(own_error, [w()])


def own_error(x: Any) -> Any:
    raise TypeError("mine")


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


MISUSE: Table = {
    "features": (lambda: tg.nn.Linear(3, 2)(tg.Tensor(np.ones((2, 4)))), ValueError, "have 3 features"),
    "axes to flatten": (lambda: tg.nn.Flatten(1.0), TypeError, "Flatten: start_dim must be an integer, got float"),  # type: ignore[arg-type]
    "True features": (lambda: tg.nn.Linear(True, 1), ValueError, "Linear: in_features must be an integer of at least 1, got bool True"),
    "bias as text": (lambda: tg.nn.Linear(3, 2, bias="no"), TypeError, "Linear: bias: expected True or False, got str 'no'"),
    "bias of values": (lambda: tg.nn.Linear(3, 2, bias=ONE), TypeError, r"Linear: bias: .*got float64 of shape \(3,\)"),
    "on a device": (lambda: tg.nn.Linear(3, 2, device="cpu"), TypeError, "Linear: unknown option device=, leave it out: values are always"),
    "in place": (lambda: tg.nn.ReLU(inplace=True), TypeError, "ReLU: unknown option inplace=.*new Tensor"),
    "relu of x": (lambda: tg.nn.Tanh(w()), TypeError, r"Tanh: too many.*Tanh\(\.\.\.\)\(x\)"),
    "sizes missing": (lambda: tg.nn.Linear(3), TypeError, "Linear: missing a required argument: 'out_features'; .*bias"),
    "flatten nothing": (lambda: tg.nn.Flatten()(None), TypeError, "Flatten: "),
    "flatten to True": (lambda: tg.nn.Flatten(True), TypeError, "Flatten: start_dim must be an integer, got bool"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


@pytest.mark.parametrize(("shape", "text"), [((64, 8, 64), "reshape(-1, 64)"), ((16, 32, 64), "t @ w.T + b")])
def test_rows_of_a_large_batch_are_one_product_unless_each_matrix_by_itself_is_sooner(
        shape: tuple[int, ...], text: str) -> None:
    """Of the same numbers in one matrix: the same bits, whether there is a bias, and compiled."""
    x, w, b = values(*shape), values(64, 64), values(64)
    flat = tg.linear(x.reshape(-1, 64), w, b).numpy().reshape(shape)
    batch = tg.linear(tg.Tensor(x), w, b)
    np.testing.assert_array_equal(batch.numpy(), flat)
    np.testing.assert_array_equal(tg.linear(x, w).numpy(), tg.linear(x.reshape(-1, 64), w).numpy().reshape(shape))
    compiled = tg.compile(lambda t: tg.linear(t, w, b))
    for _ in "12":
        np.testing.assert_array_equal(compiled(tg.Tensor(x)).numpy(), flat)
    assert text in compiled.source
