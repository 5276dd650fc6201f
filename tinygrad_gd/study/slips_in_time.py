"""Slips made at every step of a loop alike: the state before or after, or one input for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.graph import Node
from ..engine.tensor import Tensor
from .reverse import Step, resent

if TYPE_CHECKING:
    from .naming import Names

Array = Any


def slips_in_time(own: list[Step], names: Names, values: list[Tensor]) -> Iterator[tuple[str, Array]]:
    """What a weight that is used again and again gets, if each use is taken with another's input.

    ``own`` are its uses, the last first, as a pass meets them.
    """
    first, others = own[0], [k for k in range(len(own[0].out.inputs)) if k != own[0].position]
    if len(others) != 1 or any(len(s.out.inputs) != 2 or s.position != first.position for s in own):
        return
    given = [Node(x).value if isinstance(x, Tensor) else np.asarray(x)
             for x in (s.out.inputs[others[0]] for s in own)]
    if any(x.shape != given[0].shape for x in given):
        return

    def sent(s: Step, x: Array) -> Array:
        return resent(s, {others[0] + 2: x[()]})

    name = names(first.to)
    for x, which in ((given[-1], "first"), (given[0], "last")):
        yield (f"each use of {name} is taken with the input of the {which} step",
               sum(sent(s, x) for s in own))
    later: Array = sum(map(sent, own[1:], given))
    ends = [Node(t).value for t in values if t.shape == given[0].shape]
    for x in ends:
        yield (f"each use of {name} is taken with the state after the step, where the one before it "
               "belongs: the loop is off by one", later + sent(first, x))
    earlier: Array = sum(map(sent, own, given[1:]))
    yield (f"each use of {name} is taken with the input one step too early: the loop is off by one",
           earlier)
    for x in ends:
        yield (f"each use of {name} is taken with the input one step too early: the loop is off by one",
               earlier + sent(own[-1], x))
