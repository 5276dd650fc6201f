"""What a learning rate, alone or with momentum, does on a quadratic: per step, and after a hundred."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

#: So many steps ahead are looked at.
STEPS = 100


class Pace(NamedTuple):
    """One rate, perhaps with momentum, in PyTorch's convention.

    Attributes
    ----------
    lr, momentum : the pair.
    flattest, steepest : what each step leaves of the distance to the minimum along these directions,
        in the long run; above 1 the distance grows.
    ahead : the loss 100 steps from here, if it is as quadratic as it is here; NaN where only the ends
        of the spectrum are known.
    """

    lr: float
    momentum: float
    flattest: float
    steepest: float
    ahead: float


class Bowl(NamedTuple):
    """A quadratic by its axes: curvatures, the slopes along them here, and the height here."""

    curvatures: Array
    slopes: Array
    height: float

    def after(self, lr: float, momentum: float, steps: int = STEPS) -> float:
        """The height after some steps.

        >>> round(Bowl(np.array([2.0]), np.array([4.0]), 4.0).after(0.25, 0.0, 1), 6)
        1.0
        """
        moved, velocity = np.zeros_like(self.slopes), np.zeros_like(self.slopes)
        with np.errstate(all="ignore"):  # a rate that is too large is what one wants to hear about
            for _ in range(steps):
                velocity = momentum * velocity + self.slopes + self.curvatures * moved
                moved = moved - lr * velocity
            return float(self.height + np.sum(self.slopes * moved + self.curvatures * moved**2 / 2))


def factor(curvature: float, lr: float, momentum: float) -> float:
    """The larger root of r² - (1 + m - lr c) r + m: what a step leaves in the long run.

    >>> round(factor(23.6619, 0.1, 0.0), 3), round(factor(23.6619, 0.1, 0.9), 3)
    (1.366, 0.949)
    """
    middle = (1 + momentum - lr * curvature) / 2
    under = middle**2 - momentum
    return abs(middle) + math.sqrt(under) if under > 0 else math.sqrt(momentum)


def even(least: float, most: float, momentum: float = 0.0) -> float:
    """The rate that is as fast in the flattest direction as in the steepest.

    >>> even(1.0, 3.0), even(1.0, 3.0, 0.5)
    (0.5, 0.75)
    """
    return 2 * (1 + momentum) / (least + most)


def pace(lr: float, momentum: float, ends: tuple[float, float], bowl: Bowl | None) -> Pace:
    """What a pair does between the smallest and the largest curvature."""
    flattest, steepest = (factor(curvature, lr, momentum) for curvature in ends)
    return Pace(lr, momentum, flattest, steepest, bowl.after(lr, momentum) if bowl else math.nan)
