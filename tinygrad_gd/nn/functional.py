"""The operations as functions, where PyTorch users look for them: ``functional.relu(x)``.

Each is the very function that ``tg`` has, or a loss; axes are called ``axis``, as in NumPy. Four that
NumPy's or ``tg``'s function of the name would answer differently are PyTorch's, and stand here.

>>> import tinygrad_gd as tg, tinygrad_gd.nn.functional as F
>>> F.softmax(tg.Tensor([[0.0, 0.0]]), axis=1).tolist(), F.relu is tg.relu
([[0.5, 0.5]], True)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.elsewhere import absent
from ..ground.registry import NAMES, complete, explaining, public
from ..ops.neural import activations
from ..ops.shape import pad as pad_all
from ..ops.shape import reshape
from ..ops.signatures import as_tensor
from .losses import cross_entropy, mse_loss

#: Files that are loaded when one of their functions is first asked for.
_LATER = {
    "activations": "gumbel_softmax hardshrink softmin softshrink tanhshrink threshold",
    "alignment": "ctc_loss",
    "arrange": "channel_shuffle fold pixel_shuffle pixel_unshuffle unfold",
    "bilinear": "bilinear",
    "classification": "binary_cross_entropy binary_cross_entropy_with_logits multi_margin_loss "
                      "multilabel_margin_loss multilabel_soft_margin_loss nll_loss soft_margin_loss",
    "distance": "cosine_similarity logit normalize pairwise_distance",
    "dropout": "alpha_dropout dropout1d dropout2d dropout3d feature_alpha_dropout",
    "embedding": "embedding one_hot",
    "normalization": "batch_norm group_norm instance_norm layer_norm rms_norm",
    "regression": "gaussian_nll_loss huber_loss kl_div l1_loss poisson_nll_loss smooth_l1_loss",
    "similarity": "cosine_embedding_loss hinge_embedding_loss margin_ranking_loss triplet_margin_loss "
                  "triplet_margin_with_distance_loss",
}
FILE_OF = {name: file for file, names in _LATER.items() for name in names.split()}

__all__ = ["cross_entropy", "log_softmax", "mse_loss", "pad", "prelu", "softmax", *FILE_OF]
__all__.sort()

#: PyTorch's modes of padding, and NumPy's.
_BORDERS = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@explaining
def pad(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Tensor:
    """A border: ``pad`` is (before, after) of the last axis, then of the one before it, and so on.

    ``np.pad`` is NumPy's, with a pair for each axis from the first on, or one pair for all.

    >>> import tinygrad_gd as tg, tinygrad_gd.nn.functional as F
    >>> F.pad(tg.Tensor([[1.0, 2.0]]), (1, 0), value=9.0).tolist()
    [[9.0, 1.0, 2.0]]
    """
    x = as_tensor("pad", input)
    widths = np.asarray(pad)
    if widths.ndim != 1 or widths.size % 2 or widths.size > 2 * x.ndim:
        raise ShapeError(f"pad: expected (before, after) for the last axis of {describe(x)}, or more "
                         f"pairs in one row, the last axis first; got {pad!r}. np.pad has NumPy's way, "
                         "a pair for each axis")
    if mode not in _BORDERS:
        raise OptionError(f"pad: mode is one of {', '.join(_BORDERS)}; got {mode!r}. NumPy's modes are "
                          "those of np.pad")
    if widths.size and (widths.dtype.kind not in "iu" or widths.min() < 0):
        raise OptionError(f"pad: widths are integers of at least 0, got {pad!r}; cut with an index, as "
                          "in x[..., 1:]")
    pairs = widths.reshape(-1, 2)[::-1].tolist()
    border = {} if value is None else {"constant_values": value}
    padded: Tensor = pad_all(x, [[0, 0]] * (x.ndim - len(pairs)) + pairs, _BORDERS[mode], **border)
    return padded


def _axis(operation: str, x: Any, axis: Any) -> tuple[Tensor, Any]:
    """The axis that was given; PyTorch's choice where it is the last axis, as it is here."""
    x = as_tensor(operation, x)
    if axis is None and x.ndim > 2:
        raise OptionError(f"{operation}: without axis=, PyTorch takes axis {0 if x.ndim == 3 else 1} "
                          f"of {x.ndim}, tinygrad_gd the last; write axis=")
    return x, -1 if axis is None else axis


@explaining
def softmax(x: Any, axis: Any = None) -> Tensor:
    """``tg.softmax``; of more than two axes, one must be given."""
    x, axis = _axis("softmax", x, axis)
    return apply(activations.softmax, (x,), {"axis": axis})


@explaining
def log_softmax(x: Any, axis: Any = None) -> Tensor:
    """``tg.log_softmax``; of more than two axes, one must be given."""
    x, axis = _axis("log_softmax", x, axis)
    return apply(activations.log_softmax, (x,), {"axis": axis})


@explaining
def prelu(x: Any, weight: Any) -> Tensor:
    """``x`` where x > 0, ``weight * x`` elsewhere; one weight, or one for each channel, in axis 1.

    >>> import numpy as np, tinygrad_gd as tg, tinygrad_gd.nn.functional as F
    >>> F.prelu(tg.Tensor(-np.ones((1, 2, 1, 2))), [0.5, 2.0]).tolist()
    [[[[-0.5, -0.5]], [[-2.0, -2.0]]]]
    """
    x, weight = as_tensor("prelu", x), as_tensor("prelu", weight)
    channels = x.shape[1] if x.ndim > 1 else 1
    if weight.ndim > 1 or weight.size not in (1, channels):
        raise ShapeError(f"prelu: expected one weight, or one for each of {channels} channels of "
                         f"{describe(x)}, got {describe(weight)}; tg.prelu takes what broadcasts")
    if x.ndim > 2 and weight.ndim:
        weight = reshape(weight, (-1,) + (1,) * (x.ndim - 2))
    return apply(activations.prelu, (x, weight))


def __getattr__(name: str) -> Any:
    if file := FILE_OF.get(name):
        found = globals()[name] = getattr(import_module(f".{file}", __package__), name)
        return found
    if operation := public(name, globals()):
        return operation
    alike = [f"use {n}" for n in NAMES if n.replace("_", "") == name.replace("_", "")]
    raise absent(__name__, name, *alike)


def __dir__() -> list[str]:
    complete()
    return sorted({*__all__, *NAMES})
