"""Optimizers, under PyTorch's names."""

from ..ground.elsewhere import absent
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Optimizer"]


def __getattr__(name: str) -> object:
    """Only called for what does not exist: say how it is written here."""
    raise absent(__name__, name,
                 "there is SGD; others are a subclass of Optimizer with update(p, g, options)")
