"""`gradcheck`: are the gradients that `backward` gives those of the function?

The oracle uses values only: complex step (exact to rounding) where every primitive involved is
analytic, central differences elsewhere. Nothing is compared with an absolute tolerance, so a
gradient of 0 never passes for a small true one, and NaN equals nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import TinygradGdError, describe
from .modes import current_mode, no_grad, using
from .observer import Observer
from .tensor import Tensor


class GradCheckError(TinygradGdError, AssertionError):
    """A gradient differs from what the values of the function say."""


class _Analytic(Observer):
    """An observer that finds out whether complex step may be used."""

    def __init__(self) -> None:
        self.everything = True

    def forward(self, out: Tensor, primitive: Any, inputs: Any, params: Any) -> None:
        self.everything &= primitive.analytic and primitive.differentiable

    def read(self, tensor: Tensor, how: str) -> None:
        self.everything = False

    def write(self, target: Any, primitive: Any, inputs: Any) -> None:
        self.everything = False

    def starts_backward(self, root: Any, seed: Any) -> None:
        self.everything = False  # a derivative taken inside f is one of real numbers


def gradcheck(
    f: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    order: int = 1,
    rtol: float | None = None,
    seed: int = 0,
    raise_exception: bool = True,
) -> bool:
    """Compare the gradients of ``f`` with what its values say, for every entry of every input.

    Parameters
    ----------
    f : takes Tensors, returns one Tensor of any shape.
    inputs : floating arrays or Tensors; checked in float64.
    order : 2 also checks the gradient of a random projection of the gradient.
    rtol : error allowed relative to the largest entry; by default 1e-10 for complex step and 1e-6
        for central differences.
    raise_exception : False returns False instead of raising `GradCheckError`.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.gradcheck(lambda x: (x * np.exp(x)).sum(), [np.array([0.5, -1.0])], order=2)
    True
    """
    values = [np.array(getattr(x, "_data", x), dtype=np.float64) for x in inputs]
    names = [getattr(x, "name", None) or f"input {i}" for i, x in enumerate(inputs)]
    rng = np.random.default_rng(seed)
    try:
        _compare(f, values, names, rtol, rng)
        if order == 2:
            _compare(_projected_gradient(f, values, rng), values, names, rtol, rng, complexity=False)
    except GradCheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(f: Callable[..., Any], inputs: Sequence[Any], **options: Any) -> bool:
    """`gradcheck` of first and second order."""
    return gradcheck(f, inputs, **{**options, "order": 2})


def _projected_gradient(f: Callable[..., Any], values: list[Any], rng: Any) -> Callable[..., Any]:
    """x -> <direction, gradient of f at x>, itself differentiable."""
    out = f(*map(Tensor, values))
    weights = rng.uniform(0.5, 1.5, out.shape)
    directions = [rng.uniform(0.5, 1.5, v.shape) for v in values]

    def projected(*xs: Tensor) -> Tensor:
        fresh = [x if x.requires_grad else x.detach().requires_grad_() for x in xs]
        with using(grad=True):
            result = f(*fresh)
            kept = [x.grad for x in fresh]
            for x in fresh:
                x.zero_grad()
            result.backward(weights, create_graph=True)
            parts = [(d * x.grad).sum() for d, x in zip(directions, fresh, strict=True)
                     if x.grad is not None]
        for x, grad in zip(fresh, kept, strict=True):
            x.grad = grad
        total: Tensor = sum(parts[1:], parts[0])
        return total

    return projected


def _compare(f: Any, values: list[Any], names: list[str], rtol: float | None, rng: Any,
             complexity: bool = True) -> None:
    leaves = [Tensor(v, requires_grad=True, name=n) for v, n in zip(values, names, strict=True)]
    watch = _Analytic()
    with using(observer=watch) if current_mode().observer is None else using():
        out = f(*leaves)
    if not isinstance(out, Tensor) or out.dtype.kind != "f":
        raise GradCheckError(f"gradcheck: expected f to return a floating Tensor, got {describe(out)}")
    weights = rng.uniform(0.5, 1.5, out.shape)
    if out.requires_grad:
        out.backward(weights)
    analytic = complexity and watch.everything
    tolerance = rtol or (1e-10 if analytic else 1e-6)
    for i, leaf in enumerate(leaves):
        actual = np.zeros(leaf.shape) if leaf.grad is None else np.asarray(leaf.grad)
        expected = _oracle(f, values, i, weights, analytic)
        _judge(actual, expected, tolerance, names[i])


def _oracle(f: Any, values: list[Any], position: int, weights: Any, analytic: bool) -> Any:
    gradient = np.zeros(values[position].shape)

    def moved(index: Any, step: complex) -> Any:
        arrays = [v.astype(complex) if analytic else v.copy() for v in values]
        arrays[position][index] += step
        with no_grad():
            return np.asarray(f(*map(_raw, arrays)))

    for index in np.ndindex(gradient.shape):
        if analytic:
            gradient[index] = np.sum(weights * moved(index, 1e-100j).imag) / 1e-100
        else:
            h = 1e-5 * max(1.0, abs(values[position][index]))
            rise = np.sum(weights * (moved(index, h) - moved(index, -h)))
            gradient[index] = rise / (2 * h)
    return gradient


def _raw(array: Any) -> Tensor:
    """A constant Tensor; complex values are allowed here only."""
    tensor = Tensor(0.0)
    tensor._data = array[()]
    return tensor


def _judge(actual: Any, expected: Any, tolerance: float, name: str) -> None:
    if not actual.size:
        return
    error = np.abs(actual - expected)
    scale = np.max(np.abs(expected))
    if np.all(error <= tolerance * scale):  # False for NaN, too
        return
    worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
    index = tuple(int(i) for i in worst)
    raise GradCheckError(
        f"gradcheck: gradient of {name} is wrong at index {index}: backward gives "
        f"{actual[index]:.10g}, the values say {expected[index]:.10g} (allowed: {tolerance:g} of "
        f"the largest entry, {scale:.4g}); check the rule of the operations applied to {name}")
