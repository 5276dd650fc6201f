"""The drawn graph, and which element of it is what: all that is known here of how graphs are drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ...engine.graph import leaves_of, nodes_of
from ...engine.tensor import Tensor
from ...pictures import draw
from ..again import twin
from ..naming import Names


class Spot(NamedTuple):
    """Where a node is seen: an element, and texts in it. A leaf is a row, which its label heads."""

    element: str
    label: str
    value: str
    grad: str


class Picture(NamedTuple):
    """An SVG.

    Attributes
    ----------
    svg, alone : for a page, whose style sheet says how it looks, and one that stands alone.
    ids : of tensors; values come about in the order of their numbers.
    arrays : the ids of arrays, by their own ``id()``; the graph keeps them alive.
    kinds, spots : of each id.
    edges : source, target and, where there is one, the element of the arrow.
    """

    svg: str
    alone: str
    ids: dict[Tensor, str]
    arrays: dict[int, str]
    kinds: dict[str, str]
    spots: dict[str, list[Spot]]
    edges: list[tuple[str, str, str]]


def picture_of(root: Tensor, names: Names) -> Picture:
    """Draw a graph with values and gradients, also where `backward` has not been called."""
    drawn = root
    if all(x.grad is None for x in leaves_of(root)):  # no gradients would be drawn
        drawn, _ = twin(root, _named(names))
        drawn.backward()
    drawing = draw(drawn, fold=False)
    reading = _Reading(drawing.graph)
    ids: dict[Tensor, str] = {}
    arrays: dict[int, str] = {}
    for node, out in zip(nodes_of(root), reading.recording.outs, strict=True):
        ids[node.tensor] = reading.ids[reading.recording.place_of(out)]
        for x, seen in zip(node.inputs, out.inputs, strict=True):
            if isinstance(x, Tensor):
                ids[x] = reading.ids[reading.recording.place_of(seen)]
            elif isinstance(x, np.ndarray):
                arrays[id(x)] = reading.ids[reading.recording.place_of(seen)]
    svg = drawing.render("svg").decode()
    return Picture(_small(svg), svg, ids, arrays,
                   {i: reading.kind(p) for p, i in reading.ids.items()},
                   {i: list(reading.spots(p)) for p, i in reading.ids.items()}, list(reading.edges()))


class _Reading:
    """What a drawing shows, by place: an operation, or ``~k`` for the leaf k."""

    def __init__(self, graph: Any) -> None:
        self.graph, self.recording, self.units = graph, graph.recording, graph.units
        self.boxes = {place: box for box in graph.nodes for place in box.places}
        places = (p for i, used in enumerate(self.recording.sources) for p in (*used, i))
        self.ids = {p: f"n{k}" for k, p in enumerate(dict.fromkeys(places))}
        self.users: dict[int, list[int]] = {}
        for i, used in enumerate(self.recording.sources):
            for p in dict.fromkeys(used):
                self.users.setdefault(p, []).append(i)

    def box(self, place: int) -> Any:
        """The box that an operation is drawn in, which may be that of its neighbour."""
        return self.boxes[self.units.hosts[place]]

    def kind(self, place: int) -> str:
        """What the colours of the picture say."""
        return "loss" if place == self.recording.root else str(self.recording.kind(place))

    def spots(self, place: int) -> Iterator[Spot]:
        """Where a value is seen."""
        if place >= 0:
            box = self.box(place)
            last = self.units.end(self.units.hosts[place]) == place
            yield Spot(f"gd-{box.id}", "", *((as_drawn(box.value), box.grad) if last else ("", "")))
            return
        name = self.recording.names.get(place, "")
        for i in self.users[place]:
            box = self.box(i)
            rows = [row for row in box.rows if row.kind == self.recording.kind(place)]
            found = next((row for row in rows if name and row.name.startswith(name)), *rows[:1])
            if found:
                shown = found.text if found.text[:1] not in ("(", "s") else ""  # else it is the shape
                yield Spot(f"gd-{box.id}", found.called, as_drawn(shown), found.grad)

    def edges(self) -> Iterator[tuple[str, str, str]]:
        """What goes into what, and the arrow where two boxes are joined by one."""
        for place, users in self.users.items():
            for i in users:
                ends = (self.box(place).id, self.box(i).id) if place >= 0 else ("", "")
                arrow = f"gd-{ends[0]}--{ends[1]}" if ends[0] != ends[1] else ""
                yield self.ids[place], self.ids[i], arrow


def as_drawn(text: str) -> str:
    """A value as it stands in a picture, which has more letters than a terminal."""
    return text.replace(" +- ", " \u00b1 ")


def _named(names: Names) -> dict[Tensor, str]:
    """The tensors that have a name of their own, and none that was made up."""
    return {t: name for t, name in names.known.items() if isinstance(t, Tensor)
            and not re.fullmatch(r"[tp]\d+|data(_\d+)?", name)}


#: What a page does without, and what its style sheet says once: half of the bytes.
_SHORTER = (
    (r"<!--.*?-->", ""), (r"<(title|desc)[ >][^<]*</\1>", ""), (r' xlink:title="[^"]*"', ""),
    (r' xmlns:xlink="[^"]*"| xml:space="preserve"| text-anchor="start"| stroke-width="1.10?"', ""),
    (r' aria-labelledby="[^"]*"', ""), (r' font-family="Helvetica[^"]*"', ""),
    (r' fill="#0f172a"', ""), (r' (x|y)="(-?\d+)\.\d+"', r' \1="\2"'),
    (r"<a\s*>(.*?)</a>", r"\1"), (r'<g id="a_[^"]*">(.*?)</g>', r"\1"), (r">\s+<", "><"),
    (r"&#45;", "-"), (r' points="(\S+) ([^"]*) \1"', r' points="\1 \2"'),
    (r'<polygon fill="#ffffff" stroke="none" (points="[^"]*")/>'
     r'<polygon fill="none" (stroke="[^"]*") \1/>', r'<polygon fill="#ffffff" \2 \1/>'),
    (r' class="(node|edge) gd-\1', r' class="\1'), (r'<path fill="none" stroke="#64748b"', "<path"),
    (r'<polygon fill="#64748b" stroke="#64748b"', "<polygon"),
)
#: How letters look, and the class that says so in the style sheet.
_LETTERS = (
    (r''' font-family="'?Courier[^"]*"''', "m"), (' font-weight="bold"', "b"),
    (' font-size="10.00"', "l"), (' font-size="9.00"', ""), (' font-size="8.00"', "s"),
    (' fill="#526071"', "q"), (' fill="#b42318"', "r"), (' fill="#005a94"', "p"),
    (' fill="#006b50"', "c"),
)


def _small(svg: str) -> str:
    """The SVG for a page."""
    svg = svg[svg.index("<svg") :]
    for long, short in _SHORTER:
        svg = re.sub(long, short, svg, flags=re.S)
    svg = re.sub("<text [^>]*>", lambda found: _classed(found[0]), svg)
    return re.sub(r' (?:points|d)="[^"]*"',
                  lambda found: re.sub(r"(\.\d)\d+", r"\1", found[0]), svg)


def _classed(tag: str) -> str:
    """The start of a text with its looks as classes."""
    classes = [name for look, name in _LETTERS if re.search(look, tag) and name]
    for look, _ in _LETTERS:
        tag = re.sub(look, "", tag)
    return tag[:-1] + (f' class="{" ".join(classes)}">' if classes else ">")
