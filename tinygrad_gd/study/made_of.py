"""What unnamed arrays of an expression are made of: ``X.T``, ``X[:80]``, ``np.eye(10)[y]``.

NumPy computes such an array before a Tensor meets it, so that a graph has its values alone. The user's
variables are searched for an array that gives exactly these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..ground.registry import by_name
from ..ops.indexing import SLOT
from ..program.ir import Array, Instruction, Program, Value
from ..program.text.source import is_written_out

#: A primitive by its name, and its options; ``one_hot`` is what a row of np.eye is for an index.
Step = tuple[str, dict[str, Any]]


def with_origins(program: Program, variables: dict[str, np.ndarray[Any, Any]]) -> Program:
    """The program that makes of the user's arrays what was made of them, as far as that is found."""
    known = {i.value.name: i for i in program.inputs if isinstance(i, Array) and i.value.name}
    inputs: list[Any] = []
    first: list[Instruction] = []
    for given in program.inputs:
        found = None
        if isinstance(given, Array) and not given.value.name:
            known_to_text = given.internal or is_written_out(given)
            found = None if known_to_text else next(_origins(given.array, variables), None)
        if found is None or not isinstance(given, Array):
            inputs.append(given)
            continue
        name, steps = found
        if name not in known:
            inputs.append(known.setdefault(name, Array(Value.like(x := variables[name], name), x)))
        made = known[name]
        for step in steps:
            instruction, made, constants = _taken(step, made, given.array)
            first.append(instruction)
            inputs += constants
        first[-1] = replace(first[-1], output=given.value)
        given.value.name = "one_hot" if constants else ""
    return program.with_(inputs=tuple(inputs), instructions=(*first, *program.instructions))


def _taken(step: Step, x: Array, end: Any) -> tuple[Instruction, Array, list[Array]]:
    """An instruction, what it makes, and the constant it needs, if any; ``end`` is what all make."""
    name, options = step
    constants = []
    if name == "one_hot":
        rows = np.eye(end.shape[1], dtype=end.dtype)
        constants = [Array(Value.like(rows), rows, internal=True)]
        name, options = "getitem", {"key": (SLOT,)}
    primitive: Any = by_name(name)
    given = [*constants, x]
    array = primitive.run(*(i.array for i in given), **options)
    made = Array(Value.like(array), array)
    call = Instruction(primitive, tuple(i.value for i in given), made.value, options)
    return call, made, constants


def _origins(
    array: np.ndarray[Any, Any], variables: dict[str, np.ndarray[Any, Any]]
) -> Iterator[tuple[str, list[Step]]]:
    """A variable, and the steps that make the array of it."""
    turned: Step = ("transpose", {"axes": None})
    for name, x in variables.items():
        if x.dtype == array.dtype and x.ndim == array.ndim:
            if key := _part(x, array):
                yield name, [("getitem", {"key": key})]
            if x.ndim == 2 and _same(x.T, array):
                yield name, [turned]
            if x.ndim == 2 and (key := _part(x.T, array)):
                yield name, [turned, ("getitem", {"key": key})]
        if (x.ndim == 1 and x.dtype.kind in "iu" and array.ndim == 2 and len(x) == len(array)
                and x.size and 0 <= x.min() and x.max() < array.shape[1]
                and _same(np.eye(array.shape[1], dtype=array.dtype)[x], array)):
            yield name, [("one_hot", {})]


def _part(x: np.ndarray[Any, Any], array: np.ndarray[Any, Any]) -> tuple[slice, ...]:
    """The key of a part along one axis; empty if there is none."""
    shorter = [axis for axis, (n, m) in enumerate(zip(x.shape, array.shape, strict=True)) if n != m]
    few = 2 if array.dtype.kind == "f" else 4
    if len(shorter) != 1 or array.size < few or len(np.unique(array)) < 2:  # may be a part of much
        return ()
    axis, whole = shorter[0], x.shape[shorter[0]]
    length = array.shape[axis]
    for start in range(whole - length + 1):
        end = None if start + length == whole else start + length
        key = (*[slice(None)] * axis, slice(start or None, end))
        part = x[key]
        if part.flat[0] == array.flat[0] and _same(part, array):
            return key
    return ()


def _same(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> bool:
    return x.shape == y.shape and x.dtype == y.dtype and x.tobytes() == y.tobytes()
