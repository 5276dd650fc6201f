"""Together: the same update of many small parameters as one call on arrays that lie side by side.

`update_together`, a pass, brings the same instruction of each parameter next to each other; `rows_of`
finds such instructions in a plan, and which values must lie in which order for one call to do.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from .ir import Instruction, Program, State, Value
from .kernels import EXACT

if TYPE_CHECKING:
    from .planner import Planner

#: Bytes of a parameter from which on a call of its own costs little beside its work.
SMALL = 1 << 16
#: Bytes of arrays that go together; more would not stay in the processor's cache from call to call.
MOST = 1 << 18

#: Ufuncs whose result does not depend on how many elements are computed at a time.
_EXACT = EXACT | {np.square, np.sqrt, np.negative, np.absolute}


def _fits(i: Instruction) -> bool:
    """Whether an instruction may be one of several that are done at once."""
    out = i.output
    return (i.phase == "update" and not out.scalar and _is_plain(out) and 0 < out.nbytes <= SMALL
            and _is_elementwise(i))


def _is_elementwise(i: Instruction) -> bool:
    """Whether an instruction computes each element from those in the same place, and from numbers."""
    arrays = [x for x in i.inputs if isinstance(x, np.ndarray | Value) and not _is_number(x)]
    return i.primitive.function in _EXACT and not i.params and all(
        isinstance(x, Value) and x.dense and (x.shape, x.dtype, x.axes) == (
            i.output.shape, i.output.dtype, i.output.axes) for x in arrays)


def _is_number(x: Any) -> bool:
    """Whether an input is a value without axes that NumPy keeps as a scalar."""
    return isinstance(x, Value) and x.scalar


def _is_plain(value: Value) -> bool:
    return value.dense and value.in_order


def _kind(i: Instruction, names: dict[Value, Any]) -> Any:
    """What two instructions have in common that do the same, given names for their arrays."""
    inputs = tuple(names.get(x, id(x)) if isinstance(x, Value) else repr(x) for x in i.inputs)
    return i.primitive.name, i.output.dtype, i.target is None, inputs


# -- the pass ----------------------------------------------------------------------------------------


def update_together(program: Program) -> Program:
    """Update small parameters step by step side by side, instead of one parameter after the other."""
    groups: dict[Any, list[list[Instruction]]] = {}
    sizes: Counter[Any] = Counter()
    for chain in _chains(program):
        kind = _signature(chain)
        part = kind, sizes[kind] // MOST
        sizes[kind] += chain[0].output.nbytes
        groups.setdefault(part, []).append(chain)
    for members in groups.values():
        if len(members) > 1:
            program = _moved(program, [i for step in zip(*members, strict=True) for i in step])
    return program


def _chains(program: Program) -> list[list[Instruction]]:
    """The updates of each parameter and its state: instructions that have arrays in common."""
    parent: dict[Value, Value] = {}

    def first(v: Value) -> Value:
        while parent.setdefault(v, v) is not v:
            parent[v] = parent[parent[v]]
            v = parent[v]
        return v

    fitting = list(filter(_fits, program.instructions))
    for i in fitting:
        for v in _arrays(i):
            parent[first(v)] = first(i.output)
    chains: dict[Value, list[Instruction]] = {}
    for i in fitting:
        chains.setdefault(first(i.output), []).append(i)
    return list(chains.values())


def _arrays(i: Instruction) -> list[Value]:
    """The arrays an instruction reads and makes, and the one it writes into."""
    target = [] if i.target is None else [i.target.value]
    return [v for v in (*i.values, i.output, *target) if not v.scalar]


def _signature(chain: list[Instruction]) -> Any:
    """What two chains have in common that do the same."""
    names: dict[Value, int] = {}
    for i in chain:
        for v in _arrays(i):
            names.setdefault(v, len(names))
    return tuple((_kind(i, names), *map(names.get, _arrays(i))) for i in chain)


def _moved(program: Program, together: list[Instruction]) -> Program:
    """The program with some instructions next to each other, where the last one was, if that may be."""
    moved, made = set(together), {i.output for i in together}
    used = {v for i in together for v in _arrays(i)}
    places = [n for n, i in enumerate(program.instructions) if i in moved]
    before = [i for i in program.instructions[: places[-1]] if i not in moved]
    for i in before[places[0] :]:
        if made.intersection(i.values) or (i.target is not None and i.target.value in used):
            return program
    return program.with_(
        instructions=(*before, *together, *program.instructions[places[-1] + 1 :]))


# -- the plan ----------------------------------------------------------------------------------------

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
        return _kind(i, dict.fromkeys(arrays(i), "array")) if _fits(i) else id(i)

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
