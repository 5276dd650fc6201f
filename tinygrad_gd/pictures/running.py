"""``draw(model, *inputs)``: the function runs once, watched, and all that it computes is drawn."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..engine.watched import Run
from ..errors import DTypeError, describe
from ..ground.observer import Observer, observe
from ..ground.pytree import flatten
from ..program.ir import Program, State, Value
from ..program.passes import readable
from .recording import Call, Note, Recording, Within


class _Listener(Observer):
    """Keeps every operation, also what is not recorded, and knows what was detached from what."""

    wants_tensors = True  # a function may differentiate, and then its backward pass is drawn

    def __init__(self) -> None:
        self.outs: list[Tensor] = []
        self.calls: list[Call] = []
        self.same: dict[Tensor, Tensor] = {}  # a leaf and what it was made of

    def forward(self, out: Tensor, primitive: Any, inputs: tuple[Any, ...],
                params: Mapping[str, Any]) -> None:
        """Keep an operation."""
        known = tuple(self.same.get(x, x) if isinstance(x, Tensor) else x for x in inputs)
        self.outs.append(out)
        self.calls.append((primitive, known, params))

    def creates(self, leaf: Tensor, data: Any) -> None:
        """A leaf made of a Tensor is drawn as that."""
        if isinstance(data, Tensor):
            self.same[leaf] = self.same.get(data, data)


def run_of(function: Callable[..., Any], inputs: tuple[Any, ...]) -> Recording:
    """All that ``function(*inputs)`` computes."""
    listener = _Listener()
    names = _parameters(function, len(inputs))
    given = [_tensor(x, name) for x, name in zip(inputs, names, strict=True)]
    with observe(Run()), observe(listener):
        result = function(*given)
    roots = [x for x in flatten(result) if isinstance(x, Tensor)]
    if not roots:
        raise DTypeError(f"draw: {name_of(function)} should return a Tensor, or several, got "
                         f"{describe(result)}")
    return Recording(listener.outs, [listener.same.get(x, x) for x in roots], listener.calls)


def _tensor(x: Any, name: str) -> Any:
    """Floating numbers and arrays as Tensors, so that operations on them are seen."""
    if isinstance(x, float) or (isinstance(x, np.ndarray) and x.dtype.kind == "f"):
        return Tensor(x, name=name, dtype=getattr(x, "dtype", None))
    return x


def _parameters(function: Any, count: int) -> list[str]:
    """How the function calls its first arguments; refused if it takes more than it gets."""
    try:
        taken = inspect.signature(getattr(function, "forward", function)).parameters
    except (TypeError, ValueError):
        taken = {}  # type: ignore[assignment]
    names = list(taken)
    needed = [n for n, p in taken.items() if p.default is p.empty and p.kind in (
        p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if missing := needed[count:]:
        call = ", ".join([name_of(function), *needed])
        raise DTypeError(f"draw: {name_of(function)} is run once to be drawn, which needs "
                         f"{', '.join(missing)}; write tg.draw({call})")
    return [*names, *("input" for _ in range(count))][:count]


def name_of(function: Any) -> str:
    """What a function or model is called."""
    return str(getattr(function, "__name__", type(function).__name__))


def program_of(step: Any) -> Recording:
    """What a compiled function, or a `Program`, computes: forward, backward and update."""
    program = step if isinstance(step, Program) else readable(step.captured)
    names: dict[Any, str] = {}
    kinds: dict[Any, str] = {}
    for given in program.inputs:
        tensor = getattr(given, "tensor", None)
        learned = isinstance(given, State) and given.tensor.requires_grad
        kinds[given.value] = "param" if learned else "const" if tensor is None else "input"
        name = given.value.name or (tensor.name if tensor is not None else "") or ""
        names[given.value] = name.removesuffix("_") or getattr(given, "text", "")
    notes = [Note(calls, f"{i.line[0]}:{i.line[1]}" if i.line[1] else "", i.phase)
             for i, calls in zip(program.instructions, _calls(program), strict=True)]
    results = [x for x in reversed(list(program.results)) if isinstance(x, Value)]
    for i in program.instructions:
        if i.target is not None:
            names[i.output] = f"new {i.target.tensor.name or 'value'}"
    for tensor, value in program.gradients:
        names.setdefault(value, f"{tensor.name or 'parameter'}.grad")
    outs = [i.output for i in program.instructions]
    calls: list[Call] = [(i.primitive, i.inputs, i.params) for i in program.instructions]
    return Recording(outs, results, calls, notes, names, kinds, program)


def _calls(program: Program) -> Iterator[tuple[Within, ...]]:
    """The modules around each instruction: another call where a forward pass left one and came back."""
    since: dict[str, int] = {}
    for n, i in enumerate(program.instructions):
        parts = i.scope.split(".") if i.scope else []
        paths = [".".join(parts[: k + 1]) for k in range(len(parts))]
        forward = i.phase == "forward"
        since = {path: since.get(path, n) for path in paths} if forward else {}
        yield tuple(Within(path, program.modules.get(path, ""), since.get(path, 0)) for path in paths)
