"""Initialisers: first values for weights, written in place and drawn from the seeded generator.

``fan_in`` is the number of inputs of one unit, ``fan_out`` the number of units; a weight has the
shape ``(out, in)`` or ``(out, in, *window)``. The names and formulas are PyTorch's.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, ShapeError, describe
from ..ground.modes import no_grad
from ..ground.rng import generator

_GAINS = {
    "linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4,
}  # fmt: skip


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """How much larger weights must be to keep the variance behind ``nonlinearity``.

    >>> round(calculate_gain("relu"), 4)
    1.4142
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        _check_numbers("calculate_gain", param=slope)
        return math.sqrt(2 / (1 + slope**2))
    if not isinstance(nonlinearity, str) or nonlinearity not in _GAINS:
        raise OptionError(f"calculate_gain: unknown nonlinearity {nonlinearity!r}; expected one of "
                          f"{', '.join([*_GAINS, 'leaky_relu'])}")
    return _GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """``(fan_in, fan_out)`` of a weight of shape (out, in, ...)."""
    if _shape(tensor).count(0):
        raise ShapeError(f"initialiser: expected a weight with elements, got {describe(tensor)}; "
                         "check the sizes of the layer")
    if tensor.ndim < 2:
        raise ShapeError(f"initialiser: expected a weight with at least 2 axes (out, in), got "
                         f"{describe(tensor)}; use uniform_, normal_ or zeros_ for it")
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Fill with values drawn evenly between ``a`` and ``b``."""
    _check_numbers("uniform_", a=a, b=b)
    if not (a <= b and math.isfinite(b - a)):
        raise OptionError(f"uniform_: expected finite bounds a <= b, got a={a!r} and b={b!r}")
    return _fill(tensor, generator().uniform(a, b, _shape(tensor)))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Fill with values drawn from the normal distribution N(mean, std^2)."""
    _check_numbers("normal_", mean=mean, std=std)
    if not 0 <= std < math.inf:
        raise OptionError(f"normal_: std is a standard deviation, >= 0 and finite; got {std!r}")
    if not math.isfinite(mean):
        raise OptionError(f"normal_: expected a finite mean, got {mean!r}")
    return _fill(tensor, generator().normal(mean, std, _shape(tensor)))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with the value ``val``."""
    _check_numbers("constant_", val=val)
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return _fill(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return _fill(tensor, 1.0)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Fill from U(-a, a) with a = gain sqrt(6 / (fan_in + fan_out)): for tanh and sigmoid."""
    _check_numbers("xavier_uniform_", gain=gain)
    return _symmetric(tensor, gain * math.sqrt(6 / sum(fans(tensor))))


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Fill from N(0, s^2) with s = gain sqrt(2 / (fan_in + fan_out)): for tanh and sigmoid."""
    _check_numbers("xavier_normal_", gain=gain)
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))))


def kaiming_uniform_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Fill from U(-b, b) with b = gain sqrt(3 / fan): for relu and its kin.

    Parameters
    ----------
    tensor : the weight to fill, of shape (out, in, ...).
    a : slope on the negative side, used by the gain of ``leaky_relu``.
    mode : ``fan_in`` keeps the variance of the forward pass, ``fan_out`` of the backward pass.
    nonlinearity : what follows the layer; see `calculate_gain`.
    """
    return _symmetric(tensor, math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity))


def kaiming_normal_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Fill from N(0, s^2) with s = gain / sqrt(fan); arguments as in `kaiming_uniform_`."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity))


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise OptionError(f"kaiming: mode is 'fan_in' or 'fan_out', got {mode!r}")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _symmetric(tensor: Tensor, bound: float) -> Tensor:
    return uniform_(tensor, -bound, bound)


def _check_numbers(name: str, **options: Any) -> None:
    for option, value in options.items():
        if not isinstance(value, Real) or isinstance(value, bool):
            raise DTypeError(f"{name}: {option} must be a number, got {describe(value)}")


def _shape(tensor: Tensor) -> tuple[int, ...]:
    if not isinstance(tensor, Tensor):
        raise DTypeError(f"initialiser: expected a Tensor, got {describe(tensor)}; write layer.weight, "
                         "without .data")
    return tensor.shape


def _fill(tensor: Tensor, values: Any) -> Tensor:
    _shape(tensor)
    with no_grad():
        return tensor.assign(values)
