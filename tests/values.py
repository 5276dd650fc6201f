"""What a test compares: arrays, also of Tensors that require a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_gd as tg


def values(result: Any) -> Any:
    """A result, made from arrays or Tensors, as an array."""
    return result.numpy() if isinstance(result, tg.Tensor) else np.asarray(result)
