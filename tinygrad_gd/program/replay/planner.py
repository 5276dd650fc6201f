"""The plan of a replay: which values share a buffer, which are views, and what is written where.

A buffer is reused as soon as the value in it has been read for the last time. Updates go straight
into their parameters where nobody needs the old values any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

import numpy as np

from ...errors import TinygradGdError
from ..factors import is_product
from ..ir import REDUCTIONS, SHOWING, Instruction, Program, Value
from .kernels import is_mean_of_half, shaped
from .seats import rows_of

_terms = np.array([1.0, 2.0**60, -(2.0**60)])[::-1, None]
#: Whether NumPy adds in the same order into a given array; 2.0 adds reversed rows the other way round.
ONE_ORDER = bool(np.add.reduce(_terms, 0) == np.add.reduce(_terms, 0, out=np.empty(1)))


class Planner:
    """Decides where every value of a program lives."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.once = [i for i in program.instructions if i.phase == "once"]
        self.body = [i for i in program.instructions if i.phase != "once"]
        self._position = {i.output: n for n, i in enumerate(self.body)}
        self.root: dict[Value, Value] = {}  # views -> the value whose memory they show
        shown: dict[Value, Any] = {}
        for i in program.instructions:
            if (view := view_of(i, shown)) is not None:
                self.root[i.output], shown[i.output] = self.base(i.inputs[0]), view
        self._versions: defaultdict[Any, list[Value]] = defaultdict(list)  # of states after each write
        for i in self.body:
            self._versions[i.target].append(i.output)
        self.results = {self.base(v) for v in program.results}
        lasting = {v for v in program.kept if isinstance(v, Value)}
        self.results -= lasting - {self.base(v) for v in program.with_(kept=()).results}
        self.last_use = {}
        for position, i in enumerate(self.body):
            for value in (i.output, *i.values):
                self.last_use[self.base(value)] = position
        self.last_use |= dict.fromkeys(map(self.base, lasting), len(self.body))
        self.buffers: dict[Value, int] = {}
        self.sizes: list[Value] = []  # one example value per buffer
        self._assign()
        self.rows, self.families = rows_of(self)

    def base(self, value: Value) -> Value:
        """The value in whose memory ``value`` lies."""
        return self.root.get(value, value)

    def in_place(self, i: Instruction) -> bool:
        """Whether a write may go straight into its state: nobody needs the old values later."""
        if i.target is None or i.output.scalar:
            return False
        old = self.base(i.inputs[0]) if isinstance(i.inputs[0], Value) else None
        position = self._position[i.output]
        versions = {self.base(i.target.value), *([old] if old else []), *self._versions[i.target]}
        return all(self.last_use.get(v, -1) <= position and v not in self.results for v in versions
                   if self._position.get(v, -1) < position)

    def place(self, value: Value) -> Any:
        """Where an array is: the number of a buffer, or the input whose array it is; else None."""
        base = self.base(value)
        made = self.program.made.get(base)
        if made is not None and made.target is not None:
            return made.target if self.in_place(made) else None
        return self.buffers.get(base, self.program.given.get(base))

    def _assign(self) -> None:
        free: defaultdict[Any, list[int]] = defaultdict(list)

        def release(values: Iterable[Value]) -> None:
            for value in values:
                free[_memory(value)].append(self.buffers[value])

        for position, i in enumerate(self.body):
            out, over, last = i.output, set(), -1
            key = _memory(out)
            dying = [v for v in dict.fromkeys(map(self.base, i.values))
                     if self.last_use[v] == position and v in self.buffers]
            if i.primitive.elementwise and isinstance(i.primitive.function, np.ufunc):
                place = out.shape, out.axes, True  # of each element in memory
                over = {self.base(v) for v in i.values if (v.shape, v.axes, v.dense) == place}
                own = any(_memory(v) == key for v in dying if v in over)
                last = -1 if own or i.phase != "update" else 0  # updates keep to their order
            release(v for v in dying if v in over)
            if self._wants_buffer(i):
                if free[key]:
                    self.buffers[out] = free[key].pop(last)
                else:
                    self.buffers[out] = len(self.sizes)
                    self.sizes.append(out)
            release(v for v in dying if v not in over)
            if out in self.buffers and self.last_use[out] == position:
                release([out])

    def temporaries(self) -> int:
        """The most bytes that arrays outside of buffers take at one time of a call."""
        changes = [0] * (len(self.body) + 1)
        for position, i in enumerate(self.body):
            value = i.output
            own = not value.scalar and value not in self.buffers and value not in self.root
            if own and not self.in_place(i):
                end = len(self.body) if value in self.results else self.last_use[value]
                changes[position] += value.nbytes
                changes[min(end + 1, len(self.body))] -= value.nbytes
        return max(accumulate(changes))

    def _wants_buffer(self, i: Instruction) -> bool:
        factors = list(map(self.base, i.values))
        squares = is_product(i) and len(set(factors)) < len(factors)  # only NumPy's call gives its bits
        return (not i.output.scalar and i.output not in self.root and i.output not in self.results
                and i.target is None and can_write(i) and not squares)


def _memory(value: Value) -> Any:
    """How many elements a value has, and of which dtype: a buffer serves all with the same."""
    return value.size, value.dtype


def zeros(value: Value) -> Any:
    """Zeros in the form of a value; memory that nobody has written could hold what no cast takes."""
    if value.scalar:
        return value.dtype.type(0)
    return shaped(np.zeros(value.size, value.dtype), value)


def view_of(i: Instruction, shown: dict[Value, Any]) -> Any:
    """An array like the result if that shows its first argument's memory, found by trying it on zeros.

    ``shown`` holds such arrays of earlier views: one of a slice may be a copy where one of a whole
    array is none. What cannot be tried, since it depends on values, is taken to show it.
    """
    first = i.inputs[0] if i.inputs else None
    if (i.primitive.kind not in SHOWING or not isinstance(first, Value)
            or first.scalar or i.output.scalar):
        return None
    trial = [shown.get(x, zeros(x)) if isinstance(x, Value) else x for x in i.inputs]
    try:
        view = i.primitive.run(*trial, **i.params)
    except (TinygradGdError, ValueError, IndexError, ArithmeticError):
        return zeros(i.output)
    return view if np.may_share_memory(view, trial[0]) else None


def is_view(i: Instruction) -> bool:
    """Whether a result that shows its argument is the same view in every call; a check is made anew."""
    return i.primitive.kind == "view" and not any(isinstance(x, Value) for x in i.inputs[1:])


def can_write(i: Instruction) -> bool:
    """Whether the result of an instruction can be written into a given array."""
    p = i.primitive
    if isinstance(p.function, np.ufunc):
        return i.params == {}
    if is_mean_of_half(i):
        return False
    if p.name in REDUCTIONS:
        plain, adds = set(i.params) <= {"axis", "keepdims"}, REDUCTIONS[p.name] is np.add
        return plain and (ONE_ORDER or not adds or all(x.dense for x in i.values))
    return p.name in ("broadcast_to", "astype", "concatenate")
