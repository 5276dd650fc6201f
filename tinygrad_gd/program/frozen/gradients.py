"""Gradients of a call without Python: what must be there before it, and what is there after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...engine.tensor import Tensor
from ..lockstep.trail import Event
from .refused import Refused


class Gradients:
    """What becomes of the gradients of leaves.

    Attributes
    ----------
    before : the leaves at whose gradients something looks before they are set, or that it takes, with
        what the trail calls these.
    made : the events that made the gradients that leaves had last.
    stay, gone : leaves from outside whose gradients are there afterwards, with the events that make
        these; and those that have none then.
    """

    def __init__(self, events: list[Event], alive: dict[int, Event], thing: Callable[[Any], Any],
                 is_outside: Callable[[Tensor], bool]) -> None:
        self.before: dict[Tensor, Any] = {}
        self.made: list[Event] = []
        self.stay: dict[Tensor, Event] = {}
        self.gone: list[Tensor] = []
        self._set: dict[Tensor, None] = {}  # leaves whose gradients the function sets
        for e in events:
            self._follow(e, thing)
        steps = [e for e in events if e.kind == "step"]
        used = {r for e in steps for r in e.refs if isinstance(r, Event)}
        given_up = {p for e in steps for p, _ in e.updates()} - self.before.keys()
        passed = {thing(leaf): None for e in events if e.kind == "backward" for leaf, *_ in e.more}
        for leaf in dict.fromkeys((*(t for e in events for t in e.outside()), *passed, *self._set)):
            made = alive.get(id(leaf._grad))
            if made is not None:
                self.made.append(made)
            if not is_outside(leaf):
                continue
            if made is not None and not (made in used and leaf in given_up):
                if made in self.stay.values():
                    raise Refused("it lets two Tensors have one gradient, and a program would give "
                                  "them one each; set the gradient outside, or copy it")
                self.stay[leaf] = made
            elif made is not None or leaf in passed or leaf in self._set:
                if made is None is not leaf._grad and leaf not in given_up:
                    raise Refused("it sets a gradient that it has not computed, and a program would "
                                  "not; set it outside")
                self.gone.append(leaf)

    def _follow(self, e: Event, thing: Callable[[Any], Any]) -> None:
        found: Iterable[tuple[Any, Any]] = ()
        if e.kind == "backward":
            found = [(leaf, before) for leaf, before, _ in e.more]
        elif e.kind == "step":
            found = e.updates()
        elif e.what == "gradient":
            found = [e.refs]
        elif e.what == "gradients are set":
            self._set.update(dict.fromkeys(map(thing, e.refs)))
        for r, before in found:
            if (leaf := thing(r)) not in self._set:
                self.before.setdefault(leaf, before)
