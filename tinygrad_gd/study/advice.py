"""The largest stable learning rate, from the loss's own second derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..engine.cotangents import cotangents_of
from ..engine.tensor import Tensor
from ..errors import DTypeError, GradError, OptionError, describe
from ..ground.modes import using
from ..transforms.derivatives import basis
from ..transforms.recording import pull


class Advice(NamedTuple):
    """What the curvature at the present parameters says about the learning rate.

    Attributes
    ----------
    eigenvalues : of the Hessian, ascending.
    limit : 2 / largest eigenvalue; gradient descent on this quadratic diverges above it.
    lr : the rate that shrinks the slowest and the fastest direction equally, 2 / (min + max).
    """

    eigenvalues: np.ndarray[Any, Any]
    limit: float
    lr: float

    def __str__(self) -> str:
        values = ", ".join(f"{v:.4f}" for v in self.eigenvalues)
        return (f"eigenvalues of the Hessian: {values}; lr must stay below "
                f"2/{self.eigenvalues[-1]:.4f} = {self.limit:.4f}; advised lr = {self.lr:.4f}")


def hessian_matrix(loss: Tensor, params: Sequence[Tensor]) -> np.ndarray[Any, Any]:
    """All second derivatives of a scalar ``loss``, one reverse pass per parameter entry."""
    with using(grad=True):
        found = cotangents_of([loss], [np.ones(loss.shape, loss.dtype)[()]], True, params)
    for i, p in enumerate(params):
        if p not in found:
            raise GradError(f"advise: the loss does not depend on {describe(p, i)}; leave it out")
    rows = []
    for p in params:
        for entry in basis(p):
            row = pull([found[p]], [entry], params, 0, False)
            rows.append(np.concatenate([block.numpy().ravel() for block in row]))
    return np.array(rows)


def advise(loss: Callable[[], Tensor], params: Sequence[Tensor]) -> Advice:
    """Measure the curvature of ``loss()`` and say which learning rates are stable.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = np.array([1., 2, 3, 4, 5]); y = 2 * x + 1
    >>> w, b = (tg.Tensor(0.0, requires_grad=True) for _ in "wb")
    >>> print(advise(lambda: ((w * x + b - y) ** 2).mean(), [w, b]))
    eigenvalues of the Hessian: 0.3381, 23.6619; lr must stay below 2/23.6619 = 0.0845;
    advised lr = 0.0833
    """
    params = list(params)
    if not params:
        raise OptionError("advise: expected at least one parameter")
    if not callable(loss):
        raise DTypeError(f"advise: expected a function that computes the loss, got {describe(loss)}; "
                         "write advise(lambda: ..., params)")
    value = loss()
    if not isinstance(value, Tensor) or value.size != 1:
        raise GradError(f"advise: expected loss() to return one number, got {describe(value)}")
    values = np.linalg.eigvalsh(hessian_matrix(value, params))
    largest = float(values[-1])
    if largest <= 0:
        raise GradError(f"advise: the loss has no upward curvature here (largest eigenvalue "
                        f"{largest:.4g}), so no learning rate follows from it")
    smallest = float(max(values[0], 0.0))
    return Advice(values, 2 / largest, 2 / (smallest + largest))
