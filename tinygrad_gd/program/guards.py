"""Guards: what a captured function can see by name, and whether it is still the same.

A program has the Tensors, arrays, numbers and functions built in that its function found in
variables around it. If one of those variables is bound to something else, the program is stale.
"""

from __future__ import annotations

import functools
import io
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np

from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..tensor import Tensor
from .ir import in_places

_PLAIN = (int, float, bool, str, bytes, type(None), complex)
_PACKAGE = __name__.partition(".")[0]

#: Names by which a function reaches attributes that it does not mention.
_DYNAMIC = {"getattr", "vars", "__dict__", "attrgetter", "eval", "exec"}

#: Containers with more elements are data: of these count their length, numbers, and what was used.
MANY = 100

#: What is raised by looking up what is not there any more.
_GONE = (KeyError, IndexError, ValueError, AttributeError)

#: A variable's name, how to look it up again, and what it held.
Seen = tuple[str, Any, Any]


class Guard:
    """Remembers the variables that functions see, and says whether they hold what they held.

    ``others`` are hooks and functions that take part besides; ``used`` are the ids of the Tensors and
    arrays that were used, which are looked for in large containers, too. Of objects, classes and
    modules only the attributes count whose names occur in a function that the step can reach: a trainer
    may collect losses in a list that its step never mentions.
    """

    def __init__(self, function: Any, modules: Any = (), others: Any = (), used: Any = ()) -> None:
        self.names: dict[int, str] = {}  # id of a Tensor or array -> the variable that held it
        self.arrays: list[tuple[str, np.ndarray[Any, Any]]] = []
        self.generators: list[tuple[str, Any]] = []  # of random numbers, not those of this package
        self.iterators: list[str] = []
        self._seen: list[Seen] = []
        self._sized: list[tuple[str, Any, Any]] = []  # containers, and their lengths or elements
        self._done: set[int] = set()
        self._used_data = set(used)
        self._absent: list[tuple[Any, str]] = []  # attributes that an object has from its class
        self._used = {"forward"}
        self._dynamic = False  # whether attributes are reached whose names no code shows
        self._spaces: list[tuple[str, Any, Any]] = []  # name, attributes, and what has them
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
            self._seen.append((name, look, value))
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
        elif not isinstance(value, (*_PLAIN, Optimizer, np.generic)):
            for owner in (value, *type(value).__mro__):
                self._space(name, owner)

    def _container(self, name: str, value: Any) -> None:
        if not self._is_new(value):
            return
        large = len(value) > MANY
        numbers = large and isinstance(value, list) and all(type(x) in _PLAIN for x in value)
        held: Any = list(value) if numbers else set(value) if isinstance(value, set) else len(value)
        self._sized.append((name, value, held))
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if not isinstance(value, set) and (not large or self._is_used(item)):
                self._note(f"{name}.{key}", _Item(value, key))

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
                self._note(f"{name}.{slot}", _Slot(owner, slot))

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
                for key in [k for k in space if self._dynamic or k in self._used or _is_operator(k)]:
                    if (id(space), key) not in noted:
                        noted.add((id(space), key))
                        if key not in self._used and isinstance(space[key], Iterator):
                            continue  # nobody takes from it by another name
                        self._attribute(f"{name}.{key}".strip("."), space, key, owner)
                        found = True

    def _attribute(self, name: str, space: Any, key: str, owner: Any) -> None:
        held = space[key]
        held = getattr(held, "fget", None) or getattr(held, "__func__", held)
        if isinstance(owner, type) and isinstance(held, types.FunctionType):
            self._seen.append((name, _Item(space, key), space[key]))
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
        for name, held, size in self._sized:
            found.of = f"the contents of {name}"
            found.add("len({}) == {}" if isinstance(size, int) else "{} == {}", held, size)
        for name, look, value in self._seen:
            found.of = name
            place, things = look.place
            found.add(f"{place} is {{}}", *things, value)
            if isinstance(value, (*_PLAIN, np.generic)) and not isinstance(value, bool | None):
                found.either("{}(" + place + ", {})", same, *things, value)
            if isinstance(value, Optimizer):
                _add_optimizer(found, value)
        for space, key in self._absent:
            found.of = key
            found.add("{} not in {}", key, space)
        return found


class Conditions:
    """Checks that are made before every replay, put together as one expression."""

    def __init__(self) -> None:
        self.of = ""  # what the checks are about that are added now
        self._texts: list[str] = []
        self._labels: list[str] = []
        self._space: dict[str, Any] = {}

    def add(self, text: str, *things: Any) -> None:
        """A check: Python text with a place ``{}`` for each thing it is about."""
        names = [f"k{len(self._space) + i}" for i in range(len(things))]
        self._space.update(zip(names, things, strict=True))
        self._texts.append(text.format(*names))
        self._labels.append(self.of)

    def either(self, text: str, *things: Any) -> None:
        """Let the last check hold if this one does."""
        last = self._texts.pop()
        self._labels.pop()
        self.add(text, *things)
        self._texts[-1] = f"{last} or {self._texts[-1]}"

    def broken(self) -> str:
        """What the first check is about that does not hold; empty if all do."""
        for text, label in zip(self._texts, self._labels, strict=True):
            try:
                if eval(text, self._space):
                    continue
            except _GONE:
                pass
            return label
        return ""

    def compiled(self) -> Callable[[], bool]:
        """One function for all checks; what is not there any more is another one."""
        text = " and ".join(f"({t})" for t in self._texts) or "True"
        space = self._space | {"GONE": _GONE}
        exec("def hold():\n    try:\n"
             f"        return {text}\n    except GONE:\n        return False", space)
        return space["hold"]  # type: ignore[no-any-return]


def same(a: Any, b: Any) -> bool:
    """Whether two plain values are interchangeable: 0.0 and -0.0, or 2 and 2.0, are not."""
    return type(a) is type(b) and repr(a) == repr(b)


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
    name = found.of
    for part in ("param_groups", "state"):
        found.of, held = f"{name}.{part}", vars(optimizer)[part]
        found.add(f"{{}}.{part} is {{}} and len({{}}) == {len(held)}", optimizer, held, held)
    for p, state in optimizer.state.items():
        found.add("{}.get({}) is {}", optimizer.state, p, state)
        for key, value in state.items():
            if isinstance(value, Tensor):
                found.add("{}[{}] is {}", state, key, value)


def _is_the_users(thing: Any) -> bool:
    """Whether a function, class or module is neither Python's nor NumPy's nor ours."""
    top = _top(thing)
    return top == "__main__" or top not in {_PACKAGE, "numpy", *sys.stdlib_module_names}


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


class _Cell:
    def __init__(self, cell: Any) -> None:
        self.cell = cell
        self.place = "{}.cell_contents", (cell,)

    def __call__(self) -> Any:
        return self.cell.cell_contents


class _Item:
    def __init__(self, container: Any, key: Any) -> None:
        self.container, self.key = container, key
        self.place = "{}[{}]", (container, key)

    def __call__(self) -> Any:
        return self.container[self.key]


class _Slot:
    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name
        self.place = f"{{}}.{name}", (owner,)

    def __call__(self) -> Any:
        return getattr(self.owner, self.name)


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
        if self.changed():
            return False
        self._changes = Module.changes
        return True

    def changed(self) -> str:
        """The first attribute that is not what it was, or nothing."""
        nothing: tuple[Any, str, Any] = ({}, "", None)
        for now, then in zip_longest(tensors_of(self._modules), self._seen, fillvalue=nothing):
            unchanged = now[2] is then[2] or (isinstance(now[2], _PLAIN) and same(now[2], then[2]))
            if now[1] != then[1] or not unchanged:
                return now[1] or then[1]
        return ""
