"""Trails: what calls of a function are made of, event by event, as a tree of their branches.

An `Event` says what came to the door: an operation, a reverse pass, a step of an optimizer, a look at
values, the end. What it was given are *references*: a Tensor from outside by identity, a result by the
event that made it, everything that changes from call to call by its `Slot`, plain values by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...engine.tensor import Tensor

#: Events before which values must be there.
ENDS = ("read", "step", "write", "end")


class Slot:
    """What a call brings anew: an array, a Tensor made in it or given to it, or a number."""

    __slots__ = ("dtype", "index", "kind", "requires_grad", "shape", "strides")

    def __init__(self, index: int, x: Any) -> None:
        self.index, self.kind = index, type(x)
        held = x._value if isinstance(x, Tensor) else x
        self.requires_grad = isinstance(x, Tensor) and x._requires_grad
        self.shape, self.strides = getattr(held, "shape", ()), getattr(held, "strides", ())
        self.dtype = getattr(held, "dtype", None)
        if isinstance(x, Tensor):
            self.kind = Tensor if isinstance(held, np.ndarray) else np.generic

    def fits(self, x: Any) -> bool:
        """Whether something has the form of what was there when the trail was recorded."""
        if isinstance(x, Tensor):
            if self.kind not in (Tensor, np.generic) or x._requires_grad is not self.requires_grad:
                return False
            x = x._value
            if isinstance(x, np.ndarray) is (self.kind is np.generic):
                return False
        elif type(x) is not self.kind:
            return False
        elif self.dtype is None:  # a number of Python
            return True
        return bool(x.dtype == self.dtype and x.shape == self.shape and x.strides == self.strides)


class Event:
    """One event of a trail.

    Attributes
    ----------
    kind : ``op``, ``backward``, ``gradient`` (a part of it), ``step``, ``write``, ``read`` or ``end``.
    what : the primitive, the optimizer, or the event whose values are looked at.
    refs, params, mode : what it was given, and the mode that held.
    shape, dtype, requires_grad : the form of its result.
    more : what else its kind needs.
    next, other : the first event that may follow, and what may come in place of this one.
    loose : positions of inputs that were others in some call.
    segment : the program of what is computed before it, for events at which values must be there.
    """

    __slots__ = (
        "before", "dtype", "kind", "loose", "mode", "more", "needed", "next", "other", "params", "path",
        "refs", "requires_grad", "segment", "shape", "what",
    )  # fmt: skip

    def __init__(
        self, kind: str, what: Any, refs: tuple[Any, ...], params: dict[str, Any], mode: Any
    ) -> None:
        self.kind, self.what, self.refs, self.params, self.mode = kind, what, refs, params, mode
        self.shape: tuple[int, ...] = ()
        self.dtype: Any = None
        self.requires_grad = False
        self.more: Any = None
        self.next: Event | None = None
        self.other: Event | None = None
        self.loose: set[int] = set()
        self.segment: Any = None
        self.needed: set[int] = set()
        self.path: Any = None
        self.before: Event | None = None

    def __repr__(self) -> str:
        return f"<{self.kind} {getattr(self.what, 'name', self.what)}>"

    def followers(self) -> Iterator[Event]:
        """The events that may come next."""
        e = self.next
        while e is not None:
            yield e
            e = e.other

    def followed_by(
        self, kind: str, what: Any, refs: tuple[Any, ...], params: dict[str, Any], mode: Any
    ) -> Event:
        """The follower that is like this, which is made if there is none."""
        for e in self.followers():
            if (e.kind == kind and e.what is what and e.mode == mode and len(e.refs) == len(refs)
                    and all(map(_alike, e.refs, refs)) and same_params(params, e.params)):
                return e
        e = Event(kind, what, refs, params, mode)
        e.other, self.next, e.before = self.next, e, self
        return e

    def drop(self, gone: Event) -> None:
        """Forget a follower, and what comes after it."""
        kept = [e for e in self.followers() if e is not gone]
        self.next = None
        for e in reversed(kept):
            e.other, self.next = self.next, e

    def path_to(self) -> list[Event]:
        """The events from the beginning up to this one."""
        found: list[Event] = []
        e: Event | None = self
        while e is not None and e.before is not None:
            found.append(e)
            e = e.before
        return found[::-1]

    def tensors(self) -> list[Tensor]:
        """The Tensors from outside that are known to what comes after."""
        found: dict[Tensor, None] = {}
        waiting = list(self.followers())
        while waiting:
            e = waiting.pop()
            waiting += e.followers()
            given = list(e.refs)
            if e.kind == "backward":
                given += [leaf for leaf, *_ in e.more]
            elif e.kind == "step":
                given += [p for params, _ in e.more for p in params]
                given += [t for *_, t in e.params["state"]]
            elif e.kind == "write":
                given.append(e.more)
            found.update(dict.fromkeys(x for x in given if isinstance(x, Tensor)))
        return list(found)

    def hand_on(self) -> None:
        """Tell the segments before this end what those after them take of them."""
        path, start = self.path, 0
        number = {i.output: n for n, i in enumerate(path.instructions)}
        ends = [e for e in self.path_to() if e.kind in ENDS]
        for at in ends:
            for i in path.instructions[start : path.ends[at]]:
                for n in (number.get(v, start) for v in i.values):
                    if n < start and path.instructions[n].target is None:
                        owner = next(b for b in ends if path.ends[b] > n)
                        if n not in owner.needed:
                            owner.needed.add(n)
                            owner.segment = None
            start = path.ends[at]


def _alike(a: Any, b: Any) -> bool:
    """Whether two references mean the same."""
    if type(a) is Slot is type(b):
        return (a.index, a.kind, a.shape, a.dtype, a.strides, a.requires_grad) == (
            b.index, b.kind, b.shape, b.dtype, b.strides, b.requires_grad)
    return same(a, b)


def same(a: Any, b: Any) -> bool:
    """Whether two plain values are interchangeable: 0.0 and -0.0, or 2 and 2.0, are not."""
    kind = type(a)
    if kind is not type(b):
        return False
    if kind in (tuple, list):
        return len(a) == len(b) and all(map(same, a, b))
    if kind is slice:
        return same((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    if kind is np.ndarray:
        return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
    if isinstance(a, float | np.generic):
        return repr(a) == repr(b)
    return a is b or (isinstance(a, _PLAIN) and bool(a == b))


_PLAIN = (int, str, bytes, complex, frozenset, range, np.dtype)


def same_params(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether options are the same."""
    if len(a) != len(b):
        return False
    for key, value in a.items():
        other = b.get(key, same)
        if value is not other and not same(value, other):
            return False
    return True
