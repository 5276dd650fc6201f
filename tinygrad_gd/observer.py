"""`Observer`: what is told of everything that happens, while `Mode.observer` holds one.

Anomaly mode, study tools and the capture of programs are observers. With none set they cost nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from .modes import current_mode


class Observer:
    """Hears of every event and does nothing; subclasses override what they care for."""

    #: whether first-order backward passes must run the rules on Tensors, so that `forward` sees them
    wants_tensors: bool = False

    def forward(self, out: Any, primitive: Any, inputs: Any, params: Any) -> None:
        """``out`` was computed by ``primitive``, in a forward or a recorded backward pass."""

    def backward(self, out: Any, position: int, g: Any, gx: Any) -> None:
        """The rule of ``out``'s primitive made ``gx`` of ``g``, for the argument at ``position``."""

    def starts_backward(self, root: Any, seed: Any) -> None:
        """A reverse pass begins at ``root``."""

    def ends_backward(self) -> None:
        """The reverse pass is over."""

    def write(self, target: Any, primitive: Any, inputs: Any) -> None:
        """The values of ``target`` were replaced by ``primitive(*inputs)``, in place."""

    def read(self, tensor: Any, how: str) -> None:
        """Values of ``tensor`` leave the graph, by ``float(t)``, ``t.numpy()`` and their kin."""

    def effect(self, what: str) -> None:
        """Something happens besides computing, such as seeding the random numbers."""

    def creates(self, leaf: Any, data: Any) -> None:
        """A leaf is made of ``data``, a Tensor, an array or numbers."""

    def takes_gradient(self, leaf: Any) -> None:
        """The gradient that ``leaf`` has so far is about to be used or added to."""

    def enters(self, module: Any) -> None:
        """A module's forward begins."""

    def leaves(self, module: Any) -> None:
        """A module's forward is over."""

    def option(self, options: Mapping[str, Any], key: str) -> Any:
        """A hyperparameter is used that may be another one in the next step."""
        return options[key]


class Live(float):
    """A number that may be another one in the next step, such as a learning rate, with its origin.

    Arithmetic with Python numbers keeps track; to NumPy and in comparisons it is the number it is.

    Attributes
    ----------
    text : how it is computed, as Python source.
    origins : the names in that source and where their values are found: (container, key).
    """

    text: str
    origins: dict[str, tuple[Any, Any]]

    def __new__(cls, value: Any, text: str, origins: dict[str, tuple[Any, Any]]) -> Live:
        """The number ``value`` and where it comes from."""
        made = super().__new__(cls, value)
        made.text, made.origins = text, origins
        return made

    def _with(self, symbol: str, other: Any, swapped: bool = False) -> Any:
        if type(other) not in (int, float, Live):
            return NotImplemented
        a, b = (other, self) if swapped else (self, other)
        value = _ARITHMETIC[symbol](float(a), float(b))
        first, second = (x.text if isinstance(x, Live) else repr(x) for x in (a, b))
        origins = other.origins if isinstance(other, Live) else {}
        return Live(value, f"({first} {symbol} {second})", {**self.origins, **origins})

    def __add__(self, other: Any) -> Any: return self._with("+", other)
    def __radd__(self, other: Any) -> Any: return self._with("+", other, True)
    def __sub__(self, other: Any) -> Any: return self._with("-", other)
    def __rsub__(self, other: Any) -> Any: return self._with("-", other, True)
    def __mul__(self, other: Any) -> Any: return self._with("*", other)
    def __rmul__(self, other: Any) -> Any: return self._with("*", other, True)
    def __truediv__(self, other: Any) -> Any: return self._with("/", other)
    def __rtruediv__(self, other: Any) -> Any: return self._with("/", other, True)
    def __pow__(self, other: Any, mod: None = None) -> Any: return self._with("**", other)
    def __rpow__(self, other: Any, mod: None = None) -> Any: return self._with("**", other, True)
    def __neg__(self) -> Any: return self._with("*", -1)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "**": operator.pow,
}  # fmt: skip


def live(options: Mapping[str, Any], key: str) -> Any:
    """``options[key]``, known to an observer as a number that schedules may change."""
    observer = current_mode().observer
    return options[key] if observer is None else observer.option(options, key)
