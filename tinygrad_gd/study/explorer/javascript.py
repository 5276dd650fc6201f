"""The captured program of a graph as JavaScript: all values and gradients, and what is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ...engine.cotangents import cotangents_of
from ...engine.graph import Node, leaves_of, nodes_of
from ...engine.tensor import Tensor, constant
from ...ground.modes import using
from ...ground.observer import Observer, Observers
from ...ops.indexing import places_of
from ...program.capture.capture import Capture
from ...program.ir import Array, Instruction, Program, State, Value

#: Graphs of more operations, or with more numbers in them, are not computed in the page.
OPERATIONS, NUMBERS = 200, 4000

#: What a primitive is in JavaScript; ``{n}`` is the option n.
FORMULAS = {
    "add": "$0+$1", "subtract": "$0-$1", "multiply": "$0*$1", "divide": "$0/$1", "negative": "-$0",
    "square": "$0*$0", "reciprocal": "1/$0", "power": "Math.pow($0,$1)",
    "integer_power": "Math.pow($0,{n})",
    "floor_divide": "Math.floor($0/$1)", "remainder": "$0-$1*Math.floor($0/$1)",
    "maximum": "Math.max($0,$1)", "minimum": "Math.min($0,$1)", "arctan2": "Math.atan2($0,$1)",
    "hypot": "Math.hypot($0,$1)", "greater": "$0>$1", "greater_equal": "$0>=$1", "less": "$0<$1",
    "less_equal": "$0<=$1", "equal": "$0==$1", "not_equal": "$0!=$1", "where": "$0?$1:$2",
    "logical_and": "!!$0&&!!$1", "logical_or": "!!$0||!!$1", "logical_not": "!$0",
    "isinf": "Math.abs($0)==Infinity", "heaviside": "$0<0?0:$0>0?1:$1",
    "isnan": "isNaN($0)", "isfinite": "isFinite($0)", "bitwise_and": "$0&$1", "bitwise_or": "$0|$1",
    "invert": "!$0", "copysign": "Math.abs($0)*($1<0||Object.is($1,-0)?-1:1)",
    **dict.fromkeys(("positive", "copy", "astype"), "+$0"),
    **{name: f"Math.{name}($0)" for name in (
        "exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh",
        "sqrt", "cbrt", "sign", "floor", "ceil", "trunc")},
    **{f"arc{name}": f"Math.a{name}($0)" for name in (
        "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "absolute": "Math.abs($0)", "exp2": "Math.pow(2,$0)",
    "clip": "Math.min(Math.max($0,$1),$2)",
    "logaddexp": "Math.max($0,$1)+Math.log1p(Math.exp(-Math.abs($0-$1)))",
}  # fmt: skip
#: What reductions make of a list; ``S`` adds it up.
REDUCTIONS = {"sum": "S($)", "mean": "S($)/{n}", "max": "Math.max(...$)", "min": "Math.min(...$)",
              "prod": "$.reduce((a,b)=>a*b,1)"}


class NotWritten(Exception):
    """A graph cannot be computed in a page; says why."""


class Script(NamedTuple):
    """A program for a page.

    Attributes
    ----------
    text : a JavaScript function of the leaves; it returns values, gradients, and what was sent.
    leaves, nodes : whose values go in, and come out.
    grads : whose gradients come out. What was sent comes out in the order of the reverse pass.
    """

    text: str
    leaves: list[Tensor]
    nodes: list[Tensor]
    grads: list[Tensor]


class _Sent(Observer):
    """Notes the gradients of a reverse pass on Tensors: complete ones, and contributions."""

    def __init__(self) -> None:
        self.complete: dict[Tensor, Tensor] = {}
        self.sent: list[Tensor] = []

    def backward(self, out: Tensor, position: int, g: Any, gx: Any) -> None:
        self.complete[out] = g
        self.sent.append(gx)


def script_of(root: Tensor) -> Script:
    """Capture the graph of ``root`` forward and backward, and write it down.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True)
    >>> print(script_of(w * w).text)  # doctest: +ELLIPSIS
    function(p){
    const s0=p[0];
    const s1=s0*s0;
    const s2=(1.0)*s0;
    ...
    """
    nodes = nodes_of(root)
    if len(nodes) > OPERATIONS:
        raise NotWritten(f"it has {len(nodes)} operations, and a page computes {OPERATIONS}")
    if (numbers := sum(node.tensor.size for node in nodes)) > NUMBERS:
        raise NotWritten(f"it has {numbers:,} numbers, and a page computes {NUMBERS:,}")
    program, leaves, grads = _captured(root, nodes)
    writer = _Writer(program, leaves)
    lines = list(writer.lines())
    results = [writer.of(x) for x in program.outputs]
    ends = np.cumsum([len(nodes), len(grads)])
    v, g, c = (results[a:b] for a, b in zip([0, *ends], [*ends, None], strict=False))
    inside = "\n".join([*lines, f"return [[{','.join(v)}],[{','.join(g)}],[{','.join(c)}]];"])
    return Script(f"function(p){{\n{inside}\n}}", leaves, [n.tensor for n in nodes], grads)


def _captured(root: Tensor, nodes: list[Node]) -> tuple[Program, list[Tensor], list[Tensor]]:
    """The program whose results are the values, the gradients and the contributions."""
    leaves = list(dict.fromkeys(x for node in nodes for x in node.inputs
                                if isinstance(x, Tensor) and x.is_leaf and x.dtype.kind == "f"))
    capture, seen = Capture(locate=False), _Sent()
    for leaf in leaves:
        capture.reference(leaf)
    with using(observer=capture, lockstep=None, grad=False), np.errstate(all="ignore"):
        for node in nodes:
            capture.forward(node.tensor, node.op, node.inputs, node.params)
        capture.starts_backward(root, None)
        with using(observer=Observers(capture, seen)):
            seed = constant(np.ones(root.shape, root.dtype)[()])
            found = cotangents_of([root], [seed], targets=leaves_of(root))
        capture.ends_backward()
    gradients = seen.complete | found
    results = [*(n.tensor for n in nodes), *gradients.values(), *seen.sent]
    return capture.program("page", results), leaves, list(gradients)


class _Writer:
    """Writes the instructions one by one; numbers are variables, arrays flat lists."""

    def __init__(self, program: Program, leaves: list[Tensor]) -> None:
        self.program = program
        self.places = {leaf: k for k, leaf in enumerate(leaves)}
        self.names: dict[Value, str] = {}
        self.constant: dict[Value, Any] = {}  # what does not depend on the leaves, as labels
        self.numbers = 0

    def lines(self) -> Iterator[str]:
        """The body of the function."""
        for given in self.program.inputs:
            yield self._input(given)
        for i in self.program.instructions:
            yield self._instruction(i)

    def _new(self, value: Value) -> str:
        size = int(np.prod(value.shape))
        self.numbers += size
        if self.numbers > NUMBERS:
            raise NotWritten(f"with gradients it has more than the {NUMBERS:,} numbers of a page")
        if value.dtype.kind == "f" and value.dtype != np.float64:
            raise NotWritten(f"it computes in {value.dtype}, and a page in float64")
        self.names[value] = f"s{len(self.names)}"
        return self.names[value]

    def _input(self, given: Any) -> str:
        name = self._new(given.value)
        if isinstance(given, State) and given.tensor in self.places:
            return f"const {name}=p[{self.places[given.tensor]}];"
        if isinstance(given, Array | State):
            held = given.array if isinstance(given, Array) else Node(given.tensor).value
            self.constant[given.value] = held
            return f"const {name}={_literal(held)};"
        raise NotWritten("it depends on more than arrays and tensors")

    def of(self, x: Any) -> str:
        """A value, or a constant, as an expression."""
        return self.names[x] if isinstance(x, Value) else _literal(x)

    def _instruction(self, i: Instruction) -> str:
        if all(x in self.constant for x in i.values):
            given = (self.constant[x] if isinstance(x, Value) else x for x in i.inputs)
            self.constant[i.output] = i.primitive.run(*given, **i.params)
            made = _literal(self.constant[i.output])
        else:
            made = self._expression(i)
        return f"const {self._new(i.output)}={made};"

    def _expression(self, i: Instruction) -> str:
        name = i.primitive.name
        if name in FORMULAS:
            return self._elementwise(i)
        if name in REDUCTIONS:
            return self._total(i, name)
        if name == "matmul":
            return self._product(i)
        if name in ("stack", "concatenate"):
            return self._joined(i)
        if name == "scatter":
            return self._scattered(i)
        if i.primitive.kind == "view" or name in ("broadcast_to", "getitem"):
            return self._moved(i)
        raise NotWritten(f"it has {name}, which a page cannot compute")

    def _elementwise(self, i: Instruction) -> str:
        text = FORMULAS[i.primitive.name]
        for key, value in i.params.items():
            text = text.replace(f"{{{key}}}", f"{value}")
        if i.primitive.name == "where" and len(i.inputs) < 3:
            raise NotWritten("it has where with a condition alone, which a page cannot compute")
        shape = i.output.shape
        for k, x in enumerate(i.inputs):
            bound = ("", "-Infinity", "Infinity")[k] if x is None else self._at(x, shape)
            text = text.replace(f"${k}", bound)
        return f"L({_size(shape)},i=>{text})" if shape else text

    def _at(self, x: Any, shape: tuple[int, ...]) -> str:
        """An operand beside the index i of a result of this shape, which it is broadcast to."""
        own = x.shape if isinstance(x, Value) else np.shape(x)
        name = f"({self.of(x)})" if not isinstance(x, Value) else self.of(x)
        if not own:
            return name
        if own == shape:
            return f"{name}[i]"
        table = np.broadcast_to(np.arange(_size(own)).reshape(own), shape)
        return f"{name}[{_literal(table)}[i]]" if shape else f"{name}[0]"

    def _moved(self, i: Instruction) -> str:
        """A view or a selection: where each element comes from, by doing it to the places."""
        source, *others = i.inputs[0], *self._known(i)
        if not isinstance(source, Value):
            raise NotWritten(f"it has {i.primitive.name} of a constant, which a page cannot compute")
        places = np.arange(_size(source.shape)).reshape(source.shape)
        table = np.asarray(i.primitive.run(places, *others, **i.params))
        name = self.of(source)
        if not i.output.shape:
            return f"{name}[{int(table)}]" if source.shape else name
        if not source.shape:
            return f"L({_size(i.output.shape)},i=>{name})"
        return f"{_literal(table)}.map(i=>{name}[i])"

    def _known(self, i: Instruction) -> list[Any]:
        """The indices of a selection: all inputs after the first, if they are the same in each run."""
        indices = [self.constant.get(x, x) if isinstance(x, Value) else x for x in i.inputs[1:]]
        if any(isinstance(x, Value) for x in indices):
            raise NotWritten(f"it has {i.primitive.name} at places that are computed themselves")
        return indices

    def _scattered(self, i: Instruction) -> str:
        """The gradient of a selection: zeros, and at the selected places what arrived."""
        shape = i.params["shape"]
        table = places_of(*self._known(i), key=i.params["key"], shape=shape)
        g, places = self.of(i.inputs[0]), _literal(table.ravel())
        arrived = f"{g}[k]" if i.inputs[0].shape else g
        return f"(r=>({places}.forEach((t,k)=>r[t]+={arrived}),r))(L({_size(shape)},i=>0))"

    def _joined(self, i: Instruction) -> str:
        """Arrays in one list, and where each element of the result comes from."""
        shapes = [x.shape if isinstance(x, Value) else np.shape(x) for x in i.inputs]
        starts = np.cumsum([0, *map(_size, shapes)])
        places = [np.arange(_size(shape)).reshape(shape) + start
                  for shape, start in zip(shapes, starts, strict=False)]
        table = i.primitive.run(*places, **i.params)
        return f"(q=>{_literal(table)}.map(i=>q[i]))([].concat({','.join(map(self.of, i.inputs))}))"

    def _total(self, i: Instruction, name: str) -> str:
        """A sum or a mean over some axes: of the places that go into each element of the result."""
        (source,) = i.inputs
        if not isinstance(source, Value) or set(i.params) - {"axis", "keepdims"}:
            raise NotWritten(f"it has {name} with options that a page does not know")
        held = self.of(source)
        if not source.shape:
            return held if not i.output.shape else f"[{held}]"
        axis = i.params.get("axis")
        every = range(len(source.shape))
        axes = every if axis is None else [int(a) % len(every) for a in np.atleast_1d(axis)]
        kept = [a for a in every if a not in axes]
        places = np.arange(_size(source.shape)).reshape(source.shape)
        rows = _size([source.shape[a] for a in kept])
        groups = places.transpose([*kept, *axes]).reshape(rows, -1)
        text = REDUCTIONS[name].replace("{n}", str(groups.shape[1]))
        if not i.output.shape:
            return text.replace("$", held)
        return f"{_literal_rows(groups)}.map(q=>{text.replace('$', f'q.map(i=>{held}[i])')})"

    def _product(self, i: Instruction) -> str:
        a, b = i.inputs
        shapes = [x.shape if isinstance(x, Value) else np.shape(x) for x in (a, b)]
        if len(shapes[0]) != 2 or len(shapes[1]) != 2:
            raise NotWritten("it has products of arrays that are no matrices")
        (rows, inner), (_, columns) = shapes
        return f"M({self.of(a)},{self.of(b)},{rows},{inner},{columns})"


def _size(shape: Any) -> int:
    return int(np.prod(shape))


def _literal(x: Any) -> str:
    held = np.asarray(x)
    if held.dtype.kind not in "fiub":
        raise NotWritten(f"it holds {held.dtype}")
    return f"[{','.join(map(_number, held.ravel()))}]" if held.ndim else _number(held)


def _literal_rows(rows: Any) -> str:
    return f"[{','.join(map(_literal, rows))}]"


def _number(x: Any) -> str:
    if x.dtype.kind == "b":
        return "true" if x else "false"
    if x.dtype.kind in "iu":
        return str(int(x))
    value = float(x)
    if value != value:
        return "NaN"
    return ("-" if value < 0 else "") + "Infinity" if abs(value) == float("inf") else repr(value)
