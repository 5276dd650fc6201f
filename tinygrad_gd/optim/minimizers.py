"""`minimize`: SciPy's minimizers, with derivatives of this package's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, GradError, OptionError, describe
from ..ground.explain import answering
from ..ground.extras import needed
from ..ground.modes import enable_grad, no_grad
from ..ground.pytree import flatten, unflatten
from ..transforms.curvature import Curvature, flat, jacobian_matrix, nested, parts, variables
from ..transforms.recording import pull

Array = np.ndarray[Any, Any]

#: What each method is given besides values; all others get the gradient alone.
WITHOUT_GRADIENT = {"nelder-mead", "powell", "cobyla", "cobyqa"}
BY_PRODUCTS = {"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"}
BY_HESSIAN = {"dogleg", "trust-exact"}
BY_GRADIENT = {"cg", "bfgs", "l-bfgs-b", "tnc", "slsqp"}
#: Those of `scipy.optimize.least_squares`; "least_squares" leaves the choice to SciPy.
OF_RESIDUALS = {"least_squares", "trf", "dogbox", "lm"}
METHODS = WITHOUT_GRADIENT | BY_PRODUCTS | BY_HESSIAN | BY_GRADIENT | OF_RESIDUALS


class _Problem:
    """The loss as a function of one vector; what was recorded for a vector is kept until the next."""

    def __init__(self, loss: Callable[..., Any], params: Any) -> None:
        tree = nested("minimize", params)
        self.tree = unflatten(tree, map(_variable, flatten(tree)))
        self.params = variables("minimize", self.tree)
        self.loss = loss if _takes_nothing(loss) else partial(loss, self.tree)
        self.start = flat(self.params)
        self.point = _Point(self, self.start)

    def at(self, x: Array) -> _Point:
        """The loss recorded at ``x``."""
        if not np.array_equal(x, self.point.x):
            self.put(x)
            self.point = _Point(self, x.copy())
        return self.point

    def put(self, x: Array) -> None:
        """Set the parameters."""
        with no_grad():
            for p, value in zip(self.params, parts(self.params, x), strict=True):
                p.assign(value)


class _Point:
    """The loss at one vector, recorded when first asked for, and its derivatives."""

    def __init__(self, problem: _Problem, x: Array) -> None:
        self.params, self.loss, self.x = problem.params, problem.loss, x

    @cached_property
    def out(self) -> Tensor:
        with enable_grad():
            out = self.loss()
        if not isinstance(out, Tensor):
            raise GradError(f"minimize: expected the loss to be a Tensor, got {describe(out)}; "
                            "compute it of the parameters")
        return out

    @property
    def value(self) -> float:
        if self.out.size != 1:
            raise GradError(f"minimize: expected the loss to be one number, got {describe(self.out)}; "
                            "reduce it with .sum() or .mean(), or give method='least_squares'")
        return float(self.out.detach().numpy().item())

    @property
    def gradient(self) -> Array:
        one = np.ones(self.out.shape, self.out.dtype)[()]
        return flat(pull([self.out], [one], self.params, 0, False))

    @cached_property
    def curvature(self) -> Curvature:
        return Curvature("minimize", self.out, self.params)

    @property
    def residuals(self) -> Array:
        return flat([self.out])

    @property
    def jacobian(self) -> Array:
        return jacobian_matrix(self.out, self.params)


@answering
def minimize(loss: Callable[..., Any], params: Any, method: str = "L-BFGS-B", **options: Any) -> Any:
    """Minimize a loss by one of SciPy's methods, with exact derivatives; returns SciPy's result.

    The parameters are set to what was found; ``result.params`` has them, ``result.x`` is one vector.

    Parameters
    ----------
    loss : computes one number, of the nested parameters or, closing over them, of nothing; for
        ``"least_squares"`` (also ``"trf"``, ``"dogbox"``, ``"lm"``) an array of residuals, half the
        sum of squares of which is minimized.
    params : Tensors that require a gradient, as ``model.parameters()``, or lists, tuples and dicts of
        them. Numbers and arrays are start values of new Tensors.
    method : of `scipy.optimize.minimize`. Newton-CG, trust-ncg, trust-krylov and trust-constr are given
        products of the Hessian with vectors, trust-exact and dogleg the Hessian; float64 suits them.
    options : what SciPy's function takes, as ``tol=``, ``bounds=`` (of one vector), ``callback=``,
        ``options={"maxiter": 100}``.

    >>> import numpy as np, tinygrad_gd as tg
    >>> def rosenbrock(p):
    ...     return (1 - p["x"]) ** 2 + 100 * (p["y"] - p["x"] ** 2) ** 2
    >>> result = tg.optim.minimize(rosenbrock, {"x": -1.0, "y": 1.0}, method="trust-ncg")
    >>> result.success, np.round(result.x, 3).tolist(), round(result.params["y"].item(), 3)
    (True, [1.0, 1.0], 1.0)
    """
    if not callable(loss):
        raise DTypeError(f"minimize: expected a function that computes the loss, got {describe(loss)}; "
                         "write minimize(lambda: ..., params)")
    name = method.lower() if isinstance(method, str) else method
    if name not in METHODS:
        raise OptionError(f"minimize: method is one of {', '.join(sorted(METHODS))}; got {method!r}")
    taken = sorted({"jac", "hess", "hessp", "x0", "fun", "args"} & set(options))
    if taken:
        raise OptionError(f"minimize: {taken[0]} follows from the loss and the parameters; "
                          "leave it out")
    scipy = needed("scipy.optimize", "scipy", "tg.optim.minimize")
    problem = _Problem(loss, params)
    if name in OF_RESIDUALS:
        options |= {} if name == "least_squares" else {"method": name}
        result = scipy.least_squares(lambda x: problem.at(x).residuals, problem.start,
                                     jac=lambda x: problem.at(x).jacobian, **options)
    else:
        result = scipy.minimize(lambda x: problem.at(x).value, problem.start, method=method,
                                **_derivatives(problem, name), **options)
    problem.put(result.x)
    result.params = problem.tree
    return result


def _derivatives(problem: _Problem, method: str) -> dict[str, Any]:
    """What a method of SciPy's is given to derive with."""
    given: dict[str, Any] = {}
    if method not in WITHOUT_GRADIENT:
        given["jac"] = lambda x: problem.at(x).gradient
    if method in BY_PRODUCTS:
        given["hessp"] = lambda x, v: problem.at(x).curvature.product(v)
    if method in BY_HESSIAN:
        given["hess"] = lambda x: problem.at(x).curvature.matrix()
    return given


def _variable(leaf: Any) -> Any:
    """A Tensor as it is; a number or an array as the start of a new one."""
    return leaf if isinstance(leaf, Tensor) else Tensor(leaf, requires_grad=True)


def _takes_nothing(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):  # it must be given something, or does not say
        return False
    return True
