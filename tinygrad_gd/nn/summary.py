"""`Module.summary`: what each module makes, holds and costs, from one run of the model."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..engine.tensor import Tensor
from ..ground.modes import no_grad
from ..ground.observer import Observer, observe
from .module import Module


class Line(NamedTuple):
    """One call of one module.

    Attributes
    ----------
    name, kind : its path in the model, and its class.
    shape : that of the output, or a tuple of shapes of several.
    parameters, bytes : what it holds itself; what is shared, or called again, counts once.
    multiply_adds : of its own products and convolutions, without those of modules inside.
    """

    name: str
    kind: str
    shape: Any
    parameters: int
    bytes: int
    multiply_adds: int


class Summary(NamedTuple):
    """The calls in the order in which they began, and their sums; printing it makes a table.

    Attributes
    ----------
    lines : a `Line` for each call.
    parameters, trainable, bytes : of the whole model, also of modules that did not run.
    multiply_adds : of one run with this input; elementwise operations are not counted.
    unused : paths of modules with parameters that did not run.
    """

    lines: tuple[Line, ...]
    parameters: int
    trainable: int
    bytes: int
    multiply_adds: int
    unused: tuple[str, ...]

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        heads = ("module", "output", "parameters", "bytes", "multiply-adds")
        rows = [(f"{'  ' * line.name.count('.')}{line.name or 'model'}: {line.kind}", str(line.shape),
                 f"{line.parameters:,}", f"{line.bytes:,}", f"{line.multiply_adds:,}")
                for line in self.lines]
        total = ("total", "", f"{self.parameters:,}", f"{self.bytes:,}", f"{self.multiply_adds:,}")
        widths = [max(map(len, column)) for column in zip(heads, *rows, total, strict=True)]
        texts = ["  ".join(cell.ljust(w) if i < 2 else cell.rjust(w)
                           for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
                 for row in (heads, *rows, total)]
        rule = "-" * len(texts[0])
        table = [texts[0], rule, *texts[1:-1], rule, texts[-1]]
        if self.parameters != self.trainable:
            table.append(f"{self.parameters - self.trainable:,} of the parameters are frozen")
        if self.unused:
            table.append(f"not run: {', '.join(self.unused)}")
        return "\n".join(line.rstrip() for line in table)


def _einsum(out: Any, shapes: Any, params: Any) -> int:
    terms = params["subscripts"].partition("->")[0].split(",")
    lengths: dict[str, int] = {letter: n for term, shape in zip(terms, shapes, strict=True)
               for letter, n in zip(term, shape, strict=True)}
    return prod(lengths.values()) * (len(terms) - 1)


#: Primitive -> the multiplications with an addition of one call.
_COSTS: dict[str, Callable[[Any, Any, Any], int]] = {
    "linear": lambda out, shapes, params: prod(out.shape) * shapes[1][-1],
    "matmul": lambda out, shapes, params: prod(out.shape) * shapes[0][-1],
    "tensordot": lambda out, shapes, params: prod(out.shape) * prod(
        shapes[0][axis] for axis in params["axes"][0]),
    "einsum": _einsum,
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"),
                    lambda out, shapes, params: prod(out.shape) * prod(shapes[1][1:])),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
                    lambda out, shapes, params: prod(shapes[0]) * prod(shapes[1][1:])),
}


class _Run(Observer):
    """Listens to one run; modules report by hooks, operations as to every observer."""

    def __init__(self, model: Module) -> None:
        self.names = {module: name for name, module in model.named_modules()}
        self.calls: list[tuple[Module, Any]] = []
        self.costs: list[int] = []
        self.inside: list[int] = []  # the numbers of the calls that run now

    def before(self, module: Module, args: Any) -> None:
        self.inside.append(len(self.calls))
        self.calls.append((module, ()))
        self.costs.append(0)

    def after(self, module: Module, args: Any, out: Any) -> None:
        self.calls[self.inside.pop()] = module, _shape(out)

    def forward(self, out: Any, primitive: Any, inputs: Any, params: Any) -> None:
        """Add what an operation costs to the innermost module that runs."""
        if self.inside and (cost := _COSTS.get(primitive.name)):
            self.costs[self.inside[-1]] += cost(out, [np.shape(x) for x in inputs], params)


def _shape(out: Any) -> Any:
    if isinstance(out, tuple | list):
        return tuple(map(_shape, out))
    return getattr(out, "shape", None)


def _own(module: Module) -> list[Tensor]:
    return [*module.parameters(recurse=False), *module.buffers(recurse=False)]


def _held(module: Module, counted: set[Tensor]) -> tuple[int, int]:
    """Parameters and bytes that a module holds itself and nobody before it."""
    learned = {p for p in module.parameters(recurse=False) if p not in counted}
    new = [t for t in _own(module) if t not in counted]
    counted.update(new)
    return sum(int(p.size) for p in learned), sum(map(_bytes, new))


def _bytes(tensor: Tensor) -> int:
    return int(tensor.size) * int(tensor.dtype.itemsize)


def summarize(model: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Summary:
    """Run the model once, as `Module.eval` would have it, without a graph, and count."""
    run, training = _Run(model), [(module, module.training) for module in model.modules()]
    handles = [handle for module, _ in training for handle in (
        module.register_forward_pre_hook(run.before, prepend=True),
        module.register_forward_hook(run.after))]
    try:
        model.eval()
        with no_grad(), observe(run):
            model(*args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in training:
            module.training = mode
    counted: set[Tensor] = set()
    lines = tuple(
        Line(run.names[module], type(module).__name__, shape, *_held(module, counted), cost)
        for (module, shape), cost in zip(run.calls, run.costs, strict=True))
    ran, everything = {module for module, _ in run.calls}, list(model.parameters())
    unused = tuple(name for name, module in model.named_modules()
                   if module not in ran and any(t not in counted for t in _own(module)))
    for module in model.modules():
        _held(module, counted)
    return Summary(lines, sum(int(p.size) for p in everything),
                   sum(int(p.size) for p in everything if p.requires_grad),
                   sum(map(_bytes, counted)), sum(run.costs), unused)
