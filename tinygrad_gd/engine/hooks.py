"""Hooks on one tensor's gradient, and how gradients reach ``.grad``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..errors import DTypeError, GradError, GradWarning, ShapeError, describe
from ..ground.modes import current_mode
from ..ground.storage import before_setting, changes
from ..ground.threads import taking_turns
from ..ground.user_code import user_stacklevel
from .tensor import Tensor, constant


class HookHandle:
    """A hook on a tensor, as `Tensor.register_hook` returns it; ``remove()`` takes it off again."""

    def __init__(self, tensor: Tensor, hook: Callable[[Tensor], Any]) -> None:
        if not callable(hook):
            raise DTypeError(f"register_hook: expected a function of the gradient, got "
                             f"{describe(hook)}; write for example lambda g: g * 0.5")
        if not tensor._requires_grad:
            name = "retain_grad" if hook is retain else "register_hook"
            raise GradError(
                f"{name}: {describe(tensor)} gets no gradient, so it would have no effect; "
                "make it with requires_grad=True, or compute it from tensors that require "
                "a gradient, outside tg.no_grad()")
        self._tensor, self._hook, self._registered = tensor, hook, True
        before_setting(tensor)
        with taking_turns:
            tensor._hooks = [*(tensor._hooks or ()), hook]
        changes.count += 1

    def remove(self) -> None:
        """Take the hook off; a second time does nothing."""
        if self._registered:
            before_setting(self._tensor)
            with taking_turns:
                kept = list(self._tensor._hooks or ())
                kept.remove(self._hook)
                self._tensor._hooks = kept or None
            changes.count += 1
            self._registered = False


def retain(gradient: Tensor) -> None:
    """The hook of `Tensor.retain_grad`; the pass itself stores the gradient."""


def warn_of_no_gradient(tensor: Tensor) -> None:
    """Say that ``.grad`` of a recorded Tensor is None because nobody keeps it."""
    if tensor._hooks is None:
        warnings.warn(
            f"grad: {describe(tensor)} was made by {tensor._primitive.name}, and backward() keeps the "
            "gradients of leaves only; call .retain_grad() on it before backward(). .why() says more",
            GradWarning, stacklevel=user_stacklevel())


def run_hooks(tensor: Tensor, g: Any, as_tensors: bool) -> Any:
    """Show the complete cotangent of ``tensor`` to its hooks; what they return replaces it."""
    hooks = tensor._hooks or []
    for hook in hooks:
        if hook is retain:
            continue
        shown = owned(g) if as_tensors else constant(g.copy())  # it may be another tensor's, too
        before = shown._seq
        replacement = hook(shown)
        if shown._seq != before:
            raise GradError(f"hook: the gradient of {describe(tensor)} was changed in place, which "
                            "other tensors may share; return the new gradient instead")
        if replacement is not None:
            new = _replacement(tensor, replacement)
            g = owned(new) if as_tensors else new._value.copy()  # the user may have kept it
            if (observer := current_mode().observer) is not None:
                observer.replaces(tensor, g)
    if retain in hooks and tensor._primitive is not None:
        accumulate(tensor, owned(g) if as_tensors else g.copy())
    return g


def _replacement(tensor: Tensor, value: Any) -> Tensor:
    new = value if isinstance(value, Tensor) else Tensor(value)
    if new.shape != tensor.shape:
        raise ShapeError(f"hook: returned shape {new.shape} for the gradient of "
                         f"{describe(tensor)}; return the same shape or None")
    return new if new.dtype == tensor.dtype else new.astype(tensor.dtype)


def accumulate(leaf: Tensor, g: Any) -> None:
    """Add a cotangent to ``leaf.grad``."""
    with taking_turns:
        if leaf._grad is not None:
            recorded = isinstance(g, Tensor) or leaf._grad._requires_grad
            g = leaf.grad + g if recorded else leaf._grad._value + g
        leaf._grad = wrap(g)


def owned(g: Tensor) -> Tensor:
    """A Tensor that is nobody else's; what has a history cannot be changed, and needs no copy."""
    return g if g._requires_grad else g.copy("C")


def wrap(g: Any) -> Tensor:
    """A Tensor that shares the array of a cotangent."""
    return g if isinstance(g, Tensor) else constant(g)


def unwrap(g: Any) -> Any:
    """The array of a cotangent."""
    return g._value if isinstance(g, Tensor) else g
