"""Operands: numbers, arrays and what is neither, and how their shapes and dtypes meet."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tinygrad_gd.errors import DTypeError


def leaf(value: Any = 3.0, **options: Any) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("f", [
    lambda x: x + 2.0, lambda x: 2 - x, lambda x: x * 2, lambda x: 1 / x, lambda x: x**2,
    lambda x: x**3.5, lambda x: 2.0**x, lambda x: np.maximum(x, 1.0), lambda x: np.where(x > 1, x, 0),
    lambda x: x.mean(), lambda x: np.clip(x, 0.0, 1.0), lambda x: tg.sigmoid(x), lambda x: x % 2.0,
])
def test_python_scalars_stay_weak(f: Any, dtype: Any) -> None:
    x = leaf([0.5, 1.5], dtype=dtype)
    out = f(x)
    assert out.dtype == dtype
    out.sum().backward(create_graph=True)
    assert x.grad is not None and x.grad.dtype == dtype


def test_broadcasting_accidents_warn_once_per_line() -> None:
    a, b = leaf([1.0, 2.0]), tg.Tensor([[1.0], [2.0]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            a - b
    assert len(caught) == 1 and caught[0].category is tg.BroadcastWarning
    assert caught[0].filename == __file__


def test_axes_inserted_on_purpose_do_not_warn() -> None:
    rows, columns = leaf([1.0, 2.0]), leaf([3.0, 4.0, 5.0])
    for column in (columns[:, None], columns[..., np.newaxis], np.expand_dims(columns, 1)):
        assert (rows * column).shape == (3, 2)
    with pytest.warns(tg.BroadcastWarning):
        rows * columns.reshape(3, 1)


P, Y, COLUMN = (tg.Tensor(x) for x in (np.array([[0.5], [-1.0], [2.0]]), np.array([1, 0, 1]), np.ones((3, 1))))
ACCIDENTS: dict[str, Any] = {
    "accuracy": lambda: ((P > 0) == Y).mean(), "labels in NumPy": lambda: (P > 0) == Y.numpy(),
    "NumPy on the left": lambda: Y.numpy() == (P > 0), "a list": lambda: (P > 0) == [1, 0, 1],
    "not equal": lambda: P != Y, "less": lambda: P < Y, "at most": lambda: P <= Y, "greater": lambda: P > Y,
    "at least": lambda: P >= Y, "np.equal": lambda: np.equal(P, Y), "np.greater": lambda: np.greater(Y, P),
    "and": lambda: (P > 0) & (Y > 0), "or": lambda: (P > 0) | (Y > 0), "xor": lambda: (P > 0) ^ (Y > 0),
    "logical": lambda: np.logical_and(P > 0, Y), "where": lambda: np.where(P > 0, Y, 0),
    "where of three": lambda: np.where(P > 0, Y, Y), "clip": lambda: np.clip(P, Y, 2),
    "unrecorded": lambda: P - Y, "a maximum": lambda: np.maximum(P, Y.numpy()),
    "nearly": lambda: np.isclose(P, Y), "all nearly": lambda: np.allclose(Y.numpy(), P),
    "a rule's mask": lambda: leaf(COLUMN) == Y, "a column by reshape": lambda: Y.reshape(3, 1) == np.arange(4),
}
MEANT: dict[str, Any] = {
    "a number": lambda: P == 1, "a Tensor of one number": lambda: P == tg.Tensor(1.0), "one element": lambda: P + tg.Tensor([1.0]),
    "the same shape": lambda: (P > 0) == Y[:, None], "a bias": lambda: tg.Tensor(np.ones((2, 3))) + np.ones(3),
    "batches": lambda: tg.Tensor(np.ones((2, 3, 4))) == np.ones((3, 4)), "kept axes": lambda: P - P.mean(0, keepdims=True),
    "one-hot": lambda: Y[:, None] == np.arange(3), "one-hot in NumPy": lambda: tg.Tensor(np.arange(4)) == Y.numpy()[:, None],
    "expand_dims": lambda: np.expand_dims(Y, 1) == np.arange(3), "distances": lambda: Y[:, None] - Y,
    "recorded": lambda: leaf([1.0, 2.0])[:, None] == leaf([1.0, 2.0, 3.0]),
    "in a choice": lambda: np.where(Y[:, None] == np.arange(2), 1.0, 0.0),
    "nearly": lambda: np.isclose(Y[:, None], np.arange(3)),
}


@pytest.mark.parametrize("case", ACCIDENTS)
def test_arrays_expanded_by_accident_warn_also_without_recording(case: str) -> None:
    for mode in (tg.enable_grad, tg.no_grad):
        with mode(), pytest.warns(tg.BroadcastWarning, match=r"^[a-z_]+: (both|all) operands are expanded") as caught:
            ACCIDENTS[case]()
        assert {w.filename for w in caught} == {__file__}


@pytest.mark.parametrize("case", MEANT)
def test_arrays_expanded_on_purpose_do_not_warn(case: str) -> None:
    MEANT[case]()  # a warning is an error in these tests


def test_the_advice_about_expanded_arrays_can_be_followed() -> None:
    with pytest.warns(tg.BroadcastWarning, match=r"example argument 0 \(.*\) with \.reshape\(\(3,\)\); if it is, insert") as caught:
        P - Y
    assert (P.reshape((3,)) - Y).shape == (3,)
    with pytest.warns(tg.BroadcastWarning) as caught:  # of other lengths: reshape would fail
        P - tg.Tensor([1.0, 2.0])
    assert "with .reshape" not in str(caught[0].message) and "[:, None]" in str(caught[0].message)


def counted(*shape: int) -> tg.Tensor:
    values = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    return tg.Tensor(values, requires_grad=True, name="w")


@pytest.mark.parametrize("number", [1j, np.complex128(1j), np.timedelta64(3, "s")])
def test_what_has_no_real_gradient_is_refused(number: Any) -> None:
    with pytest.raises(DTypeError, match="multiply: expected a Tensor, an array or a number"):
        counted(2) * number


def test_only_shapes_that_do_not_broadcast_are_called_so() -> None:
    with pytest.raises(ValueError, match="negative integer powers"):
        tg.Tensor([1, 2]) ** -1
    with pytest.raises(ValueError, match=r"\(3,\) and \(2,\) do not broadcast"):
        counted(3) + counted(2)


def test_masks_are_not_lost() -> None:
    masked = np.ma.array([1.0, 2, 3], mask=[0, 1, 0])
    for use in (lambda: w() * masked, lambda: tg.exp(masked), lambda: setattr(w(), "data", masked),
                lambda: w().assign(masked), lambda: np.maximum(w(), masked)):
        with tg.no_grad(), pytest.raises(tg.DTypeError, match=r"mask of float64 of shape \(3,\)"):
            use()


def test_unknown_options_and_attributes_are_refused() -> None:
    for use in (lambda: w().sum(dim=0), lambda: tg.softmax(w(), dim=0), lambda: w().max(dim=0)):
        with pytest.raises(tg.DTypeError, match="unknown option dim=, write axis="):
            use()
    with pytest.raises(AttributeError):
        w().colour = "red"  # type: ignore[attr-defined]


def test_ragged_lists_beside_a_tensor() -> None:
    with pytest.raises(tg.ShapeError, match=r"add: expected a rectangular nested list.*different lengths"):
        np.add(w(), [[1, 2], [3]])


MISUSE: Table = {
    "shapes": (lambda: w() + np.ones(4), ValueError, r"add: shapes \(3,\) and \(4,\) .*'w'.*reshape"),
    "string operand": (lambda: w() + "a", TypeError, "add: expected a Tensor, an array or a number"),
    "object operand": (lambda: w() * np.array([1, None, 2]), TypeError, "multiply: expected"),
    "a type": (lambda: w() + np.float32, TypeError, "add: expected a Tensor.*got the type float32"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
