"""The same update of many small parameters as one call on arrays that lie side by side.

`update_together`, a pass, brings the same instruction of each parameter next to each other;
`replay.rows` finds such instructions in a plan, and which values must lie in which order for one call.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from .ir import EXACT, Instruction, Program, Value, may_raise

#: Bytes of a parameter from which on a call of its own costs little beside its work.
SMALL_BYTES = 1 << 16
#: Bytes of arrays that go together; more would not stay in the processor's cache from call to call.
MOST_BYTES = 1 << 18

#: Ufuncs whose result does not depend on how many elements are computed at a time.
_EXACT = EXACT | {np.square, np.sqrt, np.negative, np.absolute}


def may_join(i: Instruction) -> bool:
    """Whether an instruction may be one of several that are done at once."""
    out = i.output
    return (i.phase == "update" and not out.scalar and _is_plain(out) and 0 < out.nbytes <= SMALL_BYTES
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


def kind_of(i: Instruction, names: dict[Value, Any]) -> Any:
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
        part = kind, sizes[kind] // MOST_BYTES
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

    fitting = list(filter(may_join, program.instructions))
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
    return tuple((kind_of(i, names), *map(names.get, _arrays(i))) for i in chain)


def _moved(program: Program, together: list[Instruction]) -> Program:
    """The program with some instructions next to each other, where the last one was, if that may be."""
    moved, made = set(together), {i.output for i in together}
    used = {v for i in together for v in _arrays(i)}
    places = [n for n, i in enumerate(program.instructions) if i in moved]
    before = [i for i in program.instructions[: places[-1]] if i not in moved]
    for i in before[places[0] :]:
        written = None if i.target is None else i.target.value
        if may_raise(i) or made.intersection(i.values) or written in used:
            return program
    return program.with_(
        instructions=(*before, *together, *program.instructions[places[-1] + 1 :]))


# -- the plan ----------------------------------------------------------------------------------------


