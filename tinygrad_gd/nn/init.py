"""Initialisers: first values for weights, written in place and drawn from the seeded generator.

``fan_in`` is the number of inputs of one unit, ``fan_out`` the number of units; a weight has the
shape ``(out, in)`` or ``(out, in, *window)``. The names and formulas are PyTorch's.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, ShapeError, describe
from ..ground.checks import check_integer, check_number
from ..ground.elsewhere import answering_for
from ..ground.modes import no_grad
from ..ground.rng import generator

if not TYPE_CHECKING:
    __getattr__ = answering_for(__name__)

_GAINS = {
    "linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4,
    **{f"conv{kind}{n}d": 1.0 for kind in ("", "_transpose") for n in (1, 2, 3)},
}  # fmt: skip


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """How much larger weights must be to keep the variance behind ``nonlinearity``.

    >>> round(calculate_gain("relu"), 4)
    1.4142
    """
    if isinstance(nonlinearity, str) and nonlinearity == "leaky_relu":
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


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0
) -> Tensor:
    """Fill from N(mean, std^2), of which only values from ``a`` to ``b`` are taken.

    The bounds are values, and not numbers of standard deviations.

    >>> import numpy as np, tinygrad_gd as tg
    >>> w = tg.nn.init.trunc_normal_(tg.nn.Parameter(np.empty((4, 4))), std=0.02, a=-0.04, b=0.04)
    >>> bool(abs(w.numpy()).max() <= 0.04)
    True
    """
    _check_numbers("trunc_normal_", mean=mean, std=std, a=a, b=b)
    if not (0 < std < math.inf and math.isfinite(mean)):
        raise OptionError(f"trunc_normal_: expected a finite mean and std > 0, got mean={mean!r} and "
                          f"std={std!r}")
    if not (a <= b and a < math.inf and b > -math.inf):
        raise OptionError(f"trunc_normal_: expected bounds a <= b, got a={a!r} and b={b!r}")
    drawn = _normal_between((a - mean) / std, (b - mean) / std, math.prod(_shape(tensor)))
    return _fill(tensor, np.clip(mean + std * drawn, a, b).reshape(tensor.shape))


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity: ones on the diagonal, zeros elsewhere.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.nn.init.eye_(tg.nn.Parameter(np.empty((2, 3)))).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    _check_axes("eye_", tensor, 2)
    return _fill(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill the weight of a convolution such that channels go through it as they are.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.nn.init.dirac_(tg.nn.Parameter(np.empty((2, 2, 3)))).tolist()
    [[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    """
    _check_axes("dirac_", tensor, 3, 4, 5)
    groups = check_integer("dirac_: groups", groups, 1)
    out, inputs, *window = tensor.shape
    if out % groups:
        raise OptionError(f"dirac_: groups={groups} does not divide the first axis of "
                          f"{describe(tensor)}")
    values = np.zeros(tensor.shape)
    middle = tuple(n // 2 for n in window)
    for channel in range(out):
        if (place := channel % (out // groups)) < inputs:
            values[channel, place][middle] = 1
    return _fill(tensor, values)


def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Fill such that rows are orthogonal and of length ``gain``; of a tall weight the columns are.

    Axes behind the first count as one (Saxe et al., 2013, https://arxiv.org/abs/1312.6120).

    >>> import numpy as np, tinygrad_gd as tg
    >>> w = tg.nn.init.orthogonal_(tg.nn.Parameter(np.empty((2, 3)))).numpy()
    >>> np.allclose(w @ w.T, np.eye(2))
    True
    """
    _check_numbers("orthogonal_", gain=gain)
    fans(tensor)  # refuses what has less than two axes, or no elements
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    drawn = generator().normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q = q * np.sign(np.diag(r))  # all such matrices are equally likely
    return _fill(tensor, gain * (q.T if rows < columns else q).reshape(tensor.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01) -> Tensor:
    """Fill a matrix from N(0, std^2), and set a share of each column to 0 (Martens, 2010).

    >>> import numpy as np, tinygrad_gd as tg
    >>> w = tg.nn.init.sparse_(tg.nn.Parameter(np.empty((10, 3))), sparsity=0.4)
    >>> (w.numpy() == 0).sum(axis=0).tolist()
    [4, 4, 4]
    """
    share = check_number("sparse_: sparsity", sparsity, 0, 1)
    _check_axes("sparse_", tensor, 2)
    values = normal_(tensor, 0.0, std).numpy().copy()
    for column in range(tensor.shape[1]):
        rows = generator().permutation(len(values))
        values[rows[: math.ceil(share * len(values))], column] = 0
    return _fill(tensor, values)


def _normal_between(low: float, high: float, size: int) -> np.ndarray[Any, Any]:
    """Draws from N(0, 1) between two bounds: even ones, each kept with its density's probability."""
    top = min(max(low, 0.0), high)  # where the density is highest
    reach = 72 / (math.sqrt(top**2 + 72) + abs(top))  # beyond, it is below e^-36 of that
    low, high = max(low, top - reach), min(high, top + reach)
    kept = np.empty(0)
    while len(kept) < size:
        x = generator().uniform(low, high, 4 * (size - len(kept)))
        likely = np.exp((top - x) * (top + x) / 2)
        kept = np.concatenate([kept, x[generator().uniform(size=len(x)) < likely]])
    return kept[:size]


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise OptionError(f"kaiming: mode is 'fan_in' or 'fan_out', got {mode!r}")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _symmetric(tensor: Tensor, bound: float) -> Tensor:
    return uniform_(tensor, -bound, bound)


def _check_axes(name: str, tensor: Tensor, *counts: int) -> None:
    if len(_shape(tensor)) not in counts:
        raise ShapeError(f"{name}: expected a weight of {', '.join(map(str, counts))} axes, got "
                         f"{describe(tensor)}")


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
