"""Batches: every row once per epoch, and data that are refused."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import ONE, Table, refused, w


@pytest.mark.parametrize(("size", "batches"), [(None, 1), (4, 3), (1, 10)])
def test_every_row_comes_once(size: int | None, batches: int) -> None:
    x = np.arange(10.0)
    loader = tg.DataLoader(x, x * 2, batch_size=size, shuffle=True, seed=0)
    assert len(loader) == batches
    first, second = ([row for a, b in loader for row in zip(a.tolist(), b.tolist(), strict=True)] for _ in "12")
    assert sorted(first) == sorted(second) == [(v, 2 * v) for v in x] and first != second
    again = tg.DataLoader(x, x * 2, batch_size=size, shuffle=True, seed=0)
    assert [v for a, _ in again for v in a.tolist()] == [v for v, _ in first]


@pytest.mark.parametrize("size", [None, 4, 1])
def test_what_is_written_into_a_batch_is_gone_in_the_next_epoch(size: int | None) -> None:
    loader = tg.DataLoader(np.arange(4.0), batch_size=size)
    for (batch,) in loader:
        batch.data[:] = 7.0
    assert [row for (batch,) in loader for row in batch.tolist()] == [0.0, 1.0, 2.0, 3.0]


def test_drop_last() -> None:
    loader = tg.DataLoader(np.ones(10), batch_size=4, drop_last=True)
    assert [len(a) for (a,) in loader] == [4, 4] and len(loader) == 2


@pytest.mark.parametrize(("data", "error", "text"), [
    ((np.ones((4, 2)), np.ones(4)), ValueError, "a tuple of 2; give each array by itself"),
    (list(zip(np.ones((4, 2)), np.ones(4), strict=True)), ValueError, "list of 4 have different shapes"),
    (["a", "b"], TypeError, "expected arrays of numbers"),
    (3.0, ValueError, "got the number 3.0; if it is the batch size, write batch_size=3.0"),
])
def test_a_loader_says_what_data_it_takes(data: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        tg.DataLoader(data)


MISUSE: Table = {
    "loader lengths": (lambda: tg.DataLoader(np.ones(3), np.ones(2)), ValueError, r"lengths \[3, 2\]"),
    "batch size": (lambda: tg.DataLoader(np.ones(3), batch_size=0), ValueError, "of at least 1, got int 0"),
    "batch type": (lambda: tg.DataLoader(np.ones(3), batch_size=1.5), TypeError, "must be an integer of at least 1, got float 1.5; None takes"),
    "loader seed": (lambda: tg.DataLoader(np.ones(3), seed="a"), ValueError, "DataLoader: seed must be an integer"),  # type: ignore[arg-type]
    "shuffle as text": (lambda: tg.DataLoader(ONE, shuffle="no"), TypeError, "DataLoader: shuffle: expected True or False"),  # type: ignore[arg-type]
    "drop_last as a number": (lambda: tg.DataLoader(ONE, drop_last=3), TypeError, "DataLoader: drop_last: expected True"),  # type: ignore[arg-type]
    "workers": (lambda: tg.DataLoader(ONE, num_workers=2), TypeError, "DataLoader: unknown option num_workers="),  # type: ignore[call-arg]
    "a loader of gradients": (lambda: tg.DataLoader(w() * 2), RuntimeError, r"DataLoader: the gradient of .*\.detach\(\)"),
    "a loader of a masked array": (lambda: tg.DataLoader(np.ma.array([1.0, 2.0], mask=[0, 1])), TypeError, "mask .*would be lost"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
