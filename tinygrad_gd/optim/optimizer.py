"""`Optimizer`: parameter groups, state and the checks all optimizers share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import DTypeError, GradError, OptionError, describe
from ..modes import current_mode, no_grad
from ..observer import live
from ..tensor import Tensor


class Optimizer:
    """Parameters in groups with options, and what is remembered for each parameter."""

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise DTypeError("optimizer: expected a list of parameters, got one Tensor; write [w]")
        self.defaults = defaults
        self._not_recording = no_grad()
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.param_groups: list[dict[str, Any]] = []
        entries = list(params)
        groups = entries if entries and isinstance(entries[0], dict) else [{"params": entries}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters with options of their own, as ``{"params": [...], "lr": 0.1}``."""
        given = group["params"]
        params = [given] if isinstance(given, Tensor) else list(given)
        unknown = set(group) - {"params", *self.defaults}
        if unknown:
            raise OptionError(f"{type(self).__name__}: unknown option {sorted(unknown)[0]!r}; "
                              f"options are {', '.join(self.defaults)}")
        if not params:
            raise OptionError(f"{type(self).__name__}: the parameter list is empty; pass "
                              "model.parameters() (a generator can be used only once) or [w, b]")
        known = {p for g in self.param_groups for p in g["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise DTypeError(f"{type(self).__name__}: parameter {i} is {describe(p)}, "
                                 "expected a Tensor that requires a gradient")
            if not p.is_leaf or not p.requires_grad:
                raise GradError(f"{type(self).__name__}: {describe(p, i)} is not a leaf that requires "
                                "a gradient; optimize the tensors you made with requires_grad=True")
            if p in known:
                raise OptionError(f"{type(self).__name__}: {describe(p, i)} appears twice")
            known.add(p)
        full = {**self.defaults, **group, "params": params}
        self.check(full)
        self.param_groups.append(full)

    def check(self, group: dict[str, Any]) -> None:
        """Refuse options that make no sense."""
        if not group["lr"] >= 0:
            raise OptionError(f"{type(self).__name__}: lr must be >= 0, got {group['lr']!r}")

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for group in self.param_groups:
            for p in group["params"]:
                p._grad = None

    def step(self) -> None:
        """Update every parameter that has a gradient."""
        with self._not_recording:
            observer = current_mode().observer
            for group in self.param_groups:
                options = live(group)
                for p in group["params"]:
                    if observer is not None:
                        observer.takes_gradient(p)
                    if p._grad is not None:
                        self.update(p, p._grad, options)

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """Change one parameter in place; ``options`` are those of its group."""
        raise TypeError(f"{type(self).__name__} must define update(p, g, options)")

    def state_dict(self) -> dict[str, Any]:
        """Options and state, with parameters replaced by their numbers."""
        params = [p for group in self.param_groups for p in group["params"]]
        number = {p: i for i, p in enumerate(params)}
        groups = [{**g, "params": [number[p] for p in g["params"]]} for g in self.param_groups]
        state = {number[p]: {k: v.detach() if isinstance(v, Tensor) else v for k, v in s.items()}
                 for p, s in self.state.items()}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        params = [p for group in self.param_groups for p in group["params"]]
        sizes = [len(g["params"]) for g in state_dict["param_groups"]]
        if sizes != [len(g["params"]) for g in self.param_groups]:
            raise OptionError(f"load_state_dict: expected groups of "
                              f"{[len(g['params']) for g in self.param_groups]} parameters, "
                              f"got {sizes}")
        for mine, theirs in zip(self.param_groups, state_dict["param_groups"], strict=True):
            mine.update({k: v for k, v in theirs.items() if k != "params"})
        self.state = {params[i]: {k: v.detach() if isinstance(v, Tensor) else v
                                  for k, v in s.items()}
                      for i, s in state_dict["state"].items()}
