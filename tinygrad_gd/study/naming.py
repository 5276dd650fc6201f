"""What explanations call things: the user's names, those that a watched run saw, else ``t1``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..engine.graph import Node, event_of, walk
from ..engine.tensor import Tensor
from ..pictures.names import array_key, names_for
from ..pictures.words import index_text, options_of
from ..program.ir import INFIX

#: Options that say nothing: what follows from shapes, and what most calls have.
_USUAL = re.compile(r"counts=.*|reduction=mean|(stride|dilation|groups)=(1|\(1(,1)*,?\))")

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
                    self._give(self._keys[id(x)], known.get(self._keys[id(x)]) or name or _kind(x))
        for t in tensors:
            leaf = "p" if t.requires_grad else _kind(Node(t).value)
            self._give(t, "t" if t.op else leaf, numbered=t.op is not None or t.requires_grad)

    def _give(self, key: Any, name: str | None, numbered: bool = False) -> None:
        if key in self._names or not name:
            return
        name = re.sub(r"^(\d)", r"layer_\1", name)
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
        given = [(called or self)(x) for x in t.inputs]
        if op.name in INFIX and len(given) == 2:
            return f"{_inside(given[0])} {INFIX[op.name][0]} {_inside(given[1])}"
        options = " ".join(o for o in options_of(op, t.params).split() if not _USUAL.fullmatch(o))
        if op.name == "linear":
            return " + ".join([f"{_inside(given[0])} @ {_inside(given[1])}.T", *given[2:]])
        if op.name == "getitem":
            arrays = iter(given[1:])
            key = re.sub(r"\b_\b", lambda m: next(arrays, m[0]), index_text(t.params["key"]))
            return f"{_inside(given[0])}{key}"
        if op.name in ("negative", "transpose") and not options:
            return f"-{_inside(given[0])}" if op.name == "negative" else f"{_inside(given[0])}.T"
        shown = [g for g in given if len(given) <= 4] or [*given[:2], "...", given[-1]]
        return f"{op.name.removesuffix('_of_logits')}({', '.join([*shown, *options.split()])})"

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


def _inside(text: str) -> str:
    """A formula as a part of another."""
    return f"({text})" if " " in text and not re.fullmatch(r"\w+\([^()]*\)", text) else text


def _watched(t: Tensor) -> str:
    event = event_of(t)
    return event.name if event else ""


def _kind(x: np.ndarray[Any, Any]) -> str:
    """What an array without a name probably is."""
    if x.dtype.kind == "i" and x.ndim == 1 and np.array_equal(x, np.arange(len(x))):
        return f"arange({len(x)})"
    return {"i": "labels", "u": "labels", "b": "mask"}.get(x.dtype.kind, "data")
