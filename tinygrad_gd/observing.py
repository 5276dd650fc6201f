"""`observe`: watch every operation, forward and backward; several observers may watch at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from .errors import DTypeError, describe
from .modes import Block, current_mode, using
from .observer import Observer

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

    def __init__(self, *observers: Observer) -> None:
        self.observers = observers
        self.wants_tensors = any(o.wants_tensors for o in observers)

    def option(self, options: Mapping[str, Any], key: str, value: Any) -> Any:
        """What the first observer that has a say in it makes of a hyperparameter."""
        answers = [o.option(options, key, value) for o in self.observers]
        return next((a for a in answers if a is not value), value)


class observe(Block, Generic[Watcher]):
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
        self._blocks: list[using] = []

    def _recreate_cm(self) -> observe[Watcher]:
        return self  # the stack of blocks makes it reentrant

    def __enter__(self) -> Watcher:
        present = current_mode().observer
        together = self._observer if present is None else Observers(present, self._observer)
        block = using(observer=together)
        block.__enter__()
        self._blocks.append(block)
        return self._observer

    def __exit__(self, *exception: object) -> None:
        self._blocks.pop().__exit__(*exception)


@contextmanager
def reverse_pass(root: Any, seed: Any, create_graph: bool) -> Iterator[None]:
    """A reverse pass from ``root``: recorded or not, and its beginning and end made known."""
    observer = current_mode().observer
    with using(grad=create_graph):
        if observer is not None:
            observer.starts_backward(root, seed)
        try:
            yield
        finally:
            if observer is not None:
                observer.ends_backward()
