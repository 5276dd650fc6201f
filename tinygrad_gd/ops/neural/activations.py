"""Activations, with PyTorch's names and options (``axis`` for its ``dim``).

Values and gradients are finite and right for abs(x) up to 1e4 and beyond, without a warning.
Conventions where a derivative has to choose, all of them PyTorch's:

====================================  ==============================================================
relu at 0                             0
leaky_relu, prelu at 0                the negative side's slope
elu, celu, selu at 0                  the negative side's: alpha, 1, and scale * alpha
relu6, hardtanh, hardsigmoid          0 at both bounds
hardswish at -3 and 3                 0 and 1
softsign at 0                         1
====================================  ==============================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...engine.primitive import primitive
from ...engine.tensor import Tensor
from ...errors import OptionError, ShapeError, describe
from ...ground.fast import extreme, is_half
from ...ground.registry import implements
from ..in_rules import in_rule
from ..indexing import getitem
from ..signatures import as_tensor
from ..special import erfc

SQRT_HALF, SQRT_2_OVER_PI = math.sqrt(0.5), math.sqrt(2 / math.pi)
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
_FLOAT = np.dtype(float)
#: Beyond it x * sigmoid(x) and its kin are what they are at infinity, where inf * 0 would be NaN.
_FAR = 1e3
_KINKED: dict[str, Any] = {"elementwise": True, "analytic": False, "kind": "act"}

# -- piecewise linear --------------------------------------------------------------------------------


def _relu(x: Any, /) -> Any:
    return np.maximum(x, 0)


def _relu6(x: Any, /) -> Any:
    return np.clip(x, 0, 6)


def _leaky_relu(x: Any, /, negative_slope: Any = 0.01) -> Any:
    if negative_slope == 0:
        return np.maximum(x, 0)
    if 0 < negative_slope <= 1:
        return np.maximum(x, negative_slope * x)
    return np.where(x > 0, x, negative_slope * x)


def _prelu(x: Any, weight: Any, /) -> Any:
    return np.where(x > 0, x, weight * x)


def _hardtanh(x: Any, /, min_val: Any = -1.0, max_val: Any = 1.0) -> Any:
    if not min_val <= max_val:
        raise OptionError(f"hardtanh: expected min_val <= max_val, got {min_val!r} and {max_val!r}; "
                          "swap them")
    return np.clip(x, min_val, max_val)


def _hardsigmoid(x: Any, /) -> Any:
    return np.clip(x / 6 + 0.5, 0, 1)


def _hardswish(x: Any, /) -> Any:
    return np.maximum(x, -3.0) * np.clip(x / 6 + 0.5, 0, 1)  # 0 at -inf


def _slope_of_hardswish(g: Any, out: Any, x: Any) -> Any:
    return np.where(x >= 3, g, np.where(x > -3, g * (x / 3 + 0.5), 0))


#: Beside an array, NumPy's maximum is up to four times as fast as beside a number.
_ZEROS: dict[Any, Any] = {np.dtype(kind): np.zeros(1 << 19, kind) for kind in (np.float32, np.float64)}


def _relu_at_once(x: Any) -> Any:
    zeros = _ZEROS.get(getattr(x, "dtype", None))
    if zeros is None or not 256 < x.size <= zeros.size or not x.flags.c_contiguous:
        return np.maximum(x, 0)
    return np.maximum(x, zeros[: x.size].reshape(x.shape))


def _masked(g: Any, mask: Any) -> Any:
    """``g * mask``; NumPy multiplies by numbers sooner than by booleans."""
    if type(mask) is not np.ndarray:
        return g * mask
    numbers = mask.astype(g.dtype)
    if numbers.strides != g.strides:  # the result lies in memory as g does
        return g * numbers
    numbers *= g
    return numbers


relu = primitive(
    _relu, lambda g, out, x: _masked(g, out > 0), run=_relu_at_once, **_KINKED)
relu6 = primitive(_relu6, lambda g, out, x: np.where((x > 0) & (x < 6), g, 0), **_KINKED)
leaky_relu = primitive(
    _leaky_relu, lambda g, out, x, negative_slope: np.where(x > 0, g, g * negative_slope), **_KINKED)
prelu = primitive(
    _prelu, lambda g, out, x, weight: np.where(x > 0, g, g * weight),
    lambda g, out, x, weight: np.where(x > 0, 0, g * x), **_KINKED)
hardtanh = primitive(
    _hardtanh,
    lambda g, out, x, min_val, max_val: np.where((x > min_val) & (x < max_val), g, 0), **_KINKED)
hardsigmoid = primitive(
    _hardsigmoid, lambda g, out, x: np.where((x > -3) & (x < 3), g / 6, 0), **_KINKED)
hardswish = primitive(_hardswish, _slope_of_hardswish, **_KINKED)
relu.__doc__ = "max(x, 0)."
relu6.__doc__ = "min(max(x, 0), 6)."
leaky_relu.__doc__ = "x where x > 0, negative_slope * x elsewhere."
prelu.__doc__ = "x where x > 0, weight * x elsewhere; the weight broadcasts as in arithmetic."
hardtanh.__doc__ = "x between min_val and max_val, and these beyond."
hardsigmoid.__doc__ = "x / 6 + 1/2 between 0 and 1, and these beyond."
hardswish.__doc__ = "x * hardsigmoid(x)."


def _floats(x: Any) -> Any:
    """Integers as floats of the dtype of their exp: they would wrap around when negated or added to."""
    if getattr(x, "dtype", _FLOAT).kind in "iub":
        return x.astype(np.result_type(x.dtype, np.float16))
    return x


# -- exponential on the negative side ----------------------------------------------------------------


def _negative(x: Any) -> Any:
    """min(x, 0), with the derivative 1 at 0."""
    return np.where(x > 0, 0, x)


def _elu(x: Any, /, alpha: Any = 1.0) -> Any:
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))


def _celu(x: Any, /, alpha: Any = 1.0) -> Any:
    if not 0 < abs(alpha) < math.inf:
        raise OptionError(f"celu: alpha must be finite and not 0, got {alpha!r}; relu is celu as alpha "
                          "goes to 0")
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0) / alpha)


def _selu(x: Any, /) -> Any:
    return SELU_SCALE * (np.maximum(x, 0) + SELU_ALPHA * np.expm1(np.minimum(x, 0)))


elu = primitive(
    _elu,
    lambda g, out, x, alpha: np.where(x > 0, g, g * alpha * np.exp(_negative(x))), **_KINKED)
celu = primitive(
    _celu,
    lambda g, out, x, alpha: np.where(x > 0, g, g * np.exp(_negative(x) / alpha)), **_KINKED)
selu = primitive(
    _selu,
    lambda g, out, x: g * SELU_SCALE * np.where(x > 0, 1, SELU_ALPHA * np.exp(_negative(x))),
    **_KINKED)
elu.__doc__ = "x where x > 0, alpha * (exp(x) - 1) elsewhere."
celu.__doc__ = "x where x > 0, alpha * (exp(x / alpha) - 1) elsewhere."
selu.__doc__ = "1.0507 * elu(x, 1.6733): keeps mean 0 and variance 1 from layer to layer."

# -- smooth --------------------------------------------------------------------------------------------


def _sigmoid(x: Any, /) -> Any:
    x = _floats(x)
    small = np.exp(-np.absolute(x))  # in (0, 1]: no overflow on either side
    return np.maximum(small, x >= 0) / (1 + small)


sigmoid = primitive(_sigmoid, lambda g, out, x: g * out * (1 - out), **_KINKED)
sigmoid.__doc__ = "1 / (1 + exp(-x)), without overflow."
_sigmoid_in_rule, _erfc_in_rule = in_rule(sigmoid), in_rule(erfc)


def _log1p_exp(x: Any) -> Any:
    """log(1 + exp(x)), which np.logaddexp(0, x) computes too, but a number at a time."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.absolute(x)))


def _log_sigmoid(x: Any, /) -> Any:
    x = _floats(x)
    return np.minimum(x, 0) - np.log1p(np.exp(-np.absolute(x)))


def _softplus(x: Any, /, beta: Any = 1.0) -> Any:
    if not 0 < beta < math.inf:
        raise OptionError(f"softplus: beta must be positive and finite, got {beta!r}; the larger it "
                          "is, the closer softplus comes to relu")
    return _log1p_exp(_floats(beta * x)) / beta


def _silu(x: Any, /) -> Any:
    x = _floats(x)
    return np.maximum(x, -_FAR) * _sigmoid_in_rule(x)


def _slope_of_silu(g: Any, out: Any, x: Any) -> Any:
    s = _sigmoid_in_rule(x)
    return g * (s + np.clip(x, -_FAR, _FAR) * s * (1 - s))


def _mish(x: Any, /) -> Any:
    x = _floats(x)
    return np.maximum(x, -_FAR) * np.tanh(_softplus_in_rule(x, beta=1.0))


def _slope_of_mish(g: Any, out: Any, x: Any) -> Any:
    t = np.tanh(_softplus_in_rule(x, beta=1.0))
    return g * (t + np.clip(x, -_FAR, _FAR) * (1 - t * t) * _sigmoid_in_rule(x))


def _softsign(x: Any, /) -> Any:
    x = _floats(x)
    largest = np.finfo(getattr(x, "dtype", _FLOAT)).max
    x = np.clip(x, -largest, largest)  # 1 at inf
    return x / (1 + np.absolute(x))


def _slope_of_softsign(g: Any, out: Any, x: Any) -> Any:
    size = 1 + np.absolute(x)
    return g / (size * size)


def _gelu(x: Any, /, approximate: str = "none") -> Any:
    if approximate == "tanh":
        x = np.maximum(x, -_FAR)
        return 0.5 * x * (1 + np.tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)))
    if approximate != "none":
        raise OptionError(f"gelu: approximate is 'none' or 'tanh', got {approximate!r}")
    return 0.5 * np.maximum(x, -_FAR) * _erfc_in_rule(-SQRT_HALF * x)


def _slope_of_gelu(g: Any, out: Any, x: Any, approximate: str) -> Any:
    near = np.clip(x, -_FAR, _FAR)
    if approximate == "tanh":
        t = np.tanh(SQRT_2_OVER_PI * (near + 0.044715 * near * near * near))
        inner = SQRT_2_OVER_PI * (1 + 0.134145 * near * near)
        return g * (0.5 * (1 + t) + 0.5 * near * (1 - t * t) * inner)
    density = 0.5 * SQRT_2_OVER_PI * np.exp(-0.5 * near * near)
    return g * (0.5 * _erfc_in_rule(-SQRT_HALF * x) + near * density)  # a program has it already


log_sigmoid = primitive(_log_sigmoid, lambda g, out, x: g * _sigmoid_in_rule(-x), **_KINKED)
softplus = primitive(
    _softplus, lambda g, out, x, beta: g * _sigmoid_in_rule(beta * x), **_KINKED)
silu = primitive(_silu, _slope_of_silu, **_KINKED)
mish = primitive(_mish, _slope_of_mish, **_KINKED)
softsign = primitive(_softsign, _slope_of_softsign, **_KINKED)
_softplus_in_rule: Callable[..., Any] = in_rule(softplus)
gelu = primitive(_gelu, _slope_of_gelu, **_KINKED)
log_sigmoid.__doc__ = "log(sigmoid(x)), exact also where sigmoid is 0 or 1."
softplus.__doc__ = "log(1 + exp(beta * x)) / beta; needs no threshold, as it cannot overflow."
silu.__doc__ = "x * sigmoid(x), also called swish."
mish.__doc__ = "x * tanh(softplus(x))."
softsign.__doc__ = "x / (1 + abs(x))."
gelu.__doc__ = """x times the probability that a standard normal is below x.

``approximate="tanh"`` gives the formula x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) instead.

>>> import tinygrad_gd as tg
>>> f"{tg.gelu(tg.Tensor(-1.0)):.6f} {tg.gelu(tg.Tensor(-1.0), approximate='tanh'):.6f}"
'-0.158655 -0.158808'
"""

# -- along an axis -------------------------------------------------------------------------------------


def _softmax(x: Any, /, axis: Any = -1) -> Any:
    if is_half(x):
        return _softmax(x.astype(np.float32), axis).astype(np.float16)
    x = _floats(x)
    e = np.exp(x - extreme(np.maximum, x, axis, keepdims=True)) if x.size else x
    return e / np.add.reduce(e, axis=axis, keepdims=True)


def _slope_of_softmax(g: Any, out: Any, x: Any, axis: Any) -> Any:
    return out * (g - np.add.reduce(g * out, axis=axis, keepdims=True))


def _log_softmax(x: Any, /, axis: Any = -1) -> Any:
    if is_half(x):
        return _log_softmax(x.astype(np.float32), axis).astype(np.float16)
    x = _floats(x)
    if not x.size:
        return x - np.add.reduce(x, axis=axis, keepdims=True)
    shifted = x - extreme(np.maximum, x, axis, keepdims=True)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


def _slope_of_log_softmax(g: Any, out: Any, x: Any, axis: Any) -> Any:
    return g - np.exp(out) * np.add.reduce(g, axis=axis, keepdims=True)


softmax = primitive(_softmax, _slope_of_softmax, analytic=False, kind="act")
log_softmax = primitive(_log_softmax, _slope_of_log_softmax, analytic=False, kind="act")
softmax.__doc__ = """exp(x) / sum(exp(x)) along ``axis``: positive numbers that sum to 1.

>>> import tinygrad_gd as tg
>>> tg.softmax(tg.Tensor([0.0, 1e4, 1e4])).tolist()
[0.0, 0.5, 0.5]
"""
log_softmax.__doc__ = "log(softmax(x)) along ``axis``, exact also where softmax is 0."


@implements()
def glu(x: Any, axis: int = -1) -> Tensor:
    """The first half of ``x`` along ``axis``, times the sigmoid of the second."""
    x = as_tensor("glu", x)
    if not -x.ndim <= axis < x.ndim or x.shape[axis] % 2:
        raise ShapeError(f"glu: expected an even length along axis {axis}, got {describe(x)}")
    half, before = x.shape[axis] // 2, (slice(None),) * (axis % x.ndim)
    return getitem(x, (*before, slice(half))) * sigmoid(getitem(x, (*before, slice(half, None))))
