"""Sorting and searching: what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w


@pytest.mark.parametrize("kind", [float, np.int8, np.uint64, bool])
def test_powers_and_weighted_counts_have_numpys_dtypes(kind: Any) -> None:
    x = np.ones(3, kind)
    assert np.vander(tg.Tensor(x)).dtype == np.vander(x).dtype
    assert np.bincount([0, 1, 1], weights=tg.Tensor(x)).dtype == np.bincount([0, 1, 1], weights=x).dtype


MISUSE: Table = {
    "unique axis": (lambda: np.unique(w(), axis=4), ValueError, r"unique\('w'.*axis 4 is out of bounds"),
    "counting floats": (lambda: np.bincount(w()), TypeError, r"bincount\('w'.*\.astype\(int\)"),
    "sorter of another length": (lambda: np.searchsorted(w(), 1.0, sorter=[0, 1]), ValueError, r"searchsorted: sorter= must be 3 integers.*argsort"),
    "sorter of a slice": (lambda: np.searchsorted(w(), 1.0, sorter=slice(2)), TypeError, "searchsorted: sorter= must be 3 integers"),
    "kind of partition": (lambda: np.partition(w(), 1, kind="bogus"), ValueError, "partition: .*kind= must be 'introselect'"),
    "kind of argpartition": (lambda: np.argpartition(w(), 1, kind="bogus"), ValueError, "argpartition: kind= must be 'introselect'"),
    "powers in text": (lambda: np.vander(w(), increasing="no"), TypeError, "vander: increasing: expected True"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
