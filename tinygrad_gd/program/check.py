"""What every program must be: each value is made once, before it is read, and shapes agree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..errors import CaptureError
from .ir import Program


def check(program: Program) -> Program:
    """The program itself, if it is one; the tests call this after each pass."""
    for problem in _problems(program):
        raise CaptureError(f"{program.name}: {problem}; a pass has made a mistake, please report it")
    return program


def _problems(program: Program) -> Iterator[str]:
    made = {given.value for given in program.inputs}
    for i in program.instructions:
        yield from (f"{i!r} reads {v!r} before it is made" for v in i.values if v not in made)
        if i.output in made:
            yield f"{i!r} makes its result a second time"
        made.add(i.output)
        if i.primitive.elementwise:
            shape = np.broadcast_shapes(*(np.shape(x) for x in i.inputs))
            if shape != i.output.shape:
                yield f"{i!r} makes the shape {shape}"
    yield from (f"the result {v!r} is never made" for v in program.results if v not in made)
    yield from (f"{state.value!r} would become {v!r}" for state, v in program.writes
                if state.value.shape != v.shape)
    yield from (f"the gradient of {leaf!r} would be {v!r}" for leaf, v in program.gradients
                if leaf.shape != v.shape)
