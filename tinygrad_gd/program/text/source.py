"""Source: a `Program` as NumPy text for people.

Every instruction becomes the NumPy call it stands for, with operators and methods where people use
them; results that are used once are folded into the expression that uses them. The text runs on its
own and gives the same bits.
"""

from __future__ import annotations

import linecache
import os
import re
import textwrap
from bisect import bisect
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...engine.primitive import Primitive
from ...engine.tensor import Tensor
from ...nn.parameter import path_of
from ...ops.indexing import fill
from ..ir import INFIX, Argument, Array, Input, Instruction, Number, Program, State, Value
from .helpers import Helpers, Names, broken
from .literals import ATOM, UNARY, WIDTH, Text, dtype_text, formula, literal, number, public_name
from .names import Naming
from .sizes import Differs, Sizes, arguments_of

#: Characters that a result may have to be written where it is used; a view, in each place.
SHORT, SHORT_VIEW = 60, 30

#: The method of a NumPy generator that each primitive which draws stands for.
DRAWS = {"standard_uniform": "random", "standard_normal": "standard_normal"}

#: What the framework lays out by rows, and NumPy in an order of its own, or as a view.
ROWS = {"broadcast_to", "pad", "einsum"}

#: Views that people write in the place where they need them.
PLAIN_VIEWS = {"transpose", "getitem"}

#: What is written in another way than as a call.
OWN = {*INFIX, *DRAWS, "negative", "getitem", "scatter", "astype", "reshape", "transpose"}


class Writer:
    """Writes one program as text."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.texts: dict[Value, Text] = {}
        self._naming = Naming(program)
        self.names = Names("rng", "STATE", program.name)
        self.helpers = Helpers(self.names)
        for i in program.instructions:  # a variable of the same name would hide a function
            if not numpy_name(i.primitive) and i.primitive.name not in OWN:
                self.helpers.function(i.primitive.function, i.primitive.name)
        self._results = set(program.results)
        self._position = {v: n for n, v in enumerate(program.made)}
        self._filled = {v for i in program.instructions for v in _by_rows(i)}
        self._writes = [n for n, i in enumerate(program.instructions) if i.target is not None]

    # -- names -----------------------------------------------------------------------------------

    def name(self, value: Value, fallback: str) -> str:
        """A fresh identifier: the value's own name where it has one, and of a gradient its value's."""
        of = self._naming.of.get(value)
        known = of is not None and self._naming.names[of] and self.texts.get(of, "")
        path = f"d_{known}" if known else self._naming.names[value]
        path = re.sub(r"^(d_)?(\d)", r"\1layer_\2", path)  # of a Sequential: 0.weight
        return self.names.fresh(re.sub(r"\W", "_", path) or fallback)

    # -- expressions -------------------------------------------------------------------------------

    def operand(self, x: Any, beside: tuple[Any, ...] = ()) -> Text:
        """One input; ``beside`` are all inputs, whose types decide on that of the result."""
        if isinstance(x, Value):
            return self.texts[x]
        if isinstance(x, np.generic):
            return number(x) if self.program.takes_python(x, beside) else literal(x)
        text = literal(x)
        if isinstance(x, np.ndarray) and len(text) > SHORT and not formula(x):
            key = x.shape, x.dtype, x.tobytes()
            text = Text(self.helpers.constant("constant", key, broken(text)))
        return text

    def expression(self, i: Instruction) -> Text:
        """What an instruction stands for; a state stays of its shape and dtype."""
        if i.target is None or self.program.fits(i):
            return self._plain(i)
        new = self.operand(i.inputs[0]) if i.primitive.name == "positive" else self._plain(i)
        return Text(f"np.full_like({self.texts[i.target.value]}, {new})")

    def _plain(self, i: Instruction) -> Text:
        """The call that an instruction stands for."""
        p, inputs = i.primitive, i.inputs
        if p.name in INFIX and len(inputs) == 2 and not i.params:
            return self._infix(i)
        if p.name in DRAWS:
            dtype = np.dtype(i.params["dtype"])
            options = "" if dtype == np.float64 else f", dtype={dtype_text(dtype)}"
            return Text(f"rng.{DRAWS[p.name]}({literal(i.params['size'])}{options})")
        if p.name == "scatter":  # into these, by another statement
            kind = "" if i.output.dtype == np.float64 else f", {dtype_text(i.output.dtype)}"
            return Text(f"np.zeros({literal(i.params['shape'])}{kind})")
        first = inputs[0] if inputs else None
        spread = p.name == "broadcast_to" and i.output in self._filled
        if spread and not getattr(first, "shape", ()):
            return Text(f"np.full({literal(i.params['shape'])}, {self.operand(first)})")
        if spread or (p.name in ROWS and _comes_by_columns(i)):
            return Text(f"{self._call(i)}.copy()")
        if p.name == "negative":
            return Text(f"-{self.operand(first, inputs).inside(UNARY)}", UNARY)
        if p.name == "astype" and (np.isscalar(first) or _in(first, self.program.numbers)):
            return Text(f"np.asarray({self.operand(first)}, {dtype_text(i.params['dtype'])})")
        if not isinstance(first, Value | np.ndarray) or _in(first, self.program.numbers):
            return self._call(i)
        x = self.operand(first).inside(ATOM)
        if p.name == "getitem":
            return Text(f"{x}[{self._key(i)}]")
        if p.name == "astype":
            return Text(f"{x}.astype({dtype_text(i.params['dtype'])})")
        if p.name == "transpose":
            axes = i.params.get("axes")
            return Text(f"{x}.T" if axes is None else f"{x}.transpose({_lengths(axes)})")
        if p.name == "copy" and i.params.get("order") == "C" and not i.output.scalar:
            return Text(f"{x}.copy()")
        if p.name == "swapaxes":
            return Text(f"{x}.swapaxes({i.params['axis1']}, {i.params['axis2']})")
        if p.name == "reshape":
            order = ", order='F'" if i.params.get("order") == "F" else ""
            return Text(f"{x}.reshape({_lengths(i.params['shape'])}{order})")
        return self._call(i)

    def _infix(self, i: Instruction) -> Text:
        symbol, binds = INFIX[i.primitive.name]
        a, b = i.inputs
        if i.primitive.name == "add" and a is b and i.output.dtype.kind == "f":
            return Text(f"2 * {self.operand(a).inside(7)}", 6)  # the same bits as x + x
        left, right = self.operand(a, i.inputs), self.operand(b, i.inputs)
        first, second = (binds + 1, binds) if symbol == "**" else (binds, binds + 1)
        if binds == 2:  # comparisons would chain
            first = 3
        if symbol == "+" and right.binds == UNARY and i.output.dtype.kind == "f":
            symbol, right = "-", Text(right[1:], UNARY)  # x + -y has the bits of x - y
        return Text(f"{left.inside(first)} {symbol} {right.inside(second)}", binds)

    def _key(self, i: Instruction) -> str:
        return ", ".join(map(self._index, fill(i.params["key"], i.inputs[1:]))) or "()"

    def _index(self, k: Any) -> str:
        if not isinstance(k, slice):
            return self.operand(k)
        parts = ["" if p is None else literal(p) for p in (k.start, k.stop, k.step)]
        return ":".join(parts[:2] if not parts[2] else parts)

    def _scatter(self, i: Instruction, name: str) -> str:
        """The gradient of reading by index: into zeros is written, or added."""
        g, key = i.inputs[0], self._key(i)
        g = number(g) if isinstance(g, np.generic) else self.operand(g)
        if all(x.dtype == bool for x in i.inputs[1:]):
            return f"{name}[{key}] = {g}"
        where = key if len(i.params["key"]) == 1 else f"np.s_[{key}]"
        return f"np.add.at({name}, {where}, {g})"  # an index that is repeated gets the sum

    def _call(self, i: Instruction) -> Text:
        p = i.primitive
        arguments = [str(self.operand(x, i.inputs)) for x in i.inputs]
        options = {k: v for k, v in i.params.items() if k not in p.defaults or p.defaults[k] is not v}
        name = numpy_name(p)
        if not name:
            name = self.helpers.function(p.function, p.name)
        elif name == "np.einsum":  # its option comes first
            arguments.insert(0, literal(options.pop("subscripts")))
        elif p.variadic:
            arguments = [f"[{', '.join(arguments)}]"]
        shown = [f"{k}={self.operand(v)}" for k, v in options.items()]
        return Text(f"{name}({', '.join(arguments + shown)})")

    # -- the whole text ------------------------------------------------------------------------------

    def write(self, sizes: Sizes | None = None) -> str:
        """The module text: the function, and after it what it calls."""
        program = self.program
        parameters = self._parameters()
        sizes = sizes or Sizes(self.arguments, program)
        body = self._body()
        returned, head = self._returned(), f"def {program.name}("
        body.append(_wrapped(f"    return {', '.join(returned)}", "    return (", returned, "    )"))
        head = _wrapped(f"{head}{', '.join(parameters)}):", head, parameters, "):")
        draws = any(i.primitive.name in DRAWS for i in program.instructions)
        lines = ["import numpy as np", "", *(["rng = np.random.default_rng()", ""] if draws else ()),
                 "", head, *sizes.assertions(), *body]
        for text in self.helpers.functions.values():
            lines += ["", "", text]
        constants = [*self.helpers.constants.values(), *self._state_keys()]
        return "\n".join([*lines, *(["", "", *constants] if constants else ()), ""])

    def _body(self) -> list[str]:
        body: list[str] = []
        phase = ""
        shown: Any = None
        for i in self.program.instructions:
            text = self.expression(i)
            if self._folds(i, text):
                self.texts[i.output] = text
                continue
            if i.phase != phase:
                body.append(f"    # {i.phase}")
                phase, shown = i.phase, None
            if len(text) > WIDTH - 20:
                text = self._in_steps(i, text, body)
            # a state keeps its name
            name = self.name(i.output, "t") if i.target is None else str(self.texts[i.target.value])
            first, *others = broken(f"{name} = {text}", WIDTH - 4).splitlines()
            if i.primitive.name == "scatter":
                others.append(self._scatter(i, name))
            note = self._comment(i) if i.phase != "backward" and i.line != shown else ""
            shown = i.line
            if note and max(len(first) + 4, 46) + len(note) + 4 > WIDTH:
                body.append(f"    # {note}"[:WIDTH])
                note = ""
            body.append(f"{f'    {first}':<46}  # {note}" if note else f"    {first}")
            body += (f"    {line}" for line in others)
            self.texts[i.output] = Text(name)
        return body

    def _in_steps(self, i: Instruction, text: Text, body: list[str]) -> Text:
        """The expression of a line that would be too long, with its longest parts computed before."""
        parts = sorted(set(i.values), key=lambda v: (-len(self.texts[v]), self._position.get(v, 0)))
        for part in parts:
            if len(text) > WIDTH - 20 and not self.texts[part].isidentifier():
                name = self.names.fresh("t")
                body.append(f"    {name} = {self.texts[part]}")
                self.texts[part] = Text(name)
                text = self.expression(i)
        return text

    @property
    def arguments(self) -> list[str]:
        """What the arguments are called."""
        return [str(self.texts[i.value]) for i in arguments_of(self.program)]

    def _parameters(self) -> list[str]:
        counters: dict[str, int] = {}
        names = []
        for given in parameters_of(self.program):
            kind = type(given).__name__.lower()
            counters[kind] = counters.get(kind, 0) + 1
            if isinstance(given, Number):
                self.texts[given.value] = Text(given.text)
                fresh = [n for n in given.origins if n not in names]
                self.names.taken.update(fresh)
                names += fresh
                continue
            name = self.name(given.value, self._role(given) or f"{kind}_{counters[kind]}")
            self.texts[given.value] = Text(name)
            names.append(name + by_default(given))
        for given in self.program.inputs:
            if isinstance(given, Array) and is_written_out(given):
                self.texts[given.value] = literal(given.array)
        return names

    def _role(self, given: Input) -> str:
        """What is selected with what has no name: rows of what is given, or of what is made."""
        kind = given.value.dtype.kind
        if isinstance(given, Argument) or kind not in "iub":
            return ""
        tables = [i.inputs[0] for i in self.program.users[given.value] if i.primitive.name == "getitem"]
        classes = any(isinstance(x, Value) and x in self.program.made for x in tables)
        return "mask" if kind == "b" else "labels" if classes else "index"

    def _state_keys(self) -> list[str]:
        """What `Module.state_dict` calls the arguments."""
        paths = {str(self.texts[i.value]): path_of(i.tensor) for i in self.program.inputs
                 if isinstance(i, State) and path_of(i.tensor)}
        counts = list(paths.values())
        keys = [f"{name!r}: {path!r}" for name, path in paths.items() if counts.count(path) == 1]
        return [f"STATE = {{{', '.join(keys)}}}"] if 0 < len(keys) < 3 else (
            ["STATE = {", *(f"    {key}," for key in keys), "}"] if keys else [])

    def _folds(self, i: Instruction, text: Text) -> bool:
        """Whether a result is written where it is used: unnamed, short, and used once or a view."""
        plain = i.primitive.name in PLAIN_VIEWS and len(text) < SHORT_VIEW and len(i.inputs) == 1
        uses, users = self.program.uses[i.output], self.program.users[i.output]
        if i.output in self._results or i.primitive.name == "scatter" or not (
                uses == 1 or (plain and uses > 1)):
            return False
        # a state may get its next value from this one, as in ``v *= momentum; v += g``
        halfway = i.target is not None and users[-1].target is i.target
        return ((halfway or not i.has_effect)
                and not self._naming.names[i.output] and i.output not in self._naming.of
                and len(text) < SHORT and not self._crosses_a_write(i, users[-1]))

    def _crosses_a_write(self, i: Instruction, user: Instruction) -> bool:
        """Whether a state is overwritten between the making and the last use of a result."""
        made, used = self._position[i.output], self._position[user.output]
        return bisect(self._writes, made) != bisect(self._writes, used - 1)

    def _comment(self, i: Instruction) -> str:
        file, number = i.line
        text = linecache.getline(file, number).strip()
        scope = "" if i.scope[:1].isdigit() else i.scope
        where = ", ".join(filter(None, [scope, f"{os.path.basename(file)}:{number}"]))
        return f"{where}: {text}" if text else ""

    def _returned(self) -> list[str]:
        held = {i.tensor: self.texts[i.value] for i in self.program.inputs if isinstance(i, State)}
        results = [held[x] if x in held else self.operand(x._value) if isinstance(x, Tensor)
                   else self.operand(x) for x in self.program.outputs]
        new = (v for _, v in (*self.program.writes, *self.program.gradients))
        return [*results, *(str(self.texts[v]) for v in new)]


def _wrapped(line: str, start: str, parts: list[str], end: str) -> str:
    """A line, or if it is too long, its parts between a start and an end on lines of their own."""
    if len(line) <= WIDTH:
        return line
    inside = textwrap.wrap(", ".join(parts), WIDTH - 8, break_long_words=False)
    return "\n".join([start, *(f"        {part}" for part in inside), end])


def _lengths(shape: Any) -> str:
    return ", ".join(map(literal, shape)) if isinstance(shape, tuple) and shape else literal(shape)


def _by_rows(i: Instruction) -> list[Value]:
    """The inputs that an instruction needs by rows: how a result lies, or a sum goes, depends on it."""
    if not i.primitive.elementwise:
        return list(i.values)
    alike = [x for x in i.values if x.shape == i.output.shape]
    by_rows = [x for x in alike if x.in_order]
    return by_rows if len(by_rows) < len(alike) else []


def _comes_by_columns(i: Instruction) -> bool:
    """Whether the result lies by rows though what it is made of does not, or it only turns that."""
    turns = i.primitive.name == "einsum" and len(i.inputs) == 1
    return i.output.in_order and (turns or not all(x.in_order for x in i.values))


def _in(x: Any, values: set[Value]) -> bool:
    return isinstance(x, Value) and x in values


def numpy_name(p: Primitive) -> str:
    """The public NumPy function that a primitive stands for, or nothing."""
    return next(filter(None, map(public_name, (p.function, *p.numpy))), "")


def _rule(given: Input) -> str:
    """How NumPy makes an array that nobody has a name for, or nothing."""
    return formula(given.array) if isinstance(given, Array) and not given.value.name else ""


def is_written_out(given: Array) -> bool:
    """Whether the text says how NumPy makes an array."""
    made = _rule(given)
    return bool(made) and (given.internal or made.startswith(("np.eye", "np.tri", "np.arange(")))


def by_default(given: Input) -> str:
    """What an array is that need not be given."""
    return (made := _rule(given)) and f"={made}"


def parameters_of(program: Program) -> list[Input]:
    """The inputs that the function of a text takes, in order."""
    given = [i for i in program.inputs if not (isinstance(i, Array) and is_written_out(i))]
    return sorted(given, key=lambda i: (
        bool(by_default(i)), isinstance(i, Number), not isinstance(i, Argument)))


def source_of(program: Program, others: Iterable[Program] = ()) -> str:
    """The program as a NumPy module with one function.

    The function takes the arguments, the state and the hyperparameters, and returns the results,
    then the new state, then the gradients that are kept. Programs of ``others`` that do the same with
    arguments of other lengths show which lengths are free.
    """
    writer = Writer(program)
    text = writer.write()
    for other in others:
        try:
            sizes = Sizes(writer.arguments, program, other)
            return Writer(sizes.merged()).write(sizes)
        except Differs:
            continue
    return text
