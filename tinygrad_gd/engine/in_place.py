"""Writing into a Tensor: ``w -= x``, ``w[0] = x`` and `Tensor.assign`, most of which end in `write`.

What a graph may still need is refused. Every other write is noted in the Tensor's number, by which the
backward pass finds that a graph is stale.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import GradError, describe
from ..ground.explain import explain_failure
from ..ground.live import Live
from ..ground.modes import current_mode
from ..ground.registry import by_name
from ..ground.storage import plain, tick
from .operands import SCALARS, operand
from .primitive import Primitive, apply
from .tensor import Tensor


def check_writable(target: Tensor, operation: str) -> None:
    """Refuse what would make the gradients of a recorded graph wrong."""
    if target._primitive is not None:
        raise GradError(
            f"{operation}: {describe(target)} was made by {target._primitive.name}; writing into it "
            "would make gradients wrong. Build a new tensor instead (tg.where, tg.concatenate), "
            "or detach() it"
        )
    if target._requires_grad and current_mode().grad:
        raise GradError(
            f"{operation}: {describe(target)} is a leaf that requires a gradient and cannot be "
            "changed while recording; wrap the update in `with tg.no_grad():`"
        )


def update(primitive: Primitive, target: Tensor, other: Any) -> Tensor:
    """``target += other``: in place, as all who hold the Tensor expect, unless it must be recorded.

    Then, as in ``total += loss``, the result is a new Tensor.
    """
    mode = current_mode()
    if isinstance(other, list | tuple):
        other = operand(primitive.name, other)
    if mode.lockstep is not None and mode.lockstep.active and mode.lockstep.made(target):
        return mode.lockstep.update(primitive, target, other)  # type: ignore[no-any-return]
    records = (target._requires_grad and mode.deriving) or (
        not target._requires_grad and isinstance(other, Tensor) and other._requires_grad)
    if target._primitive is not None or (mode.grad and records):
        return apply(primitive, (target, other))
    check_writable(target, f"in-place {primitive.name}")
    return write(primitive, (target, other), target)


def assign(target: Tensor, value: Any) -> Tensor:
    """Overwrite the values; see `Tensor.assign`."""
    check_writable(target, "assign")
    is_bool = target.dtype.kind == "b"  # which NumPy's positive does not take
    same: Any = by_name("bitwise_or" if is_bool else "positive")
    return write(same, (value, False) if is_bool else (value,), target)


def check_item(target: Tensor, value: Any) -> None:
    """Refuse ``target[key] = value`` where it would lose a gradient, or make one wrong."""
    check_writable(target, "item assignment")
    if isinstance(value, Tensor) and value._requires_grad and current_mode().grad:
        raise GradError(f"item assignment: {describe(value)} requires a gradient, which would "
                        "be lost; build the result with tg.where or tg.concatenate instead")


def write(primitive: Primitive, inputs: tuple[Any, ...], target: Tensor) -> Tensor:
    """Compute an elementwise primitive straight into ``target``, which must not be recorded."""
    lockstep = current_mode().lockstep
    if lockstep is not None and lockstep.active:
        return lockstep.write(primitive, inputs, target)  # type: ignore[no-any-return]
    values = []
    for x in inputs:
        if isinstance(x, Tensor):
            values.append(x._value)
        else:
            values.append(x if type(x) in SCALARS else x.value if type(x) is Live else plain(x))
    held = target._value
    try:
        if isinstance(held, np.ndarray):
            primitive.function(*values, held)
        else:
            new = primitive.run(*values)
            if type(new) is not type(held):  # NumPy decides, as for arrays
                new = primitive.function(*values, np.asarray(held).copy())[()]
            target._value = new
    except (ValueError, TypeError) as error:
        raise explain_failure(primitive, inputs, {}, error, target) from error
    target._seq = tick()
    observer = current_mode().observer
    if observer is not None:
        observer.write(target, primitive, inputs)
    return target

