"""Conditions: what a frozen program follows besides its arguments, looked at before each replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ...ground.modes import Mode
from ...ground.storage import changes
from ..lockstep.expected import Expected
from ..lockstep.trail import Event


def conditions(
    mode: Mode, events: list[Event], modules: list[Any], with_gradient: list[Tensor],
    without_gradient: list[Tensor],
) -> Callable[[Mode], bool]:
    """Whether modes, options of optimizers and what they remember, and gradients are what they were.

    Learning rates may be others: a program reads them anew.
    """
    expected = Expected()
    then, flags = expected.name(mode, "mode"), expected.name(Flags(events, modules), "flags")
    changed = expected.name(changes, "changes")
    expected.add(f"(mode is {then} or mode == {then})",
                 f"({changed}.count == {flags}.seen or {flags}.hold())")
    for e in events:
        if e.kind == "step":
            expected.optimizer(e)
    expected.add(*(f"{expected.name(leaf, 'T')}._grad is None" for leaf in without_gradient))
    expected.add(*(f"{expected.name(leaf, 'T')}._grad is not None" for leaf in with_gradient))
    return expected.function("mode")


class Flags:
    """What is hardly ever set.

    Attributes
    ----------
    seen : `changes.count` when it was found to be what it was.
    """

    def __init__(self, events: list[Event], modules: list[Any]) -> None:
        self.seen = changes.count
        self._modules = [(r, m.training, m._hooks) for r in modules if (m := r()) is not None]
        self._flags = [(t, t._requires_grad, isinstance(t._value, np.ndarray))
                       for t in dict.fromkeys(t for e in events for t in e.outside())]

    def hold(self) -> bool:
        """Whether it is what it was."""
        seen = changes.count  # before looking: another thread may set something meanwhile
        if not (all((m := r()) is None or (m.training is training and m._hooks is hooks)
                    for r, training, hooks in self._modules)
                and all(t._requires_grad is requires and not t._hooks
                        and isinstance(t._value, np.ndarray) is array
                        for t, requires, array in self._flags)):
            return False
        self.seen = seen
        return True
