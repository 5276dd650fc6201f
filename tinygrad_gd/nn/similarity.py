"""Losses of pairs and triples: what belongs together shall be near, what does not shall be far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, ShapeError, describe
from ..ground.explain import answering
from ..ground.registry import explaining
from ..ops.elementwise import minimum, sqrt, where
from ..ops.neural.losses import check_values
from ..ops.norms import norm
from ..ops.ufuncs import clip
from .losses import Loss, check_options, floats_like, pair, reduced, shape_of, stacked

Distance: TypeAlias = Callable[[Any, Any], Any]


def signs(loss: str, target: Any, x: Tensor) -> Tensor:
    """Labels that are 1 or -1, which is checked in each call."""
    return apply(check_values, (floats_like(loss, target, x),), {
        "loss": loss, "what": "targets are 1 or -1", "allowed": (-1.0, 1.0, 1.0),
        "cure": "of labels 0 and 1 write 2 * target - 1"})


def above(values: Tensor, low: float = 0.0) -> Tensor:
    """The values where they are at least ``low``, from there on with a gradient."""
    return clip(values, low, None)


@explaining
def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0,
                        reduction: str = "mean") -> Tensor:
    """``max(0, margin - target * (input1 - input2))``: target 1 where the first shall be higher.

    >>> import tinygrad_gd as tg
    >>> tg.nn.margin_ranking_loss(tg.Tensor([1.0, 1.0]), [3.0, 3.0], [1, -1]).item()
    1.0
    """
    check_options("margin_ranking_loss", reduction, margin=margin)
    x, y = pair("margin_ranking_loss", input1, input2, "input1", "input2")
    _, t = pair("margin_ranking_loss", x, target, "input1", "target")
    return reduced(above(margin - signs("margin_ranking_loss", t, x) * (x - y)), reduction)


@explaining
def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0,
                          reduction: str = "mean") -> Tensor:
    """``1 - cos`` of the angle between rows with target 1, ``max(0, cos - margin)`` with target -1.

    Parameters
    ----------
    input1, input2 : (n, features), or (features,).
    target : (n,), or a number.

    >>> import tinygrad_gd as tg
    >>> tg.nn.cosine_embedding_loss(tg.Tensor([[1.0, 0.0]]), [[0.0, 2.0]], [1]).item()
    1.0
    """
    check_options("cosine_embedding_loss", reduction, margin=margin)
    x, y = pair("cosine_embedding_loss", input1, input2, "input1", "input2")
    if not 1 <= x.ndim <= 2 or shape_of(stacked(target)) != x.shape[:-1]:
        raise ShapeError("cosine_embedding_loss: expected inputs (n, features) and targets (n,), got "
                         f"{describe(x)} and {describe(stacked(target))}")
    t = signs("cosine_embedding_loss", target, x)
    size = ((x * x).sum(axis=-1) + 1e-12) * ((y * y).sum(axis=-1) + 1e-12)
    cosine = (x * y).sum(axis=-1) / sqrt(size)
    return reduced(where(t == 1, 1 - cosine, above(cosine - margin)), reduction)


def _distance(x: Tensor, y: Tensor, p: float = 2.0, eps: float = 1e-6) -> Tensor:
    """The p-norm of ``x - y + eps`` along the last axis, as PyTorch's pairwise_distance."""
    return norm(x - y + eps, ord=p, axis=-1)


def _triplet(loss: str, points: tuple[Any, Any, Any], distance: Distance, margin: float, swap: bool,
             reduction: str) -> Tensor:
    if not margin > 0:
        raise OptionError(f"{loss}: margin must be greater than 0, got {margin!r}")
    anchor, positive = pair(loss, *points[:2], "anchor", "positive")
    _, negative = pair(loss, anchor, points[2], "anchor", "negative")
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(above(margin + near - far), reduction)


@explaining
def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0,
    eps: float = 1e-6, swap: bool = False, reduction: str = "mean",
) -> Tensor:
    """``max(0, margin + d(anchor, positive) - d(anchor, negative))`` of (n, features) each.

    d is the ``p``-norm of the difference plus ``eps``. With ``swap``, d(positive, negative) counts if
    it is smaller than d(anchor, negative).

    >>> import tinygrad_gd as tg
    >>> round(tg.nn.triplet_margin_loss(tg.Tensor([[0.0]]), [[2.0]], [[0.5]]).item(), 4)
    2.5
    """
    check_options("triplet_margin_loss", reduction, margin=margin, p=p, eps=eps, swap=swap)
    return _triplet("triplet_margin_loss", (anchor, positive, negative),
                    lambda x, y: _distance(x, y, p, eps), margin, swap, reduction)


@explaining
def triplet_margin_with_distance_loss(
    anchor: Any, positive: Any, negative: Any, *, distance_function: Distance | None = None,
    margin: float = 1.0, swap: bool = False, reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of one's own, a function of two Tensors (n, features).

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.nn.triplet_margin_with_distance_loss(tg.Tensor([[0.0]]), [[2.0]], [[1.0]],
    ...     distance_function=lambda x, y: np.square(x - y).sum(axis=1)).item()
    4.0
    """
    loss = "triplet_margin_with_distance_loss"
    check_options(loss, reduction, margin=margin, swap=swap)
    distance = distance_of(loss, distance_function)
    return _triplet(loss, (anchor, positive, negative), distance, margin, swap, reduction)


def distance_of(loss: str, function: Any) -> Distance:
    """A distance function; without one it is the 2-norm of the difference."""
    if function is None:
        return _distance
    if not callable(function):
        raise DTypeError(f"{loss}: distance_function is a function of two Tensors, got "
                         f"{describe(function)}")
    return function  # type: ignore[no-any-return]


@explaining
def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0,
                         reduction: str = "mean") -> Tensor:
    """The input, a distance, with target 1; ``max(0, margin - input)`` with target -1.

    >>> import tinygrad_gd as tg
    >>> tg.nn.hinge_embedding_loss(tg.Tensor([0.25, 0.25]), [1, -1], reduction="none").tolist()
    [0.25, 0.75]
    """
    check_options("hinge_embedding_loss", reduction, margin=margin)
    x, t = pair("hinge_embedding_loss", input, target)
    t = signs("hinge_embedding_loss", t, x)
    return reduced(where(t == 1, x, above(margin - x)), reduction)


class MarginRankingLoss(Loss):
    """`margin_ranking_loss` as a module, called with (input1, input2, target)."""

    compute = staticmethod(margin_ranking_loss)

    @answering
    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        self._keep(margin=margin, reduction=reduction)


class CosineEmbeddingLoss(Loss):
    """`cosine_embedding_loss` as a module, called with (input1, input2, target)."""

    compute = staticmethod(cosine_embedding_loss)

    @answering
    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        self._keep(margin=margin, reduction=reduction)


class TripletMarginLoss(Loss):
    """`triplet_margin_loss` as a module, called with (anchor, positive, negative)."""

    compute = staticmethod(triplet_margin_loss)

    @answering
    def __init__(self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False,
                 reduction: str = "mean") -> None:
        self._keep(margin=margin, p=p, eps=eps, swap=swap, reduction=reduction)


class TripletMarginWithDistanceLoss(Loss):
    """`triplet_margin_with_distance_loss` as a module, called with (anchor, positive, negative)."""

    compute = staticmethod(triplet_margin_with_distance_loss)

    @answering
    def __init__(self, *, distance_function: Distance | None = None, margin: float = 1.0,
                 swap: bool = False, reduction: str = "mean") -> None:
        distance_of("TripletMarginWithDistanceLoss", distance_function)
        self._keep(distance_function=distance_function, margin=margin, swap=swap, reduction=reduction)


class HingeEmbeddingLoss(Loss):
    """`hinge_embedding_loss` as a module."""

    compute = staticmethod(hinge_embedding_loss)

    @answering
    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        self._keep(margin=margin, reduction=reduction)
