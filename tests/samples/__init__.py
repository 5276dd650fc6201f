"""Sample rows: at least one per primitive, shared by every table-driven test.

A row says how to call one primitive, in NumPy's words, so that the same call runs on arrays, on
Tensors and in other engines. Each file of `tinygrad_gd.ops` has a file of rows here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Sample(NamedTuple):
    """One call of one primitive.

    Attributes
    ----------
    name : the primitive's public name.
    call : takes the inputs (arrays or Tensors) and returns the result.
    inputs : the float64 arrays that are differentiated.
    label : tells rows of the same primitive apart.
    torch : the same call on PyTorch tensors, or None where PyTorch has no such function.
    smooth : False where the second derivative is zero or undefined almost everywhere by design.
    """

    name: str
    call: Callable[..., Any]
    inputs: tuple[Any, ...]
    label: str = ""
    torch: Callable[..., Any] | None = None
    smooth: bool = True


def normal(*shape: int, seed: int = 0) -> Any:
    """Seeded standard normal values."""
    return np.random.default_rng(seed).standard_normal(shape)


def positive(*shape: int, seed: int = 0) -> Any:
    """Seeded values between 0.5 and 2.5."""
    return np.random.default_rng(seed).uniform(0.5, 2.5, shape)
