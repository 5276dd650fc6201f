"""`Tensor` as its users meet it: what it is made of, updates, copies and names."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tinygrad_gd.engine import tensor

X = np.array([1.5, -2.0, 3.0])


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
    assert not np.shares_memory(twin._value, w._value) and not np.shares_memory(twin.grad._value, w.grad._value)
    with pytest.raises(tg.GradError, match=r"copy: .*multiply; only leaves can .* For plots and files give the "
                                           r"values, \.item\(\) or \.numpy\(\), .*\.detach\(\).*\.copy\(\)"):
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
    assert d.is_leaf and not d.requires_grad and not np.shares_memory(d._value, w._value)
    assert not w.numpy().flags.writeable and w.T.shape == (3,)


def test_tensors_are_also_made_as_in_pytorch() -> None:
    t = tg.tensor([1, 2], dtype=np.float32, requires_grad=True)
    assert type(t) is tg.Tensor and t.dtype == np.float32 and t.requires_grad


def test_names_are_strings_and_gradients_fit() -> None:
    with pytest.raises(tg.DTypeError, match="name: expected a string, got int"):
        leaf().name = 3  # type: ignore[assignment]
    w = leaf()
    w.grad = [1, 2, 3]
    assert w.grad is not None and w.grad.dtype == np.float64
    w.zero_grad()
    assert w.grad is None and w.requires_grad_(False) is w and not w.requires_grad


def parameter(value: Any = 3.0, **options: Any) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, **options)


def test_updates_as_students_write_them() -> None:
    w = parameter([1.0, 2.0])
    alias = w.data
    (w * w).sum().backward()
    with tg.no_grad():
        w -= 0.5 * w.grad
    assert w.tolist() == [0.0, 0.0] and w.is_leaf and w.requires_grad
    w.data -= 0.5 * w.grad
    assert w.tolist() == [-1.0, -2.0] and alias.tolist() == [-1.0, -2.0]
    total = tg.Tensor(0.0)
    for _ in range(2):
        total += (w * w).sum()
    total.backward()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_leaves_can_be_copied(duplicate: Any) -> None:
    w = parameter([1.0, 2.0], name="w")
    (w * 2).sum().backward()
    twin = duplicate(w)
    assert twin.name == "w" and twin.requires_grad and twin.grad.tolist() == [2.0, 2.0]
    with tg.no_grad():
        twin -= 1
    assert w.tolist() == [1.0, 2.0]
    with pytest.raises(tg.GradError, match="only leaves"):
        duplicate(w * 2)


def test_values_and_containers() -> None:
    t = tg.Tensor([[1, 2], [3, 4]])
    assert len(t) == 2 and [row.tolist() for row in t] == [[1, 2], [3, 4]] and 3 in t
    assert t.dtype == np.int64 and tg.Tensor(True).dtype == bool and t.T.tolist() == [[1, 3], [2, 4]]
    assert repr(parameter(1.5, name="w")) == "Tensor(1.5, shape=(), dtype=float64, name='w', requires_grad=True)"
    assert "made by multiply" in repr(parameter() * 2)
    assert f"{tg.Tensor(2.5):.2f}" == "2.50" and float(tg.Tensor(2.5)) == 2.5
    assert np.shape(t) == (2, 2) and np.ndim(t) == 2 and [10, 20, 30][tg.Tensor(1)] == 20


def pickle_of(t: tg.Tensor) -> bytes:
    import pickle

    return pickle.dumps(t)


MISUSE: Table = {
    "integer grad": (lambda: w(3), TypeError, "only floating tensors.*dtype=float"),
    "leaf in place": (lambda: w().__iadd__(1), RuntimeError, r"'w'.*with tg\.no_grad\(\)"),
    "item of recorded": (lambda: (w() * 2).__setitem__(0, 1), RuntimeError, r"made by multiply.*tg\.where"),
    "format": (lambda: f"{w():.3f}", ValueError, r"format: expected one element.*an index"),
    "too large": (lambda: tg.Tensor(300, dtype=np.int8), TypeError, "of int: .*300 out of bounds for int8"),
    "strings": (lambda: tg.Tensor(["a"]), TypeError, "float, int or bool"),
    "objects": (lambda: tg.Tensor(np.array([None])), TypeError, "dtype object"),
    "complex": (lambda: tg.Tensor(1j), TypeError, "dtype complex128"),
    "ragged": (lambda: tg.Tensor([[1, 2], [3]]), ValueError, "rows of different lengths"),
    "lost gradient": (lambda: tg.Tensor([w(1.0), w(2.0)]), TypeError, r"tg\.stack"),
    "bool": (lambda: bool(w()), ValueError, r"bool: expected one element.*\.any\(\)"),
    "item": (lambda: w().item(), ValueError, r"one element.*\.numpy\(\)"),
    "len": (lambda: len(w(1.0)), TypeError, "has no axes"),
    "data shape": (lambda: setattr(w(), "data", [1.0]), ValueError, r"expected shape \(3,\), got \(1,\)"),
    "grad shape": (lambda: setattr(w(), "grad", [1.0]), ValueError, "expected the shape"),
    "copy": (lambda: pickle_of(w() * 2), RuntimeError, "only leaves"),
    "requires_grad as a text": (lambda: setattr(w(), "requires_grad", "no"), TypeError,
                                "^requires_grad: expected True or False, got str 'no'; write requires_grad=True or"),
    "requires_grad of the constructor": (lambda: tg.Tensor(1.0, requires_grad=1), TypeError,  # type: ignore[arg-type]
                                         "got int 1; write requires_grad=True or .*, and np.empty\\(shape\\) for a shape"),
    "requires_grad of many": (lambda: tg.Tensor([1.0, 2.0], requires_grad=np.array([True, False])), TypeError,  # type: ignore[arg-type]
                              r"expected True or False, got bool of shape \(2,\)"),
    "requires_grad_": (lambda: w().requires_grad_(None), TypeError, "expected True or False, got NoneType None"),  # type: ignore[arg-type]
    "nothing among numbers": (lambda: tg.Tensor([1.0, None], dtype=float), TypeError, "dtype object from list"),
    "text as a number": (lambda: tg.Tensor("1.5", dtype=float), TypeError, "from str"),
    "complex as real": (lambda: tg.Tensor(np.array([2j]), dtype=float), TypeError, "dtype complex128; convert"),
    "complex gradient": (lambda: setattr(w(), "grad", np.ones(3, complex)), TypeError, "dtype complex128"),
    "text as an element": (lambda: tg.Tensor([1, 2]).__setitem__(0, "a"), ValueError, r"write_item\(int64 of shape \(2,\), int, str\).*check"),
    "element beyond": (lambda: tg.Tensor([1, 2]).__setitem__(9, 1), IndexError, "index 9 is out of bounds.*run from minus"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


def test_what_programs_rely_on_is_set_before_it_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread that sees the new count looks at what was set."""
    t, seen = tg.Tensor(1.0), []

    class Counting:
        count = property(lambda self: 0, lambda self, value: seen.append(t.requires_grad))

    monkeypatch.setattr(tensor, "changes", Counting())
    t.requires_grad = True
    t.requires_grad = False
    assert seen == [True, False]
