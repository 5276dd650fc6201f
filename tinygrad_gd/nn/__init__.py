"""Models: modules, layers, initialisers and losses, under PyTorch's names."""

from . import init
from .convolution import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Flatten,
    MaxPool1d,
    MaxPool2d,
    Upsample,
)
from .layers import Linear, ReLU, Sequential, Sigmoid, Tanh
from .losses import CrossEntropyLoss, MSELoss, cross_entropy, mse_loss
from .module import Module, Parameter

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AvgPool1d",
    "AvgPool2d", "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d", "CrossEntropyLoss",
    "Flatten", "Linear", "MSELoss", "MaxPool1d", "MaxPool2d", "Module", "Parameter", "ReLU",
    "Sequential", "Sigmoid",
    "Tanh", "Upsample", "cross_entropy", "init", "mse_loss",
]  # fmt: skip
