"""From regions to cells: what is drawn as one box, in which clusters, with which edges between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .tree import Region
from .views import Units


class Cell(NamedTuple):
    """One box."""

    operations: list[int]  # those that have a box when nothing is folded
    region: Region | None  # what is folded into it
    cluster: int  # -1 for none


class Cluster(NamedTuple):
    """An open region."""

    region: Region
    around: int


@dataclass(eq=False)
class Link:
    """An edge between two cells."""

    times: int = 0
    flows: bool = False  # whether a gradient flows back along it
    main: bool = False  # whether it is on the longest path to the result


class Cells(NamedTuple):
    """A picture before anything is written."""

    cells: list[Cell]
    clusters: list[Cluster]
    links: dict[tuple[int, int], Link]


def cells_of(units: Units, root: Region) -> Cells:
    """What is drawn of a tree of regions, each edge once."""
    cells: list[Cell] = []
    clusters: list[Cluster] = []
    pending: list[tuple[int | Region, int]] = [(root, -1)]
    while pending:
        child, cluster = pending.pop()
        if not isinstance(child, Region):
            cells.append(Cell([child], None, cluster))
        elif child.closed:
            cells.append(Cell(child.operations, child, cluster))
        else:
            if child.kind != "all":
                clusters.append(Cluster(child, cluster))
                cluster = len(clusters) - 1
            pending.extend((c, cluster) for c in reversed(child.children))
    return Cells(cells, clusters, _links(units, cells))


def _links(units: Units, cells: list[Cell]) -> dict[tuple[int, int], Link]:
    recording = units.recording
    of = [-1] * len(recording.outs)
    for k, cell in enumerate(cells):
        for i in cell.operations:
            of[i] = k
    links: dict[tuple[int, int], Link] = {}
    for k, cell in enumerate(cells):
        for i in cell.operations:
            for source in units.sources[i]:
                if source >= 0 and of[source] != k and of[source] >= 0:
                    link = links.setdefault((of[source], k), Link())
                    link.times += 1
                    link.flows = link.flows or getattr(recording.outs[source], "requires_grad", True)
    last = of[units.hosts[recording.root]] if recording.root >= 0 else -1
    for ends in _longest_path(len(cells), links, last):
        links[ends].main = True
    return links


def ranks_of(count: int, links: dict[tuple[int, int], Link]) -> tuple[list[int], list[int]]:
    """How far down each cell is, and the cell before it on the longest way.

    What begins a way is as far down as its user allows.
    """
    ranks, best = [0] * count, [-1] * count
    for source, target in sorted(links, key=lambda ends: (ends[1], ends[0])):
        if source < target and ranks[source] + 1 > ranks[target]:
            ranks[target], best[target] = ranks[source] + 1, source
    nearest = [max(ranks, default=0)] * count
    for source, target in links:
        nearest[source] = max(min(nearest[source], ranks[target] - 1), 0)
    return [near if b < 0 else rank for rank, b, near in zip(ranks, best, nearest, strict=True)], best


def _longest_path(count: int, links: dict[tuple[int, int], Link], cell: int) -> list[tuple[int, int]]:
    _, best = ranks_of(count, links)
    path = []
    while cell >= 0 and best[cell] >= 0:
        path.append((best[cell], cell))
        cell = best[cell]
    return path
