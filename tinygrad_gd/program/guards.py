"""Guards: what a captured function can see by name, and whether it is still the same.

A program has the Tensors, arrays, numbers and functions built in that its function found in
variables around it. If one of those variables is bound to something else, the program is stale.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..tensor import Tensor

_PLAIN = (int, float, bool, str, bytes, type(None), complex)
_PACKAGE = __name__.partition(".")[0]

#: How to look a variable up again, and what it held.
Seen = tuple[Callable[[], Any], Any]


class Guard:
    """Remembers the variables that functions see, and says whether they hold what they held."""

    def __init__(self, function: Any) -> None:
        self.names: dict[int, str] = {}  # id of a Tensor or array -> the variable that held it
        self._seen: list[Seen] = []
        self._done: set[int] = set()
        self._visit(function)

    # -- walking ---------------------------------------------------------------------------------

    def _visit(self, function: Any) -> None:
        if isinstance(function, types.MethodType):
            self._attributes(function.__self__)
            function = function.__func__
        code = getattr(function, "__code__", None)
        if code is None or id(function) in self._done:
            return
        self._done.add(id(function))
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            self._note(name, _Cell(cell))
        for name in code.co_names:
            if name in function.__globals__:
                self._note(name, _Item(function.__globals__, name))
        for default in function.__defaults__ or ():
            self._enter("", default)

    def _note(self, name: str, look: Callable[[], Any]) -> None:
        try:
            value = look()
        except (ValueError, KeyError):  # an empty cell: the variable is bound later
            return
        if isinstance(value, types.ModuleType | type):
            return
        self._seen.append((look, value))
        self._enter(name, value)

    def _enter(self, name: str, value: Any) -> None:
        """Look inside of what a variable holds."""
        if isinstance(value, Tensor | np.ndarray):
            self.names.setdefault(id(value), name)
        elif isinstance(value, types.FunctionType | types.MethodType):
            if not (value.__module__ or "").startswith((_PACKAGE, "numpy")):
                self._visit(value)
        elif isinstance(value, list | tuple) and len(value) <= 100:
            for i, item in enumerate(value):
                if isinstance(value, list):
                    self._note(f"{name}_{i}", _Item(value, i))
                else:
                    self._enter(f"{name}_{i}", item)
        elif isinstance(value, dict) and len(value) <= 100:
            for key in value:
                self._note(f"{name}_{key}", _Item(value, key))
        elif not isinstance(value, (*_PLAIN, Module, Optimizer, np.generic)):
            self._attributes(value, name)

    def _attributes(self, value: Any, name: str = "") -> None:
        held = getattr(value, "__dict__", None)
        if isinstance(held, dict) and id(value) not in self._done and not isinstance(value, Module):
            self._done.add(id(value))
            if not (type(value).__module__ or "").startswith((_PACKAGE, "numpy")):
                for key in held:
                    self._note(f"{name}_{key}".strip("_"), _Item(held, key))

    # -- checking ----------------------------------------------------------------------------------

    def conditions(self) -> Conditions:
        """What must hold for a program to stand for the function, as far as variables decide."""
        found = Conditions()
        for look, value in self._seen:
            same = "==" if isinstance(value, _PLAIN) and not isinstance(value, bool | None) else "is"
            if isinstance(look, _Cell):
                found.add(f"{{}}.cell_contents {same} {{}}", look.cell, value)
            elif isinstance(look, _Item):
                found.add(f"{{}}[{look.key!r}] {same} {{}}", look.container, value)
            if isinstance(value, Optimizer):
                for part in ("param_groups", "state"):
                    held = vars(value)[part]
                    found.add(f"{{}}.{part} is {{}} and len({{}}) == {len(held)}", value, held, held)
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
