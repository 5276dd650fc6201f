"""Losses: one primitive each, so that a loss is one step forward and one step back.

Their rules compute from the inputs what they need; only cross-entropy takes the exponentials from its
forward pass, if no other came between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from ..errors import DTypeError, IndexingError, OptionError, ShapeError, describe
from ..explain_error import answering
from ..modes import current_mode
from ..ops.linalg import lies_by_columns
from ..ops.signatures import as_tensor
from ..primitive import apply, primitive
from ..registry import explaining
from ..rows import extreme
from ..tensor import Tensor
from .module import Module


def _reduced(values: Any, reduction: str) -> Any:
    if reduction == "none":
        return values
    total = np.add.reduce(values, axis=None)
    return total / values.size if reduction == "mean" else total


def _scaled(g: Any, size: int, reduction: str) -> Any:
    return g / size if reduction == "mean" else g


def _mse(prediction: Any, target: Any, /, reduction: str) -> Any:
    return _reduced(np.square(np.subtract(prediction, target)), reduction)


mse = primitive(
    _mse,
    lambda g, out, prediction, target, reduction:
        _scaled(g, prediction.size, reduction) * 2 * (prediction - target),
    lambda g, out, prediction, target, reduction:
        _scaled(g, prediction.size, reduction) * 2 * (target - prediction),
    name="mse", kind="red")


def _is_class(logits: Any, labels: Any) -> Any:
    """One-hot labels as booleans, which lie in memory as the logits do."""
    if lies_by_columns(logits):
        return (np.arange(logits.shape[1]).reshape(-1, 1) == labels).T
    return labels.reshape(-1, 1) == np.arange(logits.shape[1])


def _powers(logits: Any) -> tuple[Any, Any]:
    """The logits less the largest of each row, and their exponentials."""
    shifted = logits - extreme(np.maximum, logits, 1, keepdims=True)
    return shifted, np.exp(shifted)


def _cross_entropy(logits: Any, labels: Any, /, reduction: str) -> Any:
    shifted, powers = _powers(logits)
    log_total = np.log(np.add.reduce(powers, axis=1))
    return _reduced(log_total - shifted[np.arange(len(labels)), labels], reduction)


#: The array of the last forward pass, by a weak reference, with what its rule will need again.
_last: tuple[Callable[[], Any], Any, Any] = (lambda: None, None, None)


def _cross_entropy_kept(logits: Any, labels: Any, /, reduction: str) -> Any:
    global _last
    shifted, powers = _powers(logits)
    total = np.add.reduce(powers, axis=1)
    _last = ref(logits, _forget), powers, total[:, None]
    return _reduced(np.log(total) - shifted[np.arange(len(labels)), labels], reduction)


def _forget(gone: Any) -> None:
    global _last
    if _last[0] is gone:
        _last = (lambda: None, None, None)


def _softmax(logits: Any) -> Any:
    array, powers, total = _last
    if array() is not logits:
        _, powers = _powers(logits)
        total = np.add.reduce(powers, axis=1, keepdims=True)
    return powers / total


def _cross_entropy_rule(g: Any, out: Any, logits: Any, labels: Any, reduction: str) -> Any:
    scale = _scaled(g, logits.shape[0], reduction)
    if reduction == "none":
        scale = np.reshape(scale, (-1, 1))
    difference = _softmax(logits)
    if type(difference) is np.ndarray:  # nobody else has it
        difference[np.arange(len(labels)), labels] -= 1
    else:
        difference = difference - _is_class(logits, labels)
    return difference * scale


nll_of_softmax = primitive(
    _cross_entropy, _cross_entropy_rule, None, name="cross_entropy_of_logits", analytic=False,
    run=_cross_entropy_kept, kind="red")


def _check_labels(labels: Any, /, classes: int) -> Any:
    natural = labels.view(labels.dtype.str.replace("i", "u"))  # in which a negative one is very large
    if labels.size and np.maximum.reduce(natural) >= classes:
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise IndexingError(f"cross_entropy: label {wrong} is out of range for {classes} classes; "
                            f"labels run from 0 to {classes - 1}")
    return labels


check_labels = primitive(_check_labels, kind="check", atomic=True)

#: When the Tensor was written whose labels were last found to be right, and for how many classes.
_right: tuple[int, int] = (0, 0)


def _check_once(labels: Any, values: Any, classes: int) -> None:
    """`check_labels`, but for a Tensor that has been checked and not been written since."""
    global _right
    if not isinstance(labels, Tensor):
        _check_labels(values, classes)
    elif (now := (labels._seq, classes)) != _right:
        _check_labels(values, classes)
        _right = now


def shape_of(x: Any) -> tuple[int, ...]:
    """Like `numpy.shape`, without its detour over Tensor's protocols."""
    if isinstance(x, (Tensor, np.ndarray)):
        return x.shape
    try:
        return np.shape(x)
    except ValueError:
        raise ShapeError(f"nn: expected numbers in rows of equal length, got {describe(x)} with rows "
                         "of different lengths; pad them") from None


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
    try:
        held = prediction._data
        return bool(held.shape == target.shape
                    and (held.dtype.kind == "f" or target.dtype.kind == "f"))
    except AttributeError:
        return False


def _check_reduction(loss: str, reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise OptionError(f"{loss}: reduction is 'mean', 'sum' or 'none', got {reduction!r}")


def _known_reduction(loss: str, reduction: Any) -> str:
    if not isinstance(reduction, str):
        raise OptionError(f"{loss}: reduction is 'mean', 'sum' or 'none', got {describe(reduction)}")
    _check_reduction(loss, reduction)
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
        if shape_of(prediction) != shape_of(target):
            raise ShapeError(
                f"mse_loss: the prediction is {describe(prediction)}, the target {describe(target)}; "
                "they would broadcast against each other. Give both the same shape, for example with "
                f"target.reshape({shape_of(prediction)})")
        prediction = _floats("mse_loss", prediction)
    return apply(mse, (prediction, target), {"reduction": reduction})


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
    values = labels._data if isinstance(labels, Tensor) else array_of(labels)
    ready = isinstance(logits, Tensor) and logits._data.dtype.kind == "f"
    shape = logits._data.shape if ready else shape_of(logits)
    if len(shape) != 2 or values.shape != shape[:1]:
        raise ShapeError(f"cross_entropy: expected logits (n, classes) and labels (n,), got "
                         f"{describe(logits)} and {describe(values)}")
    if not ready:
        logits = _floats("cross_entropy", logits)
    if values.dtype.kind not in "iu":
        if hasattr(labels, "dtype") or values.size:
            came = describe(labels if hasattr(labels, "dtype") else values)
            raise DTypeError(f"cross_entropy: labels are class numbers, got {came}; "
                             "use labels.astype(int), or mse_loss for real targets")
        labels = values = values.astype(int)  # an empty list
    if current_mode().observer is not None:
        labels = apply(check_labels, (labels,), {"classes": shape[1]})
    else:
        _check_once(labels, values, shape[1])
    return apply(nll_of_softmax, (logits, labels), {"reduction": reduction})


class MSELoss(Module):
    """`mse_loss` as a module."""

    @answering
    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = _known_reduction("MSELoss", reduction)

    def forward(self, prediction: Any, target: Any) -> Tensor:
        """The loss."""
        return mse_loss(prediction, target, self.reduction)


class CrossEntropyLoss(Module):
    """`cross_entropy` as a module."""

    @answering
    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = _known_reduction("CrossEntropyLoss", reduction)

    def forward(self, logits: Any, labels: Any) -> Tensor:
        """The loss."""
        return cross_entropy(logits, labels, self.reduction)
