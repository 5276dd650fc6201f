"""`Linear`, and `Identity`, which does nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.operands import operand
from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, TinygradGdError, describe
from ..ground.checks import check_integer, check_switch
from ..ground.explain import answering
from ..ground.modes import get_default_dtype
from ..ops.neural.linear import linear
from . import init
from .losses import shape_of
from .module import Module
from .parameter import Parameter


class Linear(Module):
    """``y = x @ weight.T + bias``, the weight of shape (out_features, in_features).

    >>> import tinygrad_gd as tg
    >>> layer = tg.nn.Linear(3, 2); layer(tg.Tensor([[1.0, 2.0, 3.0]])).shape
    (1, 2)
    """

    @answering
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        for option, value in (("in_features", in_features), ("out_features", out_features)):
            check_integer(f"Linear: {option}", value, 1, wrong_type=OptionError)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(np.empty((out_features, in_features), get_default_dtype()))
        self.bias = None
        if check_switch("Linear: bias", bias):
            self.bias = Parameter(np.empty(out_features, get_default_dtype()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw first values again, as when the layer was made."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Any) -> Tensor:
        """The affine map of the last axis of ``x``, of length in_features."""
        try:
            if self.bias is None:
                return linear(x, self.weight)
            return apply(linear, (x, self.weight, self.bias))
        except TinygradGdError as error:
            if shape_of(operand("Linear", x))[-1:] == (self.in_features,):
                raise
            raise ShapeError(f"Linear: expected the last axis to have {self.in_features} features, "
                             f"got {describe(x)}") from error

    def extra_repr(self) -> str:
        """The sizes."""
        return (f"in_features={self.in_features}, out_features={self.out_features}, "
                f"bias={self.bias is not None}")


class Identity(Module):
    """What comes in goes out; takes any arguments and ignores them.

    >>> import tinygrad_gd as tg
    >>> tg.nn.Identity(54, unused=True)(3.0)
    3.0
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, x: Any) -> Any:
        """``x`` itself."""
        return x
