"""Conditions: what a frozen program follows besides its arguments, looked at before each replay."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ...ground.modes import Mode
from ...ground.storage import changes
from ..lockstep.call import same_but_rates
from ..lockstep.trail import Event, same


class Conditions:
    """Modes, options of optimizers and what they remember, gradients, and what requires them.

    Attributes
    ----------
    seen : `changes.count` when what is hardly ever set was found to be what it was.
    """

    def __init__(self, mode: Mode, events: list[Event], modules: list[Any], with_gradient: list[Tensor],
                 without_gradient: list[Tensor]) -> None:
        self.mode, self.seen = mode, changes.count
        self._training = [(r, m.training) for r in modules if (m := r()) is not None]
        self._flags = [(t, t._requires_grad, isinstance(t._value, np.ndarray))
                       for t in dict.fromkeys(t for e in events for t in e.outside())]
        self._steps = [(e.what, [options for _, options in e.more], e.params["state"])
                       for e in events if e.kind == "step"]
        self._with, self._without = with_gradient, without_gradient

    def hold(self, mode: Mode) -> bool:
        """Whether all is as it was; learning rates are read anew."""
        if not (mode is self.mode or mode == self.mode):
            return False
        if changes.count != self.seen and not self._unchanged():
            return False
        for optimizer, groups, state in self._steps:
            now = optimizer.param_groups
            if len(now) != len(groups):
                return False
            for group, options in zip(now, groups, strict=False):
                if group != options and not same_but_rates(group, options):
                    return False
            if (state or optimizer.state) and not _remembers(optimizer, state):
                return False
        for leaf in self._without:
            if leaf._grad is not None:
                return False
        return all([leaf._grad is not None for leaf in self._with]) if self._with else True

    def _unchanged(self) -> bool:
        """Whether what is hardly ever set is what it was."""
        seen = changes.count  # before looking: another thread may set something meanwhile
        if not (all((m := r()) is None or m.training is training for r, training in self._training)
                and all(t._requires_grad is requires and not t._hooks
                        and isinstance(t._value, np.ndarray) is array
                        for t, requires, array in self._flags)):
            return False
        self.seen = seen
        return True


def _remembers(optimizer: Any, state: Any) -> bool:
    """Whether an optimizer remembers for its parameters what it did."""
    held = optimizer.state
    return len(held) == len({id(p) for p, _, _ in state}) and all([
        p in held and ((now := held[p].get(k)) is t or same(now, t)) for p, k, t in state])
