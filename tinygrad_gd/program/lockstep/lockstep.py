"""`Lockstep`: at the door while a compiled function runs, it compares, answers and computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ...errors import CaptureError
from ...ground.modes import Mode, reset_mode, set_mode
from ...ground.pytree import flatten
from ...ground.rng import generator
from ...ground.storage import changes
from ..capture.numbers import Numbers
from ..capture.variables import around, collected, names_of
from .answers import Answers
from .call import Call
from .realized import graph_of, realize, record_again
from .recorder import Recorder
from .segments import Segment
from .standins import Deferred, fill, set_free, take_out
from .trail import ALONE, Event, held_of

#: Calls that are no trail before it is given up; those that are new before they must pay; and how many
#: calls in lockstep pay for one.
PATIENCE, BRANCHES, WORTH = 3, 12, 4


class Lockstep(Answers):
    """Answers operations of one compiled function.

    Attributes
    ----------
    active : whether operations come here; not while they are really computed.
    root : where the trail begins.
    names : of numbers that programs read anew.
    recordings : by ends of trails and forms of arguments what frozen programs must know of calls; None
        if there are none.
    form : of the arguments of the call, if there are recordings.
    expected : a frozen program, while what it computes is compared with what the function does.
    arrays : Tensors that stand for arrays, in the call of a function that is to be frozen.
    alive : the events whose results somebody had when the call was over, if there are recordings.
    """

    def __init__(self, name: str, strict: bool, names: Numbers | None = None) -> None:
        self.name, self.strict = name, strict
        self.recordings: dict[Any, Recorder] | None = None if names is None else {}
        self.names = names or Numbers()
        self.expected: Any = None
        self.alive: list[Event] = []
        self.arrays: set[Tensor] = set()
        self.taken: list[Any] = []
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
        self.given = args, kwargs
        if self.wanted:
            self.recorder = Recorder(self, entire=True)
        token = set_mode(inside)
        self.active = True
        try:
            if self.recorder is None:
                result = function(*args, **kwargs)
            else:
                result = self.named(self.recorder, function)
        except BaseException:
            self.expected, self.changed = None, self.has_changed()
            if self.recorder is None and not self.eager:
                self.realize()
            if self.recorder is not None:
                self.abandon("")
            raise
        finally:
            self.active = False
            reset_mode(token)
        if self.recorder is None and not self.eager and not self.ends():
            self.realize("the end")
        if self.recorder is not None:
            if not self.recorder.entire:  # nobody has watched its variables
                self.recorder.name_all({}, around(function, self.recorder.modules))
            self.recorded(self.recorder, result)
        self.given = (), {}  # one may be the object of a method, with which this goes
        return result

    def named(self, recorder: Recorder, function: Callable[..., Any]) -> Any:
        """What the function returns, and what its variables and results are called in texts."""
        args, kwargs = self.given
        given = zip(flatten(self.given), names_of(function, args, kwargs), strict=False)
        recorder.names = {id(x._value if isinstance(x, Tensor) else x): name for x, name in given}
        names: dict[Tensor, str] = {}
        arrays: dict[int, tuple[str, Any]] = {}
        with collected(names, arrays):
            result = function(*args, **kwargs)
        local = {n: name for n, (name, _) in arrays.items()}
        recorder.name_all(names, local | around(function, recorder.modules))
        return result

    def recorded(self, recorder: Recorder, result: Any) -> None:
        """A call that was recorded is over."""
        self.recorder, self.wanted = None, self.recordings is not None and not recorder.entire
        self.decided = recorder.decided
        self.records += 1
        end = recorder.finish(result)
        self.last = end, [x for x in recorder.results if isinstance(x, Event)]
        if self.recordings is not None:
            self.recordings[end, self.form] = recorder
        known = self.root.tensors()
        self.states = set(map(id, known))
        self.flags = [(t, t._requires_grad, isinstance(t._value, np.ndarray)) for t in known]
        hits = self.hits + self.skipped
        if self.records > BRANCHES + hits // WORTH:
            self.problem = (f"it runs uncompiled: {self.records} of {self.records + hits} calls "
                            "had to be recorded, as what it computes is hardly ever the same twice")

    def has_changed(self) -> bool:
        """Whether the call has changed anything yet: values, gradients, random numbers."""
        return self.eager or any(
            e.kind in ("step", "write", "backward") or (e.kind == "op" and e.what.kind == "draw")
            for e in self.at.path_to())

    def leave(self) -> None:
        """Let go of the last call and of all buffers: a frozen program goes on."""
        self.call, self.alive = Call(self), []
        for e in self.root.descendants():
            if e.segment is not None:
                e.segment.replay.close()
                e.segment = None

    def optimizers(self) -> list[Any]:
        """Those that step somewhere in the trail."""
        return list(dict.fromkeys(e.what for e in self.root.descendants() if e.kind == "step"))

    def abandon(self, reason: str) -> None:
        """What the call does is no trail; the rest of it runs as usual."""
        self.active, self.eager = False, True
        recorder, self.recorder = self.recorder, None
        assert recorder is not None
        recorder.close()
        self.records += 1
        if reason and self.records >= PATIENCE and not self.hits:
            self.problem = f"it runs uncompiled: {reason}"

    @property
    def watcher(self) -> Any:
        """What is told of modules and leaves while a call is recorded."""
        return None if self.recorder is None else self.recorder

    def unchanged(self) -> bool:
        """Whether Tensors and modules that the trail knows are what they were."""
        self.changes = changes.count
        return all(t._requires_grad is requires and not t._hooks
                   and isinstance(t._value, np.ndarray) is array for t, requires, array in self.flags)

    changed = False  # whether the last call that failed had changed anything
    decided: Any = ()  # where numbers come from that Python has looked at in the last recording
    form: Any = None
    skipped = 0  # calls that frozen programs stood for
    flags: Any = ()  # what is hardly ever set, of the Tensors that the trail knows
    last: Any = None  # the end of the path that was recorded last, and the events that it returned

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
            self.realize("a look at values")
            if self.recorder is not None:
                self.recorder.look(x)

    def compute(self, e: Event) -> bool:
        """Run what came before an event, and fill the stand-ins that are still there."""
        if self.expected is not None and self.expected.looks_at_nothing:
            return True  # its program computes all at once, if nothing is different
        call = self.call
        held = held_of(e.answered(), ALONE)
        if e.moved:
            held += [made for made in held_of(e.moved, ALONE) if made not in held]
        segment = e.segment
        self.active = False
        try:
            if segment is None or not all(map(segment.gives.__contains__, held)):
                had = segment.gives if segment is not None else ()
                segment = e.segment = Segment(e, list(dict.fromkeys([*had, *held])), self.strict)
            self.settle()
            if segment.draws and call.drew is None:
                call.drew = generator().bit_generator.state
            results = segment.run(call)
        except CaptureError:  # a plan that is wrong
            raise
        except Exception as error:
            self.expected = e.segment = None
            if segment is not None and e.kind in ("step", "write") and segment.fails_late(error):
                self.eager = True  # what has been updated must not be updated again
                self.fill(e, [m for m in held if type(segment.gives[m]) is not int], segment, ())
                raise
            told = None if segment is None else segment.replay.explained(error)
            if e.kind != "read":
                self.at = e.before  # type: ignore[assignment]  # it has not come about
            try:
                self.realize()
            except Exception as again:
                raise told or again from error
            return False
        self.active = True
        self.fill(e, held, segment, results)
        return True

    def fill(self, e: Event, held: list[Event], segment: Segment, results: Any) -> None:
        """Give stand-ins that somebody has what a segment has computed before an event."""
        for made in held:
            source, out = segment.gives[made], made.out
            if type(source) is not int:
                out.__class__ = Deferred  # it finds its value in a buffer
                out.held = source
            else:
                value = results[source].copy("K") if source in segment.copied else results[source]
                if e.kind == "end" and not out._requires_grad:
                    set_free(out, value)
                else:
                    fill(out, value)

    def settle(self) -> None:
        """Take values out of the buffers that are about to be written again."""
        for r in self.taken:
            if type(s := r()) is Deferred:
                take_out(s)
        self.taken.clear()

    def draws_itself(self) -> None:
        """The function is about to use the random generator: what was drawn before comes first."""
        if self.recorder is not None:
            self.recorder.cannot_be_frozen("it seeds or uses the random generator itself, and a "
                                           "program would not; do that outside")
            return
        e: Any = self.at
        while e is not None and e.kind not in ("step", "write", "read"):
            if e.kind == "op" and e.what.kind == "draw":
                self.realize()
                return
            e = e.before

    def ends(self) -> bool:
        """The function has returned: whether that is what the trail says; compute what is kept."""
        e = self.find("end", None)
        if e is None:
            return False
        held = held_of(e.answered(), ALONE)
        if self.recordings is not None:
            self.alive = list(self.call.alive(e.path_to()))
        if held:
            if not self.compute(e):
                return True  # it is recorded, or runs as usual
            self.active = False
        self.at = e
        self.hits += 1
        return True

    # -- when the call is another one -----------------------------------------------------------------

    def realize(self, came: str = "what it does between operations") -> None:
        """Compute what was answered so far as usual; what follows is a new branch of the trail."""
        self.active = False
        events = self.at.path_to()
        if self.expected is not None:
            expected, self.expected = self.expected, None
            raise expected.difference(events, came)
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
        elif self.active and self.made(x):
            self.realize()
        else:
            graph_of(x)
