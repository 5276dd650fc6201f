"""Names: what the values of a program are called, and whose gradient is whose.

Names come from the user's variables and parameters. Here they are told apart where two values share
one: the turns of an unrolled loop are numbered, and a gradient is named after the value it belongs to,
whichever of them is computed first.
"""

from __future__ import annotations

import ast
import linecache
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ..ir import Instruction, Program, State, Value, users_of


class Naming:
    """The names of a program's values.

    Attributes
    ----------
    names : of a value, before it is told apart from others.
    of : the value that a gradient belongs to.
    """

    def __init__(self, program: Program, of: dict[Value, Value]) -> None:
        self.made = {i.output: i for i in program.instructions}
        self.users = defaultdict(list, users_of(program))
        given = {i.value: i.value.name for i in program.inputs}
        self.names = {**given, **{v: v.name for v in self.made}}
        for value, name in given.items():  # an attribute of several modules
            if name.isidentifier() and list(given.values()).count(name) > 1 and self.users[value]:
                self.names[value] = f"{self.users[value][0].scope}.{name}".strip(".")
        self.of = {g: x for g, x in of.items() if g in self.made}
        self._leaves(program)
        gradients = self._unpaired(program)
        turns = self._number_turns(program)
        self._pair_backwards(gradients)
        for last, earlier in turns:
            self._pair_turns(last, earlier)
        for value in list(self.of):
            self._unname_parts(value)

    # -- whose gradient ----------------------------------------------------------------------------

    def _leaves(self, program: Program) -> None:
        """The gradients of parameters: what is kept, is returned, or goes into the update of one."""
        states = {i.tensor: i.value for i in program.inputs if hasattr(i, "tensor")}
        for leaf, value in program.gradients:
            if leaf in states:
                self.of[value] = states[leaf]
        for state, value in program.writes:
            if isinstance(state, State) and state.tensor.requires_grad:
                found = (v for v in self._used_by_update(value) if v.shape == state.value.shape)
                if (gradient := next(found, None)) is not None:
                    self.of.setdefault(gradient, state.value)

    def _used_by_update(self, value: Value) -> list[Value]:
        """What a new value of a parameter is made of by its update, the nearest first."""
        found, pending, done = [], deque([value]), {value}
        while pending:
            i = self.made.get(pending.popleft())
            if i is not None and i.phase == "update":
                pending += (v for v in i.values if v not in done)
                done.update(i.values)
            elif i is not None and i.phase == "backward":
                found.append(i.output)
        return found

    def _unpaired(self, program: Program) -> dict[str, list[Value]]:
        """Gradients by the name of what they belong to, in order; sums count, and not their parts."""
        for value in list(self.of):
            self._unname_parts(value)
        for i in reversed(program.instructions):
            if i.output.name.startswith("d_") and self.names[i.output] and i.output not in self.of:
                self._unname_parts(i.output)
        names = {name for v, name in self.names.items() if self._phase(v) != "backward"}
        found: dict[str, list[Value]] = {}
        for i in program.instructions:
            name = self.names[i.output]
            if (i.phase == "backward" and name.startswith("d_") and name[2:] in names
                    and i.output not in self.of):
                found.setdefault(name[2:], []).append(i.output)
        return found

    def _unname_parts(self, total: Value) -> None:
        """The terms of a sum of gradients have no name of their own, unless they are used besides."""
        i = self.made.get(total)
        for x in i.values if i is not None and i.primitive.name == "add" else ():
            inside = self.made.get(x)
            if (inside is not None and inside.phase == "backward" and len(self.users[x]) == 1
                    and x not in self.of and (not self.names[x] or self.names[x].startswith("d_"))):
                self.names[x] = ""
                self._unname_parts(x)

    def _pair_backwards(self, gradients: dict[str, list[Value]]) -> None:
        """Of values that share a name, the gradient of the last is computed first."""
        for name, found in gradients.items():
            values = [v for v, n in self.names.items() if n == name and self._phase(v) == "forward"]
            rest = [v for v in found if v not in self.of]
            if len(values) == len(found) == len(rest):
                self.of.update(zip(reversed(found), values, strict=True))
            for v in rest:
                if v not in self.of and len(values) > 1:
                    self.names[v] = ""

    def _phase(self, value: Value) -> str:
        return self.made[value].phase if value in self.made else "given"

    # -- the turns of a loop -----------------------------------------------------------------------

    def _number_turns(self, program: Program) -> list[tuple[Value, list[Value]]]:
        """Give the earlier results of a line in a loop the name that the last one has, with numbers."""
        alike: defaultdict[Any, list[Instruction]] = defaultdict(list)
        for i in program.instructions:
            if i.phase == "forward" and i.line[1]:
                key = i.line, i.primitive.name, i.output.shape, i.output.dtype, i.scope
                alike[key].append(i)
        taken = Counter(filter(None, self.names.values()))
        turns = []
        for found in alike.values():
            *earlier, last = (i.output for i in found)
            name = self.names[last]
            if not name or not earlier or taken[name] > 1 or any(self.names[v] for v in earlier):
                continue
            follow = all(self._goes_on(a, b) for a, b in pairwise(found))
            if not follow or not _computes_once(*found[0].line):
                continue
            for n, value in enumerate((*earlier, last), 1):
                self.names[value] = f"{name}_{n}"
            turns.append((last, earlier))
        return turns

    def _goes_on(self, before: Instruction, after: Instruction) -> bool:
        """Whether a result is computed of another."""
        pending, done = [after], set()
        while pending:
            i = pending.pop()
            if before.output in i.values:
                return True
            inside = (self.made[v] for v in i.values if v in self.made and v not in done)
            for one in inside:
                done.add(one.output)
                if one.line == after.line:
                    pending.append(one)
        return False

    def _pair_turns(self, last: Value, earlier: list[Value]) -> None:
        """The gradient of an earlier turn is used beside it as that of the last turn is."""
        name = f"d_{last.name}"
        found = [g for g in self.made if g.name == self.names[g] == name and g not in self.of]
        if len(found) != 1:
            return
        self.of[found[0]] = last
        shapes = {self._beside(i, found[0], last) for i in self.users[found[0]]} - {""}
        for value in earlier:
            for i in self._near(value):
                for g in i.values:
                    if (self._phase(g) == "backward" and g not in self.of
                            and self._beside(i, g, value) in shapes and g.shape == value.shape):
                        self.of[g] = value
                        self.names[g] = name
                        break

    def _near(self, value: Value) -> Iterable[Instruction]:
        """The instructions of the backward pass that use what is computed of ``value`` and numbers."""
        pending = [value]
        while pending:
            for i in self.users[pending.pop()]:
                if i.phase == "backward":
                    yield i
                    if self._tree(i.output, value):
                        pending.append(i.output)

    def _beside(self, i: Instruction, g: Value, value: Value) -> str:
        """How ``i`` combines ``g`` with ``value``; empty if other values take part."""
        parts = ["g" if x is g else self._tree(x, value) for x in i.inputs]
        return f"{i.primitive.name}({', '.join(parts)})" if parts and all(parts) else ""

    def _tree(self, x: Any, value: Value) -> str:
        """An expression of ``value`` and numbers alone, or nothing."""
        if x is value:
            return "x"
        if not isinstance(x, Value):
            return repr(x) if not isinstance(x, np.ndarray | Tensor) else ""
        return self._beside(self.made[x], x, value) if self._phase(x) == "backward" else ""


@cache
def _computes_once(file: str, number: int) -> bool:
    """Whether a line does what it does last only once; else two results may be of one turn."""
    try:
        tree = ast.parse(linecache.getline(file, number).strip())
    except SyntaxError:
        return False
    last = next((x.value for x in ast.walk(tree) if isinstance(x, ast.Assign | ast.Return)), None)
    if isinstance(last, ast.BinOp):
        kind = type(last.op)
        return sum(isinstance(x, ast.BinOp) and type(x.op) is kind for x in ast.walk(last)) == 1
    if not isinstance(last, ast.Call):
        return False
    called = ast.dump(last.func)
    return sum(isinstance(x, ast.Call) and ast.dump(x.func) == called for x in ast.walk(last)) == 1
