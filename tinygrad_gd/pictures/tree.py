"""Regions: operations that belong together, nested, as the calls of modules are.

A region is drawn open, as a box around its boxes, or closed, as one box. Folding makes and closes
regions; the recording never changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .recording import Within
from .views import Units


@dataclass(eq=False)
class Region:
    """Operations and regions in order.

    Attributes
    ----------
    kind : "all", "pass" (forward, backward, update), "module", "step" of a loop, "many" equal ones,
        "chain" of one operation, "equal", or "way" of different operations in a chain.
    title, word : what it is called, and its class.
    path : of a module, in the outermost one.
    times, turn : how many equal parts it stands for, and how many children each of them has.
    closed : whether it is drawn as one box.
    """

    kind: str
    title: str = ""
    word: str = ""
    path: str = ""
    children: list[int | Region] = field(default_factory=list)
    times: int = 1
    turn: int = 1
    closed: bool = False

    @property
    def operations(self) -> list[int]:
        """All operations within."""
        found: list[int] = []
        pending: list[int | Region] = [self]
        while pending:
            child = pending.pop()
            if not isinstance(child, Region):
                found.append(child)
            elif (within := [c for c in child.children if not isinstance(c, Region)]) == child.children:
                found.extend(within)
            else:
                pending.extend(reversed(child.children))
        return found

    @property
    def first(self) -> int:
        """The first operation."""
        child: int | Region = self
        while isinstance(child, Region):
            child = child.children[0]
        return child


def regions_of(root: Region) -> Iterator[tuple[int, Region]]:
    """Every region with its depth, those around before those within."""
    pending = [(0, root)]
    while pending:
        depth, region = pending.pop()
        yield depth, region
        inner = [child for child in region.children if isinstance(child, Region)]
        pending.extend((depth + 1, child) for child in reversed(inner))


def tree_of(units: Units) -> Region:
    """A region for each call of a module that does more than one thing."""
    root = Region("all")
    if not units.recording.watched:
        root.children.extend(units.shown)
        return root
    table: dict[tuple[Any, ...], Region] = {(): root}
    notes = units.recording.notes
    passes = any(note.phase for note in notes)
    for i in units.shown:
        within = notes[i].within
        if passes:
            within = (Within(f"{notes[i].phase or 'forward'} pass", "", 0), *within)
        for depth in range(len(within)):
            inner = within[: depth + 1]
            if inner not in table:
                title = _shortened(inner[-1].path, within[depth - 1].path if depth else "")
                if depth and notes[i].phase == "backward":
                    title += " backward"
                kind = "pass" if passes and not depth else "module"
                table[inner] = Region(kind, title, inner[-1].kind, inner[-1].path)
                table[within[:depth]].children.append(table[inner])
        table[within].children.append(i)
    _prune(root)
    return root


def _shortened(path: str, around: str) -> str:
    """A path in the module around: ``0`` for ``layers.0`` in ``layers``."""
    return path.removeprefix(f"{around}.") if around else path


def _prune(root: Region) -> None:
    """A region with one child is that child."""
    for _, region in reversed(list(regions_of(root))):
        region.children = [child.children[0] if isinstance(child, Region) and len(child.children) == 1
                           else child for child in region.children]
