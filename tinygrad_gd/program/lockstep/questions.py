"""Questions: what Python finds out besides values, and goes on with.

Of a graph, its answer is the same whenever the trail is. Of gradients, switches and options it is a
condition under which a frozen program stands for the function, and an event of its trails only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ...engine.tensor import Tensor
from .standins import StandIn
from .trail import Event, described

if TYPE_CHECKING:
    from .call import Call
    from .recorder import Recorder


class Questions:
    """The part of a `Lockstep` that is asked them."""

    __slots__ = ()
    recorder: Recorder | None
    call: Call
    find: Callable[..., Event | None]
    realize: Callable[[str], None]
    made: Callable[[Any], bool]

    def answered(self, x: Any) -> bool:
        """Whether a Tensor has no value yet."""
        return type(x) is StandIn

    def asks(self, what: str, given: tuple[Any, ...], answer: Callable[[], Any]) -> Any:
        """What depends on the graph of Tensors only: the same whenever the trail is."""
        if self.recorder is not None:
            return self.recorder.asks(what, given, answer)
        if (e := self.find("ask", what, self.call.fits, given)) is None:
            self.realize(described(what, given, {}))
            return answer() if self.recorder is None else self.asks(what, given, answer)
        return e.more

    def finds(self, what: str, *about: Any) -> None:
        """Python finds out something about Tensors, modules or options."""
        if not any(map(self.made, about)):
            self.asks(what, about, lambda: None)

    def takes_gradient(self, leaf: Tensor) -> None:
        """Python looks at the gradient that a leaf has, if it has one."""
        self.finds("gradient", leaf, leaf._grad)

    def forgets(self, leaves: Iterable[Tensor]) -> None:
        """Gradients are forgotten, or others put in their place."""
        self.finds("gradients are set", *leaves)
