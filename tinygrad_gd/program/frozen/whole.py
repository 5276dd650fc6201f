"""Whole calls: one program of all that a call in lockstep has computed, for calls without Python."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ...ground.user_code import UNKNOWN
from ...ops.shape import astype, copy
from ..ir import (
    Argument,
    Array,
    Gradient,
    Instruction,
    Number,
    Program,
    State,
    Value,
)
from ..lockstep.call import held
from ..lockstep.path import Part, owning
from ..lockstep.recorder import Recorder
from ..lockstep.trail import Event, Slot, same


class Refused(Exception):
    """Why no program can stand for a call, and at which line."""

    def __init__(self, problem: str, line: tuple[str, int] = UNKNOWN) -> None:
        super().__init__(problem)
        self.line = line


def in_order(program: Program) -> Program:
    """The program with its writes in the order in which the states come in."""
    place = {id(i): n for n, i in enumerate(program.inputs)}
    return program.with_(writes=tuple(sorted(program.writes, key=lambda write: place[id(write[0])])))


def _given_in_any_call(x: Any, leaves: list[Any]) -> Any:
    return x


class Whole:
    """The program of a call.

    Attributes
    ----------
    program : the program.
    constants : by the number of a slot, an array or a float that was the same in both calls.
    objects : the same for arrays and Tensors that were one object in both calls, or of which both have
        made another, and are read anew.
    lines : the lines at which these are used.
    same : the positions of arguments that were one object in both calls.
    gradients : the events that made the gradients that leaves had last.
    """

    def __init__(self, end: Event, then: Recorder, lockstep: Any, leaves: list[Any], shown: list[Any],
                 returned: list[Any]) -> None:
        self._end, self._call, self._leaves = end, lockstep.call, leaves
        self._then, self._alive = then, lockstep.alive
        self._path, self._events = end.path, end.path_to()
        self.gradients: list[Event] = []
        self.constants: dict[int, Any] = {}
        self.objects: dict[int, Any] = {}
        self.lines: dict[int, tuple[str, int]] = {}
        self._stands: dict[int, Any] = {}  # by the number of a slot, what it holds without Python
        self._shown = shown  # Tensors for arrays
        self._given = {id(x): k for k, x in enumerate(shown) if isinstance(x, Tensor)}
        self.same = [k for k, (x, y) in enumerate(zip(shown, then.arguments, strict=True))
                     if x is y and not isinstance(x, int | float | str)]
        self._refuse_looks()
        #: By the leaves of whose gradients from before something depends, what the trail calls these.
        self._gradients_before: dict[Tensor, Any] = {}
        self._forgotten: dict[Tensor, None] = {}  # leaves whose gradients the function sets
        self._follow_gradients()
        self._before = {  # by the number of a slot, the leaf whose gradient it holds
            before.index: leaf for leaf, before in self._gradients_before.items()
            if type(before) is Slot}
        self._arguments: dict[int, Argument] = {}
        self._inserted: list[tuple[int, Instruction]] = []  # before which instruction of the path
        self._table: dict[Value, Any] = {}
        self.program = self._made(returned)
        for n, x in self._call.bound.items():  # what graphs need, and the program does not
            if n >= 0 and same(held(x), held(then.copies.get(n, then.brought.get(n)))):
                self._stands.setdefault(n, partial(_given_in_any_call, x))

    def _refuse_looks(self) -> None:
        if self._then.problem:
            raise Refused(self._then.problem, self._then.line)
        for e in self._events:
            if e.kind == "read" and e.more != "a mask":
                raise Refused("it looks at values while it runs, and a program would not look again; "
                              "return the Tensor, and look at it outside", self._path.line(e.what))

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

    # -- what goes in --------------------------------------------------------------------------------

    def _argument(self, k: int, value: Value) -> Argument:
        """The input for a leaf of the arguments; the same for all slots that hold it."""
        if k not in self._arguments:
            raw = not isinstance(self._leaves[k], Tensor)
            self._arguments[k] = Argument(value, k, self._shown[k], raw)
        else:
            self._table[value] = self._arguments[k].value
        return self._arguments[k]

    def _source(self, index: int, value: Value) -> Any:
        """What stands for a slot in calls without Python; None for a constant."""
        x, then = self._call.given(index), self._then.brought.get(index)
        if id(x) in self._given:
            position = self._given[id(x)]
            self._stands[index] = lambda leaves: leaves[position]
            return self._argument(position, value)
        if index in self._before:
            return Gradient(value, self._before[index])
        if index in self._then.made_of:
            data, number = self._then.made_of[index]
            at = next((n for n, leaf in enumerate(self._then.arguments) if leaf is data), None)
            if at is not None:
                options = {"dtype": value.dtype, "requires_grad": x._requires_grad}
                self._stands[index] = lambda leaves: Tensor(leaves[at], **options)
                form = Value.like(self._shown[at]._value, value.name)
                given = self._argument(at, form if self._turns(form, value) else value)
                self._turn(given.value, value, 0)
                return given
            if isinstance(data, Tensor) and (state := self._state_of(index, x, data)) is not None:
                self._stands[index] = lambda leaves: Tensor(data, dtype=value.dtype)
                self._turn(self._held(state, number), value, number)
                return None
        self._stands[index] = lambda leaves: x
        self.lines[index] = self._line_of(value)
        if x is then and isinstance(x, np.ndarray | Tensor):
            self.objects[index] = x
            return State(value, x) if isinstance(x, Tensor) else Array(value, x)
        held = self._call.raw(index)
        before = self._then.copies.get(index, getattr(then, "_value", then))
        if isinstance(x, float) or not same(np.asarray(held), np.asarray(before)):
            raise Refused("what it makes outside of operations is another in each call, and a program "
                          "would not make it; give it as an argument", self.lines[index])
        self.constants[index] = self._table[value] = (
            held.copy("K") if isinstance(held, np.ndarray) else held)  # results are for others to write
        return None

    def _state_of(self, index: int, x: Any, data: Tensor) -> State | None:
        """What holds a Tensor of which the function makes another, if it is the same in both calls."""
        if data not in self._states and any(new is x and of is data for new, of in self._call.created):
            self._states[data] = State(Value.like(data._value, data._name or ""), data)
            self.objects[index], self.lines[index] = data, UNKNOWN
        return self._states.get(data)

    def _number(self, given: Number) -> Number:
        """A number that is read anew; a float that other arguments had changed is what it was."""
        origins = dict(given.origins)
        for name, (container, n) in given.origins.items():
            if container is self._call.lockstep.numbers:
                now = self._call.bound[n]
                if not same(now, self._then.brought[n]):
                    raise Refused("a float that it computes with is another in each call, and a "
                                  "program would not compute it; give it as an argument",
                                  self._line_of(given.value))
                self.constants[n], self.lines[n] = now, self._line_of(given.value)
                origins[name] = self.constants, n
        return replace(given, origins=origins)

    def _held(self, state: State, number: int) -> Value:
        """What a state holds before an instruction."""
        written = [i.output for i in self._path.instructions[:number] if i.target is not None
                   and i.target.tensor is state.tensor]
        return written[-1] if written else state.value

    def _turns(self, given: Value, value: Value) -> bool:
        """Whether a Tensor that was made of an array has another form."""
        return (given.dtype, given.axes, given.dense) != (value.dtype, value.axes, value.dense)

    def _turn(self, given: Value, value: Value, number: int) -> None:
        """Let a value be a Tensor that the function has made of another."""
        if given is value:
            return
        if not self._turns(given, value):
            self._table[value] = given
            return
        turned, params = (copy, {"order": "K"}) if given.dtype == value.dtype else (
            astype, {"dtype": value.dtype})
        self._inserted.append((number, Instruction(turned, (given,), value, params)))

    def _line_of(self, value: Value) -> tuple[str, int]:
        return next((i.line for i in self._path.instructions if value in i.values), UNKNOWN)

    def bound(self, leaves: list[Any]) -> dict[int, Any]:
        """What the slots hold in a call without Python, by their numbers."""
        return {n: stands(leaves) for n, stands in self._stands.items()}

    # -- what comes out ------------------------------------------------------------------------------

    def _made(self, returned: list[Any]) -> Program:
        events = [x for x in self._then.results if isinstance(x, Event)]
        stay, spent = self._gradients()
        program = in_order(Part(self._end, [*events, *stay.values()], whole=True).program)
        self._states = {i.tensor: i for i in program.inputs if isinstance(i, State)}
        slots = {i.value: i.position for i in self._path.inputs.values() if isinstance(i, Argument)}
        inputs: dict[int, Any] = {}
        for given in program.inputs:
            if isinstance(given, Number):
                given = self._number(given)
            elif given.value in slots:
                given = self._source(slots[given.value], given.value)
            inputs[id(given)] = given
        for then, now in zip(self._then.results, returned, strict=True):
            if type(then) is Slot and then.index not in self._stands:
                self._call.bound.setdefault(then.index, now)
                given = self._source(then.index, self._path.value_of(then))
                inputs[id(given)] = given
        computed = iter(program.outputs)
        outputs = tuple(next(computed) if isinstance(then, Event) else self._returned(then, now)
                        for then, now in zip(self._then.results, returned, strict=True))
        gradients = tuple(zip(stay, computed, strict=True))
        inputs.update((id(i), i) for i in (*self._arguments.values(), *self._states.values()))
        instructions = list(program.instructions)
        inserted = sorted(self._inserted, key=lambda found: found[0])
        for number, i in reversed(inserted):  # those of one place stay as they came
            instructions.insert(number, i)
        program = program.with_(
            inputs=tuple(i for i in inputs.values() if i is not None), outputs=outputs,
            instructions=(*self._early(inputs), *instructions),
            spent=tuple(spent), gradients=gradients)
        return owning(program.replaced(self._table))

    def _returned(self, then: Any, now: Any) -> Any:
        """A result that no operation has made."""
        if type(then) is Slot:
            value = self._path.value_of(then)
            if id(now) in self._given or then.index in self._before or (
                    self.objects.get(then.index) is now):
                return value
            if now._requires_grad:
                raise Refused("it returns a Tensor that it makes itself and that requires a gradient, "
                              "and what a program returns would not; make it outside")
            made, last = Value.like(now._value), len(self._path.instructions)
            self._inserted.append((last, Instruction(copy, (value,), made, {"order": "K"})))
            return made
        if now is not then and not (same(now, then) and not isinstance(now, np.ndarray)):
            raise Refused("it returns what is another in each call and no Tensor; compute it outside")
        return now

    def _gradients(self) -> tuple[dict[Tensor, Event], list[Tensor]]:
        """The gradients that are there afterwards, and the leaves that have none then.

        What a step has used is given up, unless something would look at it in the next call.
        """
        leaves = dict.fromkeys(t for e in self._events for t in e.outside())
        passed = {self._thing(leaf): None for e in self._events if e.kind == "backward"
                  for leaf, *_ in e.more}
        steps = [e for e in self._events if e.kind == "step"]
        used = {r for e in steps for r in e.refs if isinstance(r, Event)}
        stepped = {p for e in steps for p, _ in e.updates()}
        stay: dict[Tensor, Event] = {}
        gone, given_up = [], stepped - self._gradients_before.keys()
        for leaf in dict.fromkeys((*leaves, *passed, *self._forgotten)):
            made = self._alive.get(id(leaf._grad))
            if made is not None:
                self.gradients.append(made)
            if not self._is_outside(leaf):
                continue
            if made is not None and not (made in used and leaf in given_up):
                if made in stay.values():
                    raise Refused("it lets two Tensors have one gradient, and a program would give "
                                  "them one each; set the gradient outside, or copy it")
                stay[leaf] = made
            elif made is not None or leaf in passed or leaf in self._forgotten:
                if made is None is not leaf._grad and leaf not in given_up:
                    raise Refused("it sets a gradient that it has not computed, and a program would "
                                  "not; set it outside")
                gone.append(leaf)
        for leaf in (*stay, *gone):
            if (k := self._given.get(id(leaf))) is not None:
                self._argument(k, Value.like(leaf._value, leaf._name or ""))
        return stay, gone

    def _is_outside(self, leaf: Tensor) -> bool:
        """Whether a leaf is not made in the call."""
        return id(leaf) in self._given or not any(
            x is leaf is not self._then.brought.get(n) for n, x in self._call.bound.items())

    def _early(self, inputs: dict[int, Any]) -> list[Instruction]:
        """Masks that are given are looked at before everything else; others must not come too late."""
        given = {i.value for i in inputs.values() if i is not None}
        acted = False
        for i in self._path.instructions[: self._path.ends[self._end]]:
            if i.primitive.kind == "guard" and acted:
                raise Refused("how many elements a mask selects may be another number when it is too "
                              "late to run the function instead; select first, draw and update after, "
                              "or use tg.where(mask, x, 0.0) and divide by mask.sum()", i.line)
            acted = acted or (i.has_effect and i.primitive.kind not in ("guard", "check"))
        return [guard for mask, guard in self._path.guards.items() if mask in given]
