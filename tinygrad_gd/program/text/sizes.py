"""Sizes: what a text asserts of its arguments' shapes, and which of these may be of any length.

Of one call nobody knows where a length has gone: the 8 in ``0.125 * g``, in ``t.reshape(8, -1)`` and in
``hidden * 8`` look alike. Two calls tell::

    t = im2col(x, ..., counts=(6, 6)).reshape(1, 18, 72)        of 2 images
    t = im2col(x, ..., counts=(6, 6)).reshape(1, 18, 180)       of 5 images
    t = im2col(x, ..., counts=(6, 6)).reshape(1, 18, 36 * len(x))

Where all that differs are multiples of lengths, and numbers divided by them, the text computes them.
"""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np

from ..ir import Argument, Array, Input, Instruction, Number, Program, State, Value, identity
from .literals import ATOM, MULTIPLY, Text, dtype_text, formula, literal

_NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?(?:e[+-]\d+)?)(?![\w.])")


class Differs(Exception):
    """Two programs differ in more than lengths."""


class Full(np.ndarray[Any, Any]):
    """An array that the text makes by a rule."""

    text: Text


def arguments_of(program: Program) -> list[Argument]:
    """The arguments of a program."""
    return [i for i in program.inputs if isinstance(i, Argument)]


class Sizes:
    """The shapes of arguments, and what another call with other lengths has in common with a program.

    Attributes
    ----------
    lengths : by those of both calls, how the text computes it.
    """

    def __init__(self, names: Sequence[str], program: Program, other: Program | None = None) -> None:
        self._program, self._other = program, other
        shapes, others = ([i.value.shape for i in arguments_of(p)] for p in (program, other or program))
        self._arguments = list(zip(names, shapes, others, strict=False))
        self._same: dict[Value, tuple[Value, Any]] = {}  # by values of the other, those here
        self.lengths: dict[tuple[int, int], Text] = {}
        for name, shape, then in self._arguments:
            for axis, (n, m) in enumerate(zip(shape, then, strict=False)):
                if n != m:
                    self.lengths.setdefault((n, m), _length(name, axis))

    # -- what is asserted --------------------------------------------------------------------------

    def assertions(self) -> Iterator[str]:
        """The statements which assert that arguments have shapes for which the text holds."""
        told: set[Text] = set()
        for name, shape, then in self._arguments:
            free = [axis for axis, (n, m) in enumerate(zip(shape, then, strict=True)) if n != m]
            test = f"np.shape({name}) == {literal(shape)}"
            if free == [0]:
                test = f"np.shape({name})[1:] == {literal(shape[1:])}"
            elif free:
                test = f"np.shape({name}) == {_with(shape, free, f'*np.shape({name})[{{0}}:{{1}}]')}"
            if shape:
                yield f'    assert {test}, "{name}: not of shape {_with(shape, free, "any")}"'
            for axis in free:
                own, first = _length(name, axis), self.lengths[shape[axis], then[axis]]
                if own != first and own not in told:
                    what = name if not axis else f"{name}, axis {axis}"
                    yield f'    assert {own} == {first}, "{what}: not of length {first}"'
                told.add(own)

    # -- what differs --------------------------------------------------------------------------------

    def merged(self) -> Program:
        """The program with lengths where the other has others; `Differs` if that is not all."""
        a, b = self._program, self._other
        if b is None or not self.lengths or any(
                min(pair) < 2 or max(pair) < 2 * min(pair) for pair in self.lengths):
            raise Differs  # of nearly the same length, both may have the same half
        inputs = [i for i, j in _pairs(a.inputs, b.inputs) if self._stays(i, j)]
        instructions = [self._instruction(i, j) for i, j in _pairs(a.instructions, b.instructions)]
        outputs = tuple(self._one(x, y) for x, y in _pairs(a.outputs, b.outputs))
        for (_, x), (_, y) in _pairs((*a.writes, *a.gradients), (*b.writes, *b.gradients)):
            self._one(x, y)
        return a.with_(inputs=tuple(inputs), instructions=tuple(instructions), outputs=outputs)

    def _stays(self, i: Any, j: Any) -> bool:
        """Whether an input is one of the text, too; otherwise it is an array that the text makes."""
        if type(i) is not type(j) or _source(i) != _source(j):
            raise Differs
        made = isinstance(i, Array) and i.value.shape != j.value.shape
        self._same[j.value] = i.value, self._one(i.array, j.array) if made else i.value
        return not made

    def _instruction(self, i: Instruction, j: Instruction) -> Instruction:
        if _call(i) != _call(j):
            raise Differs
        inputs = tuple(self._one(x, y) for x, y in _pairs(i.inputs, j.inputs))
        inputs = tuple(  # Python's number would not always say of which dtype the result is
            Text(f"{dtype_text(y.dtype)}({x})") if isinstance(x, Text) and isinstance(y, np.generic)
            and not self._program.takes_python(y, i.inputs) else x
            for x, y in zip(inputs, i.inputs, strict=True))
        self._same[j.output] = i.output, i.output
        params = {k: self._one(x, j.params[k]) for k, x in i.params.items()}
        return replace(i, inputs=inputs, params=params)

    def _one(self, x: Any, y: Any) -> Any:
        """What two things are, for any lengths; a number that the text computes is a `Text`."""
        if isinstance(y, Value):
            value, stands = self._same.get(y, (None, None))
            if value is x:
                return stands
        elif type(x) is not type(y):
            raise Differs
        elif isinstance(x, tuple):
            return tuple(self._one(*pair) for pair in _pairs(x, y))
        elif isinstance(x, slice):
            return slice(*self._one((x.start, x.stop, x.step), (y.start, y.stop, y.step)))
        elif x is y or identity(x) == identity(y):
            return x
        elif isinstance(x, np.ndarray):
            return self._array(x, y)
        elif isinstance(x, int) and not isinstance(x, bool):
            return self._length(x, y)
        elif isinstance(x, float | np.floating):
            return self._share(x, y)
        raise Differs

    def _of_lengths(self) -> Iterator[tuple[int, int, Text]]:
        """Lengths and products of two, in both calls and in the text."""
        for (n, m), text in self.lengths.items():
            yield n, m, text
        for (one, text), (other, and_) in combinations(self.lengths.items(), 2):
            yield one[0] * other[0], one[1] * other[1], Text(f"{text} * {and_}", MULTIPLY)

    def _length(self, x: int, y: int) -> Text:
        for n, m, text in self._of_lengths():
            if x % n == 0 and x * m == y * n:
                return text if x == n else Text(f"{x // n} * {text}", MULTIPLY)
        raise Differs

    def _share(self, x: Any, y: Any) -> Text:
        for n, m, text in self._of_lengths():
            part = Fraction(float(x) * n).limit_denominator(1 << 20)
            top, below = part.numerator, part.denominator
            if type(x)(top / (below * n)) == x and type(x)(top / (below * m)) == y:
                by = text if below == 1 else Text(f"{below} * {text}", MULTIPLY)
                return Text(f"{top} / {by.inside(ATOM)}", MULTIPLY)
        raise Differs

    def _array(self, x: Any, y: Any) -> Any:
        """An array that follows a rule in which lengths occur."""
        parts, others = (_NUMBER.split(formula(given)) for given in (x, y))
        if x.dtype != y.dtype or len(parts) == 1 or parts[::2] != others[::2]:
            raise Differs
        numbers = [literal(self._one(literal_eval(n), literal_eval(m)))
                   for n, m in _pairs(parts[1::2], others[1::2])]
        text = "".join(t for pair in zip(parts[::2], [*numbers, ""], strict=True) for t in pair)
        made = x.view(Full)
        made.text = Text(text)
        return made


def _length(name: str, axis: int) -> Text:
    return Text(f"np.shape({name})[{axis}]" if axis else f"len({name})")


def _with(shape: tuple[int, ...], free: list[int], text: str) -> Text:
    """A shape with a text for the axes that are free."""
    return literal(tuple(Text(text.format(axis, axis + 1)) if axis in free else n
                         for axis, n in enumerate(shape)))


def _source(i: Input) -> Any:
    """What must be the same of an input in both calls."""
    if isinstance(i, State):
        return id(i.tensor)
    if isinstance(i, Number):
        return i.text
    return i.value.name if isinstance(i, Array) else _kind(i.value)


def _call(i: Instruction) -> Any:
    """What must be the same in both calls."""
    target = None if i.target is None else i.target.tensor
    return i.primitive, i.phase, _kind(i.output), target, i.params.keys()


def _kind(value: Value) -> Any:
    return value.dtype, value.scalar, len(value.shape)


def _pairs(a: Sequence[Any], b: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    if len(a) != len(b):
        raise Differs
    return zip(a, b, strict=True)
