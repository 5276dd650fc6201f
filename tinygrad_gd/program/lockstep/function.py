"""`Compiled`: a function that runs in lockstep with its program; made by `compile`."""

from __future__ import annotations

import copy
import functools
import types
import warnings
from collections.abc import Callable
from threading import Lock, get_ident
from typing import Any
from weakref import ref

from ...errors import CaptureError, CaptureWarning, DTypeError, describe
from ...ground.modes import current_mode
from ...ground.user_code import line_of_function, located, user_stacklevel
from ..ir import Program
from ..passes import optimized, readable
from ..replay.memory import Memory
from ..text.source import source_of
from .lockstep import Lockstep
from .path import Part
from .segments import Segment
from .trail import Event


class Compiled:
    """A function whose Python runs in every call, and whose operations are computed by a program."""

    def __init__(self, function: Callable[..., Any], strict: bool = False) -> None:
        if not callable(function):
            raise DTypeError(f"compile: expected a function, got {describe(function)}")
        functools.update_wrapper(self, function)
        self.function, self.strict = function, strict
        name = getattr(function, "__name__", "step")
        self.name = name if name.isidentifier() else "step"
        self.problem = ""
        self._lockstep, self._in_use = Lockstep(self.name, self.strict), Lock()
        self._captured: tuple[Any, Any] = None, None  # an end, and the program up to there
        self._thread = 0  # which thread is in a call
        self._own: dict[int, Any] = {}  # by the id of an object, what its method is

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
        return types.MethodType(own, owner)

    def __deepcopy__(self, memo: Any) -> Compiled:
        return type(self)(copy.deepcopy(self.function, memo), self.strict)

    def __copy__(self) -> Compiled:
        return type(self)(self.function, self.strict)

    def __reduce__(self) -> Any:
        return type(self), (self.function, self.strict)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function in lockstep; as usual where somebody watches, derives or is inside."""
        mode = current_mode()
        if (self.problem or mode.observer is not None or mode.deriving or mode.lockstep is not None
                or self._thread == (thread := get_ident())):  # it calls itself, or a signal has come
            return self.function(*args, **kwargs)
        self._in_use.acquire()  # a `with` block takes twice as long
        self._thread = thread
        try:
            return self._lockstep.run(self.function, args, kwargs, mode)
        finally:
            self._thread = 0
            problem = self._lockstep.problem
            self._in_use.release()
            if problem:
                self._give_up(problem)

    def _give_up(self, problem: str) -> None:
        file, line = line_of_function(self.function)
        self.problem = located(self.name, (file, line), problem)
        self._lockstep = Lockstep(self.name, self.strict)  # all that it held may go
        if self.strict:
            raise CaptureError(self.problem)
        warnings.warn(self.problem, CaptureWarning, stacklevel=user_stacklevel())

    # -- looking at it -----------------------------------------------------------------------------

    @property
    def _end(self) -> Event:
        """The end of the call that was recorded last."""
        if self._lockstep.last is None:
            raise CaptureError(self.problem or f"{self.name}: nothing is recorded yet; call it first")
        end: Event = self._lockstep.last[0]
        return end

    @property
    def captured(self) -> Program:
        """The program as it was recorded, before all passes."""
        end = self._end
        if self._captured[0] is not end:
            self._captured = end, Part(end, self._lockstep.last[1], whole=True).program
        program: Program = self._captured[1]
        return program

    @property
    def program(self) -> Program:
        """The recorded program after all passes."""
        return optimized(self.captured)

    @property
    def source(self) -> str:
        """The program as readable NumPy text that runs on its own."""
        return source_of(readable(self.captured))

    @property
    def replay_source(self) -> str:
        """The texts that are executed, with their buffers: one for each segment of the last path."""
        return "\n".join(s.replay.source for s in self._segments())

    def _segments(self) -> list[Segment]:
        return [e.segment for e in self._end.path_to() if e.segment is not None]

    def memory(self) -> Memory:
        """Bytes of states, constants, buffers and temporaries, and what each buffer is for."""
        return self._segments()[-1].replay.memory()
