"""`Observer`: what is told of everything that happens, while `Mode.observer` holds one.

Anomaly mode, study tools and the capture of programs are observers. With none set they cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
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

    def creates(self, leaf: Any, data: Any) -> None:
        """A leaf is made of ``data``, a Tensor, an array or numbers."""

    def enters(self, module: Any) -> None:
        """A module's forward begins."""

    def leaves(self, module: Any) -> None:
        """A module's forward is over."""

    def option(self, options: Mapping[str, Any], key: str) -> Any:
        """A hyperparameter is used that may be another one in the next step."""
        return options[key]


def live(options: Mapping[str, Any], key: str) -> Any:
    """``options[key]``, known to an observer as a number that schedules may change."""
    observer = current_mode().observer
    return options[key] if observer is None else observer.option(options, key)
