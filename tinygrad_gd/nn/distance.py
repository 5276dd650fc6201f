"""Lengths and angles between vectors, and numbers scaled by them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError
from ..ground.explain import answering
from ..ground.registry import explaining
from ..ops.elementwise import log, maximum
from ..ops.norms import norm
from ..ops.reductions import sum as sum_of
from ..ops.shape import broadcast_to
from ..ops.signatures import as_tensor
from ..ops.ufuncs import clip
from .options import FixedOptions


def _floats(operation: str, x: Any) -> Tensor:
    tensor = as_tensor(operation, x)
    return tensor if tensor.dtype.kind == "f" else tensor.astype(float)


@explaining
def normalize(input: Any, p: float = 2.0, axis: Any = 1, eps: float = 1e-12) -> Tensor:
    """``x / max(norm(x, p), eps)`` along ``axis``: vectors of length 1.

    >>> import tinygrad_gd as tg
    >>> tg.nn.functional.normalize(tg.Tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    x = _floats("normalize", input)
    scaled: Tensor = x / maximum(norm(x, p, axis, True), eps)
    return scaled


@explaining
def cosine_similarity(x1: Any, x2: Any, axis: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along ``axis``: ``x1 @ x2`` over both lengths.

    >>> import tinygrad_gd as tg
    >>> tg.nn.functional.cosine_similarity([[3.0, 4.0]], [[4.0, 3.0]]).tolist()
    [0.96]
    """
    a, b = _floats("cosine_similarity", x1), _floats("cosine_similarity", x2)
    both = np.broadcast_shapes(a.shape, b.shape)
    a, b = broadcast_to(a, both), broadcast_to(b, both)
    lengths = maximum(norm(a, None, axis), eps) * maximum(norm(b, None, axis), eps)
    cosine: Tensor = sum_of(a * b, axis) / lengths
    return cosine


@explaining
def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6,
                      keepdims: bool = False) -> Tensor:
    """``norm(x1 - x2 + eps, p)`` along the last axis.

    >>> import tinygrad_gd as tg
    >>> tg.nn.functional.pairwise_distance([[3.0, 4.0]], [[0.0, 0.0]], eps=0.0).tolist()
    [5.0]
    """
    a, b = _floats("pairwise_distance", x1), _floats("pairwise_distance", x2)
    distance: Tensor = norm(a - b + eps, p, -1, keepdims)
    return distance


@explaining
def logit(input: Any, eps: float | None = None) -> Tensor:
    """``log(x / (1 - x))``, the inverse of sigmoid; ``x`` is held between eps and 1 - eps, if given.

    >>> import tinygrad_gd as tg
    >>> tg.nn.functional.logit(tg.Tensor(0.5)).item()
    0.0
    """
    x = _floats("logit", input)
    if eps is not None:
        if not 0 <= eps <= 0.5:
            raise OptionError(f"logit: eps is a small number between 0 and 0.5, got {eps!r}")
        x = clip(x, eps, 1 - eps)
    odds: Tensor = log(x / (1 - x))
    return odds


class CosineSimilarity(FixedOptions):
    """`cosine_similarity` with fixed options."""

    @answering
    def __init__(self, axis: int = 1, eps: float = 1e-8) -> None:
        super().__init__(axis=axis, eps=eps)

    def forward(self, x1: Any, x2: Any) -> Tensor:
        """The cosines."""
        return cosine_similarity(x1, x2, **self._options)


class PairwiseDistance(FixedOptions):
    """`pairwise_distance` with fixed options."""

    @answering
    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False) -> None:
        super().__init__(p=p, eps=eps, keepdims=keepdims)

    def forward(self, x1: Any, x2: Any) -> Tensor:
        """The distances."""
        return pairwise_distance(x1, x2, **self._options)
