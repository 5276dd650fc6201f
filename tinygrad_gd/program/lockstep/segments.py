"""Segments: the programs of what a call computes between two looks at values."""

from __future__ import annotations

from typing import Any
from weakref import ref

from ...errors import CaptureError
from ...ground.rng import generator
from ...ground.storage import changes
from ..ir import Value
from ..passes import optimized
from ..replay.proof import prove
from ..replay.replay import Replay
from .errstate import as_it_began, now
from .path import GRAPHS, Part
from .standins import Deferred, Filled, fail, set_free, take_out
from .trail import ALONE, Event, held_of, same_params


class Segment:
    """A program that runs, what it takes of a call, and what it gives; if ``strict``, it is proved.

    It is that of the whole call if something may stand for what this brings.

    Attributes
    ----------
    gives : where the result of each event is: its place in what the program returns, or the array in
        which it stays until the next call.
    copied : the places whose arrays are not for others.
    draws, idle, single : whether random numbers are drawn, nothing is to be done, and one thing is
        returned, which is in no sequence then.
    held, given : the events whose results somebody has when it runs, and with where these are and
        whether they are to be copied.
    """

    def __init__(self, at: Event, alive: list[Any], strict: bool,
                 stands: dict[Value, Any] | None = None) -> None:
        part = Part(at, alive, stands)
        self.arguments, program = part.arguments, optimized(part.program)
        self.replay = Replay(program, len(self.arguments))
        text, given = self.replay.text, {i.value for i in program.inputs}
        results, returned = program.kept or program.outputs, text.returned
        self.draws = any(i.primitive.kind == "draw" for i in program.instructions)
        self.single = len(returned) == 1
        self.idle = not (results or program.writes or self.draws)
        place = {id(v): n for n, v in enumerate(returned)}
        sources = [place[id(v)] if id(v) in place else text.buffer(v) for v in results]
        self.gives: dict[Event, Any] = dict(zip(alive, sources, strict=False))
        self._hands = dict(zip(part.handed, sources[len(alive) :], strict=True))
        self._apart = {  # views of what will be written to before they are taken, and what outlives it
            n for n, v in zip(part.handed, results[len(alive) :], strict=True)
            if isinstance(v, Value) and not v.scalar and (
                at.needed[n] == GRAPHS or (at.needed[n] and text.plan.base(v) in given))}
        memory = [id(text.plan.base(v)) if isinstance(v, Value) else id(v) for v in returned]
        owned = [text.lasts(v) or memory.index(memory[n]) < n for n, v in enumerate(returned)]
        shown = {n for n, v in enumerate(returned) if at.kind != "end" and isinstance(v, Value)
                 and not (v.scalar or isinstance(text.plan.place(v), int | None))}
        places = {n: made for made, n in self.gives.items() if type(n) is int}
        seen = {n for n in shown if n in places and places[n].shows}  # who has it sees what is written
        self.copied = {n for n in places if owned[n]} - seen
        if strict:
            prove(text, places.keys() - self.copied - seen)
        self.hold(alive)

    def hold(self, held: list[Event]) -> None:
        """Whose stand-ins are given what is computed: they are mostly the same in each call."""
        self.held = held
        sources = [self.gives[made] for made in held]
        self.given = [(made, source, type(source) is int and source in self.copied)
                       for made, source in zip(held, sources, strict=True)]

    def fails_late(self, error: BaseException, e: Event) -> bool:
        """Whether an error comes in an update, as np.errstate(over="raise") lets NumPy do."""
        i = self.replay.failed(error)
        return i is not None and (i.target is not None or any(
            t is x for t in self.written(error) for x in e.written()))

    def written(self, error: BaseException) -> set[Any]:
        """The buffers of modules that were written to before an error."""
        i, before = self.replay.failed(error), self.replay.program.instructions
        return set() if i is None else {
            j.target.tensor for j in before[: before.index(i)]
            if j.target is not None and self.replay.text.plan.in_place(j)}

    def run(self, call: Any) -> Any:
        """What the program returns, in a sequence."""
        if self.idle:
            return ()
        results = self.replay.run(*map(call.raw, self.arguments)) if self.arguments else (
            self.replay.run())
        if self.single:
            results = (results,)
        for n, source in self._hands.items() if self._hands else ():
            value: Any = results[source] if type(source) is int else source
            call.bound[-1 - n] = value.copy("K") if n in self._apart else value
        return results

    def give(self, results: Any, call: Any, over: bool) -> None:
        """Give stand-ins that somebody has what was computed; ``over`` says that the call is."""
        for made, source, copied in self.given:
            out = made.out
            out.call = call
            if type(source) is not int:
                out.held, out.__class__ = source, Deferred  # it finds its value in a buffer
                continue
            value = results[source].copy("K") if copied else results[source]
            if over and not out._requires_grad:
                set_free(out, call.began, value)
                if call.lockstep.recordings is not None:  # no program would put it where it is kept
                    call.taken.append(ref(out))
            else:
                out.held, out.__class__ = value, Filled

    def give_the_rest(self, held: list[Event], call: Any, error: BaseException) -> None:
        """Give what is in buffers though the program has failed; the rest raises the error."""
        self.hold([made for made in held if type(self.gives[made]) is not int])
        self.give((), call, False)
        for made in set(held) - set(self.held):
            fail(made.out, error)


def _fitting(lockstep: Any, e: Event, held: list[Event]) -> Segment:
    """The segment before an event, which gives what is held."""
    segment = e.segment
    if segment is None or not all(map(segment.gives.__contains__, held)):
        had = segment.gives if segment is not None else ()
        segment = e.segment = Segment(e, list(dict.fromkeys([*had, *held])), lockstep.strict)
    segment.hold(held)
    return segment  # type: ignore[no-any-return]


def compute(lockstep: Any, e: Event, held: list[Event] | None = None) -> bool:
    """Run what came before an event, and fill the stand-ins that are still there."""
    call, expected = lockstep.call, lockstep.expected
    if lockstep.pending:
        lockstep.settle()
    if expected is not None and expected.looks_at_nothing:
        return True  # its program computes all at once, if nothing is different
    if changes.count != lockstep.changes and not lockstep.unchanged():
        lockstep.at, lockstep.root.next = e.before, None
        lockstep.realize()
        return False
    if held is None:
        held = held_of(e.answers, ALONE)
    if e.moved:
        held += [made for made in held_of(e.moved, ALONE) if made not in held]
    segment = e.segment
    lockstep.active = False
    try:
        if segment is None or held != segment.held:
            segment = _fitting(lockstep, e, held)
        if lockstep.taken:
            _settle(lockstep.taken)
        if segment.draws:
            if call.drew is None:
                call.drew = {}
            call.drew[e] = generator().bit_generator.state
        results = segment.run(call)
    except CaptureError:  # a plan that is wrong
        raise
    except BaseException as error:
        lockstep.expected = e.segment = None
        if segment is not None and segment.fails_late(error, e):
            lockstep.eager = True  # what has been updated must not be updated again
            segment.give_the_rest(held, call, error)
            raise
        _as_usual(lockstep, e, segment, error)
        return False
    lockstep.active = True
    segment.give(results, call, e.kind == "end")
    return True


def _as_usual(lockstep: Any, e: Event, segment: Segment | None, error: BaseException) -> None:
    """Compute as usual what a program has failed to, which raises the error of the user's line."""
    told = None if segment is None else segment.replay.explained(error)
    lockstep.call.done = set() if segment is None else segment.written(error)
    lockstep.at = e.before  # it has not come about
    if lockstep.call.drew and e in lockstep.call.drew:
        generator().bit_generator.state = lockstep.call.drew.pop(e)
    try:
        lockstep.realize()
    except Exception as again:  # the program knows what variables are called
        raise told if told and type(told) is type(again) else again from error
    if not isinstance(error, Exception):  # somebody has pressed Ctrl-C
        if lockstep.recorder is not None:
            lockstep.abandon("")
        raise error


def turns(lockstep: Any) -> bool:
    """Whether errors are treated in another way from here on: then what came before is computed."""
    if all(e.kind != "errors" for e in lockstep.at.followers()):
        return False
    told = now(lockstep.call)
    e = lockstep.find("errors", None, lambda e, _: same_params(told, e.params))
    if e is None:
        return False
    with as_it_began(lockstep.call):
        return compute(lockstep, e)


def _settle(taken: list[Any]) -> None:
    """Take values out of the buffers that are about to be written again."""
    for r in taken:
        if type(s := r()) is Deferred:
            take_out(s)
    taken.clear()
