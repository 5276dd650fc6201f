"""Models: modules, layers, initialisers and losses, under PyTorch's names.

Read `module` first, then `layers` and `convolution`. `losses` checks what it is given, `init` fills
weights, `functional` is the calculus under the names that PyTorch users look for.

Surprises here
--------------
- ``Parameter(...)`` makes a Tensor with a mark and no object of a subclass: with a second class of
  tensors CPython would look up the engine's attributes anew at each use.
- Modules are ordinary objects whose attributes are looked at when asked: no registration can be missed.
"""

from typing import Any

from ..ground.elsewhere import absent
from ..ground.registry import NAMES, complete
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


def __getattr__(name: str) -> Any:
    """Only called for what does not exist: say how it is written here."""
    complete()
    functions = [f"in forward(), use the function tg.{n}" for n in NAMES
                 if n.replace("_", "") == name.lower()]
    layer = "write a tg.nn.Module with a forward()" if name[:1].isupper() else None
    raise absent(__name__, name, *functions, layer)
