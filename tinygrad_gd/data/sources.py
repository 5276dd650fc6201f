"""What a loader takes rows from: arrays and tables, files that are read as needed, what has items.

All data are checked here: what is no number, or NaN, is told with its row and column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, GradError, OptionError, ShapeError, describe
from ..ground.storage import NUMERIC_KINDS, plain

Array = np.ndarray[Any, Any]
_BY_ITSELF = "give each array by itself: DataLoader(x, y, batch_size=32)"


class Rows:
    """An array, or what gives rows like one: a memory-mapped file, a data set of h5py or zarr."""

    def __init__(self, given: Any, number: int, allow_nan: bool) -> None:
        self.name, self.allow_nan = f"array {number}", allow_nan
        self.columns = list(given.columns) if hasattr(given, "columns") else None
        self.lazy = _is_lazy(given)
        self.rows: Any = given if self.lazy else self._in_memory(given)
        if self.rows.dtype.kind not in NUMERIC_KINDS:
            self._refuse_kind(given)
        if not self.rows.shape:
            raise ShapeError(f"DataLoader: expected arrays with rows, got the number {given!r}; if it "
                             f"is the batch size, write batch_size={given!r}")
        if not self.lazy:
            self.check_nan(self.rows, None)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: Array) -> tuple[Array, ...]:
        """The rows at some places, in that order; what lies in a file is read in the file's order."""
        if not self.lazy:
            return (self.rows[places],)
        order = np.argsort(places)
        found = np.asarray(self.rows[places[order]])[np.argsort(order)]
        self.check_nan(found, places)
        return (found,)

    def all(self) -> tuple[Array, ...]:
        """All rows."""
        return (self.rows,) if not self.lazy else self.take(np.arange(len(self)))

    def _in_memory(self, given: Any) -> Array:
        if isinstance(given, Tensor):
            if given.requires_grad:
                raise GradError(f"DataLoader: the gradient of {describe(given)} would be lost; index "
                                "it in the loop, or give .detach()")
            return given.numpy()
        if isinstance(given, tuple) and any(np.ndim(a) for a in given if hasattr(a, "shape")):
            raise OptionError(f"DataLoader: expected arrays, got a tuple of {len(given)}; {_BY_ITSELF}")
        if np.ma.isMaskedArray(given):
            masked = [f", as in {self._place(i)}" for i in np.argwhere(np.ma.getmaskarray(given))[:1]]
            raise DTypeError(f"DataLoader: the mask of {self.name}, {describe(given)}, would be lost"
                             f"{''.join(masked)}; fill it in, x.filled(0.0)")
        try:
            return np.asarray(plain(given) if isinstance(given, np.ndarray) else given)
        except ValueError:
            raise ShapeError(f"DataLoader: the rows of a list of {len(given)} have different shapes: "
                             f"{_uneven(given)}; pad them, or {_BY_ITSELF}") from None

    def _place(self, index: Any) -> str:
        """A row and, if there are columns, a column, which a table calls by name."""
        row, *others = (int(i) for i in index)
        if not others:
            return f"row {row}"
        column = repr(self.columns[others[0]]) if self.columns else ", ".join(map(str, others))
        return f"row {row}, column {column}"

    def _refuse_kind(self, given: Any) -> None:
        """Say what is no number, where it is, and how numbers are made of it."""
        values = np.asarray(given, object if isinstance(given, list | tuple) else None)
        shown = given if hasattr(given, "shape") and hasattr(given, "dtype") else self.rows
        where = ""
        if values.dtype.kind in "OSU" and values.ndim:
            wrong = next((i for i, x in np.ndenumerate(values) if not _is_number(x)), None)
            if wrong is not None:
                where = f", with {values[wrong]!r} in {self._place(wrong)}"
        raise DTypeError(f"DataLoader: expected arrays of numbers, got {describe(shown)}{where}; "
                         f"{_cure(given, values)}")

    def check_nan(self, found: Array, places: Array | None) -> None:
        """Refuse NaN, which makes NaN of all parameters in one step."""
        if self.allow_nan or found.dtype.kind != "f" or not found.size or not np.isnan(found.min()):
            return
        row, *others = np.argwhere(np.isnan(found))[0]
        row = row if places is None else places[row]
        raise DTypeError(
            f"DataLoader: {self.name} has NaN in {self._place((row, *others))}; fill gaps, "
            "np.nan_to_num(x, nan=0.0), leave rows out, x[~np.isnan(x).any(axis=1)], or give "
            "allow_nan=True if the loss leaves them out")


class Samples:
    """A data set that has a length and gives a sample for each number: an array, or a tuple of some."""

    def __init__(self, given: Any, number: int, allow_nan: bool) -> None:
        self.given, self.number, self.allow_nan = given, number, allow_nan

    def __len__(self) -> int:
        return len(self.given)

    def take(self, places: Array) -> tuple[Array, ...]:
        """Samples, stacked."""
        samples = [self.given[int(i)] for i in places]
        if not isinstance(samples[0], tuple):
            return (self._stacked(samples, places),)
        return tuple(self._stacked(list(part), places) for part in zip(*samples, strict=True))

    def all(self) -> tuple[Array, ...]:
        """All samples."""
        return self.take(np.arange(len(self)))

    def _stacked(self, part: list[Any], places: Array) -> Array:
        values = [x.numpy() if isinstance(x, Tensor) else np.asarray(x) for x in part]
        shape = values[0].shape
        if other := next((i for i, x in enumerate(values) if x.shape != shape), 0):
            raise ShapeError(f"DataLoader: samples {places[0]} and {places[other]} have the shapes "
                             f"{shape} and {values[other].shape}; pad them, or take batch_size=1")
        try:
            rows = Rows(np.stack(values), self.number, True)
        except DTypeError as error:
            raise DTypeError(f"{error} (samples {', '.join(map(str, places[:5]))} ...)") from None
        rows.allow_nan = self.allow_nan
        rows.check_nan(rows.rows, places)
        return rows.rows  # type: ignore[no-any-return]


def source_of(given: Any, number: int, allow_nan: bool) -> Rows | Samples:
    """What a loader was given, as something that has a length and takes rows."""
    has_items = hasattr(given, "__getitem__") and hasattr(given, "__len__")
    known = isinstance(given, Sequence | Mapping | Tensor | np.ndarray) or any(
        hasattr(given, name) for name in ("to_numpy", "toarray", "__array__", "__array_interface__"))
    if has_items and not known and not _is_buffer(given):
        return Samples(given, number, allow_nan)
    return Rows(given, number, allow_nan)


def _is_lazy(given: Any) -> bool:
    """Whether rows are read when they are asked for: of a file, so that it need not fit into memory."""
    if isinstance(given, np.memmap):
        return True
    return (isinstance(getattr(given, "dtype", None), np.dtype) and hasattr(given, "__getitem__")
            and hasattr(given, "shape") and not isinstance(given, np.ndarray | np.generic | Tensor)
            and not hasattr(given, "to_numpy") and not hasattr(given, "toarray"))


def _is_buffer(given: Any) -> bool:
    try:
        memoryview(given)
    except TypeError:
        return False
    return True


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float | np.number | np.bool_)


def _uneven(rows: Any) -> str:
    """The first row of a list that has another shape than the one before all."""
    shapes: list[Any] = []
    for i, row in enumerate(rows):
        try:
            shapes.append(np.shape(row))
        except ValueError:
            return f"row {i} holds values of different shapes"
        if shapes[i] != shapes[0]:
            return f"{shapes[0]} in row 0, {shapes[i]} in row {i}"
    return "they do not fit together"


def _cure(given: Any, values: Array) -> str:
    """How numbers are made of rows that are none."""
    kinds = {type(x) for x in values.flat} if values.dtype.kind == "O" else {values.dtype.type}
    if hasattr(given, "toarray"):
        return "write x.toarray()"
    if any(issubclass(kind, str) for kind in kinds):
        return "number texts with classes, labels = np.unique(texts, return_inverse=True)"
    if all(issubclass(kind, int | float | np.number | np.bool_) for kind in kinds):
        return "write x.astype(float)"
    if any(issubclass(kind, np.datetime64 | np.timedelta64) for kind in kinds):
        return "count days, (times - times.min()) / np.timedelta64(1, 'D')"
    if any(kind is type(None) or kind.__name__ in ("NAType", "NaTType") for kind in kinds):
        return "fill gaps, table.fillna(0.0), or leave their rows out, table.dropna()"
    return "of other objects, load the numbers first, or give row numbers and look them up"
