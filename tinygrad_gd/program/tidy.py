"""Passes for readers: they leave out what the framework makes on its way, and nobody would write.

As all passes they keep every bit. What they leave out costs a replay next to nothing.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import dropwhile
from typing import Any

import numpy as np

from ..ops.shape import reshape
from .factors import Factors
from .ir import Instruction, Program, Value

#: Primitives that only show the elements of their first input.
_SHOWS = {"reshape", "transpose", "swapaxes", "broadcast_to", "getitem", "copy", "expand_dims"}
#: Those whose results have no sign, or that of a positive number.
_POSITIVE = {"square", "exp", "absolute", "exp2", "logaddexp"}
#: Beside what they leave the other number as it is.
_NEUTRAL = {"add": 0, "multiply": 1, "divide": 1}


def drop_turns(program: Program) -> Program:
    """Leave out what reshapes or turns an array back, and reshape once what is reshaped twice."""
    made, factors, kept = dict(program.made), Factors(program), []
    late = {v for i in dropwhile(lambda i: i.target is None, program.instructions) for v in i.values}
    for i in program.instructions:
        i = i.rewired(factors.table)
        source = i.inputs[0] if i.inputs else None
        before = made.get(source) if isinstance(source, Value) else None
        if before is not None and _turns_back(i, before):
            source = before.inputs[0]
        elif before is not None and reshapes(i) and reshapes(before) and (
                _lies_alike(before.inputs[0], i.output)
                or (program.uses[before.output] == 1 and not before.output.name)):
            i = replace(i, inputs=before.inputs)
            source = i.inputs[0]
        elif not reshapes(i):
            source = None
        made[i.output] = i
        kept.append(i)
        lasts = (source in made and made[source].target is None) or i.output not in late
        if isinstance(source, Value) and lasts and _lies_alike(source, i.output):
            factors.put(source, i.output)
    return program.with_(instructions=tuple(kept)).replaced(factors.table)


def reshapes(i: Instruction) -> bool:
    """Whether an instruction reshapes a value in C order."""
    return (i.primitive is reshape and isinstance(i.inputs[0], Value)
            and i.params.get("order", "C") in ("C", None))


def order_of(i: Instruction) -> list[int] | None:
    """Which axis of its argument each axis of a result is, of an instruction that turns axes."""
    order = list(range(len(i.output.shape)))
    if i.primitive.name == "swapaxes":
        a, b = i.params["axis1"], i.params["axis2"]
        order[a], order[b] = order[b], order[a]
        return order
    if i.primitive.name != "transpose":
        return None
    return order[::-1] if i.params["axes"] is None else [order[axis] for axis in i.params["axes"]]


def _turns_back(i: Instruction, before: Instruction) -> bool:
    """Whether ``i`` undoes the order that the instruction before it gives axes."""
    first, then = order_of(before), order_of(i)
    return i.primitive is before.primitive and first is not None and then is not None and (
        [first[axis] for axis in then] == sorted(then))


def _lies_alike(a: Value, b: Value) -> bool:
    """Whether two arrays have the same elements in the same places of memory, if they are equal."""
    return (a.shape, a.dtype, a.scalar, a.dense, a.long_axes) == (
        b.shape, b.dtype, b.scalar, b.dense, b.long_axes)


def drop_neutral(program: Program) -> Program:
    """Leave out ``x * 1``, ``x / 1`` and, where no sign of a zero depends on it, ``x + 0.0``."""
    made = program.made
    results, factors = set(program.results), Factors(program)
    for i in program.instructions:
        x, out = _beside_neutral(i), i.output
        if x is None or x in program.numbers or i.target is not None or not _lies_alike(x, out):
            continue
        if i.primitive.name == "add" and _may_be_minus_zero(x, made) and (out in results or not all(
                _absorbs(user, out, made) for user in program.users[out])):
            continue
        factors.put(x, out)
    return program.replaced(factors.table)


def _beside_neutral(i: Instruction) -> Value | None:
    """What stands beside a zero that is added, or a one that it is multiplied or divided by."""
    name = i.primitive.name
    if name not in _NEUTRAL:
        return None
    for x, y in (i.inputs,) if name == "divide" else (i.inputs, i.inputs[::-1]):
        plain = isinstance(x, Value) and not isinstance(y, Value)
        if plain and np.all(np.equal(y, _NEUTRAL[name])) and not np.any(np.signbit(y)):
            return x  # type: ignore[no-any-return]
    return None


def _absorbs(user: Instruction, value: Value, made: dict[Value, Instruction]) -> bool:
    """Whether the sign of a zero in ``value`` makes no difference to a sum."""
    others = [x for x in user.inputs if x is not value]
    return user.primitive.name == "add" and bool(others) and not any(
        _may_be_minus_zero(x, made) for x in others)


def _may_be_minus_zero(x: Any, made: dict[Value, Instruction]) -> bool:
    if not isinstance(x, Value):
        return bool(np.any(np.signbit(x) & (np.asarray(x) == 0)))
    i = made.get(x)
    if i is None or i.primitive.name in _POSITIVE:
        return i is None
    name = i.primitive.name
    if name == "multiply" and i.inputs[0] is i.inputs[1]:
        return False
    return name not in _SHOWS or _may_be_minus_zero(i.inputs[0], made)

