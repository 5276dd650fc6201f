"""What the text of a program computes, and what its instructions compute one by one."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd.engine.tensor import Tensor
from tinygrad_gd.ground.pytree import flatten
from tinygrad_gd.ops.unnamed import OtherMask
from tinygrad_gd.program.ir import Argument, Array, Number, State, Value
from tinygrad_gd.program.passes import readable
from tinygrad_gd.program.text.source import by_default, parameters_of, source_of


def call(function: Any, program: Any) -> Any:
    """Call the function of a program's text with the values that its inputs have now."""
    values: list[Any] = []
    numbers: dict[str, float] = {}
    optional: list[Any] = []
    for given in parameters_of(program):
        if isinstance(given, Number):
            numbers.update((k, float(options[key])) for k, (options, key) in given.origins.items())
        elif isinstance(given, Array):
            (optional if by_default(given) else values).append(given.array)
        else:
            values.append(given.tensor._value)
    result = function(*values, *numbers.values(), *optional)
    if result is None:  # what comes before a write to data may be nothing
        return ()
    return result if isinstance(result, tuple) else (result,)


def executed(program: Any) -> list[Any]:
    """What the text of a program returns for the present values of its inputs and random numbers."""
    space: dict[str, Any] = {}
    exec(source_of(program), space)
    if "rng" in space:
        space["rng"].bit_generator.state = tg.generator().bit_generator.state
    return list(call(space[program.name], program))


def of_step(step: Any) -> list[Any]:
    """What the text of a compiled step returns."""
    return executed(readable(step.captured))


def _given(i: Any) -> Any:
    if isinstance(i, Number):
        return eval(i.text, {}, {name: float(options[key]) for name, (options, key) in i.origins.items()})
    if isinstance(i, Array):
        return i.array
    return i.tensor._value


def interpreted(program: Any) -> list[Any]:
    """The results, new states and gradients of the instructions, each run by its primitive."""
    held = {i.value: _given(i) for i in program.inputs}
    generator = tg.generator()
    before = generator.bit_generator.state
    try:
        for i in program.instructions:
            inputs = [held[x] if isinstance(x, Value) else x for x in i.inputs]
            result = i.primitive.run(*inputs, **i.params)
            held[i.output] = result if i.target is None else (
                np.broadcast_to(result, i.output.shape).astype(i.output.dtype))
    finally:
        generator.bit_generator.state = before
    states = {i.tensor: i.value for i in program.inputs if isinstance(i, State)}
    for state, value in program.writes:  # a state that is returned is returned as it is then
        held[state.value] = held[value]
    outputs = [held[x] if isinstance(x, Value) else held[states[x]] if x in states
               else x._value if isinstance(x, Tensor) else x for x in program.outputs]
    return [*outputs, *(held[v] for _, v in (*program.writes, *program.gradients))]


def bits(x: Any) -> Any:
    """What two results have in common if they are the same to the last bit."""
    x = np.asarray(x)
    return x.dtype, x.shape, np.where(np.isnan(x), 0, x).astype(x.dtype).tobytes() if x.dtype.kind in "fc" else x.tobytes()


def assert_text_takes_the_step(run: Any) -> Any:
    """The next call of a compiled step gives what the text does; returns its result."""
    program = run.captured
    if any(isinstance(i, Argument | Array) for i in program.inputs) and not hasattr(run, "audit"):
        return run()  # what the next call in lockstep brings is not known yet
    try:
        got = [np.array(x) for x in executed(readable(program))]  # the step changes parameters in place
    except tg.CaptureError as error:
        assert "cannot be written as text" in str(error)
        return run()
    result = run()
    assert run.captured is program
    written = [state.tensor for state, _ in program.writes]
    expected = [*flatten(result), *written, *(leaf._grad for leaf, _ in program.gradients)]
    assert len(got) == len(expected) > 0
    for a, b in zip(got, expected, strict=True):
        b = b.numpy() if isinstance(b, Tensor) else b
        assert bits(a) == bits(b), f"{a!r}\n{b!r}\n{run.source}"
    return result


def assert_text_computes(program: Any) -> None:
    """Text and instructions give the same, for the values that the inputs have now."""
    if program.kept or any(isinstance(i, Argument) for i in program.inputs):
        return  # a segment is no text for people; what is recorded in lockstep is compared as a whole
    read = readable(program)
    constants = [x for i in read.instructions for x in i.inputs if isinstance(x, np.ndarray)]
    if not all(Value.like(x).dense for x in constants):
        return  # BLAS takes them another way than what lies in one piece, as all that is written out
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = interpreted(program)
        except (OtherMask, tg.IndexingError):
            return  # what the program refuses
        try:
            got = executed(read)
        except tg.CaptureError as error:
            assert "cannot be written as text" in str(error)
            return
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        assert bits(a) == bits(b), f"{a!r}\n{b!r}\n{source_of(read)}"
