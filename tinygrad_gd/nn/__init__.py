"""Models: modules, layers, initialisers and losses, under PyTorch's names."""

from . import init
from .layers import Linear, ReLU, Sequential, Sigmoid, Tanh
from .losses import CrossEntropyLoss, MSELoss, cross_entropy, mse_loss
from .module import Module, Parameter

__all__ = [
    "CrossEntropyLoss", "Linear", "MSELoss", "Module", "Parameter", "ReLU", "Sequential", "Sigmoid",
    "Tanh", "cross_entropy", "init", "mse_loss",
]  # fmt: skip
