"""Feeding data: full batch, mini-batch and stochastic, with seeded shuffling."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.checks import check_integer, check_switch, is_integer
from ..ground.explain import answering
from ..ground.rng import generator, seeded
from ..ground.saved import Saved
from .sources import source_of


class DataLoader:
    """Batches of arrays that belong together row by row.

    Parameters
    ----------
    arrays : arrays, lists, tables of pandas, Tensors with the same length, for example inputs and
        labels. Of memory-mapped arrays and data sets of h5py or zarr, rows are read when a batch needs
        them. An object with a length gives ``object[i]``, a sample or a tuple of parts of one.
    batch_size : None for the full batch, n for mini-batches, 1 for stochastic descent.
    shuffle : draw a new order in each epoch.
    drop_last : leave out a last batch that is smaller, even if it is the only one.
    seed : an own generator for the order; by default the one of `manual_seed`.
    allow_nan : take NaN, which is an error otherwise, as it makes NaN of every parameter.

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
        allow_nan: bool = False,
    ) -> None:
        if not arrays:
            raise OptionError("DataLoader: expected at least one array, for example (x, y)")
        allow_nan = check_switch("DataLoader: allow_nan", allow_nan)
        self._sources = [source_of(a, i, allow_nan) for i, a in enumerate(arrays)]
        lengths = [len(a) for a in self._sources]
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
        self._given = 0  # how many batches of this epoch have been handed out
        self._before: Any = None  # the generator's state before it drew this epoch's order
        self._resumed = False

    def __len__(self) -> int:
        whole, rest = divmod(self.length, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        order = self._order()
        for i in range(self._given, len(self)):
            self._given = i + 1
            rows = order[i * self.batch_size : (i + 1) * self.batch_size]
            everything = len(rows) == self.length and not self.shuffle
            parts = [source.all() if everything else source.take(rows) for source in self._sources]
            yield tuple(Tensor(part) for taken in parts for part in taken)
        self._given, self._before = 0, None

    def in_order(self) -> DataLoader:
        """The same batches without an order drawn anew, as for measuring after training."""
        made = copy.copy(self)
        made.shuffle, made._given, made._before, made._resumed = False, 0, None, False
        return made

    def _order(self) -> Any:
        """The order of this epoch: a new one, or that of an epoch which a loaded state goes on with."""
        order = np.arange(self.length)
        resumed, self._resumed = self._resumed, False
        if not resumed:
            self._given, self._before = 0, None
        if self.shuffle:
            drawing = self._generator or generator()
            if resumed and self._before is not None:
                if self._generator is None:  # the common one has drawn this order before it was saved
                    drawing = np.random.default_rng(0)
                drawing.bit_generator.state = self._before
            self._before = drawing.bit_generator.state
            drawing.shuffle(order)
        return order

    def state_dict(self) -> dict[str, Any]:
        """Where the epoch stands, to go on from there with the very batches that would have come.

        Without a ``seed`` save ``tg.generator().bit_generator.state``, too, which draws later epochs.

        >>> import numpy as np, tinygrad_gd as tg
        >>> first, second = (tg.DataLoader(np.arange(6), batch_size=2, shuffle=True, seed=s)
        ...                  for s in (0, 1))
        >>> batches = iter(first); _ = next(batches); second.load_state_dict(first.state_dict())
        >>> [b.tolist() for b, in batches] == [b.tolist() for b, in second]
        True
        """
        own = self._generator
        state = self._before if self._given or own is None else own.bit_generator.state
        return Saved({"batch": self._given, "length": self.length, "generator": state},
                     "tg.save(loader.state_dict(), path)")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where the loader was that gave this state, in the next loop over this one."""
        given = state_dict if isinstance(state_dict, Mapping) else {}
        batch: Any = given.get("batch")
        length, state = given.get("length"), given.get("generator")
        if not is_integer(batch, 0):
            raise OptionError("load_state_dict: expected what loader.state_dict() gives, got "
                              f"{describe(state_dict)}")
        if length != self.length or batch > len(self):
            raise OptionError(f"load_state_dict: the state is that of a loader of {length} rows after "
                              f"{batch} batches, this one has {self.length} rows in {len(self)}; give "
                              "it the data and options that it had when saved")
        self._given, self._before, self._resumed = int(batch), state, True
        if self._generator is not None and state is not None:
            self._generator.bit_generator.state = state
