"""One lock for what threads may share: it is held where a value is read, changed and put back."""

from __future__ import annotations

import os
from threading import RLock

#: Held while gradients are added to leaves and optimizers step. One for all: a backward pass takes it
#: once, and two would have to be taken in the same order everywhere.
taking_turns = RLock()

if hasattr(os, "register_at_fork"):  # a forked process would wait for a thread that it does not have
    os.register_at_fork(before=taking_turns.acquire, after_in_parent=taking_turns.release,
                        after_in_child=taking_turns.release)
