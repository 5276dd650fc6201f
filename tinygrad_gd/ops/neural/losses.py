"""Losses as primitives, so that a loss is one step forward and one step back.

Their rules compute from the inputs what they need; only cross-entropy takes the exponentials from its
forward pass, if no other came between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from ...engine.primitive import primitive
from ...engine.tensor import Tensor
from ...errors import IndexingError
from ...ground.fast import HALF, extreme, is_half, lies_by_columns


def _reduced(values: Any, reduction: str) -> Any:
    if reduction == "none":
        return values
    total = np.add.reduce(values, axis=None)
    return total / values.size if reduction == "mean" else total


def _scaled(g: Any, size: int, reduction: str) -> Any:
    return g / size if reduction == "mean" else g


def _mse(prediction: Any, target: Any, /, reduction: str) -> Any:
    if prediction.dtype is HALF and is_half(target):
        return _mse(prediction.astype(np.float32), target, reduction).astype(np.float16)
    return _reduced(np.square(np.subtract(prediction, target)), reduction)


mse = primitive(
    _mse,
    lambda g, out, prediction, target, reduction:
        _scaled(g, prediction.size, reduction) * 2 * (prediction - target),
    lambda g, out, prediction, target, reduction:
        _scaled(g, prediction.size, reduction) * 2 * (target - prediction),
    name="mse", kind="red", internal=True)


def _is_class(logits: Any, labels: Any) -> Any:
    """One-hot labels as booleans, which lie in memory as the logits do."""
    if lies_by_columns(logits):
        return (np.arange(logits.shape[1])[:, None] == labels).T
    return labels[:, None] == np.arange(logits.shape[1])


def _powers(logits: Any) -> tuple[Any, Any]:
    """The logits less the largest of each row, and their exponentials."""
    shifted = logits - extreme(np.maximum, logits, 1, keepdims=True)
    return shifted, np.exp(shifted)


def _cross_entropy(logits: Any, labels: Any, /, reduction: str) -> Any:
    if logits.dtype is HALF:
        return _cross_entropy(logits.astype(np.float32), labels, reduction).astype(np.float16)
    shifted, powers = _powers(logits)
    log_total = np.log(np.add.reduce(powers, axis=1))
    return _reduced(log_total - shifted[np.arange(len(labels)), labels], reduction)


#: The array of the last forward pass, by a weak reference, with what its rule will need again.
_last: tuple[Callable[[], Any], Any, Any] = (lambda: None, None, None)


def _cross_entropy_kept(logits: Any, labels: Any, /, reduction: str) -> Any:
    global _last
    if logits.dtype is HALF:
        return _cross_entropy(logits, labels, reduction)
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
    run=_cross_entropy_kept, kind="red", internal=True)


def _check_labels(labels: Any, /, classes: int) -> Any:
    natural = labels.view(labels.dtype.str.replace("i", "u"))  # in which a negative one is very large
    if labels.size and np.maximum.reduce(natural) >= classes:
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise IndexingError(f"cross_entropy: label {wrong} is out of range for {classes} classes; "
                            f"labels run from 0 to {classes - 1}")
    return labels


check_labels = primitive(_check_labels, kind="check", atomic=True, internal=True)

#: When the Tensor was written whose labels were last found to be right, and for how many classes.
_right: tuple[int, int] = (0, 0)


def check_once(labels: Any, classes: int) -> None:
    """`check_labels`, but for a Tensor that has been checked and not been written since."""
    global _right
    if not isinstance(labels, Tensor):
        _check_labels(labels, classes)
    elif (now := (labels._seq, classes)) != _right:
        _check_labels(labels._value, classes)
        _right = now
