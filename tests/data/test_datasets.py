"""Data in parts: what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import ONE, Table, refused

MISUSE: Table = {
    "split lengths": (lambda: tg.datasets.split(np.ones(3), np.ones(4)), ValueError, r"got lengths \[3, 4\]"),
    "split nothing": (tg.datasets.split, ValueError, r"got lengths \[\]"),
    "split part": (lambda: tg.datasets.split(np.ones(3), test=20), ValueError, "between 0 and 1; got 20"),
    "split of a number": (lambda: tg.datasets.split(3), ValueError, "split: expected arrays with rows"),
    "split by text": (lambda: tg.datasets.split(ONE, test="a"), ValueError, "split: test is the part.*'a'"),  # type: ignore[arg-type]
    "split by no seed": (lambda: tg.datasets.split(ONE, seed="a"), ValueError, "split: seed must be an integer of at least 0, got str 'a'"),  # type: ignore[arg-type]
    "split of one row": (lambda: tg.datasets.split(np.ones(1)), ValueError, "split: test=0.2 of 1 rows leaves no row"),
    "split of a ragged list": (lambda: tg.datasets.split([[1], [1, 2]]), ValueError, "split: .*different lengths"),
    "split in scikit-learn's words": (lambda: tg.datasets.split(ONE, test_size=0.3), TypeError, "split: .*test_size=, write test="),  # type: ignore[call-arg]
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
