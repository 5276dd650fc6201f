"""Switches that hold for a block of code: ``no_grad``, ``detect_anomaly``, the default dtype.

All of them live in one immutable `Mode` inside one context variable, so that the hot path
reads a single object, an exception cannot leave a switch behind, and threads do not meet.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isgeneratorfunction
from typing import Any

import numpy as np

from ..errors import DTypeError, GradError, describe

_FIELDS = ("grad", "observer", "default_dtype", "deriving", "lockstep")


class Mode:
    """What holds right now; never changed, only replaced. A slot is read in a fifth of the time of a
    named tuple's field, which every operation would feel.

    Attributes
    ----------
    grad : whether operations are recorded.
    observer : None, or one object told of every primitive call, forward and backward.
    default_dtype : what tensors made from Python floats and `nn` parameters get in this block; None
        for what `set_default_dtype` said, in all threads.
    deriving : whether a function runs that a transform differentiates.
    lockstep : None, or what answers operations in place of computing them, while it is ``active``.
    block, around : the block that was entered last, and the mode that held before; modes with the
        same fields are equal whatever these are.
    """

    __slots__ = (*_FIELDS, "around", "block")

    def __init__(self, **fields: Any) -> None:
        self.grad: bool = fields.get("grad", True)
        self.observer: Any = fields.get("observer")
        self.default_dtype: np.dtype[Any] | None = fields.get("default_dtype")
        self.deriving: bool = fields.get("deriving", False)
        self.lockstep: Any = fields.get("lockstep")
        self.block: Switch | None = None
        self.around = self

    def replaced(self, **changes: Any) -> Mode:
        """A mode with some fields changed."""
        return Mode(**self._fields() | changes)

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _FIELDS}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mode) and self._fields() == other._fields()

    __hash__ = None  # type: ignore[assignment]

    @property
    def watcher(self) -> Any:
        """Who is told of modules and leaves: the observer, or what records a compiled step."""
        if self.observer is None and self.lockstep is not None:
            return self.lockstep.recorder
        return self.observer

    @property
    def freezing(self) -> Any:
        """The lockstep in which programs are made that skip Python: what it finds out matters."""
        lockstep = self.lockstep
        return lockstep if lockstep and lockstep.active and lockstep.recordings is not None else None

    @property
    def listener(self) -> Any:
        """Who is told what Python does with gradients."""
        if self.observer is not None or self.lockstep is None or self.lockstep.recordings is None:
            return self.observer
        return self.freezing


_NORMAL = Mode()
_default_dtype: np.dtype[Any] = np.dtype(np.float64)
_mode: ContextVar[Mode] = ContextVar("tinygrad_gd_mode", default=_NORMAL)
current_mode: Callable[[], Mode] = _mode.get


#: Functions whose body runs only when what they return is iterated over or awaited.
_LATER = (isgeneratorfunction, iscoroutinefunction, isasyncgenfunction)


class Block(ContextDecorator):
    """Something for a ``with`` block or around a function, but not around one that runs later."""

    def __call__(self, function: Callable[..., Any]) -> Any:
        """The function with the block around each call."""
        if not callable(function):
            raise DTypeError(f"a block such as no_grad: expected a function, got {describe(function)}; "
                             "write @tg.no_grad above a def, or `with tg.no_grad():`")
        if isclass(function) or any(runs_later(function) for runs_later in _LATER):
            raise DTypeError(f"{function.__name__}: a generator, an async function or a class does its "
                             "work after the call that the decorator is around, which would change "
                             "nothing for it; write a `with` block around the lines it is for")
        return super().__call__(function)


class Switch(Block):
    """A block that changes the current `Mode`.

    One object may be used by several threads and tasks, and inside itself: who has entered it is known
    by the mode, which each of them has for itself, and not by the block.
    """

    _last: tuple[Mode | None, Mode] = (None, _NORMAL)  # a mode and what it was changed to

    def changed(self, mode: Mode) -> Mode:
        """What ``mode`` becomes in this block, as a new object."""
        raise NotImplementedError

    def __enter__(self) -> Any:
        mode, (before, inside) = _mode.get(), self._last
        if mode is not before:
            inside = self.inside(mode)
            if inside.observer is None:  # it may hold much, and is of no use after its block
                self._last = mode, inside
        _mode.set(inside)

    def inside(self, mode: Mode) -> Mode:
        """The mode that holds in this block, if ``mode`` does around it."""
        inside = self.changed(mode)
        inside.block, inside.around = self, mode
        return inside

    def __exit__(self, *exception: object) -> None:
        mode = _mode.get()
        _mode.set(mode.around if mode.block is self else self._left(mode))

    def _left(self, mode: Mode) -> Mode:
        """The mode without this block, where others were entered since, as generators may do."""
        if mode.block is None:
            raise GradError("a block such as no_grad was left in another thread or task than it was "
                            "entered in, where it still holds; write the `with` block around the lines "
                            "it is for, in one function")
        return mode.around if mode.block is self else mode.block.inside(self._left(mode.around))


class using(Switch):
    """Change fields of the current `Mode` for a ``with`` block or a decorated function."""

    def __init__(self, **changes: Any) -> None:
        self._changes = changes

    def changed(self, mode: Mode) -> Mode:
        """The mode with the other fields."""
        return mode.replaced(**self._changes)


_not_recording, _recording = using(grad=False), using(grad=True)


def no_grad(function: Callable[..., Any] | None = None) -> Any:
    """Do not record: ``with tg.no_grad():`` or ``@tg.no_grad`` around a function.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(2.0, requires_grad=True)
    >>> with tg.no_grad():
    ...     (w * 3).requires_grad
    False
    """
    return _not_recording if function is None else _not_recording(function)


def enable_grad(function: Callable[..., Any] | None = None) -> Any:
    """Record again inside a `no_grad` block."""
    return _recording if function is None else _recording(function)


def is_grad_enabled() -> bool:
    """Whether operations on tensors that require grad are recorded here."""
    return current_mode().grad


def default_dtype(dtype: Any) -> using:
    """Use ``dtype`` for new tensors made from Python floats inside a ``with`` block."""
    return using(default_dtype=_floating(dtype))


def set_default_dtype(dtype: Any) -> None:
    """Use ``dtype`` for tensors made from Python floats and for `nn` parameters, in all threads.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.set_default_dtype(np.float32); tg.Tensor(1.0).dtype
    dtype('float32')
    >>> tg.set_default_dtype(np.float64)
    """
    global _default_dtype
    _default_dtype = _floating(dtype)


def get_default_dtype() -> np.dtype[Any]:
    """The dtype that tensors made from Python floats get."""
    own = current_mode().default_dtype
    return _default_dtype if own is None else own


def _floating(dtype: Any) -> np.dtype[Any]:
    try:
        kind: np.dtype[Any] | None = None if dtype is None else np.dtype(dtype)
    except TypeError:
        kind = None
    if kind is not None and kind.kind == "f":
        return kind
    raise DTypeError(f"default dtype: expected a floating dtype such as np.float32, got {dtype!r}")
