"""Derivatives of what a function without arguments computes of Tensors that it closes over.

The loss is recorded once. Its gradient, Hessian and Jacobian are reverse passes over that graph, so
the function is neither transformed nor run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.cotangents import cotangents_of
from ..engine.tensor import Tensor, constant
from ..errors import DTypeError, GradError, OptionError, describe
from ..ground.modes import using
from ..ground.pytree import flatten
from .recording import pull, variable

Array = np.ndarray[Any, Any]


class Curvature:
    """A recorded loss of one number at the present parameters, all of which are one vector.

    Attributes
    ----------
    gradient : the first derivatives, float64.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> bend = Curvature("example", (w**3).sum(), [w])
    >>> bend.gradient.tolist(), bend.product([1.0, 0.5]).tolist(), bend.matrix().tolist()
    ([3.0, 12.0], [6.0, 6.0], [[6.0, 0.0], [0.0, 12.0]])
    """

    def __init__(self, what: str, loss: Tensor, params: Sequence[Tensor]) -> None:
        self.params = params
        with using(grad=True):
            found = cotangents_of([loss], [np.ones(loss.shape, loss.dtype)[()]], True, params)
        for i, p in enumerate(params):
            if p not in found:
                raise GradError(f"{what}: the loss does not depend on {describe(p, i)}; leave it out")
        self.slopes = [found[p] for p in params]
        self.gradient = flat(self.slopes)

    def product(self, vector: Any) -> Array:
        """The Hessian times a vector, by one reverse pass over the gradient."""
        return flat(pull(self.slopes, parts(self.params, vector), self.params, 0, False))

    def matrix(self) -> Array:
        """The Hessian, by one reverse pass for each of its rows."""
        return np.array([self.product(row) for row in np.eye(self.gradient.size)])


def jacobian_matrix(out: Tensor, params: Sequence[Tensor]) -> Array:
    """All first derivatives of a recorded array: a row per element of ``out``, in fewer passes.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> jacobian_matrix(w * w, [w]).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    columns = sum(p.size for p in params)
    if out.size <= columns:
        return np.array([flat(pull([out], parts([out], row), params, 0, False))
                         for row in np.eye(out.size)]).reshape(out.size, columns)
    # as in `jvp`: the reverse pass is linear in its seed, and backwards gives the Jacobian's columns
    seed = variable(constant(np.ones(out.shape, out.dtype)))
    rows = pull([out], [seed], params, 0, True)
    passes = [flat(pull(rows, parts(params, column), [seed], 0, False)) for column in np.eye(columns)]
    return np.transpose(passes)


def nested(what: str, params: Any) -> Any:
    """Parameters as containers: what an iterator gives as a list, all else as it is."""
    if hasattr(params, "parameters"):
        raise DTypeError(f"{what}: expected parameters, got {describe(params)}; write .parameters()")
    return list(params) if hasattr(params, "__next__") else params


def variables(what: str, params: Any) -> list[Tensor]:
    """The Tensors of an iterator or of nested containers, all of which can be derived by."""
    leaves = flatten(nested(what, params))
    if not leaves:
        raise OptionError(f"{what}: expected at least one parameter")
    for i, p in enumerate(leaves):
        if not isinstance(p, Tensor) or not p.is_leaf or not p.requires_grad or not p.size:
            raise DTypeError(f"{what}: expected Tensors that you made with requires_grad=True, got "
                             f"{describe(p, i)}; give [w, b] or model.parameters()")
    return list(dict.fromkeys(leaves))


def flat(tensors: Sequence[Tensor]) -> Array:
    """All values as one vector of float64."""
    return np.concatenate([np.zeros(0), *(np.ravel(t.detach().numpy()) for t in tensors)])


def parts(tensors: Sequence[Tensor], vector: Any) -> list[Any]:
    """A vector as values of the shapes and dtypes of ``tensors``."""
    ends = np.cumsum([t.size for t in tensors])
    cut = np.split(np.asarray(vector), ends[:-1])
    return [piece.astype(t.dtype).reshape(t.shape)[()] for t, piece in zip(tensors, cut, strict=True)]
