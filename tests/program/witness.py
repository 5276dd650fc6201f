"""What a program computes, instruction by instruction and with nothing shared or reused."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_gd.ground.rng import generator, in_use
from tinygrad_gd.program.ir import Argument, Array, Number, Program, State, Value, in_places
from tinygrad_gd.program.passes import optimized
from tinygrad_gd.program.replay.planner import Planner


def given(i: Any) -> Any:
    """The present value of an input."""
    if isinstance(i, State | Argument):
        return i.tensor._value
    if isinstance(i, Array):
        return i.array
    assert isinstance(i, Number)
    space: dict[str, Any] = {}

    def place(container: Any, key: Any) -> str:
        number = container[key]  # NumPy's own count as Python's, which take on the dtype beside them
        space[name := f"n{len(space)}"] = float(number) if isinstance(number, np.floating) else number
        return name

    return eval(in_places(i.text, i.origins, place), space)


def computed(program: Program) -> dict[Value, Any]:
    """Every value of a program for the present values of its inputs; nothing is drawn for good."""
    bits: Any = generator().bit_generator if in_use() else None
    before = bits.state if bits is not None else None
    known = {i.value: given(i) for i in program.inputs}
    with np.errstate(all="ignore"):
        for i in program.instructions:
            result = i.primitive.run(*(known[x] if isinstance(x, Value) else x for x in i.inputs), **i.params)
            known[i.output] = result if i.target is None else (
                np.broadcast_to(result, i.output.shape).astype(i.output.dtype))
    if bits is not None:
        bits.state = before
    return known


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays are the same; which NaN one is, and whether it has a sign, does not matter."""
    a, b = np.asarray(a), np.asarray(b)
    return (a.shape, a.dtype) == (b.shape, b.dtype) and (
        np.where(a != a, a.dtype.type(0), a).tobytes() == np.where(b != b, b.dtype.type(0), b).tobytes()
        and np.array_equal(a != a, b != b))


def witnessed(program: Program) -> Program:
    """The optimized program, after seeing that each of its values is as in the one it was made of."""
    made = optimized(program)
    try:
        before, after = computed(program), computed(made)
    except Exception:
        return made  # a step that fails, or whose inputs are not there yet
    for i in made.instructions:
        if i.output in before:
            assert same_bits(before[i.output], after[i.output]), f"other bits: {i!r}"
    for v, w in zip(program.results, made.results, strict=True):
        assert same_bits(before[v], after[w]), f"other bits of a result: {v!r}"
    plan = Planner(made)
    for i in (i for i in made.instructions if i.primitive.kind != "guard"):  # whose result nobody reads
        result = np.asarray(after[i.output])
        assert (result.shape, result.dtype) == (i.output.shape, i.output.dtype), f"another form: {i!r}"
        for v in i.values:
            shows = not i.output.scalar and i.target is None and np.may_share_memory(result, after[v])
            assert not shows or plan.base(i.output) is plan.base(v), (
                f"shows {v!r}, which the plan does not know: {i!r}")
    return made
