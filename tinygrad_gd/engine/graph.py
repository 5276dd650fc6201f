"""The recorded graph, to be read: the one door for pictures, explanations, programs and transforms.

>>> import tinygrad_gd as tg
>>> w = tg.Tensor(3.0, requires_grad=True, name="w")
>>> loss = (w * w + 1.0) ** 2
>>> for node in nodes_of(loss): print(node.op.name, node.shape, node.value)
multiply () 9.0
add () 10.0
square () 100.0
>>> leaves_of(loss) == [w]
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from ..ground.storage import read_only
from .tensor import Tensor

if TYPE_CHECKING:
    from .watched import Event

#: By id, what is known of the making of a Tensor, as long as it lives; see `watched`.
_made: dict[int, tuple[Event, ref[Tensor]]] = {}


class Node:
    """One Tensor of a graph: how it was made and what it holds. Reading it tells no observer."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    @property
    def op(self) -> Any:
        """The `Primitive` that made it; None for a leaf."""
        return self.tensor.op

    @property
    def inputs(self) -> tuple[Any, ...]:
        """What the primitive was applied to: Tensors, arrays and numbers."""
        return self.tensor.inputs

    @property
    def params(self) -> Mapping[str, Any]:
        """The primitive's options."""
        return self.tensor.params

    @property
    def number(self) -> int:
        """When its value was last written: by its creation, or, of a leaf, in place."""
        return self.tensor._seq

    @property
    def value(self) -> np.ndarray[Any, Any]:
        """The values, read-only."""
        return read_only(self.tensor._value)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values."""
        return self.tensor.shape

    @property
    def grad(self) -> np.ndarray[Any, Any] | None:
        """What ``.grad`` holds, read-only."""
        held = self.tensor._grad
        return None if held is None else read_only(held._value)

    @property
    def gradient(self) -> Tensor | None:
        """The Tensor that ``.grad`` is; it has a graph of its own after ``create_graph``."""
        return self.tensor._grad

    @property
    def hooked(self) -> bool:
        """Whether hooks look at its gradient."""
        return self.tensor._hooks is not None

    @property
    def event(self) -> Event | None:
        """What is known of its making, if that was watched; see `watched`."""
        return event_of(self.tensor)

    @property
    def line(self) -> str | None:
        """The user's line that made it, ``file:line``, if that was watched."""
        return (event.line or None) if (event := self.event) else None

    @property
    def module(self) -> str | None:
        """The path of the module that made it, as ``layers.0``; None outside, or if nobody watched."""
        return event.call.path if (event := self.event) and event.call else None

    def __repr__(self) -> str:
        made = "a leaf" if self.op is None else f"made by {self.op.name}"
        return f"<node {self.number}: {made}, shape {self.shape}>"


def any_hooked(tensors: Iterable[Tensor]) -> bool:
    """Whether hooks look at the gradient of any of these."""
    return any(t._hooks is not None for t in tensors)


def event_of(tensor: Tensor) -> Event | None:
    """The event that made a Tensor, if that was watched."""
    return events_of([tensor])[0]


def events_of(tensors: Iterable[Any]) -> list[Event | None]:
    """The event that made each, if that was watched."""
    known = _made.get
    return [found[0] if (found := known(id(t))) else None for t in tensors]


def remember(tensor: Tensor, event: Event) -> None:
    """Keep the event that made a Tensor for as long as that lives."""
    key = id(tensor)
    event.held = held = ref(tensor, lambda _: _made.pop(key, None))
    _made[key] = event, held


def walk(roots: Iterable[Tensor], ends: Callable[[Tensor], bool] | None = None) -> Iterator[Tensor]:
    """Every Tensor that ``roots`` were computed from, each once; no further than what ``ends`` it."""
    pending = list(dict.fromkeys(roots))
    seen = set(pending)
    while pending:
        t = pending.pop()
        yield t
        if ends is None or not ends(t):
            for x in t.inputs:
                if isinstance(x, Tensor) and x not in seen:
                    seen.add(x)
                    pending.append(x)


def operations_of(roots: Iterable[Tensor]) -> list[Tensor]:
    """What operations made on the way to ``roots``, in the order of their creation."""
    return sorted([t for t in walk(roots) if t._primitive is not None], key=attrgetter("_seq"))


def nodes_of(root: Tensor) -> list[Node]:
    """The operations that ``root`` was computed by, in the order of their creation."""
    return [Node(t) for t in operations_of([root])]


def leaves_of(root: Tensor) -> list[Tensor]:
    """The leaves that a gradient flows to, in the order in which they were used."""
    return list(dict.fromkeys(x for node in nodes_of(root) for x in node.inputs
                              if isinstance(x, Tensor) and x.is_leaf and x.requires_grad))
