"""`gradcheck`: are the gradients that `backward` gives those of the function?

The oracle uses values only: complex step (exact to rounding) where the function is analytic and takes
complex numbers, central differences elsewhere. Nothing is compared with an absolute tolerance, so a
gradient of 0 never passes for a small true one, and NaN equals nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, ShapeError, TinygradGdError, describe
from ..ground.checks import check_switch
from ..ground.explain import answering
from ..ground.modes import current_mode, no_grad, using
from ..ground.observer import Observer
from ..ground.rng import seeded
from ..ground.storage import NUMERIC_KINDS, plain


class GradCheckError(TinygradGdError, AssertionError):
    """A gradient differs from what the values of the function say."""


@answering
def gradcheck(
    f: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    order: int = 1,
    rtol: float | None = None,
    seed: int = 0,
    raise_exception: bool = True,
) -> bool:
    """Compare the gradients of ``f`` with what its values say.

    Every entry of every input is checked for one positive projection of the result, and the whole
    Jacobian once more between a random direction of the inputs and one of the result.

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
    if order not in (1, 2) or type(order) is not int:
        raise OptionError(f"gradcheck: order must be 1 or 2, got {order!r}")
    if not callable(f):
        raise DTypeError(f"gradcheck: expected a function of Tensors, got {describe(f)}; for a loss "
                         "write lambda x: ...")
    if rtol is not None and not (isinstance(rtol, int | float) and 0 <= rtol < np.inf):
        raise OptionError(f"gradcheck: rtol is None or a finite number >= 0, got {rtol!r}")
    raise_exception = check_switch("gradcheck: raise_exception", raise_exception)
    values = _values_of(inputs)
    names = [getattr(x, "name", None) or f"input {i}" for i, x in enumerate(inputs)]
    rng = seeded("gradcheck", seed)
    try:
        _compare(f, values, names, rtol, rng)
        if order == 2:
            _compare(_projected_gradient(f, values, rng), values, names, rtol, rng, "second derivative")
    except GradCheckError:
        if raise_exception:
            raise
        return False
    return True


def _values_of(inputs: Any) -> list[Any]:
    """The inputs as float64 arrays; what has no slope that values could tell is refused."""
    if not isinstance(inputs, list | tuple):
        raise DTypeError(f"gradcheck: expected a list of inputs, got {describe(inputs)}; write [x]")
    if not inputs:
        raise OptionError("gradcheck: expected at least one input, got an empty list; write [x]")
    try:
        values = [np.array(x._value if isinstance(x, Tensor) else plain(x)) for x in inputs]
    except ValueError:
        raise ShapeError("gradcheck: expected arrays, got a list with rows of different lengths; pad "
                         "them, or give each row as an input") from None
    for i, (x, value) in enumerate(zip(inputs, values, strict=True)):
        if value.dtype.kind not in NUMERIC_KINDS:
            raise DTypeError(f"gradcheck: input {i} must be an array of numbers, got {describe(x)}")
        if not np.isfinite(value).all():
            raise OptionError(f"gradcheck: input {i} holds NaN or infinity, where no slope can be told "
                              "from the values; give finite numbers")
    return [value.astype(np.float64) for value in values]


def gradgradcheck(f: Callable[..., Any], inputs: Sequence[Any], **options: Any) -> bool:
    """`gradcheck` of first and second order."""
    if options.get("order", 2) != 2:
        raise OptionError(f"gradgradcheck: order is 2, got {options['order']!r}; use gradcheck")
    return gradcheck(f, inputs, **{**options, "order": 2})


def _compare(f: Any, values: list[Any], names: list[str], rtol: float | None, rng: Any,
             what: str = "gradient") -> None:
    leaves = [Tensor(v, requires_grad=True, name=n) for v, n in zip(values, names, strict=True)]
    watch = _Analytic()
    with using(observer=watch) if current_mode().observer is None else using():
        out = f(*leaves)
    if not isinstance(out, Tensor) or out.dtype.kind != "f":
        raise GradCheckError(f"gradcheck: expected f to return a floating Tensor, got {describe(out)}")
    oracle = _Oracle(f, values, out.shape, watch.everything and what == "gradient", rng)
    tolerance = oracle.rtol if rtol is None else rtol
    weights = rng.uniform(0.5, 1.5, out.shape)
    for i, actual in enumerate(_gradients(out, leaves, weights, what)):
        _judge(actual, oracle.gradient(i, weights), tolerance, f"{what} of {names[i]}")
    _judge_direction(oracle, out, leaves, tolerance, rng, what)


def _gradients(out: Tensor, leaves: list[Tensor], weights: Any, what: str) -> list[Any]:
    """What `backward` gives; a rule that fails, or gives another shape, is wrong as well."""
    for leaf in leaves:
        leaf.zero_grad()
    try:
        if out.requires_grad:
            out.backward(weights)
    except Exception as error:
        raise GradCheckError(f"gradcheck: no {what}: backward failed with "
                             f"{type(error).__name__}: {error}") from error
    return [np.zeros(x.shape) if x.grad is None else np.asarray(x.grad) for x in leaves]


def _projected_gradient(f: Callable[..., Any], values: list[Any], rng: Any) -> Callable[..., Any]:
    """x -> <direction, gradient of f at x>, itself differentiable."""
    weights = rng.uniform(0.5, 1.5, f(*map(Tensor, values)).shape)
    directions = [rng.uniform(0.5, 1.5, v.shape) for v in values]

    def projected(*xs: Tensor) -> Tensor:
        fresh = [x if x.requires_grad else x.detach().requires_grad_() for x in xs]
        with using(grad=True):
            result = f(*fresh)
            kept = [x.grad for x in fresh]
            for x in fresh:
                x.zero_grad()
            try:
                if result.requires_grad:
                    result.backward(weights, create_graph=True)
            except Exception as error:
                raise GradCheckError("gradcheck: no second derivative: backward with create_graph "
                                     f"failed with {type(error).__name__}: {error}") from error
            parts = [(d * x.grad).sum() for d, x in zip(directions, fresh, strict=True)
                     if x.grad is not None]
        for x, grad in zip(fresh, kept, strict=True):
            x.grad = grad
        total: Tensor = sum(parts, Tensor(0.0))
        return total

    return projected


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


class _Oracle:
    """Derivatives of ``sum(weights * f)`` along a direction, from values of ``f`` alone."""

    def __init__(self, f: Any, values: list[Any], shape: Any, analytic: bool, rng: Any) -> None:
        self.f, self.values = f, values
        weights = rng.uniform(0.5, 1.5, shape)
        directions = [rng.uniform(0.5, 1.5, v.shape) for v in values]
        self.analytic = analytic and self._takes_complex(directions, weights)
        self.rtol = 1e-10 if self.analytic else 1e-6

    def along(self, directions: list[Any], weights: Any) -> float:
        return (self._complex_step if self.analytic else self._difference)(directions, weights)

    def gradient(self, position: int, weights: Any) -> Any:
        """Entry by entry, with respect to one input."""
        directions = [np.zeros(v.shape) for v in self.values]
        moved = directions[position]
        gradient = np.zeros(moved.shape)
        for index in np.ndindex(moved.shape):
            moved[index] = 1
            gradient[index] = self.along(directions, weights)
            moved[index] = 0
        return gradient

    def _takes_complex(self, directions: list[Any], weights: Any) -> bool:
        """Complex step is trusted where ``f`` does not refuse, and differences agree roughly."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                exact = self._complex_step(directions, weights)
        except Exception:  # whatever f raises, it is real functions only that it is made for
            return False
        rough = self._difference(directions, weights)
        return abs(exact - rough) <= 1e-4 * max(abs(exact), abs(rough))

    def _complex_step(self, directions: list[Any], weights: Any) -> float:
        moved = self._value(directions, 1e-100j)
        return float(np.sum(weights * moved.imag) / 1e-100)

    def _difference(self, directions: list[Any], weights: Any) -> float:
        moving = [v[d != 0] for v, d in zip(self.values, directions, strict=True)]
        h = 1e-5 * max(1.0, *(float(np.max(np.abs(v), initial=0)) for v in moving))
        rise = self._value(directions, h) - self._value(directions, -h)
        return float(np.sum(weights * rise)) / (2 * h)

    def _value(self, directions: list[Any], step: complex) -> Any:
        with no_grad():
            return np.asarray(self.f(*(_raw(v + step * d) for v, d in
                                       zip(self.values, directions, strict=True))))


def _raw(array: Any) -> Tensor:
    """A constant Tensor; complex values are allowed here only."""
    tensor = Tensor(0.0)
    tensor._value = array[()]
    return tensor


def _judge(actual: Any, expected: Any, tolerance: float, what: str) -> None:
    if not actual.size:
        return
    error = np.abs(actual - expected)
    scale = np.max(np.abs(expected))
    if np.all(error <= tolerance * scale):  # False for NaN, too
        return
    worst = np.unravel_index(np.argmax(error), error.shape)  # the first NaN, if any
    index = tuple(int(i) for i in worst)
    raise GradCheckError(
        f"gradcheck: {what} is wrong at index {index}: backward gives {actual[index]:.10g}, the values "
        f"say {expected[index]:.10g} (allowed: {tolerance:g} of the largest entry, {scale:.4g}); "
        f"check the rules of the operations applied to {what.rpartition(' of ')[2]}")


def _judge_direction(oracle: _Oracle, out: Tensor, leaves: list[Tensor], tolerance: float, rng: Any,
                     what: str) -> None:
    """Signs of the cotangent, and entries that the one projection hides, show only here."""
    weights = rng.standard_normal(out.shape)
    directions = [rng.standard_normal(x.shape) for x in leaves]
    parts = [g * d for g, d in zip(_gradients(out, leaves, weights, what), directions, strict=True)]
    actual, expected = sum(float(p.sum()) for p in parts), oracle.along(directions, weights)
    scale = sum(float(np.abs(p).sum()) for p in parts)
    if not abs(actual - expected) <= tolerance * max(scale, 1e-2):  # zeros come out with rounding
        raise GradCheckError(
            f"gradcheck: {what} is wrong along a random direction: backward gives {actual:.10g}, the "
            f"values say {expected:.10g} (allowed: {tolerance:g} of {scale:.4g}); it is right for "
            "positive cotangents, so look for a rule that is not linear in g")
