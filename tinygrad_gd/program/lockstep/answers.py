"""`Answers`: each operation that comes to the door is compared with the trail, and answered."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from sys import getrefcount
from typing import Any
from weakref import getweakrefcount, ref

import numpy as np

from ...engine.in_place import update as update_now
from ...engine.in_place import write as write_now
from ...engine.operands import FOREIGN, operand
from ...engine.primitive import apply as compute
from ...engine.tensor import ALL, Tensor
from ...ground.live import Live
from ...ground.modes import Mode, current_mode, using
from ...ground.storage import changes
from ...ops.shape import astype, copy
from .call import Call, held, is_plain, same_but_rates
from .recorder import Recorder
from .standins import StandIn, become
from .trail import ALONE, Event, Slot, described, same, same_params

_new = Tensor.__new__
#: Whether the steps of a kind of optimizer are all ours.
_OURS: dict[type, bool] = {}
_PACKAGE = __name__.partition(".")[0] + "."


class Answers:
    """What is asked of `Lockstep` while a function runs.

    Attributes
    ----------
    active : whether operations come here; not while they are really computed.
    at : the last event that was met.
    call : what is known of this call.
    recorder : what writes the call down, if it is recorded.
    taken : weak references to answers that somebody has from earlier calls.
    """

    active: bool
    at: Event
    call: Call
    expected: Any
    recorder: Recorder | None
    root: Event
    changes: int
    states: Any = frozenset()  # ids of the Tensors that are there in every call
    numbers: dict[int, float]
    taken: list[ref[Any]]
    unchanged: Callable[[], bool]
    realize: Callable[..., None]
    compute: Callable[[Event], bool]

    # -- operations ----------------------------------------------------------------------------------

    def apply(
        self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any], mode: Mode
    ) -> Tensor:
        """Answer an operation."""
        if changes.count != self.changes and not self.unchanged():
            self.root.next = None
            if self.recorder is None:
                self.realize()
        e = None if self.recorder is not None else self.at.next
        while e is not None:
            if e.what is primitive and (e.mode is mode or e.mode == mode):
                given, n = e.given, len(inputs)  # nearly always the same objects, one or two
                same = given is not None and n == len(given) and (n == 0 or (
                    inputs[0] is given[0] and (n == 1 or (inputs[1] is given[1] and (
                        n == 2 or all(map(is_, inputs, given)))))))
                if (same or self.takes(e, inputs)) and (
                        params is e.params or same_params(params, e.params)):
                    if e.more is None or self.counts(e, inputs):
                        self.at = e
                        return self.answer(e)
                    if self.expected is not None and self.expected.counts(e):
                        self.expected = None  # its program would not run
            e = e.other
        if not all(map(is_plain, inputs)):  # lists, and what other libraries hold values in
            if primitive.name in FOREIGN and (answer := FOREIGN[primitive.name](inputs)) is not None:
                return answer
            inputs = tuple(operand(primitive.name, x) for x in inputs)
            return self.apply(primitive, inputs, params, mode)
        if self.recorder is not None:
            return self.recorder.apply(primitive, inputs, params, mode)
        if primitive.name == "getitem":
            masks = [m for m in inputs[1:] if type(m) is StandIn and m.dtype.kind == "b"]
            if masks:  # shapes depend on it: a look at it
                _ = [m._value for m in masks]
                return self.apply(primitive, inputs, params, mode)
        self.realize(described(primitive, inputs, params))
        return compute(primitive, inputs, params)

    def takes(self, e: Event, inputs: tuple[Any, ...]) -> bool:
        """Whether the inputs are what the operation had."""
        if len(inputs) != len(e.refs):
            return False
        for x, r in zip(inputs, e.refs, strict=True):
            if x is not r and not self.stands_for(r, x):
                self.loosen(e, inputs)
                return False
        if e.given is None:
            e.takes_the_same()
        return True

    def answer(self, e: Event, new: Any = None) -> Tensor:
        """The stand-in for the result of an event; ``new`` is a Tensor that shall become it."""
        out = e.out
        if out is not None and (new is not None or (type(out) is not StandIn and (
                getrefcount(out) - e.uses > ALONE or getweakrefcount(out)))):
            self.let_go(e)  # somebody has it from an earlier call
            out = None
        if out is None:
            e.out = out = _new(StandIn) if new is None else new
            out.__class__ = StandIn
            out.event = e
        elif type(out) is not StandIn:
            out.__class__ = StandIn
            out.held = None
        out.call = self.call
        out._requires_grad = e.requires_grad
        out._grad = out._hooks = out._name = None
        return out  # type: ignore[no-any-return]

    def let_go(self, e: Event) -> None:
        """Make somebody's own what was the answer to an event in an earlier call."""
        out = e.give_away()
        out.call.taken.append(ref(out))
        self.taken.append(ref(out))

    def stands_for(self, r: Any, x: Any) -> bool:
        """Whether what is given is what a reference means in this call."""
        kind = type(r)
        if kind is Event:
            return isinstance(x, StandIn) and x.event is r and x.call is self.call
        if kind is Slot:
            return not self.made(x) and self.bind(r, x)
        if kind is Live and type(x) is Live:
            self.call.lives[r.text] = x
        return same(r, x)

    def fits(self, e: Event, inputs: tuple[Any, ...]) -> bool:
        """Whether the inputs are what the event had."""
        return len(inputs) == len(e.refs) and all(
            x is r or self.stands_for(r, x) for x, r in zip(inputs, e.refs, strict=True))

    def loosen(self, e: Event, inputs: tuple[Any, ...]) -> None:
        """Note which inputs are others than they were, and might be in each call."""
        for n, (x, r) in enumerate(zip(inputs, e.refs, strict=True)):
            if type(x) is float:
                loose = type(r) is float and not same(r, x)
            else:
                loose = (x is not r and isinstance(r, Tensor) and isinstance(x, Tensor)
                         and not isinstance(x, StandIn))
            if loose:
                e.loose.add(n)

    def bind(self, slot: Slot, x: Any) -> bool:
        """Let a slot stand for ``x`` in this call."""
        bound = self.call.bound
        if slot.index in bound:
            known = bound[slot.index]
            return known is x or (type(x) is slot.kind is float and same(x, known))
        if not slot.fits(x):
            return False
        if isinstance(x, Tensor) and (x._primitive is not None or (x._requires_grad and (
                id(x) in self.states or any(x is y for y in bound.values())))):
            return False
        bound[slot.index] = x
        if slot.kind is float:
            self.numbers[slot.index] = x
        return True


    def counts(self, e: Event, inputs: tuple[Any, ...]) -> bool:
        """Whether masks select as many elements as they did."""
        return all(np.count_nonzero(held(inputs[n])) == count for n, count in e.more)

    def made(self, x: Any) -> bool:
        """Whether a Tensor was made in this call and has no value of its own yet."""
        if self.recorder is not None:
            return self.recorder.event_of(x) is not None
        return isinstance(x, StandIn) and x.call is self.call

    def update(self, primitive: Any, target: Tensor, other: Any) -> Tensor:
        """``target += other`` where target was made in the call."""
        mode = current_mode()
        if mode.grad and (target._requires_grad or getattr(other, "_requires_grad", False)):
            return self.apply(primitive, (target, other), {}, mode)
        self.realize()
        return update_now(primitive, target, other)

    def detached(self, x: Tensor) -> Tensor:
        """``x.detach()`` of what was made in the call."""
        with using(grad=False):
            return self.apply(copy, (x,), {"order": "K"}, current_mode())

    def copies(self, new: Any, x: Any, dtype: Any) -> bool:
        """Let a Tensor that is being made of another stand for its values, if they are pending."""
        if not (self.active and isinstance(x, Tensor) and self.made(x)):
            return False
        kind = x.dtype if dtype is None else np.dtype(dtype)
        with using(grad=False):
            mode = current_mode()
            out = self.apply(copy, (x,), {"order": "K"}, mode) if kind == x.dtype else (
                self.apply(astype, (x,), {"dtype": kind}, mode))
        new._requires_grad, new._grad, new._hooks = False, None, None
        if self.recorder is not None:
            self.recorder.is_also(out, new)
        elif type(out) is StandIn:
            self.answer(out.event, new)
        else:
            become(new, out._value, None, (), ALL, {}, out._seq)
        return True

    # -- what is computed at once --------------------------------------------------------------------

    def write(self, primitive: Any, inputs: tuple[Any, ...], target: Tensor) -> Tensor:
        """Write into a Tensor from outside."""
        if self.recorder is not None:
            return self.recorder.writes(primitive, inputs, target)
        e = self.at.next
        while e is not None and (e.kind != "write" or e.what is not primitive or e.more is not target
                                 or not self.fits(e, inputs)):
            e = e.other
        if e is None:
            self.realize(f"{primitive.name} in place")
            return write_now(primitive, inputs, target)
        self.at = e
        if self.compute(e):
            return target
        if self.recorder is not None:
            return self.recorder.writes(primitive, inputs, target)
        return write_now(primitive, inputs, target)

    def steps(self, optimizer: Any) -> bool:
        """A step of an optimizer; False for those that run as usual."""
        if (ours := _OURS.get(type(optimizer))) is None:
            ours = _OURS[type(optimizer)] = all(
                getattr(type(optimizer), name).__module__.startswith(_PACKAGE)
                for name in ("step", "update", "update_all"))
        if not ours:
            return False
        if self.recorder is not None:
            return self.recorder.steps(optimizer)
        e = self.at.next
        while e is not None and (e.what is not optimizer or not self.fits_step(e, optimizer)):
            e = e.other
        if e is None:
            self.realize(f"a step of {type(optimizer).__name__}")
            return self.recorder is not None and self.recorder.steps(optimizer)
        self.at = e
        return self.compute(e) or (self.recorder is not None and self.recorder.steps(optimizer))

    def fits_step(self, e: Event, optimizer: Any) -> bool:
        """Whether parameters, gradients, options and state are what they were; rates may be others."""
        groups = optimizer.param_groups
        if len(groups) != len(e.more):
            return False
        for n, (params, options) in enumerate(e.more):
            group = groups[n]
            given = group["params"]
            if len(given) != len(params) or not all(map(is_, given, params)):
                return False
            if group != options and not same_but_rates(group, options):
                return False
        if e.given is None:
            e.given = tuple(zip((p for params, _ in e.more for p in params), e.refs, strict=True))
        for p, r in e.given:
            g = p._grad
            if g is not (r.out if type(r) is Event else r) and (
                    g is None or r is None or not self.stands_for(r, g)):
                return False
        known = e.params["state"]
        if not known:
            return not optimizer.state
        return len(optimizer.state) == len({id(p) for p, _, _ in known}) and all([
            (held := optimizer.state.get(p, known).get(k) if p in optimizer.state else None) is t
            or same(held, t) for p, k, t in known])

    # -- the reverse pass ----------------------------------------------------------------------------

    def backward(self, root: Tensor, gradient: Any, create_graph: bool) -> None:
        """``root.backward()``."""
        if self.recorder is not None:
            self.recorder.runs_backward(root, gradient, create_graph)
            return
        e, call = self.at.next, self.call
        while e is not None and (
                e.kind != "backward" or create_graph or not self.fits_pass(e, root, gradient)):
            e = e.other
        if e is None:
            self.realize("backward")
            root.backward(gradient, create_graph)
            return
        self.at = e
        for leaf, _, g in e.more:
            x = call.bound[leaf.index] if type(leaf) is Slot else leaf
            x._grad = self.answer(g)

    def fits_pass(self, e: Event, root: Any, gradient: Any) -> bool:
        """Whether it begins where it did, and the leaves have the gradients that they had."""
        if not (root.event is e.refs[0] if type(root) is StandIn else self.stands_for(e.refs[0], root)):
            return False
        if gradient is not e.refs[1] and not self.stands_for(e.refs[1], gradient):
            return False
        for leaf, before, _ in e.more:
            x = leaf
            if type(leaf) is Slot and (x := self.call.bound.get(leaf.index)) is None:
                return False
            g = x._grad
            if x._hooks is not None or (g is not before and (
                    g is None or before is None or not self.stands_for(before, g))):
                return False
        return True

    def answered(self, x: Any) -> bool:
        """Whether a Tensor has no value yet."""
        return type(x) is StandIn

    def asks(self, what: str, tensors: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        """What depends on the graph of Tensors only: the same whenever the trail is."""
        if self.recorder is not None:
            return self.recorder.asks(what, tensors, compute)
        e = self.at.next
        while e is not None and not (e.kind == "ask" and e.what == what and self.fits(e, tensors)):
            e = e.other
        if e is None:
            self.realize(what)
            return compute()
        self.at = e
        return e.more

    def pull(
        self, roots: Any, seeds: Any, targets: Any, create_graph: bool, pull: Callable[..., Any]
    ) -> list[Tensor]:
        """The cotangents of targets, from those of roots."""
        given = (*roots, *seeds, *targets)
        if self.recorder is not None:
            return self.recorder.pulls(roots, seeds, targets, create_graph, pull)
        e = self.at.next
        while e is not None and not (
                e.kind == "pull" and e.params == {"create_graph": create_graph, "roots": len(roots)}
                and self.fits(e, given)):
            e = e.other
        if e is None:
            self.realize("a derivative")
            found: list[Tensor] = pull(roots, seeds, targets, 0, create_graph)
            return found
        self.at = e
        return [self.answer(g) for g in e.more]
