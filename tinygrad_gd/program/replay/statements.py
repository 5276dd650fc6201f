"""The statements of a replay: the text that is executed, and the objects that its names stand for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from ...engine.tensor import Tensor, constant
from ...ground.fast import einsum
from ...ground.storage import tick
from ...ops.indexing import added, fill, places_of
from ..fused import is_total
from ..ir import (
    INFIX,
    REDUCTIONS,
    Argument,
    Array,
    Instruction,
    Number,
    Program,
    State,
    Value,
    in_places,
)
from . import kernels
from .planner import Planner, can_write, is_view
from .seats import side_by_side


def _works_in(function: Any, dtype: Any) -> bool:
    """Whether a ufunc has a loop with all arguments of one dtype."""
    if not isinstance(function, np.ufunc) or function.signature:
        return False
    try:
        found = function.resolve_dtypes((*[dtype] * function.nin, *[None] * function.nout))
    except TypeError:
        return False
    return all(d == dtype for d in found[: function.nin])


class Statements:
    """What a replay does in each call, line by line.

    Attributes
    ----------
    source : the text, of one function ``replay``.
    space : what its names stand for.
    returned : the results, and what is kept and cannot stay in a buffer.
    names : of the values.
    written : the instruction of each line.
    buffers, full : flat arrays that live as long as the program.
    seats : the states that lie side by side.
    held, ahead : by their names, the states whose arrays are looked up before the first call and when
        a state has another array than then, and what is made of these: how, and of what.
    """

    def __init__(self, program: Program, arity: int) -> None:
        self.program, self.arity = program, arity
        self.plan = Planner(program)
        stays = self.plan.buffers
        loose = {id(x): x for x in program.kept if not (isinstance(x, Value) and x in stays)}
        self.returned = (*program.outputs, *loose.values())
        self.space: dict[str, Any] = {
            "tick": tick, "copyto": np.copyto, "joined": False,
            "read": dict.__getitem__,
            "refresh": None}  # the replay's own
        self._arguments = {
            i.tensor: f"a{i.position}" for i in reversed(program.inputs) if isinstance(i, Argument)}
        self.names: dict[Value, str] = {}
        self._number = count()
        self._numbers: dict[Value, dict[Any, str]] = {}  # numbers read in each call, as arrays
        self._fills: list[str] = []
        self.full: list[np.ndarray[Any, Any]] = []
        self._forms: dict[Any, dict[str, Value]] = {}  # by what their memory holds, arrays by name
        self.buffers = [np.empty(v.size, v.dtype) for v in self.plan.sizes]
        self._flat: dict[Any, str] = {}  # where the arrays of a family lie, by its first place
        self.seats: list[tuple[State, Tensor]] = []
        for family in self.plan.families:
            self._side_by_side(family)
        self._followers = {i for row in self.plan.rows.values() for i in row[1:]}
        self.held: dict[str, State] = {}
        self.ahead: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {}
        self._fixed: set[Value] = set()  # the same objects in every call: results are copies of them
        self._settled = {i.output for i in self.plan.once}
        self._copies = {i: copy for i in self.plan.body if (copy := kernels.copied_first(i))}
        self.source = self._write()

    # -- names ---------------------------------------------------------------------------------------

    def bound(self, thing: Any, stem: str) -> str:
        """A name in the text for an object it uses."""
        name = f"{stem}{next(self._number)}"
        self.space[name] = thing
        return name

    def name(self, x: Any) -> str:
        """What the text calls an input of an instruction."""
        if isinstance(x, Value):
            return self.names[x]
        if type(x) in (int, bool, type(None)) or (type(x) is float and np.isfinite(x)):
            return repr(x)
        return self.bound(x, "k")

    def function(self, f: Any) -> str:
        """A NumPy function or ufunc method under a readable name."""
        name = getattr(f, "__name__", "").lstrip("_")
        known = name.isidentifier() and self.space.setdefault(name, f) is f
        return name if known else self.bound(f, "function")

    # -- text ----------------------------------------------------------------------------------------

    def _write(self) -> str:
        head = self._inputs()
        body = [written for i in self.plan.body for written in self._instruction(i)]
        end = self._end()
        self._share()
        arguments = [f"a{i}" for i in range(self.arity)]
        first = 2 + len(head) + len(self._fills)  # after the def
        self.written = {n: i for n, (_, i) in enumerate(body, first)}
        lines = (*head, *self._fills, *(line for line, _ in body), *end)
        return "\n".join([f"def replay({', '.join(arguments)}):", *(f"    {s}" for s in lines)]) + "\n"

    def _inputs(self) -> list[str]:
        checks, lines = [], []
        hoisted = {v for i in self.plan.once for v in i.values}
        for given in self.program.inputs:
            if isinstance(given, Array):
                self._fix(given.value, self.bound(given.array, "x"))
            elif isinstance(given, State) and (not given.value.scalar or given.value in hoisted):
                checks += self._holding(given, given.value in hoisted)
            else:
                lines.append(self._reading(given))
        for i in self.plan.once:
            self._fix(i.output, self._ahead("h", i.primitive.run, i.inputs, **i.params))
        guard = [f"if not ({' and '.join(checks)}):", "    refresh()"] if checks else []
        return guard + lines

    def _holding(self, given: State, hoisted: bool) -> list[str]:
        """Checks that a state has the array that was looked up; if ``hoisted``, the same values."""
        tensor, name = self.bound(given.tensor, "T"), self.bound(None, "x")
        self.held[name] = given
        self._fix(given.value, name)
        return [f"{tensor}._value is {name}", f"{tensor}._seq == {name}_seq"][: 1 + hoisted]

    def _fix(self, value: Value, name: str) -> None:
        """Let a value have a name for the same object in every call."""
        self.names[value] = name
        self._fixed.add(value)

    def _reading(self, given: State | Argument | Number) -> str:
        name = self.names[given.value] = f"v{next(self._number)}"
        if isinstance(given, Number):
            text = in_places(given.text, given.origins, self._place)
            self._numbers[given.value] = {}
            return f"{name} = {text}"
        if isinstance(given, Argument):
            return f"{name} = a{given.position}"
        self._numbers[given.value] = {}
        return f"{name} = {self.bound(given.tensor, 'T')}._value"

    def _place(self, options: Any, key: Any) -> str:
        held = self.bound(options, "options")  # those of an optimizer tell who has read them
        place = f"read({held}, {key!r})" if isinstance(options, dict) else f"{held}[{key!r}]"
        return f"float({place})" if isinstance(options[key], np.floating) else place

    def _side_by_side(self, family: tuple[Any, ...]) -> None:
        """Make one array, whose parts become the buffers or the seats of a family."""
        states = isinstance(family[0], State)
        flat, parts = side_by_side([p.value if states else self.plan.sizes[p] for p in family])
        self._flat[family[0]] = self.bound(flat, "flat")
        for place, part in zip(family, parts, strict=True):
            if states:
                self.seats.append((place, constant(kernels.shaped(part, place.value).view(np.ndarray))))
            else:
                self.buffers[place] = part.view(np.ndarray)

    def _row(self, row: tuple[Instruction, ...]) -> list[tuple[str, Instruction]]:
        """One call for a whole row; while the states lie apart, one for each."""
        if is_total(row[0]):
            return [(line, row[0]) for line in self._totals(row)]
        apart = [(f"    {line}", i) for i in row for line in self._one(i)]
        i, place = row[0], self.plan.place
        inputs = [self._flat[place(x)] if isinstance(x, Value) and not x.scalar
                  else self._number_beside(x, i.output.dtype) for x in i.inputs]
        at_once = self._call(i.primitive.function, inputs, self._flat[place(i.output)])
        if not any(isinstance(place(v), State) for v in (*i.values, i.output) if not v.scalar):
            return [(at_once, i)]
        return [("if joined:", i), (f"    {at_once}", i), ("else:", i), *apart]

    def _totals(self, row: tuple[Instruction, ...]) -> list[str]:
        """Statements that add up several arrays at once."""
        flat = self.space[self._flat[self.plan.place(row[0].inputs[0])]]
        totals, count = f"r{next(self._number)}", row[0].inputs[0].size
        lines = [f"{totals} = {self.bound(np.add.reduce, 'reduce')}("
                 f"{self.bound(flat.reshape(-1, count), 'rows')}, 1)"]
        for n, i in enumerate(row):
            self.names[i.output] = name = f"v{next(self._number)}"
            divided = f" / {count}" if i.primitive.name == "mean" else ""
            lines.append(f"{name} = {totals}[{n}]{divided}")
        return lines

    def _instruction(self, i: Instruction) -> list[tuple[str, Instruction]]:
        """The statements of an instruction, and of which each is."""
        if i in self._followers:
            return []
        return self._row(self.plan.rows[i]) if i in self.plan.rows else [(s, i) for s in self._one(i)]

    def _one(self, i: Instruction) -> list[str]:
        """The statements of a single instruction."""
        out = i.output
        if out in self.plan.root and is_view(i) and (
                i.inputs[0] in self.plan.buffers or i.inputs[0] in self._fixed):
            self._fix(out, self._ahead("view", i.primitive.run, i.inputs, **i.params))
            return []
        if into := self._into(i):
            return self._writing(i, into)
        name = f"v{next(self._number)}"
        if i.target is not None and len(out.shape) > 1 and can_write(i):  # it lies where the state does
            self.names[out] = name
            like = f"{self.function(np.empty_like)}({self.names[i.target.value]})"
            return [f"{name} = {like}", *self._writing(i, name)]
        text = self._making(i)
        if i.target is not None and out.scalar and not self.program.fits(i):
            text = f"{self.bound(out.dtype.type, 'to')}({text})"
        self.names[out] = name
        return [f"{name} = {text}"]

    def _into(self, i: Instruction) -> str | None:
        """The array into which an instruction writes its result, if there is one for it."""
        buffer = self.plan.buffers.get(i.output)
        if i.target is not None and self.plan.in_place(i):
            name = self.names[i.target.value]
        elif buffer is not None:
            name, first = f"buffer{buffer}", self.plan.sizes[buffer]
            if (i.output.shape, i.output.axes) != (first.shape, first.axes):
                shape, order = ("x".join(map(str, of)) for of in (i.output.shape, i.output.axes))
                name = f"{name}_of_{shape}_{order}"
            self.space[name] = self.buffer(i.output)
        else:
            return None
        self.names[i.output] = name
        return name

    def buffer(self, value: Value) -> np.ndarray[Any, Any]:
        """The array in which a value lies: its buffer, with the value's shape and axes."""
        return kernels.shaped(self.buffers[self.plan.buffers[value]], value)

    def _writing(self, i: Instruction, into: str) -> list[str]:
        """Statements that write the result into an array."""
        p, inputs = i.primitive, self._operands(i)
        if p.name == "broadcast_to":
            return [f"copyto({into}, {inputs[0]})"]
        if p.name == "astype":
            return [f"copyto({into}, {inputs[0]}, 'unsafe')"]
        if p.name == "concatenate":
            parts = ", ".join(inputs)
            return [f"{self.function(np.concatenate)}(({parts},), {i.params['axis']!r}, {into})"]
        copies = []
        if i in self._copies:
            position, form = self._copies[i]
            if self._is_settled(x := i.inputs[position]):
                inputs[position] = self._ahead("h", partial(kernels.copied, form), [x])
            else:
                scratch = self._shared(form)
                copies = [f"{scratch}[...] = {inputs[position]}"]
                inputs[position] = scratch
        if p.name in REDUCTIONS:
            return [*copies, *self._reducing(i, inputs[0], into)]
        if kernels.is_dot(i):
            return [*copies, f"{inputs[0]}.dot({inputs[1]}, {into})"]
        return [*copies, self._call(p.function, inputs, into)]

    def _call(self, ufunc: Any, inputs: list[str], into: str) -> str:
        keyword = "out=" if ufunc in (np.maximum, np.minimum) else ""  # no third position there
        return f"{self.function(ufunc)}({', '.join(inputs)}, {keyword}{into})"

    def _is_settled(self, x: Any) -> bool:
        """Whether what is given is the same until a state has another array."""
        return not isinstance(x, Value) or bool({x, self.plan.base(x)} & self._settled)

    def _ahead(self, stem: str, make: Callable[..., Any], inputs: Any, /, **params: Any) -> str:
        """The name of what is made of what is the same until a state has another array."""
        name = self.bound(None, stem)
        self.ahead[name] = partial(make, **params), tuple(inputs)
        return name

    def _reducing(self, i: Instruction, x: str, into: str) -> list[str]:
        if letters := kernels.column_sum(i):
            return [f"{self.bound(einsum, 'einsum')}({letters!r}, {x}, out={into})"]
        axis, keepdims = i.params.get("axis"), bool(i.params.get("keepdims"))
        reduce = self.bound(REDUCTIONS[i.primitive.name].reduce, "reduce")
        lines = [f"{reduce}({x}, {axis!r}, None, {into}, {keepdims})"]
        if i.primitive.name == "mean":
            lines.append(f"{self.function(np.divide)}({into}, {self._count(i)}, {into})")
        return lines

    def _operands(self, i: Instruction) -> list[str]:
        """The inputs; numbers beside arrays as arrays without axes, which NumPy takes up faster."""
        partner = next((v.dtype for v in i.values if not v.scalar and v.dtype.kind == "f"), None)
        if partner is None or not _works_in(i.primitive.function, partner):
            return [self.name(x) for x in i.inputs]
        whole = i.output if kernels.takes_number_as_array(i) else None
        return [self._number_beside(x, partner, whole) for x in i.inputs]

    def _shared(self, form: Value, full: float | None = None) -> str:
        """An array full of a number, or for copies of operands; the same memory serves all forms."""
        name = self.bound(None, "scratch" if full is None else "full")
        self._forms.setdefault((form.dtype, repr(full)), {})[name] = form  # 0.0 is not -0.0
        return name

    def _share(self) -> None:
        """Make the arrays that are as large as the largest of their forms."""
        for (dtype, full), forms in self._forms.items():
            number = 0.0 if full == "None" else float(full)
            self.full.append(np.full(max(form.size for form in forms.values()), number, dtype))
            self.space |= {name: kernels.shaped(self.full[-1], form) for name, form in forms.items()}

    def _number_beside(self, x: Any, dtype: Any, whole: Value | None = None) -> str:
        """A number beside arrays of a dtype, as an array without axes or in the form of the result."""
        if type(x) in (int, float, np.float32, np.float64) and (
                not isinstance(x, np.generic) or x.dtype == dtype):
            return self._shared(whole, float(x)) if whole else self.bound(np.array(x, dtype), "k")
        number = self._numbers.get(x) if isinstance(x, Value) else None
        if number is None or (x.dtype != dtype and x not in self.program.numbers):
            return self.name(x)
        if dtype not in number:
            number[dtype] = self.bound(np.empty((), dtype), "number")
            self._fills.append(f"{number[dtype]}[()] = {self.names[x]}")
        return number[dtype]

    def _making(self, i: Instruction) -> str:
        """An expression that makes the result anew."""
        p, inputs = i.primitive, [self.name(x) for x in i.inputs]
        if p.name == "getitem":
            x, *indices = i.inputs
            if (isinstance(x, Value) and x in self.plan.buffers and len(indices) == len(x.shape) > 0
                    and all(map(self._is_settled, indices))):  # an element for each
                whole = self.bound(self.buffers[self.plan.buffers[x]], "flat")
                where = self._ahead("h", kernels.places, [i, *indices])
                return f"{whole}[{where}]"
            key = [k if isinstance(k, str) else self.name(k) for k in fill(i.params["key"], inputs[1:])]
            inside = ", ".join(key) + ("," if len(key) == 1 else "")
            return f"{inputs[0]}[{inside or '()'}]"
        if (p.name == "scatter" and len(inputs) > 1 and all(map(self._is_settled, i.inputs[1:]))
                and all(x.dtype != bool for x in i.inputs[1:])):
            where = self._ahead("h", places_of, i.inputs[1:], **i.params)
            return f"{self.function(added)}({inputs[0]}, {where}, {self.name(i.params['shape'])})"
        if p.name in INFIX and getattr(p.run, "__module__", "") == "_operator":  # Python's own
            return f"{inputs[0]} {INFIX[p.name][0]} {inputs[1]}"
        plain = set(i.params) <= {"axis", "keepdims"} and not kernels.is_mean_of_half(i)
        if p.name in ("sum", "mean") and i.output.scalar and plain:
            reduce = self.bound(np.add.reduce, "reduce")
            total = f"{reduce}({inputs[0]}, None)"
            return f"{total} / {self._count(i)}" if p.name == "mean" else total
        options = [f"{k}={self.name(v)}" for k, v in i.params.items()]
        return f"{self.function(p.run)}({', '.join(inputs + options)})"

    def _count(self, i: Instruction) -> int:
        whole: int = i.inputs[0].size
        return whole // max(1, i.output.size)

    def _end(self) -> list[str]:
        arrays = [x for x in self.returned if isinstance(x, Value) and not x.scalar]
        early = {x: f"r{next(self._number)}" for x in dict.fromkeys(arrays) if self._is_written(x)}
        lines = [f"{name} = {self.names[x]}.copy('K')" for x, name in early.items()]
        for state, value in self.program.writes:
            tensor = self.bound(state.tensor, "T")
            name = self.names[value] if isinstance(value, Value) else self.name(value)
            if state.value.scalar:
                lines.append(f"{tensor}._value = {name}")
            elif name != self.names[state.value]:
                lines.append(f"copyto({self.names[state.value]}, {name})")
            lines.append(f"{tensor}._seq = tick()")  # each its own: backward orders tensors by it
        results = [early[x] if isinstance(x, Value) and x in early else self.name(x)
                   for x in self.returned]
        return [*lines, f"return {results[0] if len(results) == 1 else ', '.join(results) or None}"]

    def lasts(self, x: Any) -> bool:
        """Whether an array that is returned belongs to the replay, or to who gave it."""
        if not isinstance(x, Value):
            return isinstance(x, np.ndarray)
        fixed = bool({self.plan.base(x), x} & self._fixed)
        return not x.scalar and not self._is_written(x) and (
            fixed or self.plan.place(x) is not None)

    def _is_written(self, x: Value) -> bool:
        """Whether a value shows what a state held before its last write: a result is a copy of it."""
        place, base = self.plan.place(x), self.plan.base(x)
        return any(state is place and value is not base for state, value in self.program.writes)
