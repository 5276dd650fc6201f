"""Source: a `Program` as NumPy text for people.

Every instruction becomes the NumPy call it stands for, with operators and methods where people use
them; results that are used once are folded into the expression that uses them. The text runs on its
own and gives the same bits.
"""

from __future__ import annotations

import ast
import inspect
import keyword
import linecache
import os
import re
import textwrap
from bisect import bisect
from collections import defaultdict
from typing import Any

import numpy as np

from ...engine.primitive import Primitive
from ...engine.tensor import Tensor
from ...errors import CaptureError
from ...ops.indexing import SLOT
from ..ir import (
    Argument,
    Array,
    Gradient,
    Input,
    Instruction,
    Number,
    Program,
    State,
    Value,
    has_effect,
    use_counts,
)
from .literals import ATOM, UNARY, Text, literal

#: Binary operators by primitive: symbol and precedence, as in Python.
INFIX = {
    "add": ("+", 5), "subtract": ("-", 5), "multiply": ("*", 6), "divide": ("/", 6),
    "floor_divide": ("//", 6), "remainder": ("%", 6), "matmul": ("@", 6), "power": ("**", 8),
    "equal": ("==", 2), "not_equal": ("!=", 2), "less": ("<", 2), "less_equal": ("<=", 2),
    "greater": (">", 2), "greater_equal": (">=", 2), "bitwise_and": ("&", 4), "bitwise_or": ("|", 3),
}  # fmt: skip
WIDTH = 100

#: What has no function in NumPy, and so is defined in the text.
SCATTER = {
    "add_at": """def add_at(index, g, shape):
    out = np.zeros(shape, g.dtype)
    np.add.at(out, index, g)  # an index that is repeated gets the sum
    return out""",
    "place": """def place(index, g, shape):
    out = np.zeros(shape, g.dtype)
    out[index] = g
    return out""",
}

#: The method of a NumPy generator that each primitive which draws stands for.
DRAWS = {"standard_uniform": "random", "standard_normal": "standard_normal"}


class _WithoutTypes(ast.NodeTransformer):
    """Takes annotations out, which only a checker of types needs."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        if node.value is None:
            return None
        made = ast.Assign([node.target], node.value)
        return ast.fix_missing_locations(ast.copy_location(made, node))


class Writer:
    """Writes one program as text."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.texts: dict[Value, Text] = {}
        self.helpers: dict[str, str] = {}  # name -> source of functions NumPy does not have
        self.uses = use_counts(program)
        self._taken: set[str] = {"np", program.name, *keyword.kwlist}
        self._counts: defaultdict[str, int] = defaultdict(lambda: 1)
        self._results = set(program.results)
        numbered = list(enumerate(program.instructions))
        self._position = {i.output: n for n, i in numbered}
        self._used_at = {value: n for n, i in numbered for value in i.values}
        self._filled = {v for _, i in numbered for v in _ordering(i)} & {
            i.output for _, i in numbered if i.primitive.name == "broadcast_to"}
        self._writes = [n for n, i in numbered if i.target is not None]

    # -- names -----------------------------------------------------------------------------------

    def name(self, value: Value, fallback: str) -> str:
        """A fresh identifier: the value's own name where it has one."""
        path = re.sub(r"^(d_)?(\d)", r"\1layer_\2", value.name)  # of a Sequential: 0.weight
        base = re.sub(r"\W", "_", path) or fallback
        name = base
        while name in self._taken:
            self._counts[base] += 1
            name = f"{base}_{self._counts[base]}"
        self._taken.add(name)
        return name

    # -- expressions -------------------------------------------------------------------------------

    def operand(self, x: Any, other: Any = None) -> Text:
        """One input; ``other`` is what stands on the other side of an operator."""
        if isinstance(x, Value):
            return self.texts[x]
        return literal(x, getattr(other, "dtype", None))

    def expression(self, i: Instruction) -> Text:
        """The call that an instruction stands for."""
        p, inputs = i.primitive, i.inputs
        if p.name in INFIX and len(inputs) == 2 and not i.params:
            return self._infix(i)
        if p.name == "negative":
            return Text(f"-{self.operand(inputs[0]).inside(UNARY)}", UNARY)
        if p.name == "getitem":
            return Text(f"{self.operand(inputs[0]).inside(ATOM)}[{self._key(i)}]")
        if p.name == "scatter":
            return self._scatter(i)
        if p.name in DRAWS:
            return self._draw(i)
        if i.output in self._filled:  # NumPy's has no memory order, which the result would take on
            return Text(f"{self._call(i)}.copy()")
        if p.name == "astype":
            return Text(f"{self.operand(inputs[0]).inside(ATOM)}.astype({literal(i.params['dtype'])})")
        if p.name == "reshape":
            shape, x = i.params["shape"], self.operand(inputs[0])
            order = ", order='F'" if i.params.get("order") == "F" else ""
            if isinstance(inputs[0], Value) and not inputs[0].scalar:
                return Text(f"{x.inside(ATOM)}.reshape({_lengths(shape)}{order})")
            return Text(f"np.reshape({x}, {literal(shape)})")  # it may be a number of Python
        if p.name == "transpose" and i.params.get("axes") is None:
            return Text(f"{self.operand(inputs[0]).inside(ATOM)}.T")
        return self._call(i)

    def _draw(self, i: Instruction) -> Text:
        self.helpers["rng"] = "rng = np.random.default_rng()"
        dtype = i.params["dtype"]
        options = "" if dtype == np.float64 else f", dtype={literal(np.dtype(dtype))}"
        return Text(f"rng.{DRAWS[i.primitive.name]}({literal(i.params['size'])}{options})")

    def _infix(self, i: Instruction) -> Text:
        symbol, binds = INFIX[i.primitive.name]
        a, b = i.inputs
        if i.primitive.name == "add" and a is b and i.output.dtype.kind == "f":
            return Text(f"2 * {self.operand(a).inside(7)}", 6)  # the same bits as x + x
        left, right = self.operand(a, b), self.operand(b, a)
        first, second = (binds + 1, binds) if symbol == "**" else (binds, binds + 1)
        if binds == 2:  # comparisons would chain
            first = 3
        return Text(f"{left.inside(first)} {symbol} {right.inside(second)}", binds)

    def _key(self, i: Instruction) -> str:
        indices = iter(i.inputs[1:])
        return ", ".join(str(self.operand(next(indices))) if k is SLOT else _index(k)
                         for k in i.params["key"])

    def _scatter(self, i: Instruction) -> Text:
        adds = any(x.dtype != bool for x in i.inputs[1:])
        name = "add_at" if adds else "place"
        self.helpers[name] = SCATTER[name]
        key = re.sub(r"(?<![\w(])([^,\s]*:[^,\s]*)", lambda m: _slice(m[1]), self._key(i))
        return Text(f"{name}(({key},), {self.operand(i.inputs[0])}, {literal(i.params['shape'])})")

    def _call(self, i: Instruction) -> Text:
        p = i.primitive
        arguments = [str(self.operand(x)) for x in i.inputs]
        options = {k: v for k, v in i.params.items() if k not in p.defaults or p.defaults[k] is not v}
        name = numpy_name(p)
        if not name:
            name = self.helper(p)
        elif name == "np.einsum":  # its option comes first
            arguments.insert(0, literal(options.pop("subscripts")))
        elif p.variadic:
            arguments = [f"[{', '.join(arguments)}]"]
        shown = [f"{k}={literal(v)}" for k, v in options.items()]
        return Text(f"{name}({', '.join(arguments + shown)})")

    def helper(self, p: Primitive) -> str:
        """Take over the source of a function that NumPy does not have."""
        name = p.name
        if name not in self.helpers:
            self.helpers[name] = ""  # it may call itself
            self.helpers[name] = self._source_of(p.function, name)
        return name

    def _source_of(self, function: Any, name: str) -> str:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        if not isinstance(tree, ast.FunctionDef):
            raise CaptureError(f"source: {name} is a lambda, whose text cannot be found; define it "
                               "with def, and make the primitive of that")
        loaded = (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
        for used in dict.fromkeys(loaded):
            known = function.__globals__.get(used)
            if known is SLOT:
                self.helpers[used] = f"{used} = object()  # where an index array goes in a key"
            if inspect.isfunction(known) and used not in self.helpers:
                self.helpers[used] = ""
                self.helpers[used] = self._source_of(known, used)
            elif isinstance(known, int | float | str | tuple):
                self.helpers[used] = f"{used} = {known!r}"
        tree.name, tree.returns, tree.decorator_list = name, None, []
        if ast.get_docstring(tree):
            del tree.body[0]
        return ast.unparse(_WithoutTypes().visit(tree))

    # -- the whole text ------------------------------------------------------------------------------

    def write(self) -> str:
        """The module text."""
        program = self.program
        parameters = self._parameters()
        body: list[str] = []
        phase = ""
        shown: Any = None
        for i in program.instructions:
            text = self.expression(i)
            if self._folds(i, text):
                self.texts[i.output] = text
                continue
            if i.phase != phase:
                body.append(f"    # {'computed from constants' if i.phase == 'once' else i.phase}")
                phase, shown = i.phase, None
            name = self.target(i)
            line = f"    {name} = {text}"
            note = self._comment(i) if i.phase != "backward" and i.line != shown else ""
            shown = i.line
            if note and max(len(line), 46) + len(note) + 4 > WIDTH:
                body.append(f"    # {note}"[:WIDTH])
                note = ""
            body.append(f"{line:<46}  # {note}" if note else line)
            self.texts[i.output] = Text(name)
        body.append(_wrapped("    return (", self._returned(), ")", "    return "))
        head = _wrapped(f"def {program.name}(", parameters, "):")
        helpers = [f"{text}\n\n" for text in self.helpers.values() if text]
        return "\n".join(["import numpy as np", "", "", *helpers, head, *body]) + "\n"

    def _parameters(self) -> list[str]:
        ordered = sorted(self.program.inputs, key=_order)
        counters: dict[str, int] = {}
        names = []
        for given in ordered:
            kind = type(given).__name__.lower()
            counters[kind] = counters.get(kind, 0) + 1
            fallback = f"{kind}_{counters[kind]}"
            if isinstance(given, Number):
                self.texts[given.value] = Text(given.text)
                fresh = [n for n in given.origins if n not in self._taken]
                self._taken.update(fresh)
                names += fresh
                continue
            name = self.name(given.value, fallback)
            self.texts[given.value] = Text(name)
            names.append(name)
        return names

    def target(self, i: Instruction) -> str:
        """The name that the result of an instruction gets: a state keeps its own."""
        if i.target is not None:
            return str(self.texts[i.target.value])
        return self.name(i.output, "t")

    def _folds(self, i: Instruction, text: Text) -> bool:
        """Whether a result is written where it is used: unnamed, used once, and short."""
        once = self.uses[i.output] == 1 and i.output not in self._results
        return (once and (not has_effect(i) or self._is_halfway(i)) and not i.output.name
                and len(text) < WIDTH - 40 and not self._crosses_a_write(i))

    def _is_halfway(self, i: Instruction) -> bool:
        """Whether a state gets its next value from this one, as in ``v *= momentum; v += g``."""
        user = self.program.instructions[self._used_at[i.output]]
        return i.target is not None and user.target is i.target

    def _crosses_a_write(self, i: Instruction) -> bool:
        """Whether a state is overwritten between the making and the only use of a result."""
        made, used = self._position[i.output], self._used_at[i.output]
        return bisect(self._writes, made) != bisect(self._writes, used - 1)

    def _comment(self, i: Instruction) -> str:
        file, number = i.line
        text = linecache.getline(file, number).strip()
        scope = "" if i.scope[:1].isdigit() else i.scope
        where = ", ".join(filter(None, [scope, f"{os.path.basename(file)}:{number}"]))
        return f"{where}: {text}" if text else ""

    def _returned(self) -> list[str]:
        held = {i.tensor: self.texts[i.value] for i in self.program.inputs if isinstance(i, State)}
        results = [held[x] if x in held else literal(x._value) if isinstance(x, Tensor)
                   else self.operand(x) for x in self.program.outputs]
        return [*results, *(str(self.texts[s.value]) for s, _ in self.program.writes),
                *(str(self.texts[v]) for _, v in self.program.gradients)]


def _wrapped(start: str, parts: list[str], end: str, short: str | None = None) -> str:
    """A list on one line if it fits (then after ``short``, without brackets), or on several."""
    line = f"{start if short is None else short}{', '.join(parts)}{end if short is None else ''}"
    if len(line) <= WIDTH:
        return line
    inside = textwrap.wrap(", ".join(parts), WIDTH - 8, break_long_words=False)
    return "\n".join([start, *(f"        {part}" for part in inside), f"    {end}" if short else end])


def _lengths(shape: Any) -> str:
    return ", ".join(map(literal, shape)) if isinstance(shape, tuple) and shape else literal(shape)


def _ordering(i: Instruction) -> list[Value]:
    """The inputs of an elementwise operation that lay its result out otherwise than another would."""
    values = [x for x in i.values if x.shape == i.output.shape]
    plain = tuple(range(len(i.output.shape)))
    other = i.primitive.elementwise and any(x.axes != plain for x in values)
    return [x for x in values if other and x.axes == plain]


def _order(given: Input) -> int:
    return 0 if isinstance(given, Argument) else 2 if isinstance(given, Number) else 1


def _slice(text: str) -> str:
    parts = [p or "None" for p in text.split(":")]
    return f"slice({', '.join(parts)})"


def _index(k: Any) -> str:
    if isinstance(k, slice):
        parts = ["" if p is None else repr(p) for p in (k.start, k.stop, k.step)]
        return ":".join(parts[:2] if not parts[2] else parts)
    return "None" if k is None else "..." if k is Ellipsis else repr(k)


def numpy_name(p: Primitive) -> str:
    """The public NumPy function that a primitive stands for, or nothing."""
    for function in (p.function, *p.numpy):
        name = getattr(function, "__name__", "")
        for space, prefix in ((np, "np"), (np.linalg, "np.linalg")):
            if getattr(space, name, None) is function:
                return f"{prefix}.{name}"
    return ""


def call(function: Any, program: Program) -> Any:
    """Call the function of a program's text with the values that its inputs have now."""
    values: list[Any] = []
    for given in sorted(program.inputs, key=_order):
        if isinstance(given, Number):
            values += [float(options[key]) for options, key in given.origins.values()]
        elif isinstance(given, Array):
            values.append(given.array)
        elif isinstance(given, Gradient):
            values.append(given.tensor._grad._value)  # type: ignore[union-attr]
        else:
            values.append(np.array(given.tensor._value))
    result = function(*values)
    return result if isinstance(result, tuple) else (result,)


def source_of(program: Program) -> str:
    """The program as a NumPy module with one function.

    The function takes the arguments, the state and the hyperparameters, and returns the results,
    then the new state, then the gradients that are kept.
    """
    return Writer(program).write()
