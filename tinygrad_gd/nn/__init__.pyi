# Made by python -m tests.stubs from the registry; a test fails when it is not up to date.

"""Models: modules, layers, initialisers and losses, under PyTorch's names.

Read `module` first, then `layers` and `convolution`. `losses` checks what it is given, `init` fills
weights, `functional` is the calculus under the names that PyTorch users look for.

Surprises here
--------------
- ``Parameter(...)`` makes a Tensor with a mark and no object of a subclass: with a second class of
  tensors CPython would look up the engine's attributes anew at each use.
- Modules are ordinary objects whose attributes are looked at when asked: no registration can be missed.
"""

from . import functional as functional
from . import init as init
from .convolution import AdaptiveAvgPool1d as AdaptiveAvgPool1d
from .convolution import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from .convolution import AdaptiveMaxPool1d as AdaptiveMaxPool1d
from .convolution import AdaptiveMaxPool2d as AdaptiveMaxPool2d
from .convolution import AvgPool1d as AvgPool1d
from .convolution import AvgPool2d as AvgPool2d
from .convolution import Conv1d as Conv1d
from .convolution import Conv2d as Conv2d
from .convolution import ConvTranspose1d as ConvTranspose1d
from .convolution import ConvTranspose2d as ConvTranspose2d
from .convolution import Flatten as Flatten
from .convolution import MaxPool1d as MaxPool1d
from .convolution import MaxPool2d as MaxPool2d
from .convolution import Upsample as Upsample
from .layers import Linear as Linear
from .layers import ReLU as ReLU
from .layers import Sequential as Sequential
from .layers import Sigmoid as Sigmoid
from .layers import Tanh as Tanh
from .losses import CrossEntropyLoss as CrossEntropyLoss
from .losses import MSELoss as MSELoss
from .losses import cross_entropy as cross_entropy
from .losses import mse_loss as mse_loss
from .module import Module as Module
from .module import Parameter as Parameter

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AvgPool1d",
    "AvgPool2d", "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d", "CrossEntropyLoss",
    "Flatten", "Linear", "MSELoss", "MaxPool1d", "MaxPool2d", "Module", "Parameter", "ReLU",
    "Sequential", "Sigmoid", "Tanh", "Upsample", "cross_entropy", "functional", "init", "mse_loss",
]
