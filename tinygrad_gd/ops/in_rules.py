"""What derivative rules are written with, besides NumPy: primitives, and values that are conventions.

A rule runs on arrays, and on Tensors, which record it for the next derivative. Where it gives the
value of a convention, as 0 for the gradient of a norm at 0, recording the convention would give
a second derivative that nobody can rely on; `by_convention` makes it NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.primitive import Primitive, apply, primitive
from ..engine.tensor import Tensor
from ..ground.modes import current_mode


def in_rule(made: Primitive) -> Callable[..., Any]:
    """How a rule calls a primitive NumPy lacks: on arrays its function, on Tensors itself."""

    def call(*inputs: Any, **options: Any) -> Any:
        for x in inputs:
            if isinstance(x, Tensor):
                return apply(made, inputs, options)
        return made.run(*inputs, **options)

    return call


def is_recorded(*values: Any) -> bool:
    """Whether a rule is being recorded, so that it will be differentiated itself."""
    return current_mode().grad and any(isinstance(x, Tensor) and x._requires_grad for x in values)


def _without_slope(x: Any, singular: Any, /) -> Any:
    return np.where(singular, x, x)  # x, in the shape of both


without_slope = primitive(
    _without_slope, lambda g, out, x, singular: g * np.where(singular, np.nan, 1), None,
    elementwise=True, internal=True)


def by_convention(singular: Any, x: Any) -> Any:
    """``x``, of which a value that is a convention where ``singular`` holds is computed.

    The derivative with respect to this ``x`` is NaN there, also if the value does not depend on it.
    """
    return apply(without_slope, (x, singular)) if is_recorded(x) else x


def product_of_limits(x: Any, y: Any) -> Any:
    """``x * y``, but 0 where one is 0 and the other infinite, without a derivative in x there."""
    lost = ((x == 0) | (y == 0)) & (np.isinf(x) | np.isinf(y))
    return np.where(lost, 0, by_convention(lost, x)) * np.where(lost, 0, y)
