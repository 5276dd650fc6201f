"""`Observer`: what is told of everything that happens, while `Mode.observer` holds one.

Anomaly mode, study tools and the capture of programs are observers. With none set they cost nothing;
several may watch at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from ..errors import DTypeError, describe
from .modes import Mode, Switch, current_mode, enable_grad, no_grad


class Observer:
    """Hears of every event and does nothing; subclasses override what they care for."""

    @property
    def wants_tensors(self) -> bool:
        """Whether first-order backward passes must run the rules on Tensors, for `forward` to see."""
        return False

    def forward(self, out: Any, primitive: Any, inputs: Any, params: Any) -> None:
        """``out`` was computed by ``primitive``, in a forward or a recorded backward pass."""

    def backward(self, out: Any, position: int, g: Any, gx: Any) -> None:
        """The rule of ``out``'s primitive made ``gx`` of ``g``, for the argument at ``position``."""

    def shows(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Rules are about to run on Tensors: what they see of the ``inputs``."""
        return inputs

    def replaces(self, tensor: Any, g: Any) -> None:
        """A hook on ``tensor`` returned ``g`` in place of its gradient."""

    def starts_backward(self, root: Any, seed: Any) -> None:
        """A reverse pass begins at ``root``."""

    def ends_backward(self) -> None:
        """The reverse pass is over."""

    def write(self, target: Any, primitive: Any, inputs: Any) -> None:
        """The values of ``target`` were replaced by ``primitive(*inputs)``, in place."""

    def read(self, tensor: Any, how: str) -> None:
        """Values of ``tensor`` leave the graph, by ``float(t)``, ``t.numpy()`` and their kin."""

    def effect(self, what: str) -> None:
        """Something happens besides computing, such as seeding the random numbers."""

    def creates(self, leaf: Any, data: Any) -> None:
        """A leaf is made of ``data``, a Tensor, an array or numbers."""

    def accumulates(self, leaf: Any) -> None:
        """A reverse pass is about to add to the gradient that ``leaf`` holds."""

    def forgets(self, tensors: Any) -> None:
        """The gradients of these are about to be forgotten, as by ``zero_grad``."""

    def optimizes(self, optimizer: Any) -> None:
        """An optimizer is about to update its parameters."""

    def takes_gradient(self, leaf: Any) -> None:
        """The gradient that ``leaf`` has so far is about to be used or added to."""

    def enters(self, module: Any) -> None:
        """A module's forward begins."""

    def leaves(self, module: Any) -> None:
        """A module's forward is over."""

    def option(self, options: Mapping[str, Any], key: str, value: Any) -> Any:
        """A hyperparameter, ``options[key]``, is used; it may be another one in the next step."""
        return value

    def decides(self, text: str, origins: Mapping[str, Any], outcome: Any) -> None:
        """Python went on with the ``outcome`` of ``text``, which a `Live` number decided."""


Watcher = TypeVar("Watcher", bound=Observer)


def _each(event: str) -> Callable[..., None]:
    def tell(self: Observers, *news: Any) -> None:
        for observer in self.observers:
            getattr(observer, event)(*news)

    return tell


class Observers(Observer):
    """Several observers as one; the one that came first is told first."""

    forward, backward, write, read = map(_each, ("forward", "backward", "write", "read"))
    starts_backward, ends_backward = _each("starts_backward"), _each("ends_backward")
    creates, takes_gradient = _each("creates"), _each("takes_gradient")
    effect, decides, replaces = map(_each, ("effect", "decides", "replaces"))
    enters, leaves = _each("enters"), _each("leaves")
    accumulates, forgets, optimizes = map(_each, ("accumulates", "forgets", "optimizes"))

    def __init__(self, *observers: Observer) -> None:
        self.observers = observers

    @property
    def wants_tensors(self) -> bool:
        """Whether one of them does, at present."""
        return any(o.wants_tensors for o in self.observers)

    def shows(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """What the observers, one after the other, let rules see."""
        for observer in self.observers:
            inputs = observer.shows(inputs)
        return inputs

    def option(self, options: Mapping[str, Any], key: str, value: Any) -> Any:
        """What the first observer that has a say in it makes of a hyperparameter."""
        answers = [o.option(options, key, value) for o in self.observers]
        return next((a for a in answers if a is not value), value)


class observe(Switch, Generic[Watcher]):
    """Tell an `Observer` of every operation in a ``with`` block or a decorated function.

    Observers of enclosing blocks (and anomaly mode) keep watching.

    >>> import tinygrad_gd as tg
    >>> class Tracer(tg.Observer):
    ...     def forward(self, out, primitive, inputs, params): print(primitive.name, out.item())
    ...     def backward(self, out, position, g, gx): print("d", out._primitive.name, position, gx)
    >>> x = tg.Tensor(3.0, requires_grad=True)
    >>> with tg.observe(Tracer()):
    ...     (x * x).backward()
    multiply 9.0
    d multiply 0 3.0
    d multiply 1 3.0
    """

    def __init__(self, observer: Watcher) -> None:
        if not isinstance(observer, Observer):
            raise DTypeError(f"observe: expected a tg.Observer, got {describe(observer)}; subclass it "
                             "and override what you want to hear of, such as forward and backward")
        self._observer = observer

    def changed(self, mode: Mode) -> Mode:
        """The mode with this observer beside those that are there."""
        together = self._observer if mode.observer is None else Observers(mode.observer, self._observer)
        return mode.replaced(observer=together)

    def __enter__(self) -> Watcher:
        super().__enter__()
        return self._observer


@contextmanager
def reverse_pass(root: Any, seed: Any, create_graph: bool) -> Iterator[None]:
    """A reverse pass from ``root``: recorded or not, and its beginning and end made known."""
    observer = current_mode().observer
    with enable_grad() if create_graph else no_grad():
        if observer is not None:
            observer.starts_backward(root, seed)
        try:
            yield
        finally:
            if observer is not None:
                observer.ends_backward()
