"""Seats: parts of one array, in which the arrays of several buffers or states lie side by side.

A state may be seated only while nobody else holds its array, which Python's reference counts tell: an
array that was lent sees every update where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from sys import getrefcount
from typing import Any

import numpy as np

from ...engine.tensor import Tensor, constant
from ..ir import State, Value
from .kernels import shaped


class _Memory(np.ndarray[Any, Any]):
    """What parts are cut from: of another type than they are, so that a view of one holds that part."""


def side_by_side(values: Sequence[Value]) -> tuple[np.ndarray[Any, Any], list[np.ndarray[Any, Any]]]:
    """An array, and parts of it that have the forms of values, without gaps to compute in."""
    ends = list(accumulate(v.nbytes // v.dtype.itemsize for v in values))
    memory = _Memory(ends[-1], values[0].dtype)
    parts = [shaped(memory[start:], v).view(np.ndarray)
             for start, v in zip([0, *ends], values, strict=False)]
    return memory.view(np.ndarray), parts


def _holders(tensor: Tensor) -> int:
    """How many have a Tensor's array or a view of it, besides some that are always there."""
    data = tensor._value
    return getrefcount(data)


_ONE = _holders(constant(np.empty(0)))


def is_sole_owner(tensor: Tensor) -> bool:
    """Whether nobody but a Tensor has its array, or a view of it."""
    return _holders(tensor) == _ONE


class Seats:
    """The seats of a program's states."""

    def __init__(self) -> None:
        self._seats: list[tuple[State, Tensor]] = []

    def add(self, states: Sequence[State], parts: list[np.ndarray[Any, Any]]) -> None:
        """Provide a seat for each state."""
        self._seats += zip(states, map(constant, parts), strict=True)

    def __iter__(self) -> Iterator[tuple[State, Tensor]]:
        return iter(self._seats)

    def __bool__(self) -> bool:
        return bool(self._seats)

    def take(self) -> bool:
        """Move the arrays of all states to their seats, unless somebody else holds one of them."""
        apart = [(state, seat) for state, seat in self._seats if state.tensor._value is not seat._value]
        if not all(is_sole_owner(state.tensor) and is_sole_owner(seat)
                   and state.value.has_form_of(state.tensor._value) for state, seat in apart):
            return False
        for state, seat in apart:
            seat._value[...] = state.tensor._value
            state.tensor._value = seat._value
        return True
