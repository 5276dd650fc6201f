"""``color_by``: how strong the colour of a head is says how large something is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.graph import Node
from ..engine.tensor import Tensor
from ..errors import OptionError, describe
from .boxes import Box, Graph
from .figures import number
from .slopes import size_of_slope


def colour(graph: Graph, by: Any) -> None:
    """Fill the boxes by the size of their gradients or arrays, or by a function of the node."""
    if by not in ("grad", "memory") and not callable(by):
        raise OptionError("draw: color_by is 'grad', 'memory' or a function of a node that returns a "
                          f"number, got {by!r}")
    sizes = [_size(graph, box, by) for box in graph.nodes]
    known = [x for x in sizes if x is not None and np.isfinite(x)]
    if not known:
        graph.notes.append("no colours: there is nothing to be compared")
        return
    low, high = min(known), max(known)
    shrink: Callable[[float], float] = np.log if low > 0 and high > 10 * low else float
    span = shrink(high) - shrink(low)
    for box, size in zip(graph.nodes, sizes, strict=True):
        if size is not None and np.isfinite(size):
            box.fill = float((shrink(size) - shrink(low)) / span) if span else 0.0
    what = {"grad": "gradient", "memory": "bytes"}.get(by, getattr(by, "__name__", "label"))
    form = "{:,.0f}".format if by == "memory" else number
    graph.notes.append(f"colour: {what}, {form(low)} (pale) to {form(high)} (strong)")


def _size(graph: Graph, box: Box, by: Any) -> float | None:
    """What is compared: of a box of many operations the largest, or of bytes the sum."""
    recording, units = graph.recording, graph.units
    if by == "grad":
        ends = map(units.end, box.places)
        found = [size_of_slope(graph.slopes[i]) for i in ends if i in graph.slopes]
        return max(found, default=None)
    outs = [recording.outs[i] for i in box.places]
    if by == "memory":
        return float(sum(np.prod(x.shape) * x.dtype.itemsize for x in outs))
    sizes = [by(Node(x)) for x in outs if isinstance(x, Tensor)]
    wrong = next((s for s in sizes if not isinstance(s, int | float | np.number)), None)
    if wrong is not None:
        raise OptionError(f"draw: color_by: the function returns a number, got {describe(wrong)}")
    return max(map(float, sizes), default=None)
