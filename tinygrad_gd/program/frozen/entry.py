"""`Entry`: a program that stands for a function, as long as what it follows is what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from ...engine.tensor import Tensor
from ...errors import CaptureError, describe
from ...ground.live import Live
from ...ground.modes import Mode
from ...ground.pytree import flatten, unflatten
from ...ground.rng import generator
from ...ground.storage import changes, kept, tick
from ...ground.user_code import located
from ..ir import Program
from ..lockstep.call import Call, counts
from ..lockstep.expected import Expected, Flags
from ..lockstep.realized import graph_of
from ..lockstep.standins import Filled
from ..lockstep.trail import ENDS, Event, Slot, described, in_words, same
from ..passes import optimized
from ..replay.replay import Replay
from .arguments import structure
from .whole import Whole


class Entry:
    """A program of a whole call, and the conditions under which it is replayed.

    Attributes
    ----------
    hold : whether what the program follows is as it was, in a mode.
    single : whether what a replay gives is what the function returns.
    same : arguments that may be variables of the function, too, by their positions.
    others : the positions of Tensors that must be none of its ``own``.
    own : ids of Tensors that it derives by or writes to.
    objects : by the numbers of slots, Tensors and arrays that it reads anew, as `Whole` knows them.
    looks_at_nothing : whether an audit can do without computing.
    due, left : the call in which it is audited next, and how many there are until then.
    """

    def __init__(self, whole: Whole, end: Event, hold: Callable[[Mode], bool],
                 leaves: list[Any], events: list[Any], returned: Any, place: tuple[str, int],
                 strict: bool) -> None:
        self.captured: Program = whole.program
        self.replay = Replay(optimized(whole.program), len(leaves), strict)
        self.hold, self.end = hold, end
        self.due, self.left = 4, 2
        self._whole, self._results, self.objects = whole, events, whole.objects
        self.same = [(k, leaves[k]) for k in whole.same]
        self.others = [k for k, x in enumerate(leaves) if isinstance(x, Tensor) and k not in whole.same]
        self.own = Flags(end.path_to(), others=[
            x for x in whole.objects.values() if isinstance(x, Tensor)]).own
        self._form, self._place = returned, place
        self._structure = structure(returned, len(events))
        self._draws = any(i.primitive.kind == "draw" for i in self.captured.instructions)
        self._masked = [e for e in end.path_to() if e.kind == "op" and e.more is not None and not any(
            type(r) is Slot and r.index in whole.constants for r in e.refs)]
        self.looks_at_nothing = all(e.kind != "read" for e in end.path_to())
        lasting = whole.lasting
        self._derived = [(n, e) for n, e in enumerate(events)
                         if isinstance(e, Event) and e.requires_grad and e in lasting]
        self.single = isinstance(returned, Tensor) and not self._derived

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

    def run(self, leaves: list[Any]) -> Any:
        """What the function would return."""
        drew = generator().bit_generator.state if self._derived and self._draws else None
        result = self.replay.run(*leaves)
        count = len(self.captured.outputs)
        results = [result] if count == 1 else list(result or ())
        if self._derived:
            call = SkippedCall(self._whole, leaves, drew, self.end)
            for n, event in self._derived:
                call.computed(results[n], event)
        return unflatten(self._form, results)

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
                                   self._whole.lines[n])
        for n, held in self._whole.constants.items():
            now = call.bound[n]
            if not same(getattr(now, "_value", now), held):
                return self._error(f"{describe(held)} that it makes was captured with another value",
                                   self._whole.lines[n])
        for then, now in zip(self._results, leaves, strict=True):
            if not isinstance(then, Event | Slot) and then is not now and not same(then, now):
                return self._error(f"it returned {in_words(then)}, and now {in_words(now)}",
                                   self._place)
        return None

    def _error(self, text: str, line: tuple[str, int]) -> CaptureError:
        return CaptureError(located(self.captured.name, line, (
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
    """What is known of a call that was replayed, for the graphs of its results."""

    def __init__(self, whole: Whole, leaves: list[Any], drew: Any, end: Event) -> None:
        self.drew = None if drew is None else {next(e for e in end.path_to() if e.kind in ENDS): drew}
        self._floats = dict(enumerate(leaves))
        #: What the slots hold: arrays as they were, since they may be written into.
        self.bound = {n: kept(x) if type(x) is np.ndarray else x
                      for n, x in whole.bound(leaves).items()}
        self.began = tick()
        self.over = self.began, end
        self.taken: list[Any] = []
        self.remade: Any = None
        self.written: dict[Tensor, Event] = {}  # graphs are made of what is not written to
        self.lockstep = self.lives = self  # it answers for both

    def computed(self, result: Tensor, event: Event) -> None:
        """Let a result know how it was made."""
        made: Any = result
        made.__class__ = Filled
        made.call, made.event, made._requires_grad = self, event, True
        self.taken.append(ref(made))

    alive, made = Call.alive, Call.made

    def graph(self, x: Any) -> None:
        """Somebody asks how a result was made."""
        graph_of(x)

    def get(self, text: str, number: Live) -> Live:
        """A live number as it was in this call."""
        held = {name: self._floats[key] if type(key) is int else container[key]
                for name, (container, key) in number.origins.items()}
        return Live(eval(text, {"float": float}, held), text, number.origins)
