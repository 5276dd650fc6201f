"""Two captures of one function: where they differ, and which arrays were made anew in each."""

from __future__ import annotations

from typing import Any

from .ir import Argument, Array, Gradient, Program, State, Value
from .passes import identity, replaced


def difference(a: Program, b: Program) -> str:
    """Where two captures of the same function differ, in words; empty if nowhere."""
    table: dict[Value, Value] = {}
    for first, second in zip(a.inputs, b.inputs, strict=False):
        if type(first) is type(second) and _same_input(first, second):
            table[first.value] = second.value
    for old, new in zip(a.instructions, b.instructions, strict=False):
        pairs = list(zip(old.inputs, new.inputs, strict=False))
        if (old.primitive is not new.primitive or len(old.inputs) != len(new.inputs)
                or repr(old.params) != repr(new.params)
                or not all(_same(x, y, table) for x, y in pairs)):
            file, line = new.line
            return (f"{b.name}, {file}:{line}: what is computed there is not the same in every call "
                    f"({new.primitive.name}); pass what changes as an argument")
        table[old.output] = new.output
    if len(a.instructions) != len(b.instructions):
        return f"{b.name}: it does not compute the same number of operations in every call"
    if not _same_results(a, b, table):
        return f"{b.name}: it does not return or change the same things in every call"
    return ""


def _same_results(a: Program, b: Program, table: dict[Value, Value]) -> bool:
    old, new = ([*p.outputs, *(v for _, v in (*p.writes, *p.gradients))] for p in (a, b))
    return len(old) == len(new) and all(_same(x, y, table) for x, y in zip(old, new, strict=True))


def settled(a: Program, b: Program) -> Program:
    """The second of two captures, with arrays that each run made anew as the constants they are."""
    old = [i for i in a.inputs if isinstance(i, Array)]
    new = [i for i in b.inputs if isinstance(i, Array)]
    constants = {y.value: y.array for x, y in zip(old, new, strict=False) if x.array is not y.array}
    inputs = tuple(i for i in b.inputs if i.value not in constants)
    return replaced(b.with_(inputs=inputs), constants)


def _same_input(a: Any, b: Any) -> bool:
    if isinstance(a, State | Gradient):
        return a.tensor is b.tensor
    if isinstance(a, Argument):
        return bool(a.position == b.position)
    if isinstance(a, Array):
        return a.array is b.array or identity(a.array) == identity(b.array)
    return bool(a.text == b.text)


def _same(x: Any, y: Any, table: dict[Value, Value]) -> bool:
    if isinstance(x, Value) or isinstance(y, Value):
        return table.get(x) is y if isinstance(x, Value) else False
    return bool(identity(x) == identity(y))
