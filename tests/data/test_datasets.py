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
