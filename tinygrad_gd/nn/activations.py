"""Activations as modules: the functions of `ops.neural.activations` with fixed options, and a few more.

There is no ``inplace=``: every result is a new Tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.checks import check_integer, check_number, check_switch
from ..ground.explain import answering
from ..ground.registry import explaining
from ..ops.elementwise import log, tanh, where
from ..ops.neural import activations as act
from ..ops.random import uniform
from ..ops.signatures import as_tensor
from ..ops.ufuncs import clip
from . import functional
from .init import constant_
from .module import Module
from .options import FixedOptions
from .parameter import Parameter

# -- functions that are made of others ---------------------------------------------------------------


@explaining
def softmin(x: Any, axis: Any = None) -> Tensor:
    """``softmax(-x)``: the smaller a number, the larger its share."""
    return functional.softmax(-as_tensor("softmin", x), axis)


@explaining
def tanhshrink(x: Any) -> Tensor:
    """``x - tanh(x)``."""
    x = as_tensor("tanhshrink", x)
    shrunk: Tensor = x - apply(tanh, (x,))
    return shrunk


def _bound(name: str, lambd: Any) -> Any:
    if not isinstance(lambd, int | float | np.number) or not lambd >= 0:
        raise OptionError(f"{name}: lambd is a number of at least 0, got {lambd!r}; numbers between "
                          "-lambd and lambd become 0")
    return lambd


@explaining
def softshrink(x: Any, lambd: float = 0.5) -> Tensor:
    """``x`` moved towards 0 by ``lambd``, and 0 between -lambd and lambd."""
    x, lambd = as_tensor("softshrink", x), _bound("softshrink", lambd)
    shrunk: Tensor = x - clip(x, -lambd, lambd)
    return shrunk


@explaining
def hardshrink(x: Any, lambd: float = 0.5) -> Tensor:
    """``x``, and 0 between -lambd and lambd.

    >>> import tinygrad_gd as tg
    >>> tg.nn.functional.hardshrink(tg.Tensor([-0.7, 0.2, 0.9])).tolist()
    [-0.7, 0.0, 0.9]
    """
    x, lambd = as_tensor("hardshrink", x), _bound("hardshrink", lambd)
    return apply(where, ((x >= -lambd) & (x <= lambd), 0, x))


@explaining
def threshold(x: Any, threshold: float, value: float) -> Tensor:
    """``x`` where it is larger than ``threshold``, ``value`` elsewhere."""
    x = as_tensor("threshold", x)
    return apply(where, (x <= threshold, value, x))


@explaining
def gumbel_softmax(logits: Any, tau: float = 1.0, hard: bool = False, *, axis: int = -1) -> Tensor:
    """`softmax` of ``(logits + noise) / tau``: a choice at random through which gradients go.

    With ``hard`` the largest becomes 1 and all others 0, each with the probability ``softmax(logits)``;
    the gradient is that of the shares (Jang et al., 2017, https://arxiv.org/abs/1611.01144).

    >>> import tinygrad_gd as tg
    >>> tg.manual_seed(0)
    >>> tg.nn.functional.gumbel_softmax(tg.Tensor([0.0, 9.0, 0.0]), hard=True).tolist()
    [0.0, 1.0, 0.0]
    """
    x = as_tensor("gumbel_softmax", logits)
    check_number("gumbel_softmax: tau", tau, 0)
    drawn = uniform(np.finfo(x.dtype).tiny, 1.0, size=x.shape, dtype=x.dtype)
    shares = functional.softmax((x - apply(log, (-apply(log, (drawn,)),))) / tau, axis)
    if not check_switch("gumbel_softmax: hard", hard):
        return shares
    chosen: Tensor = (shares == shares.max(axis=axis, keepdims=True)).astype(x.dtype)
    return chosen - shares.detach() + shares


# -- modules -----------------------------------------------------------------------------------------


class Activation(FixedOptions):
    """A function of one Tensor, with the options as attributes."""

    function: ClassVar[Callable[..., Any]]

    @answering
    def __init__(self) -> None:
        super().__init__()

    def forward(self, x: Any) -> Tensor:
        """The function of ``x``."""
        out: Tensor = self.function(x, **self._options)
        return out


class ReLU(Activation):
    """max(x, 0)."""

    def forward(self, x: Any) -> Tensor:
        """Apply elementwise."""
        return apply(act.relu, (x,))


class Tanh(Activation):
    """The hyperbolic tangent."""

    def forward(self, x: Any) -> Tensor:
        """Apply elementwise."""
        return apply(tanh, (x,))


class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    def forward(self, x: Any) -> Tensor:
        """Apply elementwise."""
        return apply(act.sigmoid, (x,))


class ReLU6(Activation):
    """min(max(x, 0), 6)."""

    function = act.relu6


class SELU(Activation):
    """1.0507 * elu(x, 1.6733): keeps mean 0 and variance 1 from layer to layer (Klambauer, 2017)."""

    function = act.selu


class SiLU(Activation):
    """x * sigmoid(x), also called swish."""

    function = act.silu


class Mish(Activation):
    """x * tanh(softplus(x)) (Misra, 2019)."""

    function = act.mish


class Hardswish(Activation):
    """x * hardsigmoid(x) (Howard, 2019)."""

    function = act.hardswish


class Hardsigmoid(Activation):
    """x / 6 + 1/2 between 0 and 1, and these beyond."""

    function = act.hardsigmoid


class Softsign(Activation):
    """x / (1 + abs(x))."""

    function = act.softsign


class LogSigmoid(Activation):
    """log(sigmoid(x)), exact also where sigmoid is 0 or 1."""

    function = act.log_sigmoid


class Tanhshrink(Activation):
    """x - tanh(x)."""

    function = staticmethod(tanhshrink)


class LeakyReLU(Activation):
    """x where x > 0, negative_slope * x elsewhere.

    >>> import tinygrad_gd as tg
    >>> tg.nn.LeakyReLU(0.1)([-1.0, 2.0]).tolist()
    [-0.1, 2.0]
    """

    function = act.leaky_relu

    @answering
    def __init__(self, negative_slope: float = 0.01) -> None:
        FixedOptions.__init__(self, negative_slope=negative_slope)


class ELU(Activation):
    """x where x > 0, alpha * (exp(x) - 1) elsewhere (Clevert, 2015)."""

    function = act.elu

    @answering
    def __init__(self, alpha: float = 1.0) -> None:
        FixedOptions.__init__(self, alpha=alpha)


class CELU(Activation):
    """x where x > 0, alpha * (exp(x / alpha) - 1) elsewhere (Barron, 2017)."""

    function = act.celu

    @answering
    def __init__(self, alpha: float = 1.0) -> None:
        FixedOptions.__init__(self, alpha=alpha)


class GELU(Activation):
    """x times the probability that a standard normal is below x; ``approximate`` is none or tanh."""

    function = act.gelu

    @answering
    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise OptionError(f"GELU: approximate is 'none' or 'tanh', got {approximate!r}")
        FixedOptions.__init__(self, approximate=approximate)


class Softplus(Activation):
    """log(1 + exp(beta * x)) / beta; needs no threshold, as it cannot overflow."""

    function = act.softplus

    @answering
    def __init__(self, beta: float = 1.0) -> None:
        FixedOptions.__init__(self, beta=beta)


class Hardtanh(Activation):
    """x between min_val and max_val, and these beyond."""

    function = act.hardtanh

    @answering
    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        if not min_val < max_val:
            raise OptionError(f"Hardtanh: expected min_val < max_val, got {min_val!r} and {max_val!r}; "
                              "swap them")
        FixedOptions.__init__(self, min_val=min_val, max_val=max_val)


class Threshold(Activation):
    """x where it is larger than ``threshold``, ``value`` elsewhere."""

    function = staticmethod(threshold)

    @answering
    def __init__(self, threshold: float, value: float) -> None:
        FixedOptions.__init__(self, threshold=threshold, value=value)


class Softshrink(Activation):
    """x moved towards 0 by ``lambd``, and 0 between -lambd and lambd."""

    function = staticmethod(softshrink)

    @answering
    def __init__(self, lambd: float = 0.5) -> None:
        FixedOptions.__init__(self, lambd=_bound("Softshrink", lambd))

    def extra_repr(self) -> str:
        """The bound."""
        return str(self.lambd)

    lambd: float


class Hardshrink(Activation):
    """x, and 0 between -lambd and lambd."""

    function = staticmethod(hardshrink)

    @answering
    def __init__(self, lambd: float = 0.5) -> None:
        FixedOptions.__init__(self, lambd=_bound("Hardshrink", lambd))

    def extra_repr(self) -> str:
        """The bound."""
        return str(self.lambd)

    lambd: float


class _AlongAxis(Activation):
    @answering
    def __init__(self, axis: int | None = None) -> None:
        if axis is not None:
            check_integer(f"{type(self).__name__}: axis", axis)
        FixedOptions.__init__(self, axis=axis)


class Softmax(_AlongAxis):
    """exp(x) / sum(exp(x)) along ``axis``: positive numbers that sum to 1.

    >>> import tinygrad_gd as tg
    >>> tg.nn.Softmax(axis=1)([[0.0, 0.0]]).tolist()
    [[0.5, 0.5]]
    """

    function = staticmethod(functional.softmax)


class LogSoftmax(_AlongAxis):
    """log(softmax(x)) along ``axis``, exact also where softmax is 0."""

    function = staticmethod(functional.log_softmax)


class Softmin(_AlongAxis):
    """softmax(-x) along ``axis``."""

    function = staticmethod(softmin)


class Softmax2d(Activation):
    """`Softmax` over the channels of images (n, channels, height, width)."""

    def forward(self, x: Any) -> Tensor:
        """For each place, shares of the channels."""
        x = as_tensor("Softmax2d", x)
        if x.ndim not in (3, 4):
            raise ShapeError("Softmax2d: expected images (n, channels, height, width) or (channels, "
                             f"height, width), got {describe(x)}")
        return apply(act.softmax, (x,), {"axis": -3})


class GLU(Activation):
    """The first half of x along ``axis``, times the sigmoid of the second."""

    function = staticmethod(act.glu)

    @answering
    def __init__(self, axis: int = -1) -> None:
        FixedOptions.__init__(self, axis=check_integer("GLU: axis", axis))


class PReLU(Module):
    """x where x > 0, weight * x elsewhere; one learned weight, or one for each channel (He, 2015)."""

    @answering
    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        self.num_parameters = check_integer("PReLU: num_parameters", num_parameters, 1,
                                            wrong_type=OptionError)
        self.init = float(init)
        self.weight = Parameter([self.init] * num_parameters)

    def reset_parameters(self) -> None:
        """Make all weights what they were first."""
        constant_(self.weight, self.init)

    def forward(self, x: Any) -> Tensor:
        """Apply elementwise."""
        return functional.prelu(x, self.weight)

    def extra_repr(self) -> str:
        """How many weights."""
        return f"num_parameters={self.num_parameters}"
