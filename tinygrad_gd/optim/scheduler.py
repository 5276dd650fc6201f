"""`LRScheduler`: what all schedulers share, the rates of groups and the number of the epoch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import DTypeError, OptionError, describe
from ..ground.checks import check_integer, check_number
from .optimizer import Optimizer


class LRScheduler:
    """A schedule over the rates of all groups; a subclass says in ``rate`` what the next one is.

    Parameters
    ----------
    optimizer : whose rates are changed.
    last_epoch : the number of the last epoch, if a run goes on whose groups have their
        ``initial_lr``; -1 begins.

    Attributes
    ----------
    base_lrs : the rates that it started from.
    last_epoch : how often it has stepped.
    each_step : whether `fit` lets it step after each batch, and not after each epoch; set it to True
        where a schedule counts batches.

    >>> import tinygrad_gd as tg
    >>> class Halving(tg.optim.lr_scheduler.LRScheduler):
    ...     def rate(self, lr, base):
    ...         return base / 2**self.last_epoch
    >>> optimizer = tg.optim.SGD([tg.Tensor(0.0, requires_grad=True)], lr=1.0)
    >>> scheduler = Halving(optimizer); scheduler.step(); scheduler.step(); scheduler.get_last_lr()
    [0.25]
    """

    each_step = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        last_epoch = check_integer(f"{self._name}: last_epoch", last_epoch, -1)
        for i, group in enumerate(self._groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise OptionError(f"{self._name}: group {i} has no 'initial_lr', from which last_epoch="
                                  f"{last_epoch} could go on; load the optimizer's state first")
        self.base_lrs = [group["initial_lr"] for group in self._groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "optimizer" and not isinstance(value, Optimizer):
            raise DTypeError(f"{self._name}: expected an optimizer, got {describe(value)}; write "
                             f"{self._name}(optimizer, ...)")
        object.__setattr__(self, name, value)

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def _groups(self) -> list[dict[str, Any]]:
        return self.optimizer.param_groups

    def _initial_step(self) -> None:
        """Set the rates to those of epoch 0, or of that after the last one."""
        self._is_initial = True
        try:
            LRScheduler.step(self)
        finally:
            self._is_initial = False

    def restart(self) -> None:
        """Begin again, at epoch 0 with the rates of the start."""
        for group, base in zip(self._groups, self.base_lrs, strict=True):
            group["lr"] = base
        self.begin()

    def begin(self) -> None:
        """Begin at epoch 0 with the rates that there are."""
        self.last_epoch = -1
        self._initial_step()

    def rate(self, lr: float, base: float) -> float:
        """The rate of a group in epoch ``last_epoch``: it was ``lr``, and ``base`` at the start."""
        raise TypeError(f"{self._name} must define rate(lr, base)")

    def get_lr(self) -> list[float]:
        """The rates that the groups get now."""
        return [self.rate(group["lr"], base)
                for group, base in zip(self._groups, self.base_lrs, strict=True)]

    def get_last_lr(self) -> list[float]:
        """The rates of the groups after the last step."""
        return list(self._last_lr)

    def step(self) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        self._set(self.get_lr())

    def _set(self, rates: list[float]) -> None:
        for group, rate in zip(self._groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = [group["lr"] for group in self._groups]

    def _each(self, option: str, value: Any) -> list[float]:
        """A number for each group, of one for all or a list."""
        given = list(value) if isinstance(value, list | tuple) else [value] * len(self._groups)
        if len(given) != len(self._groups):
            raise OptionError(f"{self._name}: {option}: expected a number for each of "
                              f"{len(self._groups)} groups, got {len(given)}")
        return [float(check_number(f"{self._name}: {option}", x, 0)) for x in given]

    def _number(self, option: str, value: Any, low: float = -math.inf,
                high: float = math.inf) -> float:
        found: float = check_number(f"{self._name}: {option}", value, low, high)
        return found

    def _integer(self, option: str, value: Any, least: int = 0) -> int:
        return check_integer(f"{self._name}: {option}", value, least)

    def _integers(self, option: str, values: Any) -> list[int]:
        if not isinstance(values, Iterable):
            raise DTypeError(f"{self._name}: {option} are a list of integers, got {describe(values)}; "
                             f"write [{values}]")
        return [self._integer(option, value) for value in values]

    def state_dict(self) -> dict[str, Any]:
        """All that it has but the optimizer and functions, for `load_state_dict`.

        >>> import tinygrad_gd as tg
        >>> optimizer = tg.optim.SGD([tg.Tensor(0.0, requires_grad=True)], lr=1.0)
        >>> scheduler = tg.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5); scheduler.step()
        >>> scheduler.state_dict()["last_epoch"], scheduler.state_dict()["_last_lr"]
        (1, [0.5])
        """
        return {k: v for k, v in vars(self).items() if k not in ("optimizer", *self._functions)}

    #: Attributes that are functions, and so no part of a state.
    _functions: tuple[str, ...] = ()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave, PyTorch's too; the optimizer has a state of its own."""
        if not isinstance(state_dict, Mapping) or "last_epoch" not in state_dict:
            raise DTypeError(f"load_state_dict: expected what {self._name}.state_dict() gives, got "
                             f"{describe(state_dict)}")
        own = vars(self)
        unknown = [k for k in state_dict
                   if k not in own and k[0] != "_" and k not in ("mode_worse", "default_min_lr")]
        if unknown:
            raise OptionError(f"load_state_dict: {self._name} has no {unknown[0]!r}; make the "
                              "scheduler of which the state was saved")
        own.update({k: v for k, v in state_dict.items()
                    if k in own and k not in ("optimizer", *self._functions)})
