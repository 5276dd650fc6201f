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
from ..ir import Instruction, Program, Value
from .memory import Memory, memory_of
from .proof import prove
from .statements import Statements

_serial = count(1)

#: Times that states were looked up, after which they are taken to change all the time.
OFTEN = 16


class Stale(Exception):
    """What the program was captured for is no longer there; capture again."""


class Replay:
    """A program that can be called.

    Attributes
    ----------
    source : the text that is executed; if ``strict``, it is proved to compute the program.
    """

    def __init__(
        self, program: Program, arity: int = 0, strict: bool = False, raw: bool = False
    ) -> None:
        self.program = program
        self.text = Statements(program, arity, raw)
        self.source, self.space = self.text.source, self.text.space
        refresh = WeakMethod(self.refresh)  # no cycle: a program given up lets go of its arrays
        self.space["refresh"] = lambda: refresh()()  # type: ignore[misc]
        self._replay = self._compiled()
        self._views: list[tuple[str, Instruction]] = []  # of states; those of buffers stay
        self._look_at_buffers()
        self._tries = 4  # calls that may move states
        self._lookups = 0
        self.run = self._settling if self.text.seats else self._replay
        self.refresh()
        if strict:
            prove(self.text)

    def _compiled(self) -> Callable[..., Any]:
        self._file = file = f"<replay {next(_serial)} of {self.program.name}>"
        linecache.cache[file] = (len(self.source), None, self.source.splitlines(True), file)
        exec(compile(self.source, file, "exec"), self.space)
        finalize(self, linecache.cache.pop, file, None)
        made: Callable[..., Any] = self.space.pop("replay")
        return made

    def explained(self, error: BaseException) -> BaseException | None:
        """The error of the uncompiled step, with the user's line, if NumPy raised this one here."""
        lines = [line for frame, line in traceback.walk_tb(error.__traceback__)
                 if frame.f_code.co_filename == self._file]
        i = self.text.written.get(lines[0]) if lines else None
        if i is None or not isinstance(error, FAILURES) or isinstance(error, TinygradGdError):
            return None
        told = explain_failure(i.primitive, i.inputs, i.params, error)
        file, number = i.line
        return type(told)(f"{told} ({file}:{number})" if number else str(told))

    def _settling(self, *args: Any) -> Any:
        """A replay that first tries once more to move the states: an old graph may be gone."""
        self._tries -= 1
        self.refresh()
        if self.space["joined"] or not self._tries:
            self.run = self._replay
        return self._replay(*args)

    def _look_at_buffers(self) -> None:
        """Make the views of buffers, which are the same in every call; those of states are left."""
        known: dict[Value, Any] = {value: self.text.buffer(value) for value in self.text.plan.buffers}
        for name, i in self.text.views:
            if i.inputs[0] in known:
                known[i.output] = self.space[name] = i.primitive.run(known[i.inputs[0]], **i.params)
            else:
                self._views.append((name, i))

    def refresh(self) -> None:
        """Look up the arrays of the states again, and compute what depends only on them."""
        for name in (*(name for name, _ in (*self.text.held, *self._views)),
                     *(self.text.names[i.output] for i in self.text.once)):
            self.space[name] = None  # an array held here would keep a state from its seat
        self.space["joined"] = bool(self.text.seats) and self.text.seats.take()
        known: dict[Value, Any] = {}
        for name, given in self.text.held:
            data = given.tensor._value
            if not given.value.has_form_of(data):
                raise Stale(f"{given.value!r} has another form now")
            self.space[name], self.space[f"{name}_seq"] = data, given.tensor._seq
            known[given.value] = data
        for i in self.text.once:
            values = [known[x] if isinstance(x, Value) else x for x in i.inputs]
            known[i.output] = i.primitive.run(*values, **i.params)
            self.space[self.text.names[i.output]] = known[i.output]
        self._lookups += 1
        again = self._lookups > OFTEN
        for name, make, inputs in self.text.prepared:
            self.space[name] = make(again, *(known[x] if isinstance(x, Value) else x for x in inputs))
        for name, i in self._views:
            known[i.output] = self.space[name] = i.primitive.run(known[i.inputs[0]], **i.params)

    def memory(self) -> Memory:
        """What the arrays of the program take, and what for."""
        prepared = [self.space[name] for name, _, _ in self.text.prepared]
        return memory_of(self.text.plan, self.text.buffers, [*self.text.full.values(), *prepared])
