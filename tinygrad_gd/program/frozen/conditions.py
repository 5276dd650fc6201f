"""Conditions: what a frozen program follows besides its arguments, looked at before each replay.

They are one expression, which costs less than half of a loop over them::

    (mode is mode0 or mode == mode0) and (changes.count == flags1.seen or flags1.hold())
    and len(steps2.param_groups) == 1 and steps2.param_groups[0] is group3
    and (group3 == options4 or same_but_rates(group3, options4))
    and len(params5) == 2 and params5[0] is T6 and params5[1] is T7
    and not steps2.state and T8._grad is None and T9._grad is None
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ...ground.modes import Mode
from ...ground.storage import changes
from ..lockstep.call import same_but_rates
from ..lockstep.trail import Event, same


def conditions(
    mode: Mode, events: list[Event], modules: list[Any], with_gradient: list[Tensor],
    without_gradient: list[Tensor],
) -> Callable[[Mode], bool]:
    """Whether modes, options of optimizers and what they remember, and gradients are what they were.

    Learning rates may be others: a program reads them anew.
    """
    space: dict[str, Any] = {
        "changes": changes, "same_but_rates": same_but_rates, "remembers": _remembers}
    number = count()

    def name(thing: Any, stem: str) -> str:
        made = f"{stem}{next(number)}"
        space[made] = thing
        return made

    then, flags = name(mode, "mode"), name(Flags(events, modules), "flags")
    tests = [f"(mode is {then} or mode == {then})",
             f"(changes.count == {flags}.seen or {flags}.hold())"]
    for e in events:
        if e.kind == "step":
            steps = name(e.what, "steps")
            tests.append(f"len({steps}.param_groups) == {len(e.more)}")
            for k, (params, options) in enumerate(e.more):
                group = e.what.param_groups[k]
                now = name(group, "group")
                known, given = name(options, "options"), name(group["params"], "params")
                tests += [f"{steps}.param_groups[{k}] is {now}",
                          f"({now} == {known} or same_but_rates({now}, {known}))",
                          f"len({given}) == {len(params)}",
                          *(f"{given}[{n}] is {name(p, 'T')}" for n, p in enumerate(params))]
            state = e.params["state"]
            tests.append(f"remembers({steps}, {name(state, 'state')})" if state
                         else f"not {steps}.state")
    tests += [f"{name(leaf, 'T')}._grad is None" for leaf in without_gradient]
    tests += [f"{name(leaf, 'T')}._grad is not None" for leaf in with_gradient]
    made: Callable[[Mode], bool] = eval(f"lambda mode: {' and '.join(tests)}", space)
    return made


class Flags:
    """What is hardly ever set.

    Attributes
    ----------
    seen : `changes.count` when it was found to be what it was.
    """

    def __init__(self, events: list[Event], modules: list[Any]) -> None:
        self.seen = changes.count
        self._training = [(r, m.training) for r in modules if (m := r()) is not None]
        self._flags = [(t, t._requires_grad, isinstance(t._value, np.ndarray))
                       for t in dict.fromkeys(t for e in events for t in e.outside())]

    def hold(self) -> bool:
        """Whether it is what it was."""
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
