"""Muon: a momentum whose singular values are all made about 1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, describe
from ..ground.checks import check_integer
from ..ops.elementwise import maximum, sqrt
from .formula import Formula


class Muon(Formula):
    """Momentum made orthogonal by Newton and Schulz's iteration; for matrices of hidden layers only.

    ::

        m = momentum m + (1 - momentum) g;    u = momentum m + (1 - momentum) g if nesterov else m
        X = u / max(|u|, eps);    ns_steps times: A = X Xᵀ;  X = a X + (b A + c A²) X
        p -= lr weight_decay p;    p -= lr scale X

    ``ns_coefficients`` are a, b and c. The scale of rows x columns is √max(1, rows / columns), or with
    ``adjust_lr_fn="match_rms_adamw"`` 0.2 √max(rows, columns), so that Adam's rates fit. Biases,
    embeddings and the last layer go to AdamW.

    It is computed in the parameter's precision, where PyTorch's iteration rounds to bfloat16: steps
    differ from PyTorch's in their third digit, and are the more exact ones.

    Jordan and others, 2024, https://kellerjordan.github.io/posts/muon.

    >>> import numpy as np, tinygrad_gd as tg
    >>> w = tg.Tensor(np.zeros((2, 2)), requires_grad=True); w.grad = np.array([[3.0, 0.0], [0.0, 0.5]])
    >>> tg.optim.Muon([w], lr=1.0, ns_coefficients=(1.5, -0.5, 0.0), ns_steps=20).step()
    >>> (-w.numpy().round(6) + 0.0).tolist()  # lengths are gone
    [[1.0, 0.0], [0.0, 1.0]]
    """

    switches = ("nesterov",)
    several: Mapping[str, int] = {"ns_coefficients": 3}
    choices: Mapping[str, tuple[Any, ...]] = {"adjust_lr_fn": (None, "original", "match_rms_adamw")}
    decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }, unknown)

    def check(self, group: dict[str, Any]) -> None:
        """Refuse what is negative, and parameters that are no matrices."""
        super().check(group)
        self.check_least(group, "momentum")
        group["ns_steps"] = check_integer("Muon: ns_steps", group["ns_steps"], 1)
        for i, p in enumerate(group["params"]):
            if p.ndim != 2:
                raise DTypeError(f"Muon: expected matrices, got {describe(p, i)}; give other "
                                 "parameters to AdamW")

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """One step for one parameter."""
        momentum, (a, b, c) = options["momentum"], options["ns_coefficients"]
        m = self.remembered(p, "momentum_buffer", like=p)
        m += (1 - momentum) * (g - m)
        u = g + momentum * (m - g) if options["nesterov"] else m
        rows, columns = p.shape
        x: Any = u.T if rows > columns else u
        x = x / maximum(sqrt((x * x).sum()), options["eps"])
        for _ in range(options["ns_steps"]):
            gram = x @ x.T
            x = a * x + (b * gram + c * (gram @ gram)) @ x
        scale = math.sqrt(max(1, rows / columns))
        if options["adjust_lr_fn"] == "match_rms_adamw":
            scale = 0.2 * math.sqrt(max(rows, columns))
        p -= options["lr"] * scale * np.transpose(x) if rows > columns else options["lr"] * scale * x
