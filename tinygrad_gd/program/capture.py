"""Capture: watch one real run of a function and write down what it computed.

The run is an ordinary one: it computes, differentiates and updates as if nobody watched. Primitives
that stand for NumPy functions become instructions; a composed primitive (a loss, a softmax) is run
once more on Tensors, so that its NumPy calls are what is written down, and rules run on Tensors for
the same reason. What a program could not repeat faithfully is a `problem`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from weakref import ref

import numpy as np

from ..errors import CaptureError, describe, user_frame
from ..modes import using
from ..observer import Live, Observer
from ..observing import observe
from ..ops.shape import astype
from ..primitive import Primitive
from ..storage import tick
from ..tensor import Tensor, constant
from .ir import Argument, Array, Gradient, Input, Instruction, Number, Program, State, Value


class Capture(Observer):
    """An observer that turns what it hears into a `Program`.

    Attributes
    ----------
    problem : why the run cannot be repeated by a program, or empty; the first one counts.
    escaped : the same for results kept somewhere outside, as optimizers rightly do in a first step.
    modules : the modules that took part.
    options : the dicts of hyperparameters that were used.
    reached : the leaves that a backward pass came to.
    decisions : what was asked of `Live` numbers: the source, where they come from, and the outcome.
    """

    wants_tensors = True

    def __init__(self, name: str, strict: bool = False) -> None:
        self.name, self.strict, self.problem = name, strict, ""
        self.locate = True  # whether the user's lines are of interest
        self.escaped = ""
        self.modules: dict[Any, str] = {}
        self.options: dict[int, Any] = {}
        self.reached: set[Tensor] = set()
        self.decisions: dict[str, tuple[Mapping[str, Any], Any]] = {}
        self.began = tick()
        self._values: dict[Tensor, Any] = {}  # what each Tensor holds now: a Value or a constant
        self._places: dict[Tensor, tuple[tuple[str, int], str]] = {}
        self._inputs: dict[Any, Input] = {}  # by Tensor, id of an array, or source of a number
        self._instructions: list[Instruction] = []
        self._phase = "forward"
        self._scopes: list[str] = [""]
        self._copies: dict[int, tuple[Any, Any]] = {}  # id of a copy -> the original, and the copy
        self._settled = 0  # instructions that have got their final phase and place
        self._adjoints: dict[Tensor, Tensor] = {}  # cotangent -> what it belongs to

    # -- what happens ------------------------------------------------------------------------------

    def forward(self, out: Tensor, primitive: Primitive, inputs: Any, params: Any) -> None:
        for given, held in zip(inputs, out._inputs, strict=False):
            if held is not given and isinstance(held, np.ndarray):
                self._copies[id(held)] = given, held  # rules read a copy of the user's array
        self._values[out] = self._run(primitive, inputs, params, Value.like(out._data))
        self._places[out] = self._line(), self._scopes[-1]

    def write(self, target: Tensor, primitive: Primitive, inputs: Any) -> None:
        if target not in self._values:
            self._state(target)
        made = self._run(primitive, inputs, {}, Value.like(target._data))
        state = self._inputs.get(target)
        last = self._instructions[-1]
        if isinstance(state, State):
            output = last.output if made is last.output else made
            self._instructions[-1] = replace(last, output=output, target=state)
        self._values[target] = made

    def backward(self, out: Tensor, position: int, g: Any, gx: Any) -> None:
        line, scope = self._places.get(out, (("", 0), ""))
        for i in range(self._settled, len(self._instructions)):
            self._instructions[i] = replace(self._instructions[i], line=line, scope=scope)
        self._settled = len(self._instructions)
        self._adjoints.setdefault(g, out)
        x = out._inputs[position]
        self._adjoints.setdefault(gx, x)
        if x._primitive is None and x not in self._places:
            self.reached.add(x)

    def starts_backward(self, root: Tensor, seed: Any) -> None:
        self._label("forward")
        self._phase = "backward"

    def ends_backward(self) -> None:
        self._label("backward")
        self._phase = "update"

    def read(self, tensor: Tensor, how: str) -> None:
        self.fail(f"{how} takes the values of {describe(tensor)} out of the step, and a replay would "
                  "not repeat what is done with them; return the tensor instead, and read it outside")

    def effect(self, what: str) -> None:
        self.fail(f"{what} is called in the step, and a replay would not repeat it; call it outside")

    def creates(self, leaf: Tensor, data: Any) -> None:
        if isinstance(data, Tensor | np.ndarray):
            value = self.reference(data)
            if isinstance(value, Value) and value.dtype != leaf.dtype:
                value = self._record(astype, (value,), {"dtype": leaf.dtype},
                                     Value.like(leaf._data))
            self._values[leaf] = value
        else:
            self._values[leaf] = leaf._data

    def takes_gradient(self, leaf: Tensor) -> None:
        g = leaf._grad
        if g is not None and g not in self._values:
            made = self._inputs[g] = Gradient(Value.like(g._data), leaf)
            self._values[g] = made.value

    def enters(self, module: Any) -> None:
        if module not in self.modules:
            self.modules.update({m: path for path, m in module.named_modules()})
        self._scopes.append(self.modules.get(module, ""))

    def leaves(self, module: Any) -> None:
        self._scopes.pop()

    def option(self, options: Mapping[str, Any], key: str, value: Any) -> Any:
        self.options.setdefault(id(options), options)
        if type(value) not in (int, float):
            return value
        group = list(self.options).index(id(options))
        name = f"{key}_{group}" if group else key
        return Live(value, name, {name: (options, key)})

    def decides(self, text: str, origins: Mapping[str, Any], outcome: Any) -> None:
        self.decisions[text] = origins, outcome

    def fail(self, problem: str) -> None:
        """Note, or with ``strict`` raise, why the run cannot become a program."""
        if self.problem:
            return
        file, line = self._line()
        self.problem = f"{self.name}, {file}:{line}: {problem}"
        if self.strict:
            raise CaptureError(self.problem)

    # -- writing it down ---------------------------------------------------------------------------

    def reference(self, x: Any) -> Any:
        """What an instruction names ``x``: a Value, or the constant itself."""
        if isinstance(x, Tensor):
            known = self._values.get(x)
            if known is not None:
                return known
            if x._seq > self.began:  # made on the way out of numbers: the same in every run
                self._values[x] = x._data
                return x._data
            return self._state(x)
        if type(x) is Live:
            return self._input(x.text, lambda: Number(
                Value((), np.dtype(float), True, name=x.text), x.text, x.origins))
        if isinstance(x, np.ndarray):
            x, _ = self._copies.get(id(x), (x, None))
            return self._input(id(x), lambda: Array(Value.like(x), x))
        return x

    def argument(self, position: int, tensor: Tensor, name: str) -> None:
        """Make ``tensor`` known as an argument of the function."""
        made = Argument(Value.like(tensor._data, name), position, tensor)
        self._inputs[tensor] = made
        self._values[tensor] = made.value

    def known(self) -> list[Tensor]:
        """The Tensors that have been met so far."""
        return list(self._values)

    def _state(self, tensor: Tensor) -> Value:
        self._values[tensor] = value = self._input(
            tensor, lambda: State(Value.like(tensor._data, tensor._name or ""), tensor))
        return value

    def _input(self, key: Any, make: Callable[[], Input]) -> Value:
        if key not in self._inputs:
            self._inputs[key] = make()
        return self._inputs[key].value

    def _run(self, primitive: Primitive, inputs: Any, params: Any, out: Value) -> Any:
        """Record a primitive, or the calls it is composed of; returns what holds its result."""
        if not primitive.atomic:
            with using(grad=False):
                result = primitive.function(*map(self._tensor, inputs), **params)
            if isinstance(result, Tensor):
                return self.reference(result)
        return self._record(primitive, tuple(map(self.reference, inputs)), params, out)

    def _tensor(self, x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        tensor = constant(x)
        self._values[tensor] = self.reference(x)
        return tensor

    def _record(self, primitive: Primitive, inputs: Any, params: Any, out: Value) -> Value:
        given = {k: x.noticed() if type(x) is Live else x for k, x in params.items()}
        self._instructions.append(Instruction(
            primitive, inputs, out, given, self._phase, self._scopes[-1], self._line()))
        return out

    def _label(self, phase: str) -> None:
        for i in range(self._settled, len(self._instructions)):
            self._instructions[i] = replace(self._instructions[i], phase=phase)
        self._settled = len(self._instructions)

    def _line(self) -> tuple[str, int]:
        frame = user_frame() if self.locate else None
        return (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)

    # -- the end -----------------------------------------------------------------------------------

    def finish(
        self, results: list[Any], names: dict[Tensor, str], around: dict[int, str] | None = None,
        keep: bool = False,
    ) -> Program:
        """The program of the run that returned ``results``.

        ``names`` are the variables that held Tensors, ``around`` those outside, by id. Unless ``keep``,
        the results lose their graph.
        """
        outputs = tuple(self._output(r) for r in results)
        writes = tuple((state, self._values[state.tensor]) for state in self._inputs.values()
                       if isinstance(state, State | Argument)
                       and self._values[state.tensor] is not state.value)
        self._name(names, around or {})
        computed = self._gradients()
        spent = {leaf for leaf, value in computed if self._is_spent(leaf, value)}
        program = Program(
            self.name, tuple(self._inputs.values()), tuple(self._instructions), outputs,
            writes, tuple((leaf, value) for leaf, value in computed if leaf not in spent),
            tuple(leaf for leaf, _ in computed if leaf in spent))
        if not keep:
            self._find_escaped(results, names)
        return program

    def _output(self, result: Any) -> Any:
        return self.reference(result) if isinstance(result, Tensor) else result

    def _gradients(self) -> list[tuple[Tensor, Value]]:
        """The leaves whose gradient was computed, with its value."""
        leaves = [i.tensor for i in self._inputs.values() if isinstance(i, State | Argument)]
        found = [(leaf, self._values.get(leaf._grad)) for leaf in leaves if leaf._grad is not None]
        return [(leaf, value) for leaf, value in found if isinstance(value, Value)]

    def _is_spent(self, leaf: Tensor, value: Value) -> bool:
        """Whether an update has used the gradient, and it is not a sum over several calls."""
        used = any(value in i.values for i in self._instructions if i.phase == "update")
        return used and not any(isinstance(i, Gradient) and i.tensor is leaf
                                for i in self._inputs.values())

    def _name(self, names: dict[Tensor, str], around: dict[int, str]) -> None:
        for given in self._inputs.values():
            if not given.value.name and isinstance(given, State | Array):
                held = given.tensor if isinstance(given, State) else given.array
                given.value.name = around.get(id(held), "")
        states = {i.tensor: i.value for i in self._inputs.values() if isinstance(i, State | Argument)}
        for tensor, name in names.items():
            value = self._values.get(tensor)
            if isinstance(value, Value) and not value.name:
                value.name = name
        for g, x in self._adjoints.items():
            value, of = self._values.get(g), states.get(x) or self._values.get(x)
            if isinstance(value, Value) and not value.name and isinstance(of, Value) and of.name:
                value.name = f"d_{of.name}"

    def _find_escaped(self, results: list[Any], variables: dict[Tensor, str]) -> None:
        """Refuse a step that keeps a computed Tensor somewhere: a replay would not put it there."""
        kept = {input.tensor for input in self._inputs.values() if isinstance(
            input, State | Argument | Gradient)}
        allowed = {id(r) for r in results} | {id(leaf._grad) for leaf in kept} | {id(t) for t in kept}
        computed = [r for r in results if isinstance(r, Tensor) and r in self._places]
        made = [ref(t) for t in self._places if id(t) not in allowed]
        names = {id(t): v.name for t, v in self._values.items() if isinstance(v, Value)}
        self._values, self._places, self._adjoints = {}, {}, {}
        variables.clear()
        for result in computed:  # its graph ends here: a replay hands out none
            result._primitive, result._inputs, result._values = None, (), []
            result._requires_grad = False
        escaped = next((t for t in (r() for r in made) if t is not None), None)
        if escaped is not None:
            what = names.get(id(escaped)) or describe(escaped)
            self.escaped = (f"{self.name}: {what} is computed in the step and kept outside of it (in a "
                            "list, an attribute or a global); return it instead")


@contextmanager
def variable_names(into: dict[Tensor, str]) -> Any:
    """Collect what the user's functions call their Tensors, while they run."""
    inside = (os.path.dirname(os.path.dirname(__file__)), os.path.dirname(np.__file__))

    def note(frame: Any, event: str, _: Any) -> None:
        code = frame.f_code
        made = code.co_filename == "<string>" and code.co_name.startswith("__")  # by a dataclass
        if event == "return" and not made and not code.co_filename.startswith(inside):
            for name, value in frame.f_locals.items():
                if isinstance(value, Tensor):
                    into.setdefault(value, name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


def watched(capture: Capture, function: Callable[[], Any]) -> tuple[Any, dict[Tensor, str]]:
    """Run ``function`` under the eyes of ``capture``; its result and its names for Tensors."""
    names: dict[Tensor, str] = {}
    with observe(capture), variable_names(names):
        result = function()
    return result, names
