"""The words of an `Advice`: what was found, what it means, and what to do, with numbers beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from ..pictures.figures import number
from .pace import STEPS, Pace

if TYPE_CHECKING:
    from .advice import Advice

WIDTH = 100
#: Condition numbers below it are told as 1.
ALIKE = 1.01
#: So many eigenvalues are listed; of more, the ends.
LISTED = 6

#: (curvature, whether the gradient is nearly 0) -> what that is.
PLACES = {
    ("bowl", False): "A bowl: the loss curves upwards in every direction",
    ("bowl", True): "A minimum: the gradient is 0 and the loss curves upwards in every direction",
    ("trough", False): "A trough: some directions are flat, and in the others the loss curves upwards",
    ("trough", True): "A minimum in a valley: the gradient is 0, and some directions are flat",
    ("saddle", False): "Saddle-shaped: the loss curves upwards in some directions, downwards in others",
    ("saddle", True): "A saddle point: the gradient is 0, yet in some directions the loss falls away",
    ("dome", False): "A dome: the loss curves upwards in no direction, and downwards in some",
    ("dome", True): "A maximum: the gradient is 0, and away from here the loss falls",
    ("flat", False): "A plain slope: the loss has no curvature here",
    ("flat", True): "A flat spot: gradient and curvature are 0, so nothing is learned from here",
}


def figure(x: float) -> str:
    """Four decimals where they say something, else four digits.

    >>> figure(23.66190379), figure(147366.2), figure(1.357e-05), figure(0.99999742)
    ('23.6619', '1.474e+05', '1.357e-05', '0.9999974')
    """
    if 0.9999 < x < 1:
        return f"{x:.7f}"
    return number(x) if x == 0 or 1e-3 <= abs(x) < 1e5 or not math.isfinite(x) else f"{x:.4g}"


def report(advice: Advice) -> str:
    """The advice as a text of a few lines."""
    return "\n".join(fill(line, WIDTH) for line in _lines(advice))


def _lines(advice: Advice) -> Iterator[str]:
    place, steep = PLACES[advice.curvature, advice.stationary], ""
    if math.isfinite(advice.condition):
        flattest = "flattest" if advice.curvature == "bowl" else "flattest that curves"
        steep = (f", {_times(advice.condition)} times as much in the steepest as in the {flattest} "
                 "(the condition number)" if advice.condition >= ALIKE else
                 " equally much (the condition number is 1)")
    yield f"{place}{steep}."
    yield rates(advice)
    yield from _pace(advice)
    yield from _ahead(advice)
    if advice.downwards:
        away = ("the gradient is 0, so descent that starts exactly here stays; a small random change "
                "of the parameters lets it fall away" if advice.stationary else
                "descent moves away from here, slowly at first; noise or momentum helps")
        yield (f"Downwards it curves along {_parts(advice.downwards)}, by "
               f"{figure(float(advice.eigenvalues[0]))}: {away}.")
    if advice.still:
        yield (f"Neither slope nor curvature along {_some(advice.still)}: nothing is learned "
               "there, as with dead units; look at the activations, and initialise anew.")
    if advice.inputs is not None:
        yield _columns(advice)
    if advice.limits is not None:
        low, middle, high = np.quantile(advice.limits, [0, 0.5, 1])
        count = len(advice.limits)
        yield (f"Over {count} batches the limit goes from {figure(low)} to {figure(high)}, "
               f"with {figure(middle)} in the middle: stay below {figure(low)}, or make them larger.")


def rates(advice: Advice) -> str:
    """The eigenvalues, the limit and the advised rate, in one line.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(1.0, requires_grad=True)
    >>> rates(tg.advise(lambda: (w - 3) ** 2, [w])).split("; ")[1:]
    ['lr must stay below 2/2.0000 = 1.0000', 'advised lr = 0.5000']
    """
    values = [figure(float(v)) for v in advice.eigenvalues]
    if len(values) > LISTED or len(values) < advice.numbers:
        ends = min(2, len(values) // 2)
        values = [*values[:ends], "...", *values[-ends:]]
    found = f"Curvatures, the eigenvalues of the Hessian: {', '.join(values)}"
    if math.isinf(advice.limit):
        return f"{found}; none is positive, so no learning rate follows from them"
    limit = f"2/{values[-1]} = {figure(advice.limit)}"
    if advice.curvature == "saddle":
        return (f"{found}; no lr leads to a minimum of this shape, as it has none. Below {limit} "
                "steps do not run away where it curves upwards; "
                f"{figure(advice.lr)} is a rate to start with")
    return f"{found}; lr must stay below {limit}; advised lr = {figure(advice.lr)}"


def _pace(advice: Advice) -> Iterator[str]:
    if math.isfinite(advice.epochs):
        lr, momentum, epochs = advice.momentum
        count = "1 epoch" if advice.epochs == 1 else f"{_times(advice.epochs)} epochs"
        pair = (f"; after {_times(epochs)} with momentum: lr = {figure(lr)}, "
                f"momentum = {figure(momentum)}" if epochs < advice.epochs else "")
        yield f"Of the distance to the minimum 1 % is left after {count} at the advised lr{pair}."


def _ahead(advice: Advice) -> Iterator[str]:
    """What single rates do: those of the theory, and what was asked about."""
    if advice.paces and all(math.isfinite(p.ahead) for p in advice.paces):
        steep, alike = advice.paces
        yield (f"From here, {STEPS} steps at lr = 1/max = {figure(steep.lr)}, which ends the steepest "
               f"direction in one step, lead to a loss of {figure(steep.ahead)}; at 2/(min + max) = "
               f"{figure(alike.lr)}, the same pace in the flattest and the steepest, to "
               f"{figure(alike.ahead)}.")
    if advice.asked:
        flat = "that falls away" if advice.curvature == "saddle" else "that is flattest"
        end = "middle of the saddle" if advice.curvature == "saddle" else "minimum"
        first, *others = (_one_pace(pace, flat, end) for pace in advice.asked)
        plain = f" Without momentum {others[0]}." if others else ""
        asked = advice.asked[0]
        pair = f"lr = {asked.lr:.4g}" + (f" and momentum = {asked.momentum:.4g}" if others else "")
        yield f"With {pair} {first}.{plain}"
        if others:
            yield (f"Momentum adds {asked.momentum:.4g} of the last step to each new one: steps that "
                   f"agree, as in the direction {flat}, add up; steps that go to and fro, as across "
                   "the steepest, cancel.")


def _one_pace(pace: Pace, flat: str, to: str) -> str:
    """What each step does along both ends, and where that leads."""
    if max(pace.flattest, pace.steepest) > 1:
        end = "it diverges, as above 1 it grows" if pace.steepest > 1 else "it leaves the saddle"
    elif math.isfinite(pace.ahead):
        end = f"a loss of {figure(pace.ahead)} after {STEPS} steps"
    else:
        end = "it converges"
    return (f"each step multiplies the distance to the {to} by {pace.flattest:.3f} in the direction "
            f"{flat} and by {pace.steepest:.3f} in the steepest: {end}")


def _columns(advice: Advice) -> str:
    inputs = advice.inputs
    assert inputs is not None
    one = len(inputs.columns) == 1
    names = ", ".join(column.name for column in inputs.columns)
    count = "" if one else f" {len(inputs.columns)} columns:"
    of = "its mean, divide by its standard deviation" if one else \
        "the mean of each, divide by its standard deviation"
    condition = (f"The condition number falls from {_times(advice.condition)} to "
                 f"{_times(inputs.condition)}, and the limit of lr goes"
                 if math.isfinite(inputs.condition) else "The limit of lr goes")
    return (f"Standardise{count} {names}: subtract {of}. {condition} from "
            f"{figure(advice.limit)} to {figure(inputs.limit)}.")


def _times(condition: float) -> str:
    """A count or a factor without decimals."""
    return "infinity" if math.isinf(condition) else f"{condition:,.0f}" if condition < 1e6 else \
        f"{condition:.1e}"


def _parts(shares: dict[str, float]) -> str:
    """Parameters that make up nine tenths of a direction."""
    chosen, total = [], 0.0
    for name, share in shares.items():
        chosen.append(f"{name} ({share:.0%})")
        total += share
        if total >= 0.9:
            break
    return _some(chosen)


def _some(names: Sequence[str]) -> str:
    """The first of many names."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
