"""`Recorder`: at the door while a call is recorded, it computes as usual and writes a path down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine.graph import any_hooked, leaves_of, walk
from ...engine.in_place import write as write_now
from ...engine.primitive import apply as compute
from ...engine.tensor import Tensor, constant
from ...errors import describe
from ...ground.live import Live
from ...ground.modes import Mode, current_mode, using
from ...ground.pytree import flatten
from ...ground.storage import kept
from ...ground.user_code import UNKNOWN
from ..capture.capture import Capture
from ..capture.variables import around, collected, names_of
from ..ir import Argument, Value
from .call import held, result_type
from .errstate import began_with, now, raised
from .expected import but_rates, state_of
from .path import Path, left_by
from .standins import Recorded, become
from .trail import ENDS, Event, Slot, gradient_of, same

if TYPE_CHECKING:
    from .lockstep import Lockstep


class Recorder(Capture):
    """What is known of a call that is recorded: it observes what its operations are computed with.

    Attributes
    ----------
    path : what stays of it.
    made : the events that have made Tensors.
    brought : what the call brings, by the numbers of slots.
    copies : by the same numbers, arrays as they were when they were met.
    made_of : by the id of a Tensor that the function makes, the array or Tensor that it is made of,
        and how many instructions there were then; in the end by the numbers of slots.
    arguments, results : the leaves of what is given, and returned: events for what was computed.
    names : of arguments, by their ids.
    problem, line : why the call cannot be frozen, and where that was seen.
    decided : where numbers come from that Python has looked at.
    entire : whether all of the call is seen, from its beginning.
    again : what is met once more, whose line is not the one that runs now.
    at_once : whether errors are treated in another way than when the call began.
    """

    def __init__(self, lockstep: Lockstep, entire: bool) -> None:
        super().__init__(lockstep.names)
        self.lockstep, self.entire, self.began = lockstep, entire, lockstep.call.began
        self.path = Path(lockstep.name, self.instructions, self.inputs, self.guards)
        self.made: dict[Tensor, Event] = {}
        self.brought: dict[int, Any] = {}
        self.copies: dict[int, Any] = {}
        self.made_of: dict[int, tuple[Any, int]] = {}
        function, *given = lockstep.given
        self.arguments: list[Any] = flatten(given)
        self.results: list[Any] = []
        named = zip(self.arguments, names_of(function, *given), strict=False)
        self.names = {id(held(x)): name for x, name in named}
        self.problem, self.line = "", UNKNOWN
        self.decided: list[tuple[Any, Any]] = []
        self.again: Event | None = None
        self.at_once, self._usual = False, began_with(lockstep.call)
        self._passed = {id(x) for x in self.arguments if isinstance(x, Tensor | float)}
        self._outside: dict[int, tuple[Slot | None, Any]] = {}  # by id, what the call has not made
        self._variables: dict[Tensor, str] = {}
        self._arrays: dict[int, tuple[str, Any]] = {}
        self._collecting = ExitStack()
        self._collecting.enter_context(collected(self._variables, self._arrays))

    # -- what things are -----------------------------------------------------------------------------

    def event_of(self, x: Any) -> Event | None:
        """The event that made a Tensor."""
        return self.made.get(x) if isinstance(x, Tensor) else None

    def slot_of(self, x: Any, always: bool = False) -> Slot | None:
        """The slot of what a call brings; None for a Tensor that is there in every call.

        What was never the same in two calls has one ``always``.
        """
        slot, _ = self._outside.get(id(x), (None, x))
        written = slot is not None and slot.index in self.copies and not same(
            x, self.copies[slot.index])
        if written or (slot is None and (always or id(x) not in self._outside)):
            stays = not always and isinstance(x, Tensor) and x._primitive is None and (
                self.lockstep.call.has(x) or (
                    (x._seq <= self.began or x in self.inputs) and id(x) not in self._passed))
            slot = None if stays else self._new_slot(x)
            self._outside[id(x)] = slot, x
        return slot

    def _new_slot(self, x: Any) -> Slot:
        slot = Slot(len(self.brought), x)
        self.brought[slot.index] = x
        if isinstance(x, np.ndarray):
            self.copies[slot.index] = kept(x)
        return slot

    def brings(self, x: Any) -> bool:
        """Whether a Tensor has come up."""
        return id(x) in self._outside

    def known_as(self, x: Any) -> Any:
        """What a trail calls an input of an event."""
        if isinstance(x, Tensor):
            return self.made.get(x) or self.slot_of(x) or x
        return self.slot_of(x) if isinstance(x, np.ndarray) else x

    def _gradient(self, g: Tensor | None) -> Any:
        """What a trail calls the gradient that a leaf has."""
        return None if g is None else self.made.get(g) or self.slot_of(g, always=True)

    def reference(self, x: Any) -> Any:
        """What an instruction names ``x``: what the call brings is an argument of the program."""
        known = not isinstance(x, np.ndarray | Tensor) or (isinstance(x, Tensor) and x in self._values)
        if known or (self._internal and id(x) not in self._outside):
            return super().reference(x)
        slot = self.slot_of(x)
        return self._state(x) if slot is None else self._argument(slot, x)

    def _argument(self, slot: Slot, x: Any) -> Value:
        array, key = held(x), ("slot", slot.index)
        if key not in self.inputs:
            given = self.names.get(id(array), "")
            value = Value.like(array, (isinstance(x, Tensor) and x._name) or given)
            self.inputs[key] = Argument(value, slot.index, constant(array))
            if not given and isinstance(array, np.ndarray):
                self.path.around[value] = array
            data, _ = self.made_of.get(id(x), (x, 0))
            self.path.meets(value, data, array, [*self.names.values()].index(given) if given else inf)
        if isinstance(x, Tensor):
            self._values[x] = self.inputs[key].value
        return self.inputs[key].value

    def is_also(self, out: Tensor, x: Any) -> None:
        """Let another Tensor be what an event has made."""
        with self.lockstep.unwatched():
            become(x, out._value, out._primitive, out._first, out._second, out._params, out._seq)
            tables: list[dict[Any, Any]] = [self.made, self._values, self._places, self._adjoints]
            for table in tables:
                if out in table:
                    table[x] = table[out]
            x.__class__ = Recorded

    # -- what happens, to an observer ----------------------------------------------------------------

    def forward(self, out: Tensor, primitive: Any, inputs: Any, params: Any) -> None:
        """Rules read copies of arrays, which are what these were then."""
        for given, copied in zip(inputs, out.inputs, strict=False):
            if copied is not given and id(given) in self._outside:
                self._outside[id(copied)] = self._outside[id(given)][0], copied
        super().forward(out, primitive, inputs, params)

    def creates(self, leaf: Tensor, data: Any) -> None:
        """What a call makes is a slot, called like what it is made of; in an operation, a constant."""
        if self._internal:
            super().creates(leaf, data)
        elif isinstance(data, Tensor | np.ndarray):
            self.made_of[id(leaf)] = data, len(self.instructions)
            if (name := self.names.get(id(held(data)))) and not isinstance(data, Recorded):
                self.names.setdefault(id(leaf._value), name)

    def takes_gradient(self, leaf: Tensor) -> None:
        """A gradient from before the call is a slot, though it has come up as a variable."""
        if (g := leaf._grad) is not None and (g not in self._values or (
                g in self.inputs and self._values[g] is self.inputs[g].value)):
            self._argument(self._gradient(g), g)

    def read(self, tensor: Tensor, how: str) -> None:
        """A look at what is computed is an event of the trail; at others, no program would see it."""
        if not self._internal:
            self.cannot_be_frozen(f"{how} takes the values of {describe(tensor)} out of it, and a "
                                  "program would not do anything with them")

    def cannot_be_frozen(self, problem: str) -> None:
        """Note at this line why no program could stand for the call."""
        if not self.problem:
            self.problem, self.line = problem, self._line()

    def _line(self) -> tuple[str, int]:
        return super()._line() if self.again is None else self.again.path.line(self.again)

    def decides(self, text: str, origins: Any, outcome: Any) -> None:
        """Python has looked at numbers."""
        self.decided.extend(origins.values())

    # -- what happens, in the trail ------------------------------------------------------------------

    def really(self, function: Callable[[], Any]) -> Any:
        """Compute as usual, and write down what that takes."""
        with self.lockstep.unwatched(), using(observer=self, lockstep=None), raised(self._phase):
            return function()

    def follow(self, kind: str, what: Any, refs: tuple[Any, ...], params: Any = None,
               counts: Any = None) -> Event:
        """Go on in the trail, along a branch that is known or a new one."""
        mode = None if kind == "end" else current_mode()  # the call is over, and so are its modes
        e = self.lockstep.at = self.lockstep.at.followed_by(
            kind, what, refs, {} if params is None else params, mode, counts)
        e.path, e.segment, e.holds = self.path, None, None  # it may have to hand on more
        self.path.ends[e] = len(self.instructions)
        return e

    def makes(self, e: Event, out: Any) -> None:
        """Remember a result, at which nobody looks without notice from now on."""
        with self.lockstep.unwatched():
            self.path.ends[e] = len(self.instructions)
            self.path.values[e] = self.reference(out)
            self.made[out] = e
            out.__class__ = Recorded

    def _moved(self) -> list[tuple[Event, Any]]:
        """Events whose results show memory that was written to, and what these are called now."""
        path, named = self.path, [(e, self._values.get(made)) for made, e in self.made.items()]
        return [(e, value) for e, value in named
                if value is not None and e in path.values and value is not path.at(e)]

    def _has_written(self, e: Event) -> None:
        """Memory was written to: results that show it are other values from now on."""
        e.moved = []
        for event, value in self._moved():
            self.path.later.setdefault(event, []).append((len(self.instructions), value))
            e.moved.append(event)

    def sees_errors(self) -> None:
        """Look at how errors are treated: what is pending was computed before that was said."""
        if self.again is not None:
            self.at_once = any(e.at_once for e in self.again.results())
            return
        self.at_once = (told := now(self.lockstep.call)) != self._usual
        if self.at_once:
            self.cannot_be_frozen("it says how errors are treated (np.errstate, warnings) for a part "
                                  "of it, and a program would not; say that outside")
            if self.lockstep.at.kind not in (*ENDS, "start"):
                self.follow("errors", None, (), told)

    def looks(self, x: Tensor) -> None:
        """Somebody reads values: an event, if they would not be there yet."""
        made = self.event_of(x) or self.lockstep.call.written.get(x)
        if made is not None and any(
                made is e or made in e.results() for e in self.lockstep.at.since()):
            self.follow("read", made, ())

    # -- at the door ---------------------------------------------------------------------------------

    def apply(
        self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any], mode: Mode
    ) -> Tensor:
        """Compute an operation."""
        masks = [(n, m) for n, m in enumerate(inputs) if n and primitive.name == "getitem"
                 and getattr(getattr(m, "dtype", None), "kind", "") == "b"]
        for _, m in masks:
            _ = held(m)  # shapes depend on it: a look at it
            if self.lockstep.at.kind == "read" and self.event_of(m) is self.lockstep.at.what:
                self.lockstep.at.more = "a mask"
        if mode.observer is not None:
            self.lockstep.abandon("an observer watches a part of it")
        if not self.lockstep.active:
            return compute(primitive, inputs, params)
        self.sees_errors()
        refs = self._loosened(primitive, inputs)
        given = tuple(map(self._alive, inputs, refs))
        out: Tensor = self.really(lambda: compute(primitive, given, params))
        counts = [(n, int(np.count_nonzero(held(m)))) for n, m in masks] or None
        e = self.follow("op", primitive, refs, params, counts)
        e.makes(out)
        self.makes(e, out)
        self._has_result(e, out)
        return out

    def _has_result(self, e: Event, out: Any) -> None:
        """Note whether a result must be there at once."""
        e.at_once = self.at_once
        if e.at_once:
            e.forget_given()
            self.looks(out)

    def _alive(self, x: Any, r: Any) -> Any:
        """A number that changes from call to call as one that programs read anew."""
        if type(r) is not Slot or r.kind is not float:
            return x
        self.lockstep.numbers[r.index] = x
        return Live(x, f"n{r.index}", {f"n{r.index}": (self.lockstep.numbers, r.index)})

    def _loosened(self, primitive: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """References in which what was another thing in some call, or may be, is a slot."""
        at, refs = self.lockstep.at, list(map(self.known_as, inputs))
        loose = {n for n, x in enumerate(inputs) if type(x) is float and id(x) in self._passed}
        for e in at.followers():
            if e.kind == "op" and e.what is primitive and len(e.refs) == len(refs):
                if e.loose - loose:
                    loose |= e.loose
                    at.drop(e)
                loose |= {n for n, r in enumerate(e.refs) if type(r) is Slot and (
                    type(inputs[n]) is float or isinstance(refs[n], Tensor))}
        for n in loose:
            if type(refs[n]) is float is type(inputs[n]):
                refs[n] = self._new_slot(inputs[n])
            elif isinstance(r := refs[n], Tensor) and not (
                    r in self._values or self.lockstep.call.has(r)):
                refs[n] = self.slot_of(r, always=True)
        return tuple(refs)

    def writes(self, primitive: Any, inputs: tuple[Any, ...], target: Tensor) -> Tensor:
        """Write into a Tensor."""
        slot = None if (made := self.event_of(target)) else self.slot_of(target)
        if made or (slot and result_type(inputs) != target.dtype):
            self.lockstep.abandon("it writes into what it has made, or rounds what it writes")
            return write_now(primitive, inputs, target)
        self.sees_errors()
        refs = tuple(map(self.known_as, (*inputs, target)))
        self.reference(target)  # while it is what it was
        self.really(lambda: write_now(primitive, inputs, target))
        own = slot is None and not target._requires_grad and any(  # as running statistics are
            target is buffer for m in self.modules for buffer in m.buffers(recurse=False))
        if own and not (self.at_once or self._moved()):
            return self.lockstep.postpone(target, self.follow("later", primitive, refs))
        e = self.follow("write", primitive, refs)
        if slot is not None:
            e.more = self.path.numbers()[self._values[target]]
            self.cannot_be_frozen("it writes into what it was given, and a program would not; "
                                  "return the new values, and write them outside")
        self._has_written(e)
        return target

    def before_writing(self, target: Tensor) -> None:
        """Memory is written to, of which nothing but its values will be known."""
        self.cannot_be_frozen("it writes into memory here, and a program would not; return the "
                              "new values, or write t.assign(values)")
        if target._seq <= self.began:
            self.slot_of(target)  # while it is what it was
        if self.lockstep.at.kind == "start":
            return
        e = self.follow("read", None, (self.known_as(target),))
        if isinstance(held := self._values.get(target), Value):
            self._show_anew(target, held)
            self._has_written(e)
            e.moved = []  # whoever has them has views of it

    def steps(self, optimizer: Any) -> bool:
        """Step an optimizer."""
        self.sees_errors()
        groups, state = optimizer.param_groups, state_of(optimizer)
        params = [p for group in groups for p in group["params"]]
        refs = tuple(self._gradient(p._grad) for p in params)
        there = all([self.known_as(t) is t for t in (*params, *(t for *_, t in state))])  # each is met
        self.really(optimizer.make_step)
        if not same(state, state_of(optimizer)):  # the first step makes what later ones change
            self.lockstep.abandon("")
            return True
        e = self.follow("step", optimizer, refs, {
            "state": state, "options": tuple(map(but_rates, groups)), "there": there})
        e.more = [(list(group["params"]), dict(group)) for group in groups]
        self._has_written(e)
        return True

    def runs_backward(self, root: Tensor, gradient: Any, create_graph: bool) -> None:
        """``root.backward()``."""
        outside = any(isinstance(x, Tensor) and x._requires_grad and x._primitive is not None
                      for x in self.brought.values())  # the graph goes on there
        if create_graph or outside or current_mode().observer is not None or root not in self.made:
            self.lockstep.abandon(
                "a reverse pass goes beyond it, or is recorded itself (create_graph=True)")
            return root.backward(gradient, create_graph)
        self.sees_errors()
        refs = self.known_as(root), self.known_as(gradient)
        if self._abandons_hooked([root]):
            return root.backward(gradient)
        with self.lockstep.unwatched():
            leaves = leaves_of(root)
        before = {leaf: self._gradient(leaf._grad) for leaf in leaves}
        self.reached.clear()
        self._phase = "backward"  # the copy of the gradient, too, is made inside
        self.really(lambda: root.backward(gradient))
        e = self.follow("backward", None, (*refs, *before.values()))
        if e.more is None:
            e.more = [(self.known_as(leaf), before.get(leaf), gradient_of(leaf._grad))
                      for leaf in self.reached]
        for leaf, (*_, part) in zip(self.reached, e.more, strict=True):
            self.makes(part, leaf._grad)
        if e.more:
            self._has_result(part, leaf._grad)

    def _abandons_hooked(self, roots: Iterable[Tensor]) -> bool:
        """A reverse pass that runs the user's hooks is no trail: they are to run in every call."""
        with self.lockstep.unwatched():
            hooked = any_hooked(walk(roots))
        if hooked:
            self.lockstep.abandon("hooks look at gradients (register_hook, retain_grad)")
        return hooked

    def asks(self, what: str, tensors: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        """Find out what depends on a graph, or on what is no value, and note it."""
        if what == "gradient":
            self._gradient(tensors[1])
        refs = tuple(map(self.known_as, tensors))
        with self.lockstep.unwatched():
            self.follow("ask", what, refs).more = answer = compute()
        return answer

    def pulls(
        self, roots: Any, seeds: Any, targets: Any, since: int, create_graph: bool,
        pull: Callable[..., Any],
    ) -> list[Tensor]:
        """Run the reverse pass of a transform."""
        if self._abandons_hooked(roots):
            return list(pull(roots, seeds, targets, since, create_graph))
        self.sees_errors()
        refs = tuple(map(self.known_as, (create_graph, len(roots), *roots, *seeds, *targets)))
        found: list[Tensor] = self.really(lambda: pull(roots, seeds, targets, since, create_graph))
        e = self.follow("pull", None, refs)
        if e.more is None:
            e.more = [self.made.get(x) or gradient_of(x) for x in found]
        for part, x in zip(e.more, found, strict=True):
            if x not in self.made:
                self.makes(part, x)
        if found:
            self._has_result(part, x)
        return found

    # -- the end -------------------------------------------------------------------------------------

    def name_all(self, names: dict[Tensor, str], around: dict[int, str]) -> None:
        """Take over what variables are called."""
        super().name_all(names, around)
        for value, array in self.path.around.items():
            value.name = value.name or around.get(id(array), "")

    def finish(self, result: Any) -> Event:
        """The event of the call's end; what is made of an argument is not called like it in texts."""
        self._collecting.close()
        local = {n: name for n, (name, _) in self._arrays.items() if name not in self.names.values()}
        self.name_all(self._variables, local | around(self.lockstep.given[0], self.modules))
        self.path.modules |= {path: type(m).__name__ for m, path in self.modules.items()}
        self.results = list(map(self._result, flatten(result)))
        if not all(same(x, self.brought[n]) for n, x in self.copies.items()):
            self.cannot_be_frozen("it computes with an array and writes into it, and a program would "
                                  "not; do that outside")
        self.sees_errors()
        e = self.follow("end", None, ())
        self.path.hand_on(e)
        made = [x for x in self.results if isinstance(x, Event)]
        e.more = made, left_by(e.path_to(), self.event_of)
        self.close()
        return e

    def stop(self) -> None:
        """The rest of the call is not recorded; what was may be met again."""
        self.path.hand_on(self.lockstep.at)
        self.close()

    def _result(self, x: Any) -> Any:
        """The event that made a result, or the slot of what was made without one; else itself."""
        if not isinstance(x, Tensor):
            return x
        self.reference(x)
        return self.known_as(x)

    def close(self) -> None:
        """Tensors that were recorded are ordinary ones again; the rest is for frozen programs."""
        self._collecting.close()
        for x in self.made:
            x.__class__ = Tensor
        self.made_of = {
            n: self.made_of[id(x)] for n, x in self.brought.items() if id(x) in self.made_of}
        self.copies |= {r.index: kept(held(self.brought[r.index]))  # results may be written into
                        for r in self.results if type(r) is Slot}
        self.forget()
        self.made, self._outside, self.names, self._variables, self._arrays = {}, {}, {}, {}, {}
