"""A path: the instructions of one recorded call, by the events of its trail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...engine.tensor import Tensor, constant
from ...errors import describe
from ..capture.capture import Capture
from ..ir import Argument, Value
from .trail import Event, Slot


class Path(Capture):
    """The instructions of a recorded call, by its events.

    Attributes
    ----------
    ends : how many instructions there were after each event.
    values : what instructions call the result of an event.
    later : what they call results that show memory, after it was written to: since which instruction.
    slots : of the arguments of programs, by their values.
    around : the arrays among these that are no arguments of the function.
    """

    def __init__(self, name: str, owner: Any) -> None:
        super().__init__(owner.lockstep.names)
        self.name, self.owner = name, owner
        self.ends: dict[Event, int] = {}
        self.values: dict[Event, Any] = {}
        self.later: dict[Event, list[tuple[int, Any]]] = {}
        self.slots: dict[Value, Slot] = {}
        self.around: dict[Value, Any] = {}

    def forward(self, out: Tensor, primitive: Any, inputs: Any, params: Any) -> None:
        """What is computed of arrays alone stands for an array, too."""
        super().forward(out, primitive, inputs, params)
        if not self._internal and out._primitive is None and self._are_arrays(inputs):
            self.owner.lockstep.arrays.add(out)

    def _are_arrays(self, inputs: tuple[Any, ...]) -> bool:
        arrays, given = self.owner.lockstep.arrays, [x for x in inputs if isinstance(x, Tensor)]
        return bool(arrays and given) and arrays.issuperset(given)

    def read(self, tensor: Tensor, how: str) -> None:
        """A look at what is computed is an event of the trail; at others, no program would see it."""
        if not self._internal:
            self.cannot_be_frozen(f"{how} takes the values of {describe(tensor)} out of it, and a "
                                  "program would not do anything with them")

    def cannot_be_frozen(self, problem: str) -> None:
        """Note at this line why no program could stand for the call."""
        if not self.owner.problem:
            self.owner.problem, self.owner.line = problem, self._line()

    def decides(self, text: str, origins: Any, outcome: Any) -> None:
        """Python has looked at numbers."""
        self.owner.decided.extend(origins.values())

    def creates(self, leaf: Tensor, data: Any) -> None:
        """What a call makes is a slot; within an operation it is a constant."""
        if self._internal:
            super().creates(leaf, data)
        elif isinstance(data, Tensor | np.ndarray):
            self.owner.called_like(leaf, data)

    def reference(self, x: Any) -> Any:
        """What an instruction names ``x``: what the call brings is an argument of the program."""
        if isinstance(x, np.ndarray):
            x, _ = self._copies.get(id(x), (x, None))
            if id(x) in self.owner.slots or not self._internal:
                return self._argument(self.owner.slot_of(x), x, "")
        elif isinstance(x, Tensor) and x not in self._values and (
                id(x) in self.owner.slots or not self._internal):
            slot = self.owner.slot_of(x)
            if slot is None:
                return self._state(x)
            self._values[x] = self._argument(slot, x._value, x._name or "")
            return self._values[x]
        return super().reference(x)

    def takes_gradient(self, leaf: Tensor) -> None:
        """A gradient from before the call is a slot."""
        g = leaf._grad
        if g is not None and g not in self._values:
            self._values[g] = self._argument(self.owner.brought(g), g._value, "")

    def _argument(self, slot: Slot, held: Any, name: str) -> Value:
        key = "slot", slot.index
        given = self.owner.names.get(id(held), "")
        name = name or given
        if key not in self._inputs:
            value = Value.like(held, name)
            self._inputs[key] = Argument(value, slot.index, constant(held), raw=True)
            self.slots[value] = slot
            if not given and isinstance(held, np.ndarray):
                self.around[value] = held
        return self._inputs[key].value

    def is_also(self, out: Tensor, stand_in: Tensor) -> None:
        """Another object is what was computed: what is known of the one holds for the other."""
        tables: list[dict[Any, Any]] = [self._values, self._places, self._adjoints]
        for table in tables:
            if out in table:
                table[stand_in] = table[out]

    def name_all(self, names: dict[Tensor, str], around: dict[int, str]) -> None:
        """Take over what variables are called."""
        super().name_all(names, around)
        for value, array in self.around.items():
            value.name = value.name or around.get(id(array), "")

    def given(self) -> dict[Value, Any]:
        """The inputs, by their values."""
        return {i.value: i for i in self._inputs.values()}

    def written(self, made: Iterable[tuple[Event, Any]]) -> list[Event]:
        """Memory was written to: the events whose results show it and are other values from now on."""
        moved = []
        for event, result in made:
            value = self._values.get(result) if result is not None else None
            if value is not None and event in self.values and value is not self.at(event):
                self.later.setdefault(event, []).append((len(self.instructions), value))
                moved.append(event)
        return moved

    def at(self, event: Event, number: int | None = None) -> Any:
        """What the result of an event is called before an instruction, by default the next."""
        for since, value in reversed(self.later.get(event, ())):
            if number is None or since <= number:
                return value
        return self.values[event]

    def value_of(self, slot: Slot) -> Value:
        """The argument of programs that holds a slot."""
        return self._inputs["slot", slot.index].value

    def knows(self, tensor: Tensor) -> bool:
        """Whether a Tensor has taken part."""
        return tensor in self._values

    def close(self) -> None:
        """Let go of what is needed only while the call runs."""
        self._values, self._places, self._adjoints, self._copies = {}, {}, {}, {}
        self.reached, self.owner, self.modules = {}, None, {}

    def after(self, event: Event, result: Any = None) -> None:
        """Note that an event is over."""
        self.ends[event] = len(self.instructions)
        if result is not None:
            self.values[event] = self.reference(result)
