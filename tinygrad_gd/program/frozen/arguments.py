"""Arguments: the form of a call, for which a program is kept."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ...ground.pytree import flatten, unflatten
from ...ground.storage import NUMERIC_KINDS

#: Types of arguments of which most calls have nothing else, and of which each is a leaf.
_LEAVES = frozenset({np.ndarray, Tensor, float, int, bool, str})

#: What may be given; everything else is a variable like those outside.
_PLAIN = (int, float, complex, str, bytes, type(None), type, np.generic, np.dtype)


def form_of(args: Any, kwargs: Any, settled: Container[int]) -> tuple[Any, list[Any]]:
    """What two calls have in common when one program may stand for both; and the arguments' leaves.

    Floats are read anew by a program, but for those that are ``settled``: Python has looked at them.
    """
    if kwargs or not _LEAVES.issuperset(map(type, args)):
        leaves = flatten((args, kwargs))
        form: Any = structure((args, kwargs), len(leaves))
    else:
        leaves, form = list(args), len(args)
    seen: dict[int, int] = {}
    return (form, *[_form_of_leaf(x, seen.setdefault(id(x), i), i in settled)
                    for i, x in enumerate(leaves)]), leaves


def structure(tree: Any, leaves: int) -> str:
    """What a tree is besides its leaves.

    >>> structure({"loss": 1.0, "parts": (2, 3)}, 3)
    "{'loss': '.', 'parts': ('.', '.')}"
    """
    return repr(unflatten(tree, ["."] * leaves))


def is_tensor(x: Any) -> bool:
    """Whether the function gets a Tensor for an array: not for strings, objects and complex numbers."""
    return isinstance(x, np.ndarray) and x.dtype.kind in NUMERIC_KINDS


def _form_of_leaf(x: Any, first: int, settled: bool) -> Any:
    kind = type(x)
    if kind is np.ndarray:
        held = None if is_tensor(x) else x.tobytes()  # Python may look at it, and nobody is told
        return x.dtype, x.shape, x.strides, held, first
    if isinstance(x, Tensor):
        held = x._value
        return (held.dtype, held.shape, held.strides, isinstance(held, np.ndarray), x._requires_grad,
                None if x._grad is None else _form_of_leaf(x._grad, 0, False),
                tuple(x._hooks or ()), first)
    if kind is float and not settled:
        return "float"
    return (kind, repr(x)) if isinstance(x, _PLAIN) else (kind, id(x))
