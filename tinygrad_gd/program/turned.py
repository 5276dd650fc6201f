"""Passes about the order of axes: turns that cancel each other, or that a product makes needless.

A product of many matrices is written in the order in which it is read, so that no copy turns its axes::

    y = a @ b                      axes in memory (batch, head, place, n)
    y.swapaxes(1, 2)               a view: (batch, place, head, n)
    y.reshape(batch, place, -1)    a copy, unless y lies as (batch, place, head, n)

BLAS writes each matrix of ``y`` wherever its rows lie: the numbers, and their sums, are the same.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import dropwhile

from ..ops.shape import reshape
from .factors import Factors
from .ir import Instruction, Program, Value


def drop_turns(program: Program) -> Program:
    """Leave out what reshapes or turns an array back, and reshape once what is reshaped twice."""
    made, results, kept = dict(program.made), set(program.results), []
    table: dict[Value, Value] = {}
    late = {v for i in dropwhile(lambda i: i.target is None, program.instructions) for v in i.values}
    for i in program.instructions:
        i = i.rewired(table)
        source = i.inputs[0] if i.inputs else None
        before = made.get(source) if isinstance(source, Value) else None
        if before is not None and _turns_back(i, before):
            source = before.inputs[0]
        elif before is not None and _reshapes(i) and _reshapes(before) and (
                before.inputs[0].lies_like(i.output)
                or (program.uses[before.output] == 1 and not before.output.name)):
            i = replace(i, inputs=before.inputs)
            source = i.inputs[0]
        elif not _reshapes(i):
            source = None
        made[i.output] = i
        kept.append(i)
        lasts = (source in made and made[source].target is None) or i.output not in late
        free = i.output not in results or (source in made and i.output not in program.owned)
        if isinstance(source, Value) and lasts and free and source.lies_like(i.output):
            table[i.output] = source
            if source in made:
                source.stands_for(i.output)
    return program.with_(instructions=tuple(kept)).replaced(table)


def turn_products(program: Program) -> Program:
    """Let products of many matrices lie so that the reshape that reads them needs no copy."""
    made, root = program.made, Factors(program).root
    lasting = set(map(root, program.results))  # which get memory of their own in each call
    table: dict[Value, Value] = {}
    for i in program.instructions:
        if not _reshapes(i) or not i.output.in_order or root(i.output) in lasting:
            continue
        x = i.inputs[0]
        axes, turned = list(range(len(x.shape))), {}
        while isinstance(x, Value) and x in made and len(program.users[x]) == 1:
            turned[x], before = replace(x, axes=tuple(axes)), made[x]
            if _writes_rows(before, turned[x]):
                table |= turned
            if (order := _order(before)) is None:
                break
            axes, x = [order[axis] for axis in axes], before.inputs[0]
    return program.with_(instructions=tuple(
        replace(i.rewired(table), output=table.get(i.output, i.output)) for i in program.instructions))


def _writes_rows(i: Instruction, form: Value) -> bool:
    """Whether BLAS can write each matrix of a product into an array of this form, row by row."""
    last = len(form.shape) - 1
    return (i.primitive.name == "matmul" and last > 1 and form.axes[-1] == last
            and min(form.shape[-2:]) > 1 and i.output.in_order and not i.output.scalar)


def _reshapes(i: Instruction) -> bool:
    """Whether an instruction reshapes a value in C order."""
    return (i.primitive is reshape and isinstance(i.inputs[0], Value)
            and i.params.get("order", "C") in ("C", None))


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


def _turns_back(i: Instruction, before: Instruction) -> bool:
    """Whether ``i`` undoes the order that the instruction before it gives axes."""
    first, then = _order(before), _order(i)
    return first is not None and then is not None and isinstance(before.inputs[0], Value) and (
        [first[axis] for axis in then] == sorted(then))
