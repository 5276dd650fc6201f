"""The same update of many small parameters as one call on arrays that lie side by side.

`update_together`, a pass, brings the same instruction of each parameter next to each other;
`replay.seats` finds such instructions in a plan, and which values must lie in which order for one call.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from .ir import EXACT, Instruction, Program, Value, identity

#: Bytes of a parameter from which on a call of its own costs little beside its work.
SMALL_BYTES = 1 << 16
#: Bytes of arrays that go together; more would not stay in the processor's cache from call to call.
MOST_BYTES = 1 << 18

#: Ufuncs whose result does not depend on how many elements are computed at a time.
_EXACT = EXACT | {np.square, np.sqrt, np.negative, np.positive, np.absolute, np.sign}


def may_join(i: Instruction) -> bool:
    """Whether an instruction may be one of several that are done at once, on elements in one place."""
    out = i.output
    return (i.phase == "update" and i.primitive.function in _EXACT and not i.params
            and not out.scalar and out.dense and out.in_order and 0 < out.nbytes <= SMALL_BYTES
            and not any(isinstance(x, np.ndarray) for x in i.inputs)
            and all(v.scalar or v.form == out.form for v in i.values))


def kind_of(i: Instruction) -> Any:
    """What two instructions have in common that do the same, to arrays of their own."""
    inputs = ("array" if isinstance(x, Value) and not x.scalar else identity(x) for x in i.inputs)
    return i.primitive.name, i.output.dtype, i.target is None, tuple(inputs)


def update_together(program: Program) -> Program:
    """Update small parameters step by step side by side, instead of one parameter after the other."""
    runs: list[list[Instruction]] = [[]]  # one for each update, as there are several in a GAN's step
    for i in program.instructions:
        if may_join(i):
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
