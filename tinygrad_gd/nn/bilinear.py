"""`Bilinear`: a layer that multiplies two inputs, and its function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.checks import check_integer, check_switch
from ..ground.explain import answering
from ..ground.modes import get_default_dtype
from ..ground.registry import explaining
from ..ops.linalg.einsum import einsum
from ..ops.signatures import as_tensor
from . import init
from .module import Module
from .parameter import Parameter


@explaining
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    """``out[..., o] = sum over i, j of input1[..., i] weight[o, i, j] input2[..., j] + bias[o]``."""
    x1, x2, w = (as_tensor("bilinear", x) for x in (input1, input2, weight))
    if w.ndim != 3 or x1.shape[:-1] != x2.shape[:-1] or (x1.shape[-1:] + x2.shape[-1:] != w.shape[1:]):
        raise ShapeError(f"bilinear: expected inputs (..., in1) and (..., in2) and a weight (out, in1, "
                         f"in2), got {describe(x1)}, {describe(x2)} and {describe(w)}; all axes but "
                         "the last must be the same")
    out: Tensor = einsum("...i,oij,...j->...o", x1, w, x2, optimize=True)
    return out if bias is None else out + bias


class Bilinear(Module):
    """``y[o] = x1 @ weight[o] @ x2 + bias[o]``, the weight of shape (out, in1, in2).

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.nn.Bilinear(3, 2, 4)(np.ones((5, 3)), np.ones((5, 2))).shape
    (5, 4)
    """

    @answering
    def __init__(self, in1_features: int, in2_features: int, out_features: int,
                 bias: bool = True) -> None:
        sizes = {"in1_features": in1_features, "in2_features": in2_features,
                 "out_features": out_features}
        for option, value in sizes.items():
            check_integer(f"Bilinear: {option}", value, 1, wrong_type=OptionError)
            setattr(self, option, value)
        shape = (out_features, in1_features, in2_features)
        self.weight = Parameter(np.empty(shape, get_default_dtype()))
        self.bias = None
        if check_switch("Bilinear: bias", bias):
            self.bias = Parameter(np.empty(out_features, get_default_dtype()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw first values again, as when the layer was made."""
        bound = 1 / math.sqrt(self.weight.shape[1])
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def forward(self, x1: Any, x2: Any) -> Tensor:
        """The bilinear map of the last axes, of lengths in1_features and in2_features."""
        return bilinear(x1, x2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        out, in1, in2 = self.weight.shape
        return (f"in1_features={in1}, in2_features={in2}, out_features={out}, "
                f"bias={self.bias is not None}")
