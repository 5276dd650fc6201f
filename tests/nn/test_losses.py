"""Losses: their values, labels, dtypes and what they keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import MATRIX, ONE, Table, refused, w
from tests.oracles import assert_close


@pytest.mark.parametrize("scale", [1.0, 1000.0, -1000.0])
def test_cross_entropy_is_stable(scale: float) -> None:
    logits = tg.Tensor([[scale, 0.0, 0.0], [0.0, scale, 0.0]], requires_grad=True)
    loss = tg.nn.cross_entropy(logits, np.array([0, 2]))
    loss.backward()
    assert logits.grad is not None
    assert np.isfinite(loss.item()) and np.all(np.isfinite(logits.grad.numpy()))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses_equal_pytorch(reduction: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    rng = np.random.default_rng(0)
    a, b, labels = rng.standard_normal((6, 4)), rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    f = torch.nn.functional
    for ours, theirs in [
        (tg.nn.mse_loss(a, b, reduction), f.mse_loss(torch.tensor(a), torch.tensor(b), reduction=reduction)),
        (tg.nn.cross_entropy(tg.Tensor(a), labels, reduction),
         f.cross_entropy(torch.tensor(a), torch.tensor(labels), reduction=reduction)),
    ]:
        np.testing.assert_allclose(np.asarray(ours), theirs.numpy(), rtol=1e-12)


def test_labels_that_were_checked_are_checked_again_when_they_are_written() -> None:
    labels, five, four = tg.Tensor([0, 3, 4]), tg.Tensor(np.zeros((3, 5))), tg.Tensor(np.zeros((3, 4)))
    for _ in range(2):
        tg.nn.cross_entropy(five, labels)
    with pytest.raises(tg.IndexingError, match="label 4 is out of range for 4 classes"):
        tg.nn.cross_entropy(four, labels)
    tg.nn.cross_entropy(five, labels)
    labels.data[1] = -1
    for _ in range(2):
        with pytest.raises(tg.IndexingError, match="label -1 is out of range"):
            tg.nn.cross_entropy(five, labels)
    labels.data = np.array([0, 1, 5])
    with pytest.raises(tg.IndexingError, match="label 5 is out of range"):
        tg.nn.cross_entropy(five, labels)
    with tg.no_grad():
        labels.assign(np.array([0, 1, 2]))
    tg.nn.cross_entropy(five, labels)
    with pytest.raises(tg.IndexingError, match="label 7 is out of range"):
        tg.nn.cross_entropy(five, np.array([0, 1, 7]))


@pytest.mark.parametrize("dtype", ["i1", "u1", "<i4", ">i4", ">i8", "u8"])
def test_labels_of_every_integer_dtype_are_checked(dtype: str) -> None:
    logits = tg.Tensor(np.zeros((3, 4)))
    labels = np.array([[0, 9], [3, 9], [1, 9]], dtype)[:, 0]
    assert round(tg.nn.cross_entropy(logits, labels).item(), 12) == round(np.log(4), 12)
    with pytest.raises(tg.IndexingError, match="label 4 is out of range"):
        tg.nn.cross_entropy(logits, labels + np.array(1, dtype))
    if np.dtype(dtype).kind == "i":
        with pytest.raises(tg.IndexingError, match="label -1 is out of range"):
            tg.nn.cross_entropy(logits, labels - np.array(1, dtype))


def test_cross_entropy_keeps_the_exponentials_of_its_own_forward_pass_only() -> None:
    """What the last forward pass left behind is used for that very array, and for no other."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, (3, 6))
    leaves = [tg.Tensor(rng.normal(size=(6, 4)), requires_grad=True) for _ in range(3)]
    lone = []
    for leaf, wanted in zip(leaves, labels, strict=True):  # forward and backward, one after the other
        twin = tg.Tensor(leaf, requires_grad=True)
        tg.nn.cross_entropy(twin, wanted).backward()
        lone.append(twin.grad)
    losses = [tg.nn.cross_entropy(x, y) for x, y in zip(leaves, labels, strict=True)]
    for loss in losses:
        loss.backward()
    for leaf, expected in zip(leaves, lone, strict=True):
        assert np.array_equal(leaf.grad, expected)
    first, again = leaves[0], tg.nn.cross_entropy(leaves[0], labels[0])
    first.grad = None
    tg.nn.cross_entropy(leaves[1], labels[1])
    again.backward()
    assert np.array_equal(first.grad, lone[0])
    with tg.no_grad():
        first -= 1.0 + np.arange(4)
    first.grad = None
    tg.nn.cross_entropy(first, labels[0]).backward()
    powers = np.exp(first.numpy() - first.numpy().max(axis=1, keepdims=True))
    onehot = np.eye(4)[labels[0]]
    assert_close(first.grad, (powers / powers.sum(axis=1, keepdims=True) - onehot) / 6, 1e-14)


def test_cross_entropy_lets_go_of_what_it_kept_with_the_logits() -> None:
    from tinygrad_gd.ops.neural import losses

    logits = tg.Tensor(np.zeros((2000, 10)))
    tg.nn.cross_entropy(logits, np.zeros(2000, int))
    assert losses._last[1].shape == (2000, 10)
    del logits
    assert losses._last[1] is None


def test_losses_take_lists() -> None:
    expected = tg.nn.cross_entropy(tg.Tensor([[1.0, 2.0], [0.0, 1.0]]), tg.Tensor([0, 1])).item()
    assert tg.nn.cross_entropy([[1.0, 2.0], [0.0, 1.0]], [0, 1]).item() == expected
    rows = [w((1.0, 2.0)), w((0.0, 1.0))]
    loss = tg.nn.cross_entropy(rows, (0, 1))
    loss.backward()
    assert loss.item() == expected and all(r.grad is not None for r in rows)
    assert tg.nn.cross_entropy(w(np.ones((0, 3))), [], "sum").item() == 0.0
    assert tg.nn.Flatten()([[1.0, 2.0]]).shape == (1, 2)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("loss", [lambda r: tg.nn.mse_loss(w(np.ones((0, 2))), np.ones((0, 2)), r),
                                  lambda r: tg.nn.cross_entropy(w(np.ones((0, 2))), [], r)])
def test_losses_of_nothing_agree(loss: Any) -> None:
    assert np.isnan(loss("mean").item()) and loss("sum").item() == 0.0 and loss("none").size == 0
    loss("mean").backward()


def test_losses_of_small_integers_do_not_wrap_around() -> None:
    for kind in (np.uint8, np.int8):
        x, y = np.array([[1, 2], [100, 3]], kind), np.array([[2, 1], [3, 100]], kind)
        for given in (x, tg.Tensor(x), x.tolist()):
            assert tg.nn.mse_loss(given, y).item() == tg.nn.mse_loss(x.astype(float), y.astype(float)).item()
            expected = tg.nn.cross_entropy(x.astype(float), [0, 1]).item()
            assert tg.nn.cross_entropy(given, [0, 1]).item() == expected
    assert tg.nn.mse_loss(np.array([True]), np.array([False])).item() == 1.0
    assert tg.nn.mse_loss(w((1.0, 2.0)), tg.Tensor([1, 1])).item() == 0.5


MISUSE: Table = {
    "mse shapes": (lambda: tg.nn.mse_loss(w(np.ones((3, 1))), np.ones(3)), ValueError,
                   r"mse_loss: .*\(3, 1\).*\(3,\).*reshape"),
    "label range": (lambda: tg.nn.cross_entropy(w(np.ones((2, 3))), np.array([0, 3])), IndexError,
                    "label 3 is out of range for 3 classes"),
    "negative label": (lambda: tg.nn.cross_entropy(w(np.ones((2, 3))), np.array([0, -1])), IndexError,
                       "label -1 is out of range"),
    "float labels": (lambda: tg.nn.cross_entropy(w(np.ones((2, 3))), np.array([0.0, 1.0])), TypeError,
                     r"class numbers.*astype\(int\)"),
    "label count": (lambda: tg.nn.cross_entropy(w(np.ones((2, 3))), np.array([0])), ValueError,
                    r"logits \(n, classes\) and labels \(n,\)"),
    "reduction": (lambda: tg.nn.mse_loss(w(), w(), "average"), ValueError, "'mean', 'sum' or 'none'"),
    "ragged logits": (lambda: tg.nn.cross_entropy([[1.0, 2.0], [1.0]], [0, 1]), ValueError, "rows of equal length, got list"),
    "ragged labels": (lambda: tg.nn.cross_entropy(w(MATRIX), [[0], [1, 2]]), ValueError, "rows of equal length, got list"),
    "ragged predictions": (lambda: tg.nn.mse_loss([[1.0], [1.0, 2.0]], w()), ValueError, "rows of equal length"),
    "labels as booleans": (lambda: tg.nn.cross_entropy(w(MATRIX), [True, False]), TypeError, r"class numbers, got bool of shape \(2,\)"),
    "reduction of a module": (lambda: tg.nn.MSELoss("average"), ValueError, "MSELoss: reduction is 'mean'"),
    "weights as reduction": (lambda: tg.nn.MSELoss(ONE), ValueError, r"MSELoss: reduction .*float64 of shape \(3,\); weights .*weight="),  # type: ignore[arg-type]
    "a number as reduction": (lambda: tg.nn.MSELoss(3), ValueError, "MSELoss: reduction .*got int"),
    "a loss of one argument": (lambda: tg.nn.functional.mse_loss(w(ONE)), TypeError, r"mse_loss: missing a required argument: 'target'"),
    "a loss that is computed": (lambda: tg.nn.MSELoss(w(), w()), TypeError, r"MSELoss: too many.*MSELoss\(\.\.\.\)\(x\)"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
