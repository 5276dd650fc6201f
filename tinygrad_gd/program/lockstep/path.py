"""A path: the instructions of one recorded call, by the events of its trail."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.tensor import Tensor, constant
from ..capture.capture import Capture
from ..ir import Argument, Value
from .trail import Event, Slot


class Path(Capture):
    """The instructions of a recorded call, by its events.

    Attributes
    ----------
    ends : how many instructions there were after each event.
    values : what instructions call the result of an event.
    slots : of the arguments of programs, by their values.
    around : the arrays among these that are no arguments of the function.
    """

    def __init__(self, name: str, owner: Any) -> None:
        super().__init__(name, shows_arrays=True)
        self.owner = owner
        self.ends: dict[Event, int] = {}
        self.values: dict[Event, Any] = {}
        self.slots: dict[Value, Slot] = {}
        self.around: dict[Value, Any] = {}

    def fail(self, problem: str) -> None:
        """What a frozen program would be refused for is no obstacle here."""

    def effect(self, what: str) -> None:
        """Python does it in every call."""

    def read(self, tensor: Tensor, how: str) -> None:
        """A look is an event of the trail."""

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
        self._name(names, around)
        for value, array in self.around.items():
            value.name = value.name or around.get(id(array), "")

    def given(self) -> dict[Value, Any]:
        """The inputs, by their values."""
        return {i.value: i for i in self._inputs.values()}

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
