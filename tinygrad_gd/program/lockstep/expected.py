"""Expected: what must be as it was, as one expression, which costs less than half of a loop over it.

::

    len(groups := steps0.param_groups) == 1
    and len(params := read(group := groups[0], "params")) == 2 and params[0] is T3 and params[1] is T4
    and (group == options1 or but_rates(group) == but_rates2)  # of the same: others would be compared
    and not steps0.state and (T3._grad is event5.out or stands_for(event5, T3._grad)) and ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ...ground.storage import changes
from .trail import Event, same

_OURS: dict[type, bool] = {}
_held = Tensor.__dict__["_value"].__get__  # not a look: a buffer may be about to be written to
_PACKAGE = __name__.partition(".")[0] + "."


class Names:
    """Names in a text for objects.

    Attributes
    ----------
    space : what they stand for.
    """

    def __init__(self, **space: Any) -> None:
        self.space = space
        self._number = count()

    def name(self, thing: Any, stem: str) -> str:
        """A new name for an object."""
        made = f"{stem}{next(self._number)}"
        self.space[made] = thing
        return made


class Expected(Names):
    """Tests that are written down one after the other, and made into a function.

    >>> tests = Expected(); tests.add(f"x < {tests.name(3, 'limit')}"); tests.function("x")(2)
    True
    """

    def __init__(self) -> None:
        super().__init__(but_rates=but_rates, remembers=remembers, read=dict.__getitem__, same=same)
        self._tests: list[str] = []

    def add(self, *tests: str) -> None:
        """Something else that must be true."""
        self._tests += tests

    def optimizer(self, step: Event) -> None:
        """The same parameters, options and state as when a step was recorded; rates may be others."""
        steps, state = self.name(step.what, "steps"), step.params["state"]
        self.add(f"len(groups := {steps}.param_groups) == {len(step.more)}")
        for k, (params, options) in enumerate(step.more):
            then, form = self.name(options, "options"), self.name(but_rates(options), "but_rates")
            self.add(f"len(params := read(group := groups[{k}], 'params')) == {len(params)}",
                     *(f"params[{n}] is {self.name(p, 'T')}" for n, p in enumerate(params)),
                     f"(group == {then} or but_rates(group) == {form})")
        self.add(f"remembers({steps}, {self.name(state, 'state')})" if state else f"not {steps}.state")

    def function(self, arguments: str) -> Callable[..., bool]:
        """Whether all of them are true."""
        made: Callable[..., bool] = eval(
            f"lambda {arguments}: {' and '.join(self._tests) or True}", self.space)
        return made


class Flags:
    """What is hardly ever set, of Tensors in events and of modules, given as weak references.

    Attributes
    ----------
    seen : `changes.count` when it was found to be what it was.
    known : ids of the Tensors.
    own : ids of those among them that are derived by or written to.
    """

    def __init__(self, events: Iterable[Event], modules: Iterable[Any] = (),
                 others: Iterable[Tensor] = ()) -> None:
        events, self.seen = list(events), changes.count
        tensors = dict.fromkeys((*(t for e in events for t in e.outside()), *others))
        self._modules = [(r, m.training, m._hooks) for r in modules if (m := r()) is not None]
        self._flags = [(t, t._requires_grad, isinstance(_held(t), np.ndarray)) for t in tensors]
        self.known = set(map(id, tensors))
        self.own = {id(t) for e in events for t in e.written()} | {
            id(t) for t in tensors if t._requires_grad}

    def hold(self) -> bool:
        """Whether it is what it was."""
        seen = changes.count  # before looking: another thread may set something meanwhile
        if not (all((m := r()) is None or (m.training is training and m._hooks is hooks)
                    for r, training, hooks in self._modules)
                and all(t._requires_grad is requires and not t._hooks
                        and isinstance(_held(t), np.ndarray) is array
                        for t, requires, array in self._flags)):
            return False
        self.seen = seen
        return True


def but_rates(options: dict[str, Any]) -> tuple[Any, ...]:
    """Options without parameters, and without rates and the like, which a program reads anew.

    Of these floats our optimizers ask at most whether they are 0; of learning rates not even that.
    """
    return tuple([(k, type(v), k == "lr" or type(v) is tuple or (v != 0 if type(v) is float else v))
                  for k, v in {**options}.items() if k != "params"])  # an optimizer's tell who reads


def remembers(optimizer: Any, state: Any) -> bool:
    """Whether an optimizer remembers for its parameters what it did."""
    held = optimizer.state
    return len(held) == len({id(p) for p, _, _ in state}) and all([
        p in held and ((now := held[p].get(k)) is t or same(now, t)) for p, k, t in state])


def state_of(optimizer: Any) -> tuple[Any, ...]:
    """What an optimizer remembers for parameters."""
    return tuple((p, k, t) for p, s in optimizer.state.items() for k, t in s.items())


def is_ours(kind: type) -> bool:
    """Whether the steps of a kind of optimizer are all of this package."""
    if (ours := _OURS.get(kind)) is None:
        ours = _OURS[kind] = all(getattr(kind, name).__module__.startswith(_PACKAGE)
                                 for name in ("step", "make_step", "update", "update_all"))
    return ours
