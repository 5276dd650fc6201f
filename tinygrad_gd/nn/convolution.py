"""Layers of sliding windows: convolutions, pooling and what stands around them, as in PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.checks import check_integer, check_switch
from ..ground.explain import answering
from ..ground.modes import get_default_dtype
from ..ops.neural import convolution, interpolation, pooling
from ..ops.neural.windows import numbers
from ..ops.shape import reshape
from ..ops.signatures import as_tensor
from . import init
from .module import Module, Parameter


class _Options(Module):
    """A layer without parameters that is a function with fixed options, each an attribute."""

    def __init__(self, **options: Any) -> None:
        self._names = tuple(options)
        for name, value in options.items():
            if name in ("ceil_mode", "count_include_pad"):
                check_switch(f"{type(self).__name__}: {name}", value)
            setattr(self, name, value)

    @property
    def _options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names}

    def extra_repr(self) -> str:
        """The options."""
        return ", ".join(f"{name}={value!r}" for name, value in self._options.items())


class _Convolution(Module):
    """What the four convolutions share: sizes, the weight and the bias."""

    ndim: int
    transposed = False

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any,
                 padding: Any, dilation: Any, groups: int, bias: bool) -> None:
        name = type(self).__name__
        self.in_channels = numbers(name, "in_channels", in_channels, 1, 1)[0]
        self.out_channels = numbers(name, "out_channels", out_channels, 1, 1)[0]
        self.groups = numbers(name, "groups", groups, 1, 1)[0]
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise OptionError(f"{name}: groups={groups} must divide in_channels={in_channels} and "
                              f"out_channels={out_channels}; choose a common divisor")
        self.kernel_size = numbers(name, "kernel_size", kernel_size, self.ndim, 1)
        self.stride = numbers(name, "stride", stride, self.ndim, 1)
        self.dilation = numbers(name, "dilation", dilation, self.ndim, 1)
        if isinstance(padding, str) and (self.transposed or padding not in ("valid", "same")):
            names = "" if self.transposed else "'valid', 'same', "
            raise OptionError(f"{name}: padding= must be {names}an integer or a tuple of them, got "
                              f"{padding!r}")
        self.padding = (padding if isinstance(padding, str)
                        else numbers(name, "padding", padding, self.ndim, 0))
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        shape = (first, second // self.groups, *self.kernel_size)
        self.weight = Parameter(np.empty(shape, get_default_dtype()))
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        self.bias = None
        if check_switch(f"{name}: bias", bias):
            bound = 1 / math.sqrt(math.prod(shape[1:]))
            self.bias = Parameter(np.empty(self.out_channels, get_default_dtype()))
            init.uniform_(self.bias, -bound, bound)

    @property
    def _options(self) -> dict[str, Any]:
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation,
                "groups": self.groups}

    def extra_repr(self) -> str:
        """The sizes, and what is not as usual."""
        usual = {"stride": (1,) * self.ndim, "padding": (0,) * self.ndim, "groups": 1,
                 "dilation": (1,) * self.ndim, "output_padding": (0,) * self.ndim}
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"]
        parts += [f"{k}={v!r}" for k, v in self._options.items() if v != usual[k]]
        return ", ".join(parts + ["bias=False"] * (self.bias is None))


class Conv1d(_Convolution):
    """`conv1d` with a learned weight (out_channels, in_channels / groups, kernel_size) and bias."""

    ndim = 1

    @answering
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
                 padding: Any = 0, dilation: Any = 1, groups: int = 1, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
                         bias)

    def forward(self, x: Any) -> Tensor:
        """The convolution of (n, in_channels, length)."""
        return convolution.conv1d(x, self.weight, self.bias, **self._options)


class Conv2d(_Convolution):
    """`conv2d` with a learned weight (out_channels, in_channels / groups, height, width) and bias.

    >>> import numpy as np, tinygrad_gd as tg
    >>> layer = tg.nn.Conv2d(3, 8, 3, padding=1)
    >>> layer(tg.Tensor(np.ones((2, 3, 5, 5)))).shape
    (2, 8, 5, 5)
    """

    ndim = 2

    @answering
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
                 padding: Any = 0, dilation: Any = 1, groups: int = 1, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
                         bias)

    def forward(self, x: Any) -> Tensor:
        """The convolution of (n, in_channels, height, width)."""
        return convolution.conv2d(x, self.weight, self.bias, **self._options)


class _Transposed(_Convolution):
    transposed = True

    @answering
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
                 padding: Any = 0, output_padding: Any = 0, groups: int = 1, bias: bool = True,
                 dilation: Any = 1) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
                         bias)
        self.output_padding = numbers(
            type(self).__name__, "output_padding", output_padding, self.ndim, 0)

    @property
    def _options(self) -> dict[str, Any]:
        return {**super()._options, "output_padding": self.output_padding}


class ConvTranspose1d(_Transposed):
    """`conv_transpose1d` with a learned weight (in_channels, out_channels / groups, kernel_size)."""

    ndim = 1

    def forward(self, x: Any) -> Tensor:
        """The transposed convolution of (n, in_channels, length)."""
        return convolution.conv_transpose1d(x, self.weight, self.bias, **self._options)


class ConvTranspose2d(_Transposed):
    """`conv_transpose2d` with a learned weight (in_channels, out_channels / groups, height, width)."""

    ndim = 2

    def forward(self, x: Any) -> Tensor:
        """The transposed convolution of (n, in_channels, height, width)."""
        return convolution.conv_transpose2d(x, self.weight, self.bias, **self._options)


class MaxPool1d(_Options):
    """`max_pool1d` with fixed options."""

    @answering
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                 *, ceil_mode: bool = False) -> None:
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
                         ceil_mode=ceil_mode)

    def forward(self, x: Any) -> Tensor:
        """The largest element of each window."""
        return pooling.max_pool1d(x, **self._options)


class MaxPool2d(_Options):
    """`max_pool2d` with fixed options."""

    @answering
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                 *, ceil_mode: bool = False) -> None:
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
                         ceil_mode=ceil_mode)

    def forward(self, x: Any) -> Tensor:
        """The largest element of each window."""
        return pooling.max_pool2d(x, **self._options)


class AvgPool1d(_Options):
    """`avg_pool1d` with fixed options."""

    @answering
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True) -> None:
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                         count_include_pad=count_include_pad)

    def forward(self, x: Any) -> Tensor:
        """The mean of each window."""
        return pooling.avg_pool1d(x, **self._options)


class AvgPool2d(_Options):
    """`avg_pool2d` with fixed options."""

    @answering
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: Any = None) -> None:
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                         count_include_pad=count_include_pad, divisor_override=divisor_override)

    def forward(self, x: Any) -> Tensor:
        """The mean of each window."""
        return pooling.avg_pool2d(x, **self._options)


class AdaptiveAvgPool1d(_Options):
    """`adaptive_avg_pool1d` to a fixed size."""

    @answering
    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)

    def forward(self, x: Any) -> Tensor:
        """The means of output_size windows."""
        out: Tensor = pooling.adaptive_avg_pool1d(x, **self._options)
        return out


class AdaptiveAvgPool2d(_Options):
    """`adaptive_avg_pool2d` to a fixed size."""

    @answering
    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)

    def forward(self, x: Any) -> Tensor:
        """The means of output_size windows."""
        out: Tensor = pooling.adaptive_avg_pool2d(x, **self._options)
        return out


class AdaptiveMaxPool1d(_Options):
    """`adaptive_max_pool1d` to a fixed size."""

    @answering
    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)

    def forward(self, x: Any) -> Tensor:
        """The largest elements of output_size windows."""
        out: Tensor = pooling.adaptive_max_pool1d(x, **self._options)
        return out


class AdaptiveMaxPool2d(_Options):
    """`adaptive_max_pool2d` to a fixed size."""

    @answering
    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)

    def forward(self, x: Any) -> Tensor:
        """The largest elements of output_size windows."""
        out: Tensor = pooling.adaptive_max_pool2d(x, **self._options)
        return out


class Upsample(_Options):
    """`interpolate` with fixed options."""

    @answering
    def __init__(self, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                 align_corners: bool | None = None) -> None:
        super().__init__(size=size, scale_factor=scale_factor, mode=mode, align_corners=align_corners)

    def forward(self, x: Any) -> Tensor:
        """``x`` at another size."""
        out: Tensor = interpolation.interpolate(x, **self._options)
        return out


class Flatten(_Options):
    """The axes from ``start_dim`` to ``end_dim`` as one: by default all but the batch.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.nn.Flatten()(tg.Tensor(np.ones((2, 3, 4)))).shape
    (2, 12)
    """

    @answering
    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        for name, value in (("start_dim", start_dim), ("end_dim", end_dim)):
            check_integer(f"Flatten: {name}", value)
        super().__init__(start_dim=start_dim, end_dim=end_dim)

    def forward(self, x: Any) -> Tensor:
        """The same elements with fewer axes."""
        x = as_tensor("Flatten", x)
        (start, end), ndim = self._options.values(), x.ndim
        if not (-ndim <= start < ndim and -ndim <= end < ndim and start % ndim <= end % ndim):
            raise ShapeError(f"Flatten: axes {start} to {end} do not exist in this order in "
                             f"{describe(x)}; choose start_dim= and end_dim= among its axes")
        first, behind = start % ndim, end % ndim + 1
        size = math.prod(x.shape[first:behind])
        return reshape(x, (*x.shape[:first], size, *x.shape[behind:]))
