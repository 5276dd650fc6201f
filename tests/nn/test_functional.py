"""nn.functional means what PyTorch means by its names, or refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
import tinygrad_gd.nn.functional as F
from tests.misuse import Table, refused, w

MATRIX = np.arange(1.0, 7).reshape(2, 3)
CUBE = np.arange(24.0).reshape(2, 3, 4)
IMAGE = np.random.default_rng(0).normal(size=(2, 3, 4, 3))  # as many channels as columns


def test_pad_begins_with_the_last_axis() -> None:
    x = tg.Tensor(MATRIX, requires_grad=True)
    out = F.pad(x, (1, 1))
    assert out.tolist() == np.pad(MATRIX, ((0, 0), (1, 1))).tolist()
    (out * np.arange(10.0).reshape(2, 5)).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[1, 2, 3], [6, 7, 8]]
    assert F.pad(x, (0, 2, 1, 0), "constant", 9.0).tolist() == np.pad(
        MATRIX, ((1, 0), (0, 2)), constant_values=9.0).tolist()
    assert F.pad(x, ()).tolist() == MATRIX.tolist()
    for mode, theirs in (("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")):
        assert F.pad(tg.Tensor(CUBE), [2, 1], mode=mode).tolist() == np.pad(
            CUBE, ((0, 0), (0, 0), (2, 1)), theirs).tolist()  # type: ignore[call-overload]
    assert tg.pad(x, (1, 1)).shape == np.pad(x, (1, 1)).shape == (4, 5)  # NumPy's


def test_softmax_without_an_axis_is_that_of_pytorch_or_refused() -> None:
    for f in (F.softmax, F.log_softmax):
        mine = getattr(tg, f.__name__)
        for axis in ((), (None,), (-1,), (1,)):
            assert f(tg.Tensor(MATRIX), *axis).tolist() == mine(MATRIX, axis=1).tolist()
        with pytest.raises(tg.OptionError, match=r"PyTorch takes axis 0 of 3.*write axis="):
            f(tg.Tensor(CUBE))
        with pytest.raises(tg.OptionError, match="PyTorch takes axis 1 of 4"):
            f(tg.Tensor(IMAGE))
        assert f(tg.Tensor(CUBE), 0).tolist() == mine(CUBE, axis=0).tolist()


def test_prelu_has_a_weight_for_each_channel() -> None:
    weight = tg.Tensor([0.1, 0.2, 0.3], requires_grad=True)
    out = F.prelu(tg.Tensor(IMAGE), weight)
    by_channel = np.array([0.1, 0.2, 0.3]).reshape(3, 1, 1)
    np.testing.assert_allclose(out.numpy(), np.where(IMAGE > 0, IMAGE, by_channel * IMAGE), rtol=1e-15)
    out.sum().backward()
    assert weight.grad is not None
    np.testing.assert_allclose(weight.grad.numpy(), np.minimum(IMAGE, 0).sum((0, 2, 3)), rtol=1e-12)
    assert F.prelu(tg.Tensor(-CUBE), tg.Tensor(0.5)).tolist() == (-CUBE / 2).tolist()


def shared() -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    x, labels = IMAGE[:, :, 0], np.array([2, 0])
    return [
        ("pad", (x, (1, 2)), {}), ("pad", (x, (1, 2, 0, 1)), {"value": 2.0}), ("pad", (IMAGE, (1, 1, 2, 1), "reflect"), {}),
        ("pad", (CUBE, (2, 1), "circular"), {}), ("softmax", (MATRIX,), {}), ("softmax", (x, 1), {}),
        ("log_softmax", (x, -1), {}), ("prelu", (IMAGE, np.array([0.1, 0.2, 0.3])), {}), ("glu", (CUBE, 2), {}),
        ("gelu", (x,), {"approximate": "tanh"}), ("dropout", (x, 0.5, False), {}), ("elu", (x, 0.5), {}),
        ("hardtanh", (x, -0.5, 0.5), {}), ("softplus", (x, 2.0), {}), ("leaky_relu", (x, 0.2), {}),
        ("cross_entropy", (MATRIX, labels), {}), ("mse_loss", (x, x / 2), {"reduction": "sum"}),
        ("max_pool2d", (IMAGE, 2, 1, 1, 1, True), {}), ("avg_pool2d", (IMAGE, 2, 2, 1, False, False), {}),
        ("interpolate", (IMAGE, (5, 7), None, "bilinear", True), {}), ("linear", (x, MATRIX), {}),
        ("adaptive_avg_pool2d", (IMAGE, 2), {}),
    ]


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize("case", shared(), ids=lambda case: case[0])
def test_by_position_as_pytorch(case: Any) -> None:
    torch = pytest.importorskip("torch")
    name, args, options = case
    theirs = getattr(torch.nn.functional, name)(
        *(torch.tensor(a) if isinstance(a, np.ndarray) else a for a in args), **options)
    mine = getattr(F, name)(*(tg.Tensor(a) if isinstance(a, np.ndarray) else a for a in args), **options)
    np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-7, atol=1e-12)


def test_a_choice_at_random_is_made_as_in_pytorch() -> None:
    torch = pytest.importorskip("torch")
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    logits = np.tile([0.3, -1.0, 1.2, 0.0], (8000, 1))
    tg.manual_seed(0)
    torch.manual_seed(0)
    ours = F.gumbel_softmax(tg.Tensor(logits), 0.7).numpy()
    theirs = torch.nn.functional.gumbel_softmax(torch.tensor(logits), 0.7).numpy()
    for mine, other in zip(ours.T, theirs.T, strict=True):
        assert stats.ks_2samp(mine, other).pvalue > 0.001
    hard = F.gumbel_softmax(tg.Tensor(logits.T), 3.0, hard=True, axis=0).numpy()
    np.testing.assert_allclose(np.sort(hard, 0), np.tile([[0.0], [0], [0], [1]], 8000), atol=1e-15)
    np.testing.assert_allclose(hard.mean(1), tg.softmax(logits[0], axis=0).numpy(), atol=0.015)


def test_a_hard_choice_has_the_gradient_of_the_soft_one() -> None:
    slopes = []
    for hard in (False, True):
        x = tg.Tensor(MATRIX, requires_grad=True)
        tg.manual_seed(0)
        (F.gumbel_softmax(x, 0.5, hard) * np.arange(6.0).reshape(2, 3)).sum().backward()
        assert x.grad is not None
        slopes.append(x.grad.tolist())
    assert slopes[0] == slopes[1] and np.any(slopes[0])


@pytest.mark.parametrize("frozen", [False, True])
def test_compiled_choices_are_drawn_anew(frozen: bool) -> None:
    def run(compiled: bool) -> list[Any]:
        tg.manual_seed(0)
        call: Any = tg.compile(lambda x: F.gumbel_softmax(x, hard=True).sum(axis=0), frozen=frozen) if compiled else (
            lambda x: F.gumbel_softmax(x, hard=True).sum(axis=0))
        return [call(tg.Tensor(np.float32(MATRIX / 4))).tolist() for _ in range(12)]

    assert run(compiled=True) == run(compiled=False) and len({tuple(row) for row in run(compiled=True)}) > 2


MISUSE: Table = {
    "a temperature below 0": (lambda: F.gumbel_softmax(w(), -1.0), ValueError, "gumbel_softmax: tau must be"),
    "NumPy's pad": (lambda: F.pad(w(MATRIX), ((1, 1), (1, 1))), ValueError, r"pad: expected \(before, after\).*np\.pad"),
    "half a pair": (lambda: F.pad(w(MATRIX), (1, 1, 1)), ValueError, "pad: expected .before, after"),
    "too many pairs": (lambda: F.pad(w(), (1, 1, 1, 1)), ValueError, r"the last axis of 'w' \(float64 of shape \(3,\)\)"),
    "cut": (lambda: F.pad(w(), (-1, 0)), ValueError, r"pad: widths are integers of at least 0.*x\[\.\.\., 1:\]"),
    "NumPy's mode": (lambda: F.pad(w(), (1, 0), "edge"), ValueError, r"mode is one of constant, reflect, replicate, circular; got 'edge'"),
    "weights of other channels": (lambda: F.prelu(w(CUBE), w()[:2]), ValueError, "prelu: expected one weight, or one for each of 3 channels"),
    "positions of a pool": (lambda: tg.nn.MaxPool2d(2, 2, 0, 1, True), TypeError, "MaxPool2d: too many positional.*ceil_mode="),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
