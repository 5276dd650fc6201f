"""Arguments: the form of a call, for which a program is kept, and what a captured function gets.

Tensors, arrays and NumPy's floats are inputs of a program, floats are numbers that it reads anew;
everything else is part of the form.
"""

from __future__ import annotations

import inspect
import types
from enum import Enum
from functools import lru_cache
from typing import Any

import numpy as np

from ...engine.primitive import Primitive
from ...engine.tensor import Tensor, constant
from ...ground.live import Live
from ...ground.pytree import flatten, unflatten
from .arrays import tracked
from .capture import Capture

#: What arguments may be made of; results, too.
KINDS = (np.ndarray, Tensor, np.generic, int, float, complex, str, bytes, type(None), type,
         types.FunctionType, types.BuiltinFunctionType, types.MethodType, np.ufunc, np.dtype, slice,
         type(...), Primitive, Enum)

#: What a program takes as an argument.
_ARRAYS = (Tensor, np.ndarray, np.floating)


#: Types of arguments of which most calls have nothing else, and of which each is a leaf.
_LEAVES = frozenset({np.ndarray, Tensor, float, int, bool, str, np.float32, np.float64})


def form_of(args: Any, kwargs: Any, around: set[Tensor]) -> tuple[Any, list[Any]]:
    """What two calls have in common when one program may stand for both; and the arguments' leaves.

    A Tensor that the function also sees ``around`` it, as a variable, is a form of its own.
    """
    if kwargs or not _LEAVES.issuperset(map(type, args)):
        leaves = flatten((args, kwargs))
        form = repr(unflatten((args, kwargs), ["."] * len(leaves)))
    else:
        leaves, form = list(args), _form_of_leaves(len(args))
    seen: dict[int, int] = {}
    return (form, *[_form_of_leaf(x, seen.setdefault(id(x), i), around)
                    for i, x in enumerate(leaves)]), leaves


@lru_cache
def _form_of_leaves(count: int) -> str:
    return repr(((".",) * count, {}))


def _form_of_leaf(x: Any, first: int, around: set[Tensor]) -> Any:
    if isinstance(x, Tensor):
        return ("tensor", x._value.shape, x._value.dtype, _order(x._value), x._requires_grad,
                x._grad is None, tuple(x._hooks or ()), first, x if x in around else None)
    if isinstance(x, _ARRAYS):
        return "array", x.shape, x.dtype, _order(x), first
    if type(x) is float:
        return "float"
    if isinstance(x, KINDS):
        return type(x), repr(x) if isinstance(x, slice) else x
    return type(x)


def _order(held: Any) -> Any:
    """Where the elements lie in memory, on which sums depend in their last bits."""
    return held.flags.c_contiguous or held.strides


def arrays_in(leaves: list[Any]) -> list[Tensor]:
    """What a program takes of a call's arguments."""
    return [x if isinstance(x, Tensor) else constant(x) for x in leaves if isinstance(x, _ARRAYS)]


def floats_in(leaves: list[Any]) -> list[float]:
    """The numbers among a call's arguments that a program reads."""
    return [x for x in leaves if type(x) is float]


def shown_to(
    capture: Capture, function: Any, args: Any, kwargs: Any, leaves: list[Any], floats: list[float]
) -> list[Any]:
    """What a function gets in place of a call's arguments, so that ``capture`` hears of their use."""
    names = names_of(function, args, kwargs)
    shown: list[Any] = []
    position = number = 0
    for x, name in zip(leaves, names, strict=True):
        if isinstance(x, _ARRAYS):
            tensor = x if isinstance(x, Tensor) else tracked(constant(x))
            capture.argument(position, tensor, name)
            shown.append(tensor)
            position += 1
        elif type(x) is float:
            shown.append(capture.numbers.live(x, name, floats, number))
            number += 1
        else:
            shown.append(x)
    return shown


def settled_numbers(result: Any) -> Any:
    """A function's result, with plain numbers for live ones: out there nobody keeps track."""
    leaves = flatten(result)
    if not any(type(x) is Live for x in leaves):
        return result
    return unflatten(result, [x.noticed() if type(x) is Live else x for x in leaves])


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
