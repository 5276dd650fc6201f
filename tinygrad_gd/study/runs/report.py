"""A recorded run as text: its curves in lines of sparks, some steps in numbers, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill
from typing import Any

import numpy as np

from ..bars import is_steep, spark
from ..words import WIDTH, figure
from .run import Array, Run
from .verdict import reach_of, rows_of, verdict

#: So many parameters have columns and curves of their own.
SHOWN = 6
#: Columns of a line of sparks, where there is room.
SPARKS = 40
#: About how wide a column of numbers is.
COLUMN = 10

#: How many columns wider than text the table may be.
WIDER = 4


def report(run: Run, title: str, width: int = WIDTH) -> str:
    """What `python -m tinygrad_gd replay` prints, in lines of this width."""
    return "\n".join(line.rstrip() for line in _lines(run, title, width))


def headline(run: Run, title: str) -> str:
    """What ran, in a line."""
    numbers = sum(int(np.prod(shape)) for shape in run.shapes)
    options = ", ".join(f"{k} {v:g}" for k, v in run.options.items() if v and k in ("lr", "momentum"))
    by = f" by {run.optimizer}" if run.optimizer else ""
    return (f"{title}: {run.steps} steps of {_counted(numbers, 'number')} in "
            f"{_counted(len(run.names), 'parameter')}{by}{f', {options}' if options else ''}"
            f"{f' ({run.place})' if run.line else ''}")


def _lines(run: Run, title: str, width: int) -> Iterator[str]:
    yield fill(headline(run, title), width)
    yield ""
    yield from _curves(run, width)
    yield ""
    found = verdict(run)
    yield from _table(run, rows_of(run, found), width)
    yield ""
    yield fill(found.why, width)
    if found.cures:
        yield "What helps:"
        for cure in found.cures:
            yield fill(f"- {cure}.", width, subsequent_indent="  ")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _curves(run: Run, width: int) -> Iterator[str]:
    rows: list[tuple[str, Array, str]] = [("loss", run.loss, ""), ("gradient", run.slope, "")]
    if np.isfinite(run.reach).any():
        rows.append(("reach", run.reach.round(2), _reaches(run.reach)))
    names = max(len(name) for name, _, _ in rows)
    said = [(said or f"{figure(values[0])} -> {figure(values[-1])}")
            + (", log scale" if is_steep(values) else "") for _, values, said in rows]
    room = max(10, min(SPARKS, width - names - 4 - max(map(len, said))))
    for (name, values, _), words in zip(rows, said, strict=True):
        yield f"{name.ljust(names)}  {spark(values.tolist(), room)}  {words}"
    if np.isfinite(run.reach).any():
        down = "; below 0 the loss has no bottom along it" if (run.reach < 0).any() else ""
        yield fill("Reach is how far a step goes: 1 is the bottom of the parabola that the loss is "
                   "along the step; between 1 and 2 it crosses the bottom and still lands lower; "
                   f"above 2 it lands higher than it began{down}.", width)


def _reaches(reach: Array) -> str:
    known = reach[np.isfinite(reach)]
    low, middle, high = np.quantile(known, [0, 0.5, 1])
    if reach_of(low) == reach_of(high):
        return f"{reach_of(middle)} at every step"
    return f"from {reach_of(low)} to {reach_of(high)}, {reach_of(middle)} in the middle"


def _table(run: Run, rows: list[int | None], width: int) -> Iterator[str]:
    whole = run.values.ndim == 2 and run.values.shape[1] <= SHOWN and run.steps > 0
    names = columns(run) if whole else [f"|g of {name}|" for name in run.names[:SHOWN]]
    room = np.cumsum([max(len(name), COLUMN) + 2 for name in names]) + 4 * COLUMN
    names = [name for name, end in zip(names, room, strict=True) if end <= width + WIDER]
    held = (run.values if whole else run.gradients)[:, : len(names)]
    reached = np.isfinite(run.reach).any()
    cells: list[list[str]] = [["step", "loss", "|gradient|", *(["reach"] if reached else []), *names]]
    for k in rows:
        if k is None:
            cells.append(["..."])
            continue
        reach = [reach_of(run.reach[k]) if np.isfinite(run.reach[k]) else "-"] if reached else []
        cells.append([str(k + 1), figure(run.loss[k]), figure(run.slope[k]), *reach,
                      *(figure(v) for v in held[k])])
    widths = [max(len(row[i]) for row in cells if len(row) > i) for i in range(len(cells[0]))]
    for row in cells:
        yield "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=False))


def columns(run: Run) -> list[str]:
    """A name for each number of the parameters."""
    names: list[Any] = []
    for name, shape in zip(run.names, run.shapes, strict=True):
        names += [name] if not shape else [
            f"{name}[{', '.join(map(str, index))}]" for index in np.ndindex(*shape)]
    return names
