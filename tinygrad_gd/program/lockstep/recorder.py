"""`Recorder`: at the door while a call is recorded, it computes as usual and writes a path down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from .call import held
from .path import Path
from .standins import Recorded, become
from .trail import ENDS, Event, Slot, same

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
    path : the instructions, and what things are.
    results : the leaves of what the function returns, events for those that it has computed.
    entire : whether it sees the call from its beginning.
    """

    def __init__(self, lockstep: Lockstep, entire: bool) -> None:
        self.lockstep, self.entire = lockstep, entire
        self.path = Path(lockstep)
        self.results: list[Any] = []

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """Looks at what is recorded are the recorder's own."""
        self.lockstep.active = False
        try:
            yield
        finally:
            self.lockstep.active = True

    def really(self, function: Callable[[], Any]) -> Any:
        """Compute as usual, and write down what that takes."""
        with self.unwatched(), using(observer=self.path, lockstep=None):
            return function()

    def noted(self, e: Event, out: Any) -> None:
        """Remember a result, at which nobody looks without notice from now on."""
        with self.unwatched():
            self.path.after(e, out)
            out.__class__ = Recorded

    def is_also(self, out: Tensor, x: Any) -> None:
        """Let another Tensor be what an event has made."""
        with self.unwatched():
            become(x, out._value, out._primitive, out._first, out._second, out._params, out._seq)
            self.path.is_also(out, x)
            if x in self.path.made:
                x.__class__ = Recorded

    def follow(self, kind: str, what: Any, refs: tuple[Any, ...], params: Any, mode: Any) -> Event:
        """Go on in the trail, along a branch that is known or a new one."""
        e = self.lockstep.at = self.lockstep.at.followed_by(kind, what, refs, params, mode)
        e.path, e.segment = self.path, None  # it may have to hand on more
        return e

    # -- at the door ---------------------------------------------------------------------------------

    def apply(
        self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any], mode: Mode
    ) -> Tensor:
        """Compute an operation."""
        masks = [(n, m) for n, m in enumerate(inputs) if n and primitive.name == "getitem"
                 and getattr(getattr(m, "dtype", None), "kind", "") == "b"]
        for _, m in masks:
            _ = held(m)  # shapes depend on it: a look at it
            if self.lockstep.at.kind == "read" and self.path.event_of(m) is self.lockstep.at.what:
                self.lockstep.at.more = "a mask"
        if mode.observer is not None:
            self.lockstep.abandon("an observer watches a part of it")
        if not self.lockstep.active:
            return compute(primitive, inputs, params)
        refs = self._loosened(primitive, inputs)
        given = tuple(map(self._alive, inputs, refs))
        out: Tensor = self.really(lambda: compute(primitive, given, params))
        e = self.follow("op", primitive, refs, params, mode)
        e.makes(out)
        if masks:
            e.more = [(n, int(np.count_nonzero(held(m)))) for n, m in masks]
        self.noted(e, out)
        return out

    def _alive(self, x: Any, r: Any) -> Any:
        """A number that changes from call to call as one that programs read anew."""
        if type(r) is not Slot or r.kind is not float:
            return x
        self.lockstep.numbers[r.index] = x
        return Live(x, f"n{r.index}", {f"n{r.index}": (self.lockstep.numbers, r.index)})

    def _loosened(self, primitive: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """References in which what was another thing in some call, or may be, is a slot."""
        path, at = self.path, self.lockstep.at
        refs = list(map(path.event_or_slot, inputs))
        loose = {n for n, x in enumerate(inputs) if type(x) is float and id(x) in path.passed}
        for e in at.followers():
            if e.kind == "op" and e.what is primitive and len(e.refs) == len(refs):
                if e.loose - loose:
                    loose |= e.loose
                    at.drop(e)
                loose |= {n for n, r in enumerate(e.refs) if type(r) is Slot and (
                    type(inputs[n]) is float or isinstance(refs[n], Tensor))}
        for n in loose:
            if type(refs[n]) is float is type(inputs[n]):
                refs[n] = path.new_slot(inputs[n])
            elif isinstance(refs[n], Tensor) and not path.knows(refs[n]):
                refs[n] = path.always_slot_of(inputs[n])
        return tuple(refs)

    def write(self, primitive: Any, inputs: tuple[Any, ...], target: Tensor) -> Tensor:
        """Write into a Tensor."""
        if self.path.event_of(target) or self.path.slot_of(target):
            self.lockstep.abandon("it writes into what it was given or has made")
            return write_now(primitive, inputs, target)
        refs = tuple(map(self.path.event_or_slot, inputs))
        self.really(lambda: write_now(primitive, inputs, target))
        self._has_written(self.follow("write", primitive, refs, {}, current_mode()), target)
        return target

    def step(self, optimizer: Any) -> bool:
        """Step an optimizer."""
        groups = optimizer.param_groups
        refs = tuple(self._gradient(p._grad) for group in groups for p in group["params"])
        state = state_of(optimizer)
        self.really(lambda: optimizer.step())
        if not same(state, state_of(optimizer)):  # the first step makes what later ones change
            self.lockstep.abandon("")
            return True
        e = self.follow("step", optimizer, refs, {"state": state}, current_mode())
        self._has_written(e, [(list(group["params"]), dict(group)) for group in groups])
        return True

    def _has_written(self, e: Event, more: Any) -> None:
        e.more, e.moved = more, self.path.written()
        self.path.after(e)

    def look(self, x: Tensor) -> None:
        """Somebody reads values: an event, if they would not be there yet."""
        made, e = self.path.event_of(x), self.lockstep.at
        while made is not None and e.before is not None and e.kind not in ENDS:
            if made in e.results():
                self.path.after(self.follow("read", made, (), {}, current_mode()))
                return
            e = e.before

    def backward(self, root: Tensor, gradient: Any, create_graph: bool) -> None:
        """``root.backward()``."""
        path = self.path
        outside = any(isinstance(x, Tensor) and x._requires_grad and x._primitive is not None
                      for x in path.brought)  # the graph goes on there
        if (create_graph or outside or current_mode().observer is not None
                or path.event_of(root) is None):
            self.lockstep.abandon(
                "a reverse pass goes beyond it, or is recorded itself (create_graph=True)")
            root.backward(gradient, create_graph)
            return
        refs = path.event_or_slot(root), path.event_or_slot(gradient)
        with self.unwatched():
            leaves = leaves_of(root)
        if any(leaf._hooks is not None for leaf in leaves):
            self.lockstep.abandon("a parameter has hooks")
            root.backward(gradient)
            return
        grads = {leaf: self._gradient(leaf._grad) for leaf in leaves}
        path.reached.clear()
        self.really(lambda: root.backward(gradient))
        e = self.follow("backward", None, (*refs, *grads.values()), {}, current_mode())
        reached = list(path.reached)
        if e.more is None:
            e.more = [(path.event_or_slot(leaf), grads.get(leaf), _part(leaf._grad))
                      for leaf in reached]
        path.after(e)
        for leaf, (*_, part) in zip(reached, e.more, strict=True):
            assert leaf._grad is not None
            self.noted(part, leaf._grad)

    def _gradient(self, g: Tensor | None) -> Any:
        """What a trail calls the gradient that a leaf has."""
        return None if g is None else self.path.event_of(g) or self.path.always_slot_of(g)

    def asks(self, what: str, tensors: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        """Find out what depends on a graph, and note it."""
        refs = tuple(map(self.path.event_or_slot, tensors))
        with self.unwatched():
            answer = compute()
        e = self.follow("ask", what, refs, {}, current_mode())
        e.more = answer
        self.path.after(e)
        return answer

    def pull(
        self, roots: Any, seeds: Any, targets: Any, create_graph: bool, pull: Callable[..., Any]
    ) -> list[Tensor]:
        """Run the reverse pass of a transform."""
        made = self.path.made
        refs = tuple(map(self.path.event_or_slot, (*roots, *seeds, *targets)))
        found: list[Tensor] = self.really(lambda: pull(roots, seeds, targets, 0, create_graph))
        params = {"create_graph": create_graph, "roots": len(roots)}
        e = self.follow("pull", None, refs, params, current_mode())
        if e.more is None:
            e.more = [made.get(x) or _part(x) for x in found]
        self.path.after(e)
        for part, x in zip(e.more, found, strict=True):
            if x not in made:
                self.noted(part, x)
        return found

    # -- the end -------------------------------------------------------------------------------------

    def finish(self, result: Any) -> tuple[Event, Recording]:
        """The event of the call's end, with all that its path needs; and what is known of the call."""
        path, results = self.path, list(map(self._result, flatten(result)))
        made_of = {n: path.made_of[id(x)] for n, x in enumerate(path.brought) if id(x) in path.made_of}
        recording = Recording(
            flatten(self.lockstep.given), dict(enumerate(path.brought)), made_of, results,
            [ref(m) for m in path.modules], path.problem, path.line, self.entire)
        e = self.follow("end", None, (), {}, None)
        path.after(e)
        e.hand_on()
        self.close()
        return e, recording

    def _result(self, x: Any) -> Any:
        """The event that made a result, or the slot of what was made without one; else itself."""
        if not isinstance(x, Tensor):
            return x
        self.path.reference(x)
        return self.path.event_or_slot(x)

    def close(self) -> None:
        """Tensors that were recorded are ordinary ones again."""
        for x in self.path.made:
            if type(x) is Recorded:
                x.__class__ = Tensor  # type: ignore[assignment]
        self.path.close()


def _part(g: Any) -> Event:
    """What makes one of the gradients of a reverse pass."""
    e = Event("gradient", None, (), {}, None)
    e.makes(g)
    return e


def state_of(optimizer: Any) -> tuple[Any, ...]:
    """What an optimizer remembers for parameters."""
    return tuple((p, k, t) for p, s in optimizer.state.items() for k, t in s.items())
