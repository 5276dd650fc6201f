"""Seats: parts of one array, in which the arrays of several buffers or states lie side by side.

Rows are instructions of a plan that one call on such arrays can do.

A state may be seated only while nobody else holds its array, which Python's reference counts tell: an
array that was lent sees every update where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, groupby
from sys import getrefcount
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine.tensor import Tensor, constant
from ..fused import is_small_update, is_total, kind_of
from ..ir import Instruction, State, Value

if TYPE_CHECKING:
    from .planner import Planner

#: Where an array is: the number of a buffer, or the state it belongs to.
Place = Any

#: The same instruction for several parameters.
Row = tuple[Instruction, ...]


def rows_of(plan: Planner) -> tuple[dict[Instruction, Row], list[tuple[Place, ...]]]:
    """Instructions that one call can do, by their first, and the places that must lie side by side."""
    rows: dict[Instruction, Row] = {}
    seats: dict[Place, tuple[tuple[Place, ...], int]] = {}

    def arrays(i: Instruction) -> list[Value]:
        return [v for v in (*i.values, i.output) if not v.scalar]

    def same(i: Instruction) -> Any:
        return kind_of(i) if is_total(i) or is_small_update(i) else id(i)

    def place(v: Value) -> Place:
        return plan.place(v) if plan.base(v).nbytes == v.nbytes else None  # None for a part

    runs = [tuple(run) for _, run in groupby(plan.body, same)]
    for members in sorted(runs, key=lambda run: is_total(run[0])):  # updates gain more
        taken = dict(seats)
        columns = zip(*map(arrays, members), strict=True)
        if len(members) > 1 and all(_sits(tuple(map(place, column)), taken) for column in columns):
            rows[members[0]], seats = members, taken
    return rows, list(dict.fromkeys(family for family, _ in seats.values()))


def _sits(family: tuple[Place, ...], seats: dict[Place, tuple[tuple[Place, ...], int]]) -> bool:
    """Seat places side by side in this order, unless some of them already sit otherwise."""
    fits = len(set(family)) == len(family) and {type(p) for p in family} in ({int}, {State})
    return fits and all(seats.setdefault(p, (family, n)) == (family, n) for n, p in enumerate(family))


class _Memory(np.ndarray[Any, Any]):
    """What parts are cut from: of another type than they are, so that a view of one holds that part."""


def side_by_side(values: Sequence[Value]) -> tuple[np.ndarray[Any, Any], list[np.ndarray[Any, Any]]]:
    """An array, and a part of it for each value, without gaps to compute in."""
    ends = list(accumulate(v.size for v in values))
    memory = _Memory(ends[-1], values[0].dtype)
    return memory.view(np.ndarray), np.split(memory, ends[:-1])


def _holders(tensor: Tensor) -> int:
    """How many have a Tensor's array or a view of it, besides some that are always there."""
    data = tensor._value
    return getrefcount(data)


_ONE = _holders(constant(np.empty(0)))


def take(seats: Sequence[tuple[State, Tensor]]) -> bool:
    """Move the arrays of all states to their seats, unless somebody else holds one of them."""
    apart = [(state, seat) for state, seat in seats if state.tensor._value is not seat._value]
    if not all(_holders(state.tensor) == _holders(seat) == _ONE
               and state.value.has_form_of(state.tensor._value) for state, seat in apart):
        return False
    for state, seat in apart:
        seat._value[...] = state.tensor._value
        state.tensor._value = seat._value
    return True
