"""NumPy's elementwise functions: none forgotten, and what happens at kinks and special values."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.oracles import assert_close
from tinygrad_gd.ground.registry import NUMPY

#: Dates are no numbers; products of vectors are linear algebra and tested there.
NOT_ELEMENTWISE = {"isnat", "matmul", "matvec", "vecmat", "vecdot"}
UFUNCS = sorted(
    name for name in dir(np) if isinstance(getattr(np, name), np.ufunc) and name not in NOT_ELEMENTWISE)


@pytest.mark.parametrize("name", UFUNCS)
def test_every_ufunc_of_numpy_is_here_under_each_of_its_names(name: str) -> None:
    assert getattr(np, name) in NUMPY
    assert getattr(tg, name) is NUMPY[getattr(np, name)]


#: function -> (arguments, gradients): the table in the docstring of `tinygrad_gd.ops.ufuncs`.
KINKS: list[tuple[Any, tuple[float, ...], tuple[float, ...]]] = [
    *((f, (x,), (0,)) for f in (np.sign, np.floor, np.ceil, np.trunc, np.rint, np.round, np.fix,
                                np.spacing) for x in (-1.5, 2.0)),
    (np.floor_divide, (7, 2), (0, 0)),
    (np.heaviside, (1, 0.5), (0, 0)), (np.heaviside, (0, 0.5), (0, 1)),
    *((f, (2, 2), (0.5, 0.5)) for f in (np.maximum, np.minimum, np.fmax, np.fmin)),
    *((f, (2, 3), (0, 1)) for f in (np.maximum, np.fmax)),
    *((f, (2, 3), (1, 0)) for f in (np.minimum, np.fmin)),
    (np.fmax, (np.nan, 3), (0, 1)), (np.fmin, (3, np.nan), (1, 0)),
    (np.absolute, (0,), (0,)), (np.fabs, (0,), (0,)),
    (np.copysign, (0, -1), (0, 0)), (np.copysign, (2, -1), (-1, 0)),
    (np.hypot, (0, 0), (0, 0)), (np.arctan2, (0, 0), (0, 0)),
    (np.arctan2, (0, -2), (-0.5, 0)), (np.arctan2, (1e200, 1e200), (5e-201, -5e-201)),
    (np.clip, (1, 1, 2), (1, 0, 0)), (np.clip, (2, 1, 2), (1, 0, 0)),
    (np.clip, (0, 1, 2), (0, 1, 0)), (np.clip, (3, 1, 2), (0, 0, 1)),
    (np.remainder, (7, 2), (1, -3)), (np.remainder, (-7, 2), (1, 4)),
    (np.fmod, (7, 2), (1, -3)), (np.fmod, (-7, 2), (1, 3)), (np.fmod, (1, 0.1), (1, -9)),
    (lambda x: np.modf(x)[0], (2.0,), (1,)), (lambda x: np.modf(x)[1], (2.5,), (0,)),
    *((np.nan_to_num, (x,), (0,)) for x in (np.nan, np.inf, -np.inf)),
    *((f, (-np.inf, -np.inf), (0, 0)) for f in (np.logaddexp, np.logaddexp2)),
    *((f, (-np.inf, 1), (0, 1)) for f in (np.logaddexp, np.logaddexp2)),
    (np.logaddexp, (1e4, -1e4), (1, 0)), (np.logaddexp, (-1e4, -1e4), (0.5, 0.5)),
    (np.nextafter, (1, 2), (1, 0)),
    (np.ldexp, (3, 2), (4,)), (lambda x: np.frexp(x)[0], (6.0,), (0.125,)),
]  # fmt: skip


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(("function", "arguments", "expected"), KINKS)
def test_conventions_at_kinks(
    function: Any, arguments: Any, expected: Any, create_graph: bool
) -> None:
    leaves = [tg.Tensor(float(x), requires_grad=True) for x in arguments]
    used = [*leaves[: len(expected)], *(int(x) for x in arguments[len(expected):])]
    function(*used).backward(create_graph=create_graph)
    assert tuple(x.grad.item() for x in leaves[: len(expected)]) == pytest.approx(
        expected, rel=1e-11, abs=0)


@pytest.mark.parametrize("function", [np.sqrt, np.cbrt, np.log])
def test_infinite_slopes_warn_as_numpy_does(function: Any) -> None:
    x = tg.Tensor(0.0, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = function(x)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        y.backward()
    assert x.grad.item() == math.inf


def test_the_gradient_of_a_tie_sums_to_one_whatever_the_order() -> None:
    x = tg.Tensor([1.0, 1.0], requires_grad=True)
    np.maximum(x, x).sum().backward()
    assert x.grad.tolist() == [1, 1]


SPECIAL = np.array([0.0, -0.0, 1.5, -1.5, 8.0, 1e300, 5e-324, np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("function", [
    np.modf, np.frexp, lambda x: np.divmod(x, 3), lambda x: (np.nan_to_num(x, True, 1, 2, 3),),
    lambda x: (np.round(x, 1),), lambda x: (np.around(x),), lambda x: (np.real(x),),
    lambda x: (np.imag(x),), lambda x: (np.isposinf(x), np.isneginf(x)),
    lambda x: (np.clip(x, -2, 2), np.clip(x, None, 3), np.clip(x, 1, None), np.clip(x, None, 1)),
    lambda x: (np.float_power(x, 2), np.float_power(2, np.clip(x, -5, 5))),
])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_are_numpys_own(function: Any, dtype: Any) -> None:
    with np.errstate(all="ignore"):
        x = SPECIAL.astype(dtype)
        for expected, actual in zip(function(x), function(tg.Tensor(x)), strict=True):
            assert actual.dtype == expected.dtype
            np.testing.assert_array_equal(actual, expected)
            assert (np.signbit(actual.numpy()) == np.signbit(expected))[~np.isnan(expected)].all()


def test_float_power_computes_in_float64_and_sends_back_float32() -> None:
    x = tg.Tensor(np.array([1.5, 2.5], np.float32), requires_grad=True)
    y = np.float_power(x, np.array([3, -1]))
    y.sum().backward()
    assert y.dtype == np.float64 and x.grad.dtype == np.float32
    assert_close(x.grad.numpy(), np.float32([3 * 1.5**2, -1 / 2.5**2]), 1e-6)


def test_integer_functions_work_and_need_no_gradient() -> None:
    n = tg.Tensor([12, 18])
    assert np.gcd(n, 8).tolist() == [4, 2] and np.lcm(n, 8).tolist() == [24, 72]
    assert np.left_shift(n, 1).tolist() == [24, 36] and np.right_shift(n, 1).tolist() == [6, 9]
    assert np.bitwise_count(n).tolist() == [2, 2]
    with pytest.raises(tg.DTypeError, match=r"gcd.*float64 of shape \(2,\)"):
        np.gcd(tg.Tensor([1.0, 2.0]), 2)


def test_methods() -> None:
    x = tg.Tensor([-1.27, 0.5])
    assert x.round(1).tolist() == [-1.3, 0.5] and x.clip(min=0).tolist() == [0, 0.5]
    assert tg.clip(x, max=0).tolist() == [x.tolist()[0], 0]


class TestPiecewise:
    def same(self, x: Any, *args: Any) -> None:
        expected = np.piecewise(x, *args)
        actual = np.piecewise(tg.Tensor(x), *args)
        assert actual.dtype == expected.dtype
        np.testing.assert_array_equal(actual, expected)

    def test_values(self) -> None:
        x = np.array([[-2.0, -0.5, 0.0], [0.5, 2.0, np.inf]])
        double = [lambda v: v * 2]
        self.same(x, [x < 0, x > 1], [*double, 7])
        self.same(x, [x < 0, x > 1], [*double, 7, np.exp])
        self.same(x, [x < 1, x < 0], [1, np.square])  # the last one that holds counts
        self.same(x[0], x[0] < 0, double)
        self.same(x[0], list(x[0] < 0), double)
        self.same(x, [x > 1e9], [np.negative])
        self.same(np.array(3.0), True, double)
        self.same(np.array(3.0), [False], double)
        self.same(x.astype(np.float32), [x < 0], [*double, np.float64(0.1)])
        self.same(np.array([1, 2]), [np.array([True, False])], [0.9])

    def test_options_reach_the_functions(self) -> None:
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        y = np.piecewise(x, [x > 1], [lambda v, a, b: v * a + b], 3, b=1)
        y.sum().backward()
        assert y.tolist() == [0, 7] and x.grad.tolist() == [0, 3]

    def test_the_branch_not_taken_does_no_harm(self) -> None:
        x = tg.Tensor([-4.0, 0.0, 4.0], requires_grad=True)
        y = np.piecewise(x, [x > 0], [np.log, lambda v: -v])
        y.sum().backward()
        assert x.grad.tolist() == [-1, -1, 0.25]

    def test_misuse(self) -> None:
        x = tg.Tensor([1.0, 2.0, 3.0])
        with pytest.raises(tg.ShapeError, match=r"mask of the shape of float64 of shape \(3,\)"):
            np.piecewise(x, [[True, False]], [1])
        with pytest.raises(tg.ShapeError, match="1 conditions need 1 functions"):
            np.piecewise(x, [x > 1], [1, 2, 3])


@pytest.mark.parametrize(("call", "match"), [
    (lambda x: np.clip(x, 0, 1, min=0), "clip: got both a_min= and min="),
    (lambda x: tg.clip(x, 0, 1, low=0), "clip"),
    (lambda x: np.nan_to_num(x, copy=False), "copy=False would write into a Tensor"),
])
def test_options_that_make_no_sense(call: Any, match: str) -> None:
    with pytest.raises(tg.DTypeError, match=match):
        call(tg.Tensor([1.0]))
