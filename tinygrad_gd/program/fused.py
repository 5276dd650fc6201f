"""What is done with several small arrays as one call on memory in which they lie side by side.

Passes bring such instructions next to each other: `update_together` the same one of each parameter,
`sum_together` sums of all elements. `replay.seats` finds them in a plan, and which values must lie in
which order for one call.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from .ir import EXACT, Instruction, Program, Value, identity

#: Bytes of an array from which on a call of its own costs little beside its work.
SMALL_BYTES = 1 << 16
#: Bytes of an array that is added up in less time than a call of its own takes besides.
SHORT_BYTES = 1 << 12
#: Bytes of arrays that go together; more would not stay in the processor's cache from call to call.
MOST_BYTES = 1 << 18

#: Ufuncs whose result does not depend on how many elements are computed at a time.
_EXACT = EXACT | {np.square, np.sqrt, np.negative, np.positive, np.absolute, np.sign}


def is_small_update(i: Instruction) -> bool:
    """Whether an instruction may be done for several parameters at once, on elements in one place."""
    out = i.output
    return (i.phase == "update" and i.primitive.function in _EXACT and not i.params
            and not out.scalar and out.dense and out.in_order and 0 < out.nbytes <= SMALL_BYTES
            and not any(isinstance(x, np.ndarray) for x in i.inputs)
            and all(v.scalar or v.form == out.form for v in i.values))


def is_total(i: Instruction) -> bool:
    """Whether it adds up all elements of a small array; for a mean, it divides by their number."""
    x = i.inputs[0] if i.inputs else None
    return (i.primitive.name in ("sum", "mean") and i.phase != "once" and isinstance(x, Value)
            and not x.scalar and x.dense and x.in_order and 0 < x.nbytes <= SHORT_BYTES
            and i.output.scalar and x.dtype == i.output.dtype and x.dtype.char in "fd"
            and set(i.params) <= {"axis", "keepdims"})


def kind_of(i: Instruction) -> Any:
    """What two instructions have in common that do the same, to arrays of their own."""
    if is_total(i):
        return i.output.dtype, i.inputs[0].size
    inputs = ("array" if isinstance(x, Value) and not x.scalar else identity(x) for x in i.inputs)
    return i.primitive.name, i.output.dtype, i.target is None, tuple(inputs)


def sum_together(program: Program) -> Program:
    """Sum small arrays of one size where the last of them is summed, if nobody needs a sum before."""
    groups: list[list[Instruction]] = []
    going_on: dict[Any, list[Instruction]] = {}
    kinds: dict[Value, Any] = {}
    for i in program.instructions:
        for kind in [*going_on] if i.target is not None else [kinds[v] for v in i.values if v in kinds]:
            going_on.pop(kind, None)
        if is_total(i):
            kind = kinds[i.output] = kind_of(i)
            if kind not in going_on:
                groups.append([])
                going_on[kind] = groups[-1]
            going_on[kind].append(i)
    moved, last = {i for group in groups for i in group}, {group[-1]: group for group in groups}
    return program.with_(instructions=tuple(
        x for i in program.instructions for x in (last.get(i, ()) if i in moved else (i,))))


def update_together(program: Program) -> Program:
    """Update small parameters step by step side by side, instead of one parameter after the other."""
    runs: list[list[Instruction]] = [[]]  # one for each update, as there are several in a GAN's step
    for i in program.instructions:
        if is_small_update(i):
            runs[-1].append(i)
        elif i.phase == "backward" and runs[-1]:
            runs.append([])
    for run in filter(None, runs):
        program = _moved(program, _ordered(run))
    return program


def _ordered(run: list[Instruction]) -> list[Instruction]:
    """Instructions of an update in which those of one step for several parameters are neighbours."""
    last: dict[Value, tuple[int, int]] = {}  # part and step in which an array was used last
    steps: dict[Any, list[Instruction]] = {}
    sizes: Counter[Any] = Counter()
    for i in run:
        kind, arrays = kind_of(i), _arrays(i)
        known = [last[v] for v in arrays if v in last]
        if not known:
            known = [(sizes[kind] // MOST_BYTES, -1)]
            sizes[kind] += i.output.nbytes
        part, step = max(known)
        last.update(dict.fromkeys(arrays, (part, step + 1)))
        steps.setdefault((part, step + 1, kind), []).append(i)
    return [i for key in sorted(steps, key=lambda key: key[:2]) for i in steps[key]]


def _arrays(i: Instruction) -> list[Value]:
    """The arrays an instruction reads and makes, and the one it writes into."""
    target = [] if i.target is None else [i.target.value]
    return [v for v in (*i.values, i.output, *target) if not v.scalar]


def _moved(program: Program, together: list[Instruction]) -> Program:
    """The program with some instructions next to each other, where the last one was, if that may be."""
    moved, made = set(together), {i.output for i in together}
    used = {v for i in together for v in _arrays(i)}
    places = [n for n, i in enumerate(program.instructions) if i in moved]
    before = [i for i in program.instructions[: places[-1]] if i not in moved]
    for i in before[places[0] :]:
        written = None if i.target is None else i.target.value
        if i.may_raise or made.intersection(i.values) or written in used:
            return program
    return program.with_(
        instructions=(*before, *together, *program.instructions[places[-1] + 1 :]))
