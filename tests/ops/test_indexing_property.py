"""Reading and changing by index, for all kinds of keys that hypothesis thinks of.

The oracle is NumPy alone: the same key applied to the numbers 1, 2, 3, ... of the elements tells where
each element of a result came from, so its gradient is the sum of the cotangents at its copies.
"""

from __future__ import annotations

from collections import UserList
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_gd as tg
from tests.ops.test_shapes_property import check_moves, many, numbers
from tests.values import values

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)
NO_SIDE = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


@st.composite
def keys(draw: Any, shape: tuple[int, ...]) -> Any:
    """A key for ``shape``: integers, slices, arrays, masks, None and ... in any order and number."""
    common = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
    whole = draw(st.integers(0, len(shape)))
    parts: list[Any] = []
    axis = 0
    while axis < len(shape) - whole:
        kind = draw(st.sampled_from(["integer", "slice", "array", "list", "mask", "none"]))
        if kind == "none":
            parts.append(None)
            continue
        n = shape[axis]
        each = st.integers(-n, n - 1)
        if kind == "integer":
            parts.append(draw(st.one_of(each, each.map(np.int32), each.map(tg.Tensor))))
        elif kind == "slice":
            parts.append(draw(st.slices(n)))
        elif kind == "mask":
            parts.append(np.resize(draw(st.lists(st.booleans(), min_size=1)), n))
        else:
            array = draw(hnp.arrays(np.int64, common, elements=each))
            parts.append(array.tolist() if kind == "list" else draw(st.sampled_from([np.array, tg.Tensor]))(array))
        axis += 1
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), ...)
    return parts[0] if len(parts) == 1 and draw(st.booleans()) else tuple(parts)


def in_numpy(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(map(in_numpy, key))
    key = key.numpy() if isinstance(key, tg.Tensor) else key
    return np.empty(np.shape(key), int) if isinstance(key, list) and not np.size(key) else key


@st.composite
def read(draw: Any, shapes: Any) -> Any:
    """A shape, and a key that NumPy itself accepts for it."""
    shape = draw(shapes)
    kinds = hnp.basic_indices(shape, allow_newaxis=True) | hnp.arrays(bool, shape)
    if 0 not in shape:
        kinds |= keys(shape) | hnp.integer_array_indices(shape)
    key = draw(kinds)
    try:
        np.zeros(shape)[in_numpy(key)]
    except (IndexError, ValueError):  # masks and arrays that do not broadcast with each other
        key = ...
    return shape, key


def reads(key: Any) -> Any:
    return lambda a: a[key] if isinstance(a, tg.Tensor) else values(a[in_numpy(key)])


@many
@given(read(SHAPES))
def test_reading(case: Any) -> None:
    shape, key = case
    check_moves(reads(key), shape)


@many
@given(read(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=2).filter(lambda s: 0 in s)))
def test_reading_from_nothing(case: Any) -> None:
    shape, key = case
    check_moves(reads(key), shape)


@many
@given(read(SHAPES), st.data())
def test_setting(case: Any, data: Any) -> None:
    """The values may be broadcast; where a key repeats an element, the last value stays, as in NumPy."""
    shape, key = case
    plain = in_numpy(key)
    values_shape = broadcastable(data, np.zeros(shape)[plain].shape)
    x, v = (tg.Tensor(numbers(s, i), requires_grad=True) for i, s in enumerate((shape, values_shape)))
    out = x.at[key].set(v)
    expected, origin = x.numpy().copy(), 1 + np.arange(x.size).reshape(shape)
    expected[plain] = v.numpy()
    origin[plain] = 1 + x.size + np.arange(v.size).reshape(v.shape)
    np.testing.assert_array_equal(out.numpy(), expected)
    g = numbers(shape, 5)
    out.backward(g)
    sums = np.bincount(origin.ravel(), g.ravel(), minlength=x.size + v.size + 1)[1:]
    for leaf, e in ((x, sums[: x.size]), (v, sums[x.size :])):
        np.testing.assert_allclose(gradient(leaf), e.reshape(leaf.shape), rtol=1e-12, atol=1e-13)


@many
@given(read(SHAPES), st.data(), st.sampled_from(["add", "multiply", "min", "max"]))
def test_changing(case: Any, data: Any, name: str) -> None:
    """As NumPy's ``ufunc.at``; repeated elements change repeatedly. All values differ: no ties."""
    shape, key = case
    plain, ufunc = in_numpy(key), {"min": np.minimum, "max": np.maximum}.get(name) or getattr(np, name)
    values_shape = broadcastable(data, np.zeros(shape)[plain].shape)

    def changed(a: Any, b: Any) -> Any:
        if isinstance(a, tg.Tensor):
            return getattr(a.at[key], name)(b)
        a = a.copy()
        ufunc.at(a, plain, b)
        return a

    inputs = numbers(shape, 1), numbers(values_shape, 2)
    out = changed(*(tg.Tensor(a) for a in inputs))
    np.testing.assert_allclose(out.numpy(), changed(*inputs), rtol=1e-13, atol=1e-13)
    assert tg.gradcheck(changed, inputs)


def broadcastable(data: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that broadcasts to ``shape``."""
    start = data.draw(st.integers(0, len(shape)))
    return tuple(data.draw(st.sampled_from([1, n])) for n in shape[start:])


def gradient(leaf: tg.Tensor) -> Any:
    return np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()


@many
@given(SHAPES, st.data())
def test_taking_along_an_axis(shape: tuple[int, ...], data: Any) -> None:
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    n = int(np.prod(shape)) if axis is None else shape[axis]
    places = data.draw(hnp.arrays(np.int64, NO_SIDE, elements=st.integers(-n, n - 1)))
    check_moves(lambda a: np.take(a, places, axis), shape)
    far = data.draw(hnp.arrays(np.int64, NO_SIDE, elements=st.integers(-9, 9)))
    for mode in ("wrap", "clip"):
        check_moves(lambda a, mode=mode: np.take(a, far, axis, mode=mode), shape)  # type: ignore[misc]
    if axis is None:
        check_moves(lambda a: np.take_along_axis(a, np.ravel(places), axis), shape)
    else:
        along = list(shape)
        along[axis] = data.draw(st.integers(0, 3))
        places = data.draw(hnp.arrays(np.int64, tuple(along), elements=st.integers(-n, n - 1)))
        check_moves(lambda a: np.take_along_axis(a, places, axis), shape)


def test_the_oracle_sees_a_wrong_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeated indices that overwrite instead of adding up."""
    def overwriting(g: Any, out: Any, x: Any, *indices: Any, key: Any) -> Any:
        gx = np.zeros(x.shape)
        gx[indices[0]] = g
        return gx

    made = tg.Tensor([1.0], requires_grad=True)[[0]]._primitive
    monkeypatch.setattr(made, "vjps", (overwriting,))
    with pytest.raises(AssertionError):
        check_moves(reads([0, 0]), (2,))


@pytest.mark.parametrize("key", [[], [[]], ([[], []], 0), (0, [[]])], ids=str)
def test_empty_lists_are_integers(key: Any) -> None:
    x = tg.Tensor(numbers((2, 3)), requires_grad=True)
    assert x[key].shape == np.zeros((2, 3))[in_numpy(key)].shape


@pytest.mark.parametrize("key", [
    range(2), (range(2), [2, 0]), (slice(None), range(2, 0, -1)), (range(0), 1), (UserList([1, 0]), 2)], ids=str)
def test_any_sequence_is_an_array_of_places(key: Any) -> None:
    there = numbers((2, 3))
    x = tg.Tensor(there, requires_grad=True)
    np.testing.assert_array_equal(x[key].numpy(), there[key])
    ones = np.zeros((2, 3))
    np.add.at(ones, key, 1.0)
    np.testing.assert_array_equal(tg.grad(lambda t: t[key].sum())(there).numpy(), ones)
    np.testing.assert_array_equal(x.at[key].add(1.0).numpy(), there + ones)
