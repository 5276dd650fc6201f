"""Hooks on a module: functions that are called before or after its `forward`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import DTypeError, describe
from ..ground.checks import check_switch

if TYPE_CHECKING:
    from .module import Module


class Hook:
    """A function, when it is called, and whether with keywords."""

    __slots__ = ("before", "function", "with_kwargs")

    def __init__(self, function: Callable[..., Any], before: bool, with_kwargs: bool) -> None:
        self.function, self.before, self.with_kwargs = function, before, with_kwargs


class ModuleHookHandle:
    """A hook on a module; ``remove()`` takes it off again, the second time does nothing."""

    def __init__(self, module: Module, name: str, function: Any, before: bool, prepend: bool,
                 with_kwargs: bool) -> None:
        if not callable(function):
            raise DTypeError(f"{name}: expected a function of the module and what goes in, got "
                             f"{describe(function)}; write for example lambda module, args: ...")
        prepend = check_switch(f"{name}: prepend", prepend)
        hook = Hook(function, before, check_switch(f"{name}: with_kwargs", with_kwargs))
        self._module, self._hook = module, hook
        module._hooks = (hook, *module._hooks) if prepend else (*module._hooks, hook)

    def remove(self) -> None:
        """Take the hook off."""
        self._module._hooks = tuple(h for h in self._module._hooks if h is not self._hook)


def run_hooked(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``module.forward`` between its hooks; what they return, unless None, takes the place."""
    hooks = module._hooks
    for hook in hooks:
        if not hook.before:
            continue
        if hook.with_kwargs:
            if (changed := hook.function(module, args, kwargs)) is not None:
                args, kwargs = _pair(module, changed)
        elif (changed := hook.function(module, args)) is not None:
            args = changed if isinstance(changed, tuple) else (changed,)
    result = module.forward(*args, **kwargs)
    for hook in hooks:
        if not hook.before:
            given = (args, kwargs) if hook.with_kwargs else (args,)
            changed = hook.function(module, *given, result)
            result = result if changed is None else changed
    return result


def _pair(module: Module, changed: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if not (isinstance(changed, tuple) and len(changed) == 2 and isinstance(changed[1], dict)):
        raise DTypeError(f"register_forward_pre_hook: a hook of {type(module).__name__} "
                         f"with_kwargs=True returns None or (args, kwargs), got {describe(changed)}")
    return changed
