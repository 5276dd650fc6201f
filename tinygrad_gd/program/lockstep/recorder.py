"""`Recorder`: at the door while a call is recorded, it computes as usual and writes a path down."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import ref

import numpy as np

from ...engine.graph import leaves_of
from ...engine.in_place import write as write_now
from ...engine.primitive import apply as compute
from ...engine.tensor import Tensor
from ...ground.live import Live
from ...ground.modes import Mode, current_mode, using
from ...ground.pytree import flatten
from ...ground.storage import tick
from ...ground.user_code import UNKNOWN
from .path import Path
from .standins import Recorded, become
from .trail import Event, Slot, same

if TYPE_CHECKING:
    from .lockstep import Lockstep


class Recording(NamedTuple):
    """What was there when a path was recorded.

    Attributes
    ----------
    leaves : of the arguments.
    brought : by the number of a slot, what was in it.
    made_of : by the number of a slot, the array or Tensor of which its Tensor was made, and how many
        instructions there were then.
    results : the leaves of what was returned, events for those that the call has computed.
    modules : weak references to those that took part, one of which may be the object of the method.
    problem, line : why the call cannot be frozen, if that was seen.
    entire : whether all of the call was seen.
    """

    leaves: list[Any]
    brought: dict[int, Any]
    made_of: dict[int, Any]
    results: list[Any]
    modules: list[Any]
    problem: str
    line: tuple[str, int]
    entire: bool


class Recorder:
    """What is known while a call is recorded.

    Attributes
    ----------
    path : the instructions.
    made : by id, the results of events, each with its event.
    slots : by id, what the call brings, each with its slot.
    states : by id, the Tensors that are there in every call.
    passed : ids of Tensors and floats among the arguments.
    names : of arguments, by their ids.
    made_of : by the id of a Tensor that the function makes, what it is made of, and when.
    results : the leaves of what the function returns, events for those that it has computed.
    problem, line : why the call could not be frozen, and where that was seen.
    decided : where numbers come from that Python has looked at.
    entire : whether it sees the call from its beginning.
    """

    def __init__(self, lockstep: Lockstep, arguments: Any) -> None:
        self.lockstep = lockstep
        self.began = tick()
        self.path = Path(lockstep.name, self)
        self.made: dict[int, tuple[Event, Any]] = {}
        self.slots: dict[Any, tuple[Slot, Any]] = {}
        self.states: dict[int, Tensor] = {}
        self.passed = {id(x) for x in flatten(arguments) if isinstance(x, Tensor | float)}
        self.names: dict[int, str] = {}
        self.made_of: dict[int, tuple[Any, int]] = {}
        self.results: list[Any] = []
        self.problem, self.line = "", UNKNOWN
        self.decided: list[tuple[Any, Any]] = []
        self.entire = lockstep.wanted

    # -- what things are -----------------------------------------------------------------------------

    def event_of(self, x: Any) -> Event | None:
        """The event that made a Tensor."""
        found = self.made.get(id(x))
        return found[0] if found and found[1]() is x else None

    def note(self, event: Event, out: Tensor) -> None:
        """Remember what an event has made."""
        self.made[id(out)] = event, ref(out)

    def is_also(self, out: Tensor, x: Any) -> None:
        """Let another Tensor be what an event has made."""
        event = self.event_of(out)
        self.lockstep.active = False
        become(x, out._value, out._primitive, out._first, out._second, out._params, out._seq)
        self.path.is_also(out, x)
        if event is not None:
            self.note(event, x)
            x.__class__ = Recorded
        self.lockstep.active = True

    def slot_of(self, x: Any) -> Slot | None:
        """The slot of what a call brings; None for a Tensor that is there in every call."""
        if id(x) in self.slots:
            return self.slots[id(x)][0]
        if id(x) in self.states:
            return None
        if (isinstance(x, Tensor) and id(x) not in self.passed and x._seq <= self.began
                and x._primitive is None):
            self.states[id(x)] = x
            return None
        return self.brought(x)

    def brought(self, x: Any) -> Slot:
        """The slot of what is another thing in each call."""
        if id(x) not in self.slots:
            self.slots[id(x)] = Slot(len(self.slots), x), x
        return self.slots[id(x)][0]

    def called_like(self, leaf: Tensor, data: Any) -> None:
        """A leaf is made of something, which may have a name."""
        self.made_of[id(leaf)] = data, len(self.path.instructions)
        name = self.names.get(id(data._value if isinstance(data, Tensor) else data))
        if name and not isinstance(data, Recorded):
            self.names.setdefault(id(leaf._value), name)

    def reference(self, x: Any) -> Any:
        """What a trail calls an input of an event."""
        if isinstance(x, Tensor):
            if (event := self.event_of(x)) is not None:
                return event
            slot = self.slot_of(x)
            return x if slot is None else slot
        return self.slot_of(x) if isinstance(x, np.ndarray) else x

    def gradient(self, g: Tensor | None) -> Any:
        """What a trail calls the gradient that a leaf has."""
        return None if g is None else self.event_of(g) or self.brought(g)

    # -- at the door ---------------------------------------------------------------------------------

    def really(self, function: Callable[[], Any]) -> Any:
        """Compute as usual, and write down what that takes."""
        self.lockstep.active = False
        try:
            with using(observer=self.path, lockstep=None):
                return function()
        finally:
            self.lockstep.active = True

    def noted(self, e: Event, out: Tensor) -> None:
        """Remember a result, at which nobody looks without notice from now on."""
        self.lockstep.active = False
        self.path.after(e, out)
        self.note(e, out)
        out.__class__ = Recorded
        self.lockstep.active = True

    def follow(self, kind: str, what: Any, refs: tuple[Any, ...], params: Any, mode: Any) -> Event:
        """Go on in the trail, along a branch that is known or a new one."""
        e = self.lockstep.at = self.lockstep.at.followed_by(kind, what, refs, params, mode)
        e.path, e.segment = self.path, None  # it may have to hand on more
        return e

    def apply(
        self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any], mode: Mode
    ) -> Tensor:
        """Compute an operation."""
        masks = [(n, m) for n, m in enumerate(inputs) if n and primitive.name == "getitem"
                 and getattr(getattr(m, "dtype", None), "kind", "") == "b"]
        for _, m in masks:
            _ = m._value if isinstance(m, Tensor) else None  # shapes depend on it: a look at it
            if self.lockstep.at.kind == "read" and self.event_of(m) is self.lockstep.at.what:
                self.lockstep.at.more = "a mask"
        if mode.observer is not None:
            self.lockstep.abandon("an observer watches a part of it")
        if not self.lockstep.active:
            return compute(primitive, inputs, params)
        refs = self._loosened(primitive, tuple(map(self.reference, inputs)), inputs)
        given = tuple(map(self._alive, inputs, refs))
        out: Tensor = self.really(lambda: compute(primitive, given, params))
        e = self.follow("op", primitive, refs, params, mode)
        e.makes(out)
        if masks:
            e.more = [(n, int(np.count_nonzero(m._value if isinstance(m, Tensor) else m)))
                      for n, m in masks]
        self.noted(e, out)
        return out

    def _alive(self, x: Any, r: Any) -> Any:
        """A number that changes from call to call as one that programs read anew."""
        if type(r) is not Slot or r.kind is not float:
            return x
        self.lockstep.numbers[r.index] = x
        return Live(x, f"n{r.index}", {f"n{r.index}": (self.lockstep.numbers, r.index)})

    def _loosened(
        self, primitive: Any, refs: tuple[Any, ...], inputs: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """References in which what was another thing in some call, or may be, is a slot."""
        at = self.lockstep.at
        loose = {n for n, x in enumerate(inputs) if type(x) is float and id(x) in self.passed}
        for e in at.followers():
            if e.kind == "op" and e.what is primitive and len(e.refs) == len(refs):
                if e.loose - loose:
                    loose |= e.loose
                    at.drop(e)
                loose |= {n for n, r in enumerate(e.refs) if type(r) is Slot and (
                    type(inputs[n]) is float or isinstance(refs[n], Tensor))}
        fixed = list(refs)
        for n in loose:
            x, r = inputs[n], fixed[n]
            slot = Slot(len(self.slots), x)
            if type(r) is float is type(x):
                fixed[n] = slot
                self.slots["number", slot.index] = slot, x
            elif isinstance(r, Tensor) and not self.path.knows(r):
                fixed[n] = slot
                self.slots[id(x)] = slot, x
                self.states.pop(id(x), None)
        return tuple(fixed)

    def write(self, primitive: Any, inputs: tuple[Any, ...], target: Tensor) -> Tensor:
        """Write into a Tensor."""
        if self.event_of(target) is not None or self.slot_of(target) is not None:
            self.lockstep.abandon("it writes into what it was given or has made")
            return write_now(primitive, inputs, target)
        refs, mode = tuple(map(self.reference, inputs)), current_mode()
        self.really(lambda: write_now(primitive, inputs, target))
        e = self.follow("write", primitive, refs, {}, mode)
        e.more = target
        self._after_writing(e)
        return target

    def step(self, optimizer: Any) -> bool:
        """Step an optimizer."""
        mode, groups = current_mode(), optimizer.param_groups
        refs = tuple(self.gradient(p._grad) for group in groups for p in group["params"])
        state = state_of(optimizer)
        self.really(lambda: optimizer.step())
        if not same(state, state_of(optimizer)):  # the first step makes what later ones change
            self.lockstep.abandon("")
            return True
        e = self.follow("step", optimizer, refs, {"state": state}, mode)
        e.more = [(list(group["params"]), dict(group)) for group in groups]
        self._after_writing(e)
        return True

    def _after_writing(self, e: Event) -> None:
        e.moved = self.path.written((event, r()) for event, r in self.made.values())
        self.path.after(e)

    def look(self, x: Tensor) -> None:
        """Somebody reads values: an event, if they would not be there yet."""
        made, e = self.event_of(x), self.lockstep.at
        while made is not None and e.before is not None and e.kind not in ("read", "step", "write"):
            if e is made or (e.kind == "backward" and any(g is made for *_, g in e.more)):
                self.path.after(self.follow("read", made, (), {}, current_mode()))
                return
            e = e.before

    def backward(self, root: Tensor, gradient: Any, create_graph: bool) -> None:
        """``root.backward()``."""
        mode = current_mode()
        outside = any(isinstance(x, Tensor) and x._requires_grad and x._primitive is not None
                      for _, x in self.slots.values())  # the graph goes on there
        if create_graph or outside or mode.observer is not None or self.event_of(root) is None:
            self.lockstep.abandon(
                "a reverse pass goes beyond it, or is recorded itself (create_graph=True)")
            root.backward(gradient, create_graph)
            return
        refs = self.reference(root), self.reference(gradient)
        self.lockstep.active = False
        before = {leaf: leaf._grad for leaf in leaves_of(root)}
        self.lockstep.active = True
        if any(leaf._hooks is not None for leaf in before):
            self.lockstep.abandon("a parameter has hooks")
            root.backward(gradient)
            return
        grads = {leaf: self.gradient(g) for leaf, g in before.items()}
        self.path.reached.clear()
        self.really(lambda: root.backward(gradient))
        e = self.follow("backward", None, (*refs, *grads.values()), {}, mode)
        reached = list(self.path.reached)
        if e.more is None:
            e.more = [(self.reference(leaf), grads.get(leaf), _part(leaf._grad)) for leaf in reached]
        self.path.after(e)
        for leaf, (_, _, part) in zip(reached, e.more, strict=True):
            assert leaf._grad is not None
            self.noted(part, leaf._grad)

    def asks(self, what: str, tensors: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        """Find out what depends on a graph, and note it."""
        refs = tuple(map(self.reference, tensors))
        self.lockstep.active = False
        answer = compute()
        self.lockstep.active = True
        e = self.follow("ask", what, refs, {}, current_mode())
        e.more = answer
        self.path.after(e)
        return answer

    def pull(
        self, roots: Any, seeds: Any, targets: Any, create_graph: bool, pull: Callable[..., Any]
    ) -> list[Tensor]:
        """Run the reverse pass of a transform."""
        mode, refs = current_mode(), tuple(map(self.reference, (*roots, *seeds, *targets)))
        found: list[Tensor] = self.really(lambda: pull(roots, seeds, targets, 0, create_graph))
        params = {"create_graph": create_graph, "roots": len(roots)}
        e = self.follow("pull", None, refs, params, mode)
        if e.more is None:
            e.more = [self.event_of(x) or _part(x) for x in found]
        self.path.after(e)
        for part, x in zip(e.more, found, strict=True):
            if self.event_of(x) is None:
                self.noted(part, x)
        return found

    def returns(self, result: Any) -> None:
        """Note what the function returns."""
        self.results = [self._result(x) for x in flatten(result)]

    def _result(self, x: Any) -> Any:
        """The event that made a result, or the slot of what was made without one; else itself."""
        if (made := self.event_of(x)) is not None or not isinstance(x, Tensor):
            return x if made is None else made
        self.path.reference(x)
        return self.slot_of(x) or x

    def recording(self) -> Recording:
        """What a frozen program must know of it."""
        brought = {slot.index: x for slot, x in self.slots.values()}
        made_of = {n: self.made_of[id(x)] for n, x in brought.items() if id(x) in self.made_of}
        return Recording(flatten(self.lockstep.given), brought, made_of, self.results,
                         [ref(m) for m in self.path.modules], self.problem, self.line, self.entire)

    # -- the end -------------------------------------------------------------------------------------

    def finish(self) -> Event:
        """The event of the call's end, with all that its path needs."""
        e = self.follow("end", None, (), {}, None)
        self.path.after(e)
        e.hand_on()
        self.ordinary()
        self.path.close()
        return e

    def ordinary(self) -> None:
        """Tensors that were recorded are ordinary ones again."""
        for _, r in self.made.values():
            if (x := r()) is not None and type(x) is Recorded:
                x.__class__ = Tensor  # type: ignore[assignment]


def _part(g: Any) -> Event:
    """What makes one of the gradients of a reverse pass."""
    e = Event("gradient", None, (), {}, None)
    e.makes(g)
    return e


def state_of(optimizer: Any) -> tuple[Any, ...]:
    """What an optimizer remembers for parameters."""
    return tuple((p, k, t) for p, s in optimizer.state.items() for k, t in s.items())
