"""How wide and high a picture will be, before any engine has placed its boxes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from .cells import Cells, ranks_of
from .letters import LONGEST

#: In points: a letter, beside a text, a row, beside a box, below a row of boxes, beside an edge that
#: passes other boxes, and around a frame.
LETTER, CELL, ROW, BESIDE, BELOW, PASSING, FRAME = 5.2, 10, 16, 18, 20, 40, 26


class Extent(NamedTuple):
    """In points."""

    width: float
    height: float


def least_length(drawn: Cells) -> float:
    """No picture of these cells is shorter than this."""
    ranks, _ = ranks_of(len(drawn.cells), drawn.links)
    return (max(ranks, default=0) + 1) * (ROW + BELOW)


def extent_of(drawn: Cells, boxes: list[Any], downwards: bool) -> Extent:
    """About how much room the boxes of these cells need, in frames and with edges between."""
    ranks, _ = ranks_of(len(drawn.cells), drawn.links)
    rows = max(ranks, default=0) + 1
    across = [dict[int, float]() for _ in range(len(drawn.clusters) + 1)]  # the last is of the whole
    along = [0.0] * rows
    for cell, rank, box in zip(drawn.cells, ranks, boxes, strict=True):
        wide, high = _size_of(box)
        _widen(across[cell.cluster], (rank,), (wide if downwards else high) + BESIDE)
        along[rank] = max(along[rank], high if downwards else wide)
    for k, cluster in reversed(list(enumerate(drawn.clusters))):
        if own := across[k]:  # what is beside a frame is in no row of it; passes stand side by side
            beside = range(rows) if cluster.region.kind == "pass" else range(min(own), max(own) + 1)
            _widen(across[cluster.around], beside, max(own.values()) + FRAME)
    for source, target in drawn.links:
        _widen(across[-1], range(ranks[source] + 1, ranks[target]), PASSING)
    length = sum(along) + BELOW * rows + FRAME * len(drawn.clusters)
    breadth = max(across[-1].values(), default=0.0)
    return Extent(breadth, length) if downwards else Extent(length, breadth)


def _size_of(box: Any) -> tuple[float, float]:
    """Width and height of a box."""
    lines: list[tuple[str, ...]] = [(box.title, box.word, box.shape)]
    lines += ((row.called, row.text, row.grad) for row in box.rows)
    if box.kind in ("module", "many"):
        lines.append((box.expression,))
    if box.kind != "view" or box.word:
        lines.append((box.value, box.grad))
    wide = max(sum(LETTER * min(len(text), LONGEST) + CELL for text in line if text) for line in lines)
    return wide, ROW * sum(any(line) for line in lines)


def _widen(across: dict[int, float], ranks: Iterable[int], points: float) -> None:
    for rank in ranks:
        across[rank] = across.get(rank, 0.0) + points
