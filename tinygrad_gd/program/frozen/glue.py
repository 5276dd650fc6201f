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
    space |= {"constant": constant, "Tensor": Tensor, "Live": Live, "copied": np.array,
              "selects": selects, "state": state, "unflatten": unflatten, "knows": knows,
              "replay": segment.replay, "lockstep": lockstep, "end": stands.end, "form": form}
    exec("\n    ".join(["def run(leaves):", *_lines(stands, segment, derived, form)]), space)
    run: Callable[[list[Any]], Any] = space.pop("run")
    return run


def selects(mask: Any, count: int) -> None:
    """Refuse a mask that selects another number of elements."""
    if np.count_nonzero(mask) != count:
        raise OtherMask


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
    name = stands.names.name
    given = {*segment.arguments, *(x.index for x in stands.results if type(x) is Slot), *(
        mask.index for mask, _ in stands.masks if type(mask) is Slot)}
    slots = {n: text for n, text in stands.slots.items()
             if (derived or n in given) and n not in stands.between}
    yield from (f"s{n} = {text}" for n, text in slots.items() if n not in stands.late)
    for mask, count in stands.masks:
        held = stands.raw(mask.index) if type(mask) is Slot else f"{name(mask, 'T')}._value"
        yield f"selects({held}, {count})"
    if stands.floats:
        yield f"{name(stands.numbers, 'numbers')}.update({name(stands.floats, 'floats')})"
    draws = segment.draws and derived
    if draws:
        yield "drew = state()"
    if not segment.idle:
        yield f"r = replay.run({', '.join(map(stands.raw, segment.arguments))})"
    yield from (f"s{n} = {text}" for n, text in slots.items() if n in stands.late)
    values: dict[Event, str] = {}
    for made, source, copied in segment.given:
        held = "r" if len(segment.replay.program.outputs) == 1 else f"r[{source}]"
        values[made] = f"v{len(values)}"
        yield f"{values[made]} = constant({f'copied({held})' if copied else held})"
    yield from (f"{leaf}._grad = {values[made]}" for leaf, made in stands.stay)
    if stands.gone:
        yield f"{' = '.join(f'{leaf}._grad' for leaf in stands.gone)} = None"
    if derived:
        bound = ", ".join(f"{n}: s{n}" for n in slots)
        results = ", ".join(f"{name(e, 'event')}: {values[e]}" for e in derived)
        lives = ", ".join(f"{text!r}: {stands.live(number)}" for text, number in stands.lives.items())
        yield (f"knows(lockstep, end, {{{bound}}}, {{{lives}}}, {'drew' if draws else None}, "
               f"{{{results}}})")
    returned = [values[x] if type(x) is Event else stands.tensor(x.index) if type(x) is Slot
                else name(x, "k") for x in stands.results]
    yield f"return {returned[0]}" if isinstance(form, Tensor) else (
        f"return unflatten(form, [{', '.join(returned)}])")
