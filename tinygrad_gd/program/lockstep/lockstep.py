"""`Lockstep`: at the door while a compiled function runs, it compares, answers and computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import is_
from sys import getrefcount
from threading import RLock
from typing import Any
from weakref import getweakrefcount, ref

import numpy as np

from ...engine.in_place import update as update_now
from ...engine.in_place import write as write_now
from ...engine.operands import FOREIGN, operand
from ...engine.primitive import apply as apply_now
from ...engine.tensor import ALL, Tensor
from ...errors import CaptureError
from ...ground.modes import Mode, current_mode, using
from ...ground.storage import changes, tick
from ...ops.shape import astype, copy
from ..capture.capture import Numbers
from .call import Call, counts, is_one_array_twice, is_plain
from .expected import Flags, is_ours
from .questions import Questions
from .realized import graph_of, realize
from .recorder import Recorder
from .segments import compute, turns
from .standins import Pending, StandIn, become, begin, set_free, tell
from .trail import ALONE, ENDS, Event, Slot, described, held_of, same_params

#: Calls that are no trail before it is given up; those that are new before they must pay; and how many
#: calls in lockstep pay for one.
PATIENCE, BRANCHES, WORTH = 3, 12, 4

_NOTHING: Any = None, (), {}
_new = Tensor.__new__


class Lockstep(Questions):
    """What is asked for all that one compiled function computes, call by call.

    Attributes
    ----------
    active : whether operations come here; not while they are really computed.
    root, at : where the trail begins, and the event that was met last.
    call, given : what is known of this call, and the function and its arguments.
    recorder : what writes the call down, and is told of modules and leaves, if it is recorded.
    wanted : whether the next call is to be recorded.
    eager : whether the rest of the call runs as usual.
    taken : weak references to answers that somebody has from earlier calls.
    pending : buffers of modules that are about to be written to.
    block : what its calls go on in; others that a generator enters may be left in later calls.
    names, numbers : of numbers that programs read anew, and what they are in this call.
    changes, flags : when it was seen, and what is hardly ever set of the Tensors that the trail knows,
        which are there in every call.
    thread, looking : which one is in a call, or 0; and what one holds that looks at values.
    records, hits, skipped : calls that were recorded, that were the same as one before, and those that
        frozen programs stood for.
    last : the end of the path that was recorded last, and the events that it returned and left.
    problem : why the function is to run uncompiled.

    These are of interest to frozen programs:

    recordings : by ends of trails and forms of arguments, what is known of calls; else None.
    form : of the arguments of the call.
    expected : a program, while what it computes is compared with what the function does.
    alive : by id the results that somebody had when the call was over, each with its event.
    decided : where numbers come from that Python has looked at in the last recording.
    changed : whether the last call that failed had changed anything.
    """

    __slots__ = (  # which are read faster than as many attributes
        "active", "alive", "at", "block", "call", "changed", "changes", "decided", "eager", "expected",
        "flags", "form", "given", "hits", "last", "looking", "name", "names", "numbers", "pending",
        "problem", "recorder", "recordings", "records", "root", "skipped", "strict", "taken", "thread",
        "wanted")

    def __init__(self, name: str, strict: bool, names: Numbers | None = None) -> None:
        self.name, self.strict, self.problem = name, strict, ""
        self.active = self.eager = self.changed = False
        self.wanted, self.looking = True, RLock()
        self.root = self.at = Event("start", None, (), {}, None)
        self.call, self.given = Call(self), _NOTHING
        self.recorder: Recorder | None = None
        self.taken, self.pending = [], []  # type: tuple[list[ref[Any]], list[Any]]
        self.block = using(lockstep=self)
        self.names, self.numbers = names or Numbers(), {}  # type: tuple[Numbers, dict[int, float]]
        self.changes, self.flags = changes.count, Flags(())
        self.thread = self.records = self.hits = self.skipped = 0
        self.last: Event | None = None
        self.recordings: dict[Any, Recorder] | None = None if names is None else {}
        self.form, self.expected = None, None  # type: tuple[Any, Any]
        self.alive: dict[int, Event] = {}
        self.decided: list[tuple[Any, Any]] = []

    @property
    def lockstep(self) -> Lockstep:
        """Itself, as the `Call` of stand-ins that nobody has had yet."""
        return self

    # -- a call --------------------------------------------------------------------------------------

    def run(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """What the function returns; its operations come here."""
        if changes.count != self.changes and not self.unchanged():
            self.root.next, self.wanted = None, True
        self.call, self.at, self.eager = Call(self), self.root, False
        self.given = function, args, kwargs
        if self.wanted:
            self.recorder = Recorder(self, entire=True)
        self.block.__enter__()
        self.active = True
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            expected, self.expected, self.changed = self.expected, None, self.has_changed()
            if expected is not None and isinstance(error, CaptureError):
                self.settle()  # it is as if there had been no call
            elif self.recorder is None and not self.eager:
                compared = expected is not None and expected.looks_at_nothing  # and not computed
                for e in self.at.path_to() if compared else ():
                    if e.kind in ENDS and not self.eager:
                        compute(self, e)
                self.realize()
            if self.recorder is not None:
                self.abandon("")
            raise
        finally:
            self.active = False
            self.block.__exit__()
        if self.eager:
            tell(result)
        elif self.recorder is None and not self.ends():
            self.realize("the end")
        if self.recorder is not None:
            self.recorded(self.recorder, result)
        self.given = _NOTHING  # the object of a method, with which this goes, is among them
        self.call.over = tick(), self.at
        return result

    def recorded(self, recorder: Recorder, result: Any) -> None:
        """A call that was recorded is over."""
        self.settle()
        self.recorder, self.wanted = None, self.recordings is not None and not recorder.entire
        self.decided = recorder.decided
        self.records += 1
        end = recorder.finish(result)
        self.last = end
        if self.recordings is not None:
            self.recordings[end, self.form] = recorder
        self.flags = Flags(self.root.descendants())
        hits = self.hits + self.skipped
        if self.records > BRANCHES + hits // WORTH:
            self.problem = (f"it runs uncompiled: {self.records} of {self.records + hits} calls "
                            "had to be recorded, as what it computes is hardly ever the same twice")

    def has_changed(self) -> bool:
        """Whether the call has changed anything yet: values, gradients, random numbers."""
        return self.eager or bool(self.call.written) or any(
            e.draws or e.kind in ("step", "write", "backward") for e in self.at.path_to())

    def abandon(self, reason: str) -> None:
        """What the call does is no trail; the rest of it runs as usual."""
        self.active, self.eager = False, True
        self.settle()
        recorder, self.recorder = self.recorder, None
        assert recorder is not None
        recorder.stop()
        self.flags = Flags(self.root.descendants())
        self.records += 1
        if reason and self.records >= PATIENCE and not self.hits:
            self.problem = f"it runs uncompiled: {reason}"

    def unchanged(self) -> bool:
        """Whether Tensors and modules that the trail knows are what they were."""
        self.changes = changes.count
        return self.flags.hold()

    def ends(self) -> bool:
        """The function has returned: whether that is what the trail says; compute what is kept."""
        e = self.find("end", None)
        if e is None:
            return False
        if self.recordings is not None:
            self.alive = {id(t): made for made, t in self.call.alive(e.path_to()).items()}
        held = held_of(answers, ALONE) if (answers := e.answers) else None
        drawn = not held and answers and any(made.draws for made in answers)
        if not (held or drawn or self.pending) or compute(self, e, held):
            self.active = False  # else it is recorded, or runs as usual
            self.hits += 1
        return True

    # -- at the door ---------------------------------------------------------------------------------

    def apply(
        self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any], mode: Mode
    ) -> Tensor:
        """Answer an operation."""
        e = self.at.next
        # nearly always the same objects, one or two: of large trails every cache line counts
        if (e is not None and e.what is primitive and e.arity == len(inputs) and e.first is inputs[0]
                and e.last is inputs[-1] and e.mode is mode and self.recorder is None
                and (e.arity < 3 or all(map(is_, inputs, e.given)))
                and (params is e.params or same_params(params, e.params))):
            self.at = e
            return e.out if type(e.out) is StandIn else self.answer(e)  # a name for it is one more use
        e, known = None if self.recorder is not None else self.at.next, len(self.call.bound)
        while e is not None:
            if (e.what is primitive and (e.mode is mode or e.mode == mode)
                    and same_params(params, e.params) and self.call.takes(e, inputs)):
                if self.expected is not None and self.expected.counts_others(e, inputs):
                    self.expected = None  # its program would not run
                if e.more is None or counts(e, inputs):
                    self.at, e.mode = e, mode  # the same object next time
                    return self.answer(e)
                self.call.unbound(known)
            e = e.other
        if not all(map(is_plain, inputs)):  # lists, and what other libraries hold values in
            if primitive.name in FOREIGN and (answer := FOREIGN[primitive.name](inputs)) is not None:
                return answer
            inputs = tuple(operand(primitive.name, x) for x in inputs)
            return self.apply(primitive, inputs, params, mode)
        return self.is_new(primitive, inputs, params, mode)

    def is_new(
        self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any], mode: Mode
    ) -> Tensor:
        """Compute an operation that the trail does not know."""
        if is_one_array_twice(inputs):  # no Tensor takes part in it
            with self.unwatched():
                return apply_now(primitive, inputs, params)
        if self.recorder is None and turns(self):
            return apply_now(primitive, inputs, params)
        if self.recorder is not None:
            return self.recorder.apply(primitive, inputs, params, mode)
        if primitive.name == "getitem":
            masks = [m for m in inputs[1:] if type(m) is StandIn and m.dtype.kind == "b"]
            if masks:  # shapes depend on it: a look at it
                _ = [m._value for m in masks]
                return self.apply(primitive, inputs, params, mode)
        self.realize(described(primitive, inputs, params))
        return apply_now(primitive, inputs, params)

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """What is done and looked at is done here, and not by the function."""
        self.active = False
        try:
            yield
        finally:
            self.active = True

    def answer(self, e: Event, new: Any = None) -> Tensor:
        """The stand-in for the result of an event; ``new`` is a Tensor that shall become it."""
        out = e.out  # and once more below, so that references are counted as in `held_of`
        if out is not None and (new is not None or (type(out) is not StandIn and (
                getrefcount(out := e.out) - e.uses > ALONE or getweakrefcount(out)))):
            for taken in (getattr(out, "call", self).taken, self.taken):  # now a Tensor: another thread
                taken.append(ref(out))
            e.give_away(out)  # somebody has it from an earlier call
            out = None
        if out is None:
            e.out = out = _new(StandIn) if new is None else new
            e.touched = True
            out.__class__ = StandIn
            out.event = e
        elif type(out) is not StandIn:
            out.__class__ = StandIn
            out.held = None
        out.call = self
        if e.touched:
            begin(out, e.requires_grad)
            e.touched = False
        if e.at_once:
            self.look(out)
        return out  # type: ignore[no-any-return]

    def made(self, x: Any) -> bool:
        """Whether a Tensor was made in this call and has no value of its own yet."""
        if self.recorder is not None:
            return self.recorder.event_of(x) is not None
        return self.call.made(x)

    def update(self, primitive: Any, target: Tensor, other: Any) -> Tensor:
        """``target += other`` where target was made in the call."""
        mode = current_mode()
        if mode.grad and (target._requires_grad or getattr(other, "_requires_grad", False)):
            return self.apply(primitive, (target, other), {}, mode)
        self.realize()
        if self.recorder is not None:
            self.abandon("it writes into what it has made: use x = x + y for x += y")
        return update_now(primitive, target, other)

    def detached(self, x: Tensor, dtype: Any = None) -> Tensor:
        """``x.detach()`` of what was made in the call, perhaps of another dtype."""
        with using(grad=False):
            if dtype is None or np.dtype(dtype) == x.dtype:
                return self.apply(copy, (x,), {"order": "K"}, current_mode())
            return self.apply(astype, (x,), {"dtype": np.dtype(dtype)}, current_mode())

    def copies(self, new: Any, x: Any, dtype: Any, is_leaf: bool) -> bool:
        """Let a Tensor that is being made of another stand for its values, if they are pending."""
        if is_leaf or not (self.active and isinstance(x, Tensor) and self.made(x)):
            return self.active and self.call.creates(new, x)
        out = self.detached(x, dtype)
        new._requires_grad, new._grad, new._hooks = False, None, None
        if self.recorder is not None:
            self.recorder.is_also(out, new)
        elif type(out) is StandIn:
            self.answer(out.event, new)
        else:
            become(new, out._value, None, (), ALL, {}, out._seq)
        return True

    # -- what else the trail knows --------------------------------------------------------------------

    def find(self, kind: str, what: Any, fits: Any = None, given: Any = None) -> Event | None:
        """Go on to the event of that kind that may come next, and fits what is given and the mode."""
        e, mode = self.at.next, None if kind == "end" else current_mode()
        while e is not None and (
                e.kind != kind or e.what is not what or (e.mode is not mode and e.mode != mode)
                or (fits is not None and not fits(e, given))):
            e = e.other
        if e is not None:
            self.at = e
        elif kind != "errors" and turns(self):
            return self.find(kind, what, fits, given)
        return e

    def look(self, x: Any) -> None:
        """Somebody reads the values of a stand-in, or of a Tensor that is recorded."""
        if self.recorder is None:
            event = self.call.written[x] if type(x) is Pending else x.event
            if (e := self.find("read", event)) is not None:
                if compute(self, e):
                    return
            elif type(x) not in (StandIn, Pending):
                return  # errors are treated in another way from here on
            else:
                self.realize("a look at values")
        if self.recorder is not None:
            self.recorder.sees_errors()
            self.recorder.looks(x)

    def write(self, primitive: Any, inputs: tuple[Any, ...], target: Tensor) -> Tensor:
        """Write into a Tensor from outside, or into one that the call has brought."""
        if self.recorder is not None:
            return self.recorder.writes(primitive, inputs, target)
        if (e := self.find("later", primitive, self.call.fits, (*inputs, target))) is not None:
            return self.postpone(target, e)
        e = self.find("write", primitive, self.call.fits, (*inputs, target))
        if e is None:
            self.realize(f"{primitive.name} in place")
        elif compute(self, e):
            self.call.written[target] = e
            if e.more is not None:  # no program knows it; later ones take it for what they are handed
                with self.unwatched():
                    write_now(primitive, inputs, target)
                    self.call.bound[-1 - e.more] = target._value
            return target
        return write_now(primitive, inputs, target)

    def postpone(self, target: Any, e: Event) -> Tensor:
        """Let a buffer of a module be written to with what comes next."""
        self.call.written[target] = e
        if type(target) is Tensor:
            target.__class__ = Pending
            self.pending.append(target)
        return target  # type: ignore[no-any-return]

    def settle(self) -> None:
        """What was about to be written to is, or will be before it is looked at."""
        for target in self.pending:
            target.__class__ = Tensor
        self.pending.clear()

    def before_writing(self, target: Tensor) -> None:
        """Memory is about to be written to: what was answered before is computed before."""
        written = self.at.kind == "read" and any(target is r for r in self.at.refs)  # just now
        if self.recorder is None and self.at.kind != "start" and not written:
            if (e := self.find("read", None, self.call.fits, (target,))) is not None:
                compute(self, e)
            else:
                self.realize("a write")
        if self.recorder is not None and not written:
            self.recorder.before_writing(target)
        self.call.written[target] = self.at

    def before_setting(self, x: Tensor) -> None:
        """It is about to be said how a Tensor is derived, which the call may have computed with."""
        if id(x) in self.flags.known or (self.recorder or self.call).brings(x):
            self.realize()
            if self.recorder is not None:
                self.abandon("it says how Tensors are derived (requires_grad, hooks)")

    def steps(self, optimizer: Any) -> bool:
        """A step of an optimizer; False for those that run as usual."""
        if not (((e := self.at.next) and e.what is optimizer) or is_ours(type(optimizer))):
            return False
        if self.recorder is None:
            e = self.find("step", optimizer, self.call.fits_step, optimizer)
            if e is None:
                self.realize(f"a step of {type(optimizer).__name__}")
            elif compute(self, e):
                return True
        return self.recorder is not None and self.recorder.steps(optimizer)

    def backward(self, root: Tensor, gradient: Any, create_graph: bool) -> None:
        """``root.backward()``."""
        if self.recorder is not None:
            self.recorder.runs_backward(root, gradient, create_graph)
            return
        e, call = self.at.next, self.call
        while e is not None and (  # as `find` does, in every step
                e.kind != "backward" or create_graph or not call.fits_pass(e, root, gradient)):
            e = e.other
        if e is None:
            if not turns(self):
                self.realize("backward")
            root.backward(gradient, create_graph)
            return
        self.at = e
        for leaf, _, g in e.more:
            x = call.bound[leaf.index] if type(leaf) is Slot else leaf
            x._grad = self.answer(g)

    def pull(
        self, roots: Any, seeds: Any, targets: Any, since: int, create_graph: bool,
        pull: Callable[..., Any],
    ) -> Any:
        """The cotangents of targets, from those of roots."""
        if self.recorder is not None:
            return self.recorder.pulls(roots, seeds, targets, since, create_graph, pull)
        given = create_graph, len(roots), *roots, *seeds, *targets
        if (e := self.find("pull", None, self.call.fits, given)) is None:
            self.realize("a derivative")
            return pull(roots, seeds, targets, since, create_graph)
        return [self.answer(g) for g in e.more]

    def draws_itself(self) -> None:
        """The function is about to use the random generator: what was drawn before comes first."""
        if self.recorder is not None:
            self.recorder.cannot_be_frozen("it seeds or uses the random generator itself, and a "
                                           "program would not; do that outside")
        elif any(e.draws for e in self.at.since()):
            self.realize()

    def graph(self, x: Any) -> None:
        """Somebody asks how a stand-in was made."""
        if self.recorder is not None and not isinstance(x, StandIn):
            self.abandon("it looks at a graph (tg.draw) or writes into a result: use t.at[i].set(x)")
        elif not x._requires_grad:
            set_free(x, (self.call if x.call is self else x.call).began, x._value)
        elif self.active and self.made(x):
            self.realize()
        else:
            graph_of(x)

    # -- when the call is another one ------------------------------------------------------------------

    def realize(self, came: str = "what it does between operations") -> None:
        """Compute what was answered so far as usual; what follows is a new branch of the trail."""
        if self.recorder is not None or self.eager:
            return  # an error of a program has had the same effect
        self.active = False
        self.settle()
        events = self.at.path_to()
        if self.expected is not None:
            raise self.expected.difference(events, came)
        realize(self, events)
