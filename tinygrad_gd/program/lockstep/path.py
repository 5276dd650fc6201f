"""`Path`: the instructions of a recorded call, and what things are called in them and in its trail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine.tensor import Tensor, constant
from ...errors import describe
from ...ground.pytree import flatten
from ...ground.user_code import UNKNOWN
from ..capture.capture import Capture
from ..ir import Argument, Value
from .standins import Recorded
from .trail import Event, Slot

if TYPE_CHECKING:
    from .lockstep import Lockstep


class Path(Capture):
    """The instructions of a recorded call, by its events. What follows `made` goes with the call.

    Attributes
    ----------
    ends : how many instructions there were after each event.
    values : what instructions call the result of an event.
    later : what they call results that show memory, after it was written to: since which instruction.
    slots : of the arguments of programs, by their values.
    around : the arrays among these that are no arguments of the function.
    made : what events have made.
    brought : what the call brings, by the numbers of slots.
    passed : ids of Tensors and floats among the arguments.
    names : of arguments, by their ids.
    made_of : by the id of a Tensor that the function makes, what it is made of, and when.
    problem, line : why the call could not be frozen, and where that was seen.
    decided : where numbers come from that Python has looked at.
    """

    def __init__(self, lockstep: Lockstep) -> None:
        super().__init__(lockstep.names)
        self.name, self.began = lockstep.name, lockstep.call.began
        self.ends: dict[Event, int] = {}
        self.values: dict[Event, Any] = {}
        self.later: dict[Event, list[tuple[int, Any]]] = {}
        self.slots: dict[Value, Slot] = {}
        self.around: dict[Value, Any] = {}
        self.made: dict[Tensor, Event] = {}
        self.brought: list[Any] = []
        self.passed = {id(x) for x in flatten(lockstep.given) if isinstance(x, Tensor | float)}
        self.names: dict[int, str] = {}
        self.made_of: dict[int, tuple[Any, int]] = {}
        self.problem, self.line = "", UNKNOWN
        self.decided: list[tuple[Any, Any]] = []
        self._arrays = lockstep.arrays
        self._outside: dict[int, tuple[Slot | None, Any]] = {}  # by id, what the call has not made

    def close(self) -> None:
        """Let go of what is needed only while the call runs."""
        self._values, self._places, self._adjoints, self._copies = {}, {}, {}, {}
        self.reached, self.modules, self.made, self.brought, self._outside = {}, {}, {}, [], {}
        self.names, self.made_of, self.decided, self._arrays = {}, {}, [], set()

    # -- what things are -----------------------------------------------------------------------------

    def event_of(self, x: Any) -> Event | None:
        """The event that made a Tensor."""
        return self.made.get(x) if isinstance(x, Tensor) else None

    def slot_of(self, x: Any) -> Slot | None:
        """The slot of what a call brings; None for a Tensor that is there in every call."""
        if id(x) not in self._outside:
            stays = (isinstance(x, Tensor) and id(x) not in self.passed and x._seq <= self.began
                     and x._primitive is None)
            self._outside[id(x)] = None if stays else self.new_slot(x), x
        return self._outside[id(x)][0]

    def always_slot_of(self, x: Any) -> Slot:
        """The slot of what is another thing in each call."""
        slot, _ = self._outside.get(id(x), (None, x))
        if slot is None:
            slot = self.new_slot(x)
            self._outside[id(x)] = slot, x
        return slot

    def new_slot(self, x: Any) -> Slot:
        """One more slot."""
        self.brought.append(x)
        return Slot(len(self.brought) - 1, x)

    def event_or_slot(self, x: Any) -> Any:
        """What a trail calls an input of an event."""
        if isinstance(x, Tensor):
            return self.made.get(x) or self.slot_of(x) or x
        return self.slot_of(x) if isinstance(x, np.ndarray) else x

    def reference(self, x: Any) -> Any:
        """What an instruction names ``x``: what the call brings is an argument of the program."""
        if isinstance(x, np.ndarray):
            x, _ = self._copies.get(id(x), (x, None))
            if not self._internal or self._is_brought(x):
                return self._argument(self.always_slot_of(x), x, "")
        elif isinstance(x, Tensor) and x not in self._values and (
                not self._internal or self._is_brought(x)):
            slot = self.slot_of(x)
            if slot is None:
                return self._state(x)
            self._values[x] = self._argument(slot, x._value, x._name or "")
            return self._values[x]
        return super().reference(x)

    def _is_brought(self, x: Any) -> bool:
        return self._outside.get(id(x), (None, x))[0] is not None

    def _argument(self, slot: Slot, held: Any, name: str) -> Value:
        key = "slot", slot.index
        given = self.names.get(id(held), "")
        if key not in self._inputs:
            value = Value.like(held, name or given)
            self._inputs[key] = Argument(value, slot.index, constant(held), raw=True)
            self.slots[value] = slot
            if not given and isinstance(held, np.ndarray):
                self.around[value] = held
        return self._inputs[key].value

    def is_also(self, out: Tensor, stand_in: Tensor) -> None:
        """Another object is what was computed: what is known of the one holds for the other."""
        tables: list[dict[Any, Any]] = [self.made, self._values, self._places, self._adjoints]
        for table in tables:
            if out in table:
                table[stand_in] = table[out]

    # -- what happens --------------------------------------------------------------------------------

    def after(self, event: Event, result: Any = None) -> None:
        """Note that an event is over, and what it has made."""
        self.ends[event] = len(self.instructions)
        if result is not None:
            self.values[event] = self.reference(result)
            self.made[result] = event

    def written(self) -> list[Event]:
        """Memory was written to: the events whose results show it and are other values from now on."""
        moved = []
        for result, event in self.made.items():
            value = self._values.get(result)
            if value is not None and event in self.values and value is not self.at(event):
                self.later.setdefault(event, []).append((len(self.instructions), value))
                moved.append(event)
        return moved

    def forward(self, out: Tensor, primitive: Any, inputs: Any, params: Any) -> None:
        """What is computed of arrays alone stands for an array, too."""
        super().forward(out, primitive, inputs, params)
        if not self._internal and out._primitive is None and self._are_arrays(inputs):
            self._arrays.add(out)

    def _are_arrays(self, inputs: tuple[Any, ...]) -> bool:
        given = [x for x in inputs if isinstance(x, Tensor)]
        return bool(self._arrays and given) and self._arrays.issuperset(given)

    def creates(self, leaf: Tensor, data: Any) -> None:
        """What a call makes is a slot, called like what it is made of; in an operation, a constant."""
        if self._internal:
            super().creates(leaf, data)
        elif isinstance(data, Tensor | np.ndarray):
            self.made_of[id(leaf)] = data, len(self.instructions)
            name = self.names.get(id(data._value if isinstance(data, Tensor) else data))
            if name and not isinstance(data, Recorded):
                self.names.setdefault(id(leaf._value), name)

    def takes_gradient(self, leaf: Tensor) -> None:
        """A gradient from before the call is a slot."""
        g = leaf._grad
        if g is not None and g not in self._values:
            self._values[g] = self._argument(self.always_slot_of(g), g._value, "")

    def read(self, tensor: Tensor, how: str) -> None:
        """A look at what is computed is an event of the trail; at others, no program would see it."""
        if not self._internal:
            self.cannot_be_frozen(f"{how} takes the values of {describe(tensor)} out of it, and a "
                                  "program would not do anything with them")

    def cannot_be_frozen(self, problem: str) -> None:
        """Note at this line why no program could stand for the call."""
        if not self.problem:
            self.problem, self.line = problem, self._line()

    def decides(self, text: str, origins: Any, outcome: Any) -> None:
        """Python has looked at numbers."""
        self.decided.extend(origins.values())

    # -- what its programs are made of ---------------------------------------------------------------

    def name_all(self, names: dict[Tensor, str], around: dict[int, str]) -> None:
        """Take over what variables are called."""
        super().name_all(names, around)
        for value, array in self.around.items():
            value.name = value.name or around.get(id(array), "")

    def given(self) -> dict[Value, Any]:
        """The inputs, by their values."""
        return {i.value: i for i in self._inputs.values()}

    def at(self, event: Event, number: int | None = None) -> Any:
        """What the result of an event is called before an instruction, by default the next."""
        for since, value in reversed(self.later.get(event, ())):
            if number is None or since <= number:
                return value
        return self.values[event]

    def knows(self, tensor: Tensor) -> bool:
        """Whether a Tensor has taken part."""
        return tensor in self._values

    def value_of(self, slot: Slot) -> Value:
        """The argument of programs that holds a slot."""
        return self._inputs["slot", slot.index].value
