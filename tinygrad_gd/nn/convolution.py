"""Layers of sliding windows: convolutions, pooling and what stands around them, as in PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError
from ..ground.checks import check_switch
from ..ground.explain import answering
from ..ground.modes import get_default_dtype
from ..ops.neural import convolution
from ..ops.neural.windows import numbers
from . import init
from .functional import pad
from .module import Module
from .parameter import Parameter


class _Convolution(Module):
    """What the four convolutions share: sizes, the weight and the bias."""

    ndim: int
    transposed = False

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any,
                 padding: Any, dilation: Any, groups: int, bias: bool, padding_mode: str) -> None:
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
        modes = ("zeros",) if self.transposed else ("zeros", "reflect", "replicate", "circular")
        if padding_mode not in modes:
            raise OptionError(f"{name}: padding_mode is {', '.join(map(repr, modes))}, got "
                              f"{padding_mode!r}")
        self.padding_mode = padding_mode
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        shape = (first, second // self.groups, *self.kernel_size)
        self.weight = Parameter(np.empty(shape, get_default_dtype()))
        self.bias = None
        if check_switch(f"{name}: bias", bias):
            self.bias = Parameter(np.empty(self.out_channels, get_default_dtype()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw first values again, as when the layer was made."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
            init.uniform_(self.bias, -bound, bound)

    @property
    def _options(self) -> dict[str, Any]:
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation,
                "groups": self.groups}

    def _convolved(self, function: Any, x: Any) -> Tensor:
        """The convolution of ``x``, with a border that is no zeros put around it before."""
        options = self._options
        if self.padding_mode != "zeros":
            pairs: list[int] = []
            for k, d, p in zip(self.kernel_size, self.dilation, self._each_padding(), strict=True):
                extra = d * (k - 1) if self.padding == "same" else 2 * p
                pairs = [extra // 2, extra - extra // 2, *pairs]  # the last axis comes first
            x, options = pad(x, pairs, self.padding_mode), {**options, "padding": 0}
        out: Tensor = function(x, self.weight, self.bias, **options)
        return out

    def _each_padding(self) -> tuple[int, ...]:
        return (0,) * self.ndim if isinstance(self.padding, str) else self.padding

    def extra_repr(self) -> str:
        """The sizes, and what is not as usual."""
        usual = {"padding": (0,) * self.ndim, "dilation": (1,) * self.ndim,
                 "output_padding": (0,) * self.ndim, "groups": 1}
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
                 f"stride={self.stride}"]
        parts += [f"{k}={v}" for k in usual if (v := self._options.get(k, usual[k])) != usual[k]]
        parts += ["bias=False"] * (self.bias is None)
        parts += [f"padding_mode={self.padding_mode}"] * (self.padding_mode != "zeros")
        return ", ".join(parts)


class Conv1d(_Convolution):
    """`conv1d` with a learned weight (out_channels, in_channels / groups, kernel_size) and bias."""

    ndim = 1

    @answering
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
                 padding: Any = 0, dilation: Any = 1, groups: int = 1, bias: bool = True,
                 padding_mode: str = "zeros") -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
                         bias, padding_mode)

    def forward(self, x: Any) -> Tensor:
        """The convolution of (n, in_channels, length)."""
        return self._convolved(convolution.conv1d, x)


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
                 padding: Any = 0, dilation: Any = 1, groups: int = 1, bias: bool = True,
                 padding_mode: str = "zeros") -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
                         bias, padding_mode)

    def forward(self, x: Any) -> Tensor:
        """The convolution of (n, in_channels, height, width)."""
        return self._convolved(convolution.conv2d, x)


class Conv3d(_Convolution):
    """`conv3d` with a learned weight (out_channels, in_channels / groups, *kernel_size) and bias."""

    ndim = 3

    @answering
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
                 padding: Any = 0, dilation: Any = 1, groups: int = 1, bias: bool = True,
                 padding_mode: str = "zeros") -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
                         bias, padding_mode)

    def forward(self, x: Any) -> Tensor:
        """The convolution of (n, in_channels, depth, height, width)."""
        return self._convolved(convolution.conv3d, x)


class _Transposed(_Convolution):
    transposed = True

    @answering
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
                 padding: Any = 0, output_padding: Any = 0, groups: int = 1, bias: bool = True,
                 dilation: Any = 1, padding_mode: str = "zeros") -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
                         bias, padding_mode)
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


class ConvTranspose3d(_Transposed):
    """`conv_transpose3d` with a learned weight (in_channels, out_channels / groups, *kernel_size)."""

    ndim = 3

    def forward(self, x: Any) -> Tensor:
        """The transposed convolution of (n, in_channels, depth, height, width)."""
        return convolution.conv_transpose3d(x, self.weight, self.bias, **self._options)
