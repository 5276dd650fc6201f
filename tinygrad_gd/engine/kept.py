"""Graphs that are kept after their backward pass: said once, when there are many and they weigh much.

A graph lives as long as its loss, and stays to be drawn after `backward`. Whoever collects losses
collects their graphs, then, a thousand times what their numbers take, and is not told by anything else.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from itertools import cycle, pairwise
from typing import Any
from weakref import ref

import numpy as np

from ..errors import KeptGraphsWarning
from ..ground.user_code import user_line, user_stacklevel
from .graph import walk
from .tensor import Tensor

#: Of so many passes one is noted: a prime, so that each of several losses in turn is met.
EVERY = 17
#: Noted graphs that are there at a time before they are weighed; a few are kept for good reasons.
MANY = 3
#: Bytes that graphs weigh when it is said.
HEAVY = 1 << 25
#: Bytes that a recorded Tensor takes besides its values, and the inputs and options that it holds.
NODE = 300

#: Asked after each backward pass: whether this is one that is noted.
is_due = cycle([False] * (EVERY - 1) + [True]).__next__
#: What passes that were noted began at, by number, as long as it is there.
_kept: dict[int, ref[Tensor]] = {}
_due: float = MANY


def note(root: Tensor) -> None:
    """Remember that a pass walked the graph of ``root``, and warn if too many of such are there."""
    global _due
    number = root._seq
    _kept[number] = ref(root, lambda _: _kept.pop(number, None))
    if len(_kept) < MANY:
        _due = MANY
    elif len(_kept) >= _due:
        _due = 2 * len(_kept)  # so that all weighing takes no longer than one more pass over everything
        weight = weight_of([t for r in list(_kept.values()) if (t := r()) is not None])
        if weight >= HEAVY:
            _due = math.inf
            warnings.warn(
                f"backward: about {EVERY * len(_kept)} graphs are still held that were walked before, "
                f"more than {weight >> 20} MB ({user_line()}); a loss keeps its graph as long as it "
                "lives: keep its number, total += loss.item() or history.append(loss.item())",
                KeptGraphsWarning, stacklevel=user_stacklevel())


def weight_of(roots: Sequence[Tensor]) -> int:
    """About how many bytes are held by graphs like these, of which each `EVERY`-th is given.

    What a graph has in common with those before it is not counted, and so the first one, which may hold
    what all of them share. Counting ends at `HEAVY`.
    """
    seen: set[Tensor] = set(walk(roots[:1]))
    arrays = {id(x) for t in seen for x in _arrays_of(t)}
    weight = 0
    for before, root in pairwise(roots):
        reached = set(walk([root], seen.__contains__))
        own = reached - seen
        held = {id(x): x.nbytes for t in own for x in _arrays_of(t) if id(x) not in arrays}
        found = NODE * len(own) + sum(held.values())
        weight += found if before in reached else EVERY * found  # a running total holds those between
        seen.update(own)
        arrays.update(held)
        if weight >= HEAVY:
            break
    return weight


def _arrays_of(tensor: Tensor) -> Iterator[Any]:
    """What a Tensor holds that takes memory of its own: its values, and arrays among its inputs."""
    for x in (tensor._value, *tensor.inputs):
        if isinstance(x, np.ndarray | np.generic) and x.base is None:
            yield x
