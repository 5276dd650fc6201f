"""Variables: what a captured function can see by name.

A program has the Tensors, arrays, numbers and functions built in that its function found in
variables around it. If one of those variables is bound to something else, the program is stale.
"""

from __future__ import annotations

import functools
import io
import sys
import types
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...engine.primitive import Primitive
from ...engine.tensor import Tensor
from ...nn.module import Module
from ...optim.optimizer import Optimizer
from .conditions import Cell, Conditions

#: Numbers, texts and their like: values of these types count, not the objects.
PLAIN = (int, float, bool, str, bytes, type(None), complex)
_PACKAGE = __name__.partition(".")[0]

#: Names by which a function reaches attributes that it does not mention.
_DYNAMIC = {"getattr", "vars", "__dict__", "attrgetter", "eval", "exec"}

#: Containers with more elements are data: of these count their length, numbers, and what was used.
MANY = 100


class Variables:
    """The variables that functions can see, and what they hold.

    ``others`` are hooks and functions that take part besides; ``used`` are the ids of the Tensors and
    arrays that were used, which are looked for in large containers, too. Of objects, classes and
    modules only the attributes count whose names occur in a function that the step can reach: a trainer
    may collect losses in a list that its step never mentions.

    Attributes
    ----------
    names : the variable that holds a Tensor or an array, by its id.
    arrays, generators, iterators : those found, with their names; generators are of random numbers.
    """

    def __init__(self, function: Any, modules: Any = (), others: Any = (), used: Any = ()) -> None:
        self.names: dict[int, str] = {}
        self.arrays: list[tuple[str, np.ndarray[Any, Any]]] = []
        self.generators: list[tuple[str, Any]] = []
        self.iterators: list[str] = []
        self._seen: list[tuple[str, Any, str, tuple[Any, ...]]] = []  # name, value, where it is
        self._sized: list[tuple[str, Any, Any]] = []  # containers, and their lengths or elements
        self._done: set[int] = set()
        self._used_data = set(used)
        self._absent: list[tuple[Any, str]] = []  # attributes that an object has from its class
        self._used = {"forward"}
        self._dynamic = False  # whether attributes are reached whose names no code shows
        self._spaces: list[tuple[str, Any, Any]] = []  # name, attributes, and what has them
        self._opened: set[tuple[int, str]] = set()  # attributes that have been looked at
        self._enter("", function)
        for other in (*modules, *others):
            self._enter("", other)
        self._open_spaces()

    # -- walking ---------------------------------------------------------------------------------

    def _visit(self, function: Any) -> None:
        """Note the variables that a function of the user can see."""
        code = getattr(function, "__code__", None)
        if code is None or not _is_the_users(function) or not self._is_new(function):
            return
        names = set(_names(code))
        self._used |= names
        self._dynamic |= bool(names & _DYNAMIC)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            if cell != types.CellType():  # an empty one is bound later
                self._note(name, cell.cell_contents, "{}", Cell(cell))
        for name in sorted(names.intersection(function.__globals__)):
            self._note(name, function.__globals__[name], "{}[{}]", function.__globals__, name)
        defaults = function.__defaults__ or ()
        optional = zip(code.co_varnames[code.co_argcount - len(defaults):], defaults, strict=False)
        for name, default in (*optional, *(function.__kwdefaults__ or {}).items()):
            self._enter(name, default)

    def _note(self, name: str, value: Any, place: str, *things: Any) -> None:
        """A variable holds a value; ``place`` is how to look it up in ``things``."""
        if not isinstance(value, types.ModuleType | type):
            self._seen.append((name, value, place, things))
        self._enter(name, value)

    def _enter(self, name: str, value: Any) -> None:
        """Look inside of what a variable holds."""
        if isinstance(value, Tensor | np.ndarray):
            if self.names.setdefault(id(value), name) is name and isinstance(value, np.ndarray):
                self.arrays.append((name, value))
        elif isinstance(value, types.FunctionType):
            self._visit(value)
        elif isinstance(value, types.MethodType):
            self._enter(name, value.__self__)
            self._visit(value.__func__)
        elif isinstance(value, functools.partial):
            self._enter(name, (value.func, value.args, value.keywords))
        elif isinstance(value, tuple):
            for i, item in enumerate(value):
                self._enter(f"{name}.{i}", item)
        elif isinstance(value, list | dict | set | deque):
            self._container(name, value)
        elif isinstance(value, types.ModuleType | type):
            self._space(name, value)
        elif isinstance(value, _generators()):
            self.generators.append((name, value))
        elif isinstance(value, Iterator) and not isinstance(value, io.IOBase):
            self.iterators.append(name)
        elif not isinstance(value, (*PLAIN, Optimizer, np.generic)):
            for owner in (value, *type(value).__mro__):
                self._space(name, owner)

    def _container(self, name: str, value: Any) -> None:
        if not self._is_new(value):
            return
        large = len(value) > MANY
        numbers = large and isinstance(value, list) and all(type(x) in PLAIN for x in value)
        held: Any = list(value) if numbers else set(value) if isinstance(value, set) else len(value)
        self._sized.append((name, value, held))
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if not isinstance(value, set) and (not large or self._is_used(item)):
                self._note(f"{name}.{key}", item, "{}[{}]", value, key)

    def _is_used(self, item: Any) -> bool:
        """Whether an element of a large container is data of the step."""
        return any(id(x) in self._used_data for x in (item if isinstance(item, tuple) else (item,)))

    def _space(self, name: str, owner: Any) -> None:
        """The attributes of an object, class or module of the user are of interest."""
        if isinstance(owner, types.ModuleType | type):
            mine = _is_the_users(owner)
        else:
            mine = isinstance(owner, Module) or _top(type(owner)) not in (_PACKAGE, "numpy")
        if not mine or not self._is_new(owner):
            return
        if hasattr(owner, "__dict__"):
            self._spaces.append((name, vars(owner), owner))
        if not isinstance(owner, type):
            slots = {s for cls in type(owner).__mro__ for s in getattr(cls, "__slots__", ())}
            for slot in sorted(s for s in slots if s.isidentifier() and hasattr(owner, s)):
                self._note(f"{name}.{slot}", getattr(owner, slot), f"{{}}.{slot}", owner)

    def _open_spaces(self) -> None:
        """Note the attributes that functions mention, until no further function is reached."""
        before = -1
        while before != len(self._opened):
            before = len(self._opened)
            for name, space, owner in list(self._spaces):
                self._open(name, space, owner)

    def _open(self, name: str, space: Any, owner: Any) -> None:
        if not isinstance(owner, types.ModuleType | type | Module):
            for key in self._used.difference(space):  # it may come to hide its class's
                if hasattr(type(owner), key) and self._is_closed(space, key):
                    self._absent.append((space, key))
        for key in [k for k in space if self._dynamic or k in self._used or _is_operator(k)]:
            idle = key not in self._used and isinstance(space[key], Iterator)  # nobody takes from it
            if self._is_closed(space, key) and not idle:
                self._attribute(f"{name}.{key}".strip("."), space, key, owner)

    def _is_closed(self, space: Any, key: str) -> bool:
        """Whether it is the first time that somebody opens this attribute."""
        closed = (id(space), key) not in self._opened
        self._opened.add((id(space), key))
        return closed

    def _attribute(self, name: str, space: Any, key: str, owner: Any) -> None:
        held = space[key]
        if isinstance(held, property):
            held = held.fget
        elif isinstance(held, staticmethod | classmethod | types.MethodType):
            held = held.__func__
        if isinstance(owner, type) and isinstance(held, types.FunctionType):
            self._seen.append((name, space[key], "{}[{}]", (space, key)))
            self._visit(held)
        elif isinstance(owner, Module):  # what it is set to, `Settings` watches
            self._enter(key, held)
        elif not _is_operator(key):
            self._note(name, space[key], "{}[{}]", space, key)

    def _is_new(self, thing: Any) -> bool:
        new = id(thing) not in self._done
        self._done.add(id(thing))
        return new

    # -- checking ----------------------------------------------------------------------------------

    def require(self, conditions: Conditions) -> None:
        """Add that they all hold what they held."""
        for name, held, size in self._sized:
            text = "len({}) == {}" if isinstance(size, int) else "{} == {}"
            conditions.add(f"the contents of {name}", text, held, size)
        for name, value, place, things in self._seen:
            text, given = f"{place} is {{}}", (*things, value)
            if isinstance(value, (*PLAIN, np.generic)) and not isinstance(value, bool | None):
                text, given = f"{text} or same({place}, {{}})", given * 2
            conditions.add(name, text, *given)
            if isinstance(value, Optimizer):
                _require_state(conditions, name, value)
        for space, key in self._absent:
            conditions.add(key, "{} not in {}", key, space)


def _require_state(conditions: Conditions, name: str, optimizer: Optimizer) -> None:
    """The same groups, and for each parameter the same tensors of state."""
    for part in ("param_groups", "state"):
        held = vars(optimizer)[part]
        conditions.add(f"{name}.{part}", f"{{}}.{part} is {{}} and len({{}}) == {len(held)}",
                       optimizer, held, held)
    for p, state in optimizer.state.items():
        conditions.add(f"{name}.state", "{}.get({}) is {}", optimizer.state, p, state)
        for key, value in state.items():
            if isinstance(value, Tensor):
                conditions.add(f"{name}.state", "{}[{}] is {}", state, key, value)


def _is_the_users(thing: Any) -> bool:
    """Whether a function, class or module is neither Python's, NumPy's, ours nor another library's."""
    top = _top(thing)
    return top == "__main__" or (top not in {_PACKAGE, "numpy", *sys.stdlib_module_names}
                                 and not _is_foreign(top, len(sys.modules)))


@functools.lru_cache
def _is_foreign(package: str, loaded: int) -> bool:
    """Whether a package is installed and knows nothing of ours, with so many modules ``loaded``."""
    file = getattr(sys.modules.get(package), "__file__", None) or ""
    if not {"site-packages", "dist-packages"}.intersection(Path(file).parts):
        return False
    spaces = [(name.partition(".")[0], module, vars(module))
              for name, module in list(sys.modules.items()) if isinstance(module, types.ModuleType)]
    ours = {id(x) for top, module, space in spaces if top == _PACKAGE for x in (module, *space.values())
            if isinstance(x, types.ModuleType | types.FunctionType | type | Primitive)
            and _top(x) == _PACKAGE}
    return not any(id(x) in ours for top, _, space in spaces if top == package for x in space.values())


def _top(thing: Any) -> str:
    name = thing.__name__ if isinstance(thing, types.ModuleType) else thing.__module__
    return (name or "").partition(".")[0]


def _generators() -> tuple[type, ...]:
    """NumPy's kinds of random generators, if anybody has imported them."""
    random = sys.modules.get("numpy.random")
    return (random.Generator, random.RandomState) if random else ()


def _is_operator(name: str) -> bool:
    """Whether a method is called without being named, as ``__call__`` is."""
    return name.startswith("__") and not name.startswith(("__init", "__new", "__repr", "__str"))


def _names(code: types.CodeType) -> Iterator[str]:
    """The names of globals and attributes in a function, in lambdas and comprehensions in it, too."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _names(inner)
