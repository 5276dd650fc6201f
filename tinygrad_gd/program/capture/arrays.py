"""Arrays in a run that is captured: Tensors to those who watch, and to the function what they are."""

from __future__ import annotations

import functools
import inspect
from typing import Any, NamedTuple

import numpy as np

from ...engine.in_place import write
from ...engine.numpy_protocol import call_function
from ...engine.primitive import Primitive
from ...engine.tensor import Tensor
from ...ground.live import Live
from ...ground.modes import current_mode
from ...ground.pytree import flatten, unflatten
from ...ground.registry import NUMPY
from ...ops.unnamed import unnamed

_OPTIONS = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
_class: Any = object.__dict__["__class__"]


class TrackedArray(Tensor):
    """An array that is an argument, or computed from arrays alone; to `isinstance` both kinds."""

    __slots__ = ()

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return np.ndarray

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Tensor:
        calls = getattr(current_mode().observer, "calls", call_function)
        made: Tensor = calls(function, args, kwargs)
        return made

    def _update(self, primitive: Any, other: Any) -> Tensor:
        if current_mode().observer.overwrites(self, primitive):
            return write(primitive, (self, other), self)
        return super()._update(primitive, other)

    def copy(self, order: Any = "C") -> Tensor:
        """Of Tensors and in np.copy, the memory order is kept by default; of arrays it is not."""
        return super().copy(order)

    def take(self, *args: Any, **options: Any) -> Tensor:
        """As the function of this name lays it out."""
        return self.__array_function__(np.take, (), (self, *args), options)

    def ravel(self, order: Any = "C") -> Tensor:
        """In one piece, which a reshaped Tensor need not be."""
        return self.__array_function__(np.ravel, (), (self, order), {})

    flatten = ravel


def tracked(tensor: Tensor) -> Tensor:
    """The same object, as a `TrackedArray`."""
    _class.__set__(tensor, TrackedArray)
    return tensor


def untracked(tensor: Tensor) -> Tensor:
    """The same object, as a Tensor like any other."""
    if type(tensor) is TrackedArray:
        _class.__set__(tensor, Tensor)
    return tensor


class StandIn(NamedTuple):
    """What NumPy computes with a function from arrays alone, and the call as a program writes it."""

    value: Any
    primitive: Primitive
    inputs: tuple[Any, ...]
    params: dict[str, Any]


def stand_in(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> StandIn | None:
    """The call of a NumPy function; None if it is none of the first arguments, arrays, and options."""
    value = function(*_raw(args), **_raw(kwargs))
    try:
        signature = _signature_of(function)
        named = signature.bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        return None
    arrays = [name for name, x in named.items() if isinstance(x, Tensor)]
    options = {name: x for name, x in named.items() if name not in arrays}
    if (not isinstance(value, np.ndarray | np.generic) or list(named)[:len(arrays)] != arrays
            or any(signature.parameters[name].kind not in _OPTIONS for name in options)
            or any(isinstance(x, Tensor) for x in flatten(options))):
        return None
    inputs = tuple(named[name] for name in arrays)
    shows = any(np.may_share_memory(value, x._value) for x in inputs)
    return StandIn(value, _primitive_of(function, "view" if shows else "op"), inputs, options)


def _signature_of(function: Any) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except ValueError:  # of its C functions, NumPy before 2.4 tells none
        return inspect.signature(NUMPY[function])


@functools.cache
def _primitive_of(function: Any, kind: str) -> Primitive:
    def call(*arrays: Any, **options: Any) -> Any:
        return function(*arrays, **options)

    return unnamed(f"np.{function.__name__}", call, numpy=(function,), run=function, atomic=True,
                   kind=kind)


def _raw(given: Any) -> Any:
    """Arguments with the arrays themselves."""
    leaves = flatten(given)
    return unflatten(given, [
        x._value if isinstance(x, Tensor) else x.noticed() if type(x) is Live else x for x in leaves])


def makes_array(inputs: Any) -> bool:
    """Whether NumPy would make an array of these inputs, without a Tensor to watch."""
    tensors = [x for x in inputs if isinstance(x, Tensor)]
    return bool(tensors) and all(type(x) is TrackedArray for x in tensors)
