"""Models: modules, layers, initialisers and losses, under PyTorch's names.

Read `module` first, then `layers` and `convolution`. `losses` checks what it is given, and has the two
losses that most models use; others are in `regression`, `classification`, `similarity` and `alignment`.
`init` fills weights, `functional` is the calculus under the names that PyTorch users look for.

Surprises here
--------------
- ``Parameter(...)`` makes a Tensor with a mark and no object of a subclass: with a second class of
  tensors CPython would look up the engine's attributes anew at each use.
- Modules are ordinary objects whose attributes are looked at when asked: no registration can be missed.
- Files that few models need are loaded when one of their names is first asked for.
"""

from importlib import import_module
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
    "AvgPool2d", "BCELoss", "BCEWithLogitsLoss", "CTCLoss", "Conv1d", "Conv2d", "ConvTranspose1d",
    "ConvTranspose2d", "CosineEmbeddingLoss", "CrossEntropyLoss", "Flatten", "GaussianNLLLoss",
    "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss", "Linear", "MSELoss", "MarginRankingLoss",
    "MaxPool1d", "MaxPool2d", "Module", "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss",
    "MultiMarginLoss", "NLLLoss", "Parameter", "PoissonNLLLoss", "ReLU", "Sequential", "Sigmoid",
    "SmoothL1Loss", "SoftMarginLoss", "Tanh", "TripletMarginLoss", "TripletMarginWithDistanceLoss",
    "Upsample", "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss",
    "cross_entropy", "ctc_loss", "functional", "gaussian_nll_loss", "hinge_embedding_loss",
    "huber_loss", "init", "kl_div", "l1_loss", "margin_ranking_loss", "mse_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "poisson_nll_loss",
    "smooth_l1_loss", "soft_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip

#: Files that are loaded when one of their modules is first asked for; functions are in `functional`.
_LATER = {
    "alignment": "CTCLoss",
    "classification": "BCELoss BCEWithLogitsLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss "
                      "MultiMarginLoss NLLLoss SoftMarginLoss",
    "regression": "GaussianNLLLoss HuberLoss KLDivLoss L1Loss PoissonNLLLoss SmoothL1Loss",
    "similarity": "CosineEmbeddingLoss HingeEmbeddingLoss MarginRankingLoss TripletMarginLoss "
                  "TripletMarginWithDistanceLoss",
}
_FILE_OF = {name: file for file, names in _LATER.items() for name in names.split()} | functional.FILE_OF


def __getattr__(name: str) -> Any:
    """Load the file that has the name, or say how it is written here."""
    if file := _FILE_OF.get(name):
        found = globals()[name] = getattr(import_module(f".{file}", __name__), name)
        return found
    complete()
    functions = [f"in forward(), use the function tg.{n}" for n in NAMES
                 if n.replace("_", "") == name.lower()]
    layer = "write a tg.nn.Module with a forward()" if name[:1].isupper() else None
    raise absent(__name__, name, *functions, layer)
