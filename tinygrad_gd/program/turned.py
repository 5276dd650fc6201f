"""Products that are written in the order in which they are read, so that no copy turns their axes.

::

    y = a @ b                      axes in memory (batch, head, place, n)
    y.swapaxes(1, 2)               a view: (batch, place, head, n)
    y.reshape(batch, place, -1)    a copy, unless y lies as (batch, place, head, n)

BLAS writes each matrix of ``y`` wherever its rows lie: the numbers, and their sums, are the same.
"""

from __future__ import annotations

from dataclasses import replace

from .ir import SHOWING, Instruction, Program, Value, rewired, users_of
from .tidy import reshapes


def turn_products(program: Program) -> Program:
    """Let products of many matrices lie so that the reshape that reads them needs no copy."""
    made, users = {i.output: i for i in program.instructions}, users_of(program)
    lasting = _lasting(program)
    table: dict[Value, Value] = {}
    for i in program.instructions:
        if not reshapes(i) or not i.output.in_order or i.output in lasting:
            continue
        x = i.inputs[0]
        axes, turned = list(range(len(x.shape))), {}
        while isinstance(x, Value) and x in made and len(users[x]) == 1 and x not in lasting:
            turned[x], before = replace(x, axes=tuple(axes)), made[x]
            if _writes_rows(before, turned[x]):
                table |= turned
            if (order := _order(before)) is None:
                break
            axes, x = [order[axis] for axis in axes], before.inputs[0]
    return program.with_(instructions=tuple(
        replace(rewired(i, table), output=table.get(i.output, i.output)) for i in program.instructions))


def _lasting(program: Program) -> set[Value]:
    """The results, which get memory of their own in each call, and what they show."""
    found = set(program.results)
    for i in reversed(program.instructions):
        if i.primitive.kind in SHOWING and i.output in found:
            found.update(i.values)
    return found


def _order(i: Instruction) -> list[int] | None:
    """Which axis of its argument each axis of a result is, of an instruction that turns axes."""
    order = list(range(len(i.output.shape)))
    if i.primitive.name == "swapaxes":
        a, b = i.params["axis1"], i.params["axis2"]
        order[a], order[b] = order[b], order[a]
        return order
    if i.primitive.name != "transpose":
        return None
    return order[::-1] if i.params["axes"] is None else [order[axis] for axis in i.params["axes"]]


def _writes_rows(i: Instruction, form: Value) -> bool:
    """Whether BLAS can write each matrix of a product into an array of this form, row by row."""
    last = len(form.shape) - 1
    return (i.primitive.name == "matmul" and last > 1 and form.axes[-1] == last
            and min(form.shape[-2:]) > 1 and i.output.in_order and not i.output.scalar)
