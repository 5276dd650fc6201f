"""Factors of products: BLAS computes ``a @ a.T`` another way than a product of two arrays.

So no pass may let two factors show one memory that had each their own.
"""

from __future__ import annotations

from .ir import SHOWING, Instruction, Program, Value


def is_product(i: Instruction) -> bool:
    """Whether an instruction may ask if its inputs lie in the same memory."""
    return not i.primitive.elementwise and i.primitive.kind not in SHOWING and len(i.inputs) > 1


class Factors:
    """Which values of a program may become one."""

    def __init__(self, program: Program) -> None:
        self._parent = {i.output: i.inputs[0] for i in program.instructions
                        if i.primitive.kind in SHOWING and isinstance(i.inputs[0], Value)}
        self._beside: dict[Value, set[Value]] = {}
        for i in filter(is_product, program.instructions):
            roots = set(map(self._root, i.values))
            for root in roots:
                self._beside.setdefault(root, set()).update(roots - {root})

    def become_one(self, a: Value, b: Value) -> bool:
        """Let two values, and what shows them, lie in the same memory, unless a product has both."""
        a, b = self._root(a), self._root(b)
        if b in self._beside.get(a, ()):
            return False
        if a is not b:
            self._parent[a] = b
            for other in (others := self._beside.pop(a, set())):
                self._beside[other] = self._beside[other] - {a} | {b}
            self._beside.setdefault(b, set()).update(others)
        return True

    def _root(self, value: Value) -> Value:
        while value in self._parent:
            value = self._parent[value]
        return value
