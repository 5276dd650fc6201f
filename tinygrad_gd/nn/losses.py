"""Losses, as functions and as modules: what they are given is checked here.

Each is one primitive of `ops.neural.losses`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.operands import stack_of_values
from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, ShapeError, describe
from ..ground.elsewhere import cure_of_option
from ..ground.explain import answering
from ..ground.modes import current_mode
from ..ground.registry import explaining
from ..ops.neural.losses import check_labels, check_once, mse, nll_of_softmax
from ..ops.signatures import as_tensor
from .module import Module


def shape_of(x: Any) -> tuple[int, ...]:
    """Like `numpy.shape`, without its detour over Tensor's protocols."""
    if isinstance(x, (Tensor, np.ndarray)):
        return x.shape
    try:
        return np.shape(x)
    except ValueError:
        raise ShapeError(f"nn: expected numbers in rows of equal length, got {describe(x)} with rows "
                         "of different lengths; pad them") from None


def stacked(x: Any) -> Any:
    """A list in which Tensors stand as one Tensor, with their gradients; anything else as it is."""
    return stack_of_values(x, keep_graph=True) if isinstance(x, list | tuple) else x


def array_of(x: Any) -> Any:
    """Numbers in rows of equal length, as an array."""
    if type(x) is not np.ndarray:
        shape_of(x)
        x = np.asarray(x)
    return x


def _floats(loss: str, x: Any) -> Any:
    """``x`` as floats: differences of small integers would wrap around."""
    if not isinstance(x, (Tensor, np.ndarray)):
        x = as_tensor(loss, x)
    return x if x.dtype.kind == "f" else x.astype(float)


def _fit(prediction: Any, target: Any) -> bool:
    """Whether the shapes are the same, and the difference is one of floats."""
    x = prediction._value if type(prediction) is Tensor else prediction  # which answer sooner
    y = target._value if type(target) is Tensor else target
    try:
        return (x.shape == y.shape and isinstance(prediction, Tensor)
                and (x.dtype.kind == "f" or y.dtype.kind == "f"))
    except AttributeError:
        return False


def _are_classified(logits: Any, labels: Any) -> bool:
    """Whether the labels are numbers of classes, one for each row of the logits."""
    x = logits._value if type(logits) is Tensor else logits
    y = labels._value if type(labels) is Tensor else labels
    if not (isinstance(logits, Tensor) and isinstance(y, (np.ndarray, Tensor))):
        return False
    shape = x.shape
    return len(shape) == 2 and y.shape == shape[:1] and y.dtype.kind in "iu" and x.dtype.kind == "f"


def _check_reduction(loss: str, reduction: Any) -> Any:
    if type(reduction) is not str or reduction not in ("mean", "sum", "none"):
        given = repr(reduction) if isinstance(reduction, str) else describe(reduction)
        cure = cure_of_option(loss, "weight") if hasattr(reduction, "shape") else None
        raise OptionError(f"{loss}: reduction is 'mean', 'sum' or 'none', got {given}"
                          f"{f'; to weight the classes, {cure}' if cure else ''}")
    return reduction


@explaining
def mse_loss(prediction: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Mean squared error ``mean((prediction - target)**2)``; both must have the same shape.

    >>> import tinygrad_gd as tg
    >>> tg.nn.mse_loss(tg.Tensor([1.0, 3.0]), tg.Tensor([1.0, 1.0])).item()
    2.0
    """
    _check_reduction("mse_loss", reduction)
    if not _fit(prediction, target):
        prediction, target = stacked(prediction), stacked(target)
        if shape_of(prediction) != shape_of(target):
            raise ShapeError(
                f"mse_loss: the prediction is {describe(prediction)}, the target {describe(target)}; "
                "they would broadcast against each other. Give both the same shape, for example with "
                f"target.reshape({shape_of(prediction)})")
        prediction = _floats("mse_loss", prediction)
    return apply(mse, (prediction, target), {"reduction": reduction})


def _classified(logits: Any, labels: Any) -> tuple[Any, Any]:
    """Logits and labels as `_are_classified` wants them, or an error that says what is wrong."""
    values = labels if isinstance(labels, Tensor) else array_of(labels)
    logits = stacked(logits)
    shape = shape_of(logits)
    if len(shape) != 2 or values.shape != shape[:1]:
        raise ShapeError(f"cross_entropy: expected logits (n, classes) and labels (n,), got "
                         f"{describe(logits)} and {describe(values)}")
    if values.dtype.kind not in "iu":
        if hasattr(labels, "dtype") or values.size:
            came = describe(labels if hasattr(labels, "dtype") else values)
            cure = ("use labels.astype(int), or mse_loss for real targets" if values.dtype.kind in "fb"
                    else "make numbers of names with np.unique(labels, return_inverse=True)[1]")
            raise DTypeError(f"cross_entropy: labels are class numbers, got {came}; {cure}")
        values = values.astype(int)  # an empty list
    return _floats("cross_entropy", logits), values


@explaining
def cross_entropy(logits: Any, labels: Any, reduction: str = "mean") -> Tensor:
    """``-log softmax(logits)[label]``, averaged; stable for logits of any size.

    Parameters
    ----------
    logits : (n, classes), unnormalised log probabilities.
    labels : (n,) integers in [0, classes).

    >>> import tinygrad_gd as tg
    >>> round(tg.nn.cross_entropy(tg.Tensor([[0.0, 0.0]]), tg.Tensor([1])).item(), 4)
    0.6931
    """
    _check_reduction("cross_entropy", reduction)
    if not _are_classified(logits, labels):
        logits, labels = _classified(logits, labels)
    mode = current_mode()
    if mode.observer is not None or mode.lockstep is not None:
        labels = apply(check_labels, (labels,), {"classes": logits.shape[1]})
    else:
        check_once(labels, logits.shape[1])
    return apply(nll_of_softmax, (logits, labels), {"reduction": reduction})


class MSELoss(Module):
    """`mse_loss` as a module."""

    @answering
    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = _check_reduction("MSELoss", reduction)

    def forward(self, prediction: Any, target: Any) -> Tensor:
        """The loss."""
        return mse_loss(prediction, target, self.reduction)


class CrossEntropyLoss(Module):
    """`cross_entropy` as a module."""

    @answering
    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = _check_reduction("CrossEntropyLoss", reduction)

    def forward(self, logits: Any, labels: Any) -> Tensor:
        """The loss."""
        return cross_entropy(logits, labels, self.reduction)
