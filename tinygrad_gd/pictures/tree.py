"""Regions: operations that belong together, nested, as the calls of modules are.

A region is drawn open, as a box around its boxes, or closed, as one box. Folding makes and closes
regions; the recording never changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .recording import Within
from .tangles import in_order
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
    recording = units.recording
    if not recording.watched:
        return Region("all", children=[*units.shown])
    notes = recording.notes
    passes = any(note.phase for note in notes)
    around = {i: (Within(f"{notes[i].phase or 'forward'} pass", "", 0), *notes[i].within) if passes
              else notes[i].within for i in units.shown}
    while True:
        root = _nested(units, around, passes)
        cut = [(depth, run) for depth, region in regions_of(root) for run in _ordered(units, region)]
        for depth, run in cut:
            for i in run:
                if depth < len(around[i]):
                    call = around[i][depth]._replace(call=~run[0])
                    around[i] = (*around[i][:depth], call, *around[i][depth + 1 :])
        if not cut:
            _prune(root)
            return root


def _nested(units: Units, around: dict[int, tuple[Within, ...]], passes: bool) -> Region:
    """A region for each call that is around operations."""
    root = Region("all")
    table: dict[tuple[Within, ...], Region] = {(): root}
    for i, within in around.items():
        for depth in range(len(within)):
            inner = within[: depth + 1]
            if inner not in table:
                title = _shortened(inner[-1].path, within[depth - 1].path if depth else "")
                if depth and units.recording.notes[i].phase == "backward":
                    title += " backward"
                kind = "pass" if passes and not depth else "module"
                table[inner] = Region(kind, title, inner[-1].kind, inner[-1].path)
                table[within[:depth]].children.append(table[inner])
        table[within].children.append(i)
    return root


def _ordered(units: Units, region: Region) -> list[list[int]]:
    """Put children after what they need; if they need each other, what to cut them into."""
    if not any(isinstance(child, Region) for child in region.children):
        return []
    order, cut = in_order(units.sources, [child.operations if isinstance(child, Region) else [child]
                                          for child in region.children])
    if not cut:
        region.children = [region.children[k] for k in order]
    return cut


def _shortened(path: str, around: str) -> str:
    """A path in the module around: ``0`` for ``layers.0`` in ``layers``."""
    return path.removeprefix(f"{around}.") if around else path


def _prune(root: Region) -> None:
    """A region with one child is that child."""
    for _, region in reversed(list(regions_of(root))):
        region.children = [child.children[0] if isinstance(child, Region) and len(child.children) == 1
                           else child for child in region.children]
