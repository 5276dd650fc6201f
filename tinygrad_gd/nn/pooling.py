"""Pooling as modules: the functions of `ops.neural.pooling` with fixed options."""

from __future__ import annotations

from typing import Any

from ..engine.tensor import Tensor
from ..ground.explain import answering
from ..ops.neural import pooling
from .options import FixedOptions


class MaxPool1d(FixedOptions):
    """`max_pool1d` with fixed options."""

    @answering
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                 *, ceil_mode: bool = False) -> None:
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
                         ceil_mode=ceil_mode)

    def forward(self, x: Any) -> Tensor:
        """The largest element of each window."""
        return pooling.max_pool1d(x, **self._options)


class MaxPool2d(FixedOptions):
    """`max_pool2d` with fixed options."""

    @answering
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                 *, ceil_mode: bool = False) -> None:
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
                         ceil_mode=ceil_mode)

    def forward(self, x: Any) -> Tensor:
        """The largest element of each window."""
        return pooling.max_pool2d(x, **self._options)


class MaxPool3d(FixedOptions):
    """`max_pool3d` with fixed options."""

    @answering
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                 *, ceil_mode: bool = False) -> None:
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
                         ceil_mode=ceil_mode)

    def forward(self, x: Any) -> Tensor:
        """The largest element of each window."""
        return pooling.max_pool3d(x, **self._options)


class AvgPool1d(FixedOptions):
    """`avg_pool1d` with fixed options."""

    @answering
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True) -> None:
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                         count_include_pad=count_include_pad)

    def forward(self, x: Any) -> Tensor:
        """The mean of each window."""
        return pooling.avg_pool1d(x, **self._options)


class AvgPool2d(FixedOptions):
    """`avg_pool2d` with fixed options."""

    @answering
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: Any = None) -> None:
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                         count_include_pad=count_include_pad, divisor_override=divisor_override)

    def forward(self, x: Any) -> Tensor:
        """The mean of each window."""
        return pooling.avg_pool2d(x, **self._options)


class AvgPool3d(FixedOptions):
    """`avg_pool3d` with fixed options."""

    @answering
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: Any = None) -> None:
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                         count_include_pad=count_include_pad, divisor_override=divisor_override)

    def forward(self, x: Any) -> Tensor:
        """The mean of each window."""
        return pooling.avg_pool3d(x, **self._options)


class AdaptiveAvgPool1d(FixedOptions):
    """`adaptive_avg_pool1d` to a fixed size."""

    @answering
    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)

    def forward(self, x: Any) -> Tensor:
        """The means of output_size windows."""
        out: Tensor = pooling.adaptive_avg_pool1d(x, **self._options)
        return out


class AdaptiveAvgPool2d(FixedOptions):
    """`adaptive_avg_pool2d` to a fixed size."""

    @answering
    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)

    def forward(self, x: Any) -> Tensor:
        """The means of output_size windows."""
        out: Tensor = pooling.adaptive_avg_pool2d(x, **self._options)
        return out


class AdaptiveAvgPool3d(FixedOptions):
    """`adaptive_avg_pool3d` to a fixed size."""

    @answering
    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)

    def forward(self, x: Any) -> Tensor:
        """The means of output_size windows."""
        out: Tensor = pooling.adaptive_avg_pool3d(x, **self._options)
        return out


class AdaptiveMaxPool1d(FixedOptions):
    """`adaptive_max_pool1d` to a fixed size."""

    @answering
    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)

    def forward(self, x: Any) -> Tensor:
        """The largest elements of output_size windows."""
        out: Tensor = pooling.adaptive_max_pool1d(x, **self._options)
        return out


class AdaptiveMaxPool2d(FixedOptions):
    """`adaptive_max_pool2d` to a fixed size."""

    @answering
    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)

    def forward(self, x: Any) -> Tensor:
        """The largest elements of output_size windows."""
        out: Tensor = pooling.adaptive_max_pool2d(x, **self._options)
        return out


class AdaptiveMaxPool3d(FixedOptions):
    """`adaptive_max_pool3d` to a fixed size."""

    @answering
    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)

    def forward(self, x: Any) -> Tensor:
        """The largest elements of output_size windows."""
        out: Tensor = pooling.adaptive_max_pool3d(x, **self._options)
        return out
