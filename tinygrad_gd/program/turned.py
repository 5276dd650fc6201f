"""Products that are written in the order in which they are read, so that no copy turns their axes.

::

    y = a @ b                      axes in memory (batch, head, place, n)
    y.swapaxes(1, 2)               a view: (batch, place, head, n)
    y.reshape(batch, place, -1)    a copy, unless y lies as (batch, place, head, n)

BLAS writes each matrix of ``y`` wherever its rows lie: the numbers, and their sums, are the same.
"""

from __future__ import annotations

from dataclasses import replace

from .factors import Factors
from .ir import Instruction, Program, Value
from .tidy import order_of, reshapes


def turn_products(program: Program) -> Program:
    """Let products of many matrices lie so that the reshape that reads them needs no copy."""
    made, root = program.made, Factors(program).root
    lasting = set(map(root, program.results))  # which get memory of their own in each call
    table: dict[Value, Value] = {}
    for i in program.instructions:
        if not reshapes(i) or not i.output.in_order or root(i.output) in lasting:
            continue
        x = i.inputs[0]
        axes, turned = list(range(len(x.shape))), {}
        while isinstance(x, Value) and x in made and len(program.users[x]) == 1:
            turned[x], before = replace(x, axes=tuple(axes)), made[x]
            if _writes_rows(before, turned[x]):
                table |= turned
            if (order := order_of(before)) is None:
                break
            axes, x = [order[axis] for axis in axes], before.inputs[0]
    return program.with_(instructions=tuple(
        replace(i.rewired(table), output=table.get(i.output, i.output)) for i in program.instructions))


def _writes_rows(i: Instruction, form: Value) -> bool:
    """Whether BLAS can write each matrix of a product into an array of this form, row by row."""
    last = len(form.shape) - 1
    return (i.primitive.name == "matmul" and last > 1 and form.axes[-1] == last
            and min(form.shape[-2:]) > 1 and i.output.in_order and not i.output.scalar)
