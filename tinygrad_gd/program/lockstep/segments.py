"""Segments: the programs of what a call computes between two looks at values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from ...engine.tensor import constant
from ..ir import Argument, Array, Instruction, Program, State, Value, replaced
from ..passes import optimized
from ..replay.planner import Planner, zeros
from ..replay.replay import Replay
from .trail import ENDS, Event


class Cut(NamedTuple):
    """A part of a path as a program.

    Attributes
    ----------
    arguments : for each of the program, the slot that holds it, or by ``-1 - n`` the n-th instruction.
    handed : numbers of the instructions whose results later segments take.
    """

    program: Program
    arguments: list[int]
    handed: list[int]


class Inputs:
    """What instructions take that is not computed among them, as inputs of their program."""

    def __init__(self, path: Any, start: int, made: set[Value], whole: bool) -> None:
        self.path, self.known = path, set(made)
        self._data = path.around if whole else {}
        self.inputs: list[Any] = []
        self.arguments: list[int] = []
        self.same: dict[Value, Any] = {}  # values that are constants, or what a state holds now
        self.states: dict[int, State] = {}
        self._given = path.given()
        self._number = {i.output: n for n, i in enumerate(path.instructions)}
        self._written: dict[Value, State] = {}
        for i in path.instructions[:start]:
            if i.target is not None:
                others = {v: s for v, s in self._written.items() if s is not i.target}
                self._written = {**others, i.output: i.target}
        self._changing = {i.target.tensor for i in path.instructions if i.target is not None}

    def take(self, v: Any) -> None:
        """Make a value known."""
        if not isinstance(v, Value) or v in self.known:
            return
        self.known.add(v)
        source = self._given.get(v)
        if v in self._data:  # texts for people call them by their names
            self.inputs.append(Array(v, self._data[v]))
        elif isinstance(source, Array):
            self.same[v] = source.array
        elif isinstance(source, Argument):
            self._argument(v, self.path.slots[v].index, source.tensor)
        elif isinstance(source, State):
            self.states[id(source.tensor)] = State(v, source.tensor, source.tensor in self._changing)
            self.inputs.append(self.states[id(source.tensor)])
        elif source is not None:
            self.inputs.append(source)
        elif v in self._written:
            self.same[v] = self._written[v].value
            self.take(self._written[v].value)
        else:
            self._argument(v, -1 - self._number[v], constant(zeros(v)))

    def _argument(self, v: Value, place: int, tensor: Any) -> None:
        self.inputs.append(Argument(v, len(self.arguments), tensor, raw=True))
        self.arguments.append(place)

    def state(self, target: State) -> State:
        """The input that a write goes to."""
        self.take(target.value)
        return self.states[id(target.tensor)]


def cut(at: Event, alive: list[Event], whole: bool = False) -> Cut:
    """The program of what comes before an event, up to another such or from the beginning.

    Its results are those of the events that are ``alive``, and what later segments take.
    """
    path, before = at.path, at.before
    while before is not None and (whole or before.kind not in ENDS):
        before = before.before
    start, stop = path.ends.get(before, 0), path.ends[at]
    instructions: list[Instruction] = path.instructions[start:stop]
    handed = [] if whole else [n for n in sorted(at.needed) if start <= n < stop]
    results = [*(path.at(event, stop) for event in alive),
               *(path.instructions[n].output for n in handed)]
    inputs = Inputs(path, start, {i.output for i in instructions}, whole)
    writes: dict[int, tuple[State, Value]] = {}
    for n, i in enumerate(instructions):
        for v in i.values:
            inputs.take(v)
        if i.target is not None:
            state = inputs.state(i.target)
            instructions[n] = replace(i, target=state)
            writes[id(state)] = state, i.output
    for v in results:
        inputs.take(v)
    stays = not whole and at.kind != "end"  # what is alive then may be looked at, and hardly ever is
    program = Program(path.name, tuple(inputs.inputs), tuple(instructions),
                      () if stays else tuple(results), tuple(writes.values()),
                      kept=tuple(results) if stays else ())
    return Cut(replaced(program, inputs.same), inputs.arguments, handed)


class Segment:
    """A program that runs, what it takes of a call, and what it gives.

    Attributes
    ----------
    gives : where the result of each event is: its place in what the program returns, or the array in
        which it stays until the next call.
    copied : the places whose arrays are not for others.
    draws : whether random numbers are drawn.
    held : the events whose results somebody had when it ran last.
    """

    def __init__(self, at: Event, alive: list[Event], strict: bool) -> None:
        program, self.arguments, handed = cut(at, alive)
        program = optimized(program)
        results = program.kept or program.outputs
        program = _returning_what_has_no_buffer(program)
        self.replay = Replay(program, len(self.arguments), strict, raw=True)
        self.draws = any(i.primitive.kind == "draw" for i in program.instructions)
        self._single = len(program.outputs) == 1
        self._idle = not (results or program.writes)
        place = {id(v): n for n, v in enumerate(program.outputs)}
        sources = [place[id(v)] if id(v) in place else self.replay.text.buffer(v) for v in results]
        self.gives: dict[Event, Any] = dict(zip(alive, sources, strict=False))
        self._hands = dict(zip(handed, sources[len(alive) :], strict=True))
        text = self.replay.text
        memory = [id(text.plan.base(v)) if isinstance(v, Value) else id(v) for v in program.outputs]
        owned = [text.lasts(v) or memory.index(memory[n]) < n for n, v in enumerate(program.outputs)]
        self.held: list[Event] = []
        self.copied = {n for n in self.gives.values() if type(n) is int and owned[n]}

    def fails_late(self, error: Exception) -> bool:
        """Whether an error comes from an update, as np.errstate(over="raise") lets NumPy do."""
        i = self.replay.failed(error)
        return i is not None and (i.phase == "update" or i.target is not None)

    def run(self, call: Any) -> Any:
        """What the program returns, in a sequence."""
        if self._idle:
            return ()
        results = self.replay.run(*map(call.raw, self.arguments)) if self.arguments else (
            self.replay.run())
        if self._single:
            results = (results,)
        for n, source in self._hands.items() if self._hands else ():
            call.bound[-1 - n] = results[source] if type(source) is int else source
        return results


def _returning_what_has_no_buffer(program: Program) -> Program:
    """The program with what cannot stay in a buffer among its results."""
    while program.kept:
        buffers = Planner(program).buffers
        loose = {id(v): v for v in program.kept if not (isinstance(v, Value) and v in buffers)}
        if not loose:
            break
        program = program.with_(outputs=(*program.outputs, *loose.values()),
                                kept=tuple(v for v in program.kept if id(v) not in loose))
    return program
