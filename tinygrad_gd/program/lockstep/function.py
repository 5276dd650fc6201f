"""`Compiled`: a function that runs in lockstep with its program; made by `compile`."""

from __future__ import annotations

import functools
import sys
import types
import warnings
from collections.abc import Callable
from threading import RLock, get_ident
from typing import Any
from weakref import ref

from ...errors import CaptureError, CaptureWarning, DTypeError, describe
from ...ground.modes import Mode, current_mode
from ...ground.threads import in_forks
from ...ground.user_code import line_of_function, located, user_stacklevel
from ..ir import Program, Value
from ..passes import optimized, readable
from ..replay.memory import Memory
from ..text.source import source_of
from .lockstep import PATIENCE, Lockstep
from .onlooker import Onlooker
from .path import program_of
from .segments import Segment
from .trail import ENDS, Event


class Compiled:
    """A function whose Python runs in every call, and whose operations are computed by a program."""

    _given = 0  # how many arguments come before those of the caller

    def __init__(self, function: Callable[..., Any], strict: bool = False) -> None:
        if not callable(function):
            raise DTypeError(f"compile: expected a function, got {describe(function)}")
        functools.update_wrapper(self, function)
        self.function, self.strict = function, strict
        name = getattr(function, "__name__", "step")
        self.name = name if name.isidentifier() else "step"
        self.problem = ""
        self._lockstep = Lockstep(self.name, self.strict)
        self._in_use = RLock()  # a handler of signals may run as soon as it is taken, and call this
        self._captured: tuple[Any, Any] = None, None  # an end, and the program up to there
        self._watched: Event | None = None  # the end of a call that somebody watched
        self._to_watch = PATIENCE  # so many watched calls may still be recorded
        self._own: dict[int, Any] = {}  # by the id of an object, what its method is
        in_forks.add(self)

    def _forked(self) -> None:
        """Begin anew if a thread was in the middle of a call that is not there in this process."""
        if self._in_use.acquire(blocking=False):
            self._in_use.release()
        else:
            self._lockstep.settle()
            type(self).__init__(self, self.function, self.strict)

    def __get__(self, owner: Any, cls: Any = None) -> Any:
        """Of a method decorated in a class, each object has a trail of its own."""
        if owner is None:
            return self
        own, _ = self._own.get(id(owner), (self, None))
        if own is self:
            try:
                key, others = id(owner), self._own
                own = type(self)(self.function, self.strict)
                self._own[key] = own, ref(owner, lambda _: others.pop(key, None))
            except TypeError:  # slots without one for weak references: all share a trail
                own = self
            own._given = 1  # its object is no argument
        return types.MethodType(own, owner)

    def __reduce__(self) -> Any:  # what copies and pickles are made of: no trail goes with them
        name = getattr(self.function, "__qualname__", "")
        named: Any = sys.modules.get(self.__module__)
        for part in name.split("."):
            named = getattr(named, part, None)
        if named is self:  # a decorated function, of which there is one, as of any function
            return name
        return type(self), (self.function, self.strict)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function in lockstep; as usual where somebody watches, derives or is inside."""
        mode = current_mode()
        if (self.problem or mode.observer is not None or mode.deriving or mode.lockstep is not None
                or self._lockstep.thread == (thread := get_ident())):  # it calls itself, or a signal
            return self._uncompiled(args, kwargs, mode)
        self._in_use.acquire()  # a `with` block takes twice as long
        lockstep = self._lockstep
        lockstep.thread = thread
        try:
            return lockstep.run(self.function, args, kwargs)
        finally:
            lockstep.thread = 0
            problem = lockstep.problem
            self._in_use.release()
            if problem:
                self._give_up(problem)

    def _uncompiled(self, args: Any, kwargs: Any, mode: Mode) -> Any:
        """Run the function as usual; what is watched is recorded besides, until there is a program."""
        if (mode.observer is None or mode.deriving or mode.lockstep is not None or self.problem
                or not self._to_watch or self._is_known):
            return self.function(*args, **kwargs)
        onlooker = Onlooker(self.name, self.strict, (self.function, args, kwargs), mode.observer)
        result = onlooker.run()
        self._watched = onlooker.last or self._watched
        self._to_watch = 0 if onlooker.last and onlooker.settled else self._to_watch - 1
        return result

    def _give_up(self, problem: str) -> None:
        file, line = line_of_function(self.function)
        self.problem = located(self.name, (file, line), problem)
        self._lockstep = Lockstep(self.name, self.strict)  # all that it held may go
        if self.strict:
            raise CaptureError(self.problem)
        warnings.warn(self.problem, CaptureWarning, stacklevel=user_stacklevel())

    # -- looking at it -----------------------------------------------------------------------------

    @property
    def _is_known(self) -> bool:
        """Whether there is a program of calls that nobody watched."""
        return self._lockstep.last is not None

    @property
    def _recorded(self) -> Event:
        """The end of the call that was recorded last."""
        found = self._lockstep.last or self._watched
        if found is None:
            raise CaptureError(self.problem or f"{self.name}: nothing is recorded yet; call it first, "
                               "and not only in a derivative, in another compiled function, or with "
                               "an observer in it, where it runs uncompiled")
        return found

    @property
    def captured(self) -> Program:
        """The program as it was recorded, before all passes."""
        end = self._recorded
        if self._captured[0] is not end:
            self._captured = end, program_of(end, self._known(end))
        program: Program = self._captured[1]
        return program

    def _known(self, end: Event) -> dict[Value, Any]:
        """What stands for some arguments of a program."""
        return {}

    def _others(self) -> list[Program]:
        """The programs of other calls, which may be of other sizes."""
        last, known = self._recorded, self._lockstep.root.descendants()
        return [program_of(e, self._known(e)) for e in known if e.kind == "end" and e is not last]

    @property
    def program(self) -> Program:
        """The recorded program after all passes."""
        return optimized(self.captured)

    @property
    def source(self) -> str:
        """The program as readable NumPy text that runs on its own.

        It asserts that arguments are as long as in the call, but for lengths that were at least twice
        as large in another: if both computed the same, for multiples of lengths, the text takes any.
        What Python decides by a length, as ``if len(x) > 100`` does, is what it was in these calls.
        """
        return source_of(readable(self.captured), map(readable, self._others()))

    @property
    def replay_source(self) -> str:
        """The texts that are executed, with their buffers: one for each segment of the last path."""
        return "\n".join(s.replay.source for s in self._segments())

    def _segments(self) -> list[Segment]:
        """Those that ran last; of a call that was only recorded, what would run in the next."""
        end = self._recorded
        results, _ = end.more
        ends, path = [e for e in end.path_to() if e.kind in ENDS], end.path
        if found := [e.segment for e in ends if e.segment is not None]:
            return found
        starts = [0, *(path.ends[e] for e in ends)]
        return [Segment(e, [r for r in results if start < path.ends[r] <= path.ends[e]], self.strict)
                for start, e in zip(starts, ends, strict=False) if start < path.ends[e]]

    def memory(self) -> Memory:
        """Bytes of states, constants, buffers and temporaries, and what each buffer is for."""
        return self._segments()[-1].replay.memory()
