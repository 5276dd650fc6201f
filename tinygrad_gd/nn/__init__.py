"""Models: modules, layers, initialisers and losses, under PyTorch's names.

Read `module` first, with `parameter`, `registration` and `hooks`, then `layers` and `containers`.
`losses` checks what it is given, and has the two losses that most models use; others are in
`regression`, `classification`, `similarity` and `alignment`. `init` fills weights, `functional` is the
calculus under the names that PyTorch users look for. The rest is a file for each kind of layer:
`convolution`, `pooling`,
`normalization`, `embedding`, `dropout`, `activations`, `padding`, `arrange`, `bilinear`, `distance`;
`options` is the base of those that are a function with fixed options. Sequences have `recurrent`,
`attention` and, made of it, `transformer`. `summary` runs a model and counts, `looks` asks `study`,
`utils` clips gradients and makes one vector of all parameters.

Surprises here
--------------
- ``Parameter(...)`` makes a Tensor with a mark and no object of a subclass: with a second class of
  tensors CPython would look up the engine's attributes anew at each use.
- Most files are loaded when one of their names is first asked for.
- Modules are ordinary objects whose attributes are looked at when asked: no registration can be missed.
"""

from importlib import import_module
from typing import Any

from ..ground.elsewhere import absent
from ..ground.registry import NAMES, complete
from . import functional, init
from .containers import Sequential
from .layers import Identity, Linear
from .losses import CrossEntropyLoss, MSELoss, cross_entropy, mse_loss
from .module import Module
from .parameter import Parameter

#: Files that are loaded when one of their names is first asked for, as most models use few.
_LATER = {
    "activations": "CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid "
                   "LogSoftmax Mish PReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin "
                   "Softplus Softshrink Softsign Tanh Tanhshrink Threshold",
    "alignment": "CTCLoss",
    "arrange": "ChannelShuffle Flatten Fold PixelShuffle PixelUnshuffle Unflatten Unfold Upsample "
               "UpsamplingBilinear2d UpsamplingNearest2d",
    "attention": "MultiheadAttention",
    "bilinear": "Bilinear",
    "classification": "BCELoss BCEWithLogitsLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss "
                      "MultiMarginLoss NLLLoss SoftMarginLoss",
    "containers": "ModuleDict ModuleList ParameterDict ParameterList",
    "convolution": "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d",
    "distance": "CosineSimilarity PairwiseDistance",
    "dropout": "AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout",
    "embedding": "Embedding",
    "normalization": "BatchNorm1d BatchNorm2d BatchNorm3d GroupNorm InstanceNorm1d InstanceNorm2d "
                     "InstanceNorm3d LayerNorm RMSNorm",
    "padding": "CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d "
               "ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d "
               "ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d",
    "pooling": "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d "
               "AdaptiveMaxPool2d AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d MaxPool1d MaxPool2d "
               "MaxPool3d",
    "recurrent": "GRU GRUCell LSTM LSTMCell RNN RNNCell",
    "regression": "GaussianNLLLoss HuberLoss KLDivLoss L1Loss PoissonNLLLoss SmoothL1Loss",
    "similarity": "CosineEmbeddingLoss HingeEmbeddingLoss MarginRankingLoss TripletMarginLoss "
                  "TripletMarginWithDistanceLoss",
    "transformer": "Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder "
                   "TransformerEncoderLayer",
}
_FILE_OF = {name: file for file, names in _LATER.items() for name in names.split()}
_FILE_OF |= {name: file for name, file in functional.FILE_OF.items()
             if file in ("alignment", "classification", "regression", "similarity")}  # losses

__all__ = [
    "CrossEntropyLoss", "Identity", "Linear", "MSELoss", "Module", "Parameter", "Sequential",
    "cross_entropy", "functional", "init", "mse_loss", "utils",
]  # fmt: skip
__all__ += _FILE_OF

def __getattr__(name: str) -> Any:
    """Load the file that has the name, or say how it is written here."""
    if name == "utils":  # of which optim is a part
        return import_module(f".{name}", __name__)
    if file := _FILE_OF.get(name):
        found = globals()[name] = getattr(import_module(f".{file}", __name__), name)
        return found
    complete()
    functions = [f"in forward(), use the function tg.{n}" for n in NAMES
                 if n.replace("_", "") == name.lower()]
    layer = "write a tg.nn.Module with a forward()" if name[:1].isupper() else None
    raise absent(__name__, name, *functions, layer)
