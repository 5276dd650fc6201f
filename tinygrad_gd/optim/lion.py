"""Lion: the sign of a momentum, which needs half the memory of Adam."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import numpy as np

from ..engine.tensor import Tensor
from ..ops.descend import descend
from .formula import Formula


class Lion(Formula):
    """Steps of one size for all elements, in the direction of a running mean that weighs g more.

    ::

        p -= lr weight_decay p;    p -= lr sign(β1 m + (1 - β1) g);    m = β2 m + (1 - β2) g

    Its rates are three to ten times smaller than Adam's, its weight decay as much larger. PyTorch has
    no such class; names are those of the authors and of Adam.

    Chen and others, 2023, https://arxiv.org/abs/2302.06675.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True); opt = tg.optim.Lion([w], lr=0.1)
    >>> (w * w).backward(); opt.step(); round(w.item(), 6), round(opt.state[w]["exp_avg"].item(), 6)
    (2.9, 0.06)
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize,
        }, unknown)

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """One step for one parameter."""
        beta1, beta2 = options["betas"]
        m = self.remembered(p, "exp_avg", like=p)
        descend(p, options["lr"], np.sign(beta1 * m + (1 - beta1) * g))
        m *= beta2
        m += (1 - beta2) * g
