"""The picture in letters: one line for each step of the computation, as a person would write it."""

from __future__ import annotations

from collections import Counter
from itertools import count
from pathlib import PurePath
from typing import NamedTuple

from .boxes import Box, Graph
from .captions import overwritten, totals
from .figures import bar, duration_and_share, number
from .letters import columns_of, counted, shorten
from .rows import MOST, Row, call_text

LINES = 120  # of a text with more, only the last are printed
PARAMETERS = 24
_EXPRESSION, _INLINED, _LONGEST = 48, 26, 72  # letters


class _Line(NamedTuple):
    """Name, how it is computed, shape, value, gradient, time, and where; or a heading."""

    name: str
    made: str
    shape: str = ""
    value: str = ""
    grad: str = ""
    time: str = ""
    where: str = ""


BLOCKS, PLAIN = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588", "_.-~=+*#"


def to_text(graph: Graph, letters: str = BLOCKS) -> str:
    """The lines of a picture, its parameters, and how much there is in all; bars in ``letters``."""
    lines = [*_given(graph), *_Writer(graph, letters).lines()]
    earlier = max(len(lines) - LINES, 0)
    shown = [f"... {counted(earlier, 'earlier line')}"] if earlier else []
    shown += _aligned(lines[earlier:])
    notes = [f"{shorten(row.name)}: {row.note}" for row in _leaves(graph) if row.note]
    return "\n".join([*shown, *_parameters(graph), *notes, totals(graph), *overwritten(graph),
                      *graph.notes, *_reading(graph)])


def _reading(graph: Graph) -> list[str]:
    """How gradients are to be read, where some are of arrays."""
    shapes = [box.shape for box in graph.nodes if box.grad or box.sizes]
    shapes += [row.text for row in _leaves(graph) if row.grad]
    return ["grad of an array: its norm"] if any(shape[:1] in ("(", "[") for shape in shapes) else []


def _leaves(graph: Graph) -> list[Row]:
    """The rows of leaves, each leaf once."""
    found: dict[str, Row] = {}
    for box in graph.nodes:
        last = ""
        for row in box.rows:
            if row.kind in ("param", "input", "const") and row.uses:
                last = row.name
                found.setdefault(last, row)
            elif row.kind == "note" and last in found and not found[last].note:
                found[last] = found[last]._replace(note=row.name)
    return list(found.values())


def _given(graph: Graph) -> list[_Line]:
    """Inputs and constants that have a name."""
    names = set(graph.recording.names.values())
    word = {"input": "input", "const": "constant"}
    return [_Line(row.name, word[row.kind], row.text) for row in _leaves(graph)
            if row.kind in word and row.name in names]


def _parameters(graph: Graph) -> list[str]:
    """What is learned, one line for each."""
    rows = [row for row in _leaves(graph) if row.kind == "param"]
    known = {row.name for row in rows}
    rows += [row for row in graph.shared if row.name not in known]
    lines = [_Line(row.name, f"used {row.uses} times" if row.uses > 1 else "parameter"
                   if row.name != "parameter" else "", row.text, "",
                   f"grad {row.grad}" if row.grad else "") for row in rows]
    others = len(lines) - PARAMETERS
    more = [f"... {counted(others, 'more parameter')}"] if others > 0 else []
    return [*_aligned(lines[:PARAMETERS]), *more]


class _Writer:
    """Writes lines in the order of the boxes; what is used once is written where it is used."""

    def __init__(self, graph: Graph, letters: str) -> None:
        self.letters = letters
        self.graph, self.recording, self.units = graph, graph.recording, graph.units
        self.texts: dict[int, str] = {}
        self.users = Counter(edge.source for edge in graph.edges for _ in range(edge.times))
        self.by_id = {box.id: box for box in graph.nodes}
        self.user = {edge.source: self.by_id[edge.target] for edge in graph.edges}
        self.said = Counter({row.name: 1 for row in _leaves(graph)})
        inside = Counter(box.cluster for box in graph.nodes)
        around = {frame.around for frame in graph.frames}
        self.small = {k for k, frame in enumerate(graph.frames)
                      if frame.kind != "pass" and inside[k] <= MOST and k not in around}
        titled = {*self.said, *(box.title for box in graph.nodes), *(f.title for f in graph.frames)}
        self.numbers = (name for k in count(1) if (name := f"n{k}") not in titled)
        self.seconds = {box.id: box.seconds for box in graph.nodes}

    def lines(self) -> list[_Line]:
        """One for each named result, step or module, with headings for large modules."""
        found: list[_Line] = []
        headed: set[int] = set()
        for k, box in enumerate(self.graph.nodes):
            found += self._headings(box.cluster, headed)
            last = k + 1 == len(self.graph.nodes) or self.graph.nodes[k + 1].cluster != box.cluster
            indent = "  " * self._depth(box.cluster)
            if line := self._line(box, last):
                found.append(line._replace(name=indent + line.name))
        return found

    def _line(self, box: Box, last: bool) -> _Line | None:
        """The line of a box, unless it is written into the next one."""
        made = self._made(box)
        if self._is_inlined(box, made, last):
            self.seconds[self.user[box.id].id] += self.seconds[box.id]
            return None
        name = self._called(box, last)
        if box.places:
            reference = "_" if " " in name else name
            self.texts |= dict.fromkeys(self.units.ends(box.places), reference)
        if len(made) > _EXPRESSION:
            made = shorten(made, _EXPRESSION)
        return _Line(name, made, box.shape, box.value, self._gradient(box), self._time(box),
                     _where(box.line))

    def _made(self, box: Box) -> str:
        """How a box is computed, and in ``texts`` what it is as part of something else."""
        if box.kind == "many" and not box.expression:
            return "same" if box.title.startswith("x ") else box.word or "equal operations"
        if box.kind in ("module", "hidden"):
            inside = " ".join(row.name for row in box.rows if row.kind == "param")
            return box.expression or " ".join(filter(None, (box.word, inside)))
        if box.kind == "many":
            return f"same, {box.word}" if box.title.startswith("x ") else box.expression
        if not box.places:
            return {"param": "parameter", "const": "constant"}.get(box.kind, box.kind)
        for i in self.units.members(box.places[0]):
            self.texts[i] = call_text(self.recording, i, self.texts)
        return self.texts[self.units.end(box.places[0])]

    def _is_inlined(self, box: Box, made: str, last: bool) -> bool:
        """Whether a result has no line: it is an array without a name that is used once, close by."""
        if box.kind in ("many", "module", "hidden", "loss") or box.alarms or self.users[box.id] != 1:
            return False
        if box.cluster in self.small and not last:
            return len(made) <= 2 * _EXPRESSION
        user = self.user[box.id]
        close = user.cluster == box.cluster and user.kind not in ("many", "module")
        return close and box.shape != "scalar" and not self._named(box) and len(made) <= _INLINED

    def _named(self, box: Box) -> bool:
        return bool(box.word) or box.title in self.recording.names.values()

    def _called(self, box: Box, last: bool) -> str:
        """The name in the first column; the last line of a module is called as that."""
        if box.cluster in self.small and last and not self._named(box):
            frame = self.graph.frames[box.cluster]
            return self._once(_worded(frame.title, frame.word))
        if box.kind == "many" and box.places:
            return f" {box.title}" if box.title.startswith("x ") else box.title
        if box.kind in ("module", "hidden") or self._named(box):
            return self._once(_worded(box.title, box.word))
        return next(self.numbers) if box.kind != "loss" else self._once("result")

    def _once(self, title: str) -> str:
        """A name that no other line has."""
        self.said[title] += 1
        again = self.said[title]
        return shorten(title) if again == 1 else f"{shorten(title)}:{again}"

    def _gradient(self, box: Box) -> str:
        if box.sizes:
            low, high = number(min(box.sizes)), number(max(box.sizes))
            return f"grad {low} {bar(box.sizes, self.letters)} {high}" if low != high else f"grad {low}"
        return f"grad {box.grad}" if box.grad else ""

    def _time(self, box: Box) -> str:
        """What the operations of a line take, right-aligned."""
        if not self.graph.seconds:
            return ""
        return "{:>9} {:>6}".format(*duration_and_share(self.seconds[box.id], self.graph.seconds))

    def _headings(self, cluster: int, headed: set[int]) -> list[_Line]:
        """The modules that begin here, except those that are one line."""
        if cluster in self.small:
            cluster = self.graph.frames[cluster].around
        found = []
        while cluster >= 0 and cluster not in headed:
            headed.add(cluster)
            frame = self.graph.frames[cluster]
            words = ", ".join(filter(None, (frame.word, frame.note)))
            found.append(_Line(f"{'  ' * (self._depth(cluster) - 1)}{frame.title}:", words))
            cluster = frame.around
        return found[::-1]

    def _depth(self, cluster: int) -> int:
        depth = 0
        while cluster >= 0:
            depth += cluster not in self.small
            cluster = self.graph.frames[cluster].around
        return depth


def _worded(title: str, word: str) -> str:
    """A number would be taken for one where it is used."""
    number, _, rest = title.partition(" ")
    return f"{word or 'step'}_{title}" if number.isdigit() and rest in ("", "backward") else title


def _where(line: str) -> str:
    return PurePath(line).name if line else ""


def _aligned(lines: list[_Line]) -> list[str]:
    """Columns side by side, without those that are empty."""
    lines = [_Line(*(shorten(part, _LONGEST) for part in line)) for line in lines]
    used = [i for i in range(len(_Line._fields)) if any(line[i] for line in lines)]
    widths = {i: max(columns_of(line[i]) for line in lines) for i in used}
    return ["  ".join(line[i] + " " * (widths[i] - columns_of(line[i])) for i in used).rstrip()
            for line in lines]
