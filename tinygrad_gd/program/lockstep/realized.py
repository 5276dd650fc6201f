"""Realizing: what was answered is computed as usual, and goes on as in eager code."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from math import inf, nextafter
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from ...engine.backward import reads, seed_of, stale
from ...engine.graph import walk
from ...engine.in_place import write
from ...engine.primitive import apply
from ...engine.rules import Every
from ...engine.tensor import ALL, Tensor, constant
from ...errors import GradError, TinygradGdError
from ...ground.live import Live
from ...ground.modes import using
from ...ground.rng import generator
from ...ground.storage import tick
from ...ops.unnamed import unnamed
from ...transforms.recording import pull
from .errstate import as_it_began
from .recorder import Recorder
from .standins import Deferred, Filled, StandIn, become, fail, set_free
from .trail import ENDS, Event, Slot


class Gone(GradError):
    """What a step goes back to cannot be computed again, and why."""

    def __init__(self, why: GradError | None = None) -> None:
        super().__init__(str(why or "backward: what this was computed from in a compiled step was "
                             "changed since, so its graph is stale; call backward() in the step, or "
                             "before values change"))


def realize(lockstep: Any, events: list[Event]) -> None:
    """Compute all that is pending, and give what is still held its value and its graph.

    It is recorded, and what follows belongs to the same path, unless something would be done twice.
    """
    call, (done, pending, last) = lockstep.call, split(events)
    bits: Any = None if call.drew is None else generator().bit_generator
    now = None if bits is None else bits.state
    if any(e.writes or e.kind == "later" for e in done):
        again = Again(call, events, path=events[-1].path)
        lockstep.wanted = lockstep.eager = True
    else:
        again = Again(call, events, lockstep)
        lockstep.recorder = Recorder(lockstep, entire=False)
        for leaf, data in call.created:
            lockstep.recorder.creates(leaf, data)
        lockstep.at, lockstep.active = lockstep.root, True
    try:
        with np.errstate(all="ignore"):  # they were heard of
            again.meet_all(done, pending=False)
        if bits is not None:  # what is pending is drawn after all that the function drew itself
            bits.state = now
        with as_it_began(call):
            again.meet_all(pending)
        again.meet_all(last)
        again.let_go()
    except BaseException as error:
        if lockstep.recorder is not None:
            lockstep.abandon("")  # the next call begins a new one
        if isinstance(error, TinygradGdError) and (line := again.at.path.line(again.at))[1]:
            error.args = (f"{error} ({line[0]}:{line[1]})",)  # Python is at another one
        again.take_back(pending + last, error)
        raise
    finally:
        again.close()
    if lockstep.recorder is not None:
        lockstep.recorder.again = None


def split(events: list[Event]) -> tuple[list[Event], list[Event], list[Event]]:
    """The events whose results are there, those that are pending, and what comes at once."""
    n = max((n for n, e in enumerate(events, 1) if e.kind in ENDS), default=0)
    end = len(events) - any(r.at_once for e in events[-1:] for r in e.results())
    return events[:n], events[n:end], events[max(n, end):]


def before_draws(call: Any, events: Iterable[Event]) -> dict[Event, Any]:
    """The states of the generator from which draws that were made are made once more, by events."""
    found, first = {}, None
    for e in events:
        first = first or e
        if e.kind in ENDS:
            if e in call.drew:
                found[first] = call.drew[e]
            first = None
    return found


class Again:
    """The events of a call once more: as ordinary operations, or recorded ones if there is a lockstep.

    Attributes
    ----------
    alive : the stand-ins that somebody has, by their events.
    path : of the call, while it goes on.
    at : the event that comes about.
    made : what stands for the results of events.
    gone : why others can no longer be made.
    remade : of a call that is over, what was made again before, which several results may share.
    passes : by the events of their results, reverse passes that are over.
    """

    def __init__(
        self, call: Any, events: list[Event], lockstep: Any = None, path: Any = None
    ) -> None:
        self.call, self.lockstep, self.path = call, lockstep, path
        self.alive = call.alive(events)
        self.at: Any = None
        self.made: dict[Event, Any] = {}
        self.gone: dict[Event, GradError] = {}
        self.remade: Any = {}
        self.passes: dict[Event, Event] = {} if lockstep is not None else {
            g: e for e in events if e.kind in ("backward", "pull") for g in e.results()}
        self.over = call.over[0] if call.over else inf
        self._place = {e: n for n, e in enumerate(call.over[1].path_to() if call.over else events)}
        written = [(t, self._place.get(e, -1)) for t, e in call.written.items()]
        for e, n in self._place.items():
            if e.kind == "step":
                written += [(x, n) for x in e.changes()]
        self._written = dict(sorted(written, key=lambda last: last[1]))
        path = path or (call.over and call.over[1].path)
        self._handed = path.handed(call.bound, self.path is None) if path is not None else {}
        pulls = [e.refs for e in events if e.kind == "pull"]  # which end with their variables
        self._variables = {id(r) for refs in pulls for r in refs[2 + 2 * refs[1] :]}
        self._opened: list[Tensor] = []
        self._draws_from = {} if call.drew is None else before_draws(call, self._place)
        self._bits: Any = generator().bit_generator if self._draws_from else None
        self._now: float = call.began  # when all was there that was computed with so far
        self._is_lost = False  # a draw could not be made, and what comes after it would be another
        self._door = {"lockstep": lockstep, "observer": None}  # it came about before anybody watched

    def input(self, r: Any, is_read: bool = True) -> Any:
        """What a reference stands for; what is gone has no value, which matters if a rule reads it."""
        if type(r) is Event:
            if r not in self.made:
                try:
                    self.made[r] = self.earlier(r)
                except Gone:
                    if is_read or r.requires_grad:
                        raise
                    gone = constant(np.zeros(r.shape, r.dtype)[()])
                    gone._seq = inf  # type: ignore[assignment]  # whatever reads it is refused
                    return gone
            return self.made[r]
        if type(r) is Slot:
            if r.index not in self.call.bound:  # of which a program without Python does not know
                raise Gone
            return self.opened(
                r, self.call.bound[r.index] if self.lockstep is None else self.call.again(r.index))
        return self.call.lives.get(r.text, r) if type(r) is Live else r

    def opened(self, r: Any, x: Any) -> Any:
        """What a reference stands for; what transforms differentiate by required a gradient then."""
        if id(r) in self._variables and not x._requires_grad:
            x._requires_grad = True
            self._opened.append(x)
        return x

    def close(self) -> None:
        """Transforms that were over are over again."""
        for x in self._opened:
            x._requires_grad = False

    def let_go(self) -> None:
        """Stand-ins with a value whose graph could not be made are ordinary Tensors, too."""
        for e, s in self.alive.items():
            if self.lockstep is None and isinstance(s, Filled | Deferred):
                self.made[e] = self.earlier(e)

    def earlier(self, e: Event) -> Any:
        """What was made before a write, and cannot be made again: somebody has it, or a segment."""
        out = e.out
        if e.kind == "gradient" and not e.requires_grad and self.call.made(out) and isinstance(
                out, Filled | Deferred):
            return out  # of a reverse pass that is over
        if e in self.passes and self.has_passed(self.passes[e]):
            return self.made[e]
        if self.path is None and e.requires_grad:
            raise Gone(self.gone.get(e))
        if (out := self.alive.get(e)) is None or type(out) is StandIn:  # it has no value
            if (held := self.handed_on(e)) is None:
                raise Gone(self.gone.get(e))
            out = constant(held)
        if e.requires_grad:
            out._requires_grad = True
            self.forget_graph(out, e)
        else:
            set_free(out, self.call.began, out._value)
        return out

    def forget_graph(self, x: Any, e: Event) -> None:
        """Let a result be one operation of all that it depends on, of which nothing can be derived."""
        said = str(self.gone.get(e) or Gone())

        def refuse(*_: Any) -> Any:
            raise GradError(said)

        given = tuple(self._sources.get(e, ()))
        if not any(t._requires_grad for t in given):  # else no rule would be asked
            given = (leaf := constant(np.float64(0)),)  # of which nobody is told
            leaf._requires_grad, leaf._seq = True, 0
        made = unnamed(self.call.lockstep.name, lambda *given: given[-1], Every(refuse))
        seq = self.moment(e) if e in self._place else 1 / tick()  # no two were at the same time
        become(x, x._value, made, given, ALL, {}, seq)

    @cached_property
    def _sources(self) -> dict[Event, dict[Tensor, None]]:
        """The Tensors from outside that results depend on."""
        found: dict[Event, dict[Tensor, None]] = {}
        for e in self._place:
            sources: dict[Tensor, None] = {}
            for r in e.refs:
                x = self.call.bound.get(r.index) if type(r) is Slot else r
                if type(x) is Event:
                    sources.update(found.get(x, {}))
                elif isinstance(x, Tensor):
                    sources[x] = None
            found.update(dict.fromkeys(e.results(), sources))
        return found

    def handed_on(self, e: Event) -> Any:
        """What a segment has handed on of a result, if anything."""
        held = self._handed.get(e)
        return held.copy("K") if isinstance(held, np.ndarray) else held

    def value_of(self, e: Event) -> Any:
        """The value of a result, if it is there."""
        s = self.alive.get(e)
        return self.handed_on(e) if s is None or type(s) is StandIn else s._value

    def meet_all(self, events: list[Event], pending: bool = True) -> None:
        """Let events come about, for the recorder as long as there is one."""
        for e in events:
            self.at = e
            if e in self._draws_from:
                self._bits.state, self._is_lost = self._draws_from[e], False
            if self.lockstep is None:
                self.meet(e, pending)
            elif self.lockstep.recorder is not None:
                self.lockstep.recorder.again = e
                self.meet(e)

    def meet(self, e: Event, pending: bool = True) -> None:
        """Let an event come about; if it is not pending, only operations do, whose values are there."""
        if not pending and e.kind != "op":
            return
        with self.as_then(e):
            if e.kind == "op":
                self.operation(e, pending)
            elif e.kind == "backward":
                self.backward(e)
            elif e.kind == "pull":
                self.pull(e)
            elif e.kind == "read":
                _ = self.made[e.what]._value
            elif e.kind == "later":
                *inputs, target = map(self.input, e.refs)
                if target not in self.call.done:
                    write(e.what, tuple(inputs), target)
            elif e.kind == "errors":
                self.lockstep.recorder.follow("errors", None, (), e.params)
            elif self.lockstep is not None:
                self.lockstep.asks(e.what, tuple(map(self.input, e.refs)), lambda: e.more)

    def as_then(self, e: Event) -> using:
        """The modes that held at an event; what recorded nothing does not, whatever was set since."""
        mode = e.mode
        grad = mode.grad and (e.kind != "op" or e.requires_grad or self.lockstep is not None)
        return using(grad=grad, default_dtype=mode.default_dtype, deriving=mode.deriving,
                     **self._door)

    def moment(self, e: Event) -> float:
        """When an event was, of a call that is over: before all that has used its results since."""
        over = self.call.began + 1 if self.call.over is None else self.over
        return over - 1 + (self._place[e] + 1) / (len(self._place) + 1)

    def keep(self, e: Event, out: Tensor, value: Any = None) -> Any:
        """What was computed; the stand-in that somebody has for it becomes that."""
        s = self.alive.get(e)
        if s is not None:
            if self.lockstep is not None and self.lockstep.active:
                self.lockstep.recorder.is_also(out, s)
            else:
                become(s, out._value if value is None else value, out._primitive, out._first,
                       out._second, out._params, out._seq)
            out = s
        elif value is not None:
            out._value = value
        self.made[e] = self.remade[e] = out
        return out

    def operation(self, e: Event, pending: bool) -> None:
        """Compute one operation, unless what it read was changed since."""
        if e.requires_grad and (known := self.remade.get(e)) is not None:
            self.made[e] = known
            return
        lost, self._is_lost = self._is_lost, self._is_lost or e.draws
        value = None if pending else self.value_of(e)
        there = value is not None and e.requires_grad
        try:
            inputs = tuple(self.input(r, not there or reads(e.what, n))
                           for n, r in enumerate(e.refs))
        except Gone as why:
            if pending:
                raise
            self.gone[e] = why
            return
        if not pending:
            n = self.overwritten(e, inputs, value is not None)
            if n is not None:
                self.gone[e] = stale(e.what, inputs[n], n)
            if n is not None or (lost and e.draws):
                return
        self._is_lost = lost
        out = apply(e.what, inputs, e.params)
        if self.lockstep is None and self.path is None:
            if out._requires_grad is not e.requires_grad:
                return  # whether a leaf requires a gradient was set since
            out._seq = self.moment(e)  # type: ignore[assignment]
        elif self.call.lockstep.problem:  # a thread waits for it, and has begun to compute with it
            given = [x._seq for x in inputs if isinstance(x, Tensor) and not isinstance(x, StandIn)]
            self._now = nextafter(max([self._now, *given]), inf)
            out._seq = self._now  # type: ignore[assignment]
        self.opened(e, self.keep(e, out, value))

    def overwritten(self, e: Event, inputs: tuple[Any, ...], has_value: bool) -> int | None:
        """Which input is not what it was then: it was written to later in the call, or since.

        If the value is there, it does not matter what no rule reads, and of what was written to since
        rules refuse what they read.
        """
        return next((n for n, x in enumerate(inputs) if isinstance(x, Tensor) and (
            (self._written.get(x, -1) >= self._place[e] and (
                not has_value or x._requires_grad or reads(e.what, n)))
            or (not has_value and x._primitive is None and x._seq > self.over))), None)

    def backward(self, e: Event) -> None:
        """Run a reverse pass from the gradients that there were, and leave those that there are."""
        root, gradient = map(self.input, e.refs[:2])
        leaves = [self.input(leaf) for leaf, *_ in e.more]
        now = [leaf._grad for leaf in leaves]
        for leaf, (_, before, _) in zip(leaves, e.more, strict=True):
            leaf._grad = self.input(before)
        root.backward(gradient)
        for leaf, held, (*_, g) in zip(leaves, now, e.more, strict=True):
            made = self.keep(g, leaf._grad)
            leaf._grad = made if held is made else held

    def has_passed(self, e: Event) -> bool:
        """Run a reverse pass of a call that is over once more: whether that could be done."""
        try:
            given, before = self.of_pass(e)
            now = tick()
            with self.as_then(e):
                found = pull(*given)
                found = [g if b is None else b + g for b, g in zip(before, found, strict=True)]
        except (Gone, GradError):
            return False
        made = sorted((t for t in walk(found, lambda t: t._seq < now) if t._seq >= now),
                      key=lambda t: t._seq)
        for n, t in enumerate(made if self.path is None else (), 1):  # after the event before this one
            part = n / (len(made) + 1) - 1
            t._seq = self.moment(e) + part / (len(self._place) + 1)  # type: ignore[assignment]
        for g, out in zip(e.results(), found, strict=True):
            if g not in self.made:
                s = self.alive.get(g)
                self.keep(g, out, None if s is None or type(s) is StandIn else s._value)
        return True

    def of_pass(self, e: Event) -> tuple[tuple[Any, ...], list[Any]]:
        """What a reverse pass is given, and the gradients that were there before."""
        if e.kind == "pull":
            create_graph, n, *given = map(self.input, e.refs)
            roots, seeds, targets = given[:n], given[n : 2 * n], given[2 * n :]
            since = min((t._seq for t in targets), default=0)
            return (roots, seeds, targets, since, create_graph), [None] * len(e.more)
        root, gradient = map(self.input, e.refs[:2])
        leaves, before = ([self.input(r[k]) for r in e.more] for k in (0, 1))
        if any(leaf._hooks or not leaf._requires_grad for leaf in leaves) or any(
                g is not None and g._seq > self.over for g in before):
            raise Gone
        return ([root], [seed_of(root, gradient)], leaves, 0, False), before

    def take_back(self, events: list[Event], error: BaseException) -> None:
        """Let leaves have the gradients from before the reverse passes that an error has prevented."""
        for e in reversed(events):
            for leaf, before, g in e.more if e.kind == "backward" else ():
                x = self.input(leaf)
                if g not in self.made and g.out is not None and x._grad is g.out:
                    x._grad = self.made.get(before, before.out) if type(before) is Event else (
                        self.input(before))
        for s in self.alive.values():
            if type(s) is StandIn:
                fail(s, error)

    def pull(self, e: Event) -> None:
        """Run the reverse pass of a transform."""
        given, _ = self.of_pass(e)
        found = pull(*given)
        for g, out in zip(e.more, found, strict=True):
            if g not in self.made:
                self.keep(g, out)


def graph_of(x: Any) -> None:
    """Make the graph of a result that was computed by a program."""
    call = x.call
    events = x.event.path_to() or ([] if call.over is None else call.over[1].path_to())
    again = Again(call, events)
    again.remade = call.remade = call.remade or WeakValueDictionary()
    now = None if call.drew is None else generator().bit_generator.state
    with np.errstate(all="ignore"):
        again.meet_all(events, pending=False)
        if isinstance(x, StandIn) and x.event in again.passes:
            again.has_passed(again.passes[x.event])
        again.close()
    if now is not None:  # without a trace
        generator().bit_generator.state = now
    if isinstance(x, StandIn):
        again.forget_graph(x, x.event)
