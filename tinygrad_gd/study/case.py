"""What is known about a gradient that somebody asks about: the loss, its reverse pass, the run."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import event_of, nodes_of, walk
from ..engine.tensor import Tensor
from ..engine.watched import Event, Run
from .naming import Names
from .reverse import Step, overwritten, steps_of

#: Operations that are a loop over all steps of a sequence.
RECURRENT = ("rnn", "lstm", "gru")
UNWATCHED = "Run it under tg.study.watch() to be told the line."


class Cause(NamedTuple):
    """Something that explains a gradient."""

    kind: str  # in a word, such as "detach" or "dead relu"
    says: str
    evidence: str = ""
    cure: str = ""
    line: str = ""
    weight: float = 3.0  # how likely it is what was asked for
    at: Any = None  # the operation that it is about


class Pass(NamedTuple):
    """A reverse pass on the side: its steps, and the complete gradients."""

    steps: list[Step]
    totals: dict[Tensor, Any]


class Case:
    """A question about one Tensor's gradient.

    Attributes
    ----------
    tensor : what is asked about.
    root : the loss, or None if it is not known.
    run : the run that was watched last, or None.
    """

    def __init__(self, tensor: Tensor, loss: Tensor | None, run: Run | None,
                 others: Iterable[Tensor] = ()) -> None:
        self.tensor, self.run = tensor, run
        root = loss if loss is not None else _last_root(run)
        self.asks_about_all = loss is None and (tensor is root or (
            _ends_something(tensor) and (root is None or tensor not in set(walk([root])))))
        self.root = tensor if self.asks_about_all else root
        self.names = Names([] if self.root is None else [self.root], [tensor, *others])

    def of(self, tensor: Tensor) -> Case:
        """The same question about another Tensor."""
        other = object.__new__(Case)
        other.asks_about_all, other.tensor, other.run = False, tensor, self.run
        other.root, other.names = self.root, self.names
        vars(other).update(passed=self.passed, stale=self.stale)  # one pass for all
        return other

    def name(self, tensor: Tensor) -> str:
        """How a Tensor is called."""
        if tensor in self.names.known:
            return self.names(tensor)
        event = event_of(tensor)
        return tensor.name or (event.name if event else "") or "this Tensor"

    def called(self, event: Event) -> str:
        """How what an event made is called."""
        tensor = event.tensor
        if event.name or tensor is None or tensor not in self.names.known:
            return event.name or f"the result of {event.what}"
        return self.names.said(tensor)

    def line(self, tensor: Tensor) -> str:
        """Where a Tensor was made, if that was watched."""
        event = event_of(tensor)
        return event.place if event else ""

    @property
    def loss(self) -> str:
        """How the loss is called."""
        return "the loss" if self.root is None else self.name(self.root)

    @property
    def in_graph(self) -> bool:
        """Whether a gradient of the loss flows to the Tensor."""
        return self.root is not None and self.tensor in self.passed.totals

    @cached_property
    def passed(self) -> Pass:
        """The reverse pass from the loss."""
        totals: dict[Tensor, Any] = {}
        if self.root is None or not self.root.requires_grad or self.root.op is None:
            return Pass([], totals)
        return Pass(list(steps_of(self.root, totals)), totals)

    @cached_property
    def stale(self) -> bool:
        """Whether parameters were updated since, so that the pass cannot be had again."""
        return self.root is not None and bool(overwritten(self.root))

    @cached_property
    def downstream(self) -> set[Tensor]:
        """The operations between the Tensor and the loss."""
        found = {self.tensor}
        for node in nodes_of(self.root) if self.root is not None else ():
            if any(isinstance(x, Tensor) and x in found for x in node.inputs):
                found.add(node.tensor)
        return found - {self.tensor}

    @property
    def cut_off(self) -> str:
        """What to add where nobody watched."""
        event = event_of(self.tensor)
        return f" {UNWATCHED}" if event is None or event.run is not self.run else ""


def _ends_something(tensor: Tensor) -> bool:
    """Whether it was computed, as a loss is; recorded, or seen by a watch."""
    event = event_of(tensor)
    return tensor.op is not None or (event is not None and event.kind == "operation")


def _last_root(run: Run | None) -> Tensor | None:
    """What the last reverse pass of a run began at, else its last number, if somebody holds it."""
    if run is None or run.root is not None:
        return run.root if run else None
    numbers = (e.tensor for e in reversed(run.operations) if e.shape == () and e.tensor is not None)
    return next(numbers, None)


def norm(x: Any) -> float:
    """The length of an array of gradients."""
    return float(np.linalg.norm(np.asarray(x, np.float64).ravel()))
