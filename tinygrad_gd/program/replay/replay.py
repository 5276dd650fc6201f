"""Replay: a `Program` as the text that is executed, with a fixed buffer for every array.

Three things make it fast: results are written into buffers that live as long as the program and are
shared by values that do not live at the same time; views of fixed buffers are made once; and updates
are written straight into the parameters.
"""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable
from itertools import count
from typing import Any
from weakref import WeakMethod, finalize

from ...errors import TinygradGdError
from ...ground.explain import FAILURES, explain_failure
from ..fused import is_total
from ..ir import Instruction, Program, Value
from .memory import Memory, memory_of
from .seats import take
from .statements import Statements

_serial = count(1)


class Stale(Exception):
    """What the program was captured for is no longer there; capture again."""


class Replay:
    """A program that can be called, with arrays, and returns arrays.

    Attributes
    ----------
    source : the text that is executed.
    """

    def __init__(self, program: Program, arity: int = 0) -> None:
        self.program = program
        self.text = Statements(program, arity)
        self.source, self.space = self.text.source, self.text.space
        refresh = WeakMethod(self.refresh)  # no cycle: a program given up lets go of its arrays
        self.space["refresh"] = lambda: refresh()()  # type: ignore[misc]
        self._replay = self._compiled()
        self._tries = 4  # calls that may move states
        self.run = self._settling if self.text.seats else self._replay
        self.refresh()

    def _compiled(self) -> Callable[..., Any]:
        self._file = file = f"<replay {next(_serial)} of {self.program.name}>"
        linecache.cache[file] = (len(self.source), None, self.source.splitlines(True), file)
        exec(compile(self.source, file, "exec"), self.space)
        finalize(self, linecache.cache.pop, file, None)
        made: Callable[..., Any] = self.space.pop("replay")
        return made

    def failed(self, error: BaseException) -> Instruction | None:
        """The instruction that has raised an error."""
        lines = [line for frame, line in traceback.walk_tb(error.__traceback__)
                 if frame.f_code.co_filename == self._file]
        i = self.text.written.get(lines[0]) if lines else None
        totals = self.text.plan.rows.get(i, ()) if i is not None and is_total(i) else ()
        return next(filter(self._fails, totals), i)

    def _fails(self, total: Instruction) -> bool:
        """Whether it is this of several sums that raises an error."""
        try:
            total.primitive.run(self.text.buffer(total.inputs[0]), **total.params)
        except FAILURES:
            return True
        return False

    def explained(self, error: BaseException) -> BaseException | None:
        """The error of the uncompiled step, with the user's line, if NumPy raised this one here."""
        i = self.failed(error)
        if i is None or not isinstance(error, FAILURES) or (
                i.phase != "forward" and isinstance(error, FloatingPointError)):
            return None
        own = isinstance(error, TinygradGdError)
        told = error if own else explain_failure(i.primitive, i.inputs, i.params, error)
        file, number = i.line
        return type(told)(f"{told} ({file}:{number})" if number else str(told))

    def _settling(self, *args: Any) -> Any:
        """A replay that first tries once more to move the states: an old graph may be gone."""
        self._tries -= 1
        self.refresh()
        if self.space["joined"] or not self._tries:
            self.run = self._replay
        return self._replay(*args)

    def refresh(self) -> None:
        """Look up the arrays of the states again, and compute what depends only on them."""
        text, space = self.text, self.space
        for name in (*text.held, *text.ahead):
            space[name] = None  # an array held here would keep a state from its seat
        space["joined"] = bool(text.seats) and take(text.seats)
        for name, state in text.held.items():
            data = state.tensor._value
            if not state.value.has_form_of(data):
                raise Stale(f"{state.value!r} has another form now")
            space[name], space[f"{name}_seq"] = data, state.tensor._seq
        for name, (make, inputs) in text.ahead.items():
            given = (space[text.names[x]] if isinstance(x, Value) else x for x in inputs)
            try:
                space[name] = make(*given)
            except FAILURES as error:
                raise Stale(f"{name} of {self.program.name} cannot be made now") from error

    def close(self) -> None:
        """Let go of all arrays at once, though a replay may refer to itself."""
        self.run = self._replay
        self.space.clear()

    def memory(self) -> Memory:
        """What the arrays of the program take, and what for."""
        return memory_of(self.text)
