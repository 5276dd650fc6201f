# Made by python -m tests.stubs from the registry; a test fails when it is not up to date.

"""Optimizers, under PyTorch's names."""

from .optimizer import Optimizer as Optimizer
from .sgd import SGD as SGD

__all__ = [
    "SGD", "Optimizer",
]
