"""`Call`: what is known of one call of a compiled function, and questions about what it brings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine.operands import SCALARS
from ...engine.tensor import Tensor
from ...ground.live import Live
from ...ground.storage import NUMERIC_KINDS, tick
from .standins import StandIn
from .trail import ALONE, Event, held_of

if TYPE_CHECKING:
    from .lockstep import Lockstep


class Call:
    """What is known of one call: what it brought, and what was answered.

    Attributes
    ----------
    taken : weak references to answers that somebody has kept until the next call.
    bound : what the slots hold; what segments hand on, by the number of its instruction, negative.
    lives : live numbers among what it was given, by their texts.
    drew : the state of the generator before the first draw.
    """

    __slots__ = ("began", "bound", "drew", "lives", "lockstep", "taken")

    def __init__(self, lockstep: Lockstep) -> None:
        self.lockstep = lockstep
        self.taken: list[Any] = []
        self.bound: dict[int, Any] = {}
        self.lives: dict[str, Any] = {}
        self.drew: Any = None
        self.began = tick()

    def alive(self, events: Iterable[Event]) -> dict[Event, Any]:
        """The answers to events that somebody has, and that are no ordinary Tensors yet."""
        found = {s.event: s for r in self.taken if isinstance(s := r(), StandIn)}
        for made in held_of(dict.fromkeys(made for e in events for made in e.results()), ALONE):
            if made.out.call is self:
                found[made] = made.out
        return found

    def raw(self, n: int) -> Any:
        """The array or number in a slot, or what a segment has handed on."""
        x = self.bound[n]
        return x._value if isinstance(x, Tensor) else x


def is_plain(x: Any) -> bool:
    """Whether a value goes through the door as it is."""
    return isinstance(x, Tensor) or type(x) in SCALARS or type(x) is Live or (
        type(x) is np.ndarray and x.dtype.kind in NUMERIC_KINDS and x.dtype.isnative)


def held(x: Any) -> Any:
    """The array of a Tensor, and everything else as it is."""
    return x._value if isinstance(x, Tensor) else x
