"""The operations as functions, where PyTorch users look for them: ``functional.relu(x)``.

Each is the very function that ``tg`` has, or a loss; axes are called ``axis``, as in NumPy.

>>> import tinygrad_gd as tg, tinygrad_gd.nn.functional as F
>>> F.softmax(tg.Tensor([[0.0, 0.0]]), axis=1).tolist(), F.relu is tg.relu
([[0.5, 0.5]], True)
"""

from __future__ import annotations

from typing import Any

from ..ground.registry import NAMES
from .losses import cross_entropy, mse_loss

__all__ = ["cross_entropy", "mse_loss"]

#: PyTorch's functions that are short expressions here.
_WRITTEN_HERE = {
    "l1_loss": "write np.abs(prediction - target).mean()",
    "nll_loss": "use cross_entropy, of the logits",
    "binary_cross_entropy": "write (tg.softplus(logits) - target * logits).mean(), of the logits",
    "binary_cross_entropy_with_logits": "write (tg.softplus(logits) - target * logits).mean()",
    "one_hot": "write np.eye(classes)[labels]", "embedding": "write table[numbers]",
    "normalize": "write x / np.linalg.norm(x, axis=1, keepdims=True)",
}


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return NAMES[name]
    missing = f"module 'tinygrad_gd.nn.functional' has no attribute {name!r}"
    functions = [n for n in NAMES if n.replace("_", "") == name.replace("_", "")]
    cure = f"use {functions[0]}" if functions else _WRITTEN_HERE.get(name)
    raise AttributeError(f"{missing}; {cure}" if cure else missing)


def __dir__() -> list[str]:
    return sorted({*__all__, *NAMES})
