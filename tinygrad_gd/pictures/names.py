"""What the user calls things: `name=` (a module names its parameters so), else the variable.

Variables are looked up when something is drawn, never while it is computed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.graph import Node
from ..engine.tensor import Tensor
from ..ground.user_code import array_in, user_frame, variables_of
from ..nn.module import Module

#: Keys of dicts that can be written in a name; those of other types might raise when asked to.
_KEYS = (str, int, float, bool)


def array_key(x: Any) -> Any:
    """The same for arrays of equal contents."""
    digest = hashlib.blake2b(np.ascontiguousarray(x).data, digest_size=16).digest()
    return x.shape, x.dtype.str, digest


def has_name(x: Any) -> bool:
    """Whether the user gave it a name that can be seen."""
    return bool(x.name) and not str(x.name).isspace()


def names_for(values: list[Any]) -> dict[Any, str]:
    """Names of these tensors (by identity), arrays and copies of arrays (by contents), if any."""
    names = {t: str(t.name) for t in values if isinstance(t, Tensor) and has_name(t)}
    tensors = {id(t): t for t in values if isinstance(t, Tensor)}
    copies = {array_key(Node(t).value): t for t in tensors.values()
              if t not in names and t.is_leaf and not t.requires_grad}
    arrays = [x for x in values if not isinstance(x, Tensor)]
    forms = {(x.shape, x.dtype) for x in [*arrays, *copies.values()]}
    for name, value in user_variables():
        if id(value) in tensors:
            names.setdefault(value, name)
        elif (array := array_in(value)) is not None and (array.shape, array.dtype) in forms:
            key = array_key(array)
            names.setdefault(copies.get(key, key), name)
    return names


def told_apart(named: list[tuple[Any, str]]) -> dict[Any, str]:
    """By their modules' variables, as ``encoder.weight``, the parameters that have equal names."""
    often = Counter(name for _, name in named)
    alike = {x for x, name in named if often[name] > 1 and type(x) is Tensor}
    found: dict[Any, str] = {}
    for name, value in user_variables() if alike else ():
        if issubclass(type(value), Module):
            for path, x in value.named_parameters():
                if x in alike and (x not in found or name.endswith("]")):  # not the loop's variable
                    found[x] = f"{name}.{path}"
    return found


def user_variables() -> Iterator[tuple[str, Any]]:
    """The user's variables: local ones first; those in short lists and dicts as ``layers[0]``."""
    own = variables_of(user_frame())
    yield from own
    for name, value in own:
        if type(value) in (list, tuple, dict) and len(value) <= 100:
            items = list(value.items() if type(value) is dict else enumerate(value))
            yield from ((f"{name}[{key!r}]", item) for key, item in items if type(key) in _KEYS)
