"""Python's own protocols: a Tensor as a container, as a number, and its copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, GradError, ShapeError, describe
from ..ground.registry import NAMES as OPERATIONS
from .pairs import check_pair

if TYPE_CHECKING:
    from .tensor import Tensor


class PythonProtocol:
    """What ``len(t)``, ``for row in t``, ``float(t)``, ``copy(t)`` and their kin do; a base of it."""

    __slots__ = ()

    def __len__(self: Any) -> int:
        if not self._value.ndim:
            raise DTypeError(f"len: {describe(self)} has no axes; use .size")
        return len(self._value)

    def __iter__(self: Any) -> Iterator[Tensor]:
        if len(self) == 2:
            check_pair(self, 0)
        if len(self) and self._requires_grad:
            return iter(OPERATIONS["unstack"](self))
        return (self[i] for i in range(len(self)))

    def __contains__(self: Any, value: Any) -> bool:
        return bool((self == value).any())

    def _number(self: Any, kind: str) -> Any:
        self._leaves_the_graph(f"{kind}()")
        if self._value.size != 1:
            cure = ".any(), .all() or .numpy()" if kind == "bool" else "an index, or .numpy()"
            raise ShapeError(f"{kind}: expected one element, got {describe(self)}; use {cure}")
        return self._value.item()

    def __bool__(self: Any) -> bool:
        return bool(self._number("bool"))

    def __float__(self: Any) -> float:
        self._stays_in_the_graph("a float")
        return float(self._number("float"))

    def __int__(self: Any) -> int:
        self._stays_in_the_graph("an int")
        return int(self._number("int"))

    def __index__(self: Any) -> int:
        if self._value.dtype.kind not in "iu":
            raise DTypeError(f"index: expected an integer tensor, got {describe(self)}; use .item()")
        return int(self._number("index"))

    def __copy__(self: Any) -> Tensor:
        copied: Tensor = self.__deepcopy__({})
        return copied

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Tensor:
        rebuild, state = self.__reduce__()
        copied: Tensor = rebuild(*state)
        return copied

    def __reduce__(self: Any) -> tuple[Callable[..., Tensor], tuple[Any, ...]]:
        if self._primitive is not None:
            raise GradError(f"copy: {describe(self)} was made by {self._primitive.name}; only leaves "
                            "can be copied or pickled, as the graph would be lost. For plots and files "
                            "give the values, .item() or .numpy(), for a Tensor of them .detach(), "
                            "for a recorded copy .copy()")
        grad = None if self._grad is None else np.array(self._grad._value)
        return _rebuild, (self._made_as, np.asarray(self._value), self._requires_grad, self._name, grad)


def _rebuild(cls: type[Tensor], data: Any, requires_grad: bool, name: Any, grad: Any) -> Tensor:
    tensor = cls(data, requires_grad=requires_grad, name=name)
    tensor.grad = grad
    return tensor
