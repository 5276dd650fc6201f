"""Schedules that go up again: restarts, cycles, and the one cycle; `lr_scheduler` has them all."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..errors import OptionError
from ..ground.checks import check_choice, check_switch
from .optimizer import Optimizer
from .scheduler import LRScheduler


class CosineAnnealingWarmRestarts(LRScheduler):
    """The cosine's half period again and again: of ``T_0`` epochs, then ``T_mult`` times longer each.

    ``step(epoch)`` takes a part of an epoch too, as ``epoch + batch / batches``.

    Loshchilov and Hutter, 2017, https://arxiv.org/abs/1608.03983.
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0,
                 last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        self.T_0, self.T_mult = self._integer("T_0", T_0, 1), self._integer("T_mult", T_mult, 1)
        self.eta_min, self.T_i = self._number("eta_min", eta_min, 0), self.T_0
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def _initial_step(self) -> None:
        self.step(0 if self.last_epoch < 0 else None)

    def rate(self, lr: float, base: float) -> float:
        """The next rate of a group."""
        low = self.eta_min
        return low + (base - low) * (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2

    def step(self, epoch: float | None = None) -> None:
        """Go on to the next epoch, or to the one given, which may be a part of one."""
        if epoch is None:
            self.last_epoch, self.T_cur = self.last_epoch + 1, self.T_cur + 1
            if self.T_cur >= self.T_i:
                self.T_cur, self.T_i = self.T_cur % self.T_i, self.T_i * self.T_mult
        else:
            epoch = self._number("epoch", epoch, 0)
            self.last_epoch, self.T_cur, self.T_i = math.floor(epoch), epoch, self.T_0
            while self.T_cur >= self.T_i:
                self.T_cur, self.T_i = self.T_cur - self.T_i, self.T_i * self.T_mult
        self._set(self.get_lr())


class Momentum(LRScheduler):
    """Schedules that let momentum fall while rates rise: ``momentum``, or the first of ``betas``."""

    each_step = True

    def _cycles_momentum(self, cycle: bool, base: Any, most: Any, begins: bool) -> None:
        self.cycle_momentum = check_switch(f"{self._name}: cycle_momentum", cycle)
        self.use_beta1 = "betas" in self.optimizer.defaults
        if not self.cycle_momentum:
            return
        if not self.use_beta1 and "momentum" not in self.optimizer.defaults:
            raise OptionError(f"{self._name}: {type(self.optimizer).__name__} has no momentum that "
                              "could change; give cycle_momentum=False")
        self.base_momentums = self._each("base_momentum", base)
        self.max_momentums = self._each("max_momentum", most)
        if begins:
            self._set_momentum(self.max_momentums)

    def _set_momentum(self, values: list[float]) -> None:
        for group, value in zip(self._groups, values, strict=True):
            if self.use_beta1:
                group["betas"] = (value, *group["betas"][1:])
            else:
                group["momentum"] = value


class CyclicLR(Momentum):
    """Rates that rise from ``base_lr`` to ``max_lr`` and fall back, again and again.

    Parameters
    ----------
    step_size_up, step_size_down : how many steps they rise and fall; as many, if one is given.
    mode : "triangular", "triangular2" (each cycle half as high) or "exp_range" (gamma^step as high).
    scale_fn : instead of a mode, how high: a function of the number of the cycle, from 1, or of the
        step if ``scale_mode`` is "iterations".

    Smith, 2017, https://arxiv.org/abs/1506.01186.
    """

    _functions = ("_scale",)

    def __init__(
        self, optimizer: Optimizer, base_lr: float | list[float], max_lr: float | list[float],
        step_size_up: int = 2000, step_size_down: int | None = None, mode: str = "triangular",
        gamma: float = 1.0, scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle", cycle_momentum: bool = True, base_momentum: float = 0.8,
        max_momentum: float = 0.9, last_epoch: int = -1,
    ) -> None:
        self.optimizer = optimizer
        rates, self.max_lrs = self._each("base_lr", base_lr), self._each("max_lr", max_lr)
        up = self._integer("step_size_up", step_size_up, 1)
        down = up if step_size_down is None else self._integer("step_size_down", step_size_down, 1)
        self.total_size, self.step_ratio = float(up + down), up / (up + down)
        self.mode = check_choice("CyclicLR: mode", mode, tuple(_HEIGHTS))
        modes = ("cycle", "iterations")
        self.scale_mode = check_choice("CyclicLR: scale_mode", scale_mode, modes)
        self.gamma, self._scale = self._number("gamma", gamma), scale_fn
        if scale_fn is None:
            self.scale_mode = modes[mode == "exp_range"]
        if last_epoch == -1:
            self._set(rates)
        self._cycles_momentum(cycle_momentum, base_momentum, max_momentum, last_epoch == -1)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = rates

    def get_lr(self) -> list[float]:
        """The rates that the groups get now; their momentum is set."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle
        share = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        n = cycle if self.scale_mode == "cycle" else self.last_epoch
        height = _HEIGHTS[self.mode](self.gamma, n) if self._scale is None else self._scale(n)
        if self.cycle_momentum:
            self._set_momentum([most - (most - base) * share * height for base, most in
                                zip(self.base_momentums, self.max_momentums, strict=True)])
        return [base + (most - base) * share * height
                for base, most in zip(self.base_lrs, self.max_lrs, strict=True)]


#: How high a cycle is, by ``gamma`` and its number, or that of the step.
_HEIGHTS: dict[str, Callable[[float, int], float]] = {
    "triangular": lambda gamma, n: 1.0, "triangular2": lambda gamma, n: 1 / 2.0 ** (n - 1),
    "exp_range": lambda gamma, n: gamma**n,
}


class OneCycleLR(Momentum):
    """One rise to ``max_lr`` and a long fall far below the start, over ``total_steps`` steps.

    Rates begin at max_lr / div_factor, rise for ``pct_start`` of the steps, and end at the first rate
    over final_div_factor; with ``three_phase`` they fall to the first rate as fast as they rose before.

    Smith and Topin, 2018, https://arxiv.org/abs/1708.07120.
    """

    def __init__(
        self, optimizer: Optimizer, max_lr: float | list[float], total_steps: int | None = None,
        epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
        anneal_strategy: str = "cos", cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85, max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = optimizer
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise OptionError("OneCycleLR: expected total_steps, or epochs and steps_per_epoch")
            total_steps = (self._integer("epochs", epochs, 1)
                           * self._integer("steps_per_epoch", steps_per_epoch, 1))
        self.total_steps = self._integer("total_steps", total_steps, 1)
        self.pct_start = self._number("pct_start", pct_start, 0, 1)
        strategies = ("cos", "linear")
        self.anneal_strategy = check_choice("OneCycleLR: anneal_strategy", anneal_strategy, strategies)
        self.three_phase = check_switch("OneCycleLR: three_phase", three_phase)
        self.max_lrs = self._each("max_lr", max_lr)
        first = self._number("div_factor", div_factor)
        last = self._number("final_div_factor", final_div_factor)
        if last_epoch == -1:
            for group, most in zip(self._groups, self.max_lrs, strict=True):
                group["initial_lr"] = most / first
        self.min_lrs = [group.get("initial_lr", most / first) / last
                        for group, most in zip(self._groups, self.max_lrs, strict=True)]
        self._cycles_momentum(cycle_momentum, base_momentum, max_momentum, last_epoch == -1)
        super().__init__(optimizer, last_epoch)

    def _share(self) -> tuple[int, float]:
        """The number of the phase, and how much of it is over."""
        rise, end = self.pct_start * self.total_steps, self.total_steps - 1
        ends = [rise - 1, 2 * rise - 2, end] if self.three_phase else [rise - 1, end]
        phase = next((n for n, e in enumerate(ends) if self.last_epoch <= e), len(ends) - 1)
        start = ends[phase - 1] if phase else 0.0
        return phase, (self.last_epoch - start) / (ends[phase] - start)

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2 * (math.cos(math.pi * share) + 1)

    def get_lr(self) -> list[float]:
        """The rates that the groups get now; their momentum is set."""
        if self.last_epoch > self.total_steps:
            raise OptionError(f"OneCycleLR: step {self.last_epoch} of {self.total_steps}; give "
                              "total_steps= as many as there are calls of step()")
        phase, share = self._share()
        if self.cycle_momentum:
            pairs = [(most, base) if phase == 0 else (most, most) if phase == 2 else (base, most)
                     for base, most in zip(self.base_momentums, self.max_momentums, strict=True)]
            self._set_momentum([self._between(*pair, share) for pair in pairs])
        rates = []
        for first, most, least in zip(self.base_lrs, self.max_lrs, self.min_lrs, strict=True):
            ends = [first, most, first, least] if self.three_phase else [first, most, least]
            rates.append(self._between(ends[phase], ends[phase + 1], share))
        return rates
