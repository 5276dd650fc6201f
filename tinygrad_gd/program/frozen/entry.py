"""`Entry`: a program that stands for a function, as long as what it follows is what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from ...engine.tensor import Tensor, constant
from ...errors import CaptureError, describe
from ...ground.live import Live
from ...ground.modes import Mode
from ...ground.pytree import flatten, unflatten
from ...ground.rng import generator
from ...ground.storage import changes, kept, tick
from ...ground.user_code import located
from ...ops.unnamed import OtherMask
from ..ir import Number
from ..lockstep.call import Call, counts, held
from ..lockstep.expected import Expected, Flags
from ..lockstep.lockstep import Lockstep
from ..lockstep.path import LATER
from ..lockstep.realized import graph_of
from ..lockstep.segments import Segment
from ..lockstep.standins import Filled
from ..lockstep.trail import ENDS, Event, Slot, described, in_words, same
from .arguments import structure
from .stands import Given, Stands


class Entry:
    """A call as segments that run without Python, and the conditions under which they do.

    Attributes
    ----------
    hold : whether what they follow is as it was, in a mode.
    same : arguments that may be variables of the function, too, by their positions.
    others : the positions of Tensors that must be none of its ``own``.
    own : ids of Tensors that it derives by or writes to.
    objects : by the numbers of slots, Tensors and arrays that it reads anew, as `Stands` knows them.
    segments : the programs, each with what gives what slots hold that are made just before.
    looks_at_nothing : whether an audit can do without computing.
    due, left : the call in which it is audited next, and how many there are until then.
    """

    def __init__(self, stands: Stands, end: Event, hold: Callable[[Mode], bool], leaves: list[Any],
                 returned: Any, place: tuple[str, int], lockstep: Lockstep) -> None:
        self.hold, self.end = hold, end
        self.due, self.left = 4, 2
        self._results = stands.results()
        path = end.path_to()
        self._gradients, self._gone = stands.stay, stands.gone
        wanted = {e for e in (*self._results, *(e for _, e in stands.stay)) if isinstance(e, Event)}
        made = [(e, Segment(e, [r for r in (*e.answered(), *e.moved) if r in wanted], lockstep.strict,
                            takers=LATER)) for e in path if e.kind in ENDS]
        for _, segment in made:
            segment.hold(list(segment.gives))
        programs = [segment.replay.program for _, segment in made]
        stands.take((n for _, segment in made for n in segment.arguments if n >= 0),
                    (i for program in programs for i in program.inputs if isinstance(i, Number)))
        late: dict[Event, list[tuple[int, Given]]] = {}
        for n, number in stands.made_after.items():
            before = next((e for e, _ in made if number < end.path.ends[e]), end)
            late.setdefault(before, []).append((n, stands.slots.pop(n)))
        self._slots = list(stands.slots.items())
        self.segments = [(e, segment, late.get(e, ())) for e, segment in made
                         if e in late or not segment.idle]
        self._numbers, self._all_numbers = stands.numbers, lockstep.numbers
        self._stands, self.objects, self._constants = stands, stands.objects, stands.constants
        self.same = [(k, leaves[k]) for k in stands.same]
        self.others = [
            k for k, x in enumerate(leaves) if isinstance(x, Tensor) and k not in stands.same]
        self.own = Flags(path, others=[
            x for x in stands.objects.values() if isinstance(x, Tensor)]).own
        self._form, self._place = returned, place
        self._structure = structure(returned, len(self._results))
        self._masked = [e for e in path if e.kind == "op" and e.more is not None and not any(
            type(r) is Slot and r.index in stands.constants for r in e.refs)]
        self._given_masks = [(e.refs[n], number) for e in path if e.kind == "op" for n, number in (
            e.more or ()) if type(e.refs[n]) is not Event]
        self.looks_at_nothing = all(e.kind != "read" for e in path)
        lasting = stands.lasting
        self._derived = {e for e in wanted if e.requires_grad and e in lasting}

    @property
    def calls(self) -> int:
        """How often the function was called."""
        return self.due - self.left

    def is_given(self, leaves: list[Any]) -> bool:
        """Whether arguments that were one object in both calls are that one, and none are variables."""
        return all([leaves[k] is x for k, x in self.same]) and not any(
            [id(leaves[k]) in self.own for k in self.others])

    def counts_others(self, e: Event, inputs: tuple[Any, ...]) -> bool:
        """Whether masks select another number of elements than in the program, which sees it itself."""
        return e.more is not None and any(
            f.before is e.before and f.what is e.what and same(f.refs, e.refs) and not counts(f, inputs)
            for f in self._masked)

    def refresh(self) -> None:
        """Look up the arrays of all states again, which may have other forms: `Stale`."""
        for _, segment, _ in self.segments:
            segment.replay.refresh()

    def explained(self, error: BaseException) -> BaseException | None:
        """The error of the uncompiled step, if one of the programs has raised this one."""
        told = [segment.replay.explained(error) for _, segment, _ in self.segments]
        return next(filter(None, told), None)

    def run(self, leaves: list[Any]) -> Any:
        """What the function would return."""
        call: Any = SkippedCall({n: give(leaves) for n, give in self._slots})
        for mask, count in self._given_masks:
            if np.count_nonzero(call.raw(mask.index) if type(mask) is Slot else held(mask)) != count:
                raise OtherMask
        if self._numbers:
            self._all_numbers.update(self._numbers)
        if len(self.segments) > 1:
            for _, segment, _ in self.segments:  # before anything is written
                segment.replay.renew()
        found: dict[Event, Any] = {}
        for e, segment, late in self.segments:
            if late:
                call.bound.update((n, give(leaves)) for n, give in late)
            if segment.draws and self._derived:
                call.drew[e] = generator().bit_generator.state
            for made, value in segment.values(segment.run(call)):
                found[made] = constant(value)
        for leaf, made in self._gradients:
            leaf(leaves)._grad = found[made]
        for leaf in self._gone:
            leaf(leaves)._grad = None
        if self._derived:
            call.ends(self.end, leaves)
            for made in self._derived:
                call.computed(found[made], made)
        return unflatten(self._form, [
            found[x] if type(x) is Event else call.result(x.index) if type(x) is Slot else x
            for x in self._results])

    def difference(self, events: list[Event], came: str) -> CaptureError:
        """What an audit has found: after these events something else came than was captured."""
        path = self.end.path_to()
        at = next((n for n, (e, f) in enumerate(zip(path, events, strict=False)) if e is not f),
                  len(events))
        last = path[min(at, len(path) - 1)]
        then, now = _told(last), came if at == len(events) else _told(events[at])
        if then == now:
            now = "one of another Tensor or array"
        return self._error(f"{then} was captured, and now {now} comes", self.end.path.line(last))

    def audited(self, call: Any, end: Event, returned: Any) -> CaptureError | None:
        """What was different in a call that went in lockstep, if anything was."""
        if end is not self.end:
            return self.difference(end.path_to(), "the end")
        leaves = flatten(returned)
        if (now := structure(returned, len(leaves))) != self._structure:
            return self._error(f"it returned {self._structure}, and now {now}", self._place)
        for then, now in zip(self._results, leaves, strict=True):
            if type(then) is Slot:  # of which no operation has heard
                call.bound.setdefault(then.index, now)
        made_of = {id(new): data for new, data in call.created}
        for n, x in self.objects.items():
            if (now := call.given(n)) is not x is not made_of.get(id(now)):
                return self._error(f"a certain {in_words(x)} was captured, and now another one comes",
                                   self._stands.lines[n])
        for n, then in self._constants.items():
            now = call.bound[n]
            if not same(held(now), then):
                return self._error(f"{describe(then)} that it makes was captured with another value",
                                   self._stands.lines[n])
        for then, now in zip(self._results, leaves, strict=True):
            if not isinstance(then, Event | Slot) and then is not now and not same(then, now):
                return self._error(f"it returned {in_words(then)}, and now {in_words(now)}",
                                   self._place)
        return None

    def _error(self, text: str, line: tuple[str, int]) -> CaptureError:
        return CaptureError(located(self.end.path.name, line, (
            f"{text}: what the function reads from Python is not what it was, and frozen=True promises "
            "that it is; make it an argument, or leave frozen=True out")))


def conditions(
    mode: Mode, events: list[Event], modules: list[Any], gradients: dict[Tensor, Any]
) -> Callable[[Mode], bool]:
    """Whether modes, options of optimizers and what they remember, and gradients are what they were.

    It is looked at before each replay. Learning rates at which Python has not looked may be others: a
    program reads them anew.
    """
    expected = Expected()
    then, flags = expected.name(mode, "mode"), expected.name(Flags(events, modules), "flags")
    changed = expected.name(changes, "changes")
    expected.add(f"(mode is {then} or mode == {then})",
                 f"({changed}.count == {flags}.seen or {flags}.hold())")
    for e in events:
        if e.kind == "step":
            expected.optimizer(e)
        elif e.what == "option":
            options, key, value = e.refs
            expected.add(f"same(({expected.name(options, 'options')}() or {{}}).get({key!r}), "
                         f"{expected.name(value, 'value')})")
    expected.add(*(f"{expected.name(leaf, 'T')}._grad is None" if then is None else
                   f"{expected.name(then, 'slot')}.fits({expected.name(leaf, 'T')}._grad)"
                   for leaf, then in gradients.items()))
    return expected.function("mode")


def _told(e: Event) -> str:
    """What an event is, for messages."""
    if e.kind in ("op", "ask"):
        return described(e.what, e.refs, e.params)
    return {"end": "the end", "step": f"a step of {type(e.what).__name__}"}.get(e.kind, e.kind)


class SkippedCall:
    """What is known of a call without Python, also for the graphs of its results."""

    remade: Any = None

    def __init__(self, bound: dict[int, Any]) -> None:
        self.bound = bound
        self.drew: dict[Event, Any] = {}

    def ends(self, end: Event, leaves: list[Any]) -> None:
        """Remember what graphs need of it: arrays as they were, since they may be written into."""
        self.bound = {n: kept(x) if type(x) is np.ndarray else x for n, x in self.bound.items()
                      if n >= 0}
        self._floats = dict(enumerate(leaves))
        self.began = tick()
        self.over = self.began, end
        self.taken: list[Any] = []
        self.written: dict[Tensor, Event] = {}  # graphs are made of what is not written to
        self.lockstep = self.lives = self  # it answers for both

    def computed(self, result: Tensor, event: Event) -> None:
        """Let a result know how it was made."""
        made: Any = result
        made.__class__ = Filled
        made.call, made.event, made._requires_grad = self, event, True
        self.taken.append(ref(made))

    alive, made, raw = Call.alive, Call.made, Call.raw

    def result(self, n: int) -> Tensor:
        """What a slot holds, as a Tensor."""
        x = self.bound[n]
        return x if isinstance(x, Tensor) else constant(np.array(x, order="K"))

    def graph(self, x: Any) -> None:
        """Somebody asks how a result was made."""
        graph_of(x)

    def get(self, text: str, number: Live) -> Live:
        """A live number as it was in this call."""
        held = {name: self._floats[key] if type(key) is int else container[key]
                for name, (container, key) in number.origins.items()}
        return Live(eval(text, {"float": float}, held), text, number.origins)
