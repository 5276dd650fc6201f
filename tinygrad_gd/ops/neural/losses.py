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
from ...errors import IndexingError, OptionError
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


def _check_labels(labels: Any, /, classes: int, loss: str = "cross_entropy") -> Any:
    natural = labels.view(labels.dtype.str.replace("i", "u"))  # in which a negative one is very large
    if labels.size and np.maximum.reduce(natural, axis=None) >= classes:
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise IndexingError(f"{loss}: label {wrong} is out of range for {classes} classes; labels run "
                            f"from 0 to {classes - 1}{_cure_of_labels(labels, classes)}")
    return labels


def _cure_of_labels(labels: Any, classes: int) -> str:
    """What labels out of range are likely to be, and what to do then."""
    least, most = labels.min(), labels.max()
    if classes == 1 and least >= 0 and most == 1:
        return ("; for two classes make two columns of logits, or give the one column to "
                "binary_cross_entropy_with_logits")
    if least >= 1 and most == classes:
        return "; these start at 1, write labels - 1"
    if least < 0 and (labels[labels < 0] == least).all():
        return f"; to leave out the rows labelled {least}, give ignore_index={least}"
    return ""


check_labels = primitive(_check_labels, kind="check", atomic=True, internal=True)

#: When the Tensor was written whose labels were last found to be right, and for how many classes.
_right: tuple[int, int] = (0, 0)


def _check_values(values: Any, /, loss: str, what: str, allowed: tuple[float, ...], cure: str) -> Any:
    """``allowed`` is (lowest, highest), or all values there may be where these are not between them."""
    low, high = allowed[0], allowed[-1]
    wrong = (values < low) | (values > high)
    if len(allowed) == 3:
        wrong = wrong | ((values != low) & (values != high))
    if np.any(wrong):
        raise OptionError(f"{loss}: {what}, got {np.asarray(values)[wrong][0]}; {cure}")
    return values


check_values = primitive(_check_values, lambda g, out, values, loss, what, allowed, cure: g,
                         kind="check", atomic=True, analytic=False, internal=True)


def _log_chance(p: Any) -> Any:
    """log(p), at least -100, as PyTorch has it."""
    return np.maximum(np.log(np.maximum(p, 1e-45)), -100)


def _binary_nll(p: Any, target: Any, /) -> Any:
    if is_half(p):
        return _binary_nll(p.astype(np.float32), target).astype(np.float16)
    return -(target * _log_chance(p) + (1 - target) * _log_chance(1 - p))


_LEAST = float(np.float32(1e-12))  # PyTorch's bound for p * (1 - p)

binary_nll = primitive(
    _binary_nll,
    lambda g, out, p, target: g * (p - target) / np.maximum(p * (1 - p), _LEAST),
    lambda g, out, p, target: g * (_log_chance(1 - p) - _log_chance(p)),
    analytic=False, kind="red", internal=True)


def check_once(labels: Any, classes: int, loss: str = "cross_entropy") -> bool:
    """`check_labels`, but for a Tensor that has been checked and not been written since.

    Whether they had to be checked.
    """
    global _right
    if not isinstance(labels, Tensor):
        _check_labels(labels, classes, loss)
        return True
    if (now := (labels._seq, classes)) == _right:
        return False
    _check_labels(labels._value, classes, loss)
    _right = now
    return True
