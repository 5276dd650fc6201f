"""What is a pair in PyTorch, of values and indices: ``t.max(1)[0]`` is warned of.

It is the first of the values here, as NumPy code means it, which is why it cannot be refused; code of
PyTorch's means all of them. ``np.max(t, 1)`` can be NumPy's only, and is not looked at.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from ..errors import PairWarning
from ..ground.modes import current_mode
from ..ground.user_code import user_line, user_stacklevel

if TYPE_CHECKING:
    from .tensor import Tensor

#: By id, results that would be pairs, and how the call was written.
_pairs: dict[int, tuple[ref[Tensor], str, int]] = {}


def as_pair(name: str, result: Tensor, axis: Any) -> Tensor:
    """The result of a function that gives a pair in PyTorch if it is called along an axis."""
    lockstep = current_mode().lockstep
    if type(axis) is int and result.ndim and (lockstep is None or not lockstep.answered(result)):
        key = id(result)
        _pairs[key] = ref(result, lambda _: _pairs.pop(key, None)), name, axis
    return result


def check_pair(t: Tensor, taken: int) -> None:
    """Warn, once per user line, where the first or second of a result is taken that would be a pair."""
    if (call := _pairs.get(id(t))) is not None:
        _, name, axis = call
        indices = f", np.arg{name}(t, {axis})" if hasattr(np, f"arg{name}") else ""
        meant = (f"all values, np.{name}(t, {axis})", f"indices{indices}")[taken]
        warnings.warn(
            f"{name}: [{taken}] is element {taken} of the values, as in NumPy ({user_line()}), where "
            f"PyTorch has {meant}; write that, or if the element is meant "
            f"np.{name}(t, {axis})[{taken}]", PairWarning, stacklevel=user_stacklevel())
