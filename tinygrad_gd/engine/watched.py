"""What a watched run leaves behind: of each operation the user's line, the module, the names.

A recorded graph knows how its values were made of each other, and nothing else. A `Run` is an observer
that notes the rest, of operations that need no gradient, too, and what else happened: each as an
`Event`, in order. ``with tg.study.watch() as run:`` makes one. This is how to ask:

- ``Node(t).event`` is the event that made a Tensor, also after the block, or None if nobody watched;
  ``Node(t).line`` is the user's line, ``Node(t).module`` the path of the module, ``layers.0``.
- ``event.call`` is the call of a module that it happened in: its ``path``, ``kind`` (the class),
  ``number`` (the how many-th call of this module) and ``around``, the call that it was made in. A
  module that runs twice has two calls with one path.
- ``run.operations`` are all operations of the forward passes in order, ``run.inputs_of(event)`` the
  events that made what an operation was applied to, ``event.arguments`` what the user calls these.
  ``event.tensor`` is None when nobody holds it any more; its shape is known nevertheless.
- ``run.of("backward")`` are the reverse passes: their inputs are the root and the leaves that got a
  gradient, and they are ``recorded`` with ``create_graph``. Other kinds are ``leaf`` (made of data, as
  by detach), ``read`` (values left the graph), ``write`` (in place), ``zero_grad`` and ``step``, whose
  inputs are the parameters.

Tensors are held weakly, but for the last loss, and of a long run the last `LIMIT` events.

>>> import tinygrad_gd as tg
>>> w = tg.Tensor(3.0, requires_grad=True, name="w")
>>> with observe(Run()) as run:
...     h = w * 2
...     with tg.no_grad(): c = h + 1
...     h.backward()
>>> for e in run.events: print(e.kind, e.what, e.inputs, e.arguments, e.recorded, e.name)
leaf  () () True w
operation multiply (0, -1) ('w', '2') True h
operation add (1, -1) ('h', '1') False c
backward backward (1, 0) () False
>>> run.inputs_of(run.operations[1]) == [run.operations[0], None]
True
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ground.modes import current_mode
from ..ground.observer import Observer, observe
from ..ground.user_code import user_call, user_frame, user_line, variables_of
from .graph import Node, event_of, remember
from .tensor import Tensor

#: Of a longer run the last events are kept.
LIMIT = 100_000
#: So many results wait to be found in a variable.
WAITING = 200


@dataclass(eq=False, slots=True)
class Call:
    """One call of a module, in the ``around`` call of another."""

    path: str  # in the outermost module, which itself has an empty one
    kind: str  # the class
    name: str  # of the outermost: the user's variable, if there is one
    number: int  # how often this module had been called before
    around: Call | None

    @property
    def title(self) -> str:
        """The path, else the variable, else the class."""
        return self.path or self.name or self.kind

    @property
    def chain(self) -> list[Call]:
        """This call and those around it, the outermost first."""
        found = [self]
        while (outer := found[-1].around) is not None:
            found.append(outer)
        return found[::-1]


@dataclass(eq=False, slots=True)
class Event:
    """Something that happened in a run; fields that mean nothing for its kind are empty."""

    kind: str  # operation, leaf, read, write, backward, zero_grad or step
    what: str = ""  # the operation, or how: detach, grad, numpy(), SGD
    op: Any = None  # the primitive
    line: str = ""  # the user's, as file:line; of a leaf that was there before nothing
    via: str = ""  # the function of this package that the user's line called
    call: Call | None = None
    recorded: bool = True  # False under no_grad
    flows: bool = False  # whether the result requires a gradient
    within: str = ""  # "backward" for what a reverse pass or "step" for what an optimizer did
    inputs: tuple[int, ...] = ()  # numbers of the events that made them, else -1
    arguments: tuple[str, ...] = ()
    name: str = ""
    shape: tuple[int, ...] = ()
    number: int = -1
    run: Run | None = None
    held: Any = None
    value: float | None = None  # of what a reverse pass began at, if it is a number

    @property
    def place(self) -> str:
        """The line without the folders of its file."""
        return os.path.basename(self.line)

    @property
    def tensor(self) -> Tensor | None:
        """The Tensor that it is about, as long as somebody else holds it."""
        return None if self.held is None else self.held()


#: The run that was begun last.
_latest: list[Run] = []


def note_line(tensor: Tensor) -> None:
    """Remember for as long as ``tensor`` lives that the user's present line made it."""
    if event_of(tensor) is None:
        remember(tensor, Event("operation", line=user_line()))


def latest() -> Run | None:
    """The run that is watched now, or was last."""
    return _latest[-1] if _latest else None


def begin() -> observe[Run]:
    """A block that notes what happens, for `latest` too."""
    _latest[:] = [Run()]
    return observe(_latest[0])


class Run(Observer):
    """An observer that notes what happens.

    Attributes
    ----------
    events : what happened, in order; the last `LIMIT` of it.
    root : what ``backward()`` was called on last; it is kept, for whoever asks about its gradients.
    """

    def __init__(self) -> None:
        self.events: deque[Event] = deque(maxlen=LIMIT)
        self.call: Call | None = None
        self._paths: dict[Any, str] = {}
        self._calls: Counter[int] = Counter()
        self.root: Tensor | None = None
        self._passes: list[tuple[Event, Tensor]] = []
        self._happened = 0
        self._unnamed: dict[int, Event] = {}

    # -- asking ------------------------------------------------------------------------------------

    @property
    def operations(self) -> list[Event]:
        """The operations of the forward passes, in order."""
        return [e for e in self.of("operation") if not e.within]

    def of(self, kind: str) -> Iterator[Event]:
        """The events of a kind, in order."""
        return (e for e in self.events if e.kind == kind)

    def at(self, number: int) -> Event | None:
        """An event by its number."""
        place = number - (self._happened - len(self.events))
        return self.events[place] if 0 <= place < len(self.events) and number >= 0 else None

    def inputs_of(self, event: Event) -> list[Event | None]:
        """The events that made the inputs; None for numbers and arrays."""
        return [self.at(number) for number in event.inputs]

    # -- hearing -----------------------------------------------------------------------------------

    def forward(self, out: Tensor, primitive: Any, inputs: Any, params: Any) -> None:
        """Note an operation."""
        known = self._names()
        numbers = tuple(self._number_of(x) if isinstance(x, Tensor) else -1 for x in inputs)
        event = self._happens("operation", primitive.name, out)
        event.op, event.inputs = primitive, numbers
        event.arguments = tuple(_called(x, known) for x in inputs)
        event.recorded = out.requires_grad or current_mode().grad

    def creates(self, leaf: Tensor, data: Any) -> None:
        """Note a leaf, and of what it was made."""
        known = self._names()
        event = self._happens("leaf", type(data).__name__, leaf)
        event.arguments = (_called(data, known),)
        event.inputs = (self._number_of(data),) if isinstance(data, Tensor) else ()
        if event.via == "detach":
            event.what = "detach"

    def read(self, tensor: Tensor, how: str) -> None:
        """Note that values left the graph; not that they were shown."""
        if how not in ("repr()", "format"):
            number = self._number_of(tensor)
            self._happens("read", how).inputs = (number,)

    def write(self, target: Tensor, primitive: Any, inputs: Any) -> None:
        """Note that values were replaced."""
        number = self._number_of(target)
        self._happens("write", primitive.name).inputs = (number,)

    def starts_backward(self, root: Tensor, seed: Any) -> None:
        """Note a reverse pass; what is computed in it is no operation of the user's."""
        self._names()
        number = self._number_of(root)
        event = self._happens("backward")
        event.what, event.inputs = event.via, (number,)
        number_of_one = root.size == 1 and root.dtype.kind == "f"
        event.value = float(Node(root).value.item()) if number_of_one else None
        self._passes.append((event, root))

    def ends_backward(self) -> None:
        """The reverse pass is over."""
        self._passes.pop()

    def accumulates(self, leaf: Tensor) -> None:
        """Note a leaf that the pass reached: its inputs are the root, and these."""
        event, self.root = self._passes[-1]
        event.inputs += (self._number_of(leaf),)

    def forgets(self, tensors: Any) -> None:
        """Note that gradients were forgotten."""
        numbers = tuple(map(self._number_of, tensors))
        self._happens("zero_grad", "zero_grad").inputs = numbers

    def takes_gradient(self, leaf: Tensor) -> None:
        """Note where a gradient comes from that the user goes on with."""
        g = leaf._grad
        if g is not None and event_of(g) is None and user_call()[1] == "grad":
            number = self._number_of(leaf)
            self._happens("leaf", "grad", g).inputs = (number,)

    def optimizes(self, optimizer: Any) -> None:
        """Note an optimizer's step: its inputs are the parameters."""
        numbers = tuple(self._number_of(p) for group in optimizer.param_groups for p in group["params"])
        self._happens("step", type(optimizer).__name__).inputs = numbers

    def enters(self, module: Any) -> None:
        """A module's forward begins."""
        self._names()  # what is handed in has a name here, and is an argument within
        name = ""
        if self.call is None:
            self._paths = {m: path for path, m in module.named_modules()}
            name = next((n for n, x in variables_of(user_frame()) if x is module), "")
        self.call = Call(self._paths.get(module, self.call.path if self.call else ""),
                         type(module).__name__, name, self._calls[id(module)], self.call)
        self._calls[id(module)] += 1

    def leaves(self, module: Any) -> None:
        """A module's forward is over."""
        if self.call is not None:
            self.call = self.call.around

    # -- noting ------------------------------------------------------------------------------------

    def _happens(self, kind: str, what: str = "", made: Tensor | None = None) -> Event:
        line, via = user_call()
        within = "backward" if self._passes else "step" if via == "step" and kind != "step" else ""
        event = Event(kind, what, line=line, via=via, call=self.call, recorded=current_mode().grad,
                      within=within, number=self._happened, run=self)
        self._enter(event, made)
        return event

    def _enter(self, event: Event, made: Tensor | None) -> None:
        self.events.append(event)
        self._happened += 1
        if made is not None:
            event.name, event.shape, event.flows = made.name or "", made.shape, made.requires_grad
            remember(made, event)
            if not event.name and not event.within:
                self._unnamed[id(made)] = event
                if len(self._unnamed) > WAITING:
                    del self._unnamed[next(iter(self._unnamed))]

    def _number_of(self, tensor: Tensor) -> int:
        """The number of what made a Tensor, which may have been there before this run."""
        event = event_of(tensor)
        if event is None or event.run is not self:
            kind, what = ("leaf", "") if tensor.op is None else ("operation", tensor.op.name)
            line = event.line if event else ""
            event = Event(kind, what, tensor.op, line, number=self._happened, run=self)
            self._enter(event, tensor)
        return event.number

    def _names(self) -> dict[int, str]:
        """What the user's code calls things at present, by id; results that waited get their names."""
        known: dict[int, str] = {}
        if self._passes or user_call()[1] == "step":  # no results of the user's, and many
            return known
        for name, value in variables_of(user_frame()):
            if isinstance(value, Tensor | np.ndarray):
                known.setdefault(id(value), name)
        for key in self._unnamed.keys() & known:
            event = self._unnamed.pop(key)
            if event.tensor is not None:
                event.name = known[key]
        return known


def _called(x: Any, known: dict[int, str]) -> str:
    """How an argument is called: by its name, its variable, or as the number that it is."""
    if isinstance(x, Tensor | np.ndarray):
        return (getattr(x, "name", None) if isinstance(x, Tensor) else None) or known.get(id(x), "")
    return f"{x}" if isinstance(x, int | float) else ""
