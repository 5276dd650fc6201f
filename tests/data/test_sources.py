"""Where a loader's rows come from: read as needed, in the right order, and refused by row and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused


class Watched:
    """An array in a file, as of h5py: it gives rows in ascending order only, and notes how many."""

    def __init__(self, rows: Any) -> None:
        self.rows, self.shape, self.dtype, self.read = rows, rows.shape, rows.dtype, [0]

    def __len__(self) -> int:
        return len(self.rows)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise AssertionError("all of it would be read")

    def __getitem__(self, places: Any) -> Any:
        assert (np.diff(places) > 0).all()
        self.read.append(len(places))
        return self.rows[places]


class Pairs:
    """A data set as PyTorch's: samples of two parts by number."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, i: int) -> Any:
        assert type(i) is int
        return self.parts[i]


def test_rows_of_a_file_are_read_when_a_batch_needs_them() -> None:
    x = np.random.default_rng(0).normal(size=(10, 3))
    watched = Watched(x)
    loader = tg.DataLoader(watched, np.arange(10), batch_size=4, shuffle=True, seed=0)
    assert watched.read == [0]
    seen = []
    for rows, places in loader:
        assert np.array_equal(rows.numpy(), x[places.numpy()])
        seen += places.tolist()
        assert sum(watched.read) == len(seen)
    assert sorted(seen) == [*range(10)] != seen
    assert np.array_equal(next(iter(tg.DataLoader(watched)))[0].numpy(), x)


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_memory_mapped_array_gives_the_batches_of_the_array(shuffle: bool, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(10, 3)).astype(">f4")
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    options: Any = {"batch_size": 3, "shuffle": shuffle, "seed": 0}
    theirs = [b.tolist() for b, in tg.DataLoader(mapped, **options)]
    assert theirs == [b.tolist() for b, in tg.DataLoader(x, **options)]
    broken = np.load(tmp_path / "x.npy", mmap_mode="c")
    broken[7, 1] = np.nan
    loader = tg.DataLoader(broken, **options)  # nothing is read yet
    with pytest.raises(tg.DTypeError, match=r"array 0 has NaN in row 7, column 1; fill gaps"):
        list(loader)


def test_a_data_set_gives_samples_by_number() -> None:
    x = np.arange(12.0).reshape(6, 2)
    pairs = Pairs([(x[i], i) for i in range(6)])
    first, second = tg.DataLoader(pairs, batch_size=4)
    assert first[0].tolist() == x[:4].tolist() and first[1].tolist() == [0, 1, 2, 3] and second[1].tolist() == [4, 5]
    shuffled = [(a.tolist(), b.tolist()) for a, b in tg.DataLoader(pairs, batch_size=6, shuffle=True, seed=1)]
    ((rows, numbers),) = shuffled
    assert numbers != sorted(numbers) and rows == x[numbers].tolist()
    single = tg.DataLoader(Pairs([tg.Tensor(row) for row in x]), np.arange(6), batch_size=2)
    assert [len(batch) for batch in single] == [2, 2, 2]
    assert next(iter(single))[0].tolist() == x[:2].tolist()


def test_sequences_and_buffers_are_their_values() -> None:
    from array import array

    for given in (range(3), array("d", [0, 1, 2]), memoryview(array("d", [0, 1, 2])), (0, 1, 2)):
        assert [b.tolist() for b, in tg.DataLoader(given, batch_size=2)] == [[0, 1], [2]]


def test_nan_may_be_allowed() -> None:
    x = np.array([[1.0, np.nan], [np.inf, -np.inf]])
    (batch,) = next(iter(tg.DataLoader(x, allow_nan=True)))
    assert np.array_equal(batch.numpy(), x, equal_nan=True)
    assert next(iter(tg.DataLoader(x[1:])))[0].tolist() == [[np.inf, -np.inf]]  # infinity is no gap


def test_tables_are_told_by_the_names_of_their_columns() -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    table = pd.DataFrame({"age": [1.0, np.nan, 3.0], "name": ["a", "b", "c"]}, index=[7, 8, 9])
    with pytest.raises(tg.DTypeError, match=r"numbers, got object of shape \(3, 2\), with 'a' in row 0, column 'name'; number texts"):
        tg.DataLoader(table)
    with pytest.raises(tg.DTypeError, match="array 1 has NaN in row 1, column 'age'"):
        tg.DataLoader(np.ones(3), table[["age"]])
    with pytest.raises(tg.DTypeError, match="array 0 has NaN in row 1; fill"):
        tg.DataLoader(table["age"])
    with pytest.raises(tg.DTypeError, match="array 0 has NaN in row 2; fill gaps"):
        tg.DataLoader(pd.Series([1, 2, None], dtype="Int64"))


NAN = np.array([[1.0, 2.0], [3.0, np.nan]])
MISUSE: Table = {
    "nan": (lambda: tg.DataLoader(np.ones(2), NAN), TypeError, r"array 1 has NaN in row 1, column 1; .*isnan\(x\)\.any\(axis=1\).*allow_nan=True"),
    "nan in images": (lambda: tg.DataLoader(np.full((2, 1, 2), np.nan)), TypeError, "NaN in row 0, column 0, 0"),
    "texts in a list": (lambda: tg.DataLoader([[1, "a"], [2, "b"]]), TypeError, "with 'a' in row 0, column 1; number texts"),
    "an object": (lambda: tg.DataLoader([[1.0, 2.0], [3.0, None]]), TypeError, r"with None in row 1, column 1; fill gaps"),
    "a ragged list": (lambda: tg.DataLoader([[1, 2], [3, 4], [5]]), ValueError, r"list of 3 have different shapes: \(2,\) in row 0, \(1,\) in row 2; pad"),
    "a ragged row": (lambda: tg.DataLoader([[[1], [2]], [[3], [4, 5]]]), ValueError, "row 1 holds values of different shapes"),
    "a mask": (lambda: tg.DataLoader(np.ma.array(NAN, mask=[[0, 0], [1, 0]])), TypeError, "mask of array 0, .* would be lost, as in row 1, column 0"),
    "uneven samples": (lambda: list(tg.DataLoader(Pairs([np.ones(2), np.ones(3)]))), ValueError, r"samples 0 and 1 have the shapes \(2,\) and \(3,\)"),
    "samples of nan": (lambda: list(tg.DataLoader(Pairs([np.ones(2), NAN[1]]))), TypeError, "NaN in row 1, column 1"),
    "samples of texts": (lambda: list(tg.DataLoader(Pairs([(1, "a"), (2, "b")]))), TypeError, r"expected arrays of numbers, got <U1 .*\(samples 0, 1"),
    "allow_nan as text": (lambda: tg.DataLoader(NAN, allow_nan="yes"), TypeError, "DataLoader: allow_nan: expected True or False"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
