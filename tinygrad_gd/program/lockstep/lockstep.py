"""`Lockstep`: at the door while a compiled function runs, it compares, answers and computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from ...engine.in_place import update as update_now
from ...engine.in_place import write as write_now
from ...engine.operands import FOREIGN, operand
from ...engine.primitive import apply as compute
from ...engine.tensor import Tensor
from ...ground.modes import Mode, current_mode, reset_mode, set_mode, using
from ...ground.pytree import flatten
from ...ground.rng import generator
from ...ground.storage import changes
from ...ops.shape import copy
from ..capture.arguments import names_of
from ..capture.watch import profiled
from ..guards.variables import Variables
from .call import Call, held, is_plain, same_but_rates
from .realized import graph_of, realize, record_again
from .recorder import Recorder
from .segments import Segment
from .standins import StandIn, defer, fill, set_free
from .trail import Event, Slot, same, same_params

_new = Tensor.__new__
#: Calls that are no trail before it is given up; those that are new before they must pay; and how many
#: calls in lockstep pay for one.
PATIENCE, BRANCHES, WORTH = 3, 12, 4
#: Whether the steps of a kind of optimizer are all ours.
_OURS: dict[type, bool] = {}
_PACKAGE = __name__.partition(".")[0] + "."


class Lockstep:
    """Answers operations of one compiled function.

    Attributes
    ----------
    active : whether operations come here; not while they are really computed.
    root : where the trail begins.
    """

    def __init__(self, name: str, strict: bool) -> None:
        self.name, self.strict = name, strict
        self.active = False
        self.root = Event("start", None, (), {}, None)
        self.recorder: Recorder | None = None
        self.call: Call = Call(self)
        self.at = self.root  # the last event that was met
        self.modes: tuple[Any, Any] = None, None  # that of the last call, and the same in lockstep
        self.eager = False
        self.records = self.hits = 0
        self.wanted = True  # a recording
        self.changes = changes.count
        self.problem = ""
        self.given: Any = ((), {})  # the arguments of the call
        self.numbers: dict[int, float] = {}  # what live numbers are in this call

    # -- a call --------------------------------------------------------------------------------------

    def run(self, function: Callable[..., Any], args: Any, kwargs: Any, mode: Mode) -> Any:
        """What the function returns; its operations come here."""
        if changes.count != self.changes and not self.unchanged():
            self.root.next, self.wanted = None, True
        self.call = Call(self)
        self.at, self.eager = self.root, False
        outside, inside = self.modes
        if outside is not mode:
            inside = mode.replaced(lockstep=self)
            self.modes = mode, inside
        if self.wanted:
            self.recorder = Recorder(self, (args, kwargs))
        token = set_mode(inside)
        self.active = True
        self.given = args, kwargs
        try:
            if self.recorder is None:
                result = function(*args, **kwargs)
            else:
                result = self.named(self.recorder, function)
        except BaseException:
            if self.recorder is None and not self.eager:
                self.realize()
            if self.recorder is not None:
                self.abandon("")
            raise
        finally:
            self.active = False
            reset_mode(token)
        if self.recorder is None and not self.eager and not self.ends():
            self.realize()
        if self.recorder is not None:
            self.recorder.returns(result)
            if not self.wanted:  # it began in the midst of the call
                modules = self.recorder.path.modules
                self.recorder.path.name_all({}, Variables(function, modules).names)
            self.recorded(self.recorder)
        return result

    def named(self, recorder: Recorder, function: Callable[..., Any]) -> Any:
        """What the function returns, and what its variables and results are called in texts."""
        args, kwargs = self.given
        given = zip(flatten(self.given), names_of(function, args, kwargs), strict=False)
        recorder.names = {id(x._value if isinstance(x, Tensor) else x): name for x, name in given}
        names: dict[Tensor, str] = {}
        with profiled(recorder.path, names):
            result = function(*args, **kwargs)
        recorder.path.name_all(names, Variables(function, recorder.path.modules).names)
        return result

    def recorded(self, recorder: Recorder) -> None:
        """A call that was recorded is over."""
        self.recorder, self.wanted = None, False
        self.records += 1
        self.last = recorder.finish(), recorder.results
        known = self.root.tensors()
        self.states = set(map(id, known))
        self.flags = [(t, t._requires_grad, isinstance(t._value, np.ndarray)) for t in known]
        if self.records > BRANCHES + self.hits // WORTH:
            self.problem = (f"it runs uncompiled: {self.records} of {self.records + self.hits} calls "
                            "had to be recorded, as what it computes is hardly ever the same twice")

    def abandon(self, reason: str) -> None:
        """What the call does is no trail; the rest of it runs as usual."""
        self.active, self.eager = False, True
        recorder, self.recorder = self.recorder, None
        assert recorder is not None
        recorder.ordinary()
        self.records += 1
        if reason and self.records >= PATIENCE and not self.hits:
            self.problem = f"it runs uncompiled: {reason}"

    @property
    def watcher(self) -> Any:
        """What is told of modules and leaves while a call is recorded."""
        return None if self.recorder is None else self.recorder.path

    def unchanged(self) -> bool:
        """Whether Tensors and modules that the trail knows are what they were."""
        self.changes = changes.count
        return all(t._requires_grad is requires and not t._hooks
                   and isinstance(t._value, np.ndarray) is array for t, requires, array in self.flags)

    flags: Any = ()  # what is hardly ever set, of the Tensors that the trail knows
    last: Any = None  # the end of the path that was recorded last, and the events that it returned

    # -- operations ----------------------------------------------------------------------------------

    def apply(
        self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any], mode: Mode
    ) -> Tensor:
        """Answer an operation."""
        if changes.count != self.changes and not self.unchanged():
            self.root.next = None
            if self.recorder is None:
                self.realize()
        e = None if self.recorder is not None else self.at.next
        while e is not None:
            refs = e.refs
            if e.what is primitive and (e.mode is mode or e.mode == mode) and len(inputs) == len(refs):
                for x, r in zip(inputs, refs, strict=False):
                    if x is not r and (
                            x.event is not r if type(x) is StandIn else not self.stands_for(r, x)):
                        self.loosen(e, inputs)
                        break
                else:
                    if (params is e.params or same_params(params, e.params)) and (
                            e.more is None or self.counts(e, inputs)):
                        self.at = e
                        return self.answer(e)
            e = e.other
        if not all(map(is_plain, inputs)):  # lists, and what other libraries hold values in
            if primitive.name in FOREIGN and (answer := FOREIGN[primitive.name](inputs)) is not None:
                return answer
            inputs = tuple(operand(primitive.name, x) for x in inputs)
            return self.apply(primitive, inputs, params, mode)
        if self.recorder is not None:
            return self.recorder.apply(primitive, inputs, params, mode)
        self.realize()
        return compute(primitive, inputs, params)

    def answer(self, e: Event) -> Tensor:
        """The stand-in for the result of an event."""
        out = _new(StandIn)
        out.call = call = self.call
        out.event = e
        out._requires_grad = e.requires_grad
        out._grad = out._hooks = out._name = None
        call.log.append(ref(out))
        return out

    def stands_for(self, r: Any, x: Any) -> bool:
        """Whether what is given is what a reference means in this call."""
        kind = type(r)
        if kind is Event:
            return isinstance(x, StandIn) and x.event is r and x.call is self.call
        if kind is Slot:
            return not (isinstance(x, StandIn) and x.call is self.call) and self.bind(r, x)
        return same(r, x)

    def fits(self, e: Event, inputs: tuple[Any, ...]) -> bool:
        """Whether the inputs are what the event had."""
        return len(inputs) == len(e.refs) and all(
            x is r or self.stands_for(r, x) for x, r in zip(inputs, e.refs, strict=True))

    def loosen(self, e: Event, inputs: tuple[Any, ...]) -> None:
        """Note which inputs are others than they were, and might be in each call."""
        for n, (x, r) in enumerate(zip(inputs, e.refs, strict=True)):
            if type(x) is float:
                loose = type(r) is float and not same(r, x)
            else:
                loose = (x is not r and isinstance(r, Tensor) and isinstance(x, Tensor)
                         and not isinstance(x, StandIn))
            if loose:
                e.loose.add(n)

    def bind(self, slot: Slot, x: Any) -> bool:
        """Let a slot stand for ``x`` in this call."""
        bound = self.call.bound
        if slot.index in bound:
            known = bound[slot.index]
            return known is x or (type(x) is slot.kind is float and same(x, known))
        if not slot.fits(x):
            return False
        if isinstance(x, Tensor) and (x._primitive is not None or (x._requires_grad and (
                id(x) in self.states or any(x is y for y in bound.values())))):
            return False
        bound[slot.index] = x
        if slot.kind is float:
            self.numbers[slot.index] = x
        return True

    states: Any = frozenset()

    def counts(self, e: Event, inputs: tuple[Any, ...]) -> bool:
        """Whether masks select as many elements as they did."""
        return all(np.count_nonzero(held(inputs[n])) == count for n, count in e.more)

    def made(self, x: Any) -> bool:
        """Whether a Tensor was made in this call and has no value of its own yet."""
        if self.recorder is not None:
            return self.recorder.event_of(x) is not None
        return isinstance(x, StandIn) and x.call is self.call

    def update(self, primitive: Any, target: Tensor, other: Any) -> Tensor:
        """``target += other`` where target was made in the call."""
        mode = current_mode()
        if mode.grad and (target._requires_grad or getattr(other, "_requires_grad", False)):
            return self.apply(primitive, (target, other), {}, mode)
        self.realize()
        return update_now(primitive, target, other)

    def detached(self, x: Tensor) -> Tensor:
        """``x.detach()`` of what was made in the call."""
        with using(grad=False):
            return self.apply(copy, (x,), {"order": "K"}, current_mode())

    # -- what is computed at once --------------------------------------------------------------------

    def write(self, primitive: Any, inputs: tuple[Any, ...], target: Tensor) -> Tensor:
        """Write into a Tensor from outside."""
        if self.recorder is not None:
            return self.recorder.write(primitive, inputs, target)
        e = self.at.next
        while e is not None and (e.kind != "write" or e.what is not primitive or e.more is not target
                                 or not self.fits(e, inputs)):
            e = e.other
        if e is None:
            self.realize()
            return write_now(primitive, inputs, target)
        self.at = e
        if not self.compute(e):
            return write_now(primitive, inputs, target)
        return target

    def steps(self, optimizer: Any) -> bool:
        """A step of an optimizer; False for those that run as usual."""
        if (ours := _OURS.get(type(optimizer))) is None:
            ours = _OURS[type(optimizer)] = all(
                getattr(type(optimizer), name).__module__.startswith(_PACKAGE)
                for name in ("step", "update", "update_all"))
        if not ours:
            return False
        if self.recorder is not None:
            return self.recorder.step(optimizer)
        e = self.at.next
        while e is not None and (e.what is not optimizer or not self.fits_step(e, optimizer)):
            e = e.other
        if e is None:
            self.realize()
            return self.recorder is not None and self.recorder.step(optimizer)
        self.at = e
        return self.compute(e) or (self.recorder is not None and self.recorder.step(optimizer))

    def fits_step(self, e: Event, optimizer: Any) -> bool:
        """Whether parameters, gradients, options and state are what they were; rates may be others."""
        groups = optimizer.param_groups
        if len(groups) != len(e.more):
            return False
        refs = iter(e.refs)
        for group, (params, options) in zip(groups, e.more, strict=True):
            given = group["params"]
            if len(given) != len(params):
                return False
            for p, q, r in zip(given, params, refs, strict=False):
                if p is not q:
                    return False
                g = p._grad
                if g is not r and (g.event is not r if type(g) is StandIn else (
                        g is None or r is None or not self.stands_for(r, g))):
                    return False
            if group != options and not same_but_rates(group, options):
                return False
        known = e.params["state"]
        if not known:
            return not optimizer.state
        return len(optimizer.state) == len({id(p) for p, _, _ in known}) and all([
            (held := optimizer.state.get(p, known).get(k) if p in optimizer.state else None) is t
            or same(held, t) for p, k, t in known])

    def find(self, kind: str, what: Any) -> Event | None:
        """The event of that kind that may come next."""
        e = self.at.next
        while e is not None and (e.kind != kind or e.what is not what):
            e = e.other
        return e

    def look(self, x: Any) -> None:
        """Somebody reads the values of a stand-in, or of a Tensor that is recorded."""
        if self.recorder is not None:
            self.recorder.look(x)
            return
        e = self.find("read", x.event)
        if e is not None:
            self.at = e
            self.compute(e)
        else:
            self.realize()
            if self.recorder is not None:
                self.recorder.look(x)

    def compute(self, e: Event) -> bool:
        """Run what came before an event, and fill the stand-ins that are still there."""
        call = self.call
        alive = [s for r in call.log[call.done :] if (s := r()) is not None]
        segment = e.segment
        if segment is None or not all([s.event in segment.gives for s in alive]):
            had = list(segment.gives) if segment is not None else []
            segment = e.segment = Segment(
                e, list(dict.fromkeys([*had, *(s.event for s in alive)])), self.strict)
        self.active = False
        segment.settle()
        if segment.draws and call.drew is None:
            call.drew = generator().bit_generator.state
        try:
            results = segment.run(call)
        except Exception as error:  # nothing has been changed
            told = segment.replay.explained(error)
            try:
                self.realize()
            except Exception as again:
                raise told or again from error
            return False
        self.active = True
        for s in alive:
            source = segment.gives[s.event]
            if type(source) is not int:
                defer(s, source)
                segment.deferred.append(ref(s))
            else:
                value = results[source].copy("K") if source in segment.copied else results[source]
                if e.kind == "end" and not s._requires_grad:
                    set_free(s, value)
                else:
                    fill(s, value)
        call.done = len(call.log)
        return True

    def draws_itself(self) -> None:
        """The function is about to use the random generator: what was drawn before comes first."""
        e: Any = None if self.recorder is not None else self.at
        while e is not None and e.kind not in ("step", "write", "read"):
            if e.kind == "op" and e.what.kind == "draw":
                self.realize()
                return
            e = e.before

    def ends(self) -> bool:
        """The function has returned: whether that is what the trail says; compute what is kept."""
        call = self.call
        e = self.find("end", None)
        if e is None:
            return False
        if any([r() is not None for r in call.log[call.done :]]):
            self.compute(e)
            self.active = False
        self.at = e
        self.hits += 1
        return True

    # -- the reverse pass ----------------------------------------------------------------------------

    def backward(self, root: Tensor, gradient: Any, create_graph: bool) -> None:
        """``root.backward()``."""
        if self.recorder is not None:
            self.recorder.backward(root, gradient, create_graph)
            return
        e, call = self.at.next, self.call
        while e is not None and (
                e.kind != "backward" or create_graph or not self.fits_pass(e, root, gradient)):
            e = e.other
        if e is None:
            self.realize()
            root.backward(gradient, create_graph)
            return
        self.at = e
        for leaf, _, g in e.more:
            x = call.bound[leaf.index] if type(leaf) is Slot else leaf
            x._grad = self.answer(g)

    def fits_pass(self, e: Event, root: Any, gradient: Any) -> bool:
        """Whether it begins where it did, and the leaves have the gradients that they had."""
        if not (root.event is e.refs[0] if type(root) is StandIn else self.stands_for(e.refs[0], root)):
            return False
        if gradient is not e.refs[1] and not self.stands_for(e.refs[1], gradient):
            return False
        for leaf, before, _ in e.more:
            x = leaf
            if type(leaf) is Slot and (x := self.call.bound.get(leaf.index)) is None:
                return False
            g = x._grad
            if x._hooks is not None or (g is not before and (
                    g is None or before is None or not self.stands_for(before, g))):
                return False
        return True

    # -- when the call is another one ----------------------------------------------------------------

    def realize(self) -> None:
        """Compute what was answered so far as usual; what follows is a new branch of the trail."""
        self.active = False
        events = self.at.path_to()
        if any(e.kind in ("step", "write") for e in events):  # which cannot be recorded once more
            self.wanted = self.eager = True
            realize(self.call, events)
        else:
            record_again(self, events)

    def graph(self, x: Any) -> None:
        """Somebody asks how a stand-in was made."""
        if self.recorder is not None:
            self.abandon("the graph itself is looked at (tg.grad and its kin, is_leaf, draw)")
        elif not x._requires_grad:
            set_free(x, x._value)
        elif x.call is self.call and self.active:
            self.realize()
        else:
            graph_of(x)
