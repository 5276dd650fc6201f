"""Glue: what a call without Python does besides its program, as one function.

::

    def run(leaves):
        s0 = leaves[0]
        r = replay.run(s0)
        v0 = constant(r[0])
        v1 = constant(r[1])
        T1._grad = v1
        T2._grad = None
        return v0
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

import numpy as np

from ...engine.tensor import Tensor, constant
from ...ground.live import Live
from ...ground.pytree import unflatten
from ...ground.rng import generator
from ...ground.storage import kept
from ...ops.unnamed import OtherMask
from ..ir import Value
from ..lockstep.call import Call
from ..lockstep.lockstep import Lockstep
from ..lockstep.segments import Segment
from ..lockstep.standins import Filled
from ..lockstep.trail import ENDS, Event, Slot
from .stands import Stands


def glued(stands: Stands, segment: Segment, derived: list[Event], form: Any, lockstep: Lockstep
          ) -> Callable[[list[Any]], Any]:
    """The function of the arguments' leaves; ``derived`` are results that know how they were made."""
    space = stands.names.space
    space |= {"constant": constant, "Tensor": Tensor, "Live": Live, "state": state, "knows": knows,
              "unflatten": unflatten, "count_nonzero": np.count_nonzero, "OtherMask": OtherMask,
              "replay": segment.replay, "lockstep": lockstep, "end": stands.end, "form": form}
    lines = list(_lines(stands, segment, derived, form))
    used = set(re.findall(r"\bs(\d+)\b", " ".join(lines)))
    slots = [f"s{n} = {text}" for n, text in stands.slots.items() if str(n) in used]
    exec("\n    ".join(["def run(leaves):", *slots, *lines]), space)
    run: Callable[[list[Any]], Any] = space.pop("run")
    return run


def state() -> Any:
    """That of the random generator."""
    return generator().bit_generator.state


def knows(lockstep: Lockstep, end: Event, bound: dict[int, Any], lives: dict[str, Live], drew: Any,
          results: dict[Event, Any]) -> None:
    """Let results know how they were made, from arrays as they are now: they may be written into."""
    call = Call(lockstep)
    call.bound = {n: kept(x) if type(x) is np.ndarray else x for n, x in bound.items()}
    call.lives, call.over = lives, (call.began, end)
    call.drew = None if drew is None else {next(e for e in end.path_to() if e.kind in ENDS): drew}
    for event, made in results.items():
        made.__class__ = Filled
        made.call, made.event, made._requires_grad = call, event, True
        call.taken.append(ref(made))


def _lines(stands: Stands, segment: Segment, derived: list[Event], form: Any) -> Iterator[str]:
    name, masks = stands.names.name, stands.masks()
    if masks:
        yield f"if not ({' and '.join(masks)}): raise OtherMask"
    draws = segment.draws and derived
    if draws:
        yield "drew = state()"
    if not segment.idle:
        yield f"r = replay.run({', '.join(map(stands.array, segment.arguments))})"
    values: dict[Any, str] = {}
    for made, source, copied in segment.given:
        held = "r" if segment.single else f"r[{source}]"
        values[made] = f"v{len(values)}"
        yield f"{values[made]} = constant({held}" + (".copy('K'))" if copied else ")")
    for leaf, made in stands.gradients.stay.items():
        yield f"{stands.leaf(leaf)}._grad = {values[made]}"
    yield from (f"{stands.leaf(leaf)}._grad = None" for leaf in stands.gradients.gone)
    if derived:
        bound = ", ".join([*(f"{n}: s{n}" for n in stands.slots),
                           *(f"{n}: {values[v]}" for n, v in stands.changed.items())])
        results = ", ".join(f"{name(e, 'event')}: {values[e]}" for e in derived)
        yield (f"knows(lockstep, end, {{{bound}}}, {{{stands.lives()}}}, {'drew' if draws else None}, "
               f"{{{results}}})")
    slots = {x.index: f"t{x.index}" for x in stands.results if type(x) is Slot}
    yield from (f"{made} = {stands.tensor(n)}" for n, made in slots.items())
    yield from (f"{values[x]}._name = {text!r}" for x, text in stands.called.items())
    returned = [values[x] if isinstance(x, Event | Value) else slots[x.index]
                if type(x) is Slot else name(x, "k") for x in stands.results]
    yield f"return {returned[0]}" if form == 0 else (
        f"return unflatten(form, [{', '.join(returned)}])")
