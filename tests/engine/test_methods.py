"""Operators and methods, on both sides and in place, and what Python asks of a number."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.values import values

X, Y = np.array([1.5, -2.0, 3.0]), np.array([2.0, 0.5, -4.0])


def leaf(value: Any = X, **options: Any) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, name="w", **options)


BINARY = {
    f: (X, Y) for f in (operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv,
                        operator.mod, operator.eq, operator.ne, operator.lt, operator.le, operator.gt,
                        operator.ge)
} | {
    operator.pow: (np.abs(X), Y), operator.matmul: (X, Y), divmod: (X, Y),
    operator.and_: (X > 0, Y > 0), operator.or_: (X > 0, Y > 0), operator.xor: (X > 0, Y > 0),
}


@pytest.mark.parametrize("f", BINARY)
def test_binary_operators_on_both_sides(f: Callable[..., Any]) -> None:
    a, b = BINARY[f]
    expected = values(f(a, b))
    others = [f(tg.Tensor(a), b), f(a, tg.Tensor(b)), f(tg.Tensor(a), tg.Tensor(b)), f(tg.Tensor(a), b.tolist()),
              f(a.tolist(), tg.Tensor(b))]
    for out in others:
        parts = out if isinstance(out, tuple) else (out,)
        assert all(isinstance(part, tg.Tensor) for part in parts)
        np.testing.assert_array_equal(np.stack([p.numpy() for p in parts]).reshape(expected.shape), expected)


@pytest.mark.parametrize("f", [f for f in BINARY if f not in (
    operator.matmul, operator.and_, operator.or_, operator.xor, divmod)])
def test_operators_with_python_and_numpy_scalars(f: Callable[..., Any]) -> None:
    a = BINARY[f][0]
    for scalar in (2, 0.5, True, np.float64(1.5), np.int32(3)):
        for out, expected in ((f(tg.Tensor(a), scalar), f(a, scalar)), (f(scalar, tg.Tensor(a)), f(scalar, a))):
            assert isinstance(out, tg.Tensor) and out.dtype == expected.dtype
            np.testing.assert_array_equal(out.numpy(), expected)


@pytest.mark.parametrize("f", [operator.neg, operator.pos, abs, round, lambda t: round(t, 1)])
def test_unary_operators(f: Callable[..., Any]) -> None:
    expected = np.round(X + 0.26, 1) if f(1.26) == 1.3 else np.round(X + 0.26) if f is round else f(X + 0.26)
    out = f(leaf(X + 0.26))
    assert out.requires_grad
    np.testing.assert_array_equal(out.numpy(), expected)
    assert (~tg.Tensor([True, False])).tolist() == [False, True]


INPLACE = [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv, operator.imod,
           operator.ipow]


@pytest.mark.parametrize("f", INPLACE)
@pytest.mark.parametrize("value", [np.abs(X), np.float64(1.5)], ids=["array", "scalar"])
def test_operators_in_place(f: Callable[..., Any], value: Any) -> None:
    w, other = leaf(value), leaf(2.0)
    expected = f(np.array(value), 2.0)
    with pytest.raises(tg.GradError, match=r"'w'.*with tg\.no_grad\(\)"):
        f(w, other)
    with tg.no_grad():
        assert f(w, other) is w
    assert w.is_leaf and w.requires_grad and w.shape == np.shape(value)
    np.testing.assert_array_equal(w.numpy(), expected)
    recorded = leaf(value) * 1.0
    out = f(recorded, 2.0)
    assert out is not recorded and out.requires_grad
    np.testing.assert_array_equal(recorded.numpy(), value)


def test_in_place_updates_keep_the_dtype_and_refuse_what_does_not_fit() -> None:
    w = leaf(np.ones(2, "f4"))
    with tg.no_grad():
        w -= np.full(2, 0.25)
        assert w.dtype == np.float32 and w.tolist() == [0.75, 0.75]
        scalar = leaf(np.float32(1))
        scalar -= np.float64(0.25)
        assert scalar.dtype == np.float32 and scalar.item() == 0.75
        with pytest.raises(tg.ShapeError, match=r"in place: cannot write .*\(3,\).* into 'w'"):
            w -= np.ones(3)
        with pytest.raises(tg.DTypeError, match=r"NoneType.*\.grad is None until backward\(\) has run"):
            w -= None
    with pytest.raises(tg.DTypeError, match=r"NoneType.*grad is None"):
        w - None  # type: ignore[operator]
    assert w.tolist() == [0.75, 0.75]


@pytest.mark.parametrize("t,expected", [(2.0, True), ([0.0], False), ([[3]], True), (False, False)])
def test_truth_of_one_element(t: Any, expected: bool) -> None:
    assert bool(tg.Tensor(t)) is expected


def test_truth_of_more_or_none_is_refused() -> None:
    for t in (leaf(), tg.Tensor([]), leaf() > 0):
        with pytest.raises(tg.ShapeError, match="bool: expected one element"):
            bool(t)


def test_numbers() -> None:
    assert int(tg.Tensor([2.7])) == 2 and float(tg.Tensor(2)) == 2.0 and complex(tg.Tensor(2.0)) == 2
    assert list(range(tg.Tensor(2))) == [0, 1] and f"{leaf(2.5):6.2f}" == "  2.50" and 3.0 in leaf()
    assert type(leaf(2.5).item()) is float and type(tg.Tensor([True]).item()) is bool
    with pytest.raises(tg.DTypeError, match="expected an integer tensor"):
        range(tg.Tensor(2.0))
    assert sum([leaf(1.0), leaf(2.0)]).item() == 3 and max(leaf()).item() == 3


def test_length_iteration_and_unpacking_record() -> None:
    w = leaf()
    a, b, c = w
    assert len(w) == 3
    (a * b * c).backward()
    assert w.grad is not None and w.grad.tolist() == [-6.0, 4.5, -3.0]
    for use in (len, iter, list):
        with pytest.raises(tg.DTypeError, match="has no axes"):
            list(use(leaf(1.0)))


@pytest.mark.parametrize("dtype,records", [("f4", True), ("f2", True), (int, False), (bool, False)])
def test_astype(dtype: Any, records: bool) -> None:
    w = leaf()
    out = w.astype(dtype)
    assert out.dtype == dtype and out.requires_grad is records
    np.testing.assert_array_equal(out.numpy(), X.astype(dtype))
    if records:
        out.sum().backward()
        assert w.grad is not None and w.grad.dtype == np.float64
    with pytest.raises(tg.DTypeError, match="astype: expected a float, int or bool dtype"):
        w.astype(str)


def test_where_numpy_and_pytorch_differ_numpy_decides() -> None:
    t = tg.Tensor([[1.0, 5.0], [2.0, 3.0]])
    a = t.numpy()
    assert t.transpose((0, 1)).tolist() == a.tolist() and t.swapaxes(0, 1).tolist() == a.T.tolist()
    assert t.max(1).tolist() == [5.0, 3.0] and t.argmax(1).tolist() == [1, 1]
    assert t.std().item() == a.std() and t.std(ddof=1).item() == a.std(ddof=1)
    assert t.repeat(2).tolist() == a.repeat(2).tolist() and np.tile(t, 2).tolist() == np.tile(a, 2).tolist()
    assert t.size == 4 and tg.Tensor(0.5).dtype == np.float64
    assert tg.sort(t, 1).tolist() == np.sort(a, 1).tolist() and t.argsort(1).tolist() == [[0, 1], [0, 1]]
    assert tg.median(t).item() == 2.5 and len(t.nonzero()) == 2 and np.argwhere(t).shape == (4, 2)
    assert tg.equal(t, t).tolist() == [[True, True]] * 2 and np.array_equal(t, t) is True
    u, s, vt = tg.svd(t)
    np.testing.assert_allclose((u * s @ vt).numpy(), a, rtol=1e-12)
    assert tg.Tensor(np.ones((2, 3, 4)))[0, :, [1, 2]].shape == (2, 3)
