"""Data in parts: which rows go together, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import ONE, Table, refused


def test_rows_belong_together_by_their_place_whatever_index_a_table_has() -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    x = np.arange(20.0).reshape(10, 2)
    order = np.random.default_rng(0).permutation(10)
    frame = pd.DataFrame(x, index=order)
    tables = (frame, frame[0], frame.set_axis(list("ab"), axis=1), frame.index, pd.array(x[:, 1]),
              pd.Series(x[:, 0], index=list("abcdefghij")))
    plain = [x, x[:, 0], x, order, x[:, 1], x[:, 0]]
    for ours, theirs in zip(tg.datasets.split(*tables, test=0.3), tg.datasets.split(*plain, test=0.3), strict=True):
        assert all(type(a) is np.ndarray and np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    words = pd.Series(list("abcdefghij"), index=order)
    (numbers, letters), _ = tg.datasets.split(np.arange(10), words)
    assert list(letters) == ["abcdefghij"[i] for i in numbers]


def test_what_is_no_table_is_parted_as_it_is() -> None:
    masked = np.ma.array(np.arange(4.0), mask=[0, 1, 0, 1])
    t = tg.Tensor(np.arange(4.0), requires_grad=True)
    (some, tensor, rows), _ = tg.datasets.split(masked, t, [[i] for i in range(4)], test=0.5)
    assert [int(r[0]) for r in rows] == tensor.tolist() == some.data.tolist()
    assert some.mask.tolist() == [r[0] % 2 == 1 for r in rows] and tensor.requires_grad


MISUSE: Table = {
    "split lengths": (lambda: tg.datasets.split(np.ones(3), np.ones(4)), ValueError, r"got lengths \[3, 4\]"),
    "split nothing": (tg.datasets.split, ValueError, r"got lengths \[\]"),
    "split part": (lambda: tg.datasets.split(np.ones(3), test=20), ValueError, "between 0 and 1; got 20"),
    "split of a number": (lambda: tg.datasets.split(3), ValueError, "split: expected arrays with rows"),
    "split of a sparse matrix": (lambda: tg.datasets.split(pytest.importorskip("scipy.sparse").csr_array(np.eye(3))), ValueError, r"split: expected arrays with rows, got float64 of shape \(3, 3\); write x\.toarray\(\)"),
    "split of a dict": (lambda: tg.datasets.split({"x": ONE}), ValueError, r"split: expected arrays with rows, got dict; write split\(x, y\)"),
    "split by text": (lambda: tg.datasets.split(ONE, test="a"), ValueError, "split: test is the part.*'a'"),  # type: ignore[arg-type]
    "split by no seed": (lambda: tg.datasets.split(ONE, seed="a"), ValueError, "split: seed must be an integer of at least 0, got str 'a'"),  # type: ignore[arg-type]
    "split of one row": (lambda: tg.datasets.split(np.ones(1)), ValueError, "split: test=0.2 of 1 rows leaves no row"),
    "split of a ragged list": (lambda: tg.datasets.split([[1], [1, 2]]), ValueError, "split: .*different lengths"),
    "split in scikit-learn's words": (lambda: tg.datasets.split(ONE, test_size=0.3), TypeError, "split: .*test_size=, write test="),  # type: ignore[call-arg]
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


# -- toy sets and scaling ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["line", "xor", "moons", "spirals", "blobs"])
def test_toy_sets_repeat_themselves_and_have_noise(name: str) -> None:
    made = getattr(tg.datasets, name)
    (x, y), (same_x, same_y), (other, _) = made(60, noise=0.1), made(60, noise=0.1), made(60, noise=0.1, seed=1)
    assert np.array_equal(x, same_x) and np.array_equal(y, same_y) and len(x) == len(y) == 60
    assert not np.array_equal(x if name != "line" else y, other if name != "line" else made(60, noise=0.1, seed=1)[1])
    if name != "line":
        assert x.shape == (60, 2) and np.ptp(np.bincount(y)) <= 1 and len(np.unique(y)) == {"xor": 2, "moons": 2}.get(name, 3)


def test_toy_sets_are_what_they_are_called() -> None:
    assert tg.datasets.line(3, slope=-1.0, intercept=4.0)[1].tolist() == [3.0, 2.0, 1.0]
    x, y = tg.datasets.xor(400)
    assert ((x[:, 0] > 0) ^ (x[:, 1] > 0)).tolist() == (y == 1).tolist()
    x, y = tg.datasets.moons(51, noise=0.0)
    upper, lower = x[y == 0], x[y == 1]
    assert len(upper) == 26 and np.allclose((upper ** 2).sum(1), 1) and (upper[:, 1] >= -1e-12).all()
    assert np.allclose(((lower - [1.0, 0.5]) ** 2).sum(1), 1) and (lower[:, 1] <= 0.5 + 1e-12).all()
    x, y = tg.datasets.spirals(90, noise=0.0, classes=2)
    assert np.allclose(x[y == 0], -x[y == 1]) and np.isclose(np.linalg.norm(x, axis=1).max(), 1)
    x, y = tg.datasets.blobs(30, noise=0.0, classes=5, features=4)
    assert x.shape == (30, 4) and len(np.unique(x, axis=0)) == 5


def test_a_scaler_has_the_numbers_of_its_own_data() -> None:
    rng = np.random.default_rng(0)
    x, test = rng.normal(5, 3, (50, 2)), rng.normal(5, 3, (9, 2))
    scaler = tg.datasets.Scaler(x)
    np.testing.assert_allclose(scaler(x).mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(scaler(x).std(0), 1)
    np.testing.assert_allclose(scaler(test), (test - x.mean(0)) / x.std(0))
    np.testing.assert_allclose(scaler.inverse(scaler(test)), test)
    t = tg.Tensor(test, requires_grad=True)
    scaler(t).sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), np.tile(1 / x.std(0), (9, 1)))
    theirs = pytest.importorskip("sklearn.preprocessing").StandardScaler().fit(x)
    np.testing.assert_allclose(theirs.transform(test), scaler(test), rtol=1e-12)


TOYS: Table = {
    "noise": (lambda: tg.datasets.moons(noise=-1), ValueError, "moons: noise is a standard deviation, at least 0; got -1"),
    "points": (lambda: tg.datasets.blobs(2.5), TypeError, "blobs: n must be an integer"),  # type: ignore[arg-type]
    "seed": (lambda: tg.datasets.xor(seed=-1), ValueError, "xor: seed must be an integer of at least 0"),
    "a scaler of nothing": (lambda: tg.datasets.Scaler([]), ValueError, "Scaler: expected an array with rows"),
    "a scaler of NaN": (lambda: tg.datasets.Scaler([1.0, np.nan]), ValueError, "Scaler: the data have NaN"),
}


@pytest.mark.parametrize("case", TOYS)
def test_misuse_of_toys(case: str) -> None:
    refused(TOYS[case])
