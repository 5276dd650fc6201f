"""Models: modules, layers, initialisers and losses, under PyTorch's names."""

from typing import Any

from ..ground.registry import NAMES
from . import functional, init
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
    "Tanh", "Upsample", "cross_entropy", "functional", "init", "mse_loss",
]  # fmt: skip

#: PyTorch's containers; modules look into Python's own.
_WRITTEN_HERE = {"ModuleList": "use a plain list", "ModuleDict": "use a plain dict",
                 "ParameterList": "use a plain list", "ParameterDict": "use a plain dict",
                 "Identity": "use tg.nn.Sequential() without modules",
                 "L1Loss": "write np.abs(prediction - target).mean()",
                 "NLLLoss": "use tg.nn.CrossEntropyLoss, of the logits",
                 "BCEWithLogitsLoss": "write (tg.softplus(logits) - target * logits).mean()",
                 "BCELoss": "write (tg.softplus(logits) - target * logits).mean(), of the logits",
                 "Embedding": "use a tg.nn.Parameter and an index, table[numbers]"}


def __getattr__(name: str) -> Any:
    """Only called for what does not exist: say how it is written here."""
    missing = f"module 'tinygrad_gd.nn' has no attribute {name!r}"
    functions = [n for n in NAMES if n.replace("_", "") == name.lower()]
    layer = "write a tg.nn.Module with a forward()" if name[:1].isupper() else None
    cure = (f"in forward(), use the function tg.{functions[0]}" if functions
            else _WRITTEN_HERE.get(name, layer))
    raise AttributeError(f"{missing}; {cure}" if cure else missing)
