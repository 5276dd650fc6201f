"""`Formula`: what the optimizers have in common that are one formula over what they remember."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, describe
from ..ground.live import live
from ..ground.modes import no_grad
from .optimizer import Optimizer, with_gradient


class Formula(Optimizer):
    """An optimizer whose ``update`` is its formula: steps are counted here, and weights decay here.

    Parameters that were always updated together share their counters, 0-d Tensors that a program
    follows like all else that is remembered; what follows from these alone is computed once for them.

    >>> import tinygrad_gd as tg
    >>> from tinygrad_gd.optim.formula import Formula
    >>> class Slowing(Formula):
    ...     def shared(self, counters, options):
    ...         return {"rate": options["lr"] / counters["step"]}
    ...     def update(self, p, g, options):
    ...         p -= options["rate"] * g
    >>> w = tg.Tensor(3.0, requires_grad=True); optimizer = Slowing([w], {"lr": 1.0})
    >>> for _ in range(2): w.grad = 1.0; optimizer.step(); print(w.item())
    2.0
    1.5
    """

    switches: tuple[str, ...] | None = ("maximize",)
    several: Mapping[str, int] = {"betas": 2}
    #: Whether weights decay by themselves, and not through the gradient, if no option says it.
    decoupled = False

    def counters(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """What depends on the number of the step only and is remembered, as it is before the first."""
        return {"step": 0.0}

    def shared(self, counters: dict[str, Tensor], options: Mapping[str, Any]) -> dict[str, Any]:
        """What ``update`` finds among its options, in each parameter's dtype: what is equal for all."""
        return {}

    def check(self, group: dict[str, Any]) -> None:
        """Refuse what is negative or, in betas, not below 1."""
        self.check_least(group, "lr", "eps", "weight_decay")
        for n, beta in enumerate(group.get("betas", ())):
            if not 0 <= beta < 1:
                raise OptionError(f"{type(self).__name__}: betas[{n}] must be >= 0 and < 1, got "
                                  f"{beta!r}")

    def update_all(self, group: dict[str, Any]) -> None:
        """Update every parameter of a group that has a gradient."""
        with no_grad():
            options = live(group)
            for counters, params in self._counted(group, with_gradient(group["params"])):
                counters["step"] += 1
                found = self.shared(counters, options)
                given: dict[Any, dict[str, Any]] = {}
                for p in params:
                    dtype = p._value.dtype
                    if dtype not in given:
                        given[dtype] = {**options, **{k: _cast(v, dtype) for k, v in found.items()}}
                    self.update(p, self._slope(p, options), given[dtype])

    def _slope(self, p: Tensor, options: Mapping[str, Any]) -> Tensor:
        """The gradient of what is to become less, weight decay included; or the weight decays here."""
        g: Any = p._grad
        if options.get("maximize"):
            g = -g
        if options.get("weight_decay"):
            decay = options["weight_decay"]
            if options.get("decoupled_weight_decay", self.decoupled):
                p *= 1 - options["lr"] * decay
            else:
                g = g + decay * p
        return g  # type: ignore[no-any-return]

    def _counted(
        self, group: Mapping[str, Any], params: list[Tensor]
    ) -> Iterator[tuple[dict[str, Tensor], list[Tensor]]]:
        """The parameters by the counters that they share; who leaves others behind gets new ones."""
        names, state = self.counters(group), self.state
        holders = Counter([id(s.get("step")) for s in state.values()])
        together: dict[Any, list[Tensor]] = {}
        for p in params:
            together.setdefault(state.get(p, {}).get("step"), []).append(p)
        for step, members in together.items():
            if step is None or holders[id(step)] != len(members):
                begun = {} if step is None else state[members[0]]
                fresh = {k: Tensor(np.float64(begun.get(k, v)), name=k) for k, v in names.items()}
                for p in members:
                    state.setdefault(p, {}).update(fresh)
            yield {k: state[members[0]][k] for k in names}, members

    def loaded(self, state: dict[Tensor, dict[str, Any]]) -> None:
        """Let parameters of a group that have come as far share their counters."""
        for group in self.param_groups:
            known: dict[Any, dict[str, Tensor]] = {}
            names = self.counters(group)
            for remembered in (state[p] for p in group["params"] if "step" in state.get(p, {})):
                numbers = {k: _number(k, remembered.get(k, v)) for k, v in names.items()}
                shared = {k: Tensor(v, name=k) for k, v in numbers.items()}
                remembered.update(known.setdefault(tuple(numbers.values()), shared))


def _cast(x: Any, dtype: np.dtype[Any]) -> Any:
    """A 0-d Tensor in the dtype of what it meets, which it would widen."""
    return x.astype(dtype) if isinstance(x, Tensor) and x._value.dtype != dtype else x


def _number(name: str, value: Any) -> Any:
    if getattr(value, "ndim", 0) or not isinstance(value, Tensor | int | float):
        raise DTypeError(f"load_state_dict: {name!r} must be one number, got {describe(value)}")
    return np.float64(value.item() if isinstance(value, Tensor) else value)
