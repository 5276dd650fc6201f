"""Batches: every row once per epoch, and data that are refused."""

from __future__ import annotations

from typing import Any

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


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("rows", "size", "whole"), [(3, 4, 0), (4, 4, 1), (5, 4, 1), (3, 1000, 0), (3, 1, 3), (3, None, 1)])
def test_a_batch_that_is_too_small_is_dropped_even_if_it_is_the_only_one(
        rows: int, size: int | None, whole: int, shuffle: bool) -> None:
    loader = tg.DataLoader(np.ones(rows), batch_size=size, drop_last=True, shuffle=shuffle)
    batches = list(loader)
    assert len(loader) == len(batches) == whole and all(len(a) == (size or rows) for (a,) in batches)
    kept = tg.DataLoader(np.ones(rows), batch_size=size, shuffle=shuffle)
    assert len(kept) == len(list(kept)) == -(-rows // (size or rows)) and kept.batch_size == (size or rows)


def test_tables_of_pandas_are_their_values() -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame({0: [1.0, 2, 3], 1: [4, 5, 6]}, index=[2, 0, 1])
    labels = pd.Series([0, 1, 2], index=[9, 7, 8], name="label")
    for y in (labels, labels.astype("category"), labels.astype("Int64"), pd.Index([0, 1, 2])):
        (x_batch, y_batch), (x_rest, y_rest) = tg.DataLoader(frame, y, batch_size=2)
        assert x_batch.tolist() == [[1, 4], [2, 5]] and y_batch.tolist() == [0, 1]
        assert x_rest.tolist() == [[3, 6]] and y_rest.tolist() == [2] and y_rest.dtype == np.int64


def test_what_a_table_holds_besides_numbers_is_refused_with_a_cure_that_works() -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    texts = pd.Series(["b", "a", "b"], index=[2, 0, 1], name="kind")
    for given in (texts, texts.astype("category"), texts.astype(object), list(texts), texts.to_frame()):
        with pytest.raises(TypeError, match=r"DataLoader: expected arrays of numbers.*np\.unique\(texts, return_inverse=True\)"):
            tg.DataLoader(given)
    classes, labels = np.unique(texts, return_inverse=True)
    (batch,) = next(iter(tg.DataLoader(labels)))
    assert batch.tolist() == [1, 0, 1] and list(classes[batch.numpy()]) == list(texts)
    mixed = pd.DataFrame({"a": [0.5, 1.0], "b": [True, False]})
    with pytest.raises(TypeError, match=r"DataLoader: .*got object of shape \(2, 2\); write x\.astype\(float\)"):
        tg.DataLoader(mixed)
    assert next(iter(tg.DataLoader(mixed.astype(float))))[0].tolist() == [[0.5, 1.0], [1.0, 0.0]]
    times = pd.Series(pd.to_datetime(["2020-01-01", "2020-01-03"]))
    with pytest.raises(TypeError, match=r"\(times - times\.min\(\)\) / np\.timedelta64\(1, 'D'\)"):
        tg.DataLoader(times)
    assert next(iter(tg.DataLoader((times - times.min()) / np.timedelta64(1, "D"))))[0].tolist() == [0.0, 2.0]


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
    "a sparse matrix": (lambda: tg.DataLoader(pytest.importorskip("scipy.sparse").csr_array(np.eye(3))), TypeError, r"float64 of shape \(3, 3\); write x\.toarray\(\)"),
    "complex numbers": (lambda: tg.DataLoader(ONE * 1j), TypeError, r"got complex128 of shape \(3,\)"),
    "a loader of a masked array": (lambda: tg.DataLoader(np.ma.array([1.0, 2.0], mask=[0, 1])), TypeError, "mask .*would be lost"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


# -- going on where one stopped --------------------------------------------------------------------------


def numbers_of(batches: Any) -> list[Any]:
    return [batch.tolist() for (batch,) in batches]


def loader_of(seed: int | None, shuffle: bool = True) -> tg.DataLoader:
    return tg.DataLoader(np.arange(7), batch_size=2, shuffle=shuffle, seed=seed)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("seed", [3, None])
@pytest.mark.parametrize("stop", range(9))
def test_a_resumed_run_has_the_batches_of_one_that_went_on(stop: int, seed: int | None, shuffle: bool, tmp_path: Any) -> None:
    """Saved inside an epoch, after its last batch and between epochs; other draws come between."""

    def run(loader: tg.DataLoader, epochs: int, state: list[Any] | None = None) -> list[Any]:
        seen: list[Any] = []
        for _ in range(epochs):
            for (batch,) in loader:
                seen.append((batch.tolist(), tg.generator().random()))  # as dropout draws
                if len(seen) == stop and state is not None:
                    state += [loader.state_dict(), tg.generator().bit_generator.state]
            if state is not None and stop == 8 and len(seen) == 8:  # between epochs
                state[:] = [loader.state_dict(), tg.generator().bit_generator.state]
        return seen

    tg.manual_seed(0)
    state: list[Any] = []
    loader = loader_of(seed, shuffle)
    if not stop:
        state = [loader.state_dict(), tg.generator().bit_generator.state]
        whole = run(loader, 4)
    else:
        whole = run(loader, 4, state)
    tg.save(state, tmp_path / "state.npz")
    tg.manual_seed(99)
    loader = loader_of(None if seed is None else 77, shuffle)
    list(loader)
    saved = tg.load(tmp_path / "state.npz")
    loader.load_state_dict(saved[0])
    tg.generator().bit_generator.state = saved[1]
    again = run(loader, 4 - (stop // 4 if stop % 4 or stop == 8 else max(stop // 4 - 1, 0)))
    assert again == whole[stop:] and len(whole) == 16
    assert [b for b, _ in whole[:4]] != [b for b, _ in whole[4:8]] or not shuffle


def test_an_epoch_that_was_left_begins_anew() -> None:
    loader = loader_of(None, shuffle=False)
    next(iter(loader))
    assert loader.state_dict()["batch"] == 1
    assert numbers_of(loader) == numbers_of(loader) == [[0, 1], [2, 3], [4, 5], [6]]
    assert loader.state_dict()["batch"] == 0


STATES: Table = {
    "another thing": (lambda: loader_of(0).load_state_dict({"a": 1}), ValueError, r"expected what loader\.state_dict\(\) gives, got dict"),
    "another length": (lambda: loader_of(0).load_state_dict(tg.DataLoader(np.ones(5)).state_dict()), ValueError, "of a loader of 5 rows after 0 batches, this one has 7 rows in 4"),
    "too many batches": (lambda: loader_of(0).load_state_dict({"batch": 5, "length": 7, "generator": None}), ValueError, "after 5 batches, this one has 7 rows in 4"),
}


@pytest.mark.parametrize("case", STATES)
def test_states_that_are_refused(case: str) -> None:
    refused(STATES[case])
