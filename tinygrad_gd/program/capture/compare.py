"""Two captures of one function: where they differ, and which arrays were made anew in each."""

from __future__ import annotations

from typing import Any

from ...ground.user_code import located
from ..ir import Argument, Array, Gradient, Program, State, Value, identity, replaced


def difference(a: Program, b: Program, line: tuple[str, int]) -> str:
    """Where two captures of the function at ``line`` differ, in words; empty if nowhere."""
    table: dict[Value, Value] = {}
    for first, second in zip(a.inputs, b.inputs, strict=False):
        if type(first) is type(second) and (_same_gradient(a, first, b, second) if isinstance(
                first, Gradient) else _same_input(first, second)):
            table[first.value] = second.value
    for old, new in zip(a.instructions, b.instructions, strict=False):
        pairs = list(zip(old.inputs, new.inputs, strict=False))
        if (old.primitive is not new.primitive or len(old.inputs) != len(new.inputs)
                or (new.primitive.kind != "guard" and repr(old.params) != repr(new.params))
                or not all(_same(x, y, table) for x, y in pairs)):
            return located(b.name, new.line, (
                f"what is computed there is not the same in every call ({new.primitive.name}); pass "
                "what changes as an argument"))
        table[old.output] = new.output
    if len(a.instructions) != len(b.instructions):
        short, long = sorted((a.instructions, b.instructions), key=len)
        return located(b.name, long[len(short)].line, "what is computed there is not computed in every "
                       "call; make two functions of it, or use tg.where")
    return "" if _same_results(a, b, table) else located(
        b.name, line, "it does not return or change the same things in every call; return always the "
        "same, and do the rest outside")


def _same_results(a: Program, b: Program, table: dict[Value, Value]) -> bool:
    old, new = ([*p.outputs, *(v for _, v in (*p.writes, *p.gradients))] for p in (a, b))
    return len(old) == len(new) and all(_same(x, y, table) for x, y in zip(old, new, strict=True))


def settled(a: Program, b: Program) -> tuple[Program, bool]:
    """The second of two captures, with arrays that each run made anew as the constants they are.

    Also whether these may have been computed, by plain NumPy, from other arrays. Parts of one array
    that both runs have taken are not made anew: they show what is in it.
    """
    arrays = ([i for i in p.inputs if isinstance(i, Array)] for p in (a, b))
    fresh = [y for x, y in zip(*arrays, strict=False) if not _same_memory(x.array, y.array)]
    constants = {y.value: y.array for y in fresh}
    b = b.with_(inputs=tuple(i for i in b.inputs if i.value not in constants),
                instructions=tuple(i for i in b.instructions if not (  # of what does not change
                    i.primitive.kind == "guard" and constants.keys() & set(i.values))))
    return replaced(b, constants), any(not y.internal for y in fresh)


def _same_memory(x: Any, y: Any) -> bool:
    """Whether both are one array, or the same part of one."""
    return x is y or bool(x.__array_interface__ == y.__array_interface__)


def _same_gradient(a: Program, first: Any, b: Program, second: Any) -> bool:
    """Whether both are of one Tensor from outside, or of the argument at one place."""
    place = a.position(first.tensor)
    return place == b.position(second.tensor) and (
        place is not None or first.tensor is second.tensor)


def _same_input(a: Any, b: Any) -> bool:
    if isinstance(a, State):
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
