"""Memory that Tensors share: a view sees what is written into its Tensor later, and so must a program.

In a program every value is made once. After a write, what shows the old values is therefore made
again of the new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ..ir import Instruction, Value


def follow(
    values: dict[Tensor, Any], target: Tensor, new: Any, instructions: list[Instruction],
    record: Callable[..., Any],
) -> None:
    """Let a Tensor have a new value, and those that show its memory views of that."""
    old, held = values[target], target._value
    values[target] = new
    owner = held if not isinstance(held, np.ndarray) or held.base is None else held.base
    made = {i.output: i for i in instructions if i.primitive.kind == "view"}
    for tensor, value in list(values.items()):
        seen = tensor._value
        shares = tensor is not target and getattr(seen, "base", None) is owner
        if shares and isinstance(value, Value) and np.may_share_memory(seen, held):
            values[tensor] = _anew(value, {old: new}, made, record)


def _anew(value: Any, new: Any, made: Any, record: Callable[..., Any]) -> Any:
    """A value made again, view by view, of new ones; itself if it shows none that is old."""
    if not isinstance(value, Value) or value in new or value not in made:
        return new.get(value, value) if isinstance(value, Value) else value
    i = made[value]
    first = _anew(i.inputs[0], new, made, record)
    if first is not i.inputs[0]:
        new[value] = record(i.primitive, (first, *i.inputs[1:]), i.params, replace(i.output))
    return new.get(value, value)
