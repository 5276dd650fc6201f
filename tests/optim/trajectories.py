"""A small problem on which every optimizer goes down, here and in PyTorch; its options, one by one."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_gd as tg

COMMON: list[dict[str, Any]] = [{}, {"weight_decay": 0.1}, {"maximize": True}]
#: Options by optimizer, at least one set for each that it has.
OF: dict[str, list[dict[str, Any]]] = {
    "Adam": [*COMMON, {"amsgrad": True}, {"decoupled_weight_decay": True, "weight_decay": 0.1},
             {"betas": (0.5, 0.6), "eps": 1e-3}],
    "AdamW": [*COMMON, {"amsgrad": True}, {"weight_decay": 0.0}],
    "NAdam": [*COMMON, {"momentum_decay": 0.1}, {"decoupled_weight_decay": True, "weight_decay": 0.1}],
    "RAdam": [*COMMON, {"betas": (0.5, 0.6)}, {"betas": (0.9, 0.9)},
              {"decoupled_weight_decay": True, "weight_decay": 0.1}],
    "Adamax": [*COMMON, {"eps": 0.1}],
    "RMSprop": [*COMMON, {"centered": True}, {"momentum": 0.9}, {"alpha": 0.9, "eps": 1e-3},
                {"centered": True, "momentum": 0.5, "weight_decay": 0.1}],
    "Adagrad": [*COMMON, {"lr_decay": 0.1}, {"initial_accumulator_value": 0.5}, {"eps": 0.1}],
    "Adadelta": [*COMMON, {"rho": 0.5, "lr": 0.5}, {"eps": 1e-2}],
    "Rprop": [{}, {"maximize": True}, {"etas": (0.3, 1.5)}, {"step_sizes": (1e-3, 0.1)}],
    "ASGD": [*COMMON, {"t0": 10.0}, {"lambd": 0.1, "alpha": 0.5, "t0": 20.0}],
}
#: Of those that PyTorch does not have, or has in another precision.
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("Lion", {}), ("Lion", {"betas": (0.5, 0.9), "weight_decay": 0.1, "maximize": True}),
    ("Muon", {}), ("Muon", {"nesterov": False, "adjust_lr_fn": "match_rms_adamw", "momentum": 0.5}),
]
OPTIONS = [(name, options) for name, several in OF.items() for options in several]
#: Those that make a step without a closure, for parameters of any shape.
ALL = ["SGD", *OF, "Lion"]

_RNG = np.random.default_rng(0)
ROWS, TARGET = _RNG.standard_normal((6, 4)), _RNG.standard_normal(6)
STARTS = [_RNG.standard_normal((4, 3)), _RNG.standard_normal(3), np.array(-1.5)]


class Problem:
    """Parameters, of which the last has no gradient in every fifth step, and a loss that curves."""

    def __init__(self, dtype: Any = np.float64, torch: Any = None) -> None:
        self.data: list[Any] = [x.astype(dtype) for x in (ROWS, TARGET[:, None])]
        self.sin: Any = np.sin
        if torch is None:
            self.params: list[Any] = [tg.Tensor(x.astype(dtype), requires_grad=True) for x in STARTS]
        else:
            self.params = [torch.tensor(x.astype(dtype), requires_grad=True) for x in STARTS]
            self.data, self.sin = [torch.tensor(x) for x in self.data], torch.sin
        self.done = 0

    def optimizer(self, name: str, options: dict[str, Any], room: Any = tg.optim) -> Any:
        made = {"lr": 0.01, **options} if name != "Adadelta" else options
        return getattr(room, name)([{"params": self.params[:2]}, {"params": self.params[2:]}], **made)

    def loss(self) -> Any:
        (a, b, c), (x, y) = self.params, self.data
        loss = ((x @ a + b - y) ** 2).mean() + self.sin(a).sum()
        return loss if self.done % 5 == 3 else loss + c * c + b.sum() * c

    def values(self) -> np.ndarray[Any, Any]:
        parts = [np.asarray(p.detach().numpy()).ravel() for p in self.params]
        return np.concatenate(parts)

    def steps(self, optimizer: Any, count: int) -> list[Any]:
        """The values of all parameters after each step."""
        found = []
        for _ in range(count):
            optimizer.zero_grad()
            self.loss().backward()
            optimizer.step()
            self.done += 1
            found.append(self.values())
        return found


def trajectories(torch: Any, name: str, options: dict[str, Any], after: int = 0, until: int = 100) -> tuple[Any, Any]:
    """Steps here and in PyTorch; with ``after``, ours begin with the state of so many of theirs."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # in which PyTorch remembers the numbers of NAdam and ASGD
    try:
        theirs = Problem(torch=torch)
        optimizer = theirs.optimizer(name, options, torch.optim)
        theirs.steps(optimizer, after)
        ours = Problem()
        mine = ours.optimizer(name, options)
        if after:
            mine = ours.optimizer(name, {})
            mine.load_state_dict(optimizer.state_dict())
            for p, q in zip(ours.params, theirs.params, strict=True):
                p.data = q.detach().numpy()
            ours.done = after
        return np.array(ours.steps(mine, until - after)), np.array(theirs.steps(optimizer, until - after))
    finally:
        torch.set_default_dtype(before)
