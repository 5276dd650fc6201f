"""Hooks on an optimizer: functions that are called before or after its `step`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import DTypeError, describe

if TYPE_CHECKING:
    from .optimizer import Optimizer


class StepHookHandle:
    """A hook on the steps of an optimizer; ``remove()`` takes it off, the second time does nothing."""

    def __init__(self, optimizer: Optimizer, name: str, function: Any, before: bool) -> None:
        if not callable(function):
            raise DTypeError(f"{name}: expected a function of the optimizer and the arguments of step, "
                             f"got {describe(function)}; write for example lambda optimizer, args, "
                             "kwargs: ...")
        self._optimizer, self._hook = optimizer, (before, function)
        optimizer._step_hooks = (*optimizer._step_hooks, self._hook)

    def remove(self) -> None:
        """Take the hook off."""
        kept = tuple(hook for hook in self._optimizer._step_hooks if hook is not self._hook)
        self._optimizer._step_hooks = kept


def step_hooked(optimizer: Optimizer, closure: Any) -> Any:
    """A step between the hooks, which are given the arguments as PyTorch has them: first ``self``."""
    args: Any = (optimizer,) if closure is None else (optimizer, closure)
    kwargs: dict[str, Any] = {}
    hooks = optimizer._step_hooks
    for before, function in hooks:
        if before and (changed := function(optimizer, args, kwargs)) is not None:
            if not (isinstance(changed, tuple) and len(changed) == 2 and isinstance(changed[1], dict)):
                raise DTypeError(f"register_step_pre_hook: a hook of {type(optimizer).__name__} "
                                 f"returns None or (args, kwargs), got {describe(changed)}")
            args, kwargs = changed
    result = type(optimizer).make_step(*args, **kwargs)
    for before, function in hooks:
        if not before:
            function(optimizer, args, kwargs)
    return result
