"""What stands in a box: the leaves it uses, the views that joined it, its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..engine.tensor import Tensor
from ..program.ir import Value
from .figures import FEW, gradient_summary, is_finite, norms, number, value_summary
from .letters import LONGEST
from .recording import Recording
from .slopes import held_otherwise
from .tree import Region
from .views import Units
from .words import SILENT, called, joined_names, literal, options_of, title_of, view_text, word_of

#: Of more leaves in one box their number is said.
LEAVES = 12
_LONGEST = 26  # letters of a value that takes the place of a shape


class Row(NamedTuple):
    """One line of a box: a leaf, a view, options, or a note."""

    kind: str  # param, input, const, view, option or note
    name: str
    text: str = ""  # the shape, or few numbers
    grad: str = ""
    note: str = ""
    infinite: bool = False
    uses: int = 1  # how often a leaf is used, where that is to be said; 0 for many leaves
    seen: str = ""  # the views through which it is used

    @property
    def called(self) -> str:
        """The name, the views, and how often it is used."""
        space = "" if self.seen[:1] in ("", "[") else " "
        used = f", used {self.uses} times" if self.uses > 1 else ""
        return f"{self.name}{space}{self.seen}{used}"


class Writer:
    """Writes what boxes say.

    Parameters
    ----------
    units : the operations that have boxes.
    slopes : by place, d(drawn)/d(value).
    values : whether numbers are written.
    whole : whether each leaf is written, however many an operation takes.
    """

    def __init__(self, units: Units, slopes: dict[int, Any], values: bool = True,
                 whole: bool = False) -> None:
        self.units, self.recording, self.values, self.whole = units, units.recording, values, whole
        self.slopes = slopes if values else {}
        self._told: set[int] = set()

    def shape(self, place: int) -> str:
        """The shape, and a dtype that is unusual."""
        x = self.recording.at(place)
        text = str(x.shape) if x.shape else "scalar"
        return text if x.dtype.kind == "f" else f"{text} {x.dtype}"

    def value(self, place: int) -> str:
        """The values in a few characters."""
        array = self.recording.array(place) if self.values else None
        if array is None:
            return ""
        return value_summary(array, activation=self.recording.kind(place) == "act")

    def grad(self, place: int) -> str:
        """d(drawn)/d(value) in a few characters."""
        return gradient_summary(self.slopes[place]) if place in self.slopes else ""

    def title(self, host: int) -> str:
        """The operation, with plain numbers where they stand."""
        recording = self.recording
        plain = ["_" if isinstance(x, Tensor | np.ndarray | Value) else literal(x)
                 for x in recording.inputs(host)]
        if all(x == "None" for x in plain if x != "_"):
            plain = ["_"]
        return title_of(recording.primitives[host], plain, recording.params(host))

    def common_title(self, hosts: Sequence[int]) -> str:
        """The operation, with those plain numbers that all have in common."""
        recording, first = self.recording, hosts[0]
        for k, x in enumerate(recording.inputs(first)):
            if not isinstance(x, Tensor | np.ndarray | Value) and any(
                    (y := recording.inputs(i)[k]) is not x and y != x for i in hosts):
                return word_of(recording.primitives[first])
        return self.title(first)

    # -- rows ------------------------------------------------------------------------------------

    def rows(self, host: int) -> list[Row]:
        """What goes into an operation besides other boxes, its options, and views of its result."""
        recording = self.recording
        members = self.units.members(host)
        before = [i for i in members if i < host]
        if self.is_crowded(host):
            found = self.inputs_of_all([host])
        else:
            found = [row for s in recording.sources[host] for row in self._input(s, before)]
        if options := options_of(recording.primitives[host], recording.params(host)):
            found.append(Row("option", options))
        after = [t for i in members if i > host and (t := self._view(i))]
        if after:
            found.append(Row("view", "then " + ", ".join(after)))
        return list(dict.fromkeys(found))

    def is_crowded(self, host: int) -> bool:
        """Whether an operation takes more leaves than are told one by one."""
        leaves = {s for s in self.units.sources[host] if s < 0}
        return not self.whole and len(leaves) > LEAVES

    def _input(self, place: int, joined: list[int]) -> list[Row]:
        """The rows of one input: a leaf, perhaps seen another way, or another box seen so."""
        steps: list[str] = []
        end = place
        while place in joined:
            steps.append(self._view(place))
            (place,) = self.recording.sources[place]
        seen = ", ".join(t for t in reversed(steps) if t)
        if place < 0:
            row = self.leaf_row(place)
            notes = [Row("note", row.note)] if row.note else []
            return [row._replace(seen=seen, note=""), *notes]
        called_by = self.recording.names.get(place, "")
        return [Row("view", f"{called_by} {seen}".strip(), self.shape(end))] if seen else []

    def _view(self, i: int) -> str:
        return view_text(self.recording.primitives[i], self.recording.params(i))

    def leaf_row(self, place: int) -> Row:
        """A leaf; where it is used often, all is said the first time."""
        recording = self.recording
        kind, x = recording.kind(place), recording.at(place)
        name = recording.names.get(place) or {"param": "parameter", "const": "constant"}.get(kind, kind)
        uses = recording.uses[~place]
        text = self.shape(place)
        few = self.value(place) if recording.size(place) <= FEW else ""
        if 0 < len(few) <= _LONGEST:
            text = few
        if place in self._told:
            return Row(kind, name, text)
        self._told.add(place)
        slope = self.slopes.get(place)
        note = held_otherwise(x, slope) if kind == "param" and self.values else ""
        infinite = slope is not None and not is_finite(np.asarray(slope))
        return Row(kind, name, text, self.grad(place), note, infinite, uses)

    def inputs_of_all(self, hosts: Sequence[int]) -> list[Row]:
        """The leaves that many operations use: one by its name, many by their number."""
        by_kind: dict[str, dict[int, None]] = {}
        for i in hosts:
            for s in self.units.sources[i]:
                if s < 0:
                    by_kind.setdefault(self.recording.kind(s), {})[s] = None
        found = []
        for kind, places in by_kind.items():
            if len(places) == 1:
                row = self.leaf_row(next(iter(places)))
                found.append(row._replace(note=""))
                continue
            word = {"param": "parameters", "input": "inputs", "const": "constants"}[kind]
            total = sum(self.recording.size(s) for s in places)
            sizes = norms([self.slopes[s] for s in places if s in self.slopes])
            grad = number(float(np.sqrt(np.sum(np.square(sizes))))) if sizes else ""
            found.append(Row(kind, f"{len(places):,} {word}", f"{total:,} numbers", grad, uses=0))
        return found

    # -- about several operations ------------------------------------------------------------------

    def sizes(self, children: Sequence[int | Region]) -> list[float]:
        """How large the gradients of equal parts are, in order."""
        last = [c.operations[-1] if isinstance(c, Region) else c for c in children]
        slopes = self.slopes
        return norms([slopes[i] for i in self.units.ends(last) if i in slopes])

    def learned(self, hosts: Sequence[int]) -> str:
        """How many numbers these operations of a forward pass learn."""
        if self.recording.notes[hosts[0]].phase in ("backward", "update"):
            return ""
        places = {s for i in hosts for s in self.units.sources[i] if s < 0}
        total = sum(self.recording.size(s) for s in places if self.recording.kind(s) == "param")
        return f"{total:,} number{'s' if total > 1 else ''}" if total else ""

    def results_of(self, hosts: Sequence[int]) -> int:
        """How many results operations of one pass have for others: what a reverse pass has a few of."""
        inside = set(hosts)
        used = {s for i in self.units.shown if i not in inside for s in self.units.sources[i]}
        within = {s for i in hosts for s in self.units.sources[i]}
        return sum(i in used or i not in within for i in hosts)

    def shared(self) -> list[Row]:
        """The parameters that are used more than once."""
        recording = self.recording
        often = [~k for k, uses in enumerate(recording.uses)
                 if uses > 1 and recording.kind(~k) == "param"]
        return [Row("param", recording.names.get(s, "parameter"), self.shape(s), self.grad(s),
                    uses=recording.uses[~s]) for s in often]

    def breaks(self, host: int) -> bool:
        """Whether the values are not finite although all that went in is."""
        recording = self.recording
        given = [*recording.sources[host], *(s for i in self.units.members(host)
                                             for s in recording.sources[i])]
        array = recording.array(host)
        return self.values and array is not None and not is_finite(array) and all(
            is_finite(recording.array(s)) for s in given if s != host)

    def expression(self, hosts: Sequence[int]) -> str:
        """What few operations compute, as one line of Python; nothing where that is long."""
        members = [i for h in hosts for i in self.units.members(h)] if len(hosts) <= MOST else []
        texts: dict[int, str] = {}
        for i in members:
            texts[i] = call_text(self.recording, i, texts)
        text = texts[self.units.end(hosts[-1])] if texts else ""
        return text if len(text) <= LONGEST else ""


#: An expression of more operations, or more letters, is read by nobody.
MOST = 8


def call_text(recording: Recording, i: int, texts: Mapping[int, str]) -> str:
    """An operation as Python; its inputs are called as ``texts`` says, by their names, or ``_``."""
    def text(x: Any) -> str:
        if not isinstance(x, Tensor | np.ndarray | Value):
            return literal(x)
        place = recording.place_of(x)
        return texts.get(place) or recording.names.get(place) or "_"

    p, params = recording.primitives[i], recording.params(i)
    if p.kind == "check" or p.name in SILENT:
        return text(recording.inputs(i)[0])
    return called(p, joined_names([text(x) for x in recording.inputs(i)]), params, loose=True)
