"""`SkippedCall`: what is known of a call whose Python was skipped, for the graphs of its results."""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

from ...engine.tensor import Tensor
from ...ground.live import Live
from ...ground.storage import kept, tick
from ..lockstep.call import Call
from ..lockstep.realized import graph_of
from ..lockstep.standins import Filled
from ..lockstep.trail import ENDS, Event


class SkippedCall:
    """What graphs ask a `Call`: arrays in slots are as they were, since they may be written into."""

    remade: Any = None

    def __init__(
        self, end: Event, leaves: list[Any], bound: dict[int, Any], drew: Any
    ) -> None:
        self.bound = {n: kept(x) if type(x) is np.ndarray else x for n, x in bound.items()}
        self.drew = None if drew is None else {next(e for e in end.path_to() if e.kind in ENDS): drew}
        self.began = tick()
        self.over = self.began, end
        self.taken: list[Any] = []
        self.written: dict[Tensor, Event] = {}  # graphs are made of what is not written to
        self.lockstep = self.lives = self  # it answers for both
        self._floats = dict(enumerate(leaves))

    def computed(self, result: Tensor, event: Event) -> None:
        """Let a result know how it was made."""
        made: Any = result
        made.__class__ = Filled
        made.call, made.event, made._requires_grad = self, event, True
        self.taken.append(ref(made))

    alive, made = Call.alive, Call.made

    def graph(self, x: Any) -> None:
        """Somebody asks how a result was made."""
        graph_of(x)

    def get(self, text: str, number: Live) -> Live:
        """A live number as it was in this call."""
        held = {name: self._floats[key] if type(key) is int else container[key]
                for name, (container, key) in number.origins.items()}
        return Live(eval(text, {"float": float}, held), text, number.origins)
