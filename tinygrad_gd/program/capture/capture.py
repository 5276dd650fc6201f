"""Capture: watch one real run of a function and write down what it computed.

The run is an ordinary one: it computes, differentiates and updates as if nobody watched. Primitives
that stand for NumPy functions become instructions; a composed primitive (a loss, a softmax) is run
once more on Tensors, so that its NumPy calls are what is written down, and rules run on Tensors for
the same reason. What a program could not repeat faithfully is a `problem`. When the run is over,
`Capture.finish` finds out what it returned, changed and left in gradients.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from weakref import ref

import numpy as np

from ...engine.numpy_protocol import call_function
from ...engine.operands import values_of
from ...engine.primitive import Primitive
from ...engine.tensor import ALL, Tensor, constant
from ...errors import CaptureError, describe
from ...ground.live import Live
from ...ground.modes import current_mode, using
from ...ground.observer import Observer
from ...ground.pytree import flatten
from ...ground.storage import tick
from ...ground.user_code import UNKNOWN, current_line, entrance, located
from ...ops.shape import astype, copy
from ...ops.unnamed import selects
from ..ir import Argument, Array, Gradient, Input, Instruction, Number, Program, State, Value
from .arrays import TrackedArray, makes_array, stand_in, tracked, untracked
from .numbers import Numbers
from .shared import follow


class Capture(Observer):
    """An observer that turns what it hears into a `Program`.

    Attributes
    ----------
    problem : why the run cannot be repeated by a program, or empty; the first one counts.
    escaped : the same for results kept somewhere outside, as optimizers rightly do in a first step.
    drawn : the same for random numbers that no instruction draws.
    instructions : what has been computed so far.
    modules : the modules that took part.
    options : the dicts of hyperparameters that were used.
    reached : the leaves that a backward pass came to.
    decisions : what was asked of `Live` numbers: the source, where they come from, and the outcome.
    arity : how many arguments are arrays or Tensors.
    """

    wants_tensors = True

    def __init__(self, name: str, strict: bool = False, locate: bool = True,
                 shows_arrays: bool = False) -> None:
        self.name, self.strict, self.problem = name, strict, ""
        self._locate = locate  # whether the user's lines are of interest
        self._shows_arrays = shows_arrays  # to rules, so that what they compute of them is written down
        self.escaped = self.drawn = ""
        self.arity = 0
        self.modules: dict[Any, str] = {}
        self.options: dict[int, Any] = {}
        self.reached: dict[Tensor, None] = {}
        self.decisions: dict[str, tuple[Mapping[str, Any], Any]] = {}
        self.began = tick()
        self._values: dict[Tensor, Any] = {}  # what each Tensor holds now: a Value or a constant
        self._places: dict[Tensor, tuple[tuple[str, int], str]] = {}
        self._inputs: dict[Any, Input] = {}  # by Tensor, id of an array, or source of a number
        self.numbers = Numbers()
        self.instructions: list[Instruction] = []
        self._phase = "forward"
        self._scopes: list[str] = [""]
        self._copies: dict[int, tuple[Any, Any]] = {}  # id of a copy -> the original, and the copy
        self._guarded: dict[Value, Instruction] = {}  # masks that select elements
        self.scalars = False  # whether NumPy has made numbers of arrays, outside of operations
        self._composed = 0  # operations under way that are composed of others
        self._alone = self._beside = False  # a function is at work on arrays alone, or beside Tensors
        self._parts: dict[Value, tuple[Any, Value]] = {}  # whole and form of what leaves copy
        self._settled = 0  # instructions that have got their final phase and place
        self._adjoints: dict[Tensor, Tensor] = {}  # cotangent -> what it belongs to

    # -- what happens ------------------------------------------------------------------------------

    def forward(self, out: Tensor, primitive: Primitive, inputs: Any, params: Any) -> None:
        if current_mode().observer is not self:
            self.fail("an observer (tg.observe, tg.detect_anomaly) watches a part of the step, and "
                      "would be told nothing of a replay; put it around the call")
        for given, held in zip(inputs, out.inputs, strict=False):
            if held is not given and isinstance(held, np.ndarray):
                self._copies[id(held)] = given, held  # rules read a copy of the user's array
        array = (not (self._internal or self._beside or out._primitive) and makes_array(inputs)
                 and type(entrance()) is TrackedArray)
        value = own = Value.like(out._value)
        if primitive.kind == "view" and out._primitive is None:
            values = values_of(inputs)
            view = primitive.run(*values, **params)
            value = Value.like(view)
            if array or self._internal:  # outside, a view stays a view
                out._value = view
            elif not np.may_share_memory(view, values[0]):
                value = own
        if array:
            tracked(out)
        made = self._values[out] = self._run(primitive, inputs, params, value)
        if value is not own and out._value is not view:
            self._parts[made] = self._whole(self.reference(inputs[0])), own
        self._places[out] = self._line(), self._scopes[-1]

    def shows(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(map(self._tensor, inputs)) if self._shows_arrays else inputs

    def write(self, target: Tensor, primitive: Primitive, inputs: Any) -> None:
        if target not in self._values:
            self._state(target)
        made = self._run(primitive, inputs, {}, Value.like(target._value))
        state = self._inputs.get(target)
        last = self.instructions[-1]
        if isinstance(state, State):
            output = last.output if made is last.output else made
            self.instructions[-1] = replace(last, output=output, target=state)
        follow(self._values, target, made, self.instructions, self._record)

    def backward(self, out: Tensor, position: int, g: Any, gx: Any) -> None:
        x = out.inputs[position]
        if x._primitive is None and gx is not g and gx._value.base is not None:
            gx._value = gx._value.copy()  # a leaf's gradient owns its memory, and so is laid out anew
            self._values[gx] = self._record(
                copy, (self.reference(gx),), {"order": "C"}, Value.like(gx._value))
        line, scope = self._places.get(out, (UNKNOWN, ""))
        for i in range(self._settled, len(self.instructions)):
            self.instructions[i] = replace(self.instructions[i], line=line, scope=scope)
        self._settled = len(self.instructions)
        self._adjoints.setdefault(g, out)
        self._adjoints.setdefault(gx, x)
        if x._primitive is None and x not in self._places:
            self.reached[x] = None

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
        self.fail(f"{what} is called in the step, and a replay would not repeat it; call it outside, "
                  "or pass what it gives as an argument")

    def creates(self, leaf: Tensor, data: Any) -> None:
        if isinstance(data, Tensor | np.ndarray):
            value = given = self.reference(data)
            if self._alone and isinstance(data, Tensor) and leaf.dtype == data.dtype:
                leaf._value = data._value
            if isinstance(value, Value) and value.dtype != leaf.dtype:
                value = self._record(astype, (value,), {"dtype": leaf.dtype},
                                     Value.like(leaf._value))
            elif isinstance(value, Value) and not value.has_form_of(leaf._value):
                value = self._record(copy, (value,), {"order": "K"}, Value.like(leaf._value))
            if value is not given:
                self._parts[value] = self._whole(given), value
            self._values[leaf] = value
        else:
            self._values[leaf] = _kept(leaf)

    def calls(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A NumPy function is called with arrays: of these alone, NumPy itself computes the result."""
        alone, before = makes_array(flatten((args, kwargs))), len(self.instructions)
        then, self._alone, self._beside = (self._alone, self._beside), alone, not alone
        try:
            made = call_function(function, args, dict(kwargs))
        finally:
            self._alone, self._beside = then
        if not alone or self._internal or not isinstance(made, Tensor):
            return made
        call = stand_in(function, args, kwargs)
        if call is None:
            return made
        if not (Value.like(call.value).has_form_of(made._value)
                and np.array_equal(call.value, made._value, equal_nan=True)):
            del self.instructions[before:]
            made = constant(call.value)
            self.forward(made, call.primitive, call.inputs, call.params)
        return tracked(made)

    def overwrites(self, array: Tensor, primitive: Primitive) -> bool:
        """Whether an array is changed in place that is, or shows a part of, an argument."""
        given = (i.tensor._value for i in self._inputs.values() if isinstance(i, Argument))
        found = any(np.may_share_memory(array._value, x) for x in given)
        if found:
            self.fail(f"in-place {primitive.name} changes an array that was given as an argument, and "
                      "a replay would not; write x = x + 1 instead of x += 1")
        return found

    def takes_gradient(self, leaf: Tensor) -> None:
        g = leaf._grad
        if g is not None and g not in self._values:
            made = self._inputs[g] = Gradient(Value.like(g._value), leaf)
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
        return self.numbers.live(value, f"{key}_{group}" if group else key, options, key)

    def decides(self, text: str, origins: Mapping[str, Any], outcome: Any) -> None:
        self.decisions[text] = origins, outcome

    def fail(self, problem: str) -> None:
        """Note, or with ``strict`` raise, why the run cannot become a program."""
        if self.problem:
            return
        self.problem = located(self.name, self._line(), problem)
        if self.strict:
            raise CaptureError(self.problem)

    @property
    def changed(self) -> bool:
        """Whether the run has already changed something: a value, a gradient, the random numbers."""
        return bool(self.reached or self.problem or self._acted)

    @property
    def _acted(self) -> bool:
        return any(i.target is not None or i.primitive.kind == "draw" for i in self.instructions)

    # -- writing it down ---------------------------------------------------------------------------

    def reference(self, x: Any) -> Any:
        """What an instruction names ``x``: a Value, or the constant itself."""
        if isinstance(x, Tensor):
            known = self._values.get(x)
            if known is not None:
                return known
            if x._seq > self.began:  # made on the way out of numbers: the same in every run
                self._values[x] = _kept(x)
                return self._values[x]
            return self._state(x)
        if type(x) is Live:
            return self._input(x.text, lambda: Number(
                Value((), np.dtype(float), True, name=x.text), x.text, x.origins))
        if isinstance(x, np.ndarray):
            x, _ = self._copies.get(id(x), (x, None))
            return self._input(id(x), lambda: Array(Value.like(x), x, self._internal))
        self.scalars |= isinstance(x, np.generic) and not self._internal
        return x

    @property
    def _internal(self) -> bool:
        """Whether an operation or a rule is at work, and no code of the user."""
        return self._composed > 0 or self._phase == "backward"

    def argument(self, position: int, tensor: Tensor, name: str) -> None:
        """Make ``tensor`` known as an argument of the function."""
        self.arity = position + 1
        made = Argument(Value.like(tensor._value, name), position, tensor)
        self._inputs[tensor] = made
        self._values[tensor] = made.value

    @property
    def states(self) -> list[Tensor]:
        """The Tensors from outside, arguments excepted."""
        return [i.tensor for i in self._inputs.values() if isinstance(i, State)]

    @property
    def _tensors(self) -> dict[Tensor, State | Argument]:
        """The Tensors from outside and those among the arguments."""
        return {i.tensor: i for i in self._inputs.values() if isinstance(i, State | Argument)}

    @property
    def data(self) -> list[int]:
        """The ids of the Tensors and arrays from outside."""
        arrays = [i.array for i in self._inputs.values() if isinstance(i, Array)]
        return [id(x) for x in (*self.states, *arrays)]

    def known(self) -> list[Tensor]:
        """The Tensors that have been met so far."""
        return list(self._values)

    def _state(self, tensor: Tensor) -> Value:
        self._values[tensor] = value = self._input(
            tensor, lambda: State(Value.like(tensor._value, tensor._name or ""), tensor))
        return value

    def _input(self, key: Any, make: Callable[[], Input]) -> Value:
        if key not in self._inputs:
            self._inputs[key] = make()
        return self._inputs[key].value

    def _run(self, primitive: Primitive, inputs: Any, params: Any, out: Value) -> Any:
        """Record a primitive, or the calls it is composed of; returns what holds its result."""
        if not primitive.atomic:
            given = tuple(map(self._tensor, inputs))
            self._composed += 1
            with using(grad=False):
                result = primitive.function(*given, **params)
            self._composed -= 1
            if isinstance(result, Tensor):
                return self.reference(result)
        if primitive.name == "getitem":
            for mask in inputs[1:]:
                self._guard(mask, self.reference(mask))
        return self._record(primitive, tuple(map(self.reference, inputs)), params, out)

    def _tensor(self, x: Any) -> Any:
        if isinstance(x, Tensor) or not isinstance(x, np.ndarray):
            return x
        tensor = constant(x)
        self._values[tensor] = self.reference(x)
        return tensor

    def _record(self, primitive: Primitive, inputs: Any, params: Any, out: Value) -> Value:
        given = {k: x.noticed() if type(x) is Live else x for k, x in params.items()}
        if self._parts and primitive is not copy and not primitive.elementwise:
            inputs = tuple(self._apart(x, inputs) for x in inputs)
        self.instructions.append(Instruction(
            primitive, inputs, out, given, self._phase, self._scopes[-1], self._line()))
        return out

    def _whole(self, x: Any) -> Any:
        """What a view shows, or a copy was made of, if an unrecorded Tensor holds a copy."""
        return self._parts[x][0] if isinstance(x, Value) and x in self._parts else x

    def _apart(self, x: Any, beside: tuple[Any, ...]) -> Any:
        """An input as a copy, if that gives other last bits than the view: BLAS knows ``x.T @ x``."""
        if not isinstance(x, Value) or x not in self._parts or x.dtype.kind != "f":
            return x
        whole, form = self._parts[x]
        together = any(x is not y and whole is self._whole(y) for y in beside)
        if not together and (x.axes, x.dense) == (form.axes, form.dense):
            return x
        return self._record(copy, (x,), {"order": "K"}, replace(form))

    def _guard(self, mask: Any, value: Any) -> None:
        """Shapes depend on how many elements a mask selects: a program is for that number only."""
        if not isinstance(value, Value) or value.dtype != bool or value in self._guarded:
            return
        count = int(np.count_nonzero(mask._value if isinstance(mask, Tensor) else mask))
        self._guarded[value] = Instruction(
            selects, (value,), Value((), value.dtype, True), {"count": count}, self._phase,
            self._scopes[-1], self._line())
        if any(given.value is value for given in self._inputs.values()):
            return  # looked at before everything else
        if self._acted:
            self.fail("how many elements a mask selects may change, and shapes with it, when it is too "
                      "late to capture the step again; select first, draw and update after, or use "
                      "tg.where(mask, x, 0.0) and divide by mask.sum()")
        self.instructions.append(self._guarded[value])

    def _label(self, phase: str) -> None:
        for i in range(self._settled, len(self.instructions)):
            self.instructions[i] = replace(self.instructions[i], phase=phase)
        self._settled = len(self.instructions)

    def _line(self) -> tuple[str, int]:
        return current_line() if self._locate else UNKNOWN

    # -- the end -----------------------------------------------------------------------------------

    def finish(
        self, results: list[Any], names: dict[Tensor, str], around: dict[int, str] | None = None,
        keep: bool = False,
    ) -> Program:
        """The program of the run that returned ``results``.

        ``names`` are the variables that held Tensors, ``around`` those outside, by id. Unless ``keep``,
        the results lose their graph.
        """
        self._owners = {v: t for t, i in self._tensors.items() for v in (i.value, self._values[t])}
        outputs = tuple(self._output(r) for r in results)
        writes = tuple((given, self._values[tensor]) for tensor, given in self._tensors.items()
                       if self._values[tensor] is not given.value)
        self._name(names, around or {})
        computed = [] if keep else self._gradients()  # a recorded graph has its own
        cleared = {leaf for leaf in self.reached if leaf._grad is None and not keep}
        spent = cleared | {leaf for leaf, value in computed if self._is_spent(leaf, value)}
        gradients = self._owned([(leaf, value) for leaf, value in computed if leaf not in spent])
        given = {i.value for i in self._inputs.values()}
        early = [guard for mask, guard in self._guarded.items() if mask in given]
        program = Program(
            self.name, tuple(self._inputs.values()), (*early, *self.instructions), outputs, writes,
            gradients, tuple(leaf for leaf in self._tensors if leaf in spent))
        if not keep:
            self._find_escaped(results, names)
        return program

    def _output(self, result: Any) -> Any:
        if not isinstance(result, Tensor) or isinstance(self._inputs.get(result), State):
            return result
        value = self.reference(result)  # has memory of its own
        same = isinstance(value, Value) and self._owners.setdefault(value, result) is result
        return value if same else self._copied(value)

    def _copied(self, x: Any) -> Value:
        """What ``x`` holds in memory of its own."""
        form = replace(x, name="") if isinstance(x, Value) else Value.like(x)
        return self._record(copy, (x,), {"order": "K"}, form)

    def _gradients(self) -> list[tuple[Tensor, Any]]:
        """The leaves whose gradient was computed, with its value."""
        found = []
        for leaf in self._tensors:
            g = leaf._grad
            if g in self._values or (g is not None and leaf in self.reached):
                found.append((leaf, self.reference(g)))
        return found

    def _owned(self, gradients: list[tuple[Tensor, Any]]) -> tuple[tuple[Tensor, Value], ...]:
        """Gradients that stay, each in an array of its own, for the user to write into."""
        made = {i.output: i.primitive.kind for i in self.instructions}
        return tuple((leaf, value if isinstance(value, Value) and made.pop(value, "view") != "view"
                      else self._copied(value)) for leaf, value in gradients)

    def _is_spent(self, leaf: Tensor, value: Any) -> bool:
        """Whether an update has used the gradient, and it is not a sum over several calls."""
        used = any(value is x for i in self.instructions if i.phase == "update" for x in i.inputs)
        return used and not any(isinstance(i, Gradient) and i.tensor is leaf
                                for i in self._inputs.values())

    def _name(self, names: dict[Tensor, str], around: dict[int, str]) -> None:
        for given in self._inputs.values():
            if not given.value.name and isinstance(given, State | Array):
                held = given.tensor if isinstance(given, State) else given.array
                given.value.name = around.get(id(held), "")
        states = {tensor: given.value for tensor, given in self._tensors.items()}
        for tensor, name in names.items():
            value = self._values.get(tensor)
            if isinstance(value, Value) and not value.name:
                value.name = name
        data = {given.value for given in self._inputs.values()}  # x is the gradient of w in w * x
        for g, x in self._adjoints.items():
            value, of = self._values.get(g), states.get(x) or self._values.get(x)
            if isinstance(value, Value) and not value.name and isinstance(of, Value) and of.name:
                value.name = "" if value in data else f"d_{of.name}"

    def _find_escaped(self, results: list[Any], variables: dict[Tensor, str]) -> None:
        """Refuse a step that keeps a computed Tensor somewhere: a replay would not put it there."""
        kept = [i.tensor for i in self._inputs.values() if isinstance(i, State | Argument | Gradient)]
        allowed = {id(x) for x in (*results, *kept, *(leaf._grad for leaf in kept))}
        computed = [r for r in results if isinstance(r, Tensor) and r in self._places]
        made = [ref(t) for t in self._places if id(t) not in allowed]
        names = {id(t): v.name for t, v in self._values.items() if isinstance(v, Value)}
        lines = {id(t): line for t, (line, _) in self._places.items()}
        self._values, self._places, self._adjoints = {}, {}, {}
        variables.clear()
        for result in (r for r in results if isinstance(r, Tensor)):
            untracked(result)
        for result in computed:  # its graph ends here: a replay hands out none
            result._primitive, result._first, result._second = None, (), ALL
            result._requires_grad = False
        if any(r() is not None for r in made):
            gc.collect()  # a function that calls itself is garbage that nobody has picked up
        escaped = next((t for t in (r() for r in made) if t is not None), None)
        if escaped is not None:
            what = names.get(id(escaped)) or describe(escaped)
            self.escaped = located(self.name, lines[id(escaped)], (
                f"{what} is computed in the step and kept outside of it (in a list, an attribute or a "
                "global); return it instead"))


def _kept(constant: Tensor) -> Any:
    """The values of a constant, which whoever has the Tensor may overwrite."""
    return constant._value.copy("K") if isinstance(constant._value, np.ndarray) else constant._value
