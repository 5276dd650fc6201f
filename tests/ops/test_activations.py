"""Activations far from zero, at zero and at their kinks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w

SMOOTH = ["sigmoid", "log_sigmoid", "softplus", "silu", "mish", "softsign", "gelu"]
LINEAR = ["relu", "relu6", "leaky_relu", "hardtanh", "hardsigmoid", "hardswish"]
CALLS: dict[str, Any] = {
    **{name: getattr(tg, name) for name in [*SMOOTH, *LINEAR, "elu", "celu", "selu"]},
    "gelu tanh": lambda x: tg.gelu(x, approximate="tanh"),
    "softplus 3": lambda x: tg.softplus(x, beta=3.0),
    "elu 2": lambda x: tg.elu(x, alpha=2.0), "celu 2": lambda x: tg.celu(x, alpha=2.0),
    "prelu": lambda x: tg.prelu(x, 0.25),
}  # fmt: skip
TORCH = {"log_sigmoid": "logsigmoid"}
FAR = [0.5, 3.0, 10.0, 20.5, 36.0, 50.0, 88.7, 104.0, 709.0, 746.0, 1000.0, 9999.0, 1e4]
FAR = [*FAR, *(-x for x in FAR), 0.0, -0.0, 1e-30]


def derivatives(f: Any, x: Any) -> tuple[Any, Any, Any]:
    """f, f' and f'' of each element."""
    leaf = tg.Tensor(x, requires_grad=True)
    out = f(leaf)
    out.backward(np.ones(out.shape), create_graph=True)
    first: Any = leaf.grad
    if not first.requires_grad:
        return out, first, np.zeros(x.shape, x.dtype)
    leaf.zero_grad()
    first.backward(np.ones(out.shape))
    return out, first, leaf.grad


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CALLS)
def test_far_from_zero_everything_is_finite_and_nothing_warns(name: str, dtype: Any) -> None:
    x = np.array(FAR, dtype)
    for result in derivatives(CALLS[name], x):
        assert result.dtype == dtype and result.shape == x.shape
        assert np.isfinite(result.detach() if isinstance(result, tg.Tensor) else result).all()
    plain = tg.Tensor(x, requires_grad=True)  # and by the rules on arrays
    CALLS[name](plain).sum().backward()
    np.testing.assert_array_equal(plain.grad, derivatives(CALLS[name], x)[1].detach())


@pytest.mark.parametrize("name", [*SMOOTH, *LINEAR, "elu", "celu", "selu"])
def test_far_from_zero_it_is_what_pytorch_says(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    leaf = torch.tensor(FAR, dtype=torch.float64, requires_grad=True)
    theirs = getattr(torch.nn.functional, TORCH.get(name, name))(leaf)
    theirs.sum().backward()
    value, first, _ = derivatives(CALLS[name], np.array(FAR))
    np.testing.assert_allclose(value.numpy(), theirs.detach().numpy(), rtol=1e-7, atol=1e-15)
    np.testing.assert_allclose(first.numpy(), leaf.grad.numpy(), rtol=1e-7, atol=1e-15)


#: name -> (x, value, slope): the tails keep all their digits.
TAILS = {
    "sigmoid": (-700.0, math.exp(-700), math.exp(-700)),
    "softplus": (-700.0, math.exp(-700), math.exp(-700)),
    "log_sigmoid": (700.0, -math.exp(-700), math.exp(-700)),
    "silu": (-700.0, -700 * math.exp(-700), -699 * math.exp(-700)),
    "mish": (-300.0, -300 * math.exp(-300), -299 * math.exp(-300)),
    "gelu": (-10.0, -10 * 0.5 * math.erfc(10 / math.sqrt(2)),
             0.5 * math.erfc(10 / math.sqrt(2)) - 10 * math.exp(-50) / math.sqrt(2 * math.pi)),
    "elu": (-700.0, -1.0, math.exp(-700)), "celu": (-700.0, -1.0, math.exp(-700)),
}  # fmt: skip


@pytest.mark.parametrize("name", TAILS)
def test_tails_keep_their_digits(name: str) -> None:
    x, value, slope = TAILS[name]
    actual, first, _ = derivatives(CALLS[name], np.array(x))
    assert math.isclose(actual.item(), value, rel_tol=1e-12)
    assert math.isclose(first.item(), slope, rel_tol=1e-12)


#: name -> (f(0), f'(0), f''(0))
AT_ZERO = {
    "sigmoid": (0.5, 0.25, 0), "log_sigmoid": (-math.log(2), 0.5, -0.25),
    "softplus": (math.log(2), 0.5, 0.25), "softplus 3": (math.log(2) / 3, 0.5, 0.75),
    "silu": (0, 0.5, 0.5), "mish": (0, 0.6, 0.64), "softsign": (0, 1, 0),
    "gelu": (0, 0.5, math.sqrt(2 / math.pi)), "gelu tanh": (0, 0.5, math.sqrt(2 / math.pi)),
    "relu": (0, 0, 0), "relu6": (0, 0, 0), "leaky_relu": (0, 0.01, 0), "prelu": (0, 0.25, 0),
    "elu": (0, 1, 1), "elu 2": (0, 2, 2), "celu": (0, 1, 1), "celu 2": (0, 1, 0.5),
    "selu": (0, 1.7580993408473766, 1.7580993408473766),
    "hardtanh": (0, 1, 0), "hardsigmoid": (0.5, 1 / 6, 0), "hardswish": (0, 0.5, 1 / 3),
}  # fmt: skip


@pytest.mark.parametrize("name", AT_ZERO)
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_at_zero(name: str, zero: float) -> None:
    got = [d.item() for d in derivatives(CALLS[name], np.array(zero))]
    assert got == pytest.approx(AT_ZERO[name], rel=1e-14, abs=1e-16)


def test_the_third_derivative_of_sigmoid_at_zero() -> None:
    assert float(tg.grad(tg.grad(tg.grad(tg.sigmoid)))(tg.Tensor(0.0))) == -0.125


#: (call, kink, slope there): the table in the docstring of the module.
KINKS = [
    (tg.relu6, 6.0, 0), (tg.hardtanh, -1.0, 0), (tg.hardtanh, 1.0, 0), (tg.hardsigmoid, -3.0, 0),
    (tg.hardsigmoid, 3.0, 0), (tg.hardswish, -3.0, 0), (tg.hardswish, 3.0, 1),
    (lambda x: tg.hardtanh(x, min_val=-2.0, max_val=5.0), 5.0, 0),
]


@pytest.mark.parametrize(("call", "kink", "slope"), KINKS)
def test_kinks(call: Any, kink: float, slope: float) -> None:
    x = tg.Tensor(kink, requires_grad=True)
    call(x).backward()
    assert x.grad.item() == slope


@pytest.mark.parametrize("name", [*LINEAR, "softsign", "elu", "celu", "selu"])
def test_kinks_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    kinks = [-3.0, -1.0, 0.0, 1.0, 3.0, 6.0]
    leaf = torch.tensor(kinks, dtype=torch.float64, requires_grad=True)
    getattr(torch.nn.functional, name)(leaf).sum().backward()
    first = derivatives(CALLS[name], np.array(kinks))[1]
    np.testing.assert_allclose(first.numpy(), leaf.grad.numpy(), rtol=1e-7)


class TestSoftmax:
    LOGITS = np.array([[1e4, 0.0, -1e4], [1e4, 1e4, 9999.0], [-1e4, -1e4, -np.inf]])

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("name", ["softmax", "log_softmax"])
    def test_far_from_zero(self, name: str, dtype: Any) -> None:
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        leaf = torch.tensor(self.LOGITS.astype(dtype), requires_grad=True)
        theirs = getattr(torch, name)(leaf, -1)
        weights = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 0]], dtype)
        theirs.backward(torch.tensor(weights))
        x = tg.Tensor(self.LOGITS.astype(dtype), requires_grad=True)
        out = getattr(tg, name)(x)
        out.backward(weights)
        assert out.dtype == x.grad.dtype == dtype
        rtol = 1e-12 if dtype == np.float64 else 1e-5
        np.testing.assert_allclose(out.numpy(), theirs.detach().numpy(), rtol=rtol)
        np.testing.assert_allclose(x.grad, leaf.grad.numpy(), rtol=rtol, atol=1e-6)

    def test_rows_sum_to_one_and_their_gradients_to_zero(self) -> None:
        x = tg.Tensor(self.LOGITS[:2], requires_grad=True)
        out = tg.softmax(x)
        assert out.sum(axis=-1).tolist() == pytest.approx([1, 1], rel=1e-15)
        (out * np.arange(6.0).reshape(2, 3)).sum().backward()
        assert x.grad.sum(axis=-1).tolist() == pytest.approx([0, 0], abs=1e-15)

    def test_several_axes_and_none(self) -> None:
        x = np.arange(6.0).reshape(2, 3)
        assert tg.softmax(x, axis=None).sum().item() == pytest.approx(1)
        assert tg.softmax(x, axis=(0, 1)).tolist() == tg.softmax(x, axis=None).tolist()
        assert tg.softmax(tg.Tensor(3.0)).item() == 1


def test_arrays_numbers_and_integers_are_taken() -> None:
    for name, call in CALLS.items():
        assert isinstance(call(2), tg.Tensor), name
        assert call(np.array([1, -2])).shape == (2,)
        assert call(np.zeros((0, 3), np.float32)).dtype == np.float32


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint64, np.int32, bool])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "sigmoid", "log_sigmoid", "silu", "softsign", "softplus",
                                  "mish", "elu", "celu", "selu", "gelu", "glu", "hardswish", "leaky_relu"])
def test_activations_of_small_integers_do_not_wrap_around(name: str, kind: Any) -> None:
    info = None if kind is bool else np.iinfo(kind)
    x = np.array([0, 1, 1, 0] if info is None else [max(info.min, -128), 0, 3, min(info.max, 255)], kind)
    y = getattr(tg, name)(x)
    np.testing.assert_allclose(y.numpy(), getattr(tg, name)(x.astype(float)).numpy(), 2e-3, 1e-6)
    assert y.dtype.kind == "f" or name == "leaky_relu"


MISUSE: Table = {
    "a missing array": (lambda: tg.prelu(w()), TypeError, r"prelu: 'weight' is missing; it is called with \(x, weight\)"),
    "bounds of hardtanh": (lambda: tg.hardtanh(w(), 2.0, 1.0), ValueError, "hardtanh: expected min_val <= max_val"),
    "beta below 0": (lambda: tg.softplus(w(), beta=-1.0), ValueError, "softplus: beta must be positive"),
    "beta 0": (lambda: tg.softplus(w(), beta=0.0), ValueError, "softplus: beta must be positive"),
    "alpha 0": (lambda: tg.celu(w(), alpha=0.0), ValueError, "celu: alpha must be finite and not 0"),
    "alpha nan": (lambda: tg.celu(w(), alpha=np.nan), ValueError, "celu: alpha must be finite"),
    "another form of gelu": (lambda: tg.gelu([1.0], approximate="sigmoid"), tg.OptionError, "'none' or 'tanh', got 'sigmoid'"),
    "glu of three": (lambda: tg.glu(tg.Tensor(np.zeros((2, 3)))), tg.ShapeError, r"even length along axis -1.*\(2, 3\)"),
    "glu along axis 1": (lambda: tg.glu(tg.Tensor([1.0, 2.0]), axis=1), tg.ShapeError, "even length along axis 1"),
    "glu of a number": (lambda: tg.glu(tg.Tensor(1.0)), tg.ShapeError, "even length along axis -1"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
