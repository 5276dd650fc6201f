"""Stand-ins: Tensors without values yet. They have a form, and compute themselves when looked at."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...engine.methods import Count
from ...engine.tensor import ALL, Tensor
from ...ground.modes import current_mode
from ...ground.storage import tick

_slots: dict[str, Any] = {
    name: Tensor.__dict__[name]
    for name in ("_value", "_primitive", "_first", "_second", "_params", "_seq")}


def _after_a_look(name: str, look: str) -> Any:
    """A slot that is read or set after the stand-in has become what it stands for."""
    slot = _slots[name]

    def get(self: Any) -> Any:
        getattr(self.call.lockstep, look)(self)
        return slot.__get__(self)

    def put(self: Any, value: Any) -> None:
        getattr(self.call.lockstep, look)(self)
        slot.__set__(self, value)

    return property(get, put)


class StandIn(Tensor):
    """The answer to an operation: a Tensor of which ``call`` and ``event`` are known, and no value."""

    __slots__ = ()

    call: Any = _slots["_first"]
    event: Any = _slots["_second"]
    held: Any = _slots["_value"]  # what it found last, if anything

    _value = _after_a_look("_value", "look")
    _primitive, _first, _second, _params, _seq = (
        _after_a_look(name, "graph") for name in ("_primitive", "_first", "_second", "_params", "_seq"))

    shape = property(lambda self: self.event.shape)
    ndim = property(lambda self: len(self.event.shape))
    size = property(lambda self: Count(prod(self.event.shape)))
    dtype = property(lambda self: self.event.dtype)
    _by_columns = property(lambda self: self.event.by_columns)

    def __len__(self) -> int:
        return self.event.shape[0] if self.event.shape else super().__len__()


class Filled(StandIn):
    """A stand-in that has its value; how it was made is found out when somebody asks."""

    __slots__ = ()

    _value = _slots["_value"]  # the slot itself again


def _once_filled(name: str) -> Any:
    def get(self: Any) -> Any:
        self._value  # noqa: B018  # it becomes a Tensor, or one whose graph can be made
        return getattr(self, name)

    def put(self: Any, value: Any) -> None:
        self._value  # noqa: B018
        setattr(self, name, value)

    return property(get, put)


class Deferred(StandIn):
    """A stand-in whose value is still in a buffer of the program; it is copied if somebody looks."""

    __slots__ = ()

    def take_out(self) -> None:
        """Copy the value while it is there."""
        fill(self, self.held.copy("K") if isinstance(self.held, np.ndarray) else self.held)

    def _get(self) -> Any:
        self.take_out()
        return self._value

    _value = property(_get, lambda self, value: fill(self, value))
    _primitive, _first, _second, _params, _seq = map(
        _once_filled, ("_primitive", "_first", "_second", "_params", "_seq"))


def _noticed(name: str, look: str) -> Any:
    slot = _slots[name]

    def get(self: Any) -> Any:
        lockstep = current_mode().lockstep
        if lockstep is not None and lockstep.active:
            getattr(lockstep, look)(self)
        return slot.__get__(self)

    return property(get, slot.__set__)


class Recorded(Tensor):
    """A Tensor of a call that is recorded: a look at it is noticed, but for its form."""

    __slots__ = ()

    _value = _noticed("_value", "look")
    _primitive, _first, _second, _params = (
        _noticed(name, "graph") for name in ("_primitive", "_first", "_second", "_params"))

    held: Any = _slots["_value"]
    shape = property(lambda self: self.held.shape)
    ndim = property(lambda self: self.held.ndim)
    size = property(lambda self: Count(self.held.size))
    dtype = property(lambda self: self.held.dtype)
    _by_columns = property(lambda self: self.held.flags.fnc)

    def __len__(self) -> int:
        return len(self.held) if self.held.ndim else super().__len__()


def fill(stand_in: Tensor, value: Any) -> None:
    """Give a stand-in its value; operations of its call still know it."""
    stand_in.__class__ = Filled
    stand_in._value = value


def set_free(stand_in: Tensor, value: Any) -> None:
    """Make an ordinary leaf of a stand-in whose call is over."""
    become(stand_in, value, None, (), ALL, {}, tick())


def become(
    stand_in: Tensor, value: Any, primitive: Any, first: Any, second: Any, params: Any, seq: int
) -> None:
    """Make an ordinary Tensor of a stand-in."""
    if isinstance(stand_in, StandIn) and stand_in.event.out is stand_in:
        stand_in.event.give_away()
    stand_in.__class__ = Tensor
    stand_in._value, stand_in._primitive, stand_in._params = value, primitive, params
    stand_in._first, stand_in._second, stand_in._seq = first, second, seq
