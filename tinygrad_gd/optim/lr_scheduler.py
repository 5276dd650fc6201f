"""Schedulers: what the learning rates of an optimizer are after each epoch, or after each step.

Under PyTorch's names, with its sequences. A scheduler changes ``optimizer.param_groups``, and compiled
steps read rates anew. Call it after the optimizer::

    scheduler = tg.optim.lr_scheduler.StepLR(optimizer, step_size=30)
    for epoch in range(100):
        train(...)
        scheduler.step()

Most of them compute a rate from the last one, so that several may change the same rates.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, describe
from ..ground.checks import check_choice
from ..ground.elsewhere import answering_for
from .cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from .optimizer import Optimizer
from .scheduler import LRScheduler

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR",
    "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR",
    "OneCycleLR", "PolynomialLR", "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip

if not TYPE_CHECKING:
    __getattr__ = answering_for(__name__, f"there are {', '.join(__all__)}; others are a subclass of "
                                          "LRScheduler with rate(lr, base)")


class LambdaLR(LRScheduler):
    """The rate of the start times what a function of the epoch gives.

    >>> import tinygrad_gd as tg
    >>> optimizer = tg.optim.SGD([tg.Tensor(0.0, requires_grad=True)], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> scheduler.step(); scheduler.get_last_lr()
    [0.5]
    """

    _functions = ("lr_lambdas",)

    def __init__(
        self, optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]], last_epoch: int = -1,
    ) -> None:
        self.optimizer = optimizer
        several = isinstance(lr_lambda, list | tuple)
        given: Any = lr_lambda if several else [lr_lambda] * len(self._groups)
        if len(given) != len(self._groups) or not all(map(callable, given)):
            raise DTypeError(f"{self._name}: expected a function of the epoch, or a list of one for "
                             f"each of {len(self._groups)} groups, got {describe(lr_lambda)}")
        self.lr_lambdas = list(given)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates that the groups get now."""
        return [base * f(self.last_epoch)
                for f, base in zip(self.lr_lambdas, self.base_lrs, strict=True)]


class MultiplicativeLR(LambdaLR):
    """The rate of the last epoch times what a function of the epoch gives.

    >>> import tinygrad_gd as tg
    >>> optimizer = tg.optim.SGD([tg.Tensor(0.0, requires_grad=True)], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.5)
    >>> scheduler.step(); scheduler.step(); scheduler.get_last_lr()
    [0.25]
    """

    def get_lr(self) -> list[float]:
        """The rates that the groups get now."""
        rates = [group["lr"] for group in self._groups]
        if self._is_initial:
            return rates
        return [lr * f(self.last_epoch) for f, lr in zip(self.lr_lambdas, rates, strict=True)]


class StepLR(LRScheduler):
    """The rate times ``gamma`` after every ``step_size`` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1,
                 last_epoch: int = -1) -> None:
        self.step_size = self._integer("step_size", step_size, 1)
        self.gamma = self._number("gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float) -> float:
        """The next rate of a group."""
        return lr if self.last_epoch == 0 or self.last_epoch % self.step_size else lr * self.gamma


class MultiStepLR(LRScheduler):
    """The rate times ``gamma`` at each of some epochs; at one that is given twice, twice."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1,
                 last_epoch: int = -1) -> None:
        self.milestones = Counter(self._integers("milestones", milestones))
        self.gamma = self._number("gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float) -> float:
        """The next rate of a group."""
        return lr * self.gamma ** self.milestones[self.last_epoch]


class ConstantLR(LRScheduler):
    """The rate times ``factor`` for ``total_iters`` epochs, and as it was from then on."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5,
                 last_epoch: int = -1) -> None:
        self.factor = self._number("factor", factor, 0, 1)
        self.total_iters = self._integer("total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float) -> float:
        """The next rate of a group."""
        if self.last_epoch == 0:
            return lr * self.factor
        return lr * (1 / self.factor) if self.last_epoch == self.total_iters else lr


class LinearLR(LRScheduler):
    """The rate times a factor on a line, from ``start_factor`` to ``end_factor``: a warm-up."""

    def __init__(self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0,
                 total_iters: int = 5, last_epoch: int = -1) -> None:
        self.start_factor = self._number("start_factor", start_factor, 0, 1)
        self.end_factor = self._number("end_factor", end_factor, 0, 1)
        self.total_iters = self._integer("total_iters", total_iters)
        if self.start_factor == 0:
            raise OptionError("LinearLR: start_factor must be > 0, as each rate is computed from the "
                              f"one before, got {start_factor!r}")
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float) -> float:
        """The next rate of a group."""
        if self.last_epoch == 0:
            return lr * self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return lr
        slope = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * slope
        return lr * (1 + slope / before)


class ExponentialLR(LRScheduler):
    """The rate times ``gamma`` after every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = self._number("gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float) -> float:
        """The next rate of a group."""
        return lr if self._is_initial else lr * self.gamma


class PolynomialLR(LRScheduler):
    """The rate of the start times (1 - epoch / total_iters)^power, down to 0."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0,
                 last_epoch: int = -1) -> None:
        self.total_iters = self._integer("total_iters", total_iters, 1)
        self.power = self._number("power", power)
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float) -> float:
        """The next rate of a group."""
        if self._is_initial or self.last_epoch > self.total_iters:
            return lr
        now, before = (1 - t / self.total_iters for t in (self.last_epoch, self.last_epoch - 1))
        return float(lr * (now / before) ** self.power)


class CosineAnnealingLR(LRScheduler):
    """Half a period of the cosine, from the rate of the start to ``eta_min`` in ``T_max`` epochs.

    Loshchilov and Hutter, 2017, https://arxiv.org/abs/1608.03983, without the restarts.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0,
                 last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = self._integer("T_max", T_max, 1), self._number("eta_min", eta_min, 0)
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float) -> float:
        """The next rate of a group."""
        t, period, low = self.last_epoch, self.T_max, self.eta_min
        if self._is_initial:
            return lr
        if (t - 1 - period) % (2 * period) == 0:
            return lr + (base - low) * (1 - math.cos(math.pi / period)) / 2
        now, before = (1 + math.cos(math.pi * n / period) for n in (t, t - 1))
        return now / before * (lr - low) + low


class ReduceLROnPlateau(LRScheduler):
    """Rates times ``factor`` once a number has not become better for more than ``patience`` epochs.

    Parameters
    ----------
    mode : "min" or "max", what is better.
    threshold, threshold_mode : by how much it must be better: a share of the best, or as it is ("abs").
    cooldown : epochs after a reduction that are not counted.
    min_lr : what rates do not fall below.
    eps : a smaller change is not made.

    >>> import tinygrad_gd as tg
    >>> optimizer = tg.optim.SGD([tg.Tensor(0.0, requires_grad=True)], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0): scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.1]
    """

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
        threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0,
        min_lr: float | list[float] = 0.0, eps: float = 1e-8,
    ) -> None:
        self.optimizer = optimizer
        self.factor = self._number("factor", factor, 0)
        if self.factor >= 1:
            raise OptionError(f"ReduceLROnPlateau: factor must be < 1, got {factor!r}")
        self.min_lrs = self._each("min_lr", min_lr)
        self.patience = self._integer("patience", patience)
        self.cooldown = self._integer("cooldown", cooldown)
        self.threshold, self.eps = self._number("threshold", threshold), self._number("eps", eps, 0)
        self.mode = check_choice("ReduceLROnPlateau: mode", mode, ("min", "max"))
        self.threshold_mode = check_choice(
            "ReduceLROnPlateau: threshold_mode", threshold_mode, ("rel", "abs"))
        self.best = math.inf if mode == "min" else -math.inf
        self.last_epoch = self.cooldown_counter = self.num_bad_epochs = 0
        self._last_lr = [group["lr"] for group in self._groups]

    def step(self, metrics: Any) -> None:  # type: ignore[override]  # it depends on more than epochs
        """Take notice of the number of another epoch, such as the loss on data not trained on."""
        now = float(metrics.item() if isinstance(metrics, Tensor) else metrics)
        self.last_epoch += 1
        if self._is_better(now):
            self.best, self.num_bad_epochs = now, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        rates = [group["lr"] for group in self._groups]
        if self.num_bad_epochs > self.patience:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
            less = [max(lr * self.factor, low) for lr, low in zip(rates, self.min_lrs, strict=True)]
            rates = [new if old - new > self.eps else old for old, new in zip(rates, less, strict=True)]
        self._set(rates)

    def _is_better(self, now: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "rel":
            return sign * now > sign * self.best * (1 + sign * self.threshold)
        return sign * now > sign * (self.best + sign * self.threshold)


class Several(LRScheduler):
    """A scheduler of others, which have one optimizer."""

    def __init__(self, optimizer: Any, schedulers: Sequence[LRScheduler]) -> None:
        if not isinstance(schedulers, list | tuple):
            raise DTypeError(f"{self._name}: expected a list of schedulers, got {describe(schedulers)}")
        self._schedulers = list(schedulers)
        for i, s in enumerate(self._schedulers):
            if not isinstance(s, LRScheduler) or isinstance(s, ReduceLROnPlateau):
                raise DTypeError(f"{self._name}: expected schedulers that step by epochs alone, got "
                                 f"{describe(s)} at place {i}")
        if not self._schedulers:
            raise OptionError(f"{self._name}: expected at least one scheduler")
        self.optimizer = self._schedulers[0].optimizer if optimizer is None else optimizer
        if any(s.optimizer is not self.optimizer for s in self._schedulers):
            raise OptionError(f"{self._name}: expected schedulers of the same optimizer")
        self.base_lrs = [group["initial_lr"] for group in self._groups]
        self.each_step = any(s.each_step for s in self._schedulers)

    def state_dict(self) -> dict[str, Any]:
        """What it has, with the states of its schedulers."""
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        given = state_dict.get("_schedulers", ()) if isinstance(state_dict, Mapping) else ()
        if len(given) != len(self._schedulers):
            raise OptionError(f"load_state_dict: expected the states of {len(self._schedulers)} "
                              f"schedulers, got {len(given)}")
        own = {k: v for k, v in state_dict.items() if k != "_schedulers"}
        super().load_state_dict({"last_epoch": 0, **own})  # PyTorch's chains have none
        for s, state in zip(self._schedulers, given, strict=True):
            s.load_state_dict(state)


class SequentialLR(Several):
    """One scheduler after the other: the next begins, at its epoch 0, at each of the milestones.

    >>> import tinygrad_gd as tg
    >>> optimizer = tg.optim.SGD([tg.Tensor(0.0, requires_grad=True)], lr=1.0)
    >>> warmup = tg.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> decay = tg.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler = tg.optim.lr_scheduler.SequentialLR(optimizer, [warmup, decay], milestones=[2])
    >>> for _ in range(4): print(*scheduler.get_last_lr(), end=" "); scheduler.step()
    0.5 0.75 1.0 0.5
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: list[int],
                 last_epoch: int = -1) -> None:
        super().__init__(optimizer, schedulers)
        self._milestones = self._integers("milestones", milestones)
        if len(self._milestones) != len(self._schedulers) - 1:
            raise OptionError(f"SequentialLR: expected {len(self._schedulers) - 1} milestones for "
                              f"{len(self._schedulers)} schedulers, got {len(self._milestones)}")
        self.last_epoch = self._integer("last_epoch", last_epoch, -1) + 1
        self.restart()

    def begin(self) -> None:
        """Begin at epoch 0."""
        self.last_epoch = 0
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first.begin()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        n = bisect_right(self._milestones, self.last_epoch)
        current = self._schedulers[n]
        if n > 0 and self._milestones[n - 1] == self.last_epoch:
            current.restart()
        else:
            current.step()
        self._last_lr = current.get_last_lr()


class ChainedScheduler(Several):
    """Several schedulers at once, of which each changes what those before it have made of the rates."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        super().__init__(optimizer, schedulers)
        self.last_epoch = 0
        self._last_lr = [group["lr"] for group in self._groups]

    def begin(self) -> None:
        """Begin at epoch 0."""
        self.last_epoch = 0
        for s in self._schedulers:
            s.begin()
        self._last_lr = self._schedulers[-1].get_last_lr()

    def step(self) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        for s in self._schedulers:
            s.step()
        self._last_lr = self._schedulers[-1].get_last_lr()
