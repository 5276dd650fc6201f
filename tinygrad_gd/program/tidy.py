"""A pass for readers: it leaves out what the framework makes on its way, and nobody would write.

As all passes it keeps every bit. What it leaves out costs a replay next to nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .factors import Factors
from .ir import Instruction, Program, Value

#: Primitives that only show the elements of their first input.
_SHOWS = {"reshape", "transpose", "swapaxes", "broadcast_to", "getitem", "copy", "expand_dims"}
#: Those whose results have no sign, or that of a positive number.
_POSITIVE = {"square", "exp", "absolute", "exp2", "logaddexp"}
#: Beside what they leave the other number as it is.
_NEUTRAL = {"add": 0, "multiply": 1, "divide": 1}


def drop_neutral(program: Program) -> Program:
    """Leave out ``x * 1``, ``x / 1`` and, where no sign of a zero depends on it, ``x + 0.0``."""
    made = program.made
    results, factors = set(program.results), Factors(program)
    for i in program.instructions:
        x, out = _beside_neutral(i), i.output
        if x is None or x in program.numbers or i.target is not None or not x.lies_like(out):
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

