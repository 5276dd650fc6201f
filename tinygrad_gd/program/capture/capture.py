"""Capture: watch what is computed, and write it down.

What is watched is an ordinary run: it computes, differentiates and updates as if nobody watched.
Primitives that stand for NumPy functions become instructions; a composed primitive (a loss, a softmax)
is run once more on Tensors, so that its NumPy calls are what is written down, and rules run on Tensors
for the same reason.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ...engine.operands import values_of
from ...engine.primitive import Primitive
from ...engine.tensor import Tensor, constant
from ...ground.live import Live
from ...ground.modes import using
from ...ground.observer import Observer
from ...ground.storage import tick
from ...ground.user_code import UNKNOWN, current_line
from ...ops.shape import astype, copy
from ...ops.unnamed import selects
from ..ir import Argument, Array, Input, Instruction, Number, Program, State, Value


class Numbers:
    """Live numbers with names of their own: an argument ``lr`` is not the option of that name."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[int, Any]] = {}

    def live(self, value: Any, name: str, container: Any, key: Any) -> Live:
        """A number that lies in a container, under this name or one like it.

        >>> numbers, options, floats = Numbers(), {"lr": 0.1}, [1.0]
        >>> numbers.live(floats[0], "lr", floats, 0).text
        'lr'
        >>> numbers.live(options["lr"], "lr", options, "lr").text
        'lr_1'
        """
        place, free, tries = (id(container), key), name, count(1)
        while hasattr(builtins, free) or self._places.setdefault(free, place) != place:
            free = f"{name}_{next(tries)}"
        return Live(value, free, {free: (container, key)})


class Capture(Observer):
    """An observer that turns what it hears into instructions.

    Attributes
    ----------
    instructions : what has been computed so far.
    inputs : what comes from outside, by Tensor, id of an array, or source of a number.
    guards : by masks that select elements, the instructions that look at how many.
    modules : the modules that took part, with their paths.
    reached : the leaves that a backward pass came to.
    began : when; Tensors made since then of numbers are constants.
    """

    wants_tensors = True

    def __init__(self, numbers: Numbers | None = None, locate: bool = True) -> None:
        self._locate = locate  # whether the user's lines are of interest
        self.numbers = numbers or Numbers()
        self.modules: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self.reached: dict[Tensor, None] = {}
        self.guards: dict[Value, Instruction] = {}
        self.instructions: list[Instruction] = []
        self.inputs: dict[Any, Input] = {}
        self.began = tick()
        self._values: dict[Tensor, Any] = {}  # what each Tensor holds now: a Value or a constant
        self._places: dict[Tensor, tuple[tuple[str, int], str]] = {}
        self._options: dict[int, Any] = {}  # the dicts of hyperparameters that were used
        self._phase = "forward"
        self._scopes: list[str] = [""]
        self._copies: dict[int, tuple[Any, Any]] = {}  # id of a copy -> the original, and the copy
        self._composed = 0  # operations under way that are composed of others
        self._parts: dict[Value, tuple[Any, Value]] = {}  # whole and form of what leaves copy
        self._views: dict[Value, Instruction] = {}  # what may show the memory of another
        self._settled = 0  # instructions that have got their final phase and place
        self._adjoints: dict[Tensor, Tensor] = {}  # cotangent -> what it belongs to

    # -- what happens ------------------------------------------------------------------------------

    def forward(self, out: Tensor, primitive: Primitive, inputs: Any, params: Any) -> None:
        for given, held in zip(inputs, out.inputs, strict=False):
            if held is not given and isinstance(held, np.ndarray):
                self._copies[id(held)] = given, held  # rules read a copy of the user's array
        value = own = Value.like(out._value)
        if primitive.kind == "view" and out._primitive is None:
            values = values_of(inputs)
            view = primitive.run(*values, **params)
            value = Value.like(view)
            if self._internal:  # else a copy, as outside of programs
                out._value = view
            elif not np.may_share_memory(view, values[0]):
                value = own
        made = self._values[out] = self._run(primitive, inputs, params, value)
        if value is not own and out._value is not view:
            self._parts[made] = self._whole(self.reference(inputs[0])), own
        self._places[out] = self._line(), self._scopes[-1]

    def shows(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(map(self._tensor, inputs))  # arrays too, for what rules compute of them

    def write(self, target: Tensor, primitive: Primitive, inputs: Any) -> None:
        if target not in self._values:
            self._state(target)
        made = self._run(primitive, inputs, {}, Value.like(target._value))
        state = self.inputs.get(target)
        last = self.instructions[-1]
        if isinstance(state, State):
            output = last.output if made is last.output else made
            self.instructions[-1] = replace(last, output=output, target=state)
            state.changes = True
        self._show_anew(target, made)

    def _show_anew(self, target: Tensor, new: Value) -> None:
        """Let a Tensor have a new value, and those that show its memory views of that.

        In a program every value is made once: what shows old values is made again of the new ones.
        """
        renewed: dict[Any, Any] = {self._values[target]: new}
        views, held = self._views, target._value

        def again(value: Value) -> Value:
            """A value made again, view by view; itself if it shows none that is old."""
            if value not in renewed and value in views:
                i = views[value]
                first = again(i.inputs[0]) if isinstance(i.inputs[0], Value) else i.inputs[0]
                if first is not i.inputs[0]:
                    renewed[value] = self._record(
                        i.primitive, (first, *i.inputs[1:]), i.params, replace(i.output))
            return renewed.get(value, value)  # type: ignore[no-any-return]

        self._values[target] = new
        if not isinstance(held, np.ndarray):
            return
        for tensor, value in list(self._values.items()):
            if (isinstance(value, Value) and value in views and tensor is not target
                    and np.may_share_memory(tensor._value, held)):
                self._values[tensor] = again(value)

    def backward(self, out: Tensor, position: int, g: Any, gx: Any) -> None:
        x = out.inputs[position]
        if x._primitive is None and gx is not g and gx._value.base is not None:
            gx._value = gx._value.copy()  # a leaf's gradient owns its memory, and so is laid out anew
            self._values[gx] = self._record(
                copy, (self.reference(gx),), {"order": "C"}, Value.like(gx._value))
        line, scope = self._places.get(out, (UNKNOWN, ""))
        self._settle(line=line, scope=scope)
        self._adjoints.setdefault(g, out)
        self._adjoints.setdefault(gx, x)
        if x._primitive is None and x not in self._places:
            self.reached[x] = None

    def starts_backward(self, root: Tensor, seed: Any) -> None:
        self._settles_forward()
        self._phase = "backward"

    def ends_backward(self) -> None:
        self._settle(phase="backward")
        self._phase = "update"

    def creates(self, leaf: Tensor, data: Any) -> None:
        if isinstance(data, Tensor | np.ndarray):
            value = given = self.reference(data)
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

    def enters(self, module: Any) -> None:
        if module not in self.modules:
            self.modules.update({m: path for path, m in module.named_modules()})
        self._scopes.append(self.modules.get(module, ""))

    def leaves(self, module: Any) -> None:
        self._scopes.pop()

    def option(self, options: Mapping[str, Any], key: str, value: Any) -> Any:
        self._options.setdefault(id(options), options)
        several = type(value) is tuple and all(type(x) is float for x in value)
        if type(value) not in (int, float) and not several:
            return value
        group = list(self._options).index(id(options))  # all options of a group have its number
        found = self.numbers.live(value, f"{key}_{group}" if group else key, options, key)
        return found if not several else tuple(
            Live(x, f"{found.text}[{n}]", found.origins) for n, x in enumerate(value))

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
        return x

    @property
    def _internal(self) -> bool:
        """Whether an operation or a rule is at work, and no code of the user."""
        return self._composed > 0 or self._phase == "backward"

    def _state(self, tensor: Tensor) -> Value:
        self._values[tensor] = value = self._input(
            tensor, lambda: State(Value.like(tensor._value, tensor._name or ""), tensor))
        return value

    def _input(self, key: Any, make: Callable[[], Input]) -> Value:
        if key not in self.inputs:
            self.inputs[key] = make()
        return self.inputs[key].value

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
        if primitive.kind == "view":
            self._views[out] = self.instructions[-1]
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
        if not isinstance(value, Value) or value.dtype != bool or value in self.guards:
            return
        count = int(np.count_nonzero(mask._value if isinstance(mask, Tensor) else mask))
        self.guards[value] = Instruction(
            selects, (value,), Value((), value.dtype, True), {"count": count}, self._phase,
            self._scopes[-1], self._line())
        if not any(given.value is value for given in self.inputs.values()):
            self.instructions.append(self.guards[value])  # else it is looked at before the program

    def _settle(self, **known: Any) -> None:
        """Let the instructions since the last time have the phase or the place that is known now."""
        for i in range(self._settled, len(self.instructions)):
            self.instructions[i] = replace(self.instructions[i], **known)
        self._settled = len(self.instructions)

    def _settles_forward(self) -> None:
        """What was computed since the last time went forward, but for what parameters got anew."""
        update: set[Any] = set()
        for i in reversed(self.instructions[self._settled :]):
            if i.output in update or (i.target is not None and i.target.tensor._requires_grad):
                update.update((i.output, *i.values))
        for n in range(self._settled, len(self.instructions)):
            i = self.instructions[n]
            phase = "update" if i.output in update else "forward"
            self.instructions[n] = replace(i, phase=phase)
        self._settled = len(self.instructions)

    def _line(self) -> tuple[str, int]:
        return current_line() if self._locate else UNKNOWN

    # -- names -------------------------------------------------------------------------------------

    def name_all(self, names: dict[Tensor, str], around: dict[int, str]) -> None:
        """Take over what variables are called; those outside are found by the ids of what they hold."""
        for given in self.inputs.values():
            if not given.value.name and isinstance(given, State | Array):
                held = given.tensor if isinstance(given, State) else given.array
                given.value.name = around.get(id(held), "")
        states = {given.tensor: given.value for given in self.inputs.values()
                  if isinstance(given, State | Argument)}
        for tensor, name in names.items():
            value = self._values.get(tensor)
            if isinstance(value, Value) and not value.name:
                value.name = name
        data = {given.value for given in self.inputs.values()}  # x is the gradient of w in w * x
        for g, x in self._adjoints.items():
            value, of = self._values.get(g), states.get(x) or self._values.get(x)
            if isinstance(value, Value) and isinstance(of, Value) and value not in data:
                value.of = value.of or of
                value.name = value.name or (of.name and f"d_{of.name}")
        for i in self.instructions:
            of = {x.of if isinstance(x, Value) else None for x in i.inputs}
            if i.primitive.name == "add" and len(of) == 1:  # a sum of gradients is one, too
                i.output.of = i.output.of or of.pop()

    def forget(self) -> None:
        """Let go of what is needed only while something is computed."""
        self._values, self._places, self._adjoints, self._copies, self.reached = {}, {}, {}, {}, {}
        self._views = {}

    def program(self, name: str, results: list[Tensor]) -> Program:
        """The program that computes these results, each in memory of its own."""
        owners: dict[Any, Tensor] = {
            self._values[i.tensor]: i.tensor for i in self.inputs.values() if isinstance(i, State)}
        outputs = []
        for result in results:
            value = self.reference(result)
            if not isinstance(value, Value) or owners.setdefault(value, result) is not result:
                form = replace(value, name="") if isinstance(value, Value) else Value.like(value)
                value = self._record(copy, (value,), {"order": "K"}, form)
            outputs.append(value)
        early = [self.guards[i.value] for i in self.inputs.values() if i.value in self.guards]
        return Program(name, tuple(self.inputs.values()), (*early, *self.instructions), tuple(outputs))


def _kept(constant: Tensor) -> Any:
    """The values of a constant, which whoever has the Tensor may overwrite."""
    return constant._value.copy("K") if isinstance(constant._value, np.ndarray) else constant._value
