"""`compile`: capture a step while it runs, then replay it."""

from __future__ import annotations

import copy
import functools
import inspect
import types
import warnings
from collections.abc import Callable
from enum import Enum
from threading import Lock
from typing import Any

import numpy as np

from ..errors import CaptureError, CaptureWarning, DTypeError, describe, user_stacklevel
from ..modes import Mode, current_mode
from ..nn.module import Module
from ..observer import Live
from ..primitive import Primitive
from ..tensor import Tensor, constant
from ..transforms.pytree import flatten, unflatten
from .capture import Capture, watched
from .compare import difference, settled
from .guards import Guard, ModuleGuard, placed
from .ir import Number, Program, State, Value
from .passes import optimized, readable
from .replay import Memory, Replay, Stale
from .source import source_of

#: What arguments and results may be made of.
_KINDS = (np.ndarray, Tensor, np.generic, int, float, complex, str, bytes, type(None), type,
          types.FunctionType, types.BuiltinFunctionType, types.MethodType, np.ufunc, np.dtype, slice,
          type(...), Primitive, Enum)

#: What a program takes as an argument; other values are part of the form of the arguments.
_ARRAYS = (Tensor, np.ndarray, np.floating)

#: Captures of one form of arguments before giving up: what is captured must settle.
PATIENCE = 4
#: Programs kept for one form of arguments, as for training and evaluation.
VARIANTS = 8
#: Forms of arguments for which programs are kept.
FORMS = 64


class Surroundings:
    """Everything around a captured run that a program relies on."""

    def __init__(self, capture: Capture, function: Any, mode: Mode) -> None:
        guard = Guard(function, capture.modules)
        self.names = guard.names
        self.reached = list(capture.reached)
        self.options, self.decisions = list(capture.options.values()), capture.decisions
        self._modules = ModuleGuard(capture.modules)
        self.conditions = guard.conditions()
        self.conditions.add("{}() is {} or {}() == {}", current_mode, mode, current_mode, mode)
        self.conditions.add(f"{{}}.changes == {Module.changes} or {{}}()", Module, self._modules.holds)
        self.hold = self.conditions.compiled()

    def require(self, program: Program, without_gradient: list[Tensor]) -> Callable[[], bool]:
        """A check of all of it, hyperparameters and absent gradients included."""
        origins = [origin for given in program.inputs if isinstance(given, Number)
                   for origin in given.origins.values()]
        origins += [origin for of, _ in self.decisions.values() for origin in of.values()]
        if any(isinstance(x, int | float | np.generic) for x in program.outputs):
            origins = []  # a returned number may be a learning rate
        for options in self.options:
            live = {key for held, key in origins if held is options}
            self.conditions.add(f"len({{}}) == {len(options)}", options)
            for key, value in options.items():
                if key in live:  # the program reads it, as long as it is a number
                    self.conditions.add(f"type({{}}[{key!r}]) is {{}}", options, type(value))
                elif key != "params":
                    self.conditions.add(f"{{}}[{key!r}] == {{}}", options, value)
        for text, (of, outcome) in self.decisions.items():
            self.conditions.add(*placed(text, of), outcome)
        for given in program.inputs:
            if isinstance(given, State) and given.value.dtype.kind == "f":
                flag = given.tensor._requires_grad
                self.conditions.add(f"{{}}._requires_grad is {flag}", given.tensor)
        for leaf in without_gradient:
            self.conditions.add("{}._grad is None", leaf)
        return self.conditions.compiled()


class Entry:
    """A program that replays, with the surroundings it relies on."""

    def __init__(self, captured: Program, surroundings: Surroundings, result: Any, arity: int,
                 floats: list[float], without_gradient: list[Tensor]) -> None:
        self.captured, self.floats = captured, floats
        self.program = optimized(captured)
        self.replay = Replay(self.program, arity)
        self.run = self.replay.run
        self.holds = surroundings.require(self.program, without_gradient)
        self.form, self.single = result, isinstance(result, Tensor)


class Compiled:
    """A function that is captured as a program and replayed; made by `compile`.

    Attributes
    ----------
    problem : why the function is not compiled, or empty.
    """

    def __init__(self, function: Callable[..., Any], strict: bool = False) -> None:
        if not callable(function):
            raise DTypeError(f"compile: expected a function, got {describe(function)}")
        functools.update_wrapper(self, function)
        self.function, self.strict = function, strict
        self.name = getattr(function, "__name__", "step")
        self.name = self.name if self.name.isidentifier() else "step"
        self.problem = ""
        self._entries: dict[Any, list[Entry]] = {}
        self._pending: dict[Any, tuple[int, list[tuple[Program, Surroundings]]]] = {}
        self._last: Entry | None = None
        self._in_use = Lock()  # the buffers, and the floats

    def __get__(self, owner: Any, cls: Any = None) -> Any:
        """Of a method decorated in a class, each object gets its own compiled one."""
        if owner is None:
            return self
        own = Compiled(types.MethodType(self.function, owner), self.strict)
        owner.__dict__[self.name] = own
        return own

    def __deepcopy__(self, memo: Any) -> Compiled:
        return Compiled(copy.deepcopy(self.function, memo), self.strict)

    def __copy__(self) -> Compiled:
        return Compiled(self.function, self.strict)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Replay the program for these arguments, or run the function and capture it."""
        if self.problem or current_mode().observer is not None:
            return self.function(*args, **kwargs)
        if not args and not kwargs:
            key, leaves = (), []
        else:
            leaves = flatten((args, kwargs))
            key = _key(args, kwargs, leaves)
        with self._in_use:
            for entry in self._entries.get(key, ()):
                if leaves:
                    entry.floats[:] = [x for x in leaves if type(x) is float]
                if entry.holds():
                    self._last = entry
                    try:
                        return self._replayed(entry, leaves)
                    except Stale:
                        self._entries[key].remove(entry)
                        break
        return self._captured(key, args, kwargs, leaves)

    def _replayed(self, entry: Entry, leaves: list[Any]) -> Any:
        if not leaves:
            result = entry.run()
        else:
            result = entry.run(*[x if isinstance(x, Tensor) else constant(x) for x in leaves
                                 if isinstance(x, _ARRAYS)])
        if entry.single:
            return result
        count = len(entry.program.outputs)
        return unflatten(entry.form, [result] if count == 1 else result or ())

    # -- capturing ---------------------------------------------------------------------------------

    def _captured(self, key: Any, args: Any, kwargs: Any, leaves: list[Any]) -> Any:
        tries, candidates = self._pending.setdefault(key, (0, []))
        before = next((c for c in candidates if c[1].hold()), None)
        capture, mode = Capture(self.name, self.strict), current_mode()
        floats = [x for x in leaves if type(x) is float]
        shown = self._arguments(capture, args, kwargs, leaves, floats)
        bare = [leaf for leaf in before[1].reached if leaf._grad is None] if before else []
        a, k = unflatten((args, kwargs), shown)
        result, names = watched(capture, lambda: _settled_numbers(self.function(*a, **k)))
        around = Surroundings(capture, self.function, mode)
        program = capture.finish(flatten(result), names, around.names)
        problem = (capture.problem or capture.escaped or self._unseen("takes", leaves, _KINDS)
                   or self._unseen("returns", program.outputs, (Value, *_KINDS[1:])))
        if not problem and before is not None:
            problem = difference(before[0], program)
            if not problem:
                arity = sum(isinstance(x, _ARRAYS) for x in leaves)
                captured = settled(before[0], program)
                self._settle(key, Entry(captured, around, result, arity, floats, bare))
                return result
        if capture.problem or (problem and tries + 1 >= PATIENCE):
            self._give_up(problem)
        self._pending[key] = tries + bool(problem), [(program, around), *candidates][:PATIENCE]
        if len(self._pending) > FORMS:
            self._give_up(f"{self.name} was called with {FORMS} forms of arguments, hardly ever twice "
                          "with the same; an int counts as part of the form: give a number that keeps "
                          "changing as a float")
        return result

    def _arguments(self, capture: Capture, args: Any, kwargs: Any, leaves: list[Any],
                   floats: list[float]) -> list[Any]:
        names = iter(_argument_names(self.function, args, kwargs))
        shown: list[Any] = []
        position = number = 0
        for x in leaves:
            name = next(names)
            if isinstance(x, _ARRAYS):
                tensor = x if isinstance(x, Tensor) else constant(x)
                capture.argument(position, tensor, name)
                shown.append(tensor)
                position += 1
            elif type(x) is float:
                shown.append(Live(x, name, {name: (floats, number)}))
                number += 1
            else:
                shown.append(x)
        return shown

    def _unseen(self, verb: str, leaves: Any, kinds: tuple[type, ...]) -> str:
        """Why what goes in or comes out is not of a kind that a program can stand for."""
        other = next((x for x in leaves if not isinstance(x, kinds)), None)
        return "" if other is None else (
            f"{self.name}: it {verb} {describe(other)}, into which a program cannot see; use Tensors, "
            "arrays and numbers in lists, tuples and dicts, and let objects be variables outside")

    def _settle(self, key: Any, entry: Entry) -> None:
        variants = self._entries.setdefault(key, [])
        variants.insert(0, entry)
        self._pending.pop(key, None)
        if len(self._entries) > FORMS:
            del self._entries[next(iter(self._entries))]
        self._last = entry
        if len(variants) > VARIANTS:
            self._give_up(f"{self.name} was captured {VARIANTS} times, because what it depends on "
                          "keeps changing (a global or an attribute it reads); make it an argument")

    def _give_up(self, problem: str) -> None:
        self.problem = problem
        if self.strict:
            raise CaptureError(problem)
        warnings.warn(f"{problem}. It goes on without being compiled", CaptureWarning,
                      stacklevel=user_stacklevel())

    # -- looking at it -----------------------------------------------------------------------------

    def _entry(self) -> Entry:
        if self._last is None:
            raise CaptureError(self.problem or f"{self.name}: nothing captured yet; call it at least "
                               "twice with arguments of the same shapes")
        return self._last

    @property
    def captured(self) -> Program:
        """The program as it was captured, before all passes."""
        return self._entry().captured

    @property
    def program(self) -> Program:
        """The captured program after all passes."""
        return self._entry().program

    @property
    def source(self) -> str:
        """The program as readable NumPy text that runs on its own."""
        return source_of(readable(self.captured))

    @property
    def replay_source(self) -> str:
        """The text that is executed, with its buffers."""
        return self._entry().replay.source

    def memory(self) -> Memory:
        """Bytes of states, constants, buffers and temporaries, and what each buffer is for."""
        return self._entry().replay.memory()


def _settled_numbers(result: Any) -> Any:
    """A function's result, with plain numbers for live ones: out there nobody keeps track."""
    leaves = flatten(result)
    if not any(type(x) is Live for x in leaves):
        return result
    return unflatten(result, [x.noticed() if type(x) is Live else x for x in leaves])


def _key(args: Any, kwargs: Any, leaves: list[Any]) -> Any:
    form = repr(unflatten((args, kwargs), ["."] * len(leaves)))
    seen: dict[int, int] = {}
    return form, tuple(_leaf_key(x, seen.setdefault(id(x), i)) for i, x in enumerate(leaves))


def _leaf_key(x: Any, first: int) -> Any:
    if isinstance(x, Tensor):
        return "tensor", x._data.shape, x._data.dtype, x._requires_grad, first
    if isinstance(x, _ARRAYS):
        return "array", x.shape, x.dtype, first
    if type(x) is float:
        return "float"
    if isinstance(x, _KINDS):
        return type(x), x
    return type(x)


def _argument_names(function: Any, args: Any, kwargs: Any) -> list[str]:
    """Names for the leaves of a call's arguments, from the function's signature."""
    try:
        bound = inspect.signature(function).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        bound = {f"argument_{i}": a for i, a in enumerate(args)} | kwargs
    names = []
    for name, value in bound.items():
        inside = flatten(value)
        names += [name] if len(inside) == 1 else [f"{name}_{i}" for i in range(len(inside))]
    return names


def compile(function: Any = None, *, strict: bool = False) -> Any:
    """Capture a training step or a function as a program, and replay it from then on.

    The first calls run as usual while they are watched; when two of them in a row computed the same
    things, the program takes over. Results are the same to the last bit. What a program could not
    repeat is refused: with ``strict`` by a `CaptureError`, else by one warning, and the function goes
    on uncompiled.

    Parameters
    ----------
    function : takes and returns Tensors, arrays and numbers, in nested lists, tuples and dicts;
        what it returns carries no graph.
    strict : raise instead of going on uncompiled.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True, name="w"); opt = tg.optim.SGD([w], lr=0.1)
    >>> @tg.compile
    ... def step():
    ...     loss = w * w
    ...     opt.zero_grad(); loss.backward(); opt.step()
    ...     return loss
    >>> [round(step().item(), 4) for _ in range(4)]
    [9.0, 5.76, 3.6864, 2.3593]
    """
    if function is None:
        return lambda f: Compiled(f, strict)
    return Compiled(function, strict)
