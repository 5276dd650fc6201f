"""`Call`: what is known of one call of a compiled function, and whether it is what a trail says."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine.operands import SCALARS
from ...engine.tensor import Tensor
from ...ground.live import Live
from ...ground.storage import NUMERIC_KINDS, kept, tick
from .expected import Expected
from .standins import StandIn
from .trail import ALONE, Event, Slot, held_of, same

if TYPE_CHECKING:
    from .lockstep import Lockstep


class Call:
    """What is known of one call: what it brought, and what was answered.

    Attributes
    ----------
    taken : weak references to answers that somebody has kept until the next call.
    bound : what the slots hold; what segments hand on, by the number of its instruction, negative.
    met : by the numbers of slots, the arrays that these hold copies of: the step may write into them.
    lives : live numbers among what it was given, by their texts.
    created : Tensors that were made in it, each with what of.
    drew : the states of the generator before the draws of segments, by the events that end these.
    written : by what was written to, the last event before that was over.
    remade : of a call that is over, what was made again of it, by events.
    done : buffers that a program which has failed had written to.
    over : once it has returned, when that was, and its last event.
    context, filters : what else held when it began, for `errstate`.
    """

    __slots__ = (
        "began", "bound", "context", "created", "done", "drew", "filters", "lives", "lockstep", "met",
        "over", "remade", "taken", "written")

    def __init__(self, lockstep: Lockstep) -> None:
        self.lockstep = lockstep
        self.taken: list[Any] = []
        self.bound: dict[int, Any] = {}
        self.met: dict[int, Any] = {}
        self.lives: dict[str, Any] = {}
        self.created: list[tuple[Tensor, Any]] = []
        self.drew: Any = None
        self.written: dict[Tensor, Event] = {}
        self.remade: Any = None
        self.done: Collection[Tensor] = ()
        self.began, self.over = tick(), None  # type: tuple[int, tuple[int, Event] | None]
        self.context, self.filters = copy_context(), warnings.filters

    def creates(self, new: Tensor, data: Any) -> bool:
        """Remember what a Tensor is made of, for a recorder that may come later; it is none of ours."""
        if not self.made(data):
            self.created.append((new, data))
        return False

    def alive(self, events: Iterable[Event]) -> dict[Event, Any]:
        """The answers to events that somebody has, and that are no ordinary Tensors yet."""
        held = held_of(dict.fromkeys(made for e in events for made in e.results()), ALONE)
        found = {made: out for made in held if self.made(out := made.out)}
        return {s.event: s for r in self.taken if isinstance(s := r(), StandIn)} | found

    def raw(self, n: int) -> Any:
        """The array or number in a slot, or what a segment has handed on."""
        x = self.bound[n]
        return x._value if isinstance(x, Tensor) else x

    def given(self, n: int) -> Any:
        """What a slot holds, as it was given; an array may have been written into since."""
        return self.met.get(n, self.bound[n])

    def brings(self, x: Any) -> bool:
        """Whether a Tensor has come up that is not there in every call."""
        return any(x is given for given in self.bound.values())

    def again(self, n: int) -> Any:
        """What a slot holds, for a recorder: an array itself, if nothing was written into it."""
        given, held = self.given(n), self.bound[n]
        return given if given is held or same(given, held) else held

    # -- what it brings, compared with the trail -----------------------------------------------------

    def made(self, x: Any) -> bool:
        """Whether something is an answer of this call."""
        return isinstance(x, StandIn) and (x.call is self or (
            x.call is self.lockstep and self.lockstep.call is self))  # not while a later one goes on

    def stands_for(self, r: Any, x: Any) -> bool:
        """Whether what is given is what a reference means in this call."""
        kind = type(r)
        if kind is Event:
            return self.made(x) and x.event is r
        if kind is Slot:
            return not self.made(x) and self.bind(r, x)
        if kind is Live and type(x) is Live:
            self.lives[r.text] = x
        return same(r, x)

    def has(self, x: Tensor) -> bool:
        """Whether a Tensor is derived by or written to in every call: no slot may hold it."""
        return id(x) in self.lockstep.flags.own

    def bind(self, slot: Slot, x: Any) -> bool:
        """Let a slot stand for ``x`` in this call."""
        bound = self.bound
        if slot.index in bound:
            known = bound[slot.index]
            if slot.kind is np.ndarray:
                return self.met[slot.index] is x and same(x, known)
            return known is x or (type(x) is slot.kind is float and same(x, known))
        if not slot.fits(x):
            return False
        if isinstance(x, Tensor) and (x._primitive is not None or self.has(x) or (
                x._requires_grad and any(x is y for y in bound.values()))):
            return False
        bound[slot.index] = x
        if slot.kind is np.ndarray:
            self.met[slot.index], bound[slot.index] = x, kept(x)
        elif slot.kind is float:
            self.lockstep.numbers[slot.index] = x
        return True

    def unbound(self, known: int) -> bool:
        """False: an event does not fit, for which slots after the first ``known`` were bound."""
        while len(self.bound) > known:
            self.met.pop(self.bound.popitem()[0], None)
        return False

    def fits(self, e: Event, inputs: tuple[Any, ...]) -> bool:
        """Whether the inputs are what the event had."""
        if len(inputs) != len(e.refs):
            return False
        known = len(self.bound)
        for x, r in zip(inputs, e.refs, strict=True):
            if x is not r and not self.stands_for(r, x):
                return self.unbound(known)
        return True

    def takes(self, e: Event, inputs: tuple[Any, ...]) -> bool:
        """Whether the inputs are what the operation had; those that are not may be others each time."""
        if self.fits(e, inputs):
            if e.arity < 0:
                e.takes_the_same()
            return True
        for n, (x, r) in enumerate(zip(inputs, e.refs, strict=False)):
            if type(x) is float:
                loose = type(r) is float and not same(r, x)
            else:
                loose = (x is not r and isinstance(r, Tensor) and isinstance(x, Tensor)
                         and not (isinstance(x, StandIn) or self.has(x)))
            if loose and len(inputs) == len(e.refs):
                e.loose.add(n)
        return False

    def fits_step(self, e: Event, _: Any) -> bool:
        """Whether parameters, gradients, options and state are what they were; rates may be others."""
        if not e.params["there"]:  # no program writes to what a call brings or makes
            return False
        if e.holds is None:
            expected = Expected()
            expected.optimizer(e)
            for p, r in e.updates():
                g, then = f"{expected.name(p, 'T')}._grad", expected.name(r, "event")
                expected.add(f"({g} is {f'{then}.out' if type(r) is Event else then}"
                             f" or stands_for({then}, {g}))")
            e.holds = expected.function("stands_for")
        known = len(self.bound)
        return e.holds(self.stands_for) or self.unbound(known)

    def fits_pass(self, e: Event, root: Any, gradient: Any) -> bool:
        """Whether it begins where it did, and the leaves have the gradients that they had."""
        known = len(self.bound)
        if not (root.event is e.refs[0] if type(root) is StandIn else self.stands_for(e.refs[0], root)):
            return self.unbound(known)
        if gradient is not e.refs[1] and not self.stands_for(e.refs[1], gradient):
            return self.unbound(known)
        for leaf, before, _ in e.more:
            x = self.bound[leaf.index] if type(leaf) is Slot else leaf
            g = x._grad
            if x._hooks is not None or (g is not before and (
                    g is None or before is None or not self.stands_for(before, g))):
                return self.unbound(known)
        return True


def is_plain(x: Any) -> bool:
    """Whether a value goes through the door as it is."""
    return isinstance(x, Tensor) or type(x) in SCALARS or type(x) is Live or (
        type(x) is np.ndarray and x.dtype.kind in NUMERIC_KINDS and x.dtype.isnative)


def is_one_array_twice(inputs: tuple[Any, ...]) -> bool:
    """Whether two arrays show the same memory: BLAS gives ``x @ x.T`` other bits than two copies."""
    return len(inputs) == 2 and all(type(x) is np.ndarray for x in inputs) and (
        np.may_share_memory(*inputs))


def counts(e: Event, inputs: tuple[Any, ...]) -> bool:
    """Whether masks select as many elements as they did."""
    return all(np.count_nonzero(held(inputs[n])) == count for n, count in e.more)


def held(x: Any) -> Any:
    """The array of a Tensor, and everything else as it is."""
    return x._value if isinstance(x, Tensor) else x


def result_type(inputs: Iterable[Any]) -> np.dtype[Any]:
    """The dtype in which NumPy computes."""
    return np.result_type(*(x.value if type(x) is Live else getattr(x, "dtype", x) for x in inputs))
