"""One lock for what threads may share: it is held where a value is read, changed and put back."""

from __future__ import annotations

import os
from _thread import RLock  # threading.RLock; most programs import no threading
from typing import Any
from weakref import WeakSet

#: Held while gradients are added to leaves and optimizers step. One for all: a backward pass takes it
#: once, and two would have to be taken in the same order everywhere.
taking_turns = RLock()
#: The same without a `with` block, which takes twice as long: a small training step would feel it.
take_turn, end_turn = taking_turns.acquire, taking_turns.release

#: What is told, by ``_forked()``, that it is in a forked process, where no other threads are.
in_forks: WeakSet[Any] = WeakSet()


def _after_in_child() -> None:
    end_turn()
    for thing in list(in_forks):
        thing._forked()


if hasattr(os, "register_at_fork"):  # a forked process would wait for a thread that it does not have
    os.register_at_fork(before=take_turn, after_in_parent=end_turn, after_in_child=_after_in_child)
