"""Primitives that nobody calls by name: what transforms and programs need besides the calculus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.primitive import Primitive
from ..engine.rules import Every, Once, Rule


def unnamed(
    name: str,
    function: Callable[..., Any],
    rule: Every | tuple[Rule, ...] | None = None,
    *,
    numpy: tuple[Any, ...] = (),
    run: Callable[..., Any] | None = None,
    atomic: bool = False,
    kind: str = "op",
) -> Primitive:
    """A primitive that is entered in no table, so that none of its name is overwritten."""
    return Primitive(function, rule or (), name=name, numpy=numpy, run=run, elementwise=False,
                     analytic=rule is not None, atomic=atomic, kind=kind)


class OtherMask(Exception):
    """A mask selects another number of elements than when the program was captured."""


def _selects(mask: Any, /, count: int) -> Any:
    if np.count_nonzero(mask) != count:
        raise OtherMask
    return mask


selects = unnamed("selects", _selects, atomic=True, kind="guard")


def _graft(*arrays: Any, cotangents: Any) -> Any:
    """A value computed elsewhere; the gradients of ``arrays`` are ``cotangents``."""
    return np.positive(arrays[-1]) if cotangents.value is None else cotangents.value


def graft(name: str) -> Primitive:
    """A primitive for one function, whose value and cotangents come from elsewhere."""
    rule = Once(lambda g, out, *arrays, cotangents: lambda position: cotangents.of(position, g))
    return unnamed(name, _graft, rule)


def is_graft(primitive: Primitive) -> bool:
    """Whether the gradients come from the user's code, as those of a custom rule or a checkpoint do."""
    return primitive.function is _graft
