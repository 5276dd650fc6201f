"""Feeding data: full batch, mini-batch and stochastic, with seeded shuffling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, GradError, OptionError, ShapeError, describe
from ..ground.checks import check_integer, check_switch
from ..ground.explain import answering
from ..ground.rng import generator, seeded
from ..ground.storage import NUMERIC_KINDS, plain


class DataLoader:
    """Batches of arrays that belong together row by row.

    Parameters
    ----------
    arrays : one or more arrays with the same length, for example inputs and labels.
    batch_size : None for the full batch, n for mini-batches, 1 for stochastic descent.
    shuffle : draw a new order in each epoch.
    drop_last : leave out a last batch that is smaller, even if it is the only one.
    seed : an own generator for the order; by default the one of `manual_seed`.

    >>> import numpy as np, tinygrad_gd as tg
    >>> [x.shape for x, y in tg.DataLoader(np.ones((5, 2)), np.ones(5), batch_size=2)]
    [(2, 2), (2, 2), (1, 2)]
    """

    @answering
    def __init__(
        self,
        *arrays: Any,
        batch_size: int | None = None,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int | None = None,
    ) -> None:
        if not arrays:
            raise OptionError("DataLoader: expected at least one array, for example (x, y)")
        self.arrays = [_rows(a) for a in arrays]
        lengths = [len(a) for a in self.arrays]
        if len(set(lengths)) > 1:
            raise ShapeError(f"DataLoader: the arrays have different lengths {lengths}; each row of "
                             "the data needs exactly one label")
        if not lengths[0]:
            raise ShapeError("DataLoader: the arrays are empty; there is nothing to batch")
        self.length = self.batch_size = lengths[0]
        if batch_size is not None:
            self.batch_size = check_integer(
                "DataLoader: batch_size", batch_size, 1, "None takes all rows")
        self.shuffle = check_switch("DataLoader: shuffle", shuffle)
        self.drop_last = check_switch("DataLoader: drop_last", drop_last)
        self._generator = None if seed is None else seeded("DataLoader", seed)

    def __len__(self) -> int:
        whole, rest = divmod(self.length, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        if len(self) == 1 and self.batch_size >= self.length and not self.shuffle:
            yield tuple(map(Tensor, self.arrays))
            return
        order = np.arange(self.length)
        if self.shuffle:
            (self._generator or generator()).shuffle(order)
        for i in range(len(self)):
            rows = order[i * self.batch_size : (i + 1) * self.batch_size]
            yield tuple(Tensor(a[rows]) for a in self.arrays)


def _rows(given: Any) -> np.ndarray[Any, Any]:
    """One of the loader's arrays; several in a tuple would be stacked into something else."""
    if isinstance(given, Tensor):
        if given.requires_grad:
            raise GradError(f"DataLoader: the gradient of {describe(given)} would be lost; index it in "
                            "the loop, or give .detach()")
        rows = given.numpy()
    else:
        cure = "give each array by itself: DataLoader(x, y, batch_size=32)"
        if isinstance(given, tuple) and any(np.ndim(a) for a in given if hasattr(a, "shape")):
            raise OptionError(f"DataLoader: expected arrays, got a tuple of {len(given)}; {cure}")
        try:
            rows = np.asarray(plain(given) if isinstance(given, np.ndarray) else given)
        except ValueError:
            raise ShapeError(f"DataLoader: the rows of a list of {len(given)} have different shapes; "
                             f"{cure}") from None
    if rows.dtype.kind not in NUMERIC_KINDS:
        came = describe(given if hasattr(given, "shape") and hasattr(given, "dtype") else rows)
        raise DTypeError(f"DataLoader: expected arrays of numbers, got {came}; {_cure(given, rows)}")
    if not rows.ndim:
        raise ShapeError(f"DataLoader: expected arrays with rows, got the number {given!r}; if it is "
                         f"the batch size, write batch_size={given!r}")
    return rows


def _cure(given: Any, rows: np.ndarray[Any, Any]) -> str:
    """How numbers are made of rows that are none."""
    kinds = {type(x) for x in rows.flat} if rows.dtype.kind == "O" else {rows.dtype.type}
    if hasattr(given, "toarray"):
        return "write x.toarray()"
    if any(issubclass(kind, str) for kind in kinds):
        return "number texts with classes, labels = np.unique(texts, return_inverse=True)"
    if all(issubclass(kind, int | float | np.number | np.bool_) for kind in kinds):
        return "write x.astype(float)"
    if any(issubclass(kind, np.datetime64 | np.timedelta64) for kind in kinds):
        return "count days, (times - times.min()) / np.timedelta64(1, 'D')"
    return "of other objects, load the numbers first, or give row numbers and look them up"
