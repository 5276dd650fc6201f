"""Broadcasting, reductions and shape functions, for shapes and options that hypothesis thinks of.

Two oracles that know nothing of derivative rules. A function that only moves, repeats or drops
elements, applied to the numbers 1, 2, 3, ... of the elements, tells where each came from, so the
gradient of each is the sum of the cotangents at its copies. For the others the derivative along a
direction is compared with a central difference.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_gd as tg
from tests.samples import named
from tests.values import values

many = settings(max_examples=60, deadline=None, derandomize=True, database=None)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
FILLED = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)

Call = Callable[[Any], Any]


def numbers(shape: tuple[int, ...], seed: int = 0) -> Any:
    return np.asarray(np.random.default_rng(seed).standard_normal(shape))


def check_moves(f: Call, shape: tuple[int, ...]) -> None:
    """The gradient of an element is the sum of the cotangents at the places it went to."""
    x = tg.Tensor(numbers(shape), requires_grad=True)
    out = f(x)
    assert isinstance(out, tg.Tensor)
    np.testing.assert_array_equal(values(out), f(numbers(shape)))
    origin = values(f(1 + np.arange(x.size).reshape(shape)))
    cotangent = numbers(out.shape, seed=1)
    if not out.requires_grad:  # an array of nothing
        return
    out.backward(cotangent)
    expected = np.bincount(np.ravel(origin), np.ravel(cotangent), minlength=x.size + 1)[1:]
    np.testing.assert_allclose(values(x.grad), expected.reshape(shape), rtol=1e-12, atol=1e-13)


def check_derivative(f: Call, x: Any, rtol: float = 1e-6) -> None:
    """Value as NumPy's; derivative along a direction as a central difference."""
    leaf = tg.Tensor(x, requires_grad=True)
    out, expected = f(leaf), values(f(x))
    assert out.shape == expected.shape and out.dtype == expected.dtype
    np.testing.assert_allclose(values(out), expected, rtol=1e-13, atol=1e-13)
    weights, direction = numbers(out.shape, 2), numbers(x.shape, 3)
    out.backward(weights)
    h = 1e-5
    rise = np.sum(weights * (values(f(x + h * direction)) - values(f(x - h * direction))))
    slope = np.sum(values(leaf.grad) * direction)
    scale = np.sum(np.abs(values(leaf.grad) * direction)) + np.sum(np.abs(weights))
    assert abs(slope - rise / (2 * h)) <= rtol * max(scale, 1.0)


# -- broadcasting ----------------------------------------------------------------------------------


@many
@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=3, min_side=0))
def test_gradients_of_broadcast_operands(shapes: Any) -> None:
    x, y, z = (tg.Tensor(numbers(s, i), requires_grad=True, name="xyz"[i])
               for i, s in enumerate(shapes.input_shapes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tg.BroadcastWarning)
        out = x * y + z
    a, b, c = (values(t.data) for t in (x, y, z))
    assert out.shape == shapes.result_shape
    np.testing.assert_array_equal(values(out), a * b + c)
    g = numbers(out.shape, 5)
    out.backward(g)
    for t, full in ((x, g * b), (y, g * a), (z, g)):
        places = np.broadcast_to(np.arange(t.size).reshape(t.shape), out.shape)
        summed = np.bincount(np.ravel(places), np.ravel(np.broadcast_to(full, out.shape)),
                             minlength=t.size)
        np.testing.assert_allclose(values(t.grad), summed.reshape(t.shape), rtol=1e-12, atol=1e-12)


# -- reductions ------------------------------------------------------------------------------------

SMOOTH = ("sum", "mean", "prod", "var", "std", "max", "min", "ptp", "median", "nansum", "nanmax",
          "average")


@many
@given(st.data(), FILLED, st.sampled_from(SMOOTH), st.booleans())
def test_reductions_along_any_axes(data: Any, shape: tuple[int, ...], name: str, keepdims: bool) -> None:
    ndim = len(shape)
    axis = data.draw(st.none() | st.integers(-ndim, ndim - 1)
                     | hnp.valid_tuple_axes(ndim, min_size=1))
    order = np.random.default_rng(ndim).permutation(int(np.prod(shape)))
    x = order.reshape(shape) * 0.37 - 1.0  # all different: no ties within the step
    if name == "std" and np.min(np.std(x, axis)) == 0:
        return  # its kink
    check_derivative(lambda a: getattr(np, name)(a, axis=axis, keepdims=keepdims), x)


@many
@given(hnp.arrays(np.float64, FILLED, elements=st.sampled_from([0.0, 0.0, 1.0, 2.0, -3.0])), st.data())
def test_products_of_any_number_of_zeros(x: Any, data: Any) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    check_derivative(lambda a: np.prod(a, axis=axis), x)
    check_derivative(lambda a: np.cumprod(a, axis=axis), x)
    leaf = tg.Tensor(x, requires_grad=True)
    tg.prod(leaf).backward()
    others = [np.prod(np.delete(np.ravel(x), i)) for i in range(x.size)]
    np.testing.assert_allclose(values(leaf.grad), np.reshape(others, x.shape), rtol=1e-13)


@many
@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=3, max_side=4),
                  elements=st.integers(-2, 2).map(float)), st.data(),
       st.sampled_from(["max", "min", "median", "quantile"]))
def test_equal_elements_share_equally(x: Any, data: Any, name: str) -> None:
    """Elements that are equal get the same gradient, and the parts add up to the whole."""
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    leaf = tg.Tensor(x, requires_grad=True)
    getattr(np, name)(leaf, *([0.3] if name == "quantile" else []), axis=axis).sum().backward()
    grad = np.moveaxis(values(leaf.grad), axis, -1).reshape(-1, x.shape[axis])
    np.testing.assert_allclose(grad.sum(-1), 1, rtol=1e-12)
    for row, parts in zip(np.moveaxis(x, axis, -1).reshape(grad.shape), grad, strict=True):
        for value in row:
            assert len(set(parts[row == value])) == 1


@many
@given(hnp.arrays(np.float64, FILLED, elements=st.floats(-3, 3)), st.data())
def test_where_leaves_elements_out(x: Any, data: Any) -> None:
    mask = data.draw(hnp.arrays(bool, x.shape))
    for name, options in (("sum", {}), ("prod", {}), ("max", {"initial": -9.0}),
                          ("min", {"initial": 9.0})):
        leaf = tg.Tensor(x, requires_grad=True)
        out = getattr(np, name)(leaf, where=mask, **options)
        np.testing.assert_allclose(values(out), getattr(np, name)(x, where=mask, **options),
                                   rtol=1e-13)
        out.backward()
        assert not np.any(values(leaf.grad)[~mask])


@many
@given(SHAPES, st.data())
def test_running_sums(shape: tuple[int, ...], data: Any) -> None:
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1)) if shape else None
    check_derivative(lambda a: np.cumsum(a, axis=axis), numbers(shape))


# -- shapes ----------------------------------------------------------------------------------------


@many
@given(SHAPES, st.data())
def test_reshape_to_any_shape_of_the_size(shape: tuple[int, ...], data: Any) -> None:
    size = int(np.prod(shape))
    divisors = [d for d in range(1, size + 1) if size % d == 0]
    new = (0, 3) if size == 0 else (d := data.draw(st.sampled_from(divisors)), size // d)
    check_moves(lambda a: np.reshape(a, new, order="C"), shape)
    check_moves(lambda a: np.reshape(a, new, order="F"), shape)
    check_moves(np.ravel, shape)


@many
@given(SHAPES, st.data())
def test_reordering_axes(shape: tuple[int, ...], data: Any) -> None:
    ndim = len(shape)
    order = data.draw(st.permutations(range(ndim)))
    signed = [i - ndim * data.draw(st.booleans()) for i in order]
    check_moves(lambda a: np.transpose(a, signed), shape)
    check_moves(lambda a: np.moveaxis(a, signed, range(ndim)), shape)
    if ndim:
        check_moves(lambda a: np.swapaxes(a, signed[0], -1), shape)
        check_moves(lambda a: np.rollaxis(a, signed[0], order[-1]), shape)
        check_moves(lambda a: np.expand_dims(a, signed[0]), shape)
        check_moves(np.squeeze, (*shape, 1))


@many
@given(FILLED, st.data())
def test_repeating_and_turning(shape: tuple[int, ...], data: Any) -> None:
    ndim, few = len(shape), st.integers(0, 3)
    axis = data.draw(st.integers(-ndim, ndim - 1))
    shift, count = data.draw(st.integers(-5, 5)), data.draw(few)
    counts = data.draw(st.lists(few, min_size=shape[axis], max_size=shape[axis]))
    reps = data.draw(st.lists(few, min_size=1, max_size=5))
    for f in (
        lambda a: np.roll(a, shift, axis), lambda a: np.roll(a, shift), lambda a: np.flip(a, axis),
        lambda a: np.repeat(a, count, axis), lambda a: np.repeat(a, counts, axis),
        lambda a: np.tile(a, reps), lambda a: np.append(a, a, axis), lambda a: np.resize(a, reps),
    ):  # fmt: skip
        check_moves(f, shape)
    if ndim > 1:
        check_moves(lambda a: np.rot90(a, shift, (axis, (axis + 1) % ndim)), shape)


@many
@given(FILLED, st.data(), st.sampled_from(["constant", "edge", "reflect", "symmetric", "wrap"]))
def test_padding(shape: tuple[int, ...], data: Any, mode: str) -> None:
    width = st.tuples(st.integers(0, 5), st.integers(0, 5))
    widths = data.draw(st.lists(width, min_size=len(shape), max_size=len(shape)))
    check_moves(lambda a: np.pad(a, widths, mode), shape)  # type: ignore[call-overload]
    check_moves(lambda a: np.pad(a, widths[0], mode), shape)  # type: ignore[call-overload]


@many
@given(hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=4), st.integers(-5, 5), st.data())
def test_diagonals_and_triangles(shape: tuple[int, ...], k: int, data: Any) -> None:
    axis1, axis2 = data.draw(st.permutations(range(len(shape))))[:2]
    check_moves(lambda a: np.tril(a, k), shape)
    check_moves(lambda a: np.triu(a, k), shape)
    check_moves(lambda a: np.diagonal(a, k, axis1, axis2 - len(shape)), shape)
    check_moves(lambda a: np.diagflat(a, k), shape)
    check_derivative(lambda a: np.trace(a, k, axis1, axis2), numbers(shape))
    if len(shape) == 2:
        check_moves(lambda a: np.diag(a, k), shape)
        check_moves(lambda a: np.diag(a[:, 0] if a.shape[1] else a[:, :0].ravel(), k), shape)


@many
@given(FILLED, st.data())
def test_splitting_and_joining(shape: tuple[int, ...], data: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    parts = data.draw(st.integers(1, 5))
    cuts = sorted(data.draw(st.lists(st.integers(0, shape[axis]), max_size=3)))
    gone = data.draw(st.lists(st.integers(-shape[axis], shape[axis] - 1), max_size=3))
    for f in (
        lambda a: np.concatenate(np.array_split(a, parts, axis)[::-1], axis),
        lambda a: np.concatenate(np.split(a, cuts, axis)[::-1], axis=axis),
        lambda a: np.stack(named("unstack")(a, axis=axis)[::-1], axis=-1),
        lambda a: np.delete(a, gone, axis),
        lambda a: np.insert(a, cuts[:2], a[(slice(None),) * (axis % a.ndim) + (slice(0, 1),)], axis),
        lambda a: np.concatenate([a, a], axis=None),
        lambda a: np.hstack([a, a]), lambda a: np.vstack([a, a]), lambda a: np.dstack([a, a]),
    ):  # fmt: skip
        check_moves(f, shape)


@many
@given(FILLED, st.lists(st.integers(1, 3), max_size=2))
def test_growing(shape: tuple[int, ...], front: list[int]) -> None:
    thin = tuple(1 if i % 2 else n for i, n in enumerate(shape))
    for f in (
        lambda a: np.broadcast_to(a, (*front, *shape)), np.atleast_1d, np.atleast_2d, np.atleast_3d,
        lambda a: np.broadcast_arrays(a, np.zeros((*front, *shape)))[0],
        lambda a: np.meshgrid(a.ravel()[:3], a.ravel()[-2:], a.ravel()[:1])[1],
    ):  # fmt: skip
        check_moves(f, thin)


def test_the_oracle_of_moves_sees_a_wrong_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tg.roll, "vjps", (lambda g, out, a, shift, axis: np.roll(g, shift, axis),))
    with pytest.raises(AssertionError):
        check_moves(lambda a: np.roll(a, 1), (3,))
