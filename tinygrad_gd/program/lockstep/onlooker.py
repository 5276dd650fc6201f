"""`Onlooker`: records a call that somebody watches, which runs as if it were not compiled.

Those who watch hear what they would hear of the plain function, and nothing of what the recorder
computes besides: the parts of composed operations, and rules that run on Tensors. Where a reverse pass
runs the user's code (hooks, a custom rule, a checkpoint) the two cannot be told apart, and the call is
not recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...engine.graph import any_hooked, walk
from ...engine.hooks import unwrap
from ...engine.tensor import Tensor
from ...ground.live import Live
from ...ground.modes import current_mode, using
from ...ground.observer import Observer
from ...ops.shape import copy
from ...ops.unnamed import is_graft
from ..capture.capture import Capture
from ..ir import Value
from .call import Call
from .expected import state_of
from .lockstep import Lockstep
from .recorder import Recorder
from .trail import Event, gradient_of, same


class _Recorder(Recorder):
    """A recorder that hears of a call, and answers nothing in it: only results become events.

    Attributes
    ----------
    received, used : leaves that gradients were added to, and the gradients that optimizers have used.
    """

    def __init__(self, lockstep: Lockstep) -> None:
        super().__init__(lockstep, entire=True)
        self.received: dict[Tensor, None] = {}
        self.used: set[Any] = set()

    def _has_made(self, x: Any) -> bool:
        return (isinstance(x, Tensor) and x in self._values and x not in self.inputs
                and id(x) not in self._outside)

    def creates(self, leaf: Tensor, data: Any) -> None:
        """A copy of what the call has made is made in it, too."""
        if self._internal or not self._has_made(data):
            super().creates(leaf, data)
        elif leaf.dtype == data.dtype:
            self._values[leaf] = self._record(
                copy, (self.reference(data),), {"order": "K"}, Value.like(leaf._value))
        else:
            Capture.creates(self, leaf, data)

    def _result(self, x: Any) -> Any:
        if self._has_made(x):
            self.makes(gradient_of(x), x)
        return super()._result(x)

    def finish(self, result: Any) -> Event:
        """The event of the call's end; the gradients that it leaves are results, too."""
        found = [(leaf, g) for leaf in self.received if (g := leaf._grad) is not None]
        left = {leaf: self._result(g) for leaf, g in found if g not in self.used}
        end = super().finish(result)
        end.more = end.more[0], {leaf: g for leaf, g in left.items() if isinstance(g, Event)}
        return end


def _to_both(event: str) -> Callable[..., None]:
    """Tell the recorder, and those who watch if it is the user's code that does it."""
    def tell(self: Onlooker, *news: Any) -> None:
        users = self.is_of_user()
        self.record(event, *news)
        if users:
            getattr(self.watcher, event)(*news)

    return tell


class Onlooker(Observer):
    """Hears of one call, for a recorder and for those who watch.

    Attributes
    ----------
    watcher : who is told as if nothing were recorded.
    recorder : what writes the call down; None once the call has an observer of its own.
    last : the end of the recording; None if there is none.
    settled : whether optimizers remembered as much before the call as after it: the first step makes
        what later ones change.
    """

    read, creates, effect, decides = map(_to_both, ("read", "creates", "effect", "decides"))
    write, enters, leaves = map(_to_both, ("write", "enters", "leaves"))
    takes_gradient = _to_both("takes_gradient")

    def __init__(self, name: str, strict: bool, given: Any, watcher: Observer) -> None:
        self.watcher = watcher
        self.lockstep = Lockstep(name, strict)
        self.lockstep.call, self.lockstep.given = Call(self.lockstep), given
        self.recorder: _Recorder | None = _Recorder(self.lockstep)
        self.last: Event | None = None
        self._states: list[tuple[Any, Any]] = []
        self._shown: dict[Tensor, Any] = {}  # what rules see of an array
        self._floats: dict[int, Live] = {}  # by the id of an argument, how programs read it

    def run(self) -> Any:
        """What the function returns."""
        function, args, kwargs = self.lockstep.given
        try:
            with using(observer=self, lockstep=self.lockstep):  # which is not active
                result = function(*args, **kwargs)
        except BaseException:
            self._give_up()
            raise
        if self.recorder is not None:
            self.last = self.recorder.finish(result)
        self.recorder, self._shown = None, {}
        return result

    @property
    def settled(self) -> bool:
        """Whether the next call would be recorded in the same way."""
        return all(same(then, state_of(optimizer)) for optimizer, then in self._states)

    @property
    def wants_tensors(self) -> bool:
        """Rules are recorded as what they do with Tensors."""
        return self._is_in_a_pass or self.watcher.wants_tensors

    @property
    def _is_in_a_pass(self) -> bool:
        """Whether rules are at work, and recorded."""
        return self.recorder is not None and self.recorder._phase == "backward"

    def is_of_user(self) -> bool:
        """Whether the user's code is at work, or a reverse pass that is itself recorded."""
        if current_mode().observer is not self:
            self._give_up()
        return not self._is_in_a_pass or current_mode().grad

    def _give_up(self) -> None:
        if self.recorder is not None:
            self.recorder.close()
        self.recorder = None

    def record(self, event: str, *news: Any) -> None:
        """Tell the recorder, to whom alone it matters what it does then."""
        if self.recorder is not None:
            with using(observer=self.recorder):
                getattr(self.recorder, event)(*news)

    def _live(self, x: Any) -> Any:
        """A float among the arguments as one that may be another in the next call."""
        r = self.recorder
        if type(x) is not float or r is None or id(x) not in r._passed:
            return x
        if id(x) not in self._floats:
            index, numbers = r._new_slot(x).index, self.lockstep.numbers
            numbers[index] = x
            self._floats[id(x)] = r.numbers.live(x, r.names.get(id(x), "number"), numbers, index)
        return self._floats[id(x)]

    def _plain(self, g: Any) -> Any:
        """A gradient as those who watch get it without the recorder."""
        return g if self.watcher.wants_tensors or current_mode().grad else unwrap(g)

    def _given(self, x: Any) -> Any:
        """An input as it is without the recorder."""
        return self._shown.get(x, x) if isinstance(x, Tensor) else x.value if type(x) is Live else x

    # -- what happens --------------------------------------------------------------------------------

    def forward(self, out: Any, primitive: Any, inputs: Any, params: Any) -> None:
        """Rates are numbers that programs read anew; those who watch get plain ones."""
        users = self.is_of_user()
        if is_graft(primitive):
            self._give_up()
        if (r := self.recorder) is not None and not r._internal:
            for x in inputs:  # what it brings must be known before copies of it are
                if isinstance(x, np.ndarray) or (isinstance(x, Tensor) and x not in r._values):
                    r.slot_of(x)
        self.record("forward", out, primitive, tuple(map(self._live, inputs)), params)
        if users:
            self.watcher.forward(out, primitive, tuple(map(self._given, inputs)), params)

    def shows(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """What those who watch let rules see, and the recorder of that."""
        if self.watcher.wants_tensors:
            inputs = self.watcher.shows(inputs)
        if self.recorder is None:
            return inputs
        with using(observer=self.recorder):
            shown = self.recorder.shows(tuple(map(self._live, inputs)))
        self._shown.update((x, given) for x, given in zip(shown, inputs, strict=True)
                           if x is not given and isinstance(x, Tensor))
        return shown

    def backward(self, out: Any, position: int, g: Any, gx: Any) -> None:
        """A rule has run, on Tensors for the recorder."""
        self.record("backward", out, position, g, gx)
        self.watcher.backward(out, position, self._plain(g), self._plain(gx))

    def replaces(self, tensor: Any, g: Any) -> None:
        """The recorder has seen where it comes from."""
        self.watcher.replaces(tensor, self._plain(g))

    def starts_backward(self, root: Any, seed: Any) -> None:
        """From here on rules are at work, not the user, unless he has hooks."""
        self.is_of_user()
        if (r := self.recorder) is not None and any_hooked(walk([root, *r._values])):
            self._give_up()
        self.record("starts_backward", root, seed)
        self.watcher.starts_backward(root, seed)

    def ends_backward(self) -> None:
        """The user goes on."""
        self.record("ends_backward")
        self.watcher.ends_backward()

    def accumulates(self, leaf: Tensor) -> None:
        """Remember who gets a gradient."""
        if self.recorder is not None:
            self.recorder.received[leaf] = None
        self.watcher.accumulates(leaf)

    def optimizes(self, optimizer: Any) -> None:
        """Remember what the optimizer remembers, and the gradients that it uses."""
        self._states.append((optimizer, state_of(optimizer)))
        if self.recorder is not None:
            self.recorder.used.update(p._grad for g in optimizer.param_groups for p in g["params"])
        self.watcher.optimizes(optimizer)

    def forgets(self, tensors: Any) -> None:
        """The recorder sees the gradients themselves."""
        self.watcher.forgets(tensors)

    def option(self, options: Mapping[str, Any], key: str, value: Any) -> Any:
        """The recorder's number, which programs read anew."""
        answer = self.watcher.option(options, key, value)
        return self.recorder.option(options, key, answer) if self.recorder is not None else answer
