"""Stand-ins: Tensors without values yet. They have a form, and compute themselves when looked at."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from math import prod
from threading import get_ident
from time import monotonic, sleep
from typing import Any

import numpy as np

from ...engine.methods import Count
from ...engine.tensor import ALL, Tensor
from ...errors import GradError
from ...ground.modes import current_mode
from ...ground.pytree import flatten

#: Seconds in which a call meets another event or computes, unless it waits for a thread that looks.
LONG = 1.0

_GRAPH = ("_primitive", "_first", "_second", "_params", "_seq")
_slots: dict[str, Any] = {name: Tensor.__dict__[name] for name in ("_value", *_GRAPH)}


def _slot(name: str, before: Callable[[Any], Any], sets: bool = True) -> Any:
    """A slot before whose value is read (or set, too) something else is done."""
    slot = _slots[name]

    def get(self: Any) -> Any:
        before(self)
        return slot.__get__(self)

    def put(self: Any, value: Any) -> None:
        before(self)
        slot.__set__(self, value)

    return property(get, put if sets else slot.__set__)


def _look(self: Any) -> None:
    lockstep, at, since = self.call.lockstep, None, monotonic()
    while lockstep.thread not in (0, get_ident()) and type(self) is StandIn and not lockstep.problem:
        if at is not lockstep.at or not lockstep.active:
            at, since = lockstep.at, monotonic()
        elif monotonic() > since + LONG:
            lockstep.problem = "it runs uncompiled: it waits for threads that look at what it computes"
        sleep(1e-4)  # the thread that is in the call comes to compute it, unless it waits for this one
    with lockstep.looking:
        if type(self) is StandIn and lockstep.thread != get_ident() and not lockstep.problem:
            raise GradError("this was kept, or asked for by another thread, while a frozen call was "
                            "audited, whose program has run in its place; look at what the call "
                            "returned, or again at the .grad that it left")
        if type(self) is StandIn:
            lockstep.look(self)
    if type(self) is Deferred:
        take_out(self)


def _graph(self: Any) -> None:
    self.call.lockstep.graph(self)


class Formed(Tensor):
    """A Tensor whose form is known from something else than its value."""

    __slots__ = ()

    form: Any
    shape = property(lambda self: self.form.shape)
    ndim = property(lambda self: len(self.form.shape))
    size = property(lambda self: Count(prod(self.form.shape)))
    dtype = property(lambda self: self.form.dtype)

    def __len__(self) -> int:
        return self.form.shape[0] if self.form.shape else super().__len__()


_OWN = ("_requires_grad", "_grad", "_hooks", "_name")


def _touch(self: Any) -> None:
    self.event.touched, self.event.arity = True, -1


def _told(name: str, before: Callable[[Any], None] = _touch) -> Any:
    """A slot that is set by somebody: in the next call it is what it was at first."""
    slot = Tensor.__dict__[name]

    def put(self: Any, value: Any) -> None:
        before(self)
        slot.__set__(self, value)

    return property(slot.__get__, put)


def begin(stand_in: Any, requires_grad: bool) -> None:
    """Set what nobody has set yet."""
    for name in _OWN:
        Tensor.__dict__[name].__set__(stand_in, None)
    Tensor.__dict__["_requires_grad"].__set__(stand_in, requires_grad)


class StandIn(Formed):
    """The answer to an operation: a Tensor of which ``event`` is known, and no value.

    Its ``call`` is the lockstep itself as long as nobody has had it when values were computed.
    """

    __slots__ = ()

    call: Any = _slots["_first"]
    event: Any = _slots["_second"]
    held: Any = _slots["_value"]  # what it found last, if anything
    form = event

    _value = _slot("_value", _look)
    _primitive, _first, _second, _params, _seq = (_slot(name, _graph) for name in _GRAPH)
    _by_columns = property(lambda self: self.event.by_columns)
    _requires_grad, _grad, _name = map(_told, ("_requires_grad", "_grad", "_name"))
    _hooks = _told("_hooks", _graph)  # to be called in a reverse pass of eager code


class Filled(StandIn):
    """A stand-in that has its value; how it was made is found out when somebody asks."""

    __slots__ = ()

    _value = _slots["_value"]  # the slot itself again


def take_out(deferred: Any) -> None:
    """Copy a value while it is in its buffer, unless another thread has been sooner."""
    value = held.copy("K") if isinstance(held := deferred.held, np.ndarray) else held
    if type(deferred) is Deferred:
        deferred.held, deferred.__class__ = value, Filled  # type: ignore[assignment]


class Deferred(StandIn):
    """A stand-in whose value is still in a buffer of the program; it is copied if somebody looks."""

    __slots__ = ()

    _value = _slot("_value", take_out)


def _noticed(look: str) -> Callable[[Any], None]:
    def notice(self: Any) -> None:
        lockstep = current_mode().lockstep
        if lockstep is not None and lockstep.active:
            getattr(lockstep, look)(self)

    return notice


class Recorded(Formed):
    """A Tensor of a call that is recorded: a look at it is noticed, but for its form."""

    __slots__ = ()

    _value = _slot("_value", _noticed("look"), sets=False)
    _primitive, _first, _second, _params = (
        _slot(name, _noticed("graph"), sets=False) for name in _GRAPH[:4])

    form = _slots["_value"]
    _by_columns = property(lambda self: self.form.flags.fnc)


class Pending(Formed):
    """A Tensor from outside that is about to be written to, which is done when somebody looks at it."""

    __slots__ = ()

    _value = _slot("_value", _noticed("look"))
    form = _slots["_value"]
    _made_as = property(lambda self: self._params.get("made_as", Tensor))


def _tell(self: Any) -> None:
    raise copy(self.error)  # that itself would go with all that its traceback holds


class Failed(Formed):
    """A Tensor that was never computed: whoever looks at it is told of the error."""

    __slots__ = ()

    error: Any = _slots["_first"]
    form = _slots["_second"]
    _value, _primitive, _first, _second, _params, _seq = (_slot(name, _tell) for name in _slots)


def fail(stand_in: Any, error: BaseException) -> None:
    """Remember that an error has prevented a stand-in from being computed."""
    told = copy(error) if isinstance(error, Exception) else GradError("it was interrupted")
    event = stand_in.event
    become(stand_in, None, None, told, event, {}, 0)
    stand_in.__class__ = Failed


def tell(result: Any) -> None:
    """Raise the error that has prevented a result from being computed, though somebody caught it."""
    for x in flatten(result):
        if type(x) is Failed:
            _tell(x)


def set_free(stand_in: Tensor, seq: int, value: Any) -> None:
    """Make an ordinary leaf of a stand-in, which is older than all that was computed with it."""
    become(stand_in, value, None, (), ALL, {}, seq)


def become(
    stand_in: Tensor, value: Any, primitive: Any, first: Any, second: Any, params: Any, seq: Any
) -> None:
    """Make an ordinary Tensor of a stand-in."""
    if isinstance(stand_in, StandIn):
        stand_in.event.give_away(stand_in)
    _slots["_value"].__set__(stand_in, value)  # there may be threads that wait for it
    stand_in.__class__ = Tensor
    stand_in._primitive, stand_in._params = primitive, params
    stand_in._first, stand_in._second, stand_in._seq = first, second, seq
