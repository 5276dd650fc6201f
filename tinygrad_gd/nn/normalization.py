"""Normalisation: values with mean 0 and variance 1, over a batch, a layer, groups or instances.

All of it is ``y = (x - mean) / sqrt(var + eps) * weight + bias``, with the variance that divides by n.
What differs is over which axes the mean is taken. Running statistics are Tensors that a training step
writes in place, outside of every graph; of the variance they keep the one that divides by n - 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, ShapeError, describe
from ..ground.checks import check_integer, check_switch
from ..ground.explain import answering
from ..ground.fast import is_half
from ..ground.modes import get_default_dtype, no_grad
from ..ground.registry import explaining
from ..ops.elementwise import sqrt, square
from ..ops.neural.normalization import standardize
from ..ops.reductions import mean as mean_of
from ..ops.shape import reshape
from ..ops.signatures import as_tensor
from . import init
from .module import Module
from .parameter import Parameter

# -- what they share ---------------------------------------------------------------------------------


def _floating(operation: str, x: Any) -> Tensor:
    tensor = as_tensor(operation, x)
    if tensor.dtype.kind != "f":
        raise DTypeError(f"{operation}: expected floating numbers, got {describe(tensor)}; use "
                         ".astype(float)")
    return tensor


def _standardized(x: Tensor, axes: tuple[int, ...], eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """``x`` with mean 0 and variance 1 over ``axes``, and the two that it had."""
    mean = _mean(x, axes)
    centered = x - mean
    variance = _mean(apply(square, (centered,)), axes)
    return centered / apply(sqrt, (variance + eps,)), mean, variance


def _mean(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """`mean`, whose function looks at options that are settled here; it adds up halves in float32."""
    if is_half(x):
        return mean_of(x, axes, keepdims=True)
    return apply(mean_of, (x,), {"axis": axes, "keepdims": True})


def _channels(operation: str, x: Any, least: int = 2) -> Tensor:
    tensor = _floating(operation, x)
    if tensor.ndim < least:
        axes = "(n, channels, ...)" if least == 2 else "(n, channels, length, ...)"
        raise ShapeError(f"{operation}: expected an input {axes}, got {describe(tensor)}")
    return tensor


def _by_channel(operation: str, name: str, values: Any, x: Tensor) -> Tensor:
    """One value for each channel, such that it broadcasts against ``x``."""
    tensor = as_tensor(operation, values)
    if tensor.shape != x.shape[1:2]:
        raise ShapeError(f"{operation}: {name} has one number for each of {x.shape[1]} channels of "
                         f"{describe(x)}, got {describe(tensor)}")
    return tensor if x.ndim == 2 else reshape(tensor, (-1, *(1,) * (x.ndim - 2)))


def _scaled(operation: str, y: Tensor, weight: Any, bias: Any) -> Tensor:
    """``y * weight + bias``, by channel, of those that are given."""
    if weight is not None:
        y = y * _by_channel(operation, "weight", weight, y)
    shifted: Tensor = y if bias is None else y + _by_channel(operation, "bias", bias, y)
    return shifted


def _follow(operation: str, name: str, running: Any, now: Tensor, momentum: Any,
            factor: float = 1.0) -> None:
    """Move a running statistic towards ``factor`` times what it is now, in place."""
    if not isinstance(running, Tensor):
        raise DTypeError(f"{operation}: {name} is written in place and must be a Tensor, got "
                         f"{describe(running)}; write tg.Tensor(values)")
    now = reshape(now, running.shape)
    running.assign((1 - momentum) * running + (momentum * factor) * now)


# -- functions ---------------------------------------------------------------------------------------


@explaining
def batch_norm(input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None,
               bias: Any = None, training: bool = False, momentum: Any = 0.1,
               eps: float = 1e-5) -> Tensor:
    """Each channel with mean 0 and variance 1 over the batch (Ioffe and Szegedy, 2015).

    Parameters
    ----------
    input : (n, channels, ...).
    running_mean, running_var : (channels,); taken as they are, or written to in ``training``.
    weight, bias : (channels,), what the result is multiplied by, and what is added to it.
    momentum : the share of the new statistics in the running ones.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([[1.0], [3.0]])
    >>> tg.nn.functional.batch_norm(x, training=True, eps=0.0).tolist()
    [[-1.0], [1.0]]
    """
    x = _channels("batch_norm", input)
    axes, count = (0, *range(2, x.ndim)), x.size // max(x.shape[1], 1)
    if not check_switch("batch_norm: training", training):
        if running_mean is None or running_var is None:
            raise OptionError("batch_norm: without training=True, running_mean and running_var are "
                              "what it normalises with; give both")
        mean = _by_channel("batch_norm", "running_mean", running_mean, x)
        variance = _by_channel("batch_norm", "running_var", running_var, x)
        y = (x - mean) / apply(sqrt, (variance + eps,))
        return _scaled("batch_norm", y, weight, bias)
    if count < 2:
        raise ShapeError(f"batch_norm: expected more than one number for each channel in training, got "
                         f"{describe(x)}, whose variance is 0; use larger batches, or eval()")
    y, mean, variance = _standardized(x, axes, eps)
    with no_grad():
        if running_mean is not None:
            _follow("batch_norm", "running_mean", running_mean, mean, momentum)
        if running_var is not None:
            _follow("batch_norm", "running_var", running_var, variance, momentum, count / (count - 1))
    return _scaled("batch_norm", y, weight, bias)


@explaining
def instance_norm(input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None,
                  bias: Any = None, use_input_stats: bool = True, momentum: Any = 0.1,
                  eps: float = 1e-5) -> Tensor:
    """Each channel of each sample with mean 0 and variance 1 (Ulyanov, 2016); as `batch_norm` else."""
    x = _channels("instance_norm", input, 3)
    if not check_switch("instance_norm: use_input_stats", use_input_stats):
        return batch_norm(x, running_mean, running_var, weight, bias, eps=eps)
    count = math.prod(x.shape[2:])
    if count < 2:
        raise ShapeError("instance_norm: expected more than one number in each channel of a sample, "
                         f"got {describe(x)}, whose variance is 0")
    y, mean, variance = _standardized(x, tuple(range(2, x.ndim)), eps)
    with no_grad():
        if running_mean is not None:
            _follow("instance_norm", "running_mean", running_mean, mean_of(mean, 0), momentum)
        if running_var is not None:
            _follow("instance_norm", "running_var", running_var, mean_of(variance, 0), momentum,
                    count / (count - 1))
    return _scaled("instance_norm", y, weight, bias)


@explaining
def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None,
               eps: float = 1e-5) -> Tensor:
    """Each group of channels of each sample with mean 0 and variance 1 (Wu and He, 2018)."""
    x = _channels("group_norm", input)
    groups = check_integer("group_norm: num_groups", num_groups, 1)
    if x.shape[1] % groups:
        raise ShapeError(f"group_norm: num_groups={groups} does not divide {x.shape[1]} channels of "
                         f"{describe(x)}")
    y = apply(standardize, (reshape(x, (x.shape[0], groups, -1)),), {"eps": eps})
    return _scaled("group_norm", reshape(y, x.shape), weight, bias)


def _layer(operation: str, input: Any, normalized_shape: Any, **given: Any) -> tuple[Tensor, Any]:
    """The input, and its last axes, whose lengths must be these."""
    x, shape = _floating(operation, input), _lengths(operation, normalized_shape)
    if x.shape[max(x.ndim - len(shape), 0):] != shape:
        raise ShapeError(f"{operation}: expected an input whose last axes are {shape}, got "
                         f"{describe(x)}; see normalized_shape=")
    for name, values in given.items():
        if values is not None and np.shape(getattr(values, "_value", values)) != shape:
            raise ShapeError(f"{operation}: {name} has the shape {shape}, got {describe(values)}")
    return x, tuple(range(-len(shape), 0))


def _lengths(operation: str, normalized_shape: Any) -> tuple[int, ...]:
    given = (tuple(normalized_shape) if isinstance(normalized_shape, tuple | list)
             else (normalized_shape,))
    if not given:
        raise OptionError(f"{operation}: normalized_shape= is a length, or a tuple of at least one")
    return tuple(check_integer(f"{operation}: normalized_shape", n, 1) for n in given)


@explaining
def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None,
               eps: float = 1e-5) -> Tensor:
    """Mean 0 and variance 1 over the last axes, of lengths ``normalized_shape`` (Ba, 2016).

    >>> import tinygrad_gd as tg
    >>> tg.nn.functional.layer_norm(tg.Tensor([[1.0, 3.0], [5.0, 1.0]]), 2, eps=0.0).tolist()
    [[-1.0, 1.0], [1.0, -1.0]]
    """
    x, axes = _layer("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    rows = x if len(axes) == 1 else reshape(x, (*x.shape[: x.ndim - len(axes)], -1))
    y = apply(standardize, (rows,), {"eps": eps})
    y = y if rows is x else reshape(y, x.shape)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


@explaining
def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """``x / sqrt(mean(x**2) + eps) * weight`` over the last axes (Zhang and Sennrich, 2019)."""
    x, axes = _layer("rms_norm", input, normalized_shape, weight=weight)
    small = float(np.finfo(x.dtype).eps) if eps is None else eps
    y = x / apply(sqrt, (_mean(apply(square, (x,)), axes) + small,))
    return y if weight is None else y * weight


# -- modules -----------------------------------------------------------------------------------------


def check_eps(kind: str, eps: Any) -> float:
    """A number of at least 0."""
    if isinstance(eps, bool) or not isinstance(eps, int | float | np.number) or not eps >= 0:
        raise OptionError(f"{kind}: eps is a small number of at least 0, added to the variance; got "
                          f"{eps!r}")
    return float(eps)


class Affine(Module):
    """What the normalisations share: a weight of ones and a bias of zeros, if they are wanted."""

    def _learn(self, shape: tuple[int, ...], weight: bool, bias: bool) -> None:
        dtype = get_default_dtype()
        self.weight = Parameter(np.ones(shape, dtype)) if weight else None
        self.bias = Parameter(np.zeros(shape, dtype)) if weight and bias else None

    def reset_parameters(self) -> None:
        """Make the weight ones and the bias zeros again."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class RunningNorm(Affine):
    """What `BatchNorm` and `InstanceNorm` share: options, buffers, the check of axes."""

    #: How many axes the input may have.
    axes: tuple[int, ...] = ()
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def _set_up(self, num_features: int, eps: float, momentum: Any, affine: bool, track: bool,
                bias: bool) -> None:
        kind = type(self).__name__
        self.num_features = check_integer(f"{kind}: num_features", num_features, 1,
                                          wrong_type=OptionError)
        self.eps = check_eps(kind, eps)
        if momentum is not None and not (isinstance(momentum, int | float) and 0 <= momentum <= 1):
            raise OptionError(f"{kind}: momentum is the share of the new statistics, between 0 and 1, "
                              f"or None for the mean of all batches; got {momentum!r}")
        self.momentum = momentum
        self.affine = check_switch(f"{kind}: affine", affine)
        self.track_running_stats = check_switch(f"{kind}: track_running_stats", track)
        self._learn((num_features,), self.affine, check_switch(f"{kind}: bias", bias))
        dtype = get_default_dtype()
        tracked = self.track_running_stats
        self.register_buffer("running_mean", np.zeros(num_features, dtype) if tracked else None)
        self.register_buffer("running_var", np.ones(num_features, dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", np.zeros((), np.int64) if tracked else None)

    def reset_running_stats(self) -> None:
        """Forget the batches so far: mean 0, variance 1 and none counted.

        >>> import tinygrad_gd as tg
        >>> layer = tg.nn.BatchNorm1d(1); _ = layer(tg.Tensor([[1.0], [3.0]]))
        >>> layer.reset_running_stats(); layer.running_mean.tolist(), layer.running_var.tolist()
        ([0.0], [1.0])
        """
        first = ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0))
        with no_grad():
            for buffer, value in first:
                if buffer is not None:
                    buffer.assign(value)

    def reset_parameters(self) -> None:
        """Make the weight ones and the bias zeros again, and forget the batches so far."""
        self.reset_running_stats()
        super().reset_parameters()

    def _checked(self, x: Any, channel: int) -> None:
        if x.ndim not in self.axes or x.shape[channel] != self.num_features:
            raise ShapeError(f"{type(self).__name__}: expected an input with "
                             f"{' or '.join(map(str, self.axes))} axes and num_features="
                             f"{self.num_features} channels, got {describe(x)}")

    def extra_repr(self) -> str:
        """The sizes and options."""
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")


class BatchNorm1d(RunningNorm):
    """`batch_norm` of (n, num_features) or (n, num_features, length), with running statistics.

    In training the statistics of the batch count, after `eval` the running ones. With ``momentum=None``
    these are the mean of all batches so far; without ``track_running_stats`` there are none.

    >>> import tinygrad_gd as tg
    >>> layer = tg.nn.BatchNorm1d(1)
    >>> _ = layer(tg.Tensor([[1.0], [3.0]])); layer.running_mean.tolist(), layer.running_var.tolist()
    ([0.2], [1.1])
    """

    axes: tuple[int, ...] = (2, 3)

    @answering
    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
                 affine: bool = True, track_running_stats: bool = True, *, bias: bool = True) -> None:
        self._set_up(num_features, eps, momentum, affine, track_running_stats, bias)

    def forward(self, x: Any) -> Tensor:
        """The normalised ``x``; in training the running statistics follow."""
        momentum: Any = self.momentum
        x = as_tensor(type(self).__name__, x)
        self._checked(x, 1)
        mean, variance, count = self.running_mean, self.running_var, self.num_batches_tracked
        of_batch = self.training or mean is None
        if self.training and count is not None:
            with no_grad():
                count.assign(count + 1)
                momentum = 1 / count if momentum is None else momentum
        return batch_norm(x, mean, variance, self.weight, self.bias, of_batch, momentum, self.eps)


class BatchNorm2d(BatchNorm1d):
    """`BatchNorm1d` of images (n, num_features, height, width)."""

    axes = (4,)


class BatchNorm3d(BatchNorm1d):
    """`BatchNorm1d` of volumes (n, num_features, depth, height, width)."""

    axes = (5,)


class InstanceNorm1d(RunningNorm):
    """`instance_norm` of (n, num_features, length), or of one sample without n.

    >>> import tinygrad_gd as tg
    >>> tg.nn.InstanceNorm1d(2, eps=0)(tg.Tensor([[[1.0, 3.0], [5.0, 1.0]]])).tolist()
    [[[-1.0, 1.0], [1.0, -1.0]]]
    """

    axes: tuple[int, ...] = (2, 3)

    @answering
    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
                 affine: bool = False, track_running_stats: bool = False, *, bias: bool = True) -> None:
        self._set_up(num_features, eps, momentum, affine, track_running_stats, bias)

    def forward(self, x: Any) -> Tensor:
        """The normalised ``x``; in training the running statistics follow, if there are any."""
        x = as_tensor(type(self).__name__, x)
        alone = x.ndim == self.axes[0]
        self._checked(x, 0 if alone else 1)
        of_samples = self.training or self.running_mean is None
        y = instance_norm(x[None] if alone else x, self.running_mean, self.running_var, self.weight,
                          self.bias, of_samples, self.momentum or 0.0, self.eps)
        return y[0] if alone else y


class InstanceNorm2d(InstanceNorm1d):
    """`InstanceNorm1d` of images (n, num_features, height, width)."""

    axes = (3, 4)


class InstanceNorm3d(InstanceNorm1d):
    """`InstanceNorm1d` of volumes (n, num_features, depth, height, width)."""

    axes = (4, 5)


class GroupNorm(Affine):
    """`group_norm` with a learned weight and bias for each channel.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.nn.GroupNorm(2, 6)(np.ones((3, 6, 4))).shape
    (3, 6, 4)
    """

    @answering
    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
                 *, bias: bool = True) -> None:
        self.num_groups = check_integer("GroupNorm: num_groups", num_groups, 1, wrong_type=OptionError)
        self.num_channels = check_integer("GroupNorm: num_channels", num_channels, 1,
                                          wrong_type=OptionError)
        if num_channels % num_groups:
            raise OptionError(f"GroupNorm: num_groups={num_groups} must divide num_channels="
                              f"{num_channels}; choose a divisor")
        self.eps, self.affine = check_eps("GroupNorm", eps), check_switch("GroupNorm: affine", affine)
        self._learn((num_channels,), self.affine, check_switch("GroupNorm: bias", bias))

    def forward(self, x: Any) -> Tensor:
        """The normalised (n, num_channels, ...)."""
        x = as_tensor("GroupNorm", x)
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ShapeError(f"GroupNorm: expected an input (n, {self.num_channels}, ...), as "
                             f"num_channels={self.num_channels}, got {describe(x)}")
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The sizes and options."""
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")


class LayerNorm(Affine):
    """`layer_norm` with a learned weight and bias of the shape ``normalized_shape``.

    >>> import numpy as np, tinygrad_gd as tg
    >>> layer = tg.nn.LayerNorm(4); layer(np.ones((2, 3, 4))).shape, layer.weight.shape
    ((2, 3, 4), (4,))
    """

    @answering
    def __init__(self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True,
                 bias: bool = True) -> None:
        self.normalized_shape = _lengths("LayerNorm", normalized_shape)
        self.eps = check_eps("LayerNorm", eps)
        self.elementwise_affine = check_switch("LayerNorm: elementwise_affine", elementwise_affine)
        self._learn(self.normalized_shape, elementwise_affine, check_switch("LayerNorm: bias", bias))

    def forward(self, x: Any) -> Tensor:
        """The normalised ``x``."""
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The shape and options."""
        return (f"{self.normalized_shape}, eps={self.eps}, "
                f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}")


class RMSNorm(Affine):
    """`rms_norm` with a learned weight; ``eps=None`` is the smallest step at 1 of the input's dtype."""

    @answering
    def __init__(self, normalized_shape: Any, eps: float | None = None,
                 elementwise_affine: bool = True) -> None:
        self.normalized_shape = _lengths("RMSNorm", normalized_shape)
        self.eps = None if eps is None else check_eps("RMSNorm", eps)
        self.elementwise_affine = check_switch("RMSNorm: elementwise_affine", elementwise_affine)
        self._learn(self.normalized_shape, elementwise_affine, False)

    def forward(self, x: Any) -> Tensor:
        """The normalised ``x``."""
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The shape and options."""
        return (f"{self.normalized_shape}, eps={self.eps}, "
                f"elementwise_affine={self.elementwise_affine}")
