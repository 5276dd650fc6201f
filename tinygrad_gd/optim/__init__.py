"""Optimizers, under PyTorch's names."""

from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Optimizer"]


def __getattr__(name: str) -> object:
    """Only called for what does not exist: say how it is written here."""
    cure = ("set optimizer.param_groups[0]['lr'] after each epoch" if name == "lr_scheduler"
            else "there is SGD; others are a subclass of Optimizer with update(p, g, options)")
    missing = f"module 'tinygrad_gd.optim' has no attribute {name!r}"
    raise AttributeError(missing if name[:2] == "__" else f"{missing}; {cure}")
