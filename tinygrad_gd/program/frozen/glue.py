"""Glue: what a call without Python does besides its program, as one function.

::

    def run(leaves):
        s0 = leaves[0]
        r = replay(s0)
        v0 = constant(r[0])
        v1 = constant(r[1])
        T1._grad = v1
        T2._grad = None
        return v0
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ...engine.tensor import Tensor, constant
from ...ground.pytree import unflatten
from ...ground.rng import generator
from ...ops.unnamed import OtherMask
from ..lockstep.segments import Segment
from ..lockstep.trail import Event, Slot
from .skipped import SkippedCall
from .stands import Stands


def glued(stands: Stands, segment: Segment, derived: Iterable[Event], form: Any
          ) -> Callable[[list[Any]], Any]:
    """The function of the arguments' leaves; ``derived`` are results that know how they were made."""
    text = "\n    ".join(["def run(leaves):", *_lines(stands, segment, list(derived), form)])
    space: dict[str, Any] = {
        **stands.names.space, "constant": constant, "Tensor": Tensor, "copied": np.array,
        "selects": selects, "state": state, "unflatten": unflatten, "SkippedCall": SkippedCall,
        "replay": segment.replay}
    exec(text, space)
    run: Callable[[list[Any]], Any] = space.pop("run")
    return run


def selects(mask: Any, count: int) -> None:
    """Refuse a mask that selects another number of elements."""
    if np.count_nonzero(mask) != count:
        raise OtherMask


def state() -> Any:
    """That of the random generator."""
    return generator().bit_generator.state


def _lines(stands: Stands, segment: Segment, derived: list[Event], form: Any) -> Iterator[str]:
    name = stands.names.name
    yield from (f"s{n} = {text}" for n, text in stands.slots.items())
    for mask, count in stands.masks:
        held = stands.raw(mask.index) if type(mask) is Slot else f"{name(mask, 'T')}._value"
        yield f"selects({held}, {count})"
    if stands.floats:
        yield f"{name(stands.numbers, 'numbers')}.update({name(stands.floats, 'floats')})"
    drew = "None"
    if segment.draws and derived:
        drew = "drew"
        yield "drew = state()"
    if not segment.idle:
        yield f"r = replay.run({', '.join(map(stands.raw, segment.arguments))})"
    values: dict[Event, str] = {}
    for made, source, copied in segment.given:
        held = "r" if len(segment.replay.program.outputs) == 1 else f"r[{source}]"
        values[made] = f"v{len(values)}"
        yield f"{values[made]} = constant({f'copied({held})' if copied else held})"
    yield from (f"{leaf}._grad = {values[made]}" for leaf, made in stands.stay)
    if stands.gone:
        yield f"{' = '.join(f'{leaf}._grad' for leaf in stands.gone)} = None"
    if derived:
        slots = ", ".join(f"{n}: s{n}" for n in stands.slots)
        yield f"call = SkippedCall({name(stands.end, 'end')}, leaves, {{{slots}}}, {drew})"
        yield from (f"call.computed({values[e]}, {name(e, 'event')})" for e in derived)
    results = [values[x] if type(x) is Event else stands.tensor(x.index) if type(x) is Slot
               else name(x, "k") for x in stands.results]
    yield f"return {results[0]}" if isinstance(form, Tensor) else (
        f"return unflatten({name(form, 'form')}, [{', '.join(results)}])")
