"""Real data that needs no download."""

from __future__ import annotations

import os
from typing import Any

import numpy as np


def load_digits() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Handwritten digits: 1,797 images of 8x8 pixels in [0, 1] as rows of 64, and their labels.

    Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits" (test part), UCI
    Machine Learning Repository, licence CC BY 4.0; grey values 0..16, stored unchanged.

    >>> images, labels = load_digits(); images.shape, labels[:3].tolist()
    ((1797, 64), [0, 1, 2])
    """
    with np.load(os.path.join(os.path.dirname(__file__), "digits.npz")) as stored:
        return stored["images"] / np.float32(16), stored["labels"].astype(np.int64)


def split(
    *arrays: Any, test: float = 0.2, seed: int = 0
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Shuffle rows once and part them: ``(x_train, y_train), (x_test, y_test)``."""
    order = np.random.default_rng(seed).permutation(len(arrays[0]))
    cut = round(len(order) * (1 - test))
    return tuple(a[order[:cut]] for a in arrays), tuple(a[order[cut:]] for a in arrays)
