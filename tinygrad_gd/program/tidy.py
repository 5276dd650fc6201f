"""Passes for readers: they leave out what the framework makes on its way, and nobody would write.

As all passes they keep every bit. What they leave out costs a replay next to nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..ops.shape import reshape
from .ir import Instruction, Program, Value, replaced, use_counts

#: Primitives that only show the elements of their first input.
_SHOWS = {"reshape", "transpose", "swapaxes", "broadcast_to", "getitem", "copy", "expand_dims"}
#: Those whose results have no sign, or that of a positive number.
_POSITIVE = {"square", "exp", "absolute", "exp2", "logaddexp"}


def drop_turns(program: Program) -> Program:
    """Leave out what reshapes or turns an array back, and reshape once what is reshaped twice."""
    made = {i.output: i for i in program.instructions}
    uses, results, late = use_counts(program), set(program.results), _read_late(program)
    own = {value for _, value in program.gradients}
    table: dict[Value, Any] = {}
    kept = []
    for i in program.instructions:
        i = i.reading(tuple(table.get(x, x) if isinstance(x, Value) else x for x in i.inputs))
        source = i.inputs[0] if i.inputs else None
        before = made.get(source) if isinstance(source, Value) else None
        if before is not None and _turns_back(i, before):
            source = before.inputs[0]
        elif before is not None and _reshapes(i) and _reshapes(before) and (
                _lies_alike(before.inputs[0], i.output)
                or (uses[before.output] == 1 and not before.output.name)):
            i = replace(i, inputs=before.inputs)
            source = i.inputs[0]
        elif not _reshapes(i):
            source = None
        made[i.output] = i
        lasts = (source in made and made[source].target is None) or i.output not in late
        free = i.output not in results or (source in made and i.output not in own)
        if isinstance(source, Value) and lasts and free and _lies_alike(source, i.output):
            table[i.output] = source
            source.name = source.name or (i.output.name if source in made else "")
        else:
            kept.append(i)
    return replaced(program.with_(instructions=tuple(kept)), table)


def _read_late(program: Program) -> set[Value]:
    """The values that are read once states have been written."""
    found: set[Value] = set()
    written = False
    for i in program.instructions:
        written = written or i.target is not None
        if written:
            found.update(i.values)
    return found


def _reshapes(i: Instruction) -> bool:
    return (i.primitive is reshape and isinstance(i.inputs[0], Value)
            and i.params.get("order", "C") in ("C", None))


def _turns_back(i: Instruction, before: Instruction) -> bool:
    """Whether ``i`` undoes the exchange or the order of axes of the instruction before it."""
    if i.primitive is not before.primitive or not isinstance(before.inputs[0], Value):
        return False
    ndim = len(i.output.shape)
    if i.primitive.name == "swapaxes":
        first, second = ({j.params[k] % ndim for k in ("axis1", "axis2")} for j in (before, i))
        return first == second
    return i.primitive.name == "transpose" and i.params["axes"] is None is before.params["axes"]


def _lies_alike(a: Value, b: Value) -> bool:
    """Whether two arrays have the same elements in the same places of memory, if they are equal."""
    def form(v: Value) -> Any:
        long = [axis for axis in v.axes if v.shape[axis] != 1]
        return v.shape, v.dtype, v.scalar, v.dense, long

    return bool(form(a) == form(b))


def drop_zeros(program: Program) -> Program:
    """Leave out ``x + 0.0`` and ``x / 1.0`` where that gives the bits of x: it makes 0.0 of -0.0."""
    made = {i.output: i for i in program.instructions}
    users: dict[Value, list[Instruction]] = {}
    for i in program.instructions:
        for value in set(i.values):
            users.setdefault(value, []).append(i)
    results, table = set(program.results), {}
    for i in program.instructions:
        x = _neutral(i)
        if x is None or i.output in results or i.target is not None or not _lies_alike(x, i.output):
            continue
        absorbed = all(_absorbs(user, i.output, made) for user in users.get(i.output, ()))
        if i.primitive.name == "divide" or absorbed or not _may_be_minus_zero(x, made):
            table[i.output] = x
    kept = tuple(i for i in program.instructions if i.output not in table)
    return replaced(program.with_(instructions=kept), table)


def _neutral(i: Instruction) -> Value | None:
    """What stands beside a zero that is added, or over a one."""
    if i.primitive.name == "divide":
        x, one = i.inputs
        return x if isinstance(x, Value) and not isinstance(one, Value) and np.all(one == 1) else None
    if i.primitive.name != "add":
        return None
    for x, zero in (i.inputs, i.inputs[::-1]):
        plain = isinstance(x, Value) and not isinstance(zero, Value)
        if plain and not np.any(zero) and not np.any(np.signbit(zero)):
            return x  # type: ignore[no-any-return]
    return None


def _absorbs(user: Instruction, value: Value, made: dict[Value, Instruction]) -> bool:
    """Whether the sign of a zero in ``value`` makes no difference to a sum."""
    if user.primitive.name != "add":
        return False
    return not any(_may_be_minus_zero(x, made) for x in user.inputs if x is not value) and any(
        x is not value for x in user.inputs)


def _may_be_minus_zero(x: Any, made: dict[Value, Instruction]) -> bool:
    if not isinstance(x, Value):
        return bool(np.any(np.signbit(x) & (np.asarray(x) == 0)))
    if x.dtype.kind not in "fc":
        return False
    i = made.get(x)
    if i is None or i.primitive.name in _POSITIVE:
        return i is None
    name = i.primitive.name
    if name == "add":
        return all(_may_be_minus_zero(part, made) for part in i.inputs)
    if name == "multiply" and i.inputs[0] is i.inputs[1]:
        return False
    return name not in _SHOWS or _may_be_minus_zero(i.inputs[0], made)

