"""Connectionist temporal classification: sequences whose alignment in time is not known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.explain import answering
from ..ground.registry import explaining
from ..ops.elementwise import where
from ..ops.indexing import take_along_axis
from ..ops.neural.losses import check_values
from ..ops.reductions import logsumexp
from ..ops.shape import concatenate, stack
from ..ops.signatures import as_tensor
from .losses import Loss, check_options, floats, reduced, stacked


def _length(what: str, given: Any, most: int, count: int) -> Tensor:
    """One length for each sequence, which is checked in each call."""
    lengths = as_tensor("ctc_loss", stacked(given)).reshape(-1)
    if lengths.shape != (count,) or lengths.dtype.kind not in "iu":
        raise ShapeError(f"ctc_loss: {what} are {count} integers, one for each sequence; got "
                         f"{describe(stacked(given))}")
    return apply(check_values, (lengths,), {
        "loss": "ctc_loss", "what": f"{what} are between 0 and {most}", "allowed": (0, most),
        "cure": "they count steps of log_probs (time, n, classes), or labels of targets (n, longest)"})


@explaining
def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
    reduction: str = "mean", zero_infinity: bool = False,
) -> Tensor:
    """``-log p(targets)``, summed over all alignments in time with blanks between them (Graves 2006).

    Parameters
    ----------
    log_probs : (time, n, classes) or (time, classes), as of `log_softmax`.
    targets : (n, longest) or (longest,) labels, padded with any label.
    input_lengths, target_lengths : (n,) how many steps and labels of each sequence count.
    blank : the class that stands for no label.
    reduction : "mean" divides each loss by the number of labels first.
    zero_infinity : a sequence too short for its labels has the loss 0 and not infinity.

    >>> import numpy as np, tinygrad_gd as tg
    >>> even = np.log(np.full((2, 1, 2), 0.5))  # aa, a_ and _a have the probability 1/4 each
    >>> round(tg.nn.ctc_loss(even, [[1]], [2], [1]).item(), 6), round(-np.log(0.75).item(), 6)
    (0.287682, 0.287682)
    """
    check_options("ctc_loss", reduction, blank=blank, zero_infinity=zero_infinity)
    x, y = floats("ctc_loss", log_probs), as_tensor("ctc_loss", stacked(targets))
    single = x.ndim == 2
    if single:
        x, y = x.reshape(x.shape[0], 1, x.shape[1]), y.reshape(1, -1)
    if x.ndim != 3 or y.ndim != 2 or y.shape[0] != x.shape[1] or y.dtype.kind not in "iu":
        raise ShapeError("ctc_loss: expected log_probs (time, n, classes) and integers as targets "
                         f"(n, longest), got {describe(x)} and {describe(y)}; pad targets that are in "
                         "one row")
    steps, count, classes = x.shape
    if not 0 <= blank < classes:
        raise OptionError(f"ctc_loss: blank is one of the classes 0 to {classes - 1}, got {blank}")
    known, labels = (_length(*row, count) for row in (
        ("input_lengths", input_lengths, steps), ("target_lengths", target_lengths, y.shape[1])))
    total = _log_total(x, _checked_targets(y, labels, classes), known, labels, blank)
    losses = where(total == -math.inf, 0.0, -total) if zero_infinity else -total
    if reduction == "mean":
        return (losses / where(labels > 0, labels, 1)).mean()
    return reduced(losses.reshape() if single else losses, reduction)


def _checked_targets(y: Tensor, lengths: Tensor, classes: int) -> Tensor:
    """Labels that are classes, and 0 beyond each length."""
    counted = np.arange(y.shape[1])[None] < lengths.reshape(-1, 1)
    return apply(check_values, (where(counted, y, 0),), {
        "loss": "ctc_loss", "what": f"labels run from 0 to {classes - 1}", "allowed": (0, classes - 1),
        "cure": "the blank counts as a class"})


def _log_total(x: Tensor, y: Tensor, known: Tensor, lengths: Tensor, blank: int) -> Tensor:
    """log of the sum over all alignments; states are blank, label, blank, label, ..., blank."""
    steps, count, _ = x.shape
    size = 2 * y.shape[1] + 1
    is_label = (np.arange(size) % 2 == 1)[None]
    label = concatenate([y, np.zeros((count, 1), y.dtype)], axis=1)[:, np.arange(size) // 2]
    state = where(is_label, label, blank)
    before = concatenate([np.full((count, 2), blank), state[:, :-2]], axis=1)[:, :size]
    may_skip = (state != blank) & (state != before)  # from one label to another, without a blank
    never = np.full((count, 2), -np.inf, x.dtype)
    reached = np.where(np.arange(size) < 2, 0.0, -np.inf).astype(x.dtype)[None]
    alpha = take_along_axis(x[0], state, 1) + reached
    for t in range(1, steps):
        around = concatenate([never, alpha], axis=1)
        ways = stack([alpha, around[:, 1:-1], where(may_skip, around[:, :-2], never[:, :1])])
        now = logsumexp(ways, axis=0) + take_along_axis(x[t], state, 1)
        alpha = where((known > t).reshape(-1, 1), now, alpha)
    last = 2 * lengths.reshape(-1, 1)
    ends = concatenate([take_along_axis(alpha, last, 1), where(
        last > 0, take_along_axis(alpha, where(last > 0, last - 1, 0), 1), never[:, :1])], axis=1)
    return logsumexp(ends, axis=1)


class CTCLoss(Loss):
    """`ctc_loss` as a module, called with (log_probs, targets, input_lengths, target_lengths)."""

    compute = staticmethod(ctc_loss)

    @answering
    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        self._keep(blank=blank, reduction=reduction, zero_infinity=zero_infinity)
