"""Realizing: what was answered is computed as usual, and goes on as in eager code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from ...engine.primitive import apply
from ...engine.tensor import ALL, Tensor
from ...errors import GradError
from ...ground.live import Live
from ...ground.modes import using
from ...ground.rng import generator
from ...ops.unnamed import unnamed
from ...transforms.recording import pull
from .recorder import Recorder
from .standins import Recorded, StandIn, become
from .trail import Event, Slot


def realize(call: Any, events: list[Event]) -> None:
    """Compute all that is pending, and give what is still held its value and its graph."""
    with drawn_again(call, False):
        Rebuilding(call, events).run(events)


@contextmanager
def drawn_again(call: Any, after: bool) -> Iterator[None]:
    """Let draws that were made give the same numbers once more; ``after`` the call, without a trace."""
    if call.drew is None:
        yield
        return
    bits = generator().bit_generator
    now, bits.state = bits.state, call.drew
    yield
    if after:
        bits.state = now


class Rebuilding:
    """The events of a call as ordinary operations."""

    def __init__(self, call: Any, events: list[Event]) -> None:
        self.call = call
        self.alive = call.alive(events)
        self.made: dict[Event, Any] = {}
        self.moments: list[Any] = []  # when what is made after the call was made

    def input(self, r: Any) -> Any:
        """What a reference stands for."""
        if type(r) is Event:
            return self.made[r]
        if type(r) is Slot:
            return self.call.bound[r.index]
        return self.call.lives.get(r.text, r) if type(r) is Live else r

    def run(self, events: list[Event]) -> None:
        """Compute what is pending, and make graphs of what is still held."""
        pending_from = 0
        for n, e in enumerate(events):
            if e.kind in ("step", "write", "read"):
                pending_from = n + 1
        for n, e in enumerate(events):
            pending = n >= pending_from
            if e.kind == "op":
                self.operation(e, pending)
            elif e.kind == "backward" and pending:
                self.backward(e)
            elif e.kind == "pull" and pending:
                roots, seeds, targets = _sorted(e, map(self.input, e.refs))
                with using(lockstep=None):
                    found = pull(roots, seeds, targets, 0, e.params["create_graph"])
                for g, out in zip(e.more, found, strict=True):
                    self.made.setdefault(g, self.kept(g, out))

    def operation(self, e: Event, pending: bool) -> None:
        """Compute one operation, unless what it read was changed since."""
        s = self.alive.get(e)
        try:
            inputs = tuple(map(self.input, e.refs))
        except KeyError:
            return
        if not pending and self.is_stale(inputs):
            self.made.pop(e, None)
            return
        with using(**{"grad": e.mode.grad, "default_dtype": e.mode.default_dtype, "lockstep": None}):
            out = apply(e.what, inputs, e.params)
        if self.moments:  # in their order, before all that has used the result since
            out._seq = self.moments.pop(0)
        if s is not None:
            value = s._value if not pending and type(s) is not StandIn else out._value
            become(s, value, out._primitive, out._first, out._second, out._params, out._seq)
            out = s
        self.made[e] = out

    def kept(self, g: Event, out: Tensor) -> Any:
        """The stand-in that somebody has for a result, as what was computed in its place."""
        if (s := self.alive.get(g)) is None:
            return out
        become(s, out._value, out._primitive, out._first, out._second, out._params, out._seq)
        return s

    def is_stale(self, inputs: tuple[Any, ...]) -> bool:
        """Whether some parameter is no longer what it was when the call began."""
        return any(isinstance(x, Tensor) and x._primitive is None and x._requires_grad
                   and x._seq > self.call.began for x in inputs)

    def backward(self, e: Event) -> None:
        """Run a reverse pass from the gradients that there were, and leave those that there are."""
        root, gradient = map(self.input, e.refs[:2])
        now = []
        for leaf, before, _ in e.more:
            x = self.input(leaf)
            now.append((x, x._grad))
            x._grad = None if before is None else self.input(before)
        with using(lockstep=None):
            root.backward(gradient)
        for (x, held), (_, _, g) in zip(now, e.more, strict=True):
            made, s = x._grad, self.alive.get(g)
            if s is not None:
                become(s, made._value, None, (), ALL, {}, made._seq)
                made = s
            self.made[g] = made
            x._grad = made if held is s or (isinstance(held, StandIn) and held is s) else held


def record_again(lockstep: Any, events: list[Event]) -> None:
    """Compute as `realize` does, and record it: what follows belongs to the same path."""
    call = lockstep.call
    alive = call.alive(events)
    lockstep.recorder = recorder = Recorder(lockstep, lockstep.given)
    recorder.began = call.began
    lockstep.at, lockstep.active = lockstep.root, True
    if call.drew is not None:
        generator().bit_generator.state = call.drew
    again = Again(lockstep, recorder, alive)
    for e in events:
        if e.kind == "op":
            again.operation(e)
        elif e.kind == "read":
            recorder.look(again.made[e.what])
        elif e.kind == "backward":
            again.backward(e)
        elif e.kind == "ask":
            recorder.asks(e.what, tuple(map(again.given, e.refs)), partial(getattr, e, "more"))
        elif e.kind == "pull":
            again.pull(e)
        if not lockstep.active:
            break


class Again:
    """The events of a call, met once more while it is recorded."""

    def __init__(self, lockstep: Any, recorder: Recorder, alive: dict[Event, Any]) -> None:
        self.lockstep, self.recorder = lockstep, recorder
        self.alive = alive
        self.made: dict[Event, Any] = {}

    def given(self, r: Any) -> Any:
        """What a reference stands for."""
        if type(r) is Event:
            return self.made[r]
        call = self.lockstep.call
        if type(r) is Slot:
            return call.bound[r.index]
        return call.lives.get(r.text, r) if type(r) is Live else r

    def keep(self, e: Event, out: Tensor) -> Any:
        """The stand-in that somebody has, as what was computed in its place."""
        s = self.alive.get(e)
        if s is not None:
            self.lockstep.active = False
            become(s, out._value, out._primitive, out._first, out._second, out._params, out._seq)
            s.__class__ = Recorded
            self.recorder.path.is_also(out, s)
            self.recorder.note(e if e.kind == "gradient" else self.lockstep.at, s)
            self.lockstep.active = True
            out = s
        self.made[e] = out
        return out

    def operation(self, e: Event) -> None:
        """Compute one operation."""
        with using(grad=e.mode.grad, default_dtype=e.mode.default_dtype):
            self.keep(e, self.recorder.apply(e.what, tuple(map(self.given, e.refs)), e.params, e.mode))

    def backward(self, e: Event) -> None:
        """Run a reverse pass from the gradients that there were, and leave those that there are."""
        now = [(x := self.given(leaf), x._grad) for leaf, *_ in e.more]
        for (x, _), (_, before, _) in zip(now, e.more, strict=True):
            x._grad = None if before is None else self.given(before)
        self.recorder.backward(self.given(e.refs[0]), self.given(e.refs[1]), False)
        for (x, held), (_, _, g) in zip(now, e.more, strict=True):
            s = self.alive.get(g)
            new = self.keep(g, x._grad)
            x._grad = new if held is s else held


    def pull(self, e: Event) -> None:
        """Run the reverse pass of a transform."""
        roots, seeds, targets = _sorted(e, map(self.given, e.refs))
        found = self.recorder.pull(roots, seeds, targets, e.params["create_graph"], pull)
        for g, out in zip(e.more, found, strict=True):
            if g not in self.made:
                self.keep(g, out)


def _sorted(e: Event, given: Iterable[Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Roots, seeds and targets of a reverse pass."""
    found, n = list(given), e.params["roots"]
    return found[:n], found[n : 2 * n], found[2 * n :]


def graph_of(x: Any) -> None:
    """Make the graph of a result that was computed by a program."""
    call = x.call
    events = []
    e: Any = x.event
    while e is not None and e.kind != "start":
        events.append(e)
        e = e.before
    rebuilding = Rebuilding(call, events)
    rebuilding.moments = [call.began + (n + 1) / (len(events) + 1) for n in range(len(events))]
    with drawn_again(call, True):
        for event in reversed(events):
            if event.kind == "op":
                rebuilding.operation(event, False)
    if isinstance(x, StandIn):
        leaf = Tensor(0.0, requires_grad=True)
        leaf._seq = 0  # so that the rule is asked, and says it
        become(x, x._value, _STALE, (leaf,), ALL, {}, call.began)


def _refuse(g: Any, out: Any, leaf: Any) -> Any:
    raise GradError("backward: what this was computed from in a compiled step was changed since, so "
                    "its graph is stale; call backward() in the step, or before values change")


#: What made a result whose graph cannot be made any more: it can be looked at, and not derived.
_STALE = unnamed("compiled_step", lambda leaf: leaf, (_refuse,))
