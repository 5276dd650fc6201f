"""Rows: instructions of a plan that one call on arrays side by side can do."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..fused_updates import kind_of, may_join
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
        return kind_of(i, dict.fromkeys(arrays(i), "array")) if may_join(i) else id(i)

    def place(v: Value) -> Place:
        return plan.place(v) if plan.base(v).nbytes == v.nbytes else None  # None for a part

    for _, run in groupby(plan.body, same):
        members = tuple(run)
        taken = dict(seats)
        columns = zip(*map(arrays, members), strict=True)
        if len(members) > 1 and all(_sits(tuple(map(place, column)), taken) for column in columns):
            rows[members[0]], seats = members, taken
    return rows, list(dict.fromkeys(family for family, _ in seats.values()))


def _sits(family: tuple[Place, ...], seats: dict[Place, tuple[tuple[Place, ...], int]]) -> bool:
    """Seat places side by side in this order, unless some of them already sit otherwise."""
    fits = len(set(family)) == len(family) and {type(p) for p in family} in ({int}, {State})
    return fits and all(seats.setdefault(p, (family, n)) == (family, n) for n, p in enumerate(family))
