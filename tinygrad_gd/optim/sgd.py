"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from ..engine.tensor import Tensor
from ..errors import OptionError
from ..ground.modes import current_mode
from ..ops.descend import descend, descend_all
from .optimizer import Optimizer


class SGD(Optimizer):
    r"""``param -= lr * grad``, with PyTorch's momentum: v = momentum v + (1 - dampening) g.

    The first v is g itself. With ``nesterov`` the step is g + momentum v instead of v;
    ``weight_decay`` adds weight_decay * param to g first; ``maximize`` goes up instead of down.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True); opt = tg.optim.SGD([w], lr=0.1)
    >>> (w * w).backward(); opt.step(); round(w.item(), 6)
    2.4
    """

    switches, renamed = ("nesterov", "maximize"), {"momentum_buffer": "velocity"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening,
            "weight_decay": weight_decay, "nesterov": nesterov, "maximize": maximize,
        }, unknown)

    def check(self, group: dict[str, Any]) -> None:
        """Refuse negative options, and nesterov without momentum or with dampening."""
        self.check_least(group, "lr", "momentum", "weight_decay")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise OptionError("SGD: nesterov needs momentum > 0 and dampening = 0")

    def update_all(self, group: dict[str, Any]) -> None:
        """One step for all parameters of a group."""
        held = {**group}  # read in half the time
        plain = type(self).update is SGD.update and not (held["momentum"] or held["weight_decay"])
        if plain and type(lr := held["lr"]) is float and current_mode().observer is None:
            descend_all(held["params"], -lr if held["maximize"] else lr)
        else:
            super().update_all(group)

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """One step for one parameter."""
        momentum, decay = options["momentum"], options["weight_decay"]
        if options["maximize"]:
            g = -g
        if decay:
            g = g + decay * p
        if momentum:
            velocity = self.state.get(p, {}).get("velocity")
            if velocity is None:
                velocity = self.remember(p, "velocity", g.copy())
            else:
                dampening = options["dampening"]
                velocity *= momentum
                velocity += (1 - dampening) * g if dampening else g
            g = g + momentum * velocity if options["nesterov"] else velocity
        descend(p, options["lr"], g)
