"""Stands: what a call works on and leaves, in calls without Python."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ...ground.live import Live
from ...ground.storage import kept
from ...ground.user_code import UNKNOWN
from ..ir import Argument, Number, Value, has_effect, in_places
from ..lockstep.call import held
from ..lockstep.expected import Names
from ..lockstep.recorder import Recorder
from ..lockstep.trail import Event, Slot, same


class Refused(Exception):
    """Why a function's Python cannot be skipped, and at which line."""

    def __init__(self, problem: str, line: tuple[str, int] = UNKNOWN) -> None:
        super().__init__(problem)
        self.line = line


class Stands:
    """What stands for what a call brings and leaves, of which two calls have gone the same way.

    It is named as in the text of a function of ``leaves``, those of the arguments.

    Attributes
    ----------
    names : for objects in these texts.
    slots : by their numbers, what these hold.
    late, between : those of them that hold what is there after the program has run, or on its way.
    floats : by the numbers of slots, those that were the same in both calls.
    numbers : where programs read them.
    lives : numbers among what events were given, by their texts.
    masks : those that are given, and how many elements they select.
    values : what is known of arguments of the program: constants, or what states hold.
    constants : the same, and what was made of values that were the same in both.
    objects : the same for arrays and Tensors that were one object in both calls, or of which both have
        made another, and are read anew.
    lines : the lines at which these are used.
    same : the positions of arguments that were one object in both calls.
    gradients : the events that made the gradients that leaves had last.
    end : the last event.
    stay, gone : the leaves whose gradients are there afterwards, with the events that make these; and
        those that have none then.
    results : what is returned: events, slots, and what is the same in every call.
    """

    def __init__(self, end: Event, then: Recorder, lockstep: Any, leaves: list[Any], shown: list[Any],
                 returned: list[Any]) -> None:
        self._call, self._then, self._alive = lockstep.call, then, lockstep.alive
        self._path, self._events = end.path, end.path_to()
        self.end, self._leaves = end, leaves
        self.names = Names()
        self.slots: dict[int, str] = {}
        self.late: set[int] = set()
        self.between: set[int] = set()
        self.floats: dict[int, float] = {}
        self.numbers = lockstep.numbers
        self.masks = [(e.refs[n], count) for e in self._events if e.kind == "op"
                      for n, count in e.more or () if type(e.refs[n]) is not Event]
        self.lives = {r.text: r for e in self._events for r in e.refs if type(r) is Live}
        self._arrays: set[int] = set()  # what holds an array where the function has a Tensor
        self.values: dict[Value, Any] = {}
        self.constants: dict[int, Any] = {}
        self.objects: dict[int, Any] = {}
        self.lines: dict[int, tuple[str, int]] = {}
        self._given = {id(x): k for k, x in enumerate(shown) if isinstance(x, Tensor)}
        self.same = [k for k, (x, y) in enumerate(zip(shown, then.arguments, strict=True))
                     if x is y and not isinstance(x, int | float | str)]
        self._refuse_looks(end)
        #: By the leaves of whose gradients from before something depends, what the trail calls these.
        self._gradients_before: dict[Tensor, Any] = {}
        self._forgotten: dict[Tensor, None] = {}  # leaves whose gradients the function sets
        self._follow_gradients()
        self._before = {  # by the number of a slot, the leaf whose gradient it holds
            before.index: leaf for leaf, before in self._gradients_before.items()
            if type(before) is Slot}
        self.gradients: list[Event] = []
        self.stay: list[tuple[str, Event]] = []
        self.gone: list[str] = []
        self._follow_what_stays()
        self.results = then.results
        self._take(end)
        self._check_results(returned)

    def _refuse_looks(self, end: Event) -> None:
        if self._then.problem:
            raise Refused(self._then.problem, self._then.line)
        for e in self._events:
            if e.kind == "read" and e.more != "a mask":
                raise Refused("it looks at values while it runs, and a program would not look again; "
                              "return the Tensor, and look at it outside", self._path.line(e.what))
        acted = False
        for i in self._path.instructions[: self._path.ends[end]]:
            if i.primitive.kind == "guard" and acted:
                raise Refused("how many elements a mask selects may be another number when it is too "
                              "late to run the function instead; select first, draw and update after, "
                              "or use tg.where(mask, x, 0.0) and divide by mask.sum()", i.line)
            acted = acted or (has_effect(i) and i.primitive.kind not in ("guard", "check"))

    def _follow_gradients(self) -> None:
        """Find the leaves at whose gradients something looks before they are set, or takes them."""
        for e in self._events:
            found: Iterable[tuple[Any, Any]] = ()
            if e.kind == "backward":
                found = [(leaf, before) for leaf, before, _ in e.more]
            elif e.kind == "step":
                found = e.updates()
            elif e.what == "gradient":
                found = [e.refs]
            elif e.what == "gradients are set":
                self._forgotten.update(dict.fromkeys(map(self._thing, e.refs)))
            for r, before in found:
                if (leaf := self._thing(r)) not in self._forgotten:
                    self._gradients_before.setdefault(leaf, before)

    def _thing(self, r: Any) -> Any:
        return self._call.bound[r.index] if type(r) is Slot else r

    @property
    def lasting(self) -> set[Event]:
        """What has results whose graphs can be made: nothing they are computed from changes later."""
        changed: dict[Any, int] = {}
        for n, e in enumerate(self._events):
            changed.update((self._thing(x), n) for x in e.changes())
        found: set[Event] = set()
        for n, e in enumerate(self._events):
            read = [x for x in map(self._thing, e.refs) if isinstance(x, Event | Tensor)]
            if all(x in found if type(x) is Event else changed.get(x, -1) < n for x in read):
                found.update(e.results())
        return found

    def conditions(self) -> dict[Tensor, Any]:
        """The leaves from outside, and the slots that their gradients must fit before, or None."""
        return {leaf: before for leaf, before in self._gradients_before.items()
                if id(leaf) not in self._given and self._is_outside(leaf)}

    def _is_outside(self, leaf: Tensor) -> bool:
        """Whether a leaf is not made in the call."""
        return id(leaf) in self._given or not any(
            x is leaf is not self._then.brought.get(n) for n, x in self._call.bound.items())

    # -- what goes in --------------------------------------------------------------------------------

    def _take(self, end: Event) -> None:
        """Find what stands for the slots and the numbers that the program takes, and for all others."""
        used = {v for i in self._path.instructions[: self._path.ends[end]] for v in i.values}
        for i in self._path.inputs.values():
            if i.value not in used:
                continue
            if isinstance(i, Argument) and i.position not in self.slots:
                self.slots[i.position] = self._source(i.position, i.value)
            for container, n in i.origins.values() if isinstance(i, Number) else ():
                if container is self.numbers:
                    self._settle(n, i.value)
        for n, x in self._call.bound.items():  # what graphs need, and the program does not
            if n >= 0 and same(held(x), held(self._then.copies.get(n, self._then.brought.get(n)))):
                self.slots.setdefault(n, self.names.name(x, "x"))

    def raw(self, n: int) -> str:
        """The array in a slot."""
        tensor = isinstance(self._call.bound[n], Tensor) and n not in self._arrays
        return f"s{n}._value" if tensor else f"s{n}"

    def live(self, number: Live) -> str:
        """A number that changes from call to call, as it is in one."""
        text = in_places(number.text, number.origins, lambda container, key: (
            f"{self.names.name(container, 'numbers')}[{key!r}]"))
        return f"Live({text}, {number.text!r}, {self.names.name(number.origins, 'origins')})"

    def tensor(self, n: int) -> str:
        """What is in a slot, as a result."""
        if n in self.constants:  # others may write into what is returned
            return f"constant(copied({self.names.name(self.constants[n], 'k')}, order='K'))"
        return f"s{n}" if self.raw(n) != f"s{n}" else f"constant(copied(s{n}, order='K'))"

    def _leaf(self, x: Tensor) -> str:
        """A leaf that is not made in the call."""
        k = self._given.get(id(x))
        return self.names.name(x, "T") if k is None else f"leaves[{k}]"

    def _source(self, n: int, value: Value) -> str:
        """What a slot holds, which has this value in the program."""
        x, then = self._call.given(n), self._then.brought.get(n)
        if (k := self._given.get(id(x))) is not None:
            if not isinstance(self._leaves[k], Tensor):
                self._arrays.add(n)
            return f"leaves[{k}]"
        if n in self._before:
            return f"{self._leaf(self._before[n])}._grad"
        if n in self._then.made_of:
            data, number = self._then.made_of[n]
            options = f"dtype={self.names.name(x.dtype, 'dtype')}, requires_grad={x._requires_grad}"
            at = next((k for k, leaf in enumerate(self._then.arguments) if leaf is data), None)
            if at is not None:
                return f"Tensor(leaves[{at}], {options})"
            if isinstance(data, Tensor) and any(
                    new is x and of is data for new, of in self._call.created):
                state = self._path.inputs.get(data)
                written = [(k, i.output) for k, i in enumerate(self._path.instructions)
                           if i.target is not None and i.target is state]
                versions = [v for k, v in written if k < number]
                if versions and versions[-1].form != value.form:
                    raise Refused("it makes another dtype of what it has changed, and a program would "
                                  "not; use .astype()", self._line_of(value))
                if state is not None and state.value.form == value.form:
                    self.values[value] = [state.value, *versions][-1]
                if versions:
                    (self.late if len(versions) == len(written) else self.between).add(n)
                self.objects[n], self.lines[n] = data, UNKNOWN
                return f"Tensor({self.names.name(data, 'T')}, {options})"
        self.lines[n] = self._line_of(value)
        if x is then and isinstance(x, np.ndarray | Tensor):
            self.objects[n] = x
            return self.names.name(x, "x")
        now = self._call.raw(n)
        before = self._then.copies.get(n, getattr(then, "_value", then))
        if isinstance(x, float) or not same(np.asarray(now), np.asarray(before)):
            raise Refused("what it makes outside of operations is another in each call, and a program "
                          "would not make it; give it as an argument", self.lines[n])
        self.constants[n] = self.values[value] = kept(now) if isinstance(now, np.ndarray) else now
        return self.names.name(x, "x")

    def _settle(self, n: int, value: Value) -> None:
        """A float that other arguments had changed is what it was."""
        now, self.lines[n] = self._call.bound[n], self._line_of(value)
        if not same(now, self._then.brought[n]):
            raise Refused("a float that it computes with is another in each call, and a program would "
                          "not compute it; give it as an argument", self.lines[n])
        self.constants[n] = self.floats[n] = now

    def _line_of(self, value: Value) -> tuple[str, int]:
        return next((i.line for i in self._path.instructions if value in i.values), UNKNOWN)

    # -- what comes out ------------------------------------------------------------------------------

    def _check_results(self, returned: list[Any]) -> None:
        """Refuse to return what no program makes."""
        for then, now in zip(self.results, returned, strict=True):
            if type(then) is Slot:
                self._call.bound.setdefault(then.index, now)  # no operation has heard of it
                self.slots[then.index] = self._source(then.index, self._path.value_of(then))
                if then.index in self.between:
                    raise Refused("it returns what it makes of values that it changes then, and a "
                                  "program would not; use .copy()")
                if now._requires_grad and not (id(now) in self._given or then.index in self._before
                                               or self.objects.get(then.index) is now):
                    raise Refused("it returns a Tensor that it makes itself and that requires a "
                                  "gradient, and what a program returns would not; make it outside")
            elif not isinstance(then, Event) and now is not then and not (
                    same(now, then) and not isinstance(now, np.ndarray)):
                raise Refused("it returns what is another in each call and no Tensor; compute it "
                              "outside")

    def _follow_what_stays(self) -> None:
        """Find the gradients that are there afterwards, and the leaves that have none then.

        What a step has used is given up, unless something would look at it in the next call.
        """
        leaves = dict.fromkeys(t for e in self._events for t in e.outside())
        passed = {self._thing(leaf): None for e in self._events if e.kind == "backward"
                  for leaf, *_ in e.more}
        steps = [e for e in self._events if e.kind == "step"]
        used = {r for e in steps for r in e.refs if isinstance(r, Event)}
        given_up = {p for e in steps for p, _ in e.updates()} - self._gradients_before.keys()
        stay: set[Event] = set()
        for leaf in dict.fromkeys((*leaves, *passed, *self._forgotten)):
            made = self._alive.get(id(leaf._grad))
            if made is not None:
                self.gradients.append(made)
            if not self._is_outside(leaf):
                continue
            if made is not None and not (made in used and leaf in given_up):
                if made in stay:
                    raise Refused("it lets two Tensors have one gradient, and a program would give "
                                  "them one each; set the gradient outside, or copy it")
                stay.add(made)
                self.stay.append((self._leaf(leaf), made))
            elif made is not None or leaf in passed or leaf in self._forgotten:
                if made is None is not leaf._grad and leaf not in given_up:
                    raise Refused("it sets a gradient that it has not computed, and a program would "
                                  "not; set it outside")
                self.gone.append(self._leaf(leaf))
