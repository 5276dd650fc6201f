"""Losses of classes: one of several, yes or no, and several at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.explain import answering
from ..ground.modes import current_mode
from ..ground.registry import explaining
from ..ops.elementwise import square, where
from ..ops.indexing import take_along_axis
from ..ops.neural.activations import sigmoid, softplus
from ..ops.neural.losses import binary_nll, check_values
from ..ops.running import cumprod
from ..ops.signatures import as_tensor
from .losses import (
    Loss,
    averaged,
    by_rows,
    check_options,
    floats,
    pair,
    reduced,
    shape_of,
    shares_of,
    stacked,
    warn_of_chances,
    weights_of,
)
from .similarity import above, signs


@explaining
def nll_loss(input: Any, target: Any, weight: Any = None, ignore_index: int | None = None,
             reduction: str = "mean") -> Tensor:
    """``-input[row, target]``, averaged; the input has logarithms of probabilities.

    Its arguments are those of `cross_entropy`, which takes the logarithm of the softmax itself.

    >>> import numpy as np, tinygrad_gd as tg
    >>> round(tg.nn.nll_loss(np.log([[0.25, 0.75]]), [1]).item(), 6)
    0.287682
    """
    check_options("nll_loss", reduction, ignore_index=ignore_index)
    x, y, shape = by_rows("nll_loss", stacked(input), stacked(target))
    y, shares = shares_of("nll_loss", x, y, weight, ignore_index)
    values = -take_along_axis(x, y.reshape(-1, 1), 1).reshape(-1)
    return averaged(values if shares is None else values * shares, shares, shape, reduction)


def _chances(loss: str, what: str, values: Tensor, cure: str) -> Tensor:
    """Values between 0 and 1, which is checked in each call."""
    return apply(check_values, (values,), {
        "loss": loss, "what": f"{what} between 0 and 1", "allowed": (0.0, 1.0), "cure": cure})


@explaining
def binary_cross_entropy(input: Any, target: Any, weight: Any = None,
                         reduction: str = "mean") -> Tensor:
    """``-(target * log(input) + (1 - target) * log(1 - input))``, averaged.

    A logarithm is at least -100; `binary_cross_entropy_with_logits` is exact for all logits.

    Parameters
    ----------
    input : probabilities, as of `sigmoid`.
    target : of the same shape, between 0 and 1.
    weight : broadcasts to that shape.

    >>> import tinygrad_gd as tg
    >>> round(tg.nn.binary_cross_entropy(tg.Tensor([0.5]), [1]).item(), 6)
    0.693147
    """
    check_options("binary_cross_entropy", reduction)
    x, y = pair("binary_cross_entropy", input, target)
    x = _chances("binary_cross_entropy", "inputs are probabilities", x,
                 "for logits use binary_cross_entropy_with_logits")
    values = apply(binary_nll, (x, y))
    if weight is not None:
        values = values * weights_of("binary_cross_entropy", weight, x)
    return reduced(values, reduction)


@explaining
def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None,
) -> Tensor:
    """`binary_cross_entropy` of ``sigmoid(input)``, exact for logits of any size.

    Parameters
    ----------
    weight : broadcasts to the input's shape.
    pos_weight : the weight of target 1, which broadcasts too, as one for each column.

    >>> import tinygrad_gd as tg
    >>> tg.nn.binary_cross_entropy_with_logits(tg.Tensor([1000.0, -1000.0]), [1, 1]).item()
    500.0
    """
    loss = "binary_cross_entropy_with_logits"
    check_options(loss, reduction)
    x, y = pair(loss, input, target)
    mode = current_mode()
    if mode.observer is None and mode.lockstep is None and x.op is sigmoid:
        warn_of_chances(loss, x, "the sigmoid", "binary_cross_entropy the probabilities")
    rest = softplus(-x)
    if pos_weight is not None:
        rest = rest * (1 + (weights_of(loss, pos_weight, x) - 1) * y)
    values = (1 - y) * x + rest
    if weight is not None:
        values = values * weights_of(loss, weight, x)
    return reduced(values, reduction)


@explaining
def soft_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """``log(1 + exp(-target * input))``, averaged; targets are 1 or -1.

    >>> import tinygrad_gd as tg
    >>> round(tg.nn.soft_margin_loss(tg.Tensor([0.0]), [-1]).item(), 6)
    0.693147
    """
    check_options("soft_margin_loss", reduction)
    x, t = pair("soft_margin_loss", input, target)
    return reduced(softplus(-signs("soft_margin_loss", t, x) * x), reduction)


@explaining
def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None,
                                reduction: str = "mean") -> Tensor:
    """Of each row the mean of `binary_cross_entropy_with_logits` over its classes.

    Parameters
    ----------
    input, target : (..., classes); targets are 1 for each class that a row has, else 0.
    weight : (classes,), or what broadcasts to the input's shape.

    >>> import tinygrad_gd as tg
    >>> round(tg.nn.multilabel_soft_margin_loss(tg.Tensor([[0.0, 0.0]]), [[1, 0]]).item(), 6)
    0.693147
    """
    check_options("multilabel_soft_margin_loss", reduction)
    x, y = pair("multilabel_soft_margin_loss", input, target)
    values = y * softplus(-x) + (1 - y) * softplus(x)
    if weight is not None:
        values = values * weights_of("multilabel_soft_margin_loss", weight, x)
    return reduced(values.sum(axis=-1) / x.shape[-1], reduction)


@explaining
def multi_margin_loss(input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None,
                      reduction: str = "mean") -> Tensor:
    """Of each row the sum of ``max(0, margin - input[target] + input[i])**p`` over other classes i,
    divided by the number of classes.

    Parameters
    ----------
    input : (n, classes), or (classes,).
    target : (n,) numbers of classes, or one.
    p : 1 or 2.
    weight : (classes,); a row has that of its class.

    >>> import tinygrad_gd as tg
    >>> tg.nn.multi_margin_loss(tg.Tensor([[1.0, 0.5]]), [0]).item()
    0.25
    """
    check_options("multi_margin_loss", reduction, p=p, margin=margin)
    if p not in (1, 2):
        raise OptionError(f"multi_margin_loss: p is 1 or 2, got {p!r}")
    x, y, shape = by_rows("multi_margin_loss", stacked(input), stacked(target))
    y, weights = shares_of("multi_margin_loss", x, y, weight, None)
    column, classes = y.reshape(-1, 1), x.shape[1]
    short = margin - take_along_axis(x, column, 1) + x
    short = where((short > 0) & (column != np.arange(classes)[None]), short, 0.0)
    if p == 2:
        short = square(short)
    if weights is not None:
        short = short * weights.reshape(-1, 1)
    return averaged(short.sum(axis=1) / classes, None, shape, reduction)


@explaining
def multilabel_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Of each row the sum of ``max(0, 1 - input[j] + input[i])`` over its classes j and all others i,
    divided by the number of classes.

    Parameters
    ----------
    input : (n, classes), or (classes,).
    target : of the same shape, integers: the numbers of the row's classes, then -1.

    >>> import tinygrad_gd as tg
    >>> tg.nn.multilabel_margin_loss(tg.Tensor([[0.5, 0.0]]), [[0, -1]]).item()
    0.25
    """
    check_options("multilabel_margin_loss", reduction)
    given, labels = stacked(input), as_tensor("multilabel_margin_loss", stacked(target))
    if shape_of(given) != labels.shape or labels.dtype.kind not in "iu" or not 1 <= labels.ndim <= 2:
        raise ShapeError("multilabel_margin_loss: expected inputs (n, classes) and, of the same shape, "
                         "integers: the numbers of each row's classes, then -1; got "
                         f"{describe(given)} and {describe(labels)}")
    x = floats("multilabel_margin_loss", given)
    shape, classes = x.shape[:-1], x.shape[-1]
    x, labels = x.reshape(-1, classes), labels.reshape(-1, classes)
    listed = as_tensor("multilabel_margin_loss", cumprod(labels >= 0, axis=1)).astype(x.dtype)
    number = apply(check_values, (where(listed > 0, labels, 0),), {
        "loss": "multilabel_margin_loss", "what": f"labels run from 0 to {classes - 1}",
        "allowed": (0, classes - 1), "cure": "and -1 ends a row's list"})
    mine = number.reshape(-1, classes, 1) == np.arange(classes)[None, None]
    mine = mine * listed.reshape(-1, classes, 1)
    others = 1 - mine.max(axis=1)
    chosen = take_along_axis(x, number, 1)
    short = above(1 - chosen.reshape(-1, classes, 1) + x.reshape(-1, 1, classes))
    pairs = listed.reshape(-1, classes, 1) * others.reshape(-1, 1, classes)
    return averaged((short * pairs).sum(axis=(1, 2)) / classes, None, shape, reduction)


class NLLLoss(Loss):
    """`nll_loss` as a module; ``weight`` is a buffer."""

    compute = staticmethod(nll_loss)

    @answering
    def __init__(self, weight: Any = None, ignore_index: int | None = None,
                 reduction: str = "mean") -> None:
        self._keep(weight=weight, ignore_index=ignore_index, reduction=reduction)


class BCELoss(Loss):
    """`binary_cross_entropy` as a module; ``weight`` is a buffer."""

    compute = staticmethod(binary_cross_entropy)

    @answering
    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        self._keep(weight=weight, reduction=reduction)


class BCEWithLogitsLoss(Loss):
    """`binary_cross_entropy_with_logits` as a module; the weights are buffers."""

    compute = staticmethod(binary_cross_entropy_with_logits)

    @answering
    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        self._keep(weight=weight, reduction=reduction, pos_weight=pos_weight)


class SoftMarginLoss(Loss):
    """`soft_margin_loss` as a module."""

    compute = staticmethod(soft_margin_loss)

    @answering
    def __init__(self, reduction: str = "mean") -> None:
        self._keep(reduction=reduction)


class MultiLabelSoftMarginLoss(Loss):
    """`multilabel_soft_margin_loss` as a module; ``weight`` is a buffer."""

    compute = staticmethod(multilabel_soft_margin_loss)

    @answering
    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        self._keep(weight=weight, reduction=reduction)


class MultiMarginLoss(Loss):
    """`multi_margin_loss` as a module; ``weight`` is a buffer."""

    compute = staticmethod(multi_margin_loss)

    @answering
    def __init__(self, p: int = 1, margin: float = 1.0, weight: Any = None,
                 reduction: str = "mean") -> None:
        self._keep(p=p, margin=margin, weight=weight, reduction=reduction)


class MultiLabelMarginLoss(Loss):
    """`multilabel_margin_loss` as a module."""

    compute = staticmethod(multilabel_margin_loss)

    @answering
    def __init__(self, reduction: str = "mean") -> None:
        self._keep(reduction=reduction)
