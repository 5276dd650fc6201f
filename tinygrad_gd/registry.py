"""Two tables of what can be done with Tensors; rows are added by `primitive` and `implements`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: NumPy function -> what a call with a Tensor runs (a Primitive, or a composition of them).
NUMPY: dict[Any, Callable[..., Any]] = {}
#: public name -> the same, for ``tinygrad_gd.<name>`` and the methods of Tensor.
NAMES: dict[str, Callable[..., Any]] = {}


def implements(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a composition of primitives as what NumPy's ``functions`` do with Tensors."""

    def register(composition: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            NUMPY[function] = composition
        NAMES[composition.__name__] = composition
        return composition

    return register


def by_name(name: str) -> Callable[..., Any]:
    """What is registered under a name; how primitives are unpickled."""
    return NAMES[name]
