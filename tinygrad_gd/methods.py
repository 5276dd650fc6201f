"""The methods of Tensor that carry NumPy's names: each is one call of the registered operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .registry import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tensor import Tensor

OPERATIONS: dict[str, Callable[..., Tensor]] = NAMES


class Methods:
    """What a Tensor can do besides operators; documented with the operations of the same names."""

    __slots__ = ()

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return OPERATIONS["sum"](self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return OPERATIONS["mean"](self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return OPERATIONS["max"](self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return OPERATIONS["min"](self, axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return OPERATIONS["all"](self, axis=axis, keepdims=keepdims)

    def any(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return OPERATIONS["any"](self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return OPERATIONS["argmax"](self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return OPERATIONS["argmin"](self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> Tensor:
        return OPERATIONS["reshape"](self, shape=shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Tensor:
        return OPERATIONS["transpose"](self, axes=axes[0] if len(axes) == 1 else axes or None)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return OPERATIONS["swapaxes"](self, axis1=axis1, axis2=axis2)

    def squeeze(self, axis: Any = None) -> Tensor:
        return OPERATIONS["squeeze"](self, axis=axis)

    def clip(self, a_min: Any = None, a_max: Any = None) -> Tensor:
        return OPERATIONS["clip"](self, a_min, a_max)

    def astype(self, dtype: Any) -> Tensor:
        """The values in another dtype; the gradient comes back in this one."""
        return OPERATIONS["astype"](self, dtype=dtype)

    def copy(self) -> Tensor:
        """A recorded copy: gradients flow through it."""
        return OPERATIONS["copy"](self)

    def exp(self) -> Tensor:
        return OPERATIONS["exp"](self)

    def log(self) -> Tensor:
        return OPERATIONS["log"](self)

    def sqrt(self) -> Tensor:
        return OPERATIONS["sqrt"](self)

    def tanh(self) -> Tensor:
        return OPERATIONS["tanh"](self)

    def sigmoid(self) -> Tensor:
        return OPERATIONS["sigmoid"](self)

    def relu(self) -> Tensor:
        return OPERATIONS["relu"](self)

    def abs(self) -> Tensor:
        return OPERATIONS["absolute"](self)
