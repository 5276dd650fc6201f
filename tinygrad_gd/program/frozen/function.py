"""`Frozen`: a function whose Python is skipped once a call computed the same as one before."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from itertools import count
from threading import get_ident
from types import MethodType
from typing import Any
from weakref import ref

import numpy as np

from ...engine.tensor import Tensor, constant
from ...errors import CaptureError, CaptureWarning
from ...ground.live import Live
from ...ground.modes import Mode, current_mode
from ...ground.pytree import flatten, unflatten
from ...ground.storage import kept
from ...ground.user_code import UNKNOWN, line_of_error, line_of_function, located, user_stacklevel
from ...ops.unnamed import OtherMask
from ..capture.capture import Numbers
from ..capture.variables import names_of
from ..ir import Value
from ..lockstep.call import Call
from ..lockstep.expected import Flags
from ..lockstep.function import Compiled
from ..lockstep.lockstep import PATIENCE, Lockstep
from ..lockstep.segments import Segment
from ..lockstep.trail import ALONE, held_of
from ..replay.replay import Stale
from .arguments import form_of, is_tensor
from .entry import Entry, conditions
from .refused import Refused
from .stands import Stands

#: Programs that are kept for one form of arguments, as for training and evaluation; and forms.
VARIANTS, FORMS = 8, 64


class Frozen(Compiled):
    """A function that goes in lockstep until its program is known, and whose Python is skipped then.

    Attributes
    ----------
    refused : why it goes on in lockstep or uncompiled, or empty.
    """

    def __init__(self, function: Callable[..., Any], strict: bool = False) -> None:
        super().__init__(function, strict)
        self.refused = ""
        self._names = Numbers()
        self._lockstep = Lockstep(self.name, strict, self._names)
        self._entries: dict[Any, list[Entry]] = {}
        self._last: Entry | None = None
        self._floats: list[Any] = []  # the leaves of the arguments, of which programs read numbers
        self._settled: set[int] = set()  # positions of floats that Python looks at
        self._unrecorded: set[Any] = set()  # forms of which a call is to be recorded
        self._made = self._replayed = 0  # programs, and calls of those that are given up
        self._inside = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Replay the program for these arguments, or run the function in lockstep."""
        mode = current_mode()
        if self.refused or mode.lockstep is not None:
            return super().__call__(*args, **kwargs)
        form, leaves = self._form(args, kwargs) if args or kwargs else ((), [])
        self._in_use.acquire()  # a `with` block takes twice as long
        inside, self._inside = self._inside, True
        try:
            if inside:  # a handler of signals, or a finalizer
                return self.function(*args, **kwargs)
            for entry in self._entries.get(form, ()):
                if entry.hold(mode) and (not (entry.same or entry.others) or entry.is_given(leaves)):
                    entry.left -= 1
                    if not entry.left:
                        entry.due, entry.left = 2 * entry.due, entry.due  # after as many calls again
                        return self._in_lockstep(form, args, kwargs, leaves, mode, entry)
                    if leaves:
                        self._floats[:] = leaves
                    try:
                        return entry.run(leaves)
                    except OtherMask:
                        continue
                    except Stale:
                        self._forget(entry)
                        break
                    except BaseException as error:  # it may have got half way
                        raise self._failed(entry, error) from error
            if mode.observer is None and not mode.deriving:
                return self._in_lockstep(form, args, kwargs, leaves, mode)
        finally:
            self._inside = inside
            self._in_use.release()
        return super().__call__(*args, **kwargs)

    def audit(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function and compare what it does with its program; `CaptureError` if it differs."""
        form, leaves = self._form(args, kwargs)
        mode = current_mode()
        with self._in_use:
            entry = next((e for e in self._entries.get(form, ())
                          if e.hold(mode) and e.is_given(leaves)), None)
            return self._in_lockstep(form, args, kwargs, leaves, mode, entry)

    def _form(self, args: Any, kwargs: Any) -> tuple[Any, list[Any]]:
        return ((), []) if not (args or kwargs) else form_of(args[self._given :], kwargs, self._settled)

    def _failed(self, entry: Entry, error: BaseException) -> BaseException:
        """What is raised when a program has failed, which may have got half way."""
        self._forget(entry)
        return entry.segment.replay.explained(error) or error

    def _is_fresh(self, entry: Entry, leaves: list[Any]) -> bool:
        """Whether the program can be replayed, and be compared with the trail, which leads there."""
        own = self._lockstep.flags.own - entry.own  # variables of other calls are arguments to it
        try:
            entry.segment.replay.refresh()
            if entry.end.is_dropped() or not own.isdisjoint(map(id, leaves)):
                raise Stale
        except Stale:
            self._forget(entry)
            return False
        entry.end.comes_first()
        return True

    def _forget(self, *gone: Entry) -> None:
        """Let go of programs."""
        self._replayed += sum(entry.calls for entry in gone)
        kept = {form: [e for e in entries if e not in gone] for form, entries in self._entries.items()}
        self._entries = {form: entries for form, entries in kept.items() if entries}

    def _all(self) -> list[Entry]:
        return [entry for entries in self._entries.values() for entry in entries]

    @property
    def _skipped(self) -> int:
        """How many calls programs stood for."""
        return self._replayed + sum(entry.calls for entry in self._all())

    def _in_lockstep(self, form: Any, args: Any, kwargs: Any, leaves: list[Any], mode: Mode,
                     entry: Entry | None = None) -> Any:
        """Run the function in lockstep; if ``entry`` is given, compare it with that program."""
        lockstep = self._lockstep
        self._floats[:] = leaves
        function, args = self._bound(args)
        shown = list(map(self._shown, leaves, names_of(function, args, kwargs), count()))
        a, k = unflatten((args, kwargs), shown)
        entry = entry if entry is not None and self._is_fresh(entry, leaves) else None
        before = Before(lockstep, [*shown, *(() if entry is None else entry.objects.values())])
        hits, lockstep.expected, lockstep.skipped = lockstep.hits, entry, self._skipped
        lockstep.form, lockstep.wanted = form, lockstep.wanted or form in self._unrecorded
        self._unrecorded.discard(form)
        lockstep.thread = get_ident()
        try:
            result = lockstep.run(function, a, k)
            if entry is not None and lockstep.expected is entry and lockstep.hits > hits:
                if error := entry.audited(lockstep.call, lockstep.at, shown, result):
                    raise error
                if entry.looks_at_nothing:  # nothing has been computed yet
                    del result
                    return self._instead(entry, leaves, before)
        except CaptureError:
            if entry is not None:
                self._forget(entry)
                before.restore()
            raise
        except (TypeError, AttributeError) as error:
            if lockstep.changed or all(x is y for x, y in zip(shown, leaves, strict=True)):
                raise
            self._refuse(Refused(str(error), line_of_error(error)))
            return lockstep.run(function, args, kwargs)
        finally:
            lockstep.thread, lockstep.expected = 0, None
            if lockstep.problem:
                self._give_up(lockstep.problem)
        result, returned, looked = self._plain(result)
        if before.changed() or (entry is None and lockstep.hits > hits and not looked):
            self._freeze(form, leaves, shown, mode, before, result, returned)
        own(shown, leaves)
        return result

    def _bound(self, args: Any) -> tuple[Any, Any]:
        """The function and its arguments; of a method, which nothing that stays must hold."""
        return (MethodType(self.function, args[0]), args[1:]) if self._given else (self.function, args)

    def _instead(self, entry: Entry, leaves: list[Any], before: Before) -> Any:
        """What the program returns, in place of a call that was answered and not computed."""
        leave(self._lockstep)
        before.restore()
        try:
            return entry.run(leaves)
        except BaseException as error:
            raise self._failed(entry, error) from error

    def _plain(self, result: Any) -> tuple[Any, list[Any], bool]:
        """What a call returned with plain numbers; its leaves; whether Python has looked at more."""
        returned = flatten(result)
        numbers = [x for x in returned if type(x) is Live]
        origins = [origin for x in numbers for origin in x.origins.values()]
        looked = self._looked_at([*self._lockstep.decided, *origins])
        if numbers:
            returned = [x.value if type(x) is Live else x for x in returned]
            result = unflatten(result, returned)
        return result, returned, looked

    def _give_up(self, problem: str) -> None:
        often = self._lockstep.records > PATIENCE  # and not as soon as something could not be recorded
        if often and not all(isinstance(x, Tensor | np.ndarray | float) for x in self._floats):
            problem += ("; ints and objects among its arguments are a part of that: give floats, and "
                        "the arrays that are in objects")
        self.refused = problem
        super()._give_up(problem)

    def _shown(self, x: Any, name: str, k: int) -> Any:
        """What the function gets: Tensors for arrays, and numbers that know where they come from."""
        if type(x) is float and k not in self._settled:
            return self._names.live(x, name, self._floats, k)
        return constant(x) if is_tensor(x) else x

    def _looked_at(self, origins: list[tuple[Any, Any]]) -> bool:
        """Whether Python has looked at more numbers, which are a part of the arguments' form then."""
        new = {key for container, key in origins if container is self._floats} - self._settled
        self._settled |= new
        if new:
            self._forget(*self._all())
        return bool(new)

    def _freeze(self, form: Any, leaves: list[Any], shown: list[Any], mode: Mode, before: Before,
                result: Any, returned: list[Any]) -> None:
        """Make a program of the call that has just gone in lockstep like one before."""
        lockstep, end = self._lockstep, self._lockstep.at
        if changed := before.changed():
            self._refuse(Refused(f"it changes {changed} in every call, and a program would not; do "
                                 "that outside"))
            return
        waiting = len(self._unrecorded) + len(lockstep.recordings or ())
        if self._made + waiting > FORMS > (lockstep.hits + self._skipped) // 4:
            self._refuse(Refused("its arguments hardly ever have the same form, of which ints and "
                                 "objects are a part: give floats, and the arrays that are in objects"))
            return
        if not before.is_in_the_same_mode():
            return  # it sets that, and a program would not
        recording = (lockstep.recordings or {}).pop((end, form), None)
        if recording is None or not recording.entire:
            self._unrecorded.add(form)  # once more, from the beginning of a call
            return
        try:
            entry = self._entry_of(recording, end, leaves, shown, mode, before, result, returned)
        except Refused as refused:
            self._refuse(refused)
            return
        self._made += 1
        entries = [entry, *self._entries.get(form, ())]
        self._entries[form] = entries
        self._forget(*entries[VARIANTS:])
        if len(self._entries) > FORMS:
            self._forget(*next(iter(self._entries.values())))
        self._last = entry
        leave(lockstep)

    def _refuse(self, refused: Refused) -> None:
        """Go on in lockstep, and say why."""
        line = refused.line if refused.line != UNKNOWN else line_of_function(self.function)
        self.refused = located(self.name, line, str(refused))
        self._lockstep.recordings = None
        self._forget(*self._all())
        self._unrecorded.clear()
        if self.strict:
            raise CaptureError(self.refused) from None
        warnings.warn(f"{self.refused}. It goes on in lockstep", CaptureWarning,
                      stacklevel=user_stacklevel())

    def _entry_of(self, recording: Any, end: Any, leaves: list[Any], shown: list[Any], mode: Mode,
                  before: Before, result: Any, returned: list[Any]) -> Entry:
        lockstep, events = self._lockstep, end.path_to()
        if len(recording.results) != len(returned):
            raise Refused("it returns another number of results in each call")
        stands = Stands(end, recording, lockstep, leaves, shown, returned)
        allowed = {id(e) for e in (*recording.results, *stands.gradients.made)}
        kept = {n: e for n, e in lockstep.alive.items() if id(e) not in allowed}
        returned_too = {id(e) for e in recording.results}
        if any(id(g) not in returned_too for g in held_of(stands.gradients.made, ALONE + 1)):
            raise Refused("a gradient is kept outside of it, where a program would not put it; "
                          "return it")
        if kept:
            gc.collect()  # a local function that calls itself holds on to what it sees
        free = [kept[id(t)] for r in lockstep.call.taken if (t := r()) is not None and id(t) in kept]
        for e in (*held_of(kept.values(), ALONE), *free):
            raise Refused("what it computes here is kept outside of it (in a list, an attribute or a "
                          "global), where a program would not put it; return it instead",
                          end.path.line(e))
        hold = conditions(mode, events, modules_of(recording, events), stands.conditions(),
                          stands.objects.values())
        return Entry(stands, end, hold, leaves, result, line_of_function(self.function), lockstep)

    # -- looking at it -----------------------------------------------------------------------------

    def _known(self, end: Any) -> dict[Value, Any]:
        return next((entry.known for entry in self._all() if entry.end is end), {})

    def _segments(self) -> list[Segment]:
        return super()._segments() if self._last is None else [self._last.segment]


class Before:
    """What a call may change without saying so, as it was before."""

    def __init__(self, lockstep: Lockstep, given: list[Any]) -> None:
        tensors, known = [t for t in given if isinstance(t, Tensor)], [*lockstep.root.descendants()]
        derived = [t for e in known if e.kind == "backward" or e.what in (
            "gradient", "gradients are set") for t in e.outside()]  # others other threads may derive by
        self._gradients = [(t, t._grad) for t in (*derived, *tensors)]
        self._flags = Flags(known, {
            m for (end, _), recording in (lockstep.recordings or {}).items()
            for m in modules_of(recording, end.path_to())}, tensors)
        optimizers = dict.fromkeys(e.what for e in known if e.kind == "step")
        self._options = [(group, dict(group)) for optimizer in optimizers
                         for group in optimizer.param_groups]

    def restore(self) -> None:
        """Let every leaf have the gradient that it had: what a call was answered is not computed."""
        for t, g in self._gradients:
            t._grad = g

    def is_in_the_same_mode(self) -> bool:
        """Whether modules train, and Tensors require gradients, as then."""
        return self._flags.hold()

    def changed(self) -> str:
        """The option of an optimizer that is another one now."""
        return next((f"the option {key} of an optimizer" for group, then in self._options
                     for key in then if group.get(key) is not then[key]), "")


def modules_of(recording: Any, events: list[Any]) -> list[Any]:
    """Weak references to the modules that took part in a call, or whose mode Python has asked for."""
    return [*map(ref, recording.modules), *(e.refs[0] for e in events if e.what == "training")]


def own(shown: list[Any], leaves: list[Any]) -> None:
    """Copy what Tensors that stood for arrays in a call hold: graphs must not see it written into."""
    for x, given in zip(shown, leaves, strict=True):
        if is_tensor(given):
            x._value = kept(given)


def leave(lockstep: Lockstep) -> None:
    """Let go of the last call and of all buffers: a frozen program goes on."""
    lockstep.call, lockstep.alive = Call(lockstep), {}
    for e in lockstep.root.descendants():
        if e.segment is not None:
            e.segment.replay.close()
            e.segment = None
