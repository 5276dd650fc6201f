"""Losses of real numbers: distances to a target, and likelihoods of normal and Poisson variables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.explain import answering
from ..ground.registry import explaining
from ..ops.elementwise import absolute, exp, log, square, where
from ..ops.neural.losses import check_values
from .losses import REDUCTIONS, Loss, check_options, floats_like, pair, reduced, weighed


@explaining
def l1_loss(input: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Tensor:
    """Mean absolute error ``mean(abs(input - target))``; both must have the same shape.

    >>> import tinygrad_gd as tg
    >>> tg.nn.l1_loss(tg.Tensor([1.0, 3.0]), [1.0, 1.0]).item()
    1.0
    """
    check_options("l1_loss", reduction)
    x, y = pair("l1_loss", input, target)
    values = absolute(x - y)
    if weight is not None:
        return weighed("l1_loss", values, weight, reduction)
    return reduced(values, reduction)


@explaining
def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """``d**2 / (2 beta)`` where ``d = abs(input - target) < beta``, and ``d - beta/2`` elsewhere.

    >>> import tinygrad_gd as tg
    >>> tg.nn.smooth_l1_loss(tg.Tensor([0.5, 3.0]), [0.0, 0.0], reduction="none").tolist()
    [0.125, 2.5]
    """
    check_options("smooth_l1_loss", reduction, beta=beta)
    if not beta >= 0:
        raise OptionError(f"smooth_l1_loss: beta must be at least 0, got {beta!r}; 0 makes it l1_loss")
    x, y = pair("smooth_l1_loss", input, target)
    d = absolute(x - y)
    if beta > 0:
        d = where(d < beta, square(d) * (0.5 / beta), d - 0.5 * beta)
    return reduced(d, reduction)


@explaining
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0,
               weight: Any = None) -> Tensor:
    """``d**2 / 2`` where ``d = abs(input - target) < delta``, and ``delta * (d - delta/2)`` elsewhere.

    Weighted elements are divided by their number and not, as in other losses, by the sum of weights.

    >>> import tinygrad_gd as tg
    >>> tg.nn.huber_loss(tg.Tensor([0.5, 3.0]), [0.0, 0.0], delta=2.0, reduction="none").tolist()
    [0.125, 4.0]
    """
    check_options("huber_loss", reduction, delta=delta)
    if not delta > 0:
        raise OptionError(f"huber_loss: delta must be greater than 0, got {delta!r}")
    x, y = pair("huber_loss", input, target)
    d = absolute(x - y)
    values = where(d < delta, 0.5 * square(d), delta * (d - 0.5 * delta))
    if weight is not None:
        values = weighed("huber_loss", values, weight, "none")
    return reduced(values, reduction)


@explaining
def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """``target * (log(target) - input)``: how much a distribution differs from that of the target.

    Parameters
    ----------
    input : logarithms of probabilities, as of `log_softmax`.
    target : probabilities; with ``log_target`` their logarithms.
    reduction : "batchmean" divides the sum by the number of rows, which is the divergence's definition;
        "mean" divides it by the number of elements.

    >>> import numpy as np, tinygrad_gd as tg
    >>> round(tg.nn.kl_div(np.log([[0.5, 0.5]]), [[1.0, 0.0]], "batchmean").item(), 6)
    0.693147
    """
    check_options("kl_div", reduction, ("batchmean", *REDUCTIONS), log_target=log_target)
    x, y = pair("kl_div", input, target)
    if log_target:
        values = exp(y) * (y - x)
    else:
        values = y * (log(where(y == 0, 1.0, y)) - x)
    if reduction == "batchmean":
        return values.sum() / (x.shape[0] if x.ndim else 1)
    return reduced(values, reduction)


def _natural(loss: str, what: str, values: Tensor, cure: str) -> Tensor:
    """Values that are at least 0, which is checked in each call."""
    return apply(check_values, (values,), {
        "loss": loss, "what": f"{what} is at least 0", "allowed": (0.0, math.inf), "cure": cure})


@explaining
def gaussian_nll_loss(input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Tensor:
    """``(log(var) + (input - target)**2 / var) / 2``: the target's likelihood, of a normal variable.

    Parameters
    ----------
    input, target : the means and what was observed, of one shape.
    var : variances of that shape, or one for each row, or a number.
    full : add the constant log(2 pi) / 2.
    eps : smaller variances count as this one, and get its gradient.

    >>> import tinygrad_gd as tg
    >>> tg.nn.gaussian_nll_loss(tg.Tensor([1.0]), [3.0], 1.0).item()
    2.0
    """
    check_options("gaussian_nll_loss", reduction, full=full, eps=eps)
    x, y = pair("gaussian_nll_loss", input, target)
    v = floats_like("gaussian_nll_loss", var, x)
    if v.shape and v.shape == x.shape[:-1]:
        v = v.reshape(*v.shape, 1)
    uneven = [(n, m) for n, m in zip(x.shape, v.shape, strict=False) if n != m]
    if v.shape and (v.ndim != x.ndim or [m for _, m in uneven] not in ([], [1])):
        raise ShapeError(f"gaussian_nll_loss: var has the input's shape {x.shape}, a 1 in place of one "
                         f"of its lengths, or one variance for each row, {x.shape[:-1]}; got "
                         f"{describe(var)}")
    v = _natural("gaussian_nll_loss", "var", v, "a network's output becomes positive by tg.softplus or "
                 "tg.exp")
    fixed = v.detach()
    v = where(fixed < eps, eps, fixed) + (v - fixed)  # the value of the one, the gradient of the other
    values = 0.5 * (log(v) + square(x - y) / v)
    return reduced(values + 0.5 * math.log(2 * math.pi) if full else values, reduction)


@explaining
def poisson_nll_loss(input: Any, target: Any, log_input: bool = True, full: bool = False,
                     eps: float = 1e-8, reduction: str = "mean") -> Tensor:
    """``exp(input) - target * input``: the likelihood of counts, with the rate's logarithm as input.

    Parameters
    ----------
    log_input : False where the input is the rate itself: ``input - target * log(input + eps)``.
    full : add Stirling's approximation of log(target!) for targets above 1.

    >>> import tinygrad_gd as tg
    >>> tg.nn.poisson_nll_loss(tg.Tensor([0.0]), [2.0]).item()
    1.0
    """
    check_options("poisson_nll_loss", reduction, log_input=log_input, full=full, eps=eps)
    x, y = pair("poisson_nll_loss", input, target)
    values = exp(x) - y * x if log_input else x - y * log(x + eps)
    if full:
        n = where(y > 1, y, 1.0)
        rest = n * log(n) - n + 0.5 * log(2 * math.pi * n)
        values = values + where(y > 1, rest, np.zeros((), x.dtype))
    return reduced(values, reduction)


class L1Loss(Loss):
    """`l1_loss` as a module."""

    compute = staticmethod(l1_loss)

    @answering
    def __init__(self, reduction: str = "mean") -> None:
        self._keep(reduction=reduction)


class SmoothL1Loss(Loss):
    """`smooth_l1_loss` as a module."""

    compute = staticmethod(smooth_l1_loss)

    @answering
    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        self._keep(reduction=reduction, beta=beta)


class HuberLoss(Loss):
    """`huber_loss` as a module."""

    compute = staticmethod(huber_loss)

    @answering
    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        self._keep(reduction=reduction, delta=delta)


class KLDivLoss(Loss):
    """`kl_div` as a module."""

    compute = staticmethod(kl_div)
    reductions = ("batchmean", *REDUCTIONS)

    @answering
    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        self._keep(reduction=reduction, log_target=log_target)


class GaussianNLLLoss(Loss):
    """`gaussian_nll_loss` as a module, called with (input, target, var)."""

    compute = staticmethod(gaussian_nll_loss)

    @answering
    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        self._keep(full=full, eps=eps, reduction=reduction)


class PoissonNLLLoss(Loss):
    """`poisson_nll_loss` as a module."""

    compute = staticmethod(poisson_nll_loss)

    @answering
    def __init__(self, log_input: bool = True, full: bool = False, eps: float = 1e-8,
                 reduction: str = "mean") -> None:
        self._keep(log_input=log_input, full=full, eps=eps, reduction=reduction)
