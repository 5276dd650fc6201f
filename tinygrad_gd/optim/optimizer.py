"""`Optimizer`: parameter groups, state and the checks all optimizers share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from ..errors import DTypeError, GradError, OptionError, describe
from ..modes import current_mode, no_grad
from ..observer import live
from ..tensor import Tensor


class Optimizer:
    """Parameters in groups with options, and what is remembered for each parameter."""

    def __init__(
        self, params: Iterable[Any], defaults: dict[str, Any], unknown: Iterable[str] = ()
    ) -> None:
        self.defaults = defaults
        self._check_known(unknown)
        if isinstance(params, Tensor):
            raise DTypeError("optimizer: expected a list of parameters, got one Tensor; write [w]")
        if not isinstance(params, Iterable):
            cure = "model.parameters()" if hasattr(params, "parameters") else "[w, b]"
            raise DTypeError(f"{type(self).__name__}: expected a list of parameters, got "
                             f"{describe(params)}; write {cure}")
        self._not_recording = no_grad()
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.param_groups: list[dict[str, Any]] = []
        entries = list(params)
        groups = entries if entries and isinstance(entries[0], dict) else [{"params": entries}]
        for group in groups:
            self.add_param_group(group)

    def _check_known(self, options: Iterable[str]) -> None:
        unknown = sorted(set(options) - {"params", *self.defaults})
        if unknown:
            raise OptionError(f"{type(self).__name__}: unknown option {unknown[0]!r}; "
                              f"options are {', '.join(self.defaults)}")

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters with options of their own, as ``{"params": [...], "lr": 0.1}``."""
        name = type(self).__name__
        self._check_known(group)
        if "params" not in group:
            raise OptionError(f"{name}: a group needs its parameters, as in "
                              '{"params": [w, b], "lr": 0.1}; got ' + f"{', '.join(group)}")
        given = group["params"]
        params = [given] if isinstance(given, Tensor) else list(given)
        if not params:
            raise OptionError(f"{name}: the parameter list is empty; pass "
                              "model.parameters() (a generator can be used only once) or [w, b]")
        known = {p for g in self.param_groups for p in g["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                cure = "; use model.parameters()" if isinstance(p, tuple) else ""
                raise DTypeError(f"{name}: parameter {i} is {describe(p)}, expected a Tensor that "
                                 f"requires a gradient{cure}")
            frozen = p._made_as is not Tensor  # a module's parameter may be, for a while
            if not p.is_leaf or not (p.requires_grad or frozen):
                raise GradError(f"{name}: {describe(p, i)} is not a leaf that requires "
                                "a gradient; optimize the tensors you made with requires_grad=True")
            if p in known:
                raise OptionError(f"{name}: {describe(p, i)} appears twice")
            known.add(p)
        full = {**self.defaults, **group, "params": params}
        for option in self.defaults:
            if not isinstance(full[option], Real):
                raise DTypeError(f"{name}: {option} must be a number, got {describe(full[option])}")
        self.check(full)
        self.param_groups.append(full)

    def check(self, group: dict[str, Any]) -> None:
        """Refuse options that make no sense."""
        if not group["lr"] >= 0:
            raise OptionError(f"{type(self).__name__}: lr must be >= 0, got {group['lr']!r}")

    def __repr__(self) -> str:
        """The options of each group, and how many parameters it has."""
        groups = [", ".join(f"{k}={v!r}" for k, v in g.items() if k != "params")
                  + f", {len(g['params'])} parameters" for g in self.param_groups]
        return f"{type(self).__name__}({'; '.join(groups)})"

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters: they are None until the next backward pass."""
        if not set_to_none:
            raise OptionError("zero_grad: gradients are always set to None; leave set_to_none out")
        for group in self.param_groups:
            for p in group["params"]:
                p._grad = None

    def step(self) -> None:
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            self.update_all(group)

    def update_all(self, group: dict[str, Any]) -> None:
        """Update every parameter of a group that has a gradient."""
        with self._not_recording:
            observer = current_mode().observer
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
