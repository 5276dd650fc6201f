"""`Tensor` as its users meet it: what it is made of, its operators, updates, copies and names."""

from __future__ import annotations

import copy
import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg

X, Y = np.array([1.5, -2.0, 3.0]), np.array([2.0, 0.5, -4.0])


def leaf(value: Any = X, **options: Any) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, name="w", **options)


@pytest.mark.parametrize("data,dtype", [
    (2, "int64"), (2.5, "float64"), (True, "bool"), ([1, 2], "int64"), ([[1, 2.5]], "float64"), ([], "float64"),
    ((1.0, 2), "float64"), (range(3), "int64"), (np.float32(1), "float32"), (np.ones(2, "f4"), "float32"),
    (np.ones((2, 0), "i1"), "int8"), (np.bool_(False), "bool"), (np.ones((3, 2)).T, "float64"),
    ([np.float32(1), 2], "float64"),
])
def test_construction(data: Any, dtype: str) -> None:
    t = tg.Tensor(data)
    expected = np.array(data)
    assert t.dtype == dtype and t.shape == expected.shape and t.ndim == expected.ndim
    assert t.size == expected.size and t.tolist() == expected.tolist()
    assert t.is_leaf and not t.requires_grad and t.grad is None and t.name is None
    assert tg.Tensor(data, dtype=np.float32).dtype == np.float32


def test_requires_grad_takes_numpys_booleans() -> None:
    t = tg.Tensor(1.0, requires_grad=np.bool_(True))  # type: ignore[arg-type]
    assert t.requires_grad is True
    t.requires_grad = np.bool_(False)  # type: ignore[assignment]
    assert t.requires_grad is False


def test_construction_from_tensors() -> None:
    w = leaf()
    t = tg.Tensor(w)
    assert t.is_leaf and not t.requires_grad and not np.shares_memory(t.numpy(), w.numpy())
    assert tg.Tensor([tg.Tensor(1.0), 2.0]).tolist() == [1.0, 2.0]
    assert tg.Tensor([tg.Tensor([1, 2]), [3, 4]]).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("data,text", [
    ("a", "dtype <U1"), (None, "dtype object"), (object(), "dtype object"), (1j, "complex128"),
    ([1, None], "dtype object"), (2**70, "dtype object"), (np.datetime64("2020"), "datetime64"),
    (np.ma.array([1, 2], mask=[0, 1]), "the mask of int64.*would be lost.*filled"), (iter([1]), "object"),
])
def test_what_is_not_a_number_is_refused(data: Any, text: str) -> None:
    with pytest.raises(tg.DTypeError, match=text):
        tg.Tensor(data)


def test_masks_are_not_lost() -> None:
    masked = np.ma.array([1.0, 2, 3], mask=[0, 1, 0])
    for use in (lambda: leaf() * masked, lambda: tg.exp(masked), lambda: setattr(leaf(), "data", masked),
                lambda: leaf().assign(masked), lambda: np.maximum(leaf(), masked)):
        with tg.no_grad(), pytest.raises(tg.DTypeError, match=r"mask of float64 of shape \(3,\)"):
            use()


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
    expected = np.asarray(f(a, b))
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


def test_updates_through_data() -> None:
    for start in (X, np.array(2.0)):
        p = leaf(start)
        (p * p).sum().backward()
        assert p.grad is not None
        p.data -= 0.25 * p.grad
        np.testing.assert_array_equal(p.numpy(), start / 2)
        p.data = np.zeros(start.shape)
        assert not p.numpy().any() and p.requires_grad
    with pytest.raises(tg.GradError, match=r"only leaves.*\.detach\(\)"):
        (p * 2).data = 1.0


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


def test_repr() -> None:
    assert repr(leaf()) == (
        "Tensor([ 1.5, -2. ,  3. ], shape=(3,), dtype=float64, name='w', requires_grad=True)")
    assert repr(leaf() > 0) == "Tensor([ True, False,  True], shape=(3,), dtype=bool)"
    assert str((leaf() * 2).sum()) == "Tensor(5., shape=(), dtype=float64, made by sum)"
    assert "..." in repr(tg.Tensor(np.zeros(1000))) and repr(tg.nn.Parameter(1.0)).startswith("Parameter(")


@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
@pytest.mark.parametrize("value", [X, 2.0, np.ones((2, 0), "f4")])
def test_copies_are_independent(twin_of: Callable[..., Any], value: Any) -> None:
    w = leaf(value)
    w.grad = np.ones(w.shape)
    twin = twin_of(w)
    assert type(twin) is tg.Tensor and twin.dtype == w.dtype and twin.shape == w.shape
    assert twin.name == "w" and twin.requires_grad and twin.grad.tolist() == w.grad.tolist()
    assert not np.shares_memory(twin._data, w._data) and not np.shares_memory(twin.grad._data, w.grad._data)
    with pytest.raises(tg.GradError, match="only leaves"):
        twin_of(w * 2)


def test_shared_tensors_stay_shared_in_deep_copies() -> None:
    w = leaf()
    first, second = copy.deepcopy([w, w])
    assert first is second and first is not w
    assert isinstance(copy.deepcopy(tg.nn.Parameter(1.0)), tg.nn.Parameter)


def test_detach_numpy_and_copy() -> None:
    w = leaf()
    assert w.copy().requires_grad and not w.copy().is_leaf
    d = w.detach()
    assert d.is_leaf and not d.requires_grad and not np.shares_memory(d._data, w._data)
    assert not w.numpy().flags.writeable and w.T.shape == (3,)


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


@pytest.mark.parametrize("name,text", [
    ("view", r"use \.reshape"), ("dim", r"use \.ndim"), ("cuda", "CPU's memory"), ("to", "astype"),
    ("unsqueeze", r"np\.expand_dims"), ("add_", r"-=, \+= .* tg\.no_grad"), ("softmax", r"use tg\.softmax\(t\)"),
    ("grad_fn", r"t\.draw\(\)"), ("nonsense", "$"), ("zero_", r"use \.zero_grad\(\).*\.assign"),
    ("mul", r"operators"), ("eq", "operators"), ("masked_fill", r"np\.where\(mask, value, t\)"),
    ("square", r"use tg\.square\(t\)"),
])
def test_names_of_other_libraries(name: str, text: str) -> None:
    with pytest.raises(AttributeError, match=f"^'Tensor' object has no attribute '{name}'.*{text}"):
        getattr(leaf(), name)
    assert not hasattr(leaf(), name)


@pytest.mark.parametrize("name,text", [
    ("zeros", r"use np\.zeros, inside tg\.Tensor\(\.\.\.\)"), ("float32", r"use np\.float32"), ("cat", r"tg\.concatenate"),
    ("randn", r"tg\.normal\(size=shape\)"), ("from_numpy", r"tg\.Tensor\(array\)"), ("cuda", "CPU's memory"),
    ("save", r"np\.savez\(path, \*\*model\.state_dict\(\)\)"), ("nonsense", "$"), ("_core", "$"),
])
def test_names_of_other_libraries_in_the_package(name: str, text: str) -> None:
    with pytest.raises(AttributeError, match=f"^module 'tinygrad_gd' has no attribute '{name}'.*{text}"):
        getattr(tg, name)


def test_where_numpy_and_pytorch_differ_numpy_decides() -> None:
    t = tg.Tensor([[1.0, 5.0], [2.0, 3.0]])
    a = t.numpy()
    assert t.transpose(0, 1).tolist() == a.tolist() and t.swapaxes(0, 1).tolist() == a.T.tolist()
    assert t.max(1).tolist() == [5.0, 3.0] and t.argmax(1).tolist() == [1, 1]
    assert t.std().item() == a.std() and t.std(ddof=1).item() == a.std(ddof=1)
    assert t.repeat(2).tolist() == a.repeat(2).tolist() and np.tile(t, 2).tolist() == np.tile(a, 2).tolist()
    assert t.size == 4 and tg.Tensor(0.5).dtype == np.float64


def test_tensors_are_also_made_as_in_pytorch() -> None:
    t = tg.tensor([1, 2], dtype=np.float32, requires_grad=True)
    assert type(t) is tg.Tensor and t.dtype == np.float32 and t.requires_grad


def test_unknown_options_and_attributes_are_refused() -> None:
    for use in (lambda: leaf().sum(dim=0), lambda: tg.softmax(leaf(), dim=0), lambda: leaf().max(dim=0)):
        with pytest.raises(tg.DTypeError, match="unknown option dim=, write axis="):
            use()
    with pytest.raises(AttributeError):
        leaf().colour = "red"  # type: ignore[attr-defined]


def test_ragged_lists_beside_a_tensor() -> None:
    with pytest.raises(tg.ShapeError, match=r"add: expected a rectangular nested list.*different lengths"):
        np.add(leaf(), [[1, 2], [3]])


def test_names_are_strings_and_gradients_fit() -> None:
    with pytest.raises(tg.DTypeError, match="name: expected a string, got int"):
        leaf().name = 3  # type: ignore[assignment]
    w = leaf()
    w.grad = [1, 2, 3]
    assert w.grad is not None and w.grad.dtype == np.float64
    w.zero_grad()
    assert w.grad is None and w.requires_grad_(False) is w and not w.requires_grad
