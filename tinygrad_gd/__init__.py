"""tinygrad_gd: reverse-mode automatic differentiation over NumPy."""

from __future__ import annotations

from typing import Any

from .tensor import Tensor  # first: the one circle of the house closes inside it
from .backward import unbroadcast
from .modes import (
    default_dtype, enable_grad, get_default_dtype, is_grad_enabled, no_grad, set_default_dtype,
)
from .primitive import NAMES as _operations
from .primitive import Every, Primitive, apply, implements, primitive

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    try:
        return _operations[name]
    except KeyError:
        raise AttributeError(f"module 'tinygrad_gd' has no attribute {name!r}") from None
