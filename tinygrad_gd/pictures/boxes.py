"""From cells to boxes: what a picture says of each, in words and numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..engine.graph import Node
from ..engine.tensor import Tensor
from .cells import Cell, Cells
from .extent import Extent, extent_of, least_length
from .figures import is_finite
from .folding import Wish, folded
from .recording import Recording
from .rows import Row, Writer
from .slopes import slopes_of
from .tree import Region
from .views import Units


@dataclass(eq=False)
class Box:
    """One box of a picture.

    Attributes
    ----------
    id : stays the same when other operations are added.
    kind : param, input, const, op, act, red, view, loss, module, many or hidden.
    title, word : the user's name, or the operation; and the operation, or the class.
    shape, value, grad : of what comes out; ``grad`` is d(drawn)/d(this).
    rows : what goes in besides other boxes, and what else there is to say.
    alarms : "value" or "grad", where a NaN or an infinity comes from.
    sizes : of the gradients of what is folded into it, in order.
    line, phase, expression : where it was called, in which pass, and what is computed.
    cluster, around : the number of the open module around it, or -1, and how names begin there.
    places : the operations that it stands for.
    fill : how strong its colour is, from 0 to 1, where the user asks for colours.
    seconds : what its operations take, where the user asks for that.
    """

    id: str
    kind: str
    title: str
    word: str = ""
    shape: str = ""
    value: str = ""
    grad: str = ""
    rows: list[Row] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    times: int = 1
    line: str = ""
    phase: str = ""
    expression: str = ""
    cluster: int = -1
    around: str = ""
    places: list[int] = field(default_factory=list)
    fill: float | None = None
    seconds: float = 0.0


@dataclass(eq=False)
class Frame:
    """An open module, or a step of a loop, around boxes."""

    id: str
    kind: str  # pass, module or step
    title: str
    word: str
    note: str
    around: int


@dataclass(eq=False)
class Edge:
    """What one box takes from another."""

    source: str
    target: str
    times: int
    flows: bool
    main: bool


@dataclass(eq=False)
class Graph:
    """A picture before it has a form.

    Attributes
    ----------
    nodes, frames, edges : what is drawn.
    total, parameters, numbers : operations and leaves, leaves that learn, and numbers in those.
    newer : leaves overwritten since they were used.
    shared : leaves that several boxes use, each as a row.
    folded : what is not drawn one by one.
    slopes : d(drawn)/d(value), by place in the recording.
    notes : what else a caption should say.
    recording, units : what was drawn.
    seconds : what all operations take, where the user asks for that.
    extent : about how much room it needs, where that decided what is folded.
    """

    nodes: list[Box]
    frames: list[Frame]
    edges: list[Edge]
    total: int
    parameters: int
    numbers: int
    newer: list[str]
    shared: list[Row]
    folded: list[str]
    slopes: dict[int, Any]
    notes: list[str] = field(default_factory=list)
    recording: Any = None
    units: Any = None
    seconds: float = 0.0
    extent: Extent | None = None


def graph_of(recording: Recording, wish: Wish, label: Callable[[Any], Any] | None = None,
             values: bool = True) -> Graph:
    """The picture of a recording, folded as wished."""
    sheet = _Sheet(Units(recording), slopes_of(recording), values, wish)
    drawn = folded(sheet.units, wish, sheet.fits)
    sheet.write(drawn)
    writer, ids, nodes = sheet.writer, sheet.ids, sheet.boxes
    for node in nodes:
        if node.cluster >= 0:
            node.around = f"{drawn.clusters[node.cluster].region.path}."
    edges = [Edge(nodes[s].id, nodes[t].id, _times(drawn, s, t, link.times), link.flows, link.main)
             for (s, t), link in drawn.links.items()]
    regions = [(cluster.region, cluster.around) for cluster in drawn.clusters]
    frames = [Frame(f"in-{ids.of(r.path or r.title)}", r.kind, r.title, r.word,
                    writer.learned(r.operations), around) for r, around in regions]
    learned = [~k for k in range(len(recording.leaves)) if recording.kind(~k) == "param"]
    numbers = sum(map(recording.size, learned))
    graph = Graph(nodes, frames, edges, recording.total, len(learned), numbers,
                  _newer(recording), writer.shared(), _folds(drawn, writer), sheet.slopes,
                  recording=recording, units=sheet.units, extent=sheet.extent)
    _mark_first(graph, writer)
    if label is not None:
        _relabel(graph, label)
    return graph


class _Sheet:
    """Writes cells, as often as it takes until they fit the page."""

    drawn: Cells | None = None
    extent: Extent | None = None
    writer: Writer
    ids: _Ids
    boxes: list[Box]

    def __init__(self, units: Units, slopes: dict[int, Any], values: bool, wish: Wish) -> None:
        self.units, self.slopes, self.values, self.wish = units, slopes, values, wish

    def write(self, drawn: Cells) -> None:
        """Make the boxes of these cells, if they are not made yet."""
        if drawn is not self.drawn:
            self.drawn, self.extent, self.ids = drawn, None, _Ids()
            self.writer = Writer(self.units, self.slopes, self.values, whole=self.wish.fold is False)
            self.boxes = [_box(self.writer, cell, self.ids) for cell in drawn.cells]
            self.boxes = self.boxes or [_leaf_box(self.writer, self.ids)]

    def fits(self, drawn: Cells) -> bool:
        """Whether these cells fit the page, as far as can be told before they are laid out."""
        width, height = self.wish.page
        if not drawn.cells or least_length(drawn) > (height if self.wish.downwards else width):
            return not drawn.cells
        self.write(drawn)
        self.extent = extent_of(drawn, self.boxes, self.wish.downwards)
        return self.extent.width <= width and self.extent.height <= height


def _box(writer: Writer, cell: Cell, ids: _Ids) -> Box:
    recording, region = writer.recording, cell.region
    host = cell.operations[-1]
    end = writer.units.end(host)
    name = recording.names.get(end) or recording.names.get(host, "")
    note = recording.notes[host]
    if region is None:
        operation = writer.title(host)
        kind = "loss" if end in recording.roots else recording.kind(host)
        rows = writer.rows(host)
        leaves = " ".join(f"{row.name} {row.seen}".strip() for row in rows
                          if row.kind in ("param", "input", "const"))
        given = " ".join(writer.title(s) for s in writer.units.sources[host] if s >= 0)
        key = ids.of(name or f"{operation} {leaves}", given)
        box = Box(key, kind, name or operation, operation if name else "", rows=rows)
        box.value, box.grad = writer.value(end), writer.grad(end)
    else:
        box = _region_box(writer, cell, ids)
    box.line, box.phase, box.cluster, box.places = note.line, note.phase, cell.cluster, cell.operations
    told = cell.operations
    if region is not None and region.kind == "many":
        told = Region("step", children=region.children[: region.turn]).operations
    many = region is not None and note.phase in ("backward", "update")
    results = writer.results_of(told) if many else 1
    box.shape = writer.shape(end) if results == 1 else f"{results} results"
    box.expression = writer.expression(told) if results == 1 else ""
    return box


def _region_box(writer: Writer, cell: Cell, ids: _Ids) -> Box:
    """The box of a closed region."""
    region = cell.region
    assert region is not None
    kind = {"step": "module", "way": "module", "pass": "module"}.get(region.kind, region.kind)
    kind = kind if kind in ("module", "hidden") else "many"
    equal = region.kind in ("chain", "equal")
    title = writer.common_title(cell.operations) if equal else region.title
    word = region.word
    box = Box(ids.of(region.path or title), kind, title, word, times=region.times)
    last = writer.units.end(cell.operations[-1])
    if kind == "module":
        box.value, box.grad = writer.value(last), writer.grad(last)
    elif kind == "many":
        box.title = f"{title} x {region.times:,}" if equal else title
        box.sizes = writer.sizes(region.children[region.turn - 1 :: region.turn])
    box.rows = writer.inputs_of_all(cell.operations) if kind != "hidden" else []
    return box


def _leaf_box(writer: Writer, ids: _Ids) -> Box:
    """The box of a leaf that is drawn itself."""
    root = writer.recording.root
    name, kind = writer.recording.names.get(root, ""), writer.recording.kind(root)
    row = writer.leaf_row(root)
    return Box(ids.of(name or kind), kind, name or row.name, "", writer.shape(root), writer.value(root),
               row.grad, [Row("note", row.note)] if row.note else [])


class _Ids:
    """Names for the picture's parts: words and, where they come again, a number."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    def of(self, text: str, *more: str) -> str:
        """A name that no other part has: the words, then what is beside, then a number."""
        word = _slug(text)
        for addition in filter(None, map(_slug, more)):
            if word in self.taken or not word:
                word = f"{word}-{addition}"
        name = word = word or "node"
        while name in self.taken:  # the words of another part may end in that number
            self.taken[word] += 1
            name = f"{word}-{self.taken[word]}"
        self.taken[name] = 1
        return name


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text[:40]).strip("-").lower()


def _times(drawn: Cells, source: int, target: int, times: int) -> int:
    """How often an edge is used, where that is not a matter of folding."""
    single = all(drawn.cells[k].region is None for k in (source, target))
    return times if single else 1


def _newer(recording: Recording) -> list[str]:
    """Leaves that were overwritten after the result was computed."""
    root = recording.at(recording.root)
    if not isinstance(root, Tensor) or recording.root < 0 or recording.ran:
        return []
    return [recording.names.get(~k, recording.kind(~k)) for k, x in enumerate(recording.leaves)
            if isinstance(x, Tensor) and Node(x).number > Node(root).number]


def _folds(drawn: Cells, writer: Writer) -> list[str]:
    """What of the graph is folded, in words."""
    regions = [cell.region for cell in drawn.cells if cell.region is not None]
    words = list(dict.fromkeys(r.word if r.title.startswith("x ") else r.title
                               for r in regions if r.kind in ("many", "hidden", "step", "pass")))
    if any(r.kind in ("equal", "chain") for r in regions):
        words.append("equal operations")
    if any(cell.region is None and writer.is_crowded(cell.operations[0]) for cell in drawn.cells):
        words.append("inputs")
    if ways := sum(r.kind == "way" for r in regions):
        words.append(f"{ways} chain{'s' if ways > 1 else ''} of operations")
    closed = sum(r.kind == "module" for r in regions)
    return words[:3] + ([f"{closed} module{'s' if closed > 1 else ''}"] if closed else [])


def _mark_first(graph: Graph, writer: Writer) -> None:
    """Mark the boxes in which a NaN or an infinity first appears, on the way there and back."""
    slopes, units = writer.slopes, writer.units
    bad = {box.id for box in graph.nodes if any(not is_finite(slopes[units.end(i)])
                                                for i in box.places[-1:] if units.end(i) in slopes)}
    later = {edge.source for edge in graph.edges if edge.target in bad}
    for box in graph.nodes:
        if len(box.places) == 1 and writer.breaks(box.places[0]):
            box.alarms.append("value")
        if box.id in bad and box.id not in later:
            box.alarms.append("grad")
        elif box.id not in bad and any(row.infinite for row in box.rows):
            box.alarms.append("rows")


def _relabel(graph: Graph, label: Callable[[Any], Any]) -> None:
    """Let the user's function name the boxes of one operation; None leaves a name as it is."""
    for box in graph.nodes:
        if len(box.places) == 1:
            out = graph.recording.outs[box.places[0]]
            text = label(Node(out)) if isinstance(out, Tensor) else None
            if text is not None:
                box.title, box.word = str(text), box.word or box.title
