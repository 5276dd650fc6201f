"""Two from before Adam: Rprop, which looks at signs only, and ASGD, which averages what it passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError
from ..ops.elementwise import maximum, minimum, where
from .formula import Formula


class Rprop(Formula):
    """Each element has a step of its own, longer while g keeps its sign, shorter when that changes.

    ::

        s = clip(s η, *step_sizes), with η = etas[1] if g and the last g have one sign, etas[0] if not
        p -= s sign(g); where the sign has changed, p stays and the last g counts as 0

    ``lr`` is what s is at first. It is for all data at once: noise in g changes signs.

    Riedmiller and Braun, 1993, https://doi.org/10.1109/ICNN.1993.298623.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True); opt = tg.optim.Rprop([w], lr=0.1)
    >>> for _ in range(2): opt.zero_grad(); (w * w).backward(); opt.step()
    >>> round(w.item(), 6)  # 3 - 0.1 - 0.1 * 1.2
    2.78
    """

    several: Mapping[str, int] = {"etas": 2, "step_sizes": 2}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        *,
        maximize: bool = False,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize,
        }, unknown)

    def check(self, group: dict[str, Any]) -> None:
        """Refuse factors that would not make steps shorter and longer."""
        super().check(group)
        (less, more), (low, high) = group["etas"], group["step_sizes"]
        if not 0 < less < 1 < more:
            raise OptionError("Rprop: etas must be below and above 1, as (0.5, 1.2), got "
                              f"{group['etas']}")
        if not 0 <= low <= high:
            raise OptionError("Rprop: step_sizes must be the least and the largest, got "
                              f"{group['step_sizes']}")

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """One step for one parameter."""
        (less, more), (low, high) = options["etas"], options["step_sizes"]
        last = self.remembered(p, "prev", like=p)
        size = self.remembered(p, "step_size", like=p, first=options["lr"])
        agreement = g * last
        factor = where(agreement > 0, more, where(agreement < 0, less, 1.0))
        size.assign(minimum(maximum(size * factor, low), high))
        last.assign(where(agreement < 0, 0.0, g))
        p -= np.sign(last) * size


class ASGD(Formula):
    """Gradient descent with a falling rate, and the mean of the points it comes by, in ``state``.

    ::

        p -= η (lambd p + g);    ax += μ (p - ax)
        η = lr / (1 + lambd lr t)^alpha;    μ = 1 / max(1, t - t0)

    ``optimizer.state[p]["ax"]`` is the mean since step t0.

    Polyak and Juditsky, 1992, https://doi.org/10.1137/0330046.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True); opt = tg.optim.ASGD([w], lr=0.1, t0=0)
    >>> for _ in range(3): opt.zero_grad(); (w * w).backward(); opt.step()
    >>> round(w.item(), 3), round(opt.state[w]["ax"].item(), 3)
    (1.536, 1.728)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
            "maximize": maximize,
        }, unknown)

    def counters(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """The number of the step, the rate η and the weight μ of the next point in the mean."""
        return {"step": 0.0, "eta": group["lr"], "mu": 1.0}

    def shared(self, counters: dict[str, Tensor], options: Mapping[str, Any]) -> dict[str, Any]:
        """η and μ of this step; those of the next follow from the options that hold now."""
        t, eta, mu, lr = counters["step"], counters["eta"], counters["mu"], options["lr"]
        found = {"eta": eta.copy(), "mu": mu.copy()}
        eta.assign(lr / (1 + options["lambd"] * lr * t) ** options["alpha"])
        mu.assign(1 / maximum(1.0, t - options["t0"]))
        return {**found, "shrink": 1 - options["lambd"] * found["eta"]}

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """One step for one parameter."""
        mean = self.remembered(p, "ax", like=p)
        p *= options["shrink"]
        p -= options["eta"] * g
        mean += options["mu"] * (p - mean)
