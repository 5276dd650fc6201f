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
from ..primitive import Primitive, write
from ..tensor import Tensor, constant
from ..transforms.pytree import flatten, unflatten
from .capture import Capture, OtherMask, line_of, watched
from .compare import difference, settled
from .guards import Guard, ModuleGuard, placed
from .ir import Argument, Array, Gradient, Number, Program, State, Value
from .passes import optimized, readable
from .replay import Memory, Replay, Stale
from .source import source_of

#: What arguments and results may be made of.
_KINDS = (np.ndarray, Tensor, np.generic, int, float, complex, str, bytes, type(None), type,
          types.FunctionType, types.BuiltinFunctionType, types.MethodType, np.ufunc, np.dtype, slice,
          type(...), Primitive, Enum)

#: What a program takes as an argument; other values are part of the form of the arguments.
_ARRAYS = (Tensor, np.ndarray, np.floating)

#: Bytes up to which looking at every element of an array costs nothing worth mentioning.
SMALL = 1 << 16
#: Captures of one form of arguments before giving up: what is captured must settle.
PATIENCE = 4
#: Programs kept for one form of arguments, as for training and evaluation.
VARIANTS = 8
#: Forms of arguments for which programs are kept.
FORMS = 64


class Surroundings:
    """Everything around a captured run that a program relies on."""

    def __init__(self, capture: Capture, function: Any, arguments: list[Any], mode: Mode) -> None:
        hooks = [hook for leaf in capture.reached for hook in leaf._hooks or ()]
        guard = Guard(function, capture.modules, (*hooks, *arguments), capture.data)
        self.names, self.generators, self.iterators = guard.names, guard.generators, guard.iterators
        self.options, self.decisions = list(capture.options.values()), capture.decisions
        self.reached = capture.reached
        self.leaves = dict.fromkeys(t for t in capture.states if t._requires_grad)
        self.leaves |= dict.fromkeys(p for group in self.options for p in group.get("params", ()))
        self._arrays, self._scalars = guard.arrays, capture.scalars
        self._modules = ModuleGuard(capture.modules)
        self.conditions = guard.conditions()
        self.conditions.add(f"{{}}.changes == {Module.changes} or {{}}()", Module, self._modules.holds)
        self.conditions.of = "a mode such as tg.no_grad"
        self.conditions.add("{}() is {} or {}() == {}", current_mode, mode, current_mode, mode)
        self.hold = self.conditions.compiled()

    def changed_by_run(self) -> Callable[[], str]:
        """A question to be asked after a run: what has it changed, in words?"""
        options = [(group, dict(group)) for group in self.options]
        arrays = [(n, x, x.tobytes()) for n, x in self._arrays if x.nbytes <= SMALL]

        def changed() -> str:
            if not self.hold():
                return self.broken()
            if array := next((n for n, x, before in arrays if x.tobytes() != before), ""):
                return f"the array {array}"
            return next((f"the option {key} of an optimizer" for group, before in options
                         for key in before if group[key] is not before[key]), "")

        return changed

    def broken(self) -> str:
        """What the first check is about that does not hold, in words."""
        attribute = self._modules.changed()
        return f"the attribute {attribute} of a module" if attribute else self.conditions.broken()

    def require(
        self, program: Program, without_gradient: list[Tensor], computed: bool
    ) -> Callable[[], bool]:
        """A check of all of it, with hyperparameters and gradients that are there or absent.

        ``computed`` says whether NumPy has made arrays of others.
        """
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
                elif key == "params":
                    self.conditions.add(f"{{}}['params'] is {{}} and len({{}}) == {len(value)}",
                                        options, value, value)
                    for i, p in enumerate(value):
                        self.conditions.add(f"{{}}[{i}] is {{}}", value, p)
                else:
                    self.conditions.add(f"{{}}[{key!r}] == {{}}", options, value)
        for text, (of, outcome) in self.decisions.items():
            self.conditions.add(*placed(text, of), outcome)
        for given in program.inputs:
            if isinstance(given, State) and given.value.dtype.kind == "f":
                tensor, flag = given.tensor, given.tensor._requires_grad
                self.conditions.add(f"{{}}._requires_grad is {flag} and {{}}._hooks is {{}}",
                                    tensor, tensor, tensor._hooks)
            elif isinstance(given, Gradient):
                self.conditions.add("{}._grad is not None", given.tensor)
        for leaf in without_gradient:
            self.conditions.add("{}._grad is None", leaf)
        for array in self._read_by_numpy(program, computed or self._scalars):
            self.conditions.add("{}.tobytes() == {}", array, array.tobytes())
        return self.conditions.compiled()

    def _read_by_numpy(self, program: Program, computed: bool) -> list[Any]:
        """The arrays that function sees, besides data that the program reads anew in each call.

        Python may have decided on them. Large ones count only if NumPy has ``computed`` something.
        """
        read = [i.array for i in program.inputs if isinstance(i, Array)]
        return [x for _, x in self._arrays if computed or (
            x.nbytes <= SMALL and not any(np.may_share_memory(x, other) for other in read))]


class Entry:
    """A program that replays, with the surroundings it relies on."""

    def __init__(self, before: Program, program: Program, surroundings: Surroundings, result: Any,
                 arity: int, floats: list[float], without_gradient: list[Tensor]) -> None:
        self.captured, computed = settled(before, program)
        self.floats = floats
        self.program = optimized(self.captured)
        self.replay = Replay(self.program, arity)
        self.run = self.replay.run
        self.spent = [i.position for i in program.inputs if isinstance(i, Argument)
                      and i.tensor in surroundings.reached and i.tensor._grad is not None]
        self.holds = surroundings.require(self.program, without_gradient, computed)
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
                    except OtherMask:
                        continue
                    except BaseException as error:  # it may have got half way
                        self._entries[key].remove(entry)
                        if isinstance(error, Stale):
                            break
                        if (told := entry.replay.explained(error)) is not error:
                            raise told from error
                        raise
        return self._captured(key, args, kwargs, leaves)

    def _replayed(self, entry: Entry, leaves: list[Any]) -> Any:
        if not leaves:
            result = entry.run()
        else:
            arrays = [x if isinstance(x, Tensor) else constant(x) for x in leaves
                      if isinstance(x, _ARRAYS)]
            result = entry.run(*arrays)
            for position in entry.spent:
                arrays[position]._grad = None
        if entry.single:
            return result
        count = len(entry.program.outputs)
        return unflatten(entry.form, [result] if count == 1 else result or ())

    # -- capturing ---------------------------------------------------------------------------------

    def _captured(self, key: Any, args: Any, kwargs: Any, leaves: list[Any]) -> Any:
        tries, candidates = self._pending.setdefault(key, (0, []))
        held = [c for c in candidates if c[1].hold()]
        before = held[0][1] if held else None
        capture, mode = Capture(self.name, self.strict), current_mode()
        floats = [x for x in leaves if type(x) is float]
        shown = self._arguments(capture, args, kwargs, leaves, floats)
        bare = [leaf for leaf in before.leaves if leaf._grad is None] if before else []
        given = [leaf for leaf in before.leaves if leaf._grad is not None] if before else []
        changed = before.changed_by_run() if before else str
        a, k = unflatten((args, kwargs), shown)
        try:
            result, names = watched(capture, lambda: _settled_numbers(self.function(*a, **k)),
                                    before.generators if before else [])
        except (TypeError, AttributeError) as error:
            if capture.changed or all(x is y for x, y in zip(leaves, shown, strict=True)):
                raise
            result = self.function(*args, **kwargs)  # what arrays and numbers can, but Tensors cannot
            self._give_up(f"{self.name}, {line_of(error)}: {error}")
            return result
        around = Surroundings(capture, self.function, leaves, mode)
        program = capture.finish(flatten(result), names, around.names)
        cleared = dict.fromkeys(x for x in given if x._grad is None)
        program = program.with_(spent=tuple(dict.fromkeys(program.spent) | cleared))
        problem = (capture.problem or capture.escaped or self._effect(capture, around, changed())
                   or self._left_in_arguments(program, leaves)
                   or self._unseen("takes", leaves, _KINDS)
                   or self._unseen("returns", program.outputs, (Value, *_KINDS[1:])))
        if not problem:
            for earlier, _ in held:
                problem = difference(earlier, program)
                if not problem:
                    arity = sum(isinstance(x, _ARRAYS) for x in leaves)
                    self._settle(key, Entry(earlier, program, around, result, arity, floats, bare))
                    return result
        if capture.problem or (problem and tries + 1 >= PATIENCE):
            self._give_up(problem)
        elif before is None and tries + 1 >= VARIANTS:
            changing = candidates[0][1].broken()
            self._give_up(f"{self.name}{_place(self.function)}: it depends on {changing}, which is "
                          "another one in every call; make it an argument")
        self._pending[key] = tries + 1, [(program, around), *candidates][:PATIENCE]
        if len(self._pending) > FORMS + len(self._entries):
            self._give_up(f"{self.name} was called with {FORMS} forms of arguments, hardly ever twice "
                          "with the same; an int counts as part of the form: give a number that keeps "
                          "changing as a float")
        return result

    def _effect(self, capture: Capture, around: Surroundings, changed: str) -> str:
        """What the run did besides computing; found out when its surroundings are known."""
        if capture.drawn:
            what = (f"it draws random numbers from {capture.drawn}, and a replay would not draw them "
                    "anew; use tg.normal, tg.uniform or tg.dropout, or give them as an argument")
        elif around.iterators:
            what = (f"it takes from the iterator {around.iterators[0]}, and a replay would not go on "
                    "to the next; give what it yields as an argument")
        elif changed:
            what = f"it changes {changed} in every call, and a replay would not; do that outside"
        else:
            return ""
        return f"{self.name}{_place(self.function)}: {what}"

    def _left_in_arguments(self, program: Program, leaves: list[Any]) -> str:
        """Why gradients of arguments cannot be left in them: the next call has other arguments."""
        touched = {leaf for leaf, _ in program.gradients} | {
            i.tensor for i in program.inputs if isinstance(i, Gradient)}
        found = next((x for x in leaves if isinstance(x, Tensor) and x in touched), None)
        return "" if found is None else (
            f"{self.name}{_place(self.function)}: backward() leaves a gradient in its argument, "
            f"{describe(found)}; return what tg.grad gives, or let the tensor be a variable outside")

    def _arguments(self, capture: Capture, args: Any, kwargs: Any, leaves: list[Any],
                   floats: list[float]) -> list[Any]:
        names = iter(_argument_names(self.function, args, kwargs))
        shown: list[Any] = []
        position = number = 0
        for x in leaves:
            name = next(names)
            if isinstance(x, _ARRAYS):
                tensor = x if isinstance(x, Tensor) else _given(x)
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
        self._pending[key] = 0, self._pending[key][1]
        if len(self._entries) > FORMS:
            oldest = next(iter(self._entries))
            del self._entries[oldest], self._pending[oldest]
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


class ArrayArgument(Tensor):
    """An array among the arguments, which the function sees as a Tensor, and `isinstance` as both."""

    __slots__ = ()

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return np.ndarray

    def _update(self, primitive: Any, other: Any) -> Tensor:
        current_mode().observer.overwrites(self, primitive)
        return write(primitive, (self, other), self)


def _given(x: Any) -> Tensor:
    tensor = constant(x)
    object.__setattr__(tensor, "__class__", ArrayArgument)
    return tensor


def _place(function: Any) -> str:
    code = getattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__", None)
    return f", {code.co_filename}:{code.co_firstlineno}" if code else ""


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
        return ("tensor", x._data.shape, x._data.dtype, _order(x._data), x._requires_grad,
                x._grad is None, tuple(x._hooks or ()), first)
    if isinstance(x, _ARRAYS):
        return "array", x.shape, x.dtype, _order(x), first
    if type(x) is float:
        return "float"
    if isinstance(x, _KINDS):
        return type(x), repr(x) if isinstance(x, slice) else x
    return type(x)


def _order(held: Any) -> Any:
    """The order of the elements in memory, on which sums depend in their last bits."""
    if held.flags.c_contiguous:
        return True
    value = Value.like(held)
    return value.axes, value.dense


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
