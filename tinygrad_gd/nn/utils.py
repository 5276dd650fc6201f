"""What PyTorch has in ``nn.utils``: all parameters as one vector; gradients are clipped in `optim`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..engine.tensor import Tensor
from ..errors import ShapeError, describe
from ..ground.elsewhere import answering_for
from ..ground.modes import no_grad
from ..ops.shape import concatenate, reshape
from ..ops.signatures import as_tensor
from ..optim.clipping import (
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)

__all__ = [
    "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm",
    "parameters_to_vector", "vector_to_parameters",
]  # fmt: skip

if not TYPE_CHECKING:
    __getattr__ = answering_for(__name__)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters in one vector, through which gradients go.

    >>> import tinygrad_gd as tg
    >>> net = tg.nn.Linear(2, 3)
    >>> tg.nn.utils.parameters_to_vector(net.parameters()).shape
    (9,)
    """
    return concatenate([reshape(as_tensor("parameters_to_vector", p), -1) for p in parameters])


def vector_to_parameters(vec: Any, parameters: Iterable[Tensor]) -> None:
    """Write the elements of a vector into the parameters, one after the other.

    >>> import numpy as np, tinygrad_gd as tg
    >>> net = tg.nn.Linear(2, 1)
    >>> tg.nn.utils.vector_to_parameters(np.arange(3.0), net.parameters())
    >>> net.weight.tolist(), net.bias.tolist()
    ([[0.0, 1.0]], [2.0])
    """
    values, held = as_tensor("vector_to_parameters", vec), list(parameters)
    size = sum(p.size for p in held)
    if values.shape != (size,):
        raise ShapeError(f"vector_to_parameters: expected a vector of {size} elements, as many as the "
                         f"parameters have, got {describe(values)}")
    start = 0
    with no_grad():
        for p in held:
            p.assign(reshape(values[start : start + p.size], p.shape))
            start += p.size
