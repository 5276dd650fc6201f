"""The data that a recorded loss multiplies with parameters, and the same loss of standardised data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import Node, nodes_of
from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import ShapeError
from ..ground.modes import using
from ..pictures.names import array_key, names_for

Array = np.ndarray[Any, Any]

#: A column is left as it is if its deviation is within this factor of 1, and its mean below that.
FACTOR = 3.0


class Column(NamedTuple):
    """One input column, and what to subtract from it and then divide it by."""

    name: str
    mean: float
    deviation: float


class Use(NamedTuple):
    """Where data meet a parameter: the operation, the argument, the axis of its columns."""

    node: Tensor
    position: int
    axis: int


class Data:
    """One array of data that goes into all of ``losses``: a batch of it into each."""

    def __init__(self, batches: Sequence[list[Use]], names: Sequence[str] | None) -> None:
        self.batches = batches
        rows = np.concatenate([_rows(uses[0]) for uses in batches])
        self.mean, self.deviation = rows.mean(0), rows.std(0)
        names = self._names(names)
        # a column without deviation is no input but, as one of ones is, a bias
        apart = (np.abs(self.mean) > self.deviation) | (
            np.abs(np.log(np.where(self.deviation, self.deviation, 1))) > np.log(FACTOR))
        self.chosen = apart & (self.deviation > 1e-9 * np.abs(self.mean))
        self.columns = [Column(names[i], float(self.mean[i]), float(self.deviation[i]))
                        for i in np.flatnonzero(self.chosen)]

    def _names(self, names: Sequence[str] | None) -> list[str]:
        if names is not None:
            if len(names) != len(self.mean):
                raise ShapeError(f"advise: expected a name for each of the {len(self.mean)} columns "
                                 "that the loss multiplies with parameters, got "
                                 f"{len(names)} in columns=")
            return [str(name) for name in names]
        held = _held(self.batches[0][0])
        key = held if isinstance(held, Tensor) else array_key(held)
        name = names_for([held]).get(key, "the input")
        several = len(self.mean) > 1
        return [f"{name}[:, {i}]" if several else name for i in range(len(self.mean))]

    def scaled(self, use: Use) -> Array:
        """The array as it would be with its columns standardised."""
        mean, deviation = np.where(self.chosen, self.mean, 0), np.where(self.chosen, self.deviation, 1)
        array = _values(use)
        axis = use.axis if array.ndim > 1 else -1
        moved = np.moveaxis((np.moveaxis(array, axis, -1) - mean) / deviation, -1, axis)
        return moved.astype(array.dtype) if array.dtype.kind == "f" else moved


def data_of(losses: Sequence[Tensor], params: Sequence[Tensor],
            names: Sequence[str] | None) -> list[Data]:
    """The data that all losses multiply with parameters; nothing if they are not of one form."""
    uses = [_uses(loss, set(params)) for loss in losses]
    if len({len(found) for found in uses}) > 1:
        return []
    return [Data(batches, names) for batches in zip(*uses, strict=True)]


def standardised(loss: Tensor, batch: int, data: Sequence[Data]) -> Tensor:
    """The loss, recorded again with the columns of its data standardised."""
    replaced = {(use.node, use.position): d.scaled(use) for d in data for use in d.batches[batch]}
    made: dict[Any, Any] = {}
    with using(grad=True):
        for node in nodes_of(loss):
            inputs = tuple(replaced[node.tensor, i] if (node.tensor, i) in replaced
                           else made.get(x, x) if isinstance(x, Tensor) else x
                           for i, x in enumerate(node.inputs))
            made[node.tensor] = apply(node.op, inputs, dict(node.params))
    return made[loss]  # type: ignore[no-any-return]


def _uses(loss: Tensor, params: set[Tensor]) -> list[list[Use]]:
    """Where data meet parameters, one list for each array."""
    found: dict[Any, list[Use]] = {}
    for node in nodes_of(loss):
        for i, x in enumerate(node.inputs[:2]):
            axis = _axis(node, i, params)
            if axis is not None:
                key = x if isinstance(x, Tensor) else array_key(x)
                found.setdefault(key, []).append(Use(node.tensor, i, axis))
    return list(found.values())


def _axis(node: Node, position: int, params: set[Tensor]) -> int | None:
    """Along which axis an argument has its columns, if it is data that meet a parameter."""
    x, other = node.inputs[position], node.inputs[1 - position] if len(node.inputs) > 1 else None
    if not isinstance(x, Tensor | np.ndarray) or not isinstance(other, Tensor) or x.size < 2:
        return None
    if isinstance(x, Tensor) and (x.requires_grad or x.op is not None):
        return None
    while other.op is not None and other.op.kind == "view":
        other = other.inputs[0]
    if other not in params:
        return None
    name = node.op.name
    if name == "multiply":
        return -1 if other.size < x.size and (x.ndim > 1 or other.size == 1) else None  # else a mask
    if name in ("matmul", "dot", "linear") and x.ndim > 1:
        return -1 if position == 0 else -2
    return None


def _held(use: Use) -> Any:
    return use.node.inputs[use.position]


def _values(use: Use) -> Array:
    held = _held(use)
    return np.asarray(Node(held).value if isinstance(held, Tensor) else held)


def _rows(use: Use) -> Array:
    """The data as a matrix with a row for each time that the columns are used."""
    array = _values(use)
    if array.ndim == 1:
        return array[:, None].astype(float)
    moved = np.moveaxis(array, use.axis, -1)
    return moved.reshape(-1, moved.shape[-1]).astype(float)
