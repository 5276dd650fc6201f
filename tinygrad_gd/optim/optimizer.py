"""`Optimizer`: parameter groups, state and the checks all optimizers share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, GradError, OptionError, ShapeError, describe
from ..ground.checks import check_choice, check_switch
from ..ground.elsewhere import cure_of_option
from ..ground.live import live
from ..ground.modes import current_mode, enable_grad, no_grad
from ..ground.saved import Saved
from ..ground.threads import end_turn, take_turn
from .groups import ELSEWHERE, SCHEDULED, Defaults, Group, in_group
from .hooks import StepHookHandle, step_hooked

#: How the state of an optimizer is written to a file.
_SAVE = "tg.save(optimizer.state_dict(), path), and optimizer.load_state_dict(tg.load(path))"


class Optimizer:
    """Parameters in groups with options, and what is remembered for each parameter."""

    #: Names of the options that are True or False, if it is said which; all others are numbers.
    switches: tuple[str, ...] | None = None
    #: Options that are several numbers, and how many.
    several: Mapping[str, int] = {}
    #: Options that are one of a few things.
    choices: Mapping[str, tuple[Any, ...]] = {}
    #: What PyTorch remembers, by its name there, where it has another one here.
    renamed: Mapping[str, str] = {}
    #: What is called around a step: whether before it, and the function.
    _step_hooks: tuple[tuple[bool, Callable[..., Any]], ...] = ()

    def __init__(
        self, params: Iterable[Any], defaults: dict[str, Any], unknown: Iterable[str] = ()
    ) -> None:
        self.defaults = Defaults(defaults)
        self._check_known(unknown)
        if isinstance(params, Tensor):
            raise DTypeError("optimizer: expected a list of parameters, got one Tensor; write [w]")
        entries = self._listed(params)
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.param_groups: list[dict[str, Any]] = []  # of `Group`, unless somebody puts others in
        groups = entries if entries and isinstance(entries[0], dict) else [{"params": entries}]
        for group in groups:
            self.add_param_group(group)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; an option set as one would change nothing."""
        options = vars(self).get("defaults", ())
        if (name in options or name == "learning_rate") and not hasattr(type(self), name):
            option = name if name in options else "lr"
            raise OptionError(f"{type(self).__name__}.{name}: options belong to groups, an attribute "
                              f"would change nothing; write {in_group(option)}, for each group")
        object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_step_hooks"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.defaults = Defaults(self.defaults)
        self.param_groups = [Group(self, group) for group in self.param_groups]

    def _listed(self, params: Any) -> list[Any]:
        if isinstance(params, Iterable) and not isinstance(params, str | Mapping):
            return list(params)
        cure = "model.parameters()" if hasattr(params, "parameters") else "[w, b]"
        if isinstance(params, Mapping):
            cure = "[group]" if "params" in params else "model.parameters(), not model.state_dict()"
        raise DTypeError(f"{type(self).__name__}: expected a list of parameters, got "
                         f"{describe(params)}; write {cure}")

    def _check_known(self, options: Iterable[str]) -> None:
        unknown = sorted(set(options) - {"params", *SCHEDULED, *self.defaults}, key=str)
        if unknown:
            name = type(self).__name__
            cure = cure_of_option(name, unknown[0])
            raise OptionError(f"{name}: unknown option {unknown[0]!r}{f', {cure}' if cure else ''}; "
                              f"options are {', '.join(self.defaults)}")

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters with options of their own, as ``{"params": [...], "lr": 0.1}``."""
        name = type(self).__name__
        if not isinstance(group, dict):
            raise DTypeError(f"{name}: a group is a dict with its parameters, as in "
                             '{"params": [w, b], "lr": 0.1}; got ' + describe(group))
        self._check_known(group)
        if "params" not in group:
            raise OptionError(f"{name}: a group needs its parameters, as in "
                              '{"params": [w, b], "lr": 0.1}; got ' + (", ".join(group) or "{}"))
        full = {**self.defaults, **group, "params": self._check_params(group, group["params"])}
        self._check_options(full, self.defaults)
        self.param_groups.append(Group(self, full))

    def _check_params(self, group: Any, given: Any) -> list[Tensor]:
        """The parameters of a group as a list: leaves, each of them once."""
        name = type(self).__name__
        params = [given] if isinstance(given, Tensor) else self._listed(given)
        if not params:
            raise OptionError(f"{name}: the parameter list is empty; pass "
                              "model.parameters() (a generator can be used only once) or [w, b]")
        known = {p for g in self.param_groups if g is not group for p in g["params"]}
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
        return params

    def checked(self, group: Mapping[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
        """``changes`` of a group as they are made, if they are known and make sense with the others."""
        self._check_known(changes)
        full = {**group, **changes}
        if "params" in changes:
            full["params"] = self._check_params(group, changes["params"])
        self._check_options(full, [option for option in self.defaults if option in changes])
        return {key: full[key] for key in changes}

    def _check_options(self, group: dict[str, Any], names: Iterable[str]) -> None:
        """Switches are booleans, choices one of their values, all others finite numbers."""
        for option in names:
            group[option] = self._of_its_kind(option, group[option])
        self.check(group)
        for option in names:
            if option not in self.choices and not _finite(group[option]):
                raise OptionError(f"{type(self).__name__}: {option} must be finite, got "
                                  f"{group[option]!r}")

    def _of_its_kind(self, option: str, value: Any) -> Any:
        """The value of an option, if it is one of the kind that the option has."""
        name, switches = type(self).__name__, self.switches
        if option in (switches or ()):
            return check_switch(f"{name}: {option}", value)
        if option in self.choices:
            return check_choice(f"{name}: {option}", value, self.choices[option])
        if (count := self.several.get(option)) is not None:
            several = isinstance(value, list | tuple)
            if several and len(value) == count and all(map(_is_number, value)):
                return tuple(map(float, value))
            raise DTypeError(f"{name}: {option} must be a tuple of {count} numbers, got {value!r}")
        switch = isinstance(value, bool) and (switches is not None or option == "lr")
        if switch or not isinstance(value, int | float | np.number):
            cure = "; write .item()" if getattr(value, "size", 0) == 1 else ""
            raise DTypeError(f"{name}: {option} must be a number, got {describe(value)}{cure}")
        return value

    def check(self, group: dict[str, Any]) -> None:
        """Refuse options that make no sense."""
        self.check_least(group, "lr")

    def check_least(self, group: dict[str, Any], *options: str, least: float = 0) -> None:
        """Refuse numbers that are too small, and NaN."""
        for option in options:
            if not group.get(option, least) >= least:
                raise OptionError(f"{type(self).__name__}: {option} must be >= {least}, got "
                                  f"{group[option]!r}")

    def check_within(self, group: dict[str, Any], option: str, low: float, high: float) -> None:
        """Refuse a number beyond two bounds, and NaN."""
        if not low <= group[option] <= high:
            raise OptionError(f"{type(self).__name__}: {option} must be from {low} to {high}, got "
                              f"{group[option]!r}")

    def __repr__(self) -> str:
        """The options of each group, and how many parameters it has."""
        groups = [", ".join(f"{k}={v!r}" for k, v in g.items() if k != "params")
                  + f", {len(g['params'])} parameters" for g in self.param_groups]
        return f"{type(self).__name__}({'; '.join(groups)})"

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters: they are None until the next backward pass."""
        if set_to_none is not True:
            raise OptionError("zero_grad: gradients are always set to None; leave set_to_none out")
        if (listener := current_mode().listener) is not None:
            listener.forgets([p for group in self.param_groups for p in group["params"]])
        for group in self.param_groups:
            for p in {**group}["params"]:
                p._grad = None

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        ``closure``, if it is given, computes gradients and returns the loss, which is returned.

        >>> import tinygrad_gd as tg
        >>> w = tg.Tensor(3.0, requires_grad=True); optimizer = tg.optim.SGD([w], lr=0.1)
        >>> def closure():
        ...     optimizer.zero_grad(); loss = w * w; loss.backward(); return loss
        >>> optimizer.step(closure).item(), round(w.item(), 6)
        (9.0, 2.4)
        """
        return step_hooked(self, closure) if self._step_hooks else self.make_step(closure)

    def make_step(self, closure: Callable[[], Any] | None = None) -> Any:
        """What `step` does between the hooks."""
        loss = None if closure is None else self.evaluated(closure)
        mode = current_mode()
        if mode.lockstep is not None and mode.lockstep.active and mode.lockstep.steps(self):
            return loss
        if mode.observer is not None:
            mode.observer.optimizes(self)
        take_turn()
        try:
            for group in self.param_groups:
                if type(group) is not Group:
                    self._check_other(group)
                self.update_all(group)
        finally:
            end_turn()
        return loss

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> StepHookHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each `step`; see `register_step_post_hook`.

        It may return other ``(args, kwargs)``, of which the first argument is the optimizer.
        """
        return StepHookHandle(self, "register_step_pre_hook", hook, True)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> StepHookHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each `step`; the result has a ``remove()``.

        Copies and files have no hooks. Frozen programs skip Python, hooks included.

        >>> import tinygrad_gd as tg
        >>> w = tg.Tensor(3.0, requires_grad=True); optimizer = tg.optim.SGD([w], lr=0.1)
        >>> handle = optimizer.register_step_post_hook(lambda *_: print(w.item()))
        >>> (2 * w).backward(); optimizer.step(); handle.remove()
        2.8
        """
        return StepHookHandle(self, "register_step_post_hook", hook, False)

    def evaluated(self, closure: Any) -> Any:
        """What a closure returns, which computes gradients."""
        if not callable(closure):
            raise DTypeError(f"{type(self).__name__}.step: expected a function that computes gradients "
                             f"and returns the loss, or no argument, got {describe(closure)}; call "
                             "loss.backward() and then optimizer.step()")
        with enable_grad():
            return closure()

    def _check_other(self, group: dict[str, Any]) -> None:
        """Check a group that was put into the list as a dict, which nobody has checked."""
        self._check_known(group)
        self._check_params(group, group["params"])
        self._check_options(group, self.defaults)

    def update_all(self, group: dict[str, Any]) -> None:
        """Update every parameter of a group that has a gradient."""
        with no_grad():
            options = live(group)
            for p in with_gradient(group["params"]):
                self.update(p, p._grad, options)  # type: ignore[arg-type]  # it has one

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """Change one parameter in place; ``options`` are those of its group."""
        raise TypeError(f"{type(self).__name__} must define update(p, g, options)")

    def remembered(self, p: Tensor, name: str, like: Tensor, first: float = 0.0) -> Tensor:
        """What is kept for a parameter under ``name``; at first zeros of ``like``'s shape and dtype.

        >>> import tinygrad_gd as tg
        >>> class Momentum(tg.optim.Optimizer):
        ...     def update(self, p, g, options):
        ...         m = self.remembered(p, "m", like=p)
        ...         m *= 0.9
        ...         m += g
        ...         p -= options["lr"] * m
        >>> w = tg.Tensor(1.0, requires_grad=True); optimizer = Momentum([w], {"lr": 0.1})
        >>> for _ in range(2): optimizer.zero_grad(); (w * w).backward(); optimizer.step()
        >>> round(w.item(), 6), round(optimizer.state[w]["m"].item(), 6)
        (0.46, 3.4)
        """
        kept = self.state.get(p, {}).get(name)
        if kept is not None:
            return kept  # type: ignore[no-any-return]
        return self.remember(p, name, Tensor(np.full_like(like._value, first)))

    def remember(self, p: Tensor, name: str, value: Tensor) -> Tensor:
        """Keep ``value`` for a parameter under ``name``, and call it so in texts and pictures."""
        value.name = p.name and f"{p.name}.{name}"
        self.state.setdefault(p, {})[name] = value
        return value

    def state_dict(self) -> dict[str, Any]:
        """Options and state, with parameters replaced by their numbers; ready for `tg.save`.

        >>> import tempfile, tinygrad_gd as tg
        >>> w = tg.Tensor(3.0, requires_grad=True); opt = tg.optim.SGD([w], lr=0.1, momentum=0.9)
        >>> (w * w).backward(); opt.step(); path = tempfile.mkdtemp() + "/optimizer.npz"
        >>> tg.save(opt.state_dict(), path); opt.load_state_dict(tg.load(path))
        >>> opt.state[w]["velocity"].item()
        6.0
        """
        params = [p for group in self.param_groups for p in group["params"]]
        number = {p: i for i, p in enumerate(params)}
        groups = [{**g, "params": [number[p] for p in g["params"]]} for g in self.param_groups]
        state = {number[p]: {k: v.detach() if isinstance(v, Tensor) else v for k, v in s.items()}
                 for p, s in self.state.items()}
        parts = {"state": Saved(state, _SAVE), "param_groups": [Saved(g, _SAVE) for g in groups]}
        return Saved(parts, _SAVE)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave, PyTorch's too; nothing is changed unless all of it fits."""
        groups, state = _parts(state_dict)
        params = [p for group in self.param_groups for p in group["params"]]
        sizes = [len(g["params"]) for g in groups]
        if sizes != [len(g["params"]) for g in self.param_groups]:
            raise OptionError(f"load_state_dict: expected groups of "
                              f"{[len(g['params']) for g in self.param_groups]} parameters, "
                              f"got {sizes}")
        merged = [{**mine, **theirs, "params": mine["params"]}
                  for mine, theirs in zip(self.param_groups, groups, strict=True)]
        for group in merged:
            self._check_known(group)
            self._check_options(group, self.defaults)
        found = {}
        for i, s in state.items():
            if not isinstance(i, int) or not 0 <= i < len(params) or not isinstance(s, Mapping):
                raise OptionError(f"load_state_dict: expected for each number of a parameter, from 0 "
                                  f"to {len(params) - 1}, a dict of what is remembered for it; got "
                                  f"{describe(s)} for {i!r}")
            named = ((self.renamed.get(k, k), v) for k, v in s.items())
            found[params[i]] = {k: self.taken_over(params[i], k, v) for k, v in named}
        self.loaded(found)
        for mine, group in zip(self.param_groups, merged, strict=True):
            mine.update({key: group[key] for key in (*self.defaults, *SCHEDULED) if key in group})
        self.state = found

    def taken_over(self, p: Tensor, name: str, value: Any) -> Any:
        """What is remembered from now on: arrays as Tensors of the parameter's shape, and numbers."""
        if not hasattr(value, "dtype"):
            return value
        made = value.detach() if isinstance(value, Tensor) else Tensor(np.asarray(value))
        if made.ndim and made.shape != p.shape:
            raise ShapeError(f"load_state_dict: {name!r} has the shape {made.shape}, but belongs to "
                             f"{describe(p)}; build the model with the sizes it had when saved")
        if made.ndim and made.dtype.kind == "f" and made.dtype != p.dtype:
            made = made.astype(p.dtype)
        if made.shape == p.shape:
            made.name = p.name and f"{p.name}.{name}"
        return made

    def loaded(self, state: dict[Tensor, dict[str, Any]]) -> None:
        """Change what is about to be remembered into what it must be here, or refuse it."""


def with_gradient(params: list[Tensor]) -> list[Tensor]:
    """The parameters that have a gradient, of which who listens is told."""
    listener = current_mode().listener
    if listener is not None:
        for p in params:
            listener.takes_gradient(p)
    return [p for p in params if p._grad is not None]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _finite(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_finite, value))
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _parts(state_dict: Any) -> tuple[Any, Any]:
    """The groups and the state in what `Optimizer.state_dict` gave."""
    given = state_dict if isinstance(state_dict, Mapping) else {}
    groups, state = given.get("param_groups"), given.get("state")
    if not (isinstance(groups, list | tuple) and isinstance(state, Mapping)
            and all(isinstance(g, Mapping) and isinstance(g.get("params"), list | tuple)
                    for g in groups)):
        came = f"the keys {', '.join(map(str, given))}" if given else describe(state_dict)
        raise DTypeError(f"load_state_dict: expected what optimizer.state_dict() gives, 'param_groups' "
                         f"with their 'params' and 'state', got {came}")
    return [{k: v for k, v in g.items() if k not in ELSEWHERE} for g in groups], state
