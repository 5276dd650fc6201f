"""`Path`: the instructions of a recorded call by the events of its trail, and programs of its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import numpy as np

from ...engine.backward import reads
from ...engine.tensor import Tensor, constant
from ...ground.user_code import UNKNOWN
from ...ops.shape import copy
from ..ir import Argument, Array, Input, Instruction, Program, State, Value
from ..replay.planner import zeros
from .trail import ENDS, Event, Slot, same

#: Of a value that is handed on: graphs may ask for it when the call is over.
GRAPHS = 2


@dataclass(eq=False)
class Path:
    """What stays of a call that was recorded.

    Attributes
    ----------
    instructions, inputs, guards : what was computed, see `Capture`.
    ends : how many instructions there were after each event.
    values : what instructions call the result of an event.
    later : what they call results that show memory, after it was written to: since which instruction.
    lasting : events whose results, handed on, are still there when the call is over.
    around : the arrays among the arguments of programs that are no arguments of the function.
    rank : where arguments come among those of the function.
    equal : those that are equal to another before, as they were made of the same array.
    met : while it is recorded, by the id of such an array and a form, the first, and what it held.
    modules : the class of the module with each path.
    """

    name: str
    instructions: list[Instruction]
    inputs: dict[Any, Input]
    guards: dict[Value, Instruction]
    ends: dict[Event, int] = field(default_factory=dict)
    values: dict[Event, Any] = field(default_factory=dict)
    later: dict[Event, list[tuple[int, Any]]] = field(default_factory=dict)
    lasting: set[Event] = field(default_factory=set)
    around: dict[Value, Any] = field(default_factory=dict)
    rank: dict[Value, float] = field(default_factory=dict)
    equal: dict[Value, Value] = field(default_factory=dict)
    met: dict[Any, tuple[Value, Any]] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)

    def at(self, event: Event, number: int | None = None) -> Any:
        """What the result of an event is called before an instruction, by default the next."""
        for since, value in reversed(self.later.get(event, ())):
            if number is None or since <= number:
                return value
        return self.values[event]

    def value_of(self, slot: Slot) -> Value:
        """The argument of programs that holds a slot."""
        return self.inputs["slot", slot.index].value

    def meets(self, value: Value, data: Any, array: Any, rank: float) -> None:
        """An argument was made of data, of which modules make a Tensor each: it is one in the text."""
        self.rank[value], now = rank, np.array(array, order="K")
        first, then = self.met.setdefault((id(data), value.form), (value, now))
        if first is not value and same(then, now):
            self.equal[value] = first

    def numbers(self) -> dict[Any, int]:
        """Which instruction has made a value."""
        return {i.output: n for n, i in enumerate(self.instructions)}

    def handed(self, bound: dict[int, Any], over: bool) -> dict[Event, Any]:
        """What segments have handed on in a call, by the events whose results it is."""
        made = {id(self.instructions[-1 - n].output): x for n, x in bound.items() if n < 0}
        return {e: made[id(v)] for e, v in self.values.items() if id(v) in made and (
            e in self.lasting if over else e not in self.later)}

    def line(self, event: Event) -> tuple[str, int]:
        """Where an event was recorded."""
        number = self.ends.get(event, 0)
        return self.instructions[number - 1].line if number else UNKNOWN

    def hand_on(self, end: Event) -> None:
        """Tell the segments before an event, mostly the end, what is taken of them after them."""
        start, number, self.met = 0, self.numbers(), {}
        ends = [e for e in end.path_to() if e.kind in ENDS or e is end]
        for k, at in enumerate(ends):
            for i in self.instructions[start : self.ends[at]]:
                for n in (number.get(v, start) for v in i.values):
                    if n < start and self.instructions[n].target is None:
                        passed = [b for b in ends[:k] if self.ends[b] > n]
                        owner = passed[0]
                        late = any(b.writes for b in passed) or any(
                            i.target is not None for i in self.instructions[n:start])
                        if late > owner.needed.get(n, -1):
                            owner.needed[n], owner.segment = late, None
            start = self.ends[at]
        for e in outlived(end.path_to()):
            v = self.values.get(e)
            if isinstance(v, Value) and v in number and e not in self.later:
                self.lasting.add(e)
                owner = next(b for b in ends if self.ends[b] > number[v])
                if owner.needed.get(number[v]) != GRAPHS:
                    owner.needed[number[v]], owner.segment = GRAPHS, None


def outlived(events: list[Event]) -> list[Event]:
    """Events whose results graphs need at some time when these could not be computed again.

    Something that they were computed of is written to in this call, or in the next at the same place.
    """
    found, until = [], {}  # type: list[Event], dict[Event, float]
    changing: dict[Any, float] = {}  # which event is the next to change something
    changed: dict[Event, tuple[float, float]] = {}  # what one reads, and what its rules need of that
    for n in reversed(range(2 * len(events))):
        e = events[n % len(events)]
        if n < len(events) and e.results():
            read = [(changing.get(_key(r), inf), r, k) for k, r in enumerate(e.refs)]
            changed[e] = min((m for m, *_ in read), default=inf), min((m for m, r, k in read if (
                getattr(r, "_requires_grad", True) or e.kind != "op" or reads(e.what, k))), default=inf)
        changing.update((_key(x), n) for x in e.changes())
    for e, (first, needed) in reversed(changed.items()):
        made = [r for r in e.refs if type(r) is Event]
        constants = [r for r in made if not r.requires_grad]
        if e.requires_grad:
            last = min([needed, *(until[r] for r in made if r.requires_grad)])
            found += [r for r in constants if until[r] < last] + [e] * (first < last)
        else:
            last = min([first, *(until[r] for r in made)])
        until.update(dict.fromkeys(e.results(), last))
    return found


def _key(r: Any) -> Any:
    """What is written to, or read."""
    return ("slot", r.index) if type(r) is Slot else r if isinstance(r, Tensor | Event) else None


def left_by(events: list[Event], event_of: Callable[[Any], Event | None]) -> dict[Tensor, Event]:
    """The gradients that are there after these events, by leaves, but for those a step has used."""
    used = {id(r) for e in events if e.kind == "step" for r in e.refs}
    leaves = dict.fromkeys(leaf for e in events if e.kind == "backward" for leaf, *_ in e.more
                           if isinstance(leaf, Tensor))
    found = {leaf: event_of(leaf._grad) for leaf in leaves}
    return {leaf: g for leaf, g in found.items() if g is not None and id(g) not in used}


def owning(program: Program) -> Program:
    """The program whose gradients have an array each, for the user to write into."""
    made = {i.output: i.primitive.kind for i in program.instructions}
    gradients, copies = [], []
    for leaf, value in program.gradients:
        if not isinstance(value, Value) or made.pop(value, "view") == "view":
            form = replace(value, name="") if isinstance(value, Value) else Value.like(value)
            copies.append(Instruction(copy, (value,), form, {"order": "K"}, "backward"))
            value = form
        gradients.append((leaf, value))
    return program.with_(gradients=tuple(gradients), instructions=(*program.instructions, *copies))


def program_of(end: Event, stands: dict[Value, Any] | None = None) -> Program:
    """The program of a call: what it computes for its results and for gradients that it leaves."""
    results, left = end.more
    program = Part(end, [*results, *left.values()], stands or {}, end.path.around).program
    path, used = end.path, {i.value for i in program.inputs}
    equal = {v: first for v, first in path.equal.items() if v in used}
    inputs = sorted((i for i in program.inputs if i.value not in equal),
                    key=lambda i: path.rank.get(i.value, inf))
    place = {id(i): n for n, i in enumerate(inputs)}
    writes = sorted(program.writes, key=lambda write: place[id(write[0])])
    program = program.with_(inputs=tuple(inputs), writes=tuple(writes)).replaced(equal)
    count = len(results)
    return owning(program.with_(outputs=program.outputs[:count], gradients=tuple(
        zip(left, program.outputs[count:], strict=True))))


class Part:
    """A part of a path as a program: what comes before an end, since the one before or the beginning.

    Its results are those of the events that are ``alive``, or values, and what later segments take.

    Parameters
    ----------
    stands : of the whole path, what stands for some of what the call brings.
    arrays : what is an input of its own, which texts for people call by its name.

    Attributes
    ----------
    arguments : for each of the program, the slot that holds it, or by ``-1 - n`` the n-th instruction.
    handed : numbers of the instructions whose results later segments take.
    """

    def __init__(self, at: Event, alive: list[Any], stands: dict[Value, Any] | None = None,
                 arrays: dict[Value, Any] | None = None) -> None:
        path, whole = at.path, stands is not None  # type: Path, bool
        before = at.before
        while before is not None and (whole or before.kind not in ENDS):
            before = before.before
        start, stop = 0 if before is None else path.ends.get(before, 0), path.ends[at]
        instructions = path.instructions[start:stop]
        self.handed = [] if whole else [n for n in sorted(at.needed) if start <= n < stop]
        self.arguments: list[int] = []
        self._path, self._stands, self._arrays = path, stands or {}, arrays or {}
        self._inputs: list[Input] = []
        self._known = {i.output for i in instructions}
        self._same: dict[Value, Any] = {}  # values that are constants, or what a state holds now
        self._given = {i.value: i for i in path.inputs.values()}
        self._number = path.numbers()
        last = {i.target: i.output for i in path.instructions[:start] if i.target is not None}
        self._written = {value: state for state, value in last.items()}
        writes: dict[State, Value] = {}
        for i in instructions:
            self._take(*i.values)
            if i.target is not None:
                self._take(i.target.value)
                writes[i.target] = i.output
        results = (*(path.at(x, stop) if isinstance(x, Event) else x for x in alive),
                   *(path.instructions[n].output for n in self.handed))
        self._take(*results)
        #: What is alive after an end may be looked at, and hardly ever is.
        stays = not whole and at.kind != "end"
        self.program = Program(
            path.name, tuple(self._inputs), tuple(instructions), () if stays else results,
            tuple(writes.items()), kept=results if stays else (), modules=path.modules,
        ).replaced(self._same)

    def _take(self, *values: Any) -> None:
        """Make inputs of values that are not computed here."""
        for v in values:
            if not isinstance(v, Value) or v in self._known:
                continue
            self._known.add(v)
            source = self._given.get(v)
            if v in self._stands:
                self._same[v] = self._stands[v]
                self._take(self._stands[v])
            elif v in self._arrays:
                self._inputs.append(Array(v, self._arrays[v]))
            elif isinstance(source, Array):
                self._same[v] = source.array
            elif isinstance(source, Argument):
                self._argument(v, source.position, source.tensor)
            elif source is not None:
                self._inputs.append(source)
            elif v in self._written:
                self._same[v] = self._written[v].value
                self._take(self._written[v].value)
            else:
                self._argument(v, -1 - self._number[v], constant(zeros(v)))

    def _argument(self, v: Value, place: int, tensor: Tensor) -> None:
        self._inputs.append(Argument(v, len(self.arguments), tensor))
        self.arguments.append(place)
