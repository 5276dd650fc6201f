"""What explanations call things: the user's names, those that a watched run saw, else ``t1``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..engine.graph import Node, event_of, walk
from ..engine.tensor import Tensor
from ..engine.watched import Event
from ..pictures.names import array_key, names_for
from .calls import call_of

#: Characters that the formula of a Tensor without a name may have in a sentence.
ROOM = 44


class Names:
    """Names of the Tensors and arrays of a graph, no two the same.

    >>> w = Tensor(3.0, requires_grad=True, name="w"); y = (w * 2.0).exp()
    >>> names = Names([y]); [names(w), names(y), names.call(y)]
    ['w', 'y', 'exp(t1)']
    """

    def __init__(self, roots: Iterable[Tensor], also: Iterable[Tensor] = ()) -> None:
        roots = list(roots)
        tensors = sorted({*walk(roots), *also}, key=lambda t: Node(t).number)
        arrays = [x for t in tensors for x in t.inputs if isinstance(x, np.ndarray)]
        known = names_for([*tensors, *arrays])
        self._names: dict[Any, str] = {}
        self._numbered: set[Any] = set()  # those that have no name of the user's
        self._taken: set[str] = set()
        self._meant: dict[Any, str] = {}  # before numbers were added
        self._counts: Counter[str] = Counter()
        self._keys = {id(x): array_key(x) for x in arrays}
        self._held = arrays  # so that ids stay theirs
        named = {t: known.get(t) or _watched(t) for t in tensors}
        for t in tensors:
            self._give(t, named[t])
        for t in tensors:
            seen = event.arguments if (event := event_of(t)) else ("",) * len(t.inputs)
            for x, name in zip(t.inputs, seen, strict=False):
                if isinstance(x, np.ndarray) and self._keys[id(x)] not in self._names:
                    own = known.get(self._keys[id(x)]) or name
                    self._give(self._keys[id(x)], own or _kind(x, t.op.name if t.op else ""))
        users = {x: t.op.name for t in reversed(tensors) if t.op for x in t.inputs
                 if isinstance(x, Tensor)}
        for t in tensors:
            leaf = "p" if t.requires_grad else _kind(Node(t).value, users.get(t, ""))
            self._give(t, "t" if t.op else leaf, numbered=t.op is not None or t.requires_grad)

    def _give(self, key: Any, name: str | None, numbered: bool = False) -> None:
        if key in self._names or not name:
            return
        name = self._meant[key] = as_name(name)
        free = name
        while numbered or free in self._taken:
            self._counts[name] += 1
            count = self._counts[name]
            free = f"{name}{count}" if numbered else f"{name}_{count + 1}"
            if free not in self._taken:
                break
        self._taken.add(free)
        self._names[key] = free
        if numbered:
            self._numbered.add(key)

    def __call__(self, x: Any) -> str:
        """How a Tensor, an array or a number is called."""
        if isinstance(x, Tensor):
            return self._names.get(x, "") or (x.name or "a Tensor")
        if isinstance(x, np.ndarray):
            return self._names[self._keys.get(id(x)) or array_key(x)]
        return f"{x:g}" if isinstance(x, float) else f"{x}"

    def meant(self, x: Any) -> str:
        """The name by itself, which several may have."""
        return self._meant.get(x, "")

    @property
    def known(self) -> Mapping[Any, str]:
        """The names of Tensors, and of arrays by their contents."""
        return self._names

    @property
    def tensors(self) -> list[str]:
        """The names of all Tensors."""
        return [n for t, n in self._names.items() if isinstance(t, Tensor)]

    def call(self, t: Tensor, called: Callable[[Any], str] | None = None) -> str:
        """How a Tensor was made, as a formula of what is ``called`` so."""
        op: Any = t.op
        if op is None:
            return self(t)
        return call_of(op, [(called or self)(x) for x in t.inputs], t.params)

    def said(self, x: Any) -> str:
        """The user's name of a Tensor, else the formula that made it, as far as it is short."""
        if not isinstance(x, Tensor) or x not in self._numbered or x.op is None:
            return self(x)
        return self._short(x)

    def made(self, t: Tensor) -> str:
        """A Tensor with the formula that made it: ``h = tanh(x @ W)``, or the formula alone."""
        if t in self._numbered:
            return self.said(t)
        return f"{self(t)} = {self._short(t)}"

    def _short(self, t: Tensor) -> str:
        """The formula of a Tensor, with those that have no name spelled out as far as there is room."""
        return next((text for depth in (2, 1) if len(text := self._spelled(t, depth)) <= ROOM),
                    self._spelled(t, 0))

    def _spelled(self, t: Tensor, depth: int) -> str:
        return self.call(t, (lambda x: self._part(x, depth - 1)) if depth else self._dots)

    def _part(self, x: Any, depth: int) -> str:
        if not isinstance(x, Tensor) or x not in self._numbered or x.op is None:
            return self(x)
        return self._spelled(x, depth) if depth >= 0 else "..."

    def _dots(self, x: Any) -> str:
        return "..." if isinstance(x, Tensor) and x in self._numbered and x.op else self(x)


def as_name(name: str) -> str:
    """A name that begins with a letter: parameters of a `Sequential` are called ``0.weight``."""
    return re.sub(r"^(\d)", r"layer_\1", name)


def inside(event: Event | None) -> str:
    """The module that something happened in, in words; nothing where it is not known."""
    if event is None or event.call is None:
        return ""
    title = event.call.title
    return f"in {'layer ' if title[:1].isdigit() else ''}{title} ({event.call.kind})"


def _watched(t: Tensor) -> str:
    event = event_of(t)
    return event.name if event else ""


def _kind(x: Any, user: str = "") -> str:
    """What an array without a name probably is, by the operation that uses it."""
    x, kind = np.asarray(x), np.asarray(x).dtype.kind
    if kind in "iu":
        if x.ndim == 1 and np.array_equal(x, np.arange(len(x))):
            return f"arange({len(x)})"
        return _ROLES.get(user, "integers")
    if kind == "b" or user == "attention_weights":
        return "mask"
    return _two_valued(x) if user == "multiply" and kind == "f" else "data"


#: What arrays of integers are for.
_ROLES = {"cross_entropy_of_logits": "labels", "check_labels": "labels", "nll": "labels",
          **dict.fromkeys(("getitem", "set_elements", "scatter", "choose_elements", "take"), "indices")}


def _two_valued(x: np.ndarray[Any, Any]) -> str:
    """Whether numbers choose among others: one in each row, or some of all."""
    values = np.unique(x)
    if len(values) != 2 or values[0] != 0:
        return "data"
    ones = x.ndim == 2 and values[1] == 1 and (np.count_nonzero(x, axis=1) == 1).all()
    return "onehot" if ones else "mask"
