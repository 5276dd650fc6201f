"""Gradients that are too long are made shorter, between ``backward`` and ``step``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..engine.tensor import Tensor
from ..errors import DTypeError, NonFiniteError, OptionError, describe
from ..ground.checks import check_number, check_switch
from ..ground.modes import no_grad
from ..ops.elementwise import maximum, minimum, sqrt
from ..ops.signatures import as_tensor
from .optimizer import with_gradient


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float | str = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Multiply all gradients by one factor, such that together they are no longer than ``max_norm``.

    Parameters
    ----------
    parameters : one Tensor or several; those without a gradient are passed over.
    max_norm : how long the vector of all gradients may be.
    norm_type : the p of the norm; `math.inf` or "inf" for the largest absolute value.
    error_if_nonfinite : whether a norm that is NaN or infinite is an error. To know it the value has
        to be looked at, which a frozen step does not do.

    Returns
    -------
    The norm that the gradients had. They are new Tensors, as everywhere that values are computed.

    >>> import numpy as np, tinygrad_gd as tg
    >>> w = tg.Tensor([1.0, 1.0], requires_grad=True); w.grad = np.array([3.0, 4.0])
    >>> tg.nn.utils.clip_grad_norm_([w], max_norm=1.0).item()
    5.0
    >>> np.round(w.grad.numpy(), 5).tolist()
    [0.6, 0.8]
    """
    name = "clip_grad_norm_"
    limit = check_number(f"{name}: max_norm", max_norm, 0)
    order = _order(name, norm_type)
    strict = check_switch(f"{name}: error_if_nonfinite", error_if_nonfinite)
    held = _with_gradient(name, parameters)
    total = _total(name, [p._grad for p in held], order, strict)
    _shorten(held, limit, total)
    return total


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float | str = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """The norm of all elements of some Tensors, such as gradients, as if they were one vector.

    Options are those of `clip_grad_norm_`.

    >>> import tinygrad_gd as tg
    >>> tg.nn.utils.get_total_norm([tg.Tensor([3.0]), tg.Tensor([[0.0, 4.0]])]).item()
    5.0
    """
    name = "get_total_norm"
    strict = check_switch(f"{name}: error_if_nonfinite", error_if_nonfinite)
    return _total(name, _listed(name, tensors), _order(name, norm_type), strict)


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor
) -> None:
    """`clip_grad_norm_` where the norm is known already: of these gradients, or of more than these.

    >>> import numpy as np, tinygrad_gd as tg
    >>> w = tg.Tensor([1.0, 1.0], requires_grad=True); w.grad = np.array([3.0, 4.0])
    >>> tg.nn.utils.clip_grads_with_norm_([w], 1.0, tg.Tensor(10.0))
    >>> np.round(w.grad.numpy(), 5).tolist()
    [0.3, 0.4]
    """
    name = "clip_grads_with_norm_"
    limit = check_number(f"{name}: max_norm", max_norm, 0)
    _shorten(_with_gradient(name, parameters), limit, as_tensor(name, total_norm))


def _shorten(held: list[Tensor], limit: float, total: Tensor) -> None:
    """Multiply the gradients by what makes vectors of length ``total`` no longer than ``limit``."""
    with no_grad():
        factor = minimum(limit / (total + 1e-6), 1.0)
        for p in held:
            g: Any = p._grad
            p._grad = g * (factor if factor.dtype == g.dtype else factor.astype(g.dtype))


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Set every element of the gradients to the nearest number from -clip_value to clip_value.

    >>> import numpy as np, tinygrad_gd as tg
    >>> w = tg.Tensor([1.0, 1.0], requires_grad=True); w.grad = np.array([-3.0, 0.5])
    >>> tg.nn.utils.clip_grad_value_([w], 1.0); w.grad.tolist()
    [-1.0, 0.5]
    """
    limit = check_number("clip_grad_value_: clip_value", clip_value, 0)
    with no_grad():
        for p in _with_gradient("clip_grad_value_", parameters):
            p._grad = minimum(maximum(p._grad, -limit), limit)


def _order(name: str, norm_type: Any) -> float:
    """The p of a norm, which may be written as a text where it is infinite."""
    order: float = math.inf if norm_type == "inf" else check_number(f"{name}: norm_type", norm_type, 0)
    if order == 0:
        raise OptionError(f"{name}: norm_type must be > 0, got {norm_type!r}")
    return order


def _total(name: str, gradients: list[Any], order: float, strict: bool) -> Tensor:
    with no_grad():
        total = _norm(gradients, order)
        if strict and not math.isfinite(total.item()):
            raise NonFiniteError(f"{name}: the norm of the gradients is {total.item()}; look for its "
                                 "origin with tg.detect_anomaly()")
    return total


def _norm(gradients: list[Any], order: float) -> Tensor:
    """The p-norm of all elements; that of none is 0."""
    if order == math.inf:
        parts = [abs(g).max() for g in gradients if g.size]
    elif order == 2:
        parts = [(g * g).sum() for g in gradients]
    else:
        parts = [(abs(g) ** order).sum() for g in gradients]
    if not parts:
        return Tensor(0.0)
    total = parts[0]
    for part in parts[1:]:
        total = maximum(total, part) if order == math.inf else total + part
    if order in (1, math.inf):
        return total  # type: ignore[no-any-return]
    return sqrt(total) if order == 2 else total ** (1 / order)


def _with_gradient(name: str, parameters: Any) -> list[Tensor]:
    return with_gradient(_listed(name, parameters))


def _listed(name: str, parameters: Any) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
        cure = "model.parameters()" if hasattr(given, "parameters") else "[w, b]"
        raise DTypeError(f"{name}: expected parameters, got {describe(given)}; write {cure}")
    listed = list(given)
    for i, p in enumerate(listed):
        if not isinstance(p, Tensor):
            raise DTypeError(f"{name}: parameter {i} is {describe(p)}, expected a Tensor")
    return listed
