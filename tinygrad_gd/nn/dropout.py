"""Dropout: in training some numbers, or whole channels, become 0; after `eval` nothing happens.

The draws are operations of the step, from the one generator that `tinygrad_gd.manual_seed` seeds: a
compiled step draws anew in each call.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.checks import check_switch
from ..ground.explain import answering
from ..ground.registry import explaining
from ..ops.elementwise import where
from ..ops.neural.activations import SELU_ALPHA, SELU_SCALE
from ..ops.random import dropout, uniform
from ..ops.signatures import as_tensor
from .options import FixedOptions


def _probability(operation: str, p: Any) -> float:
    if isinstance(p, bool) or not isinstance(p, int | float | np.floating) or not 0 <= p <= 1:
        raise OptionError(f"{operation}: p is the probability that a number becomes 0, between 0 and "
                          f"1; got {p!r}")
    return float(p)


def _mask_of(operation: str, x: Tensor, ndim: int | None) -> tuple[int, ...]:
    """The shape of what is drawn: one number for each element, or for each channel."""
    if ndim is None:
        return x.shape
    allowed = (4,) if ndim == 2 else (ndim + 1, ndim + 2)  # of three, PyTorch means dropout1d's
    if x.ndim not in allowed:
        raise ShapeError(f"{operation}: expected an input with {' or '.join(map(str, allowed))} axes, "
                         f"the last {ndim} of them within a channel, got {describe(x)}; insert "
                         "axes with x[None]")
    return (*x.shape[: x.ndim - ndim], *(1,) * ndim)


def _drop_channels(operation: str, ndim: int, input: Any, p: Any, training: Any) -> Tensor:
    x, p = as_tensor(operation, input), _probability(operation, p)
    shape = _mask_of(operation, x, ndim)
    if not check_switch(f"{operation}: training", training) or p == 0:
        return x
    dropped = uniform(size=shape, dtype=np.float32) < p
    kept: Tensor = where(dropped, 0, x / (1 - p) if p < 1 else x)
    return kept


@explaining
def dropout1d(input: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """Whole channels of (n, channels, length) become 0; the others are divided by 1 - p."""
    return _drop_channels("dropout1d", 1, input, p, training)


@explaining
def dropout2d(input: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """Whole channels of (n, channels, height, width) become 0; the others are divided by 1 - p.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.manual_seed(0); y = tg.nn.functional.dropout2d(np.ones((1, 4, 2, 2)), 0.5)
    >>> y.mean((2, 3)).tolist()
    [[2.0, 2.0, 2.0, 0.0]]
    """
    return _drop_channels("dropout2d", 2, input, p, training)


@explaining
def dropout3d(input: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """Whole channels of (n, channels, depth, height, width) become 0."""
    return _drop_channels("dropout3d", 3, input, p, training)


#: What SELU is far below 0, and alpha dropout puts in place of what it drops.
_LOWEST = -SELU_SCALE * SELU_ALPHA


def _alpha(operation: str, input: Any, p: Any, training: Any, ndim: int | None) -> Tensor:
    x, p = as_tensor(operation, input), _probability(operation, p)
    if not check_switch(f"{operation}: training", training) or p == 0:
        return x
    if p == 1:
        return x * 0
    scale = 1 / math.sqrt((1 - p) * (1 + p * _LOWEST**2))
    dropped = uniform(size=_mask_of(operation, x, ndim), dtype=np.float32) < p
    kept: Tensor = where(dropped, _LOWEST, x) * scale - scale * p * _LOWEST
    return kept


@explaining
def alpha_dropout(input: Any, p: float = 0.5, training: bool = False) -> Tensor:
    """Dropout that keeps mean 0 and variance 1, for networks of SELU (Klambauer, 2017)."""
    return _alpha("alpha_dropout", input, p, training, None)


@explaining
def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels: axis 1 of (n, channels, ...)."""
    x = as_tensor("feature_alpha_dropout", input)
    if x.ndim < 2:
        raise ShapeError(f"feature_alpha_dropout: expected (n, channels, ...), got {describe(x)}")
    return _alpha("feature_alpha_dropout", x, p, training, x.ndim - 2)


class Dropout(FixedOptions):
    """Each number becomes 0 with probability ``p`` in training; the others are divided by 1 - p.

    >>> import tinygrad_gd as tg
    >>> tg.manual_seed(0); layer = tg.nn.Dropout(0.5)
    >>> layer([1.0, 2.0, 3.0, 4.0]).tolist(), layer.eval()([1.0, 2.0]).tolist()
    ([2.0, 4.0, 6.0, 0.0], [1.0, 2.0])
    """

    function: ClassVar[Callable[..., Any]] = staticmethod(dropout)

    @answering
    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p=_probability(type(self).__name__, p))

    def forward(self, x: Any) -> Tensor:
        """``x``; in training with zeros."""
        out: Tensor = self.function(x, self.p, self.training)
        return out

    p: float


class Dropout1d(Dropout):
    """`dropout1d`, in training: whole channels of (n, channels, length)."""

    function = staticmethod(dropout1d)


class Dropout2d(Dropout):
    """`dropout2d`, in training: whole channels of images (Tompson, 2015)."""

    function = staticmethod(dropout2d)


class Dropout3d(Dropout):
    """`dropout3d`, in training: whole channels of volumes."""

    function = staticmethod(dropout3d)


class AlphaDropout(Dropout):
    """`alpha_dropout`, in training: for networks of SELU."""

    function = staticmethod(alpha_dropout)


class FeatureAlphaDropout(Dropout):
    """`feature_alpha_dropout`, in training."""

    function = staticmethod(feature_alpha_dropout)
