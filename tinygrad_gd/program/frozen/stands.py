"""Stands: what stands for what a call brings, in calls without Python."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...engine.tensor import Tensor, constant
from ...ground.live import Live
from ...ground.storage import kept
from ...ground.user_code import UNKNOWN
from ..ir import Argument, Number, Value, in_places
from ..lockstep.call import held
from ..lockstep.expected import Names
from ..lockstep.recorder import Recorder
from ..lockstep.trail import Event, Slot, same
from .gradients import Gradients
from .refused import Refused


class Stands:
    """What stands for what a call brings, after two that went the same way.

    Things are called as in the text of a function of ``leaves``, those of the arguments.

    Attributes
    ----------
    end, events : the last event, and all.
    names : of objects in the text.
    slots : by their numbers, what these hold.
    values : what is known of arguments of the program: constants, or what states hold.
    returned, results : what the trail calls what is returned: events, slots, and what is the same in
        every call; and the same where slots that the program knows are its values.
    called : the names of Tensors that the function has named and returns.
    gradients : what becomes of them.
    same : the positions of arguments that were one object in both calls.
    constants : by the numbers of slots, what was the same in both calls.
    given : by the same numbers, the position of the argument that these hold, or something made of it.
    objects : arrays and Tensors that were one object in both calls, or of which both have made another:
        they are read anew.
    changed : what Tensors hold that are made of one which has been written to.
    lines : the lines at which these are used.
    """

    def __init__(self, end: Event, then: Recorder, lockstep: Any, leaves: list[Any], shown: list[Any],
                 returned: list[Any]) -> None:
        self.end, self.events = end, end.path_to()
        self.names = Names()
        self.slots: dict[int, str] = {}
        self.values: dict[Value, Any] = {}
        self.constants: dict[int, Any] = {}
        self.given: dict[int, int] = {}
        self.objects: dict[int, Any] = {}
        self.changed: dict[int, Value] = {}
        self.lines: dict[int, tuple[str, int]] = {}
        self._call, self._then, self._path, self._leaves = lockstep.call, then, end.path, leaves
        self._instructions = end.path.instructions[: end.path.ends[end]]
        self._given = {id(x): k for k, x in enumerate(shown) if isinstance(x, Tensor)}
        self._arrays: set[int] = set()  # what holds an array where the function has a Tensor
        self.same = [k for k, (x, y) in enumerate(zip(shown, then.arguments, strict=True))
                     if x is y and not isinstance(x, int | float | str)]
        self._refuse_looks()
        self.gradients = Gradients(self.events, lockstep.alive, self._thing, self._is_outside)
        self._before = {  # by the number of a slot, the leaf whose gradient it holds
            g.index: leaf for leaf, g in self.gradients.before.items() if type(g) is Slot}
        slots = [(leaf, g) for leaf, g in self.gradients.before.items() if type(g) is Slot]
        if len(slots) > len(self._before) or any(
                id(self._thing(g)) in self._given
                or (id(leaf) in self._given and self._is_still(g) is not g) for leaf, g in slots):
            raise Refused("a gradient may be an argument, a variable or that of another Tensor, too, "
                          "and a program would not see that it no longer is; copy it")
        self._take(lockstep.numbers)
        self.returned = then.results
        self.results = list(map(self._result, then.results, returned))
        self.called = {made: x._name for made, x in zip(self.results, returned, strict=True)
                       if isinstance(made, Event | Value) and x._name is not None}

    def _refuse_looks(self) -> None:
        if self._then.problem:
            raise Refused(self._then.problem, self._then.line)
        for e in self.events:
            if e.kind == "read" and e.more != "a mask":
                raise Refused("it looks at values while it runs, and a program would not look again; "
                              "return the Tensor, and look at it outside", self._path.line(e.what))
        acted = False
        for i in self._instructions:
            if i.primitive.kind == "guard" and acted:
                raise Refused("how many elements a mask selects may be another number when it is too "
                              "late to run the function instead; select first, draw and update after, "
                              "or use tg.where(mask, x, 0.0) and divide by mask.sum()", i.line)
            acted = acted or (i.has_effect and i.primitive.kind not in ("guard", "check"))

    def _thing(self, r: Any) -> Any:
        return self._call.bound[r.index] if type(r) is Slot else r

    def _is_outside(self, leaf: Tensor) -> bool:
        """Whether a leaf is not made in the call."""
        return id(leaf) in self._given or not any(
            x is leaf is not self._then.brought.get(n) for n, x in self._call.bound.items())

    def conditions(self) -> dict[Tensor, Any]:
        """The leaves from outside, and what their gradients must be before, or the slots to fit."""
        return {leaf: self._is_still(before) for leaf, before in self.gradients.before.items()
                if id(leaf) not in self._given and self._is_outside(leaf)}

    def _is_still(self, before: Any) -> Any:
        """The gradient in a slot, if it was one object in both calls: it may be a variable, too."""
        x = self._thing(before)
        return x if type(before) is Slot and x is self._then.brought[before.index] else before

    def derived(self, events: Iterable[Any]) -> list[Event]:
        """Those whose graphs can be made: nothing that they are computed from changes later."""
        changed: dict[Any, int] = {}
        for n, e in enumerate(self.events):
            changed.update((self._thing(x), n) for x in e.changes())
        lasting: set[Event] = set()
        for n, e in enumerate(self.events):
            read = [x for x in map(self._thing, e.refs) if isinstance(x, Event | Tensor)]
            if all(x in lasting if type(x) is Event else changed.get(x, -1) < n for x in read):
                lasting.update(e.results())
        return [e for e in events if e in lasting and e.requires_grad]

    # -- in words ------------------------------------------------------------------------------------

    def array(self, r: Any) -> str:
        """The array of a Tensor, or in the slot with a number."""
        if isinstance(r, Tensor):
            return f"{self.names.name(r, 'T')}._value"
        tensor = isinstance(self._call.bound[r], Tensor) and r not in self._arrays
        return f"s{r}._value" if tensor else f"s{r}"

    def tensor(self, n: int) -> str:
        """What is in a slot, as a result."""
        if n in self.constants:  # others may write into what is returned
            return f"constant({self.names.name(self.constants[n], 'k')}.copy('K'))"
        return f"s{n}" if self.array(n) != f"s{n}" else f"constant(s{n}.copy('K'))"

    def leaf(self, x: Tensor) -> str:
        """A leaf that is not made in the call."""
        k = self._given.get(id(x))
        return self.names.name(x, "T") if k is None else f"leaves[{k}]"

    def masks(self) -> list[str]:
        """Whether those that are given select as many elements."""
        found = [(e.refs[n], count) for e in self.events if e.kind == "op" for n, count in e.more or ()]
        return [f"count_nonzero({self.array(m.index if type(m) is Slot else m)}) == {count}"
                for m, count in found if type(m) is not Event]

    def lives(self) -> str:
        """Numbers that change from call to call, as they are in one."""
        def place(container: Any, key: Any) -> str:
            return f"{self.names.name(container, 'numbers')}[{key!r}]"

        found = {r.text: r.origins for e in self.events for r in e.refs if type(r) is Live}
        return ", ".join(f"{text!r}: Live({in_places(text, origins, place)}, {text!r}, "
                         f"{self.names.name(origins, 'origins')})" for text, origins in found.items())

    # -- what is brought -----------------------------------------------------------------------------

    def _take(self, numbers: Any) -> None:
        """Find what stands for what the program takes, and for what only graphs need."""
        used = {v for i in self._instructions for v in i.values}
        for i in self._path.inputs.values():
            if i.value in used and isinstance(i, Argument):
                self._stands(i.position, i.value)
            elif i.value in used and isinstance(i, Number):
                for container, n in i.origins.values():
                    if container is numbers:
                        self._settle(n, i.value)
        for n, x in self._call.bound.items():
            if n >= 0 and same(held(x), held(self._then.copies.get(n, self._then.brought.get(n)))):
                self.slots.setdefault(n, self.names.name(x, "x"))

    def _settle(self, n: int, value: Value) -> None:
        """A float that other arguments had changed is what it was."""
        now, self.lines[n] = self._call.bound[n], self._line_of(value)
        if not same(now, self._then.brought[n]):
            raise Refused("a float that it computes with is another in each call, and a program would "
                          "not compute it; give it as an argument", self.lines[n])
        self.constants[n] = self.values[value] = now

    def _stands(self, n: int, value: Value) -> None:
        """Find what stands for what a slot holds, which has this value in the program."""
        x, then = self._call.given(n), self._then.brought.get(n)
        data, number = self._then.made_of.get(n, (None, 0))
        made_of = next((of for new, of in self._call.created if new is x), None)
        if (k := self._given.get(id(x), self._given.get(id(made_of)))) is not None:
            self.given[n], self.lines[n] = k, self._line_of(value)
            self.slots[n] = f"leaves[{k}]" if made_of is None else self._made(x, f"leaves[{k}]")
            if made_of is None and not isinstance(self._leaves[k], Tensor):
                self._arrays.add(n)
        elif n in self._before:
            self.slots[n] = f"{self.leaf(self._before[n])}._grad"
        elif isinstance(made_of, Tensor) and made_of is data:
            self.objects[n], self.lines[n] = made_of, UNKNOWN
            self._is_made_of(made_of, number, n, value)
        else:
            self._stays(n, value, x, then)

    def _made(self, x: Tensor, of: str) -> str:
        dtype = self.names.name(x.dtype, "dtype")
        return f"Tensor({of}, {x._requires_grad}, {x._name!r}, {dtype})"

    def _is_made_of(self, data: Tensor, number: int, n: int, value: Value) -> None:
        """A Tensor is made of one from outside, which has been written to perhaps."""
        state = self._path.inputs.get(data)
        written = [i.output for i in self._instructions[:number]
                   if i.target is not None and i.target is state]
        if written and written[-1].form != value.form:
            raise Refused("it makes another dtype of what it has changed, and a program would not; "
                          "use .astype()", self._line_of(value))
        if state is not None and state.value.form == value.form:
            self.values[value] = [state.value, *written][-1]
        if written:
            self.changed[n] = written[-1]
        else:
            self.slots[n] = self._made(self._call.bound[n], self.names.name(data, "T"))

    def _stays(self, n: int, value: Value, x: Any, then: Any) -> None:
        """What was brought is there in every call, or is the same."""
        self.lines[n] = self._line_of(value)
        if x is then and isinstance(x, np.ndarray | Tensor):
            self.objects[n], self.slots[n] = x, self.names.name(x, "x")
            return
        now = self._call.raw(n)
        before = self._then.copies.get(n, held(then))
        if isinstance(x, float) or not same(np.asarray(now), np.asarray(before)):
            raise Refused("what it makes outside of operations is another in each call, and a program "
                          "would not make it; give it as an argument", self.lines[n])
        self.constants[n] = self.values[value] = now = kept(now) if isinstance(now, np.ndarray) else now
        if isinstance(x, Tensor):
            now = constant(now)  # others may have that one, and write into it
            now._requires_grad = x._requires_grad
        self.slots[n] = self.names.name(now, "x")

    def _line_of(self, value: Value) -> tuple[str, int]:
        return next((i.line for i in self._path.instructions if value in i.values), UNKNOWN)

    # -- what is returned ----------------------------------------------------------------------------

    def _result(self, then: Any, now: Any) -> Any:
        if type(then) is Slot:
            value = self._path.value_of(then)
            self._call.bound.setdefault(then.index, now)  # no operation has heard of it
            self._stands(then.index, value)
            if now._requires_grad and not (id(now) in self._given or then.index in self._before
                                           or self.objects.get(then.index) is now):
                raise Refused("it returns a Tensor that it makes itself and that requires a gradient, "
                              "and what a program returns would not; make it outside")
            return then if then.index in self.slots else self.values[value]
        if not isinstance(then, Event) and now is not then and not (
                same(now, then) and not isinstance(now, np.ndarray)):
            raise Refused("it returns what is another in each call and no Tensor; compute it outside")
        return then
