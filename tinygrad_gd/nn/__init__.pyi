# Made by python -m tests.stubs from the registry; a test fails when it is not up to date.

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

from . import functional as functional
from . import init as init
from .alignment import CTCLoss as CTCLoss
from .alignment import ctc_loss as ctc_loss
from .classification import BCELoss as BCELoss
from .classification import BCEWithLogitsLoss as BCEWithLogitsLoss
from .classification import MultiLabelMarginLoss as MultiLabelMarginLoss
from .classification import MultiLabelSoftMarginLoss as MultiLabelSoftMarginLoss
from .classification import MultiMarginLoss as MultiMarginLoss
from .classification import NLLLoss as NLLLoss
from .classification import SoftMarginLoss as SoftMarginLoss
from .classification import binary_cross_entropy as binary_cross_entropy
from .classification import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from .classification import multi_margin_loss as multi_margin_loss
from .classification import multilabel_margin_loss as multilabel_margin_loss
from .classification import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from .classification import nll_loss as nll_loss
from .classification import soft_margin_loss as soft_margin_loss
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
from .regression import GaussianNLLLoss as GaussianNLLLoss
from .regression import HuberLoss as HuberLoss
from .regression import KLDivLoss as KLDivLoss
from .regression import L1Loss as L1Loss
from .regression import PoissonNLLLoss as PoissonNLLLoss
from .regression import SmoothL1Loss as SmoothL1Loss
from .regression import gaussian_nll_loss as gaussian_nll_loss
from .regression import huber_loss as huber_loss
from .regression import kl_div as kl_div
from .regression import l1_loss as l1_loss
from .regression import poisson_nll_loss as poisson_nll_loss
from .regression import smooth_l1_loss as smooth_l1_loss
from .similarity import CosineEmbeddingLoss as CosineEmbeddingLoss
from .similarity import HingeEmbeddingLoss as HingeEmbeddingLoss
from .similarity import MarginRankingLoss as MarginRankingLoss
from .similarity import TripletMarginLoss as TripletMarginLoss
from .similarity import TripletMarginWithDistanceLoss as TripletMarginWithDistanceLoss
from .similarity import cosine_embedding_loss as cosine_embedding_loss
from .similarity import hinge_embedding_loss as hinge_embedding_loss
from .similarity import margin_ranking_loss as margin_ranking_loss
from .similarity import triplet_margin_loss as triplet_margin_loss
from .similarity import triplet_margin_with_distance_loss as triplet_margin_with_distance_loss

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
]
