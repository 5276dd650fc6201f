"""The operations as functions, where PyTorch users look for them: ``functional.relu(x)``.

Each is the very function that ``tg`` has, or a loss; axes are called ``axis``, as in NumPy.

>>> import tinygrad_gd as tg, tinygrad_gd.nn.functional as F
>>> F.softmax(tg.Tensor([[0.0, 0.0]]), axis=1).tolist(), F.relu is tg.relu
([[0.5, 0.5]], True)
"""

from __future__ import annotations

from typing import Any

from ..ground.elsewhere import absent
from ..ground.registry import NAMES
from .losses import cross_entropy, mse_loss

__all__ = ["cross_entropy", "mse_loss"]


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return NAMES[name]
    alike = [f"use {n}" for n in NAMES if n.replace("_", "") == name.replace("_", "")]
    raise absent(__name__, name, *alike)


def __dir__() -> list[str]:
    return sorted({*__all__, *NAMES})
