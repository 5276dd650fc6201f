"""Trails: what calls of a function are made of, event by event, as a tree of their branches.

An `Event` says what came to the door: an operation, a reverse pass, a step of an optimizer, a look at
values, the end. What it was given are *references*: a Tensor from outside by identity, a result by the
event that made it, everything that changes from call to call by its `Slot`, plain values by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from sys import getrefcount
from types import FunctionType
from typing import Any
from weakref import getweakrefcount, ref

import numpy as np

from ...engine.tensor import Tensor
from ...errors import describe
from ...ground.live import Live

#: Events before which values must be there.
ENDS = ("read", "errors", "step", "write", "end")


@dataclass(slots=True, init=False)
class Slot:
    """What a call brings anew: an array, a Tensor made in it or given to it, or a number."""

    index: int
    kind: Any
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: Any
    requires_grad: bool

    def __init__(self, index: int, x: Any) -> None:
        held = x._value if isinstance(x, Tensor) else x
        self.index, self.kind = index, type(x)
        if isinstance(x, Tensor):
            self.kind = Tensor if isinstance(held, np.ndarray) else np.generic
        self.shape, self.strides = getattr(held, "shape", ()), getattr(held, "strides", ())
        self.dtype = getattr(held, "dtype", None)
        self.requires_grad = isinstance(x, Tensor) and x._requires_grad

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


@dataclass(eq=False, repr=False, slots=True)
class Event:
    """One event of a trail.

    Attributes
    ----------
    kind : ``op``; ``backward`` or ``pull``, reverse passes that make a ``gradient`` each for several
        Tensors; ``ask``, a question about a graph; ``step``, ``write``, ``read``, ``end``, or
        ``errors``, from which on they are treated in another way; ``later``, a write into a buffer of a
        module, which is computed with what comes after it.
    what : the primitive, the optimizer, the question, or the event whose values are looked at; None
        where data are written to.
    refs, params, mode : what it was given (of a ``write``, last of all, what is written to), and the
        mode that held.
    before, next, other : the event before it, the first that may follow, and what may come in place of
        this one.
    more : of an ``op``, positions of masks and how many elements each selects; of a ``backward``, each
        leaf, its gradient before, and the event that makes the new one; of a ``pull``, what makes its
        results; of an ``ask``, the answer; of a ``step``, parameters and options of the groups; of a
        ``write`` into what a slot holds, the number of the instruction; of a ``read``, what it is for;
        of an ``end``, the events that make results, and by leaves those that make gradients.
    shape, dtype, by_columns, requires_grad : the form of its result.
    moved : events whose results show memory that is written to here.
    loose : positions of inputs that were others in some call.
    path : the call in which it was recorded last.
    needed, segment : of an event at which values must be there, the program of what is computed before
        it, and the numbers of instructions whose results later ones take, with whether memory is
        written to in between.
    answers : of such an event, those that have results, since the last such event.
    out : the stand-in for its result, the same object in each call unless somebody has kept it.
    first, last, given, arity : the inputs that come first and last, all of them if they are more than
        two, and their number, if they are the same objects in each call; else None and -1.
    users, uses : the events that have ``out`` among these, and how often.
    at_once : whether its result is looked at next, as errors are treated in its own way.
    touched : whether somebody has set an attribute of ``out``.
    holds : of a step, whether all that it depends on is what it was.
    """

    kind: str
    what: Any
    refs: tuple[Any, ...]
    params: dict[str, Any]
    mode: Any
    before: Event | None = None
    next: Event | None = None
    other: Event | None = None
    more: Any = None
    shape: tuple[int, ...] = ()
    dtype: Any = None
    by_columns: bool = False
    requires_grad: bool = False
    moved: list[Event] = field(default_factory=list)
    loose: set[int] = field(default_factory=set)
    path: Any = None
    needed: dict[int, int] = field(default_factory=dict)
    segment: Any = None
    answers: Iterable[Event] = ()
    out: Any = None
    given: tuple[Any, ...] = ()
    first: Any = None
    last: Any = None
    arity: int = -1
    users: list[Event] = field(default_factory=list)
    uses: int = 0
    at_once: bool = False
    touched: bool = False
    holds: Any = None

    def makes(self, out: Tensor) -> None:
        """Take over the form of a result."""
        self.shape, self.dtype, self.requires_grad = out.shape, out.dtype, out._requires_grad
        self.by_columns = out.ndim == 2 and out._by_columns

    @property
    def writes(self) -> bool:
        """Whether memory is written to here, so that what came before cannot come about again."""
        return self.kind in ("step", "write") or (self.kind == "read" and self.what is None)

    @property
    def draws(self) -> bool:
        """Whether it draws random numbers, which are drawn even if nobody has them."""
        return self.kind == "op" and self.what.kind == "draw"

    @property
    def shows(self) -> bool:
        """Whether its result is a view of memory from outside."""
        return self.kind == "op" and self.what.kind == "view" and self.requires_grad and (
            type(self.refs[0]) is not Event or self.refs[0].shows)

    # -- stand-ins -----------------------------------------------------------------------------------

    def takes_the_same(self) -> None:
        """Remember the objects that its inputs are, if they can be the same in the next call."""
        if self.first is not None:
            self.arity = len(self.refs)
            return
        given = [r.out if type(r) is Event else r for r in self.refs]
        usual = self.more is None and not self.at_once
        if given and usual and not any(x is None or type(x) in (Slot, Live) for x in given):
            self.first, self.last, self.arity = given[0], given[-1], len(given)
            self.given = tuple(given) if len(given) > 2 else ()
            for r in self._referred():
                r.uses += 1
                r.users.append(self)

    def forget_given(self) -> None:
        """The inputs must be compared one by one."""
        if self.first is not None:
            self.given, self.first, self.last, self.arity = (), None, None, -1
            for r in self._referred():
                r.uses -= 1

    def _referred(self) -> list[Event]:
        """The events whose results it refers to, as often as it does."""
        all_of_many = self.refs if len(self.refs) > 2 else ()
        return [r for r in (self.refs[0], self.refs[-1], *all_of_many) if type(r) is Event]

    def give_away(self, out: Any) -> None:
        """Let this stand-in, if it is still the one in use, be somebody's own from now on."""
        if self.out is not out:
            return
        self.out = None
        for user in self.users:
            user.forget_given()
        self.users = []

    def results(self) -> list[Event]:
        """The events that have a result each: itself, or the parts of a reverse pass."""
        if self.kind == "backward":
            return [g for *_, g in self.more]
        return [self] if self.kind == "op" else self.more if self.kind == "pull" else []

    def updates(self) -> Iterator[tuple[Any, Any]]:
        """The parameters of a step of an optimizer, each with its gradient."""
        return zip([p for params, _ in self.more for p in params], self.refs, strict=True)

    def since(self) -> Iterator[Event]:
        """This event and those before it, the last first, back to one at which values were there."""
        e: Event | None = self
        while e is not None and e.kind not in ENDS:
            yield e
            e = e.before

    # -- the tree ------------------------------------------------------------------------------------

    def followers(self) -> Iterator[Event]:
        """The events that may come next."""
        e = self.next
        while e is not None:
            yield e
            e = e.other

    def followed_by(
        self, kind: str, what: Any, refs: tuple[Any, ...], params: dict[str, Any], mode: Any,
        counts: Any = None,
    ) -> Event:
        """The follower that is like this, which is made if there is none."""
        for e in self.followers():
            if (e.kind == kind and e.what is what and e.mode == mode and len(e.refs) == len(refs)
                    and all(map(same, e.refs, refs)) and same_params(params, e.params)
                    and (kind != "op" or e.more == counts)):
                return e
        e = Event(kind, what, refs, params, mode, more=counts)
        e.other, self.next, e.before = self.next, e, self
        if kind in ENDS:
            e.answers = list(dict.fromkeys(r for f in self.since() for r in f.results()))
        return e

    def drop(self, gone: Event) -> None:
        """Forget a follower, and what comes after it."""
        for e in (gone, *gone.descendants()):
            e.forget_given()
        self._lead_to([e for e in self.followers() if e is not gone])

    def _lead_to(self, followers: list[Event]) -> None:
        self.next = None
        for e in reversed(followers):
            e.other, self.next = self.next, e

    def comes_first(self) -> None:
        """Let calls that may go several ways come here."""
        for e in self.path_to():
            assert e.before is not None
            e.before._lead_to([e, *(f for f in e.before.followers() if f is not e)])

    def path_to(self) -> list[Event]:
        """The events from the beginning up to this one."""
        found: list[Event] = []
        e: Event | None = self
        while e is not None and e.before is not None:
            found.append(e)
            e = e.before
        return found[::-1]

    def is_dropped(self) -> bool:
        """Whether the trail no longer leads here: something on the way has become a slot."""
        return any(e not in e.before.followers() for e in self.path_to() if e.before is not None)

    def outside(self) -> list[Tensor]:
        """The Tensors from outside that have a part in this event."""
        leaves = [leaf for leaf, *_ in self.more] if self.kind == "backward" else []
        return [x for x in (*self.refs, *leaves, *self.written()) if isinstance(x, Tensor)]

    def written(self) -> list[Any]:
        """What is written to in this event."""
        if self.kind == "step":
            remembered = [t for *_, t in self.params["state"]]
            return [p for params, _ in self.more for p in params] + remembered
        return [self.refs[-1]] if self.kind in ("write", "later") else []

    def changes(self) -> list[Any]:
        """What has other values from here on."""
        if self.kind == "step":
            params = {p for p, g in self.updates() if g is not None}
            return [*params, *(t for p, _, t in self.params["state"]
                               if p in params and isinstance(t, Tensor))]
        return [self.refs[-1]] if self.writes or self.kind == "later" else []

    def descendants(self) -> Iterator[Event]:
        """All events that may come after this one."""
        waiting = list(self.followers())
        while waiting:
            yield (e := waiting.pop())
            waiting += e.followers()


def gradient_of(g: Any) -> Event:
    """What makes one of the gradients of a reverse pass."""
    e = Event("gradient", None, (), {}, None)
    e.makes(g)
    return e


def described(what: Any, given: Iterable[Any], options: dict[str, Any]) -> str:
    """An operation and what it is given, for messages."""
    shown = [*map(in_words, given), *(f"{k}={in_words(v)}" for k, v in options.items())]
    return f"{getattr(what, 'name', what)}({', '.join(shown)})"


def in_words(x: Any) -> str:
    """A number as it is, and of others the form."""
    if type(x) is Live:
        return x.text
    if isinstance(x, ref):
        return type(x()).__name__
    if type(x) is Slot and x.dtype is None:
        return "a float"
    held = hasattr(x, "dtype") and hasattr(x, "shape") and x.shape is not None
    return describe(x) if held and not isinstance(x, np.generic) else repr(x)


def held_of(events: Iterable[Event], alone: int) -> list[Event]:
    """The events whose stand-ins somebody has: they have more references than from the trail."""
    found = []
    for e in events:  # None is asked for last: it is had by many, and hardly ever an answer
        if (getrefcount(out := e.out) - e.uses > alone or getweakrefcount(out)) and out is not None:
            found.append(e)
    return found


def _alone() -> int:
    """How many references Python counts if nobody but the event has its stand-in."""
    probe = Event("op", None, (), {}, None)
    probe.out = Tensor.__new__(Tensor)  # of which nobody hears: whoever watches would remember it
    return next(n for n in count() if not held_of([probe], n))


#: For `held_of`.
ALONE = _alone()


def same(a: Any, b: Any) -> bool:
    """Whether two references are interchangeable: 0.0 and -0.0, or 2 and 2.0, are not."""
    if a is b:  # nearly always: small integers are the same objects
        return True
    kind = type(a)
    if kind is not type(b):
        return False
    if kind in (tuple, list):
        return len(a) == len(b) and all(map(same, a, b))
    if kind is slice:
        return same((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    if kind is np.ndarray:
        return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
    if kind is Live:
        return bool(a.text == b.text)
    if kind is FunctionType:  # a lambda is made anew in each call
        cells = [[c.cell_contents for c in f.__closure__ or ()] for f in (a, b)]
        return a.__code__ is b.__code__ and same(a.__defaults__, b.__defaults__) and same(*cells)
    if isinstance(a, float | np.generic):
        return repr(a) == repr(b)
    return isinstance(a, _PLAIN) and bool(a == b)


_PLAIN = (int, str, bytes, complex, frozenset, range, np.dtype, Slot)


def same_params(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether options are the same."""
    for key in a:
        if a[key] is not b.get(key, same) and not same(a[key], b.get(key, same)):
            return False
    return len(a) == len(b)
