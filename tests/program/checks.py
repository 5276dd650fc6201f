"""What every program must be: each value is made once, before it is read; shapes and dtypes agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_gd.errors import CaptureError
from tinygrad_gd.program.ir import Instruction, Number, Program, Value


def check(program: Program) -> Program:
    """The program itself, if it is one; the tests call this after each pass."""
    for problem in _problems(program):
        raise CaptureError(f"{program.name}: {problem}; a pass has made a mistake, please report it")
    return program


def _problems(program: Program) -> Iterator[str]:
    made = {given.value for given in program.inputs}
    weak = {given.value for given in program.inputs if isinstance(given, Number)}
    for i in program.instructions:
        yield from (f"{i!r} reads {v!r} before it is made" for v in i.values if v not in made)
        if i.output in made:
            yield f"{i!r} makes its result a second time"
        made.add(i.output)
        if i.primitive.elementwise and i.target is None:  # else NumPy fills the target
            shape = np.broadcast_shapes(*(np.shape(x) for x in i.inputs))
            if shape != i.output.shape:
                yield f"{i!r} makes the shape {shape}"
            if (dtype := _dtype(i, weak)) != i.output.dtype:
                yield f"{i!r} makes the dtype {dtype}"
    yield from (f"the result {v!r} is never made" for v in program.results if v not in made)
    yield from (f"{state.value!r} would become {v!r}" for state, v in program.writes
                if state.value.shape != v.shape)
    yield from (f"the gradient of {leaf!r} would be {v!r}" for leaf, v in program.gradients
                if leaf.shape != v.shape)


def _dtype(i: Instruction, weak: set[Value]) -> Any:
    """What NumPy makes of inputs of these dtypes, as far as it tells without computing."""
    function = i.primitive.function
    if not isinstance(function, np.ufunc):
        return i.output.dtype
    kinds = [float if isinstance(x, Value) and x in weak else  # as Python's numbers
             type(x) if type(x) in (int, float) else x.dtype if hasattr(x, "dtype") else np.dtype(bool)
             for x in i.inputs]
    return function.resolve_dtypes((*kinds, *[None] * function.nout))[function.nin]
