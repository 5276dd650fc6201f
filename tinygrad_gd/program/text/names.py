"""Names: what the values of a program are called, and whose gradient is whose.

Names come from the user's variables and parameters. Here they are told apart where two values share
one: the turns of an unrolled loop are numbered, and a gradient is named after the value it belongs to,
whichever of them is computed first.
"""

from __future__ import annotations

import ast
import linecache
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from ..ir import Instruction, Program, Value


class Naming:
    """The names of a program's values.

    Attributes
    ----------
    names : of a value, before it is told apart from others.
    of : the value that a gradient belongs to.
    """

    def __init__(self, program: Program) -> None:
        self.made, self.users = program.made, program.users
        self.names = {v: v.name for v in (*program.given, *self.made)}
        called = Counter(v.name for v in program.given)
        for v in program.given:  # an attribute of several modules
            if v.name.isidentifier() and called[v.name] > 1 and self.users[v]:
                self.names[v] = f"{self.users[v][0].scope}.{v.name}".strip(".")
        self._number_turns(program)
        states = {i.tensor: i.value for i in program.inputs if hasattr(i, "tensor")}
        self.of = {value: states[leaf] for leaf, value in program.gradients if leaf in states}
        parts: set[Value] = set()
        for i in reversed(program.instructions):
            g = i.output
            if (i.phase == "backward" and g not in parts and g.of and self.names.get(g.of)
                    and self.names[g][:2] in ("", "d_")):
                self.of.setdefault(g, g.of)
            if g in parts or g in self.of:
                parts.update(self._terms(i))
        self.names.update(dict.fromkeys(parts, ""))

    def _terms(self, i: Instruction) -> Iterator[Value]:
        """The terms of a sum of gradients, which have no name unless they are used besides."""
        for x in i.values if i.primitive.name == "add" else ():
            if (x in self.made and self.made[x].phase == "backward" and len(self.users[x]) == 1
                    and x not in self.of and self.names[x][:2] in ("", "d_")):
                yield x

    def _number_turns(self, program: Program) -> None:
        """Give the earlier results of a line in a loop the name that the last one has, with numbers."""
        alike: defaultdict[Any, list[Instruction]] = defaultdict(list)
        for i in program.instructions:
            if i.phase == "forward" and i.line[1]:
                key = i.line, i.primitive.name, i.output.shape, i.output.dtype, i.scope
                alike[key].append(i)
        taken = Counter(filter(None, self.names.values()))
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


@cache
def _computes_once(file: str, number: int) -> bool:
    """Whether a line does what it does last only once; else two results may be of one turn."""
    try:
        tree = ast.parse(linecache.getline(file, number).strip())
    except SyntaxError:
        return False
    last = next((x.value for x in ast.walk(tree) if isinstance(x, ast.Assign | ast.Return)), None)
    return last is not None and [_does(x) for x in ast.walk(last) if _does(x)].count(_does(last)) == 1


def _does(x: ast.AST) -> Any:
    """Which operation or function an expression ends with."""
    return type(x.op) if isinstance(x, ast.BinOp) else isinstance(x, ast.Call) and ast.dump(x.func)
