"""Borders as modules: `nn.functional.pad` with a fixed width and mode.

``padding`` is one width for all sides, or (before, after) of the last axis, then of the one before it,
as (left, right, top, bottom) of an image.
"""

from __future__ import annotations

from typing import Any

from ..engine.tensor import Tensor
from ..errors import ShapeError, describe
from ..ground.explain import answering
from ..ops.neural.windows import numbers
from ..ops.signatures import as_tensor
from .functional import pad
from .options import FixedOptions


class Border(FixedOptions):
    """What all of them share: how many axes get a border, and what it is made of."""

    ndim = 1
    mode = "constant"

    @answering
    def __init__(self, padding: Any) -> None:
        super().__init__(padding=numbers(type(self).__name__, "padding", padding, 2 * self.ndim, 0))

    def forward(self, x: Any) -> Tensor:
        """``x`` with a border around its last axes."""
        x = as_tensor(type(self).__name__, x)
        if x.ndim not in (self.ndim + 1, self.ndim + 2):
            raise ShapeError(f"{type(self).__name__}: expected an input with {self.ndim + 1} or "
                             f"{self.ndim + 2} axes, got {describe(x)}")
        return pad(x, self.padding, self.mode, getattr(self, "value", None))

    def extra_repr(self) -> str:
        """The widths."""
        return str(self.padding)

    padding: tuple[int, ...]


class ConstantPad1d(Border):
    """A border of ``value`` around (n, channels, length).

    >>> import tinygrad_gd as tg
    >>> tg.nn.ConstantPad1d((1, 0), 9.0)([[1.0, 2.0]]).tolist()
    [[9.0, 1.0, 2.0]]
    """

    @answering
    def __init__(self, padding: Any, value: float) -> None:
        Border.__init__(self, padding)
        self.value = value

    def extra_repr(self) -> str:
        """The widths and the value."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad2d(ConstantPad1d):
    """A border of ``value`` around images."""

    ndim = 2


class ConstantPad3d(ConstantPad1d):
    """A border of ``value`` around volumes."""

    ndim = 3


class ZeroPad1d(Border):
    """A border of zeros around (n, channels, length)."""

    ndim, mode = 1, "constant"


class ZeroPad2d(Border):
    """A border of zeros around images."""

    ndim, mode = 2, "constant"


class ZeroPad3d(Border):
    """A border of zeros around volumes."""

    ndim, mode = 3, "constant"


class ReflectionPad1d(Border):
    """A border of the reflection of what is inside around (n, channels, length)."""

    ndim, mode = 1, "reflect"


class ReflectionPad2d(Border):
    """A border of the reflection of what is inside around images."""

    ndim, mode = 2, "reflect"


class ReflectionPad3d(Border):
    """A border of the reflection of what is inside around volumes."""

    ndim, mode = 3, "reflect"


class ReplicationPad1d(Border):
    """A border of the outermost numbers around (n, channels, length)."""

    ndim, mode = 1, "replicate"


class ReplicationPad2d(Border):
    """A border of the outermost numbers around images."""

    ndim, mode = 2, "replicate"


class ReplicationPad3d(Border):
    """A border of the outermost numbers around volumes."""

    ndim, mode = 3, "replicate"


class CircularPad1d(Border):
    """A border of the numbers of the other side around (n, channels, length)."""

    ndim, mode = 1, "circular"


class CircularPad2d(Border):
    """A border of the numbers of the other side around images."""

    ndim, mode = 2, "circular"


class CircularPad3d(Border):
    """A border of the numbers of the other side around volumes."""

    ndim, mode = 3, "circular"
