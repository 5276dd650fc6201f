"""Conditions: what must hold for a program to stand for its function, checked before every replay."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

from ...ground.modes import Mode, current_mode
from ..ir import in_places

#: What is raised by looking up what is not there any more; NameError of a cell that is empty.
_GONE = (KeyError, IndexError, ValueError, AttributeError, NameError)


class Cell:
    """A variable of an enclosing function, as one of the things that a condition is about."""

    def __init__(self, cell: types.CellType) -> None:
        self.cell = cell


class Conditions:
    """Python expressions that must be true, put together as one function.

    Things get names in its global variables. Cells are variables in its closure, as they are in the
    captured function's: that is several times faster than to ask for their contents.
    """

    def __init__(self) -> None:
        self._about: dict[str, str] = {}  # expression -> what it is about, in words
        self._names: dict[Any, str] = {}  # id of a thing, and whether it is a cell -> its name
        self._space: dict[str, Any] = {"GONE": _GONE, "same": same}
        self._cells: dict[str, types.CellType] = {}

    def add(self, about: str, text: str, *things: Any) -> None:
        """A check: Python text with a place ``{}`` for each thing; it may use ``mode`` and ``same``."""
        self._about.setdefault(text.format(*map(self._name, things)), about)

    def _name(self, thing: Any) -> str:
        is_cell = isinstance(thing, Cell)
        held = thing.cell if is_cell else thing
        name = self._names.setdefault((id(held), is_cell), f"k{len(self._names)}")
        if is_cell:
            self._cells[name] = held
        else:
            self._space[name] = held
        return name

    def compiled(self) -> Callable[[Mode], bool]:
        """One function of the mode for all checks; what is not there any more is another one."""
        return self._function(self._about)

    def broken(self) -> str:
        """What the first check is about that does not hold; empty if all do."""
        mode = current_mode()
        return next((about for text, about in self._about.items()
                     if not self._function([text])(mode)), "")

    def _function(self, texts: Any) -> Callable[[Mode], bool]:
        """A function with the captured functions' own cells in its closure."""
        text = " and ".join(f"({t})" for t in texts) or "True"
        space = dict(self._space)
        exec(f"def enclosing({', '.join(self._cells)}):\n def hold(mode):\n  try:\n"
             f"   return {text}\n  except GONE:\n   return False\n return hold", space)
        code = space["enclosing"](*self._cells).__code__
        closure = tuple(self._cells[name] for name in code.co_freevars)
        return types.FunctionType(code, space, "hold", None, closure)


def same(a: Any, b: Any) -> bool:
    """Whether two plain values are interchangeable: 0.0 and -0.0, or 2 and 2.0, are not."""
    return type(a) is type(b) and repr(a) == repr(b)


def placed(text: str, origins: Mapping[str, tuple[Any, Any]]) -> tuple[str, list[Any]]:
    """The source of a number as a condition's text, and the containers of the numbers in it."""
    containers = []

    def place(container: Any, key: Any) -> str:
        containers.append(container)
        return f"{{}}[{key!r}]"

    return in_places(text.replace("{", "{{").replace("}", "}}"), origins, place), containers
