"""A proof that a replay computes its program: what lies where is followed line by line.

::

    line                            buffer0   buffer1   x3
                                    .         .         w
    multiply(x3, x3, buffer0)       a         .         w      reads w: there
    tanh(buffer0, buffer1)          a         b         w      reads a: there
    subtract(x3, buffer1, x3)       a         b         w'     reads w and b: there
    add(x3, buffer0, buffer1)       a         c         w'     reads w? it is w' that is there: wrong

The planner has its own account of who needs a buffer until when. Here nothing of that is believed: only
the addresses of the arrays that the names in the text stand for, and what is written over what. Only
which results show the memory of an argument is asked of the plan, which tried it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Any

import numpy as np

from ...errors import CaptureError
from ..ir import Argument, Instruction, State, Value
from .statements import Statements

_NAMES = re.compile(r"[A-Za-z_]\w*")
#: Statements that copy into an array, and those that make a new name.
_COPIES = re.compile(r"(?:(\w+)\[(?:\.\.\.|\(\))\] = |copyto\((\w+), )(.*)")
_MAKES = re.compile(r"(\w+) = (.*)")
#: Names of arrays that hold the same in every call.
_CONSTANT = re.compile(r"(k|full)\d+")

Bounds = tuple[int, int]


def prove(text: Statements, given: Collection[int] = ()) -> None:
    """Raise an error unless each statement of a replay reads what its instruction means.

    Of what it returns, the places in ``given`` are for others, without a copy.
    """
    for joined in (False, True) if text.seats else (False,):
        for problem in Walk(text, joined).problems(given):
            raise CaptureError(f"{text.program.name}: {problem}; the plan of the replay is wrong, "
                               "please report it")


class Walk:
    """What lies where while a replay runs; ``joined`` if its states lie side by side."""

    def __init__(self, text: Statements, joined: bool) -> None:
        self.text, self.plan = text, text.plan
        seats = {state.value: seat._value for state, seat in text.seats if joined}
        self.joined = joined
        self.arrays = text.space | {
            name: seats[base] for v, name in text.names.items()
            if (base := self.plan.base(v)) in seats and name in {*text.held, *text.ahead}}
        self.lies: dict[Value, Bounds] = {}  # where the values are that lie in arrays of the replay
        self.local: dict[str, Value] = {}  # what the names stand for that a call makes
        named = set(text.names.values())
        self.copied = {  # names of arrays with what is copied in them, or was read to make them
            name: {self.plan.base(x) for x in inputs if isinstance(x, Value)}
            for name, (_, inputs) in text.ahead.items() if name not in named}
        self.fresh: set[str] = set()  # names of arrays that nobody else has
        self.constants = [(name, np.lib.array_utils.byte_bounds(x)) for name, x in text.space.items()
                          if _CONSTANT.fullmatch(name) and isinstance(x, np.ndarray) and x.size]

    def problems(self, given: Collection[int]) -> Iterator[str]:
        """What is wrong, in words."""
        inputs = [i.value for i in self.text.program.inputs]
        for value in (*inputs, *(i.output for i in self.plan.once)):
            name = self.text.names.get(value, "")
            if value not in self.plan.root and (bounds := self._bounds(name)):
                self.lies[value] = bounds
            else:
                self.local[name] = value
        lines, written = list(map(str.strip, self.text.source.splitlines())), self.text.written
        first, last = min(written, default=len(lines) + 1) - 1, max(written, default=0)
        self._copied(lines[:first])
        done: set[Instruction] = set()
        for i, numbers in groupby(written, written.__getitem__):
            row, statements = self.plan.rows.get(i, (i,)), [lines[n - 1] for n in numbers]
            if statements[0] == "if joined:":  # which branch is taken
                row = row if self.joined else (i,)
                statements = statements[1:2] if self.joined else statements[3:]
            if i not in done:
                done.update(row)
                yield from self._together(row, statements)
        yield from self._end(lines[last:], given)

    def _together(self, members: tuple[Instruction, ...], statements: list[str]) -> Iterator[str]:
        """Read what some instructions mean, and write their results."""
        seen: set[Value] = set()
        begun = False  # a result that is half done is not what was there before
        for statement in statements:
            if (copy := _COPIES.fullmatch(statement)) is not None:
                seen |= self._copy(copy)
                continue
            made = _MAKES.fullmatch(statement)
            names = _NAMES.findall(made[2] if made else statement)
            if not made:
                into = self.text.names[members[0].output] if len(members) == 1 else names[-1]
                last = len(names) - 1 - names[::-1].index(into)
                names = [x for n, x in enumerate(names) if x != into or (n != last and not begun)]
                begun = True
            seen.update(*map(self._holds, names))
        yield from (f"{member!r} reads {v!r}, which is not in {self.text.names.get(v)} any more"
                    for member in members for v in member.values
                    if v.nbytes and self.plan.base(v) not in seen)
        for member in members:
            yield from self._made(member)

    def _made(self, i: Instruction) -> Iterator[str]:
        """Put the result of an instruction where its name is, over what was there."""
        name = self.text.names[i.output]
        view = i.output in self.plan.root
        if view or (bounds := self._bounds(name)) is None:
            self.local[name] = i.output
            self.fresh.update(() if view or i.output.scalar else (name,))
            return
        yield from (f"{i!r} writes over {constant}, a constant" for constant, place in self.constants
                    if _meet(place, bounds))
        self._write(bounds)
        self.lies[i.output] = bounds

    def _write(self, bounds: Bounds) -> None:
        for v in [v for v, place in self.lies.items() if _meet(place, bounds)]:
            del self.lies[v]

    def _copy(self, copy: Any) -> set[Value]:
        """Follow a statement that copies something into an array; what it has read."""
        into = copy[1] or copy[2]
        seen = {v for name in _NAMES.findall(copy[3]) for v in self._holds(name)}
        if (bounds := self._bounds(into)) is not None:
            self._write(bounds)
        self.copied[into] = seen
        return seen

    def _holds(self, name: str) -> set[Value]:
        """The values that a name stands for now, or that lie where its array is."""
        if (made := self.local.get(name)) is not None:
            base = self.plan.base(made)
            there = base in self.lies or self.local.get(self.text.names.get(base, "")) is base
            return {base} if there else set()
        bounds = self._bounds(name)
        found = set(self.copied.get(name, ()))
        return found if bounds is None else found | {
            v for v, place in self.lies.items() if _meet(place, bounds)}

    def _bounds(self, name: str) -> Bounds | None:
        """The addresses of an array that lives as long as the replay."""
        array = self.arrays.get(name)
        if not isinstance(array, np.ndarray) or not array.size:
            return None
        return np.lib.array_utils.byte_bounds(array)

    def _end(self, lines: list[str], given: Collection[int]) -> Iterator[str]:
        """What is given away has memory of its own, each another."""
        early = self._copied(lines)
        returned = lines[-1].removeprefix("return ").split(", ")
        owners: list[str] = []
        for name in (returned[n] for n in given):
            if (made := self.local.get(name)) is not None and made.scalar:
                continue
            owner = name if made is None else self.text.names.get(self.plan.base(made), name)
            if owner not in self.fresh:
                yield f"{name}, a result, is memory of somebody else"
            elif owner in owners:
                yield f"{name} is two results"
            owners.append(owner)
        for x in self.text.program.results:
            name = self.text.names.get(x, "")
            if (x.nbytes and self.plan.base(x) not in early | self._holds(name)
                    and not isinstance(self.text.program.given.get(x), State | Argument)):
                yield f"the result {x!r} is not in {name} any more"

    def _copied(self, lines: list[str]) -> set[Value]:
        """Follow what is copied into arrays; the values of results that are copied for them before."""
        found: set[Value] = set()
        for line in lines:
            made = _MAKES.fullmatch(line)
            if (copy := _COPIES.fullmatch(line)) is not None:
                self._copy(copy)
            elif made is not None and ".copy(" in line:
                self.fresh.add(made[1])
                found.update(*map(self._holds, _NAMES.findall(made[2])))
        return found


def _meet(a: Bounds, b: Bounds) -> bool:
    return a[0] < b[1] and b[0] < a[1]
