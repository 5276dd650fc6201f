"""Reductions where a derivative has to choose, their options, methods, ufunc forms and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import ONE, PAIR, Table, refused, w
from tests.values import values

X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.5]])


def gradient(f: Callable[[Any], Any], x: Any) -> Any:
    leaf = tg.Tensor(x, requires_grad=True)
    f(leaf).sum().backward()
    return leaf.grad.tolist() if leaf.grad is not None else None


@pytest.mark.parametrize("f,x,expected", [
    (np.max, [1.0, 3.0, 3.0], [0, 0.5, 0.5]),
    (np.min, [1.0, 1.0, 3.0], [0.5, 0.5, 0]),
    (np.ptp, [2.0, 2.0], [0, 0]),
    (np.median, [1.0, 2.0, 2.0, 9.0], [0, 0.5, 0.5, 0]),
    (np.median, [5.0, 1.0, 3.0], [0, 0, 1]),
    (lambda a: np.quantile(a, 0.5), [2.0, 2.0, 2.0, 7.0], [1 / 3, 1 / 3, 1 / 3, 0]),
    (np.std, [2.0, 2.0], [0, 0]),
    (lambda a: np.std(a, where=np.array([True, False])), [2.0, 3.0], [0, 0]),
    (np.linalg.norm, [0.0, 0.0], [0, 0]),
    (lambda a: np.linalg.norm(a, 3), [0.0, 0.0], [0, 0]),
    (lambda a: np.linalg.norm(a, 0.5), [0.0, 4.0], [0, 1]),
    (lambda a: np.linalg.norm(a, 1), [0.0, -4.0], [0, -1]),
    (lambda a: np.linalg.norm(a, np.inf), [3.0, -3.0, 1.0], [0.5, -0.5, 0]),
    (lambda a: np.linalg.norm(a, 0), [0.0, 4.0], [0, 0]),
    (np.prod, [0.0, 5.0], [5, 0]),
    (np.prod, [0.0, 0.0], [0, 0]),
    (np.cumprod, [0.0, 2.0, 3.0], [1 + 2 + 6, 0, 0]),
    (tg.logsumexp, [-np.inf, -np.inf], [0, 0]),
    (tg.logsumexp, [1e4, -np.inf], [1, 0]),
    (np.nansum, [np.nan, 2.0], [0, 1]),
    (np.nanmean, [np.nan, 2.0, 4.0], [0, 0.5, 0.5]),
    (np.nanmax, [np.nan, 2.0, 2.0], [0, 0.5, 0.5]),
])  # fmt: skip
def test_gradients_where_one_has_to_choose(f: Any, x: Any, expected: Any) -> None:
    assert gradient(f, x) == pytest.approx(expected, abs=0, rel=1e-15)


def test_a_product_with_zeros_has_all_its_second_derivatives() -> None:
    rows = []
    for i in range(4):
        leaf = tg.Tensor([2.0, 0.0, 3.0, 0.0], requires_grad=True)
        tg.prod(leaf).backward(create_graph=True)
        assert leaf.grad is not None
        first, leaf.grad = leaf.grad, None
        first[i].backward()
        rows.append(leaf.grad.tolist())
    assert rows == [[0, 0, 0, 0], [0, 0, 0, 6], [0, 0, 0, 0], [0, 6, 0, 0]]


@pytest.mark.parametrize("name,options", [
    ("sum", {"axis": 1, "dtype": np.float32}), ("sum", {"initial": 2.0}),
    ("mean", {"axis": (0, 1), "keepdims": True}), ("mean", {"where": X > 0}),
    ("prod", {"axis": 0, "initial": 3.0}), ("prod", {"dtype": np.float32}),
    ("var", {"ddof": 1, "axis": 0}), ("std", {"where": X > 0, "axis": 1}),
    ("max", {"initial": 3.5, "axis": 1}), ("min", {"initial": 9.0, "where": X > 0}),
    ("all", {"axis": 0, "where": X > 0}), ("any", {"axis": 1, "keepdims": True}),
    ("argmax", {"axis": -1, "keepdims": True}), ("argmin", {}),
    ("cumsum", {"axis": 1, "dtype": np.float32}), ("cumprod", {}), ("reshape", {"shape": (3, 2)}),
    ("ravel", {"order": "F"}), ("flatten", {}), ("squeeze", {}), ("repeat", {"repeats": 2, "axis": 1}),
    ("diagonal", {"offset": 1}), ("trace", {"offset": -1}),
])  # fmt: skip
def test_methods_take_what_numpys_take(name: str, options: Any) -> None:
    ours, numpys = getattr(tg.Tensor(X), name), getattr(X, name)
    if name == "reshape":
        result, expected = ours(3, 2), numpys(3, 2)
    else:
        result, expected = ours(**options), numpys(**options)
    assert result.dtype == expected.dtype and result.shape == expected.shape
    np.testing.assert_allclose(values(result), expected, rtol=1e-6 if "dtype" in options else 1e-15)


def test_nothing_but_nan() -> None:
    x = np.array([[np.nan, np.nan], [np.nan, 1.0]], np.float32)
    for name in ("nanmax", "nanmin"):
        result = getattr(np, name)(tg.Tensor(x), axis=1)
        assert result.dtype == np.float32 and np.isnan(result.tolist()[0]) and result.tolist()[1] == 1
    assert np.nansum(tg.Tensor(x), axis=1).tolist() == [0, 1]
    assert np.nanmax(tg.Tensor([1, 2])).dtype == int


def test_integers_and_booleans_reduce_as_in_numpy() -> None:
    for x in (np.arange(6).reshape(2, 3), X > 0):
        for name in ("sum", "mean", "prod", "max", "var", "count_nonzero", "cumsum", "median", "ptp"):
            if name == "ptp" and x.dtype == bool:
                continue
            result, expected = getattr(np, name)(tg.Tensor(x), axis=0), getattr(np, name)(x, axis=0)
            assert result.dtype == expected.dtype, name
            np.testing.assert_array_equal(values(result), expected)


@pytest.mark.parametrize("ufunc", [
    np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or], ids=str)
def test_reduce_of_ufuncs(ufunc: Any) -> None:
    x = np.maximum(X, 0)
    t = tg.Tensor(x, requires_grad=True)
    for options in ({}, {"axis": 1}, {"axis": None}, {"axis": (0, 1), "keepdims": True}):
        np.testing.assert_array_equal(values(ufunc.reduce(t, **options)), ufunc.reduce(x, **options))
    assert isinstance(ufunc.reduce(t), tg.Tensor)


@pytest.mark.parametrize("ufunc", [np.add, np.multiply], ids=str)
@pytest.mark.parametrize("axis", [0, -1])
def test_accumulate_of_ufuncs(ufunc: Any, axis: int) -> None:
    t = tg.Tensor(X, requires_grad=True)
    np.testing.assert_array_equal(values(ufunc.accumulate(t, axis)), ufunc.accumulate(X, axis))
    assert ufunc.accumulate(t).shape == X.shape and ufunc.accumulate(t).requires_grad


def test_maximum_of_nothing_with_an_initial_value() -> None:
    nothing = tg.Tensor(np.zeros((0, 2), np.float32), requires_grad=True)
    assert np.max(nothing, axis=0, initial=3).tolist() == [3.0, 3.0]
    assert np.max(nothing, axis=0, initial=3).dtype == np.float32


T = tg.Tensor(X, requires_grad=True, name="x")
NOTHING = tg.Tensor(np.zeros((0, 2)), requires_grad=True, name="nothing")


@pytest.mark.parametrize("call,error,words", [
    (lambda: T.sum(dim=0), tg.DTypeError, "sum: unknown option dim=, write axis=; the options are axis"),
    (lambda: tg.mean(T, keepdim=True), tg.DTypeError, "keepdim=, write keepdims="),
    (lambda: tg.flip(T, dim=0), tg.DTypeError, "flip: unknown option dim=, write axis="),
    (lambda: T.std(unbiased=True), tg.DTypeError, "unknown option unbiased=, write ddof=1"),
    (lambda: T.sum(axis=2), tg.ShapeError, "'x'.*axes run from -2 to 1"),
    (lambda: T.sum(axis=(0, 0)), tg.ShapeError, "'x'.*duplicate value in 'axis'"),
    (lambda: np.mean(tg.Tensor(1.0), axis=0), tg.ShapeError, "mean: axis 0 is out of bounds"),
    (lambda: NOTHING.max(axis=0), tg.ShapeError, "max.*'nothing'.*zero-size"),
    (lambda: T.max(where=X > 0), tg.OptionError, "max: where= needs initial="),
    (lambda: T.sum(where=X), tg.OptionError, "mask of booleans.*comparison"),
    (lambda: T.sum(where=np.ones((3, 2), bool)), tg.ShapeError, r"\(3, 2\).*not broadcast.*'x'"),
    (lambda: T.sum(out=np.zeros(())), tg.OptionError, "out= is not supported.*returned"),
    (lambda: T.var(ddof=1, correction=1), tg.OptionError, "same option"),
    (lambda: T.var(mean=X), tg.OptionError, "mean= is not supported"),
    (lambda: np.quantile(T, 1.5), tg.OptionError, "between 0 and 1, got 1.5"),
    (lambda: np.quantile(T, tg.Tensor(0.5, requires_grad=True)), tg.OptionError, "detach"),
    (lambda: np.average(T, axis=0, weights=[1.0, 2, 3]), tg.ShapeError, "average: weights=.*'x'"),
    (lambda: np.linalg.norm(T, 5, (0, 1)), tg.OptionError, "ord=5 is not a matrix norm"),
    (lambda: T.reshape(4, 2), tg.ShapeError, "reshape.*'x'.*cannot reshape"),
    (lambda: T.reshape(3, 2, order="K"), tg.OptionError, "order= must be 'C' or 'F', got 'K'"),
    (lambda: np.pad(T, 1, "mean"), tg.OptionError, "mode='mean' is not supported; use 'constant'"),
    (lambda: np.pad(T, -1), tg.OptionError, "pad_width= must be integers of at least 0, got -1"),
    (lambda: np.pad(T, 1, constant_values=T[0, 0]), tg.OptionError, "one Python number, got float64"),
    (lambda: np.pad(T, 1, "reflect", reflect_type="odd"), tg.OptionError, "reflect_type="),
    (lambda: np.split(T, 2, axis=1), tg.ShapeError, "'x'.*length 3.*not divide.*2.*array_split"),
    (lambda: np.split(T, 2, axis=5), tg.ShapeError, "split: axis 5.*'x'.*from -2 to 1"),
    (lambda: np.array_split(T, 0), tg.OptionError, "at least 1, got 0"),
    (lambda: np.dsplit(T, 2), tg.ShapeError, "dsplit: expected at least 3 axes.*'x'"),
    (lambda: np.rot90(T, 1, (0, -2)), tg.ShapeError, "two different axes"),
    (lambda: np.block([[T], T]), tg.ShapeError, "block: expected lists nested equally deep"),
    (lambda: np.concatenate([T, T[0]]), tg.ShapeError, "concatenate"),
    (lambda: np.diff(T, axis=2), tg.ShapeError, "diff: axis 2.*'x'.*from -2 to 1"),
    (lambda: np.trapezoid(T, axis=2), tg.ShapeError, "trapezoid: axis 2.*'x'"),
    (lambda: np.repeat(T, [1, 2, 3], axis=0), tg.ShapeError, "repeat: expected one count or 2.*'x'"),
    (lambda: np.insert(T, 9, 1.0, axis=1), tg.IndexingError, "insert: index 9 is out.*'x'"),
    (lambda: np.delete(T, 9, axis=1), tg.IndexingError, "delete: index 9 is out.*'x'"),
    (lambda: np.pad(T, (1, 2, 3)), tg.ShapeError, "pad: pad_width= must be.*2 axes"),
    (lambda: np.broadcast_arrays(T, np.zeros(4)), tg.ShapeError, "broadcast_arrays.*'x'"),
    (lambda: tg.meshgrid(T[0], indexing="yx"), tg.OptionError, "'xy' or 'ij', got 'yx'"),
])  # fmt: skip
def test_errors_say_what_came_and_what_to_do(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        call()


MISUSE: Table = {
    "axis": (lambda: w().sum(axis=3), ValueError, "axis 3 is out of bounds.*run from -1 to 0"),
    "duplicate axes": (lambda: w().sum(axis=(0, 0)), ValueError, "sum.*'w'.*duplicate value.*name each axis once"),
    "axes in a list": (lambda: w().sum(axis=[0]), TypeError, r"sum.*'list'.*a tuple such as \(0, 1\)"),
    "float axis": (lambda: w().mean(axis=1.0), TypeError, "mean.*'float'.*are integers"),
    "quantile": (lambda: np.quantile(w(), "a"), TypeError, r"quantile\('w'.*check the dtypes"),
    "no identity": (lambda: w(ONE[:0]).max(), ValueError, "max.*'w'.*give initial="),
    "weights without a sum": (lambda: np.average(w(), weights=[1.0, -2.0, 1.0]), ZeroDivisionError,
                              r"average: weights= of 'w'.*\(3,\).* sum to 0.*positive weights"),
    "a row without weights": (lambda: tg.average(w(PAIR), axis=1, weights=PAIR * [[0], [1]]), ArithmeticError,
                              r"average: .*\(2, 3\)\) along axis=1 sum to 0.*leave out"),
    "one weight": (lambda: np.average(w(), weights=2.0), ValueError, r"average: weights= must have the shape of 'w'"),
    "integer covariance": (lambda: np.cov(w(PAIR), dtype=int), TypeError, "cov: dtype= must be floating, got int"),
    "integer variance": (lambda: np.var(w(), dtype=int), TypeError, "var: dtype= must be floating"),
    "integer deviation": (lambda: np.nanstd(w(), dtype=int), TypeError, "nanstd: .*dtype= must be floating"),
    "a list of ddof": (lambda: np.nanvar(w(), ddof=[0, 1]), TypeError, "nanvar: .*ddof= must be a number, got list"),
    "a learned ddof": (lambda: np.var(w(), ddof=w(1.0)), TypeError, r"var: ddof= must be a number, got 'w'"),
    "initial of many": (lambda: np.sum(w(), initial=[1.0, 2.0]), ValueError, r"sum: initial= must be one number, got list"),
    "initial of a vector": (lambda: np.max(w(), initial=ONE), ValueError, r"max: initial= must be one number, got float64 of shape \(3,\)"),
    "initial of a text": (lambda: np.prod(w(), initial="a"), TypeError, "prod: initial= must be one number, got str"),
    "the name of a part": (lambda: tg.quantile(w(), []), ValueError, "^quantile: stack"),
    "the name of a part of parts": (lambda: tg.percentile(w(), []), ValueError, "^percentile: stack"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
