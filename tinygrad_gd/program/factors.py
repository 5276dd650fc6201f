"""Factors of products: BLAS computes ``a @ a.T`` another way than a product of two arrays.

So no pass may let two factors show one memory that had each their own.
"""

from __future__ import annotations

from .ir import SHOWING, Instruction, Program, Value


def is_product(i: Instruction) -> bool:
    """Whether an instruction may ask if its inputs lie in the same memory."""
    return not i.primitive.elementwise and i.primitive.kind not in SHOWING and len(i.inputs) > 1


class Factors:
    """Which values of a program may become one, and which come in the place of others so far.

    Attributes
    ----------
    table : values with those that come in their place.
    """

    def __init__(self, program: Program) -> None:
        self._program, self.table = program, {}  # type: Program, dict[Value, Value]
        self._apart = set() if program.lent else set(program.results)
        self._parent = {i.output: i.inputs[0] for i in program.instructions
                        if i.primitive.kind in SHOWING and isinstance(i.inputs[0], Value)}
        self._beside: dict[Value, set[Value]] = {}
        for i in filter(is_product, program.instructions):
            roots = set(map(self.root, i.values))
            for root in roots:
                self._beside.setdefault(root, set()).update(roots - {root})

    def put(self, x: Value, out: Value) -> None:
        """Let a value come in the place of another that holds the same, unless somebody could tell."""
        x = self.table.get(x, x)
        given = x in self._program.given
        two = out in self._apart and (given or x in self._apart)  # each has an array of its own
        if x is out or two or out in self._program.owned or not self.become_one(out, x):
            return
        self.table[out] = x
        self._apart.update({x} if out in self._apart else ())
        if not given:  # data have no name but the user's
            x.stands_for(out)

    def become_one(self, a: Value, b: Value) -> bool:
        """Let two values, and what shows them, lie in the same memory, unless a product has both."""
        a, b = self.root(a), self.root(b)
        if b in self._beside.get(a, ()):
            return False
        if a is not b:
            self._parent[a] = b
            for other in (others := self._beside.pop(a, set())):
                self._beside[other] = self._beside[other] - {a} | {b}
            self._beside.setdefault(b, set()).update(others)
        return True

    def root(self, value: Value) -> Value:
        """The value in whose memory one may lie."""
        while value in self._parent:
            value = self._parent[value]
        return value
