"""Guards: what a captured function can see by name, and whether it is still the same.

A program has the Tensors, arrays, numbers and functions built in that its function found in
variables around it. If one of those variables is bound to something else, the program is stale.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..tensor import Tensor
from .ir import in_places

_PLAIN = (int, float, bool, str, bytes, type(None), complex)
_PACKAGE = __name__.partition(".")[0]

#: Containers with more elements are data; nobody looks inside for what decides on a program.
MANY = 100

#: How to look a variable up again, and what it held.
Seen = tuple[Callable[[], Any], Any]


class Guard:
    """Remembers the variables that functions see, and says whether they hold what they held.

    Of objects, classes and modules only the attributes count whose names occur in a function that
    the step can reach: a trainer may collect losses in a list that its step never mentions.
    """

    def __init__(self, function: Any, modules: Any = ()) -> None:
        self.names: dict[int, str] = {}  # id of a Tensor or array -> the variable that held it
        self._seen: list[Seen] = []
        self._sized: list[tuple[Any, Any]] = []  # containers, and their lengths or elements
        self._done: set[int] = set()
        self._absent: list[tuple[Any, str]] = []  # attributes that an object has from its class
        self._used = {"forward"}
        self._spaces: list[tuple[str, Any, Any]] = []  # name, attributes, and what has them
        self._enter("", function)
        for module in modules:
            self._enter("", module)
        self._open_spaces()

    # -- walking ---------------------------------------------------------------------------------

    def _visit(self, function: Any) -> None:
        """Note the variables that a function of the user can see."""
        code = getattr(function, "__code__", None)
        if code is None or not _is_the_users(function) or not self._is_new(function):
            return
        names = set(_names(code))
        self._used |= names
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            self._note(name, _Cell(cell))
        for name in sorted(names.intersection(function.__globals__)):
            self._note(name, _Item(function.__globals__, name))
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._enter("", default)

    def _note(self, name: str, look: Callable[[], Any]) -> None:
        try:
            value = look()
        except (ValueError, KeyError):  # an empty cell: the variable is bound later
            return
        if not isinstance(value, types.ModuleType | type):
            self._seen.append((look, value))
        self._enter(name, value)

    def _enter(self, name: str, value: Any) -> None:
        """Look inside of what a variable holds."""
        if isinstance(value, Tensor | np.ndarray):
            self.names.setdefault(id(value), name)
        elif isinstance(value, types.FunctionType):
            self._visit(value)
        elif isinstance(value, types.MethodType):
            self._enter(name, value.__self__)
            self._visit(value.__func__)
        elif isinstance(value, functools.partial):
            self._enter(name, (value.func, value.args, value.keywords))
        elif isinstance(value, tuple):
            for i, item in enumerate(value):
                self._enter(f"{name}_{i}", item)
        elif isinstance(value, list | dict | set):
            self._container(name, value)
        elif isinstance(value, types.ModuleType | type):
            self._space(name, value)
        elif not isinstance(value, (*_PLAIN, Optimizer, np.generic)):
            for owner in (value, *type(value).__mro__):
                self._space(name, owner)

    def _container(self, name: str, value: Any) -> None:
        if len(value) > MANY or not self._is_new(value):
            return
        self._sized.append((value, set(value) if isinstance(value, set) else len(value)))
        if not isinstance(value, set):
            for key in value if isinstance(value, dict) else range(len(value)):
                self._note(f"{name}_{key}", _Item(value, key))

    def _space(self, name: str, owner: Any) -> None:
        """The attributes of an object, class or module of the user are of interest."""
        mine = isinstance(owner, Module) or _is_the_users(
            owner if isinstance(owner, types.ModuleType | type) else type(owner))
        if mine and hasattr(owner, "__dict__") and self._is_new(owner):
            self._spaces.append((name, vars(owner), owner))

    def _open_spaces(self) -> None:
        """Note the attributes that functions mention, until no further function is reached."""
        noted = set()
        found = True
        while found:
            found = False
            for name, space, owner in list(self._spaces):
                for key in self._used.difference(space):  # it may come to hide its class's
                    if not isinstance(owner, types.ModuleType | type | Module) and (
                            hasattr(type(owner), key) and (id(space), key) not in noted):
                        noted.add((id(space), key))
                        self._absent.append((space, key))
                for key in [k for k in space if k in self._used or _is_operator(k)]:
                    if (id(space), key) not in noted:
                        noted.add((id(space), key))
                        self._attribute(f"{name}_{key}".strip("_"), space, key, owner)
                        found = True

    def _attribute(self, name: str, space: Any, key: str, owner: Any) -> None:
        held = space[key]
        held = getattr(held, "fget", None) or getattr(held, "__func__", held)
        if isinstance(owner, type) and isinstance(held, types.FunctionType):
            self._visit(held)
        elif isinstance(owner, Module):  # what it is set to, `ModuleGuard` watches
            self._enter(key, held)
        elif not _is_operator(key):
            self._note(name, _Item(space, key))

    def _is_new(self, thing: Any) -> bool:
        new = id(thing) not in self._done
        self._done.add(id(thing))
        return new

    # -- checking ----------------------------------------------------------------------------------

    def conditions(self) -> Conditions:
        """What must hold for a program to stand for the function, as far as variables decide."""
        found = Conditions()
        for held, size in self._sized:
            found.add("{} == {}" if isinstance(held, set) else "len({}) == {}", held, size)
        for look, value in self._seen:
            same = "==" if isinstance(value, _PLAIN) and not isinstance(value, bool | None) else "is"
            if isinstance(look, _Cell):
                found.add(f"{{}}.cell_contents {same} {{}}", look.cell, value)
            elif isinstance(look, _Item):
                found.add(f"{{}}[{{}}] {same} {{}}", look.container, look.key, value)
            if isinstance(value, Optimizer):
                _add_optimizer(found, value)
        for space, key in self._absent:
            found.add("{} not in {}", key, space)
        return found


class Conditions:
    """Checks that are made before every replay, put together as one expression."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._space: dict[str, Any] = {}

    def add(self, text: str, *things: Any) -> None:
        """A check: Python text with a place ``{}`` for each thing it is about."""
        names = [f"k{len(self._space) + i}" for i in range(len(things))]
        self._space.update(zip(names, things, strict=True))
        self._texts.append(text.format(*names))

    def compiled(self) -> Callable[[], bool]:
        """One function for all checks."""
        text = " and ".join(f"({t})" for t in self._texts) or "True"
        return eval(f"lambda: {text}", self._space)  # type: ignore[no-any-return]


def placed(text: str, origins: Mapping[str, tuple[Any, Any]]) -> tuple[Any, ...]:
    """A condition that the source ``text`` has an outcome; and the containers of its numbers."""
    containers = []

    def place(container: Any, key: Any) -> str:
        containers.append(container)
        return f"{{}}[{key!r}]"

    text = in_places(text.replace("{", "{{").replace("}", "}}"), origins, place)
    return f"{text} == {{}}", *containers


def _add_optimizer(found: Conditions, optimizer: Optimizer) -> None:
    """The same groups, and for each parameter the same tensors of state."""
    for part in ("param_groups", "state"):
        held = vars(optimizer)[part]
        found.add(f"{{}}.{part} is {{}} and len({{}}) == {len(held)}", optimizer, held, held)
    for p, state in optimizer.state.items():
        found.add("{}.get({}) is {}", optimizer.state, p, state)
        for key, value in state.items():
            if isinstance(value, Tensor):
                found.add("{}[{}] is {}", state, key, value)


def _is_the_users(thing: Any) -> bool:
    """Whether a function, class or module is neither Python's nor NumPy's nor ours."""
    name = thing.__name__ if isinstance(thing, types.ModuleType) else thing.__module__
    top = (name or "").partition(".")[0]
    return top == "__main__" or top not in {_PACKAGE, "numpy", *sys.stdlib_module_names}


def _is_operator(name: str) -> bool:
    """Whether a method is called without being named, as ``__call__`` is."""
    return name.startswith("__") and not name.startswith(("__init", "__new", "__repr", "__str"))


def _names(code: types.CodeType) -> Iterator[str]:
    """The names of globals and attributes in a function, in lambdas and comprehensions in it, too."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _names(inner)


class _Cell:
    def __init__(self, cell: Any) -> None:
        self.cell = cell

    def __call__(self) -> Any:
        return self.cell.cell_contents


class _Item:
    def __init__(self, container: Any, key: Any) -> None:
        self.container, self.key = container, key

    def __call__(self) -> Any:
        return self.container[self.key]


def tensors_of(modules: Any) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """The attributes of modules that decide what they compute: tensors, submodules and options."""
    for module in modules:
        for name, value in vars(module).items():
            yield vars(module), name, value
        yield vars(module), "training", module.training


class ModuleGuard:
    """Remembers the attributes of modules; checked only after some module's attribute was set."""

    def __init__(self, modules: Any) -> None:
        self._modules = list(modules)
        self._seen = list(tensors_of(self._modules))
        self._changes = Module.changes

    def holds(self) -> bool:
        """Whether all attributes are what they were."""
        if Module.changes == self._changes:
            return True
        now = list(tensors_of(self._modules))
        same = len(now) == len(self._seen) and all(
            a[1] == b[1] and (a[2] is b[2] or (isinstance(a[2], _PLAIN) and a[2] == b[2]))
            for a, b in zip(now, self._seen, strict=True))
        if same:
            self._changes = Module.changes
        return same
