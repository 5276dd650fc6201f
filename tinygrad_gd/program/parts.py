"""Gradients of parts of an array, put side by side.

::

    q, k = w[:n] @ x, w[n:] @ x     the gradient of w is that of the first part among zeros,
    d_w = s(d_q) + s(d_k)           and that of the second: two arrays of zeros and a sum
    d_w = concatenate((d_q, d_k))   the same, if nothing is left out
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from ..ops.elementwise import add
from ..ops.shape import concatenate
from .ir import Instruction, Program, Value, use_counts


def join_parts(program: Program) -> Program:
    """Put parts side by side that would be added up as arrays of zeros around each of them."""
    made, uses = {i.output: i for i in program.instructions}, use_counts(program)
    kept: list[Instruction] = []
    for i in program.instructions:
        found = _parts(i, made, uses)
        if found is None:
            kept.append(i)
            continue
        axis, parts = found
        for x in parts:  # -0.0 + 0.0 is 0.0
            form = Value(x.shape, x.dtype, axes=x.axes)
            kept.append(replace(i, primitive=add, inputs=(x, 0.0), output=form))
        whole = tuple(j.output for j in kept[-len(parts):])
        kept.append(replace(i, primitive=concatenate, inputs=whole, params={"axis": axis}))
    return program.with_(instructions=tuple(kept))


def _parts(i: Instruction, made: dict[Value, Instruction],
           uses: Counter[Value]) -> tuple[int, list[Value]] | None:
    """The axis along which all terms of a sum lie one behind the other, and what is in them."""
    if i.primitive is not add or i.target is not None or not (i.output.in_order and i.output.dense):
        return None
    terms, places = [i], []
    while terms:
        term = terms.pop()
        if term.primitive is add:
            if not all(isinstance(x, Value) and x in made and uses[x] == 1 for x in term.inputs):
                return None
            terms += [made[x] for x in term.inputs]
        elif (place := _place(term)) is not None and term.output.form == i.output.form:
            places.append((*place, term.inputs[0]))
        else:
            return None
    places.sort(key=lambda place: place[:3])
    axis, length = places[0][0], i.output.shape[places[0][0]]
    ends = [0, *(end for _, _, end, _ in places)]
    whole = all(a == axis and start == end for (a, start, _, _), end in zip(places, ends, strict=False))
    return (axis, [x for *_, x in places]) if whole and ends[-1] == length else None


def _place(i: Instruction) -> tuple[int, int, int] | None:
    """The axis, begin and end of the part of an array of zeros that something is written into."""
    if i.primitive.name != "scatter" or len(i.inputs) > 1 or not isinstance(i.inputs[0], Value):
        return None
    key: Any = i.params["key"]
    if not all(isinstance(k, slice) for k in key):
        return None
    lengths = enumerate(zip(key, i.params["shape"], strict=False))
    cuts = [(axis, *k.indices(n)) for axis, (k, n) in lengths if k.indices(n) != (0, n, 1)]
    axis, start, stop, step = cuts[0] if len(cuts) == 1 else (0, 0, 0, 0)
    return (axis, start, stop) if step == 1 and start < stop else None
