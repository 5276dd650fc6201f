"""What the second derivatives of a loss say about the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, GradError, OptionError, describe
from ..ground.checks import check_number
from ..ground.explain import answering
from ..ground.modes import using
from ..pictures.names import names_for
from ..transforms.curvature import Curvature, flat, variables
from .columns import Column, data_of, standardised
from .pace import Bowl, Pace, even, pace
from .spectrum import both_ends
from .words import report

Array = np.ndarray[Any, Any]

#: With more numbers in the parameters than this the Hessian is not formed: only its ends are sought.
DENSE = 200
#: An eigenvalue is taken as 0 below this part of the largest in size; with the ends alone, below that.
NOTHING, NEARLY_NOTHING = 1e-14, 1e-7
#: Above this condition number the rate that is best in the end, just below the limit, would leave the
#: steep directions swinging for as long as the flattest one takes.
PATIENCE = 1e4


class Momentum(NamedTuple):
    """The pair that is best on a quadratic: Polyak's heavy ball, in PyTorch's convention."""

    lr: float
    momentum: float
    epochs: float


class Inputs(NamedTuple):
    """The columns to standardise, and the condition number and the limit with that done."""

    columns: tuple[Column, ...]
    condition: float
    limit: float


class Advice(NamedTuple):
    """What the curvature at the present parameters says about the learning rate.

    Attributes
    ----------
    eigenvalues : of the Hessian, ascending; of more than 200 numbers the smallest and the largest.
    limit : 2 / largest eigenvalue; gradient descent on this quadratic diverges above it.
    lr : the best constant rate: it shrinks the slowest and the fastest direction equally,
        2 / (smallest + largest); 1 / largest where a direction is flat, or so nearly that nobody waits
        for it (a condition number above 10,000), or curves downwards; NaN where none curves upwards.
    condition : the largest over the smallest eigenvalue; infinite where that is not positive.
    epochs : steps at ``lr`` until 1 % of the distance to the minimum is left, on this quadratic.
    momentum : the best pair of rate and momentum, and its epochs.
    curvature : "bowl", "trough" (flat directions), "saddle", "dome" or "flat".
    stationary : whether the gradient is nearly 0: a minimum, a saddle point, a flat spot.
    downwards : where the curvature is negative: the parameters by their part in that direction.
    still : parameters that the loss depends on neither in slope nor in curvature.
    inputs : what standardising the input would do; None where it would do little.
    limits : the limit of each batch, with ``batches``.
    paces : what 1 / largest does, and 2 / (smallest + largest).
    asked : what the ``lr`` and ``momentum`` do that were asked about, and the rate without momentum.
    numbers : of the parameters, and so of eigenvalues; of many, only both ends are computed.
    """

    eigenvalues: Array
    limit: float
    lr: float
    condition: float
    epochs: float
    momentum: Momentum
    curvature: str
    stationary: bool
    downwards: dict[str, float]
    still: tuple[str, ...]
    inputs: Inputs | None
    limits: Array | None
    paces: tuple[Pace, ...]
    asked: tuple[Pace, ...]
    numbers: int

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return report(self)


@answering
def advise(
    loss: Callable[..., Tensor], params: Iterable[Tensor], batches: Iterable[Any] | None = None,
    columns: Sequence[str] | None = None, *, lr: float | None = None, momentum: float | None = None,
) -> Advice:
    """Measure the curvature of ``loss()`` and say which learning rates are stable, and what else helps.

    Parameters
    ----------
    loss : a function without arguments, or of one batch, that computes the loss.
    params : the Tensors that it is to be minimized by, as ``model.parameters()``.
    batches : what the loss is called with, as a DataLoader: `limit` and all else is of their mean, and
        `limits` says how much it varies. Their graphs are kept, so give some batches, not thousands.
    columns : names of the input's columns, as scikit-learn's ``feature_names``.
    lr, momentum : a pair to be told about; of one alone the other is 0, or what fits best.

    Up to 200 numbers by the whole Hessian, beyond by Lanczos on its products with vectors (by SciPy
    where it is there).

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = np.array([1., 2, 3, 4, 5]); y = 2 * x + 1
    >>> w, b = (tg.Tensor(0.0, requires_grad=True) for _ in "wb")
    >>> print(tg.advise(lambda: ((w * x + b - y) ** 2).mean(), [w, b]))
    A bowl: the loss curves upwards in every direction, 70 times as much in the steepest as in the
    flattest (the condition number).
    Curvatures, the eigenvalues of the Hessian: 0.3381, 23.6619; lr must stay below 2/23.6619 =
    0.0845; advised lr = 0.0833
    Of the distance to the minimum 1 % is left after 162 epochs at the advised lr; after 37 with
    momentum: lr = 0.1349, momentum = 0.6185.
    From here, 100 steps at lr = 1/max = 0.0423, which ends the steepest direction in one step, lead
    to a loss of 0.0018; at 2/(min + max) = 0.0833, the same pace in the flattest and the steepest, to
    0.1877.
    Standardise x: subtract its mean, divide by its standard deviation. The condition number falls
    from 70 to 1, and the limit of lr goes from 0.0845 to 1.0000.
    """
    params = _checked(loss, params, columns)
    for name, value in (("lr", lr), ("momentum", momentum)):
        if value is not None:
            check_number(f"advise: {name}", value, 0)
    losses = _recorded(loss, params, batches)
    bends = [Curvature("advise", value, params) for value in losses]
    values, vectors = _spectrum(bends)
    tiny = _tiny(values, bends)
    limit, condition = _limit(values), _condition(values, tiny)
    best, epochs, pair = _pace(values, limit, condition)
    ends, bowl = _ends(values, tiny), _bowl(losses, bends, values, vectors)
    names = _names(params)
    negative = values[0] < -tiny
    return Advice(
        values, limit, best, condition, epochs, pair, _kind(values, tiny), _stationary(values, bends),
        _shares(vectors[:, 0], params, names) if negative else {}, _still(bends, params, names),
        _inputs(losses, params, columns, condition, limit),
        None if batches is None else np.array([_limit(_spectrum([bend])[0]) for bend in bends]),
        tuple(pace(rate, 0.0, ends, bowl) for rate in _rates(condition, ends)),
        _asked(lr, momentum, ends, bowl), sum(p.size for p in params))


def _checked(loss: Any, params: Any, columns: Any) -> list[Tensor]:
    if not callable(loss):
        raise DTypeError(f"advise: expected a function that computes the loss, got {describe(loss)}; "
                         "write advise(lambda: ..., params)")
    if isinstance(columns, str):
        raise DTypeError(f"advise: columns are a list of names, got one string {columns!r}")
    return variables("advise", params)


def _recorded(loss: Any, params: list[Tensor], batches: Iterable[Any] | None) -> list[Tensor]:
    """The loss, of each batch if there are any."""
    calls = [()] if batches is None else [b if isinstance(b, tuple | list) else (b,) for b in batches]
    if not calls:
        raise OptionError("advise: there is no batch in batches=")
    with using(grad=True):
        values = [loss(*batch) for batch in calls]
    for value in values:
        if not isinstance(value, Tensor) or value.size != 1:
            raise GradError(f"advise: expected loss() to return one number, got {describe(value)}")
        if not np.isfinite(value.detach().item()):
            raise GradError(f"advise: the loss is {value.detach().item()}, and so are its derivatives; "
                            "make new parameters, or look for the cause with tg.detect_anomaly()")
    return values


def _spectrum(bends: Sequence[Curvature]) -> tuple[Array, Array]:
    """Eigenvalues of the mean Hessian, ascending, and eigenvectors: all, or those of both ends."""
    n = bends[0].gradient.size
    if n <= DENSE:
        matrix = np.mean([bend.matrix() for bend in bends], axis=0)
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        return values, vectors
    return both_ends(lambda v: np.mean([bend.product(v) for bend in bends], axis=0), n)


def _tiny(values: Array, bends: Sequence[Curvature]) -> float:
    """What counts as no curvature: rounding beside the largest, in the precision of the parameters."""
    rounding = max(float(np.finfo(p.dtype).eps) for p in bends[0].params)
    part = NOTHING if bends[0].gradient.size <= DENSE else NEARLY_NOTHING
    return float(np.abs(values).max() * max(part, 4 * rounding))


def _limit(values: Array) -> float:
    return 2 / float(values[-1]) if values[-1] > 0 else math.inf


def _condition(values: Array, tiny: float) -> float:
    """Of the directions that curve: nothing has to be learned along flat ones."""
    curved = values[np.abs(values) > tiny]
    whole = len(values) > 2 or values[0] > tiny  # else what lies between the two ends is not known
    upwards = len(curved) > 0 and curved[0] > 0 and whole
    return float(curved[-1] / curved[0]) if upwards else math.inf


def _pace(values: Array, limit: float, condition: float) -> tuple[float, float, Momentum]:
    """The best constant rate and its epochs, and the best pair with its own."""
    if math.isinf(condition):
        lr = limit / 2 if math.isfinite(limit) else math.nan
        return lr, math.inf, Momentum(lr, 0.9, math.inf)
    most = 2 / limit
    least, root = most / condition, math.sqrt(condition)
    q = (root - 1) / (root + 1)
    pair = Momentum((2 / (math.sqrt(least) + math.sqrt(most))) ** 2, q * q, _epochs_with(q))
    lr = 2 / (least + most) if condition <= PATIENCE else 1 / most
    return lr, _epochs(1 - lr * least), pair


def _ends(values: Array, tiny: float) -> tuple[float, float]:
    """The curvatures of the flattest direction that curves, or falls away, and of the steepest."""
    curved = values[np.abs(values) > tiny]
    return (float(curved[0]), float(curved[-1])) if len(curved) else (0.0, 0.0)


def _bowl(losses: Sequence[Tensor], bends: Sequence[Curvature], values: Array, vectors: Array
          ) -> Bowl | None:
    """The quadratic that the loss is here, if all of its axes are known."""
    if vectors.shape[0] != vectors.shape[1]:
        return None
    slopes = vectors.T @ np.mean([bend.gradient for bend in bends], axis=0)
    return Bowl(values, slopes, float(np.mean([loss.detach().item() for loss in losses])))


def _rates(condition: float, ends: tuple[float, float]) -> list[float]:
    """Those worth comparing, where they differ."""
    return [1 / ends[1], even(*ends)] if 1.01 < condition < math.inf else []


def _asked(lr: float | None, momentum: float | None, ends: tuple[float, float], bowl: Bowl | None
           ) -> tuple[Pace, ...]:
    if (lr is None and momentum is None) or ends[1] <= 0:
        return ()
    beta = momentum or 0.0
    rate = even(max(ends[0], 0.0), ends[1], beta) if lr is None else lr
    return tuple(pace(rate, m, ends, bowl) for m in dict.fromkeys((beta, 0.0)))


def _epochs(rho: float) -> float:
    return max(1, math.ceil(math.log(0.01) / math.log(rho))) if rho > 0.01 else 1


def _epochs_with(q: float) -> float:
    """Along the steepest direction, the slower one, the error is (1 + k (1 + q)) (-q)^k after k steps.

    Both ends have a double root there, so powers of q alone would promise too much.
    """
    below, k = 0, 1
    while (1 + k * (1 + q)) * q**k > 0.01:
        below, k = k, 2 * k
    while k - below > 1:
        middle = (below + k) // 2
        below, k = (middle, k) if (1 + middle * (1 + q)) * q**middle > 0.01 else (below, middle)
    return k


def _kind(values: Array, tiny: float) -> str:
    least, most = values[0], values[-1]
    if most > tiny:
        return "saddle" if least < -tiny else "bowl" if least > tiny else "trough"
    return "dome" if least < -tiny else "flat"


def _stationary(values: Array, bends: Sequence[Curvature]) -> bool:
    """Whether a step of the parameters' own size along the slope means nothing beside the curvature."""
    size = max(1.0, float(np.linalg.norm(flat(bends[0].params))))
    slope = float(np.linalg.norm(np.mean([bend.gradient for bend in bends], axis=0)))
    return slope <= 1e-6 * float(np.abs(values).max()) * size


def _names(params: Sequence[Tensor]) -> list[str]:
    known = names_for(list(params))
    return [known.get(p, f"parameter {i}") for i, p in enumerate(params)]


def _shares(direction: Array, params: Sequence[Tensor], names: Sequence[str]) -> dict[str, float]:
    """How much of a unit vector lies in each parameter, the largest part first."""
    cut = np.split(direction**2, np.cumsum([p.size for p in params])[:-1])
    parts = {name: float(piece.sum()) for name, piece in zip(names, cut, strict=True)}
    return dict(sorted(parts.items(), key=lambda part: -part[1]))


def _still(
    bends: Sequence[Curvature], params: Sequence[Tensor], names: Sequence[str]
) -> tuple[str, ...]:
    """A random direction has no component 0, so one product shows which rows of the Hessian are."""
    n = bends[0].gradient.size
    anywhere = np.random.default_rng(1).standard_normal(n)
    moved = sum(np.abs(bend.gradient) + np.abs(bend.product(anywhere)) for bend in bends)
    cut = np.split(np.asarray(moved), np.cumsum([p.size for p in params])[:-1])
    return tuple(name for name, piece in zip(names, cut, strict=True) if not piece.any())


def _inputs(losses: Sequence[Tensor], params: list[Tensor], columns: Sequence[str] | None,
            condition: float, limit: float) -> Inputs | None:
    """What standardised columns would change, if it is more than a factor of 2."""
    data = data_of(losses, params, columns)
    chosen = tuple(column for d in data for column in d.columns)
    if not chosen:
        return None
    bends = [Curvature("advise", standardised(loss, i, data), params) for i, loss in enumerate(losses)]
    values, _ = _spectrum(bends)
    after = Inputs(chosen, _condition(values, _tiny(values, bends)), _limit(values))
    helps = after.condition < condition / 2 if math.isfinite(condition) else after.limit > 2 * limit
    return after if helps else None
