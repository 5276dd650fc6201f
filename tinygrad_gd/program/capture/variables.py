"""Variables: what people call the Tensors and arrays of a function, for texts."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ...ground.pytree import flatten
from ...ground.user_code import is_inside
from ...nn.module import Module


def names_of(function: Any, args: Any, kwargs: Any) -> list[str]:
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


@contextmanager
def collected(names: dict[Tensor, str], arrays: dict[int, tuple[str, Any]]) -> Iterator[None]:
    """Collect what the user's functions call their Tensors and, by id, arrays, while they run.

    A profiler is left alone: it would lose events, and that of C could not be put back.
    """
    def note(frame: Any, event: str, _: Any) -> None:
        if event == "return" and not is_inside(frame.f_code.co_filename):
            for name, value in frame.f_locals.items():
                if isinstance(value, Tensor):
                    names.setdefault(value, name)
                elif isinstance(value, np.ndarray):
                    arrays.setdefault(id(value), (name, value))

    before = sys.getprofile()
    if before is not None and getattr(before, "__module__", "") != __name__:
        yield
        return
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


def around(function: Callable[..., Any], modules: Any = ()) -> dict[int, str]:
    """By id, the variables outside of a function, and of its object, that hold Tensors and arrays.

    >>> w = Tensor(1.0); "w" in around(lambda: w).values()
    True
    """
    found: dict[int, str] = {}
    owner, plain = getattr(function, "__self__", None), inspect.unwrap(function)
    plain = getattr(plain, "__func__", plain)
    try:
        seen = inspect.getclosurevars(plain)
        spaces: list[Any] = [seen.nonlocals, seen.globals]
    except (TypeError, ValueError):  # no function of Python
        spaces = []
    objects = [x for space in spaces for x in space.values() if hasattr(x, "__dict__")]
    spaces += [vars(x) for x in (owner, *objects, *modules)
               if hasattr(x, "__dict__") and not isinstance(x, type) and not inspect.ismodule(x)]
    for space in spaces:
        for name, value in list(space.items()):
            for k, x in enumerate(parts := _parts(value)):
                found.setdefault(id(x), name if len(parts) == 1 else f"{name}_{k}")
    return found


def _parts(value: Any) -> list[Any]:
    """The Tensors and arrays that a variable holds, unless they are a module's or very many."""
    if isinstance(value, Tensor | np.ndarray):
        return [value]
    if isinstance(value, list | tuple | dict) and len(value) <= 100 and not isinstance(value, Module):
        return [x for x in flatten(value) if isinstance(x, Tensor | np.ndarray)]
    return []
