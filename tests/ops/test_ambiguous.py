"""Calls that PyTorch would run with another result: refused, with both ways of writing, or right."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tests.values import values

T: Any = np.arange(12.0).reshape(3, 4)
V: Any = np.arange(6.0)
SCOPE = {"np": np, "tg": tg}

#: A call on a Tensor ``t``, NumPy's result and PyTorch's, in lists; the error names both ways.
BOTH: dict[str, tuple[Any, str, Any, Any]] = {
    "split": (V, "tg.split(t, 2)", [[0, 1, 2], [3, 4, 5]], [[0, 1], [2, 3], [4, 5]]),
    "split by one": (V[:3], "tg.split(t, 1)", [[0, 1, 2]], [[0], [1], [2]]),
    "split along an axis": (T[:2], "tg.split(t, 4, axis=1)", [[[i], [i + 4]] for i in range(4)], [T[:2].tolist()]),
    "split by lengths": (V, "tg.split(t, [1, 2, 3])", [[0], [1], [2], [3, 4, 5]], [[0], [1, 2], [3, 4, 5]]),
    "norm": (T, "tg.norm(t, 1)", 21.0, 66.0),
    "largest norm": (T, "tg.norm(t, np.inf)", 38.0, 11.0),
    "norm in length": (T, "tg.norm(t, 2)", np.linalg.norm(T, 2), np.linalg.norm(T)),
    "meshgrid": (V[:2], "tg.meshgrid(t, [7.0])", [[[0, 1]], [[7, 7]]], [[[0], [1]], [[7], [7]]]),
    "transpose": (T, "t.transpose(0, 1)", T.tolist(), T.T.tolist()),
    "transpose from behind": (T, "t.transpose(-2, -1)", T.tolist(), T.T.tolist()),
    "repeat": (T[:2], "t.repeat(2, 1)", T[:2].repeat(2, 1).tolist(), np.tile(T[:2], (2, 1)).tolist()),
}


def plain(x: Any) -> Any:
    return [plain(y) for y in x] if isinstance(x, list | tuple) else np.asarray(x).tolist()


@pytest.mark.parametrize("case", BOTH)
def test_both_ways_of_writing_give_what_the_error_says(case: str) -> None:
    values, call, numpys, pytorchs = BOTH[case]
    scope = SCOPE | {"t": tg.Tensor(values)}
    with pytest.raises(tg.OptionError, match=r"^[a-z]+: .*PyTorch") as caught:
        eval(call, scope)
    text = str(caught.value)
    if case == "meshgrid":
        ways = [call.replace(")", f", {option})") for option in re.findall(r"indexing='\w\w'", text)]
    else:
        first, second = text.partition("; write ")[2].split(" for the former, ")
        ways = [first, second.removesuffix(" for the latter").partition(" or ")[0]]
    results = [plain(eval(way, scope)) for way in ways]
    for result, expected in zip(results, (numpys, pytorchs), strict=True):
        if isinstance(expected, float):
            assert result == pytest.approx(expected)
        else:
            assert result == expected
    assert results[0] != results[1]


def test_numpys_own_functions_mean_what_they_mean_in_numpy() -> None:
    t = tg.Tensor(T)
    assert plain(np.split(t, 2, axis=1)) == plain(np.split(T, 2, axis=1))
    assert np.linalg.norm(t, 1).item() == tg.linalg.norm(t, 1).item() == np.linalg.norm(T, 1)
    assert plain(np.meshgrid(t[0], t[0])) == plain(np.meshgrid(T[0], T[0]))
    assert np.transpose(t, (0, 1)).tolist() == T.tolist() and t.transpose(1, 0).tolist() == T.T.tolist()
    assert np.repeat(t, 2, 1).tolist() == t.repeat(2, axis=1).tolist() == T.repeat(2, 1).tolist()


def test_what_means_the_same_in_both_is_not_refused() -> None:
    four = tg.Tensor(V[:4])
    assert plain(tg.split(four, 2)) == [[0, 1], [2, 3]] and plain(tg.split(four, [1])) == [[0], [1, 2, 3]]
    assert tg.norm(four, 1).item() == 6 and tg.norm(tg.Tensor(T)).item() == pytest.approx(np.linalg.norm(T))
    assert tg.norm(tg.Tensor(T), 1, axis=1).tolist() == T.sum(1).tolist()
    assert plain(tg.meshgrid(four)) == [V[:4].tolist()]
    cube = tg.Tensor(np.arange(8.0).reshape(2, 2, 2))
    assert cube.repeat(2, 0).shape == (4, 2, 2) and cube.transpose(0, 2, 1).shape == (2, 2, 2)


def test_where_with_a_condition_only_gives_positions() -> None:
    (found,) = tg.where(tg.Tensor([0.0, 3.0]) > 1)
    assert type(found) is np.ndarray and found.tolist() == [1]
    assert tg.where([True, False], 1.0, 2.0).tolist() == [1, 2]


def test_the_size_is_an_int() -> None:
    size = tg.Tensor(T).size
    assert size == 12 and isinstance(size, int) and type(size + 0) is int and f"{size!r} {size:03d}" == "12 012"
    assert type(pickle.loads(pickle.dumps(size))) is int and np.zeros(size).shape == (12,)
    loss = w().sum() / w().size
    assert loss.item() == 2 and type(loss.inputs[1]) is int


def test_nan_to_num_takes_no_number_for_copy() -> None:
    bad = tg.Tensor([np.nan, 1.0])
    with pytest.raises(tg.OptionError, match=r"nan_to_num: .*copy=.* got 5\.0; write nan=5\.0"):
        tg.nan_to_num(bad, 5.0)
    assert tg.nan_to_num(bad, nan=5.0).tolist() == [5, 1]


def matrix() -> tg.Tensor:
    return w(T)


KEEPDIMS = "which comes after axis= as in NumPy; name the option that is meant, keepdims=True"
MISUSE: Table = {
    **{name: (lambda name=name: getattr(matrix(), name)(-1, True), ValueError,  # type: ignore[misc]
              f"^{name}: got True for (dtype|out)=, {KEEPDIMS}")
       for name in ("sum", "mean", "prod", "max", "min", "var", "std", "argmax", "argmin", "any", "all")},
    **{f"tg.{name}": (lambda name=name: getattr(tg, name)(matrix(), (0, 1), True), ValueError, KEEPDIMS)  # type: ignore[misc]
       for name in ("sum", "amax", "median", "nansum", "nanmean", "nanmax", "nanstd")},
    "unbiased": (lambda: matrix().var(1, False), ValueError, "keepdims=False or ddof=0"),
    "size": (lambda: matrix().size(), TypeError, r"size: t\.size is 12, .* PyTorch's t\.size\(\) gives is t\.shape$"),
    "size of an axis": (lambda: matrix().size(0), TypeError, r"t\.size\(0\) gives is t\.shape\[0\]$"),
    "flatten": (lambda: matrix().flatten(1), ValueError, r"^flatten: .*t\.reshape\(len\(t\), -1\).*tg\.nn\.Flatten\(start_dim"),
    "flatten by name": (lambda: matrix().flatten(start_dim=1), ValueError, "^flatten: "),
    "flatten two": (lambda: matrix().flatten(0, 1), ValueError, "^flatten: "),
    "transpose a function": (lambda: tg.transpose(matrix(), 0, 1), TypeError, r"^transpose: got 3 .*np\.swapaxes\(t, i, j\)"),
    "transpose by name": (lambda: tg.transpose(matrix(), dim0=0, dim1=1), TypeError, r"dim0=, swap two axes with np\.swapaxes"),
    "transpose two of three": (lambda: w(np.ones((2, 3, 4))).transpose(0, 1), ValueError, r"every axis once, or swap two with \.swapaxes"),
    "descending": (lambda: tg.sort(matrix(), descending=True), TypeError, r"descending=, write np\.flip\(np\.sort\(t, axis\), axis\)"),
    "descending by position": (lambda: tg.sort(matrix(), 1, True), ValueError, r"^sort: got True for kind=.*np\.flip\(np\.sort"),
    "descending positions": (lambda: matrix().argsort(1, True), ValueError, r"^argsort: got True for kind=.*np\.argsort\(-t, axis\)"),
    "larger of two": (lambda: tg.max(matrix(), matrix()), TypeError, r"^max: axis= is an integer.*np\.maximum\(x, y\)"),
    "scatter in PyTorch's order": (lambda: tg.scatter_add(w(), 0, [0], w()), ValueError, r"\(a, indices, values, axis\); PyTorch's order is"),
    "three times a shape": (lambda: w(np.ones((2, 2, 2))).repeat(1, 2, 1), ValueError, r"np\.tile\(t, \(1, 2, 1\)\)"),
    "hermitian": (lambda: np.linalg.pinv(w(np.eye(2)), hermitian=True), ValueError, r"np\.linalg\.pinv\(np\.tril\(a\) \+ np\.tril\(a, -1\)\.T\)"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


def test_the_inverse_of_a_lower_triangle_is_numpys_hermitian_one() -> None:
    a = np.array([[2.0, 9.0], [1.0, 3.0]])  # not symmetric: NumPy reads the 1 only
    mine = np.linalg.pinv(np.tril(tg.Tensor(a)) + np.tril(tg.Tensor(a), -1).T)
    np.testing.assert_allclose(mine.numpy(), np.linalg.pinv(a, hermitian=True), rtol=1e-12)
    assert not np.allclose(mine.numpy(), np.linalg.pinv(a))


PAIRS = ["t.max(1)", "t.min(1)", "tg.max(t, 1)", "tg.min(t, axis=1)", "tg.sort(t, 1)", "tg.sort(t)", "tg.median(t, 1)", "tg.nanmedian(t, 1)"]


@pytest.mark.parametrize("call", PAIRS)
@pytest.mark.parametrize("requires_grad", [False, True])
def test_one_of_what_would_be_a_pair_is_warned_of(call: str, requires_grad: bool) -> None:
    t = tg.Tensor(T[:2], requires_grad=requires_grad)
    for position in (0, 1):
        with pytest.warns(tg.PairWarning, match=rf"\[{position}\] is element {position} of the values, as in NumPy"):
            taken = eval(f"{call}[{position}]", SCOPE | {"t": t})
        np.testing.assert_array_equal(taken.detach(), values(eval(call, SCOPE | {"t": t}))[position])
    with pytest.warns(tg.PairWarning):
        _first, _second = eval(call, SCOPE | {"t": t})
    result = eval(call, SCOPE | {"t": t})
    assert result[-1] is not result[0:1]  # neither can be meant as one of a pair


def test_what_can_be_numpys_only_is_not_warned_of() -> None:
    t = w((1.0, 2.0))
    for taken in (np.max(t[None], 1)[0], np.sort(t)[0], t[None].max((0, 1)), t[None].max(1).sum(), t.argmax(), t[0]):
        assert taken.shape == ()
