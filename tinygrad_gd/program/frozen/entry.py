"""`Entry`: a program that stands for a function, as long as what it follows is what it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from ...engine.tensor import Tensor
from ...errors import CaptureError, describe
from ...ground.modes import Mode
from ...ground.pytree import flatten, unflatten
from ...ground.storage import changes
from ...ground.user_code import located
from ..ir import Value
from ..lockstep.call import counts, held
from ..lockstep.expected import Expected, Flags
from ..lockstep.lockstep import Lockstep
from ..lockstep.segments import Segment
from ..lockstep.trail import Event, Slot, described, in_words, same
from .arguments import structure
from .glue import glued
from .stands import Stands


class Entry:
    """A call that runs without Python, and the conditions under which it does.

    Attributes
    ----------
    hold : whether what it follows is as it was, in a mode.
    run : what the function would return, of the leaves of the arguments.
    same : arguments that may be variables of the function, too, by their positions.
    others : the positions of Tensors that must be none of its ``own``.
    own : ids of Tensors that it derives by or writes to.
    objects : by the numbers of slots, Tensors and arrays that it reads anew, as `Stands` knows them.
    segment, known : the whole call as a program, and what is known of what it would be given.
    looks_at_nothing : whether an audit can do without computing.
    due, left : the call in which it is audited next, and how many there are until then.
    """

    def __init__(self, stands: Stands, end: Event, hold: Callable[[Mode], bool], leaves: list[Any],
                 returned: Any, place: tuple[str, int], lockstep: Lockstep) -> None:
        self.hold, self.end = hold, end
        self.due, self.left = 4, 2
        self._results, path = stands.returned, stands.events
        wanted = list(dict.fromkeys(x for x in (*stands.results, *stands.gradients.stay.values())
                                    if isinstance(x, Event | Value)))
        if derived := stands.derived(wanted):
            wanted += [v for v in stands.changed.values() if v not in wanted]
        self.segment = Segment(end, wanted, lockstep.strict, stands.values)
        form = unflatten(returned, count())  # others may change what is returned
        self.run = glued(stands, self.segment, derived, form, lockstep)
        self._stands, self.objects, self._constants = stands, stands.objects, stands.constants
        self.same = [(k, leaves[k]) for k in stands.same]
        self.others = [
            k for k, x in enumerate(leaves) if isinstance(x, Tensor) and k not in stands.same]
        self.own = Flags(path, others=[
            x for x in stands.objects.values() if isinstance(x, Tensor)]).own
        self.known = stands.values
        self._place, self._structure = place, structure(returned, len(self._results))
        self._masked = [e for e in path if e.kind == "op" and e.more is not None and not any(
            type(r) is Slot and r.index in stands.constants for r in e.refs)]
        self.looks_at_nothing = all(e.kind != "read" for e in path)

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

    def audited(self, call: Any, end: Event, shown: list[Any], returned: Any) -> CaptureError | None:
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
        given = {n: shown[k] for n, k in self._stands.given.items()}
        for n, x in (given | self.objects).items():
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
    mode: Mode, events: list[Event], modules: list[Any], gradients: dict[Tensor, Any],
    objects: Iterable[Any],
) -> Callable[[Mode], bool]:
    """Whether modes, options of optimizers and what they remember, and gradients are what they were.

    Objects that a program reads anew must have the form that they had.

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
    expected.add(*(f"{expected.name(then, 'slot')}.fits({expected.name(leaf, 'T')}._grad)"
                   if type(then) is Slot else
                   f"{expected.name(leaf, 'T')}._grad is {expected.name(then, 'gradient')}"
                   for leaf, then in gradients.items()))
    expected.add(*(f"{expected.name(Slot(0, x), 'slot')}.fits({expected.name(x, 'x')})"
                   for x in objects))
    return expected.function("mode")


def _told(e: Event) -> str:
    """What an event is, for messages."""
    if e.kind in ("op", "ask"):
        return described(e.what, e.refs, e.params)
    return {"end": "the end", "step": f"a step of {type(e.what).__name__}"}.get(e.kind, e.kind)
