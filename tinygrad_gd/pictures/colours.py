"""``color_by``: how strong the colour of a head is says how large something is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.graph import Node
from ..engine.tensor import Tensor
from ..errors import OptionError, describe
from ..program.timing import times
from .boxes import Box, Graph
from .figures import duration, duration_and_share, norms, number
from .rows import Row

#: What is compared, and how it is written.
WORDS: dict[Any, tuple[str, Callable[[float], str]]] = {
    "grad": ("gradient", number), "memory": ("bytes", "{:,.0f}".format), "time": ("time", duration)}


def colour(graph: Graph, by: Any) -> None:
    """Fill the boxes by what their gradients, arrays or time are, or by a function of the node."""
    if not (callable(by) or (isinstance(by, str) and by in WORDS)):
        raise OptionError("draw: color_by is 'grad', 'memory', 'time' or a function of a node that "
                          f"returns a number, got {by!r}")
    sizes = _measured(graph) if by == "time" else [_size(graph, box, by) for box in graph.nodes]
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
    what, form = WORDS[by] if isinstance(by, str) else (getattr(by, "__name__", "label"), number)
    graph.notes.append(f"colour: {what}, {form(low)} (pale) to {form(high)} (strong)")


def _size(graph: Graph, box: Box, by: Any) -> float | None:
    """What is compared: of a box of many operations the largest, or of bytes the sum."""
    recording, units = graph.recording, graph.units
    if by == "grad":
        found = norms([graph.slopes[i] for i in units.ends(box.places) if i in graph.slopes])
        return max(found, default=None)
    outs = [recording.outs[i] for i in box.places]
    if by == "memory":
        return float(sum(np.prod(x.shape) * x.dtype.itemsize for x in outs))
    sizes = [by(Node(x)) for x in outs if isinstance(x, Tensor)]
    wrong = next((s for s in sizes if not isinstance(s, int | float | np.number)), None)
    if wrong is not None:
        raise OptionError(f"draw: color_by: the function returns a number, got {describe(wrong)}")
    return max(map(float, sizes), default=None)


def _measured(graph: Graph) -> list[float]:
    """The seconds of each box, which are written into it with their share of all."""
    program = graph.recording.program
    if program is None:
        raise OptionError("draw: color_by='time' runs the instructions of a compiled step one by one; "
                          "compile the step with tg.compile, call it, and draw it")
    seconds = list(times(program).values())
    graph.seconds = sum(seconds)
    for box in graph.nodes:
        box.seconds = sum(seconds[k] for i in box.places for k in graph.units.members(i))
        box.rows.append(Row("option", ", ".join(duration_and_share(box.seconds, graph.seconds))))
    graph.notes.append(f"{duration(graph.seconds)} in all, each operation by itself; a replay of the "
                       "step shares buffers and takes less")
    return [box.seconds for box in graph.nodes]
