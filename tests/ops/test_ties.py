"""Who gets the gradient: bounds that cross, and equal elements, also with a repeated index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg


def gradients(call: Any, *values: Any) -> list[Any]:
    leaves = [tg.Tensor(np.array(v, float), requires_grad=True) for v in values]
    call(*leaves).sum().backward()
    return [np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy() for leaf in leaves]


@pytest.mark.parametrize(("a", "low", "high", "expected"), [
    (0.5, 3.0, 2.0, (0, 0, 1)), (2.0, 3.0, 2.0, (0, 0, 1)), (3.0, 3.0, 2.0, (0, 0, 1)), (2.5, 3.0, 2.0, (0, 0, 1)),
    (9.0, 3.0, 2.0, (0, 0, 1)), (0.5, 2.0, 3.0, (0, 1, 0)), (2.5, 2.0, 3.0, (1, 0, 0)), (9.0, 2.0, 3.0, (0, 0, 1)),
    (2.0, 2.0, 3.0, (1, 0, 0)), (3.0, 2.0, 3.0, (1, 0, 0)), (2.0, 2.0, 2.0, (1, 0, 0)), (1.0, 2.0, 2.0, (0, 1, 0)),
    (3.0, 2.0, 2.0, (0, 0, 1))])
def test_the_upper_bound_decides_where_bounds_cross(a: float, low: float, high: float, expected: Any) -> None:
    assert np.clip(tg.Tensor(a), low, high).item() == np.clip(a, low, high)
    assert tuple(map(float, gradients(np.clip, a, low, high))) == expected
    assert [float(g[0]) for g in gradients(np.clip, [a], [low], [high])] == list(expected)
    assert float(gradients(lambda x: np.clip(x, low, high), a)[0]) == expected[0]
    assert float(gradients(lambda x: x.clip(min=low, max=high), [a])[0][0]) == expected[0]
    assert float(gradients(lambda x: np.clip(a, low, x), high)[0]) == expected[2]
    assert float(gradients(lambda x: np.clip(a, x, high), low)[0]) == expected[1]


def test_one_bound_and_crossed_bounds_of_some() -> None:
    x, low, high = [0.0, 2.0, 5.0], [1.0, 4.0, 1.0], [3.0, 3.0, 3.0]
    found = gradients(np.clip, x, low, high)
    np.testing.assert_array_equal(found, [[0, 0, 0], [1, 0, 0], [0, 1, 1]])
    np.testing.assert_array_equal(gradients(lambda x: np.clip(x, None, 1.0), x)[0], [1, 0, 0])
    np.testing.assert_array_equal(gradients(lambda x: np.clip(x, 1.0, None), x)[0], [0, 1, 1])


@pytest.mark.parametrize(("name", "sign"), [("max", 1.0), ("min", -1.0)])
def test_equal_elements_share_also_if_an_index_repeats(name: str, sign: float) -> None:
    def changed(x: Any, v: Any) -> Any:
        return getattr(x.at[[2, 2, 0, 1, 2, 2]], name)(v)

    x, v = sign * np.array([1.0, 2.0, 3.0]), sign * np.array([3.0, 3.0, 1.0, 3.0, 0.0, 3.0])
    gx, gv = gradients(changed, x, v)
    np.testing.assert_allclose(gx, [1 / 2, 0, 1 / 4])
    np.testing.assert_allclose(gv, [1 / 4, 1 / 4, 1 / 2, 1, 0, 1 / 4])
    np.testing.assert_array_equal(changed(tg.Tensor(x), tg.Tensor(v)), sign * np.array([1.0, 3.0, 3.0]))


def test_ties_of_a_number_and_along_slices() -> None:
    np.testing.assert_allclose(gradients(lambda x: x.at[[0, 0, 1]].max(2.0), [2.0, 1.0])[0], [1 / 3, 0])
    gx, gv = gradients(lambda x, v: x.at[1:, None].min(v), [1.0, 2.0, 3.0], 2.0)
    np.testing.assert_allclose(gx, [1, 1 / 2, 0])
    np.testing.assert_allclose(gv, 1.5)


def test_values_are_those_of_ufunc_at() -> None:
    rng = np.random.default_rng(3)
    x, places, v = rng.standard_normal((5, 4)), rng.integers(0, 5, 30), rng.standard_normal((30, 4))
    for name, ufunc in (("max", np.maximum), ("min", np.minimum), ("multiply", np.multiply), ("add", np.add)):
        expected = x.copy()
        ufunc.at(expected, places, v)
        found = getattr(tg.Tensor(x).at[places], name)(v)
        np.testing.assert_allclose(found.numpy(), expected, rtol=0 if name != "add" else 1e-13)


def test_a_repeated_product_has_all_its_derivatives() -> None:
    places = [0, 1, 0, 0, 2, 1]
    assert tg.gradcheck(lambda x, v: x.at[places].multiply(v), [np.array([2.0, 0.0, -1.0, 4.0]), np.array([1.0, 2.0, 0.0, 3.0, 0.5, 0.0])], order=2)
    assert tg.Tensor([1.0]).at[np.zeros(0, int)].multiply(3.0).tolist() == [1.0]
    assert tg.Tensor([2, 3]).at[[0, 0]].max(tg.Tensor([5, 7])).tolist() == [7, 3]
