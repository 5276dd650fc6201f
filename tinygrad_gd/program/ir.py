"""What a program is: values, instructions and where everything from outside comes from.

A `Program` is data. Passes make a new one of an old one, `text` writes it for people and `replay`
for the machine.
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from math import prod
from typing import Any

import numpy as np

from ..engine.primitive import Primitive
from ..engine.tensor import Tensor

#: Reductions that can fail because of shapes only, with what NumPy does over and over for them.
REDUCTIONS = {"sum": np.add, "mean": np.add, "max": np.maximum, "min": np.minimum}

#: Ufuncs of two arguments whose result does not depend on how many elements are computed at a time.
EXACT = frozenset({np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum})

#: Binary operators by primitive: symbol and precedence, as in Python.
INFIX = {
    "add": ("+", 5), "subtract": ("-", 5), "multiply": ("*", 6), "divide": ("/", 6),
    "floor_divide": ("//", 6), "remainder": ("%", 6), "matmul": ("@", 6), "power": ("**", 8),
    "equal": ("==", 2), "not_equal": ("!=", 2), "less": ("<", 2), "less_equal": ("<=", 2),
    "greater": (">", 2), "greater_equal": (">=", 2), "bitwise_and": ("&", 4), "bitwise_or": ("|", 3),
}  # fmt: skip

#: Kinds of primitives that do something besides computing their result.
EFFECTS = frozenset({"draw", "check", "guard"})

#: Kinds of primitives whose result may be their first argument, or a part of it.
SHOWING = frozenset({"view", "check", "guard"})


@dataclass(eq=False)
class Value:
    """One array or number of a program; two values are the same only if they are one object.

    Attributes
    ----------
    shape, dtype : of the array.
    scalar : whether it is a NumPy scalar and not an array.
    axes : the order of the axes in memory, the slowest first; results must keep it, since sums
        depend on it in their last bits.
    name : what the source calls it; empty until it is named.
    dense : whether its elements fill one piece of memory; BLAS takes others another way.
    of : the value whose gradient this is.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scalar: bool = False
    axes: tuple[int, ...] = ()
    name: str = ""
    dense: bool = True
    of: Value | None = None

    @classmethod
    def like(cls, held: Any, name: str = "") -> Value:
        """A value with the form of an array or number."""
        held = np.asarray(held) if not hasattr(held, "dtype") else held
        shape, strides = held.shape, held.strides
        axes = tuple(sorted(range(len(shape)), key=lambda i: -abs(strides[i])))
        dense = not shape or held.transpose(axes).flags.c_contiguous
        return cls(shape, held.dtype, not isinstance(held, np.ndarray), axes, name, dense)

    def has_form_of(self, held: Any) -> bool:
        """Whether an array has this shape, dtype and memory order."""
        return (held.shape, held.dtype) == (self.shape, self.dtype) and (
            (self.dense and self.in_order and held.flags.c_contiguous)
            or self.form == Value.like(held).form)

    def lies_like(self, other: Value) -> bool:
        """Whether two arrays have the same elements in the same places of memory, if they are equal."""
        return (self.shape, self.dtype, self.scalar, self.dense, self.long_axes) == (
            other.shape, other.dtype, other.scalar, other.dense, other.long_axes)

    def stands_for(self, other: Value) -> None:
        """Take over what another value is called, in whose place this one comes."""
        self.name, self.of = self.name or other.name, self.of or other.of

    @property
    def form(self) -> tuple[Any, ...]:
        """What the bits of a sum or a product may depend on, besides the elements."""
        return self.shape, self.dtype, self.axes, self.dense

    @property
    def in_order(self) -> bool:
        """Whether the axes lie in memory in their own order, as C's do."""
        return self.axes == tuple(range(len(self.axes)))

    @property
    def long_axes(self) -> list[int]:
        """The axes in their order in memory; where one of length one comes does not matter."""
        return [axis for axis in self.axes if self.shape[axis] != 1]

    @property
    def size(self) -> int:
        """The elements of the array."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of the array."""
        return self.size * self.dtype.itemsize

    def __repr__(self) -> str:
        return f"{self.name or '?'}: {self.dtype}{list(self.shape)}"


@dataclass(frozen=True, eq=False)
class Instruction:
    """One call of a primitive.

    Attributes
    ----------
    primitive, inputs, params : the call; inputs are Values, arrays and numbers.
    output : what it makes.
    phase : ``forward``, ``backward`` or ``update``.
    scope : the path of the module it belongs to.
    line : the user's (file, line number).
    target : the state whose new value this is, for a write in place.
    """

    primitive: Primitive
    inputs: tuple[Any, ...]
    output: Value
    params: dict[str, Any] = field(default_factory=dict)
    phase: str = "forward"
    scope: str = ""
    line: tuple[str, int] = ("", 0)
    target: State | None = None

    @property
    def values(self) -> Iterator[Value]:
        """The inputs that are Values."""
        return (x for x in self.inputs if isinstance(x, Value))

    def rewired(self, table: Mapping[Value, Any]) -> Instruction:
        """The same call where values are replaced by others, or by constants."""
        inputs = tuple(_swapped(table, x) for x in self.inputs)
        same = all(map(operator.is_, inputs, self.inputs))
        return self if same else replace(self, inputs=inputs)

    @property
    def has_effect(self) -> bool:
        """Whether it must run even if nobody reads its result."""
        return self.target is not None or self.primitive.kind in EFFECTS

    @property
    def may_raise(self) -> bool:
        """Whether it can fail because of values, and not only because of shapes."""
        p = self.primitive
        if p.kind == "view":
            return any(isinstance(x, Value) and x.dtype.kind in "biu" for x in self.inputs[1:])
        return not (p.elementwise or isinstance(p.function, np.ufunc) or p.name in REDUCTIONS)

    def __repr__(self) -> str:
        shown = [*map(show, self.inputs), *(f"{k}={v!r}" for k, v in self.params.items())]
        where = f"{self.line[0].rpartition('/')[2]}:{self.line[1]}" if self.line[1] else ""
        notes = " ".join(filter(None, [self.phase, self.scope, where]))
        return f"{self.output!r} = {self.primitive.name}({', '.join(shown)})  # {notes}"


def show(x: Any) -> str:
    """An input as listings show it."""
    if isinstance(x, Value):
        return x.name or "?"
    return f"<{x.dtype}{list(x.shape)}>" if isinstance(x, np.ndarray) else repr(x)


@dataclass(eq=False)
class State:
    """A Tensor from outside: a parameter, momentum, data. Its value is read anew in each call."""

    value: Value
    tensor: Tensor
    changes: bool = False  # whether it is written in every call, perhaps by another program


@dataclass(eq=False)
class Argument:
    """What the program is given in each call; ``tensor`` holds what that was when it was recorded."""

    value: Value
    position: int
    tensor: Tensor


@dataclass(eq=False)
class Array:
    """A NumPy array from outside, read anew in each call.

    ``internal`` ones come from inside of an operation or a rule, and depend on shapes only.
    """

    value: Value
    array: np.ndarray[Any, Any]
    internal: bool = False


@dataclass(eq=False)
class Number:
    """A hyperparameter: Python source and where the names in it get their values."""

    value: Value
    text: str
    origins: Mapping[str, tuple[Any, Any]]


def in_places(
    text: str, origins: Mapping[str, tuple[Any, Any]], place: Callable[[Any, Any], str]
) -> str:
    """The source of a number with ``place(container, key)`` for every name in it."""
    names = "|".join(map(re.escape, origins))
    return re.sub(rf"\b({names})\b", lambda found: place(*origins[found[0]]), text)


Input = State | Argument | Array | Number


@dataclass(frozen=True, eq=False)
class Program:
    """Instructions in order, with what goes in and what comes out.

    Attributes
    ----------
    name : of the captured function.
    inputs : everything that is not computed here.
    instructions : the calls.
    outputs : what the function returned, flattened: Values, constants or Tensors from outside.
    writes : the states that are changed, with their last values.
    gradients : the leaves whose gradient must be there after the call, with its value, for texts.
    kept : what stays in its buffer until the next call.
    lent : whether results may be inputs or one another; else each has memory of its own.
    modules : the class of the module with each path.
    """

    name: str
    inputs: tuple[Input, ...]
    instructions: tuple[Instruction, ...]
    outputs: tuple[Any, ...]
    writes: tuple[tuple[State, Value], ...] = ()
    gradients: tuple[tuple[Tensor, Value], ...] = ()
    kept: tuple[Any, ...] = ()
    lent: bool = False
    modules: Mapping[str, str] = field(default_factory=dict)

    def with_(self, **changes: Any) -> Program:
        """A program that differs in some parts."""
        return replace(self, **changes)

    def replaced(self, table: Mapping[Value, Any]) -> Program:
        """The program with values replaced by others, or by constants, and without what made them."""
        if not table:
            return self
        swap = partial(_swapped, table)
        return self.with_(
            instructions=tuple(i.rewired(table) for i in self.instructions if i.output not in table),
            outputs=tuple(map(swap, self.outputs)),
            writes=tuple((state, swap(value)) for state, value in self.writes),
            gradients=tuple((leaf, swap(value)) for leaf, value in self.gradients),
            kept=tuple(map(swap, self.kept)))

    @cached_property
    def given(self) -> dict[Value, Input]:
        """The input that each value from outside comes from."""
        return {i.value: i for i in self.inputs}

    @cached_property
    def numbers(self) -> set[Value]:
        """Python's own numbers, which take on the dtype of what is beside them."""
        return {i.value for i in self.inputs if isinstance(i, Number)}

    def takes_python(self, x: np.generic, beside: tuple[Any, ...]) -> bool:
        """Whether a number of Python in the place of NumPy's leaves a result what it is."""
        typed = (y for y in beside if isinstance(y, Value | np.ndarray))
        types = [y.dtype for y in typed if not (isinstance(y, Value) and y in self.numbers)]
        if not types or x.dtype.kind not in "biuf":
            return False
        weak = np.result_type(*types, type(x.item())(1))
        return weak == np.result_type(*types, x.dtype) and (
            weak == x.dtype or x.dtype.kind != "f" or float(x) == float(str(x)))

    def fits(self, i: Instruction) -> bool:
        """Whether what is written to a state has its shape and dtype, or NumPy makes it so."""
        weak = (isinstance(x, str) or (isinstance(x, Value) and x in self.numbers) for x in i.inputs)
        types = [1.0 if w else getattr(x, "dtype", x) for w, x in zip(weak, i.inputs, strict=True)]
        shape = np.broadcast_shapes(*map(np.shape, i.inputs))
        return shape == i.output.shape and np.result_type(*types) == i.output.dtype

    @cached_property
    def made(self) -> dict[Value, Instruction]:
        """The instruction that makes each value."""
        return {i.output: i for i in self.instructions}

    @cached_property
    def users(self) -> dict[Value, list[Instruction]]:
        """The instructions that read each value, in order."""
        users: dict[Value, list[Instruction]] = {v: [] for v in self.given}
        for i in self.instructions:
            users[i.output] = []
            for value in dict.fromkeys(i.values):
                users[value].append(i)
        return users

    @cached_property
    def uses(self) -> Counter[Value]:
        """How often each value is read, results included."""
        return Counter((*(v for i in self.instructions for v in i.values), *self.results))

    @property
    def results(self) -> Iterator[Value]:
        """The values that must be there at the end."""
        yield from (x for x in self.outputs if isinstance(x, Value))
        yield from (value for _, value in (*self.writes, *self.gradients))
        yield from (x for x in self.kept if isinstance(x, Value))

    @cached_property
    def owned(self) -> set[Value]:
        """The values of gradients, each of which has an array that nobody else has."""
        return {value for _, value in self.gradients}

    def __repr__(self) -> str:
        given = ", ".join(repr(i.value) for i in self.inputs)
        lines = [f"program {self.name}({given})", *(f"  {i!r}" for i in self.instructions)]
        return "\n".join([*lines, f"  return {', '.join(map(show, self.outputs))}"])


def _swapped(table: Mapping[Value, Any], x: Any) -> Any:
    while isinstance(x, Value) and x in table:
        x = table[x]
    return x


def identity(x: Any) -> Any:
    """What two inputs have in common exactly when they are interchangeable."""
    if isinstance(x, Value):
        return id(x)
    return (type(x), repr(x)) if not isinstance(x, np.ndarray) else (x.shape, x.dtype, x.tobytes())
