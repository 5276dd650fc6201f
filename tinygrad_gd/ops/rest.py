"""Operations that are registered when one of them, or any that is not there, is first asked for.

Reading these files takes as long as all others of the calculus together, and most programs use few.
"""

from . import choices, differences, random, running, sorting, special, statistics, unnamed
from .ambiguous import gives_a_pair
from .linalg import (
    conditioning,
    determinants,
    einsum,
    factorizations,
    least_squares,
    linear_systems,
)
from .neural import (
    activations,
    attention,
    convolution,
    embedding,
    interpolation,
    linear,
    losses,
    normalization,
    pooling,
    recurrent,
    windows,
)

__all__ = [
    "activations", "attention", "choices", "conditioning", "convolution", "determinants", "differences",
    "einsum", "embedding", "factorizations", "interpolation", "least_squares", "linear",
    "linear_systems", "losses", "normalization", "pooling", "random", "recurrent", "running", "sorting",
    "special", "statistics", "unnamed", "windows",
]  # fmt: skip

gives_a_pair(sorting.sort, axis=-1)
gives_a_pair(statistics.median)
gives_a_pair(statistics.nanmedian)
