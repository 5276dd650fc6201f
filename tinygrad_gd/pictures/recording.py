"""What pictures are drawn from: operations in order, and integers for what they use.

A *place* is an integer: ``i`` for the result of operation ``i``, ``~k`` for leaf ``k``. Parallel lists
of places are all that folding reads, so that a graph of a million operations is read in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import prod
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import Node, events_of, operations_of
from ..engine.tensor import Tensor
from ..program.ir import Program, Value
from .names import array_key, has_name, names_for, told_apart, user_variables

#: An operation: the primitive, its inputs and options.
Call = tuple[Any, tuple[Any, ...], Mapping[str, Any]]


class Within(NamedTuple):
    """One call of a module."""

    path: str
    kind: str  # the class
    call: int  # numbered in order, as a module may be called many times


class Note(NamedTuple):
    """Where an operation was called, as far as somebody watched."""

    within: tuple[Within, ...] = ()  # the outermost module first
    line: str = ""
    phase: str = ""  # "backward", "update", or nothing for the forward pass


NOTHING = Note()


class Recording:
    """Operations in the order in which they ran.

    Parameters
    ----------
    outs : what the operations made.
    roots : what was computed: the picture is about the last of them.
    calls : the operations, where their results do not remember them.
    notes : one for each operation, or nothing.
    names, kinds : what is known already of tensors or of a program's values.
    program : whose instructions the operations are, if there is one.

    Attributes
    ----------
    sources : of each operation, the places of the tensors and arrays among its inputs.
    leaves : what was not computed here; equal arrays are one leaf.
    names : place -> what the user calls it.
    """

    def __init__(self, outs: list[Any], roots: list[Any], calls: list[Call] | None = None,
                 notes: list[Note] | None = None, names: Mapping[Any, str] | None = None,
                 kinds: Mapping[Any, str] | None = None, program: Program | None = None) -> None:
        self.program = program
        self.outs, self._calls, self._given, self._kinds = outs, calls, notes or [], kinds or {}
        self.primitives = [call[0] for call in calls] if calls else [t.op for t in outs]
        self.leaves: list[Any] = []
        self.place: dict[Any, int] = {}
        self._keys: dict[int, Any] = {}  # of arrays that are held here, so id() is unique
        self.sources: list[tuple[int, ...]] = []
        self._patterns: list[int] = []  # which of the inputs are in sources, as bits
        self._read()
        self.roots = [self.place_of(root) for root in roots]
        self.events = events_of(outs)
        self.names = self._named(names or {})

    def _read(self) -> None:
        """Find where the inputs of each operation come from."""
        place, held = self.place, dict.fromkeys(HELD, True)
        sources, patterns = self.sources, self._patterns
        called = map(itemgetter(1), self._calls) if self._calls else map(_inputs, self.outs)
        for i, (out, inputs) in enumerate(zip(self.outs, called, strict=True)):
            found, pattern = [], 1
            for x in inputs:
                form = x.__class__
                known = held.get(form)
                if known is None:
                    known = held[form] = isinstance(x, HELD)
                pattern += pattern + known
                if known:
                    p = place.get(x) if form is Tensor else None
                    found.append(self.place_of(x) if p is None else p)
            sources.append(tuple(found))
            patterns.append(pattern)
            place[out] = i

    def inputs(self, i: int) -> tuple[Any, ...]:
        """What operation ``i`` was applied to."""
        return self._calls[i][1] if self._calls else self.outs[i].inputs

    def params(self, i: int) -> Mapping[str, Any]:
        """The options of operation ``i``."""
        return self._calls[i][2] if self._calls else self.outs[i].params

    @property
    def ran(self) -> bool:
        """Whether these are all operations of a run or a program, and not the graph of a result."""
        return self._calls is not None

    @property
    def root(self) -> int:
        """The place that the picture is about."""
        return self.roots[-1]

    @property
    def total(self) -> int:
        """How many operations and leaves there are."""
        return len(self.outs) + len(self.leaves)

    def place_of(self, x: Any) -> int:
        """The place of a tensor or array, a new one if it has none."""
        key = self._key(x) if isinstance(x, np.ndarray) else x
        place = self.place.get(key)
        if place is None:
            place = self.place[key] = ~len(self.leaves)
            self.leaves.append(x)
        return place

    def _key(self, array: Any) -> Any:
        """Equal arrays are one leaf, since the engine keeps a copy for each use."""
        if id(array) not in self._keys:
            self._keys[id(array)] = array_key(array)
        return self._keys[id(array)]

    def at(self, place: int) -> Any:
        """The tensor or array at a place."""
        return self.outs[place] if place >= 0 else self.leaves[~place]

    def array(self, place: int) -> Any:
        """The values at a place; None in a program, which has none."""
        x = self.at(place)
        return Node(x).value if isinstance(x, Tensor) else None if isinstance(x, Value) else x

    def size(self, place: int) -> int:
        """How many numbers there are at a place."""
        return prod(self.at(place).shape)

    def kind(self, place: int) -> str:
        """``param``, ``input`` or ``const`` of a leaf, else the kind of the primitive."""
        x = self.at(place)
        if place >= 0:
            return str(self.primitives[place].kind)
        if isinstance(x, Tensor):
            return "param" if x.requires_grad else "input"
        return self._kinds.get(x, "input") if isinstance(x, Value) else "const"

    @cached_property
    def notes(self) -> list[Note]:
        """Where each operation was called."""
        if self._given:
            return self._given
        calls: dict[Any, tuple[Within, ...]] = {None: ()}
        notes = [NOTHING if event is None else
                 Note(_within(event.call, calls), event.line, "backward" if event.within else "")
                 for event in self.events]
        start = self._backward_starts()
        return notes if start is None else [
            note._replace(phase="backward") if Node(out).number > start else note
            for note, out in zip(notes, self.outs, strict=True)]

    def _backward_starts(self) -> int | None:
        """When the reverse pass began in which a gradient that is drawn was recorded.

        The rules make constants, such as the 2 of a square, while the user's are usually there before.
        """
        tensors = [x for x in self.leaves if isinstance(x, Tensor)]
        if not any(Node(x).gradient in self.place for x in tensors):
            return None
        oldest = Node(self.outs[0]).number
        made = [Node(x).number for x in tensors if not x.requires_grad]
        return min((number for number in made if number > oldest), default=None)

    @cached_property
    def watched(self) -> bool:
        """Whether anything is known of where operations were called."""
        return any(note is not NOTHING for note in self.notes)

    @cached_property
    def labels(self) -> list[int]:
        """Equal numbers for operations that do the same to arrays of the same shape."""
        seen: dict[Any, int] = {}
        forms = zip(self.primitives, self.outs, self._patterns, strict=True)
        return [seen.setdefault(
            (p, out.shape, pattern, _options(self.params(i)) if p.parameters else ()), len(seen))
            for i, (p, out, pattern) in enumerate(forms)]

    @cached_property
    def users(self) -> list[int]:
        """How often each operation's result is used."""
        counts = [0] * len(self.outs)
        for sources in self.sources:
            for place in sources:
                if place >= 0:
                    counts[place] += 1
        return counts

    @cached_property
    def uses(self) -> list[int]:
        """How often each leaf is used."""
        counts = [0] * len(self.leaves)
        for sources in self.sources:
            for place in sources:
                if place < 0:
                    counts[~place] += 1
        return counts

    def flows(self, i: int, position: int) -> bool:
        """Whether a gradient flows from operation ``i`` to the input at a position."""
        x = self.inputs(i)[position]
        return isinstance(x, Value) or (isinstance(x, Tensor) and x.requires_grad
                                        and self.primitives[i].vjps[position] is not None)

    def _named(self, known: Mapping[Any, str]) -> dict[int, str]:
        names = {self.place[x]: name for x, name in names_for(self.leaves).items() if x in self.place}
        names |= {i: str(out.name) for i, out in enumerate(self.outs) if has_name(out)}
        for i, event in enumerate(self.events):
            if event is None:
                continue
            if event.name:
                names.setdefault(i, event.name)
            for x, called in zip(self.inputs(i), event.arguments, strict=False):
                if called and isinstance(x, HELD) and (place := self.place_of(x)) < 0:
                    names.setdefault(place, called)
        leaves = [(x, names[~k]) for k, x in enumerate(self.leaves) if ~k in names]
        names |= {self.place[x]: name for x, name in told_apart(leaves).items()}
        for name, value in user_variables():
            if type(value) is Tensor and (i := self.place.get(value, -1)) >= 0:
                names.setdefault(i, name)
        return names | {self.place[x]: name for x, name in known.items() if name and x in self.place}


_inputs = attrgetter("inputs")

#: What has a place; everything else is a plain number.
HELD = (Tensor, np.ndarray, Value)


def recording_of(root: Tensor) -> Recording:
    """What ``root`` was computed by, as far as it was recorded."""
    return Recording(operations_of([root]), [root])


def _within(call: Any, known: dict[Any, tuple[Within, ...]]) -> tuple[Within, ...]:
    """The calls of modules around an operation; those of one call are one tuple."""
    if call not in known:
        known[call] = tuple(Within(c.title, c.kind, c.number) for c in call.chain)
    return known[call]


def _options(params: Mapping[str, Any]) -> tuple[Any, ...]:
    """Options to be compared: not the part of an array that is taken, which differs by step."""
    return tuple((k, str(v) if isinstance(v, int | float | str | tuple) else type(v))
                 for k, v in params.items() if k != "key")
