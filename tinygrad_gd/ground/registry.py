"""Tables of what can be done with Tensors; `register`, `implements` and `under_tg` add the rows.

Many rows are not there before one of them is asked for, as most programs use few: whoever looks into a
table calls `complete` before it says that something is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..errors import OptionError
from .elsewhere import answer
from .explain import FAILURES, explain_call

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])


class Foreign:
    """What arrays can do and Tensors cannot; a base of Tensor."""

    __slots__ = ()


class Named(Foreign):
    """What is a function here and no method; a base of Tensor."""

    __slots__ = ()


answer(Foreign, {n: f"use t.numpy().{n}" for n in dir(np.ndarray) if n[0] != "_"})

_PACKAGE = __name__.partition(".")[0] + "."
#: What registers all that is left; it is entered by `ops`.
_rest: list[Callable[[], object]] = []


def later(load: Callable[[], object], names: list[str]) -> None:
    """Call ``load``, which enters ``names``, when a row is missing."""
    _rest.append(load)
    answer(Named, {name: f"use tg.{name}(t)" for name in names})


def complete() -> None:
    """Register all operations; of several threads the others wait, as they do for an import."""
    for load in _rest:
        load()


class Names(dict[str, Callable[..., Any]]):
    """A table that completes itself."""

    def __missing__(self, name: str) -> Callable[..., Any]:
        complete()
        if name in self:
            return self[name]
        raise KeyError(name)


#: NumPy function -> what a call with a Tensor runs (a Primitive, or a composition of them).
NUMPY: dict[Any, Callable[..., Any]] = {}
#: public name -> the same, for ``tinygrad_gd.<name>`` and the methods of Tensor.
NAMES: dict[str, Callable[..., Any]] = Names()
#: name -> a primitive that is only a part of those: graphs show its name, users do not write it.
INTERNAL: dict[str, Callable[..., Any]] = {}
#: Modules' names that hold operations which were asked for under them; see `public`.
_asked_for: dict[str, dict[str, Any]] = {}
#: public name -> what ``tinygrad_gd.<name>`` is instead, where the operation alone would be ambiguous.
_UNDER_TG: dict[str, Callable[..., Any]] = {}


def enter(name: str, operation: Callable[..., Any]) -> None:
    """Register an operation under a public name."""
    NAMES[name] = operation
    for names in _asked_for.values():
        names.pop(name, None)
    answer(Named, {name: f"use tg.{name}(t)"})


def also(names: dict[str, Callable[..., Any]]) -> None:
    """Register operations under NumPy's other names for them."""
    for name, operation in names.items():
        enter(name, operation)


def implements(*functions: Any) -> Callable[[F], F]:
    """Register a composition of primitives as what NumPy's ``functions`` do with Tensors."""

    def entered(composition: F) -> F:
        called = explaining(composition)
        for function in functions:
            NUMPY[function] = called
        enter(composition.__name__, called)
        return composition

    return entered


def under_tg(function: F) -> F:
    """Let ``tinygrad_gd.<name>`` be ``function``, and ``np.<name>`` stay the operation of that name."""
    _UNDER_TG[function.__name__] = explaining(function)
    return function


def public(name: str, names: dict[str, Any]) -> Callable[..., Any] | None:
    """What ``tinygrad_gd.<name>`` is, if it is an operation.

    It is put among the ``names`` of the module that asks, where Python finds it the next time; asking
    here takes a third of the time of a small operation.
    """
    if name not in NAMES:
        complete()
    found = _UNDER_TG.get(name) or NAMES.get(name)
    if found is not None:
        _asked_for[names["__name__"]] = names
        names[name] = found
    return found


def explaining(composition: Callable[P, R]) -> Callable[P, R]:
    """The composition, whose failures are explained with its name, arguments and options."""

    @wraps(composition)
    def called(*args: P.args, **options: P.kwargs) -> R:
        try:
            return composition(*args, **options)
        except FAILURES as error:
            explained = explain_call(composition, args, options, error)
            if explained is error:
                raise
            raise explained from error

    return called


def register(made: Any) -> None:
    """Enter a primitive under its name and for its NumPy functions.

    What is there already is not replaced, since other code relies on it; only the same function of
    the same module, written anew, is: a notebook's cell can be run again.
    """
    if not _home(made)[0].startswith(_PACKAGE):  # the names of all files are taken
        complete()
    names: list[tuple[Any, Any]] = [(made.name, NAMES), (made.name, INTERNAL)]
    for key, table in [*names, *((f, NUMPY) for f in made.numpy)]:
        old: Any = table.get(key)
        if old is not None and _home(old) != _home(made):
            what = repr(key) if isinstance(key, str) else f"np.{key.__name__}"
            raise OptionError(f"primitive: {what} is registered already, by {_home(old)[0]}; give the "
                              "primitive another name=, or leave out numpy=")
    for function in made.numpy:
        NUMPY[function] = made
    if made.internal:
        INTERNAL[made.name] = made
    else:
        enter(made.name, made)


def _home(registered: Any) -> tuple[Any, Any]:
    """Where a registered function was written: its module and its name there."""
    function = getattr(registered, "function", registered)
    name = getattr(function, "__qualname__", None) or function.__name__
    return getattr(function, "__module__", None) or "numpy", name


def by_name(name: str) -> Callable[..., Any]:
    """What is registered under a name; how primitives are unpickled."""
    if name not in NAMES and name not in INTERNAL:
        complete()
    return NAMES[name] if name in NAMES else INTERNAL[name]
