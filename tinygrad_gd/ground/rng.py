"""The one random generator: everything random here draws from it, nothing from NumPy's globals."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OptionError
from .checks import check_integer
from .modes import current_mode
from .threads import taking_turns

if TYPE_CHECKING:
    from numpy.random import Generator


_generator: Generator | None = None  # importing numpy.random takes longer than importing this package
_forks = 0  # processes that were forked from this one since it was seeded


def generator() -> Generator:
    """The `numpy.random.Generator` behind initialisers, shuffling and random operations.

    In a forked process it goes on with numbers of its own, which follow from the state that it had and
    from how many processes were forked before: a program that was seeded repeats itself.
    """
    global _generator
    if _generator is None:
        with taking_turns:
            if _generator is None:
                _generator = _noticed()
    return _generator


def _noticed() -> Generator:
    """A generator that tells a compiled step before it is used, by whoever holds it."""

    class Generator(np.random.Generator):
        def __getattribute__(self, name: str) -> Any:
            lockstep = current_mode().lockstep
            if lockstep is not None and lockstep.active:
                lockstep.draws_itself()
            return super().__getattribute__(name)

    return Generator(np.random.PCG64())


def in_use() -> bool:
    """Whether the generator has been made."""
    return _generator is not None


def seeded(operation: str, seed: int) -> Generator:
    """A new generator that begins at ``seed``."""
    return np.random.default_rng(check_integer(f"{operation}: seed", seed, 0, wrong_type=OptionError))


def manual_seed(seed: int) -> None:
    """Start the random numbers over from ``seed``, so that a program repeats itself exactly.

    >>> import tinygrad_gd as tg
    >>> tg.manual_seed(0); a = tg.generator().random()
    >>> tg.manual_seed(0); a == tg.generator().random()
    True
    """
    global _forks
    start = seeded("manual_seed", seed)
    if (observer := current_mode().observer) is not None:
        observer.effect("manual_seed")
    _start_over(start)
    _forks = 0


def _start_over(start: Generator) -> None:
    """Take over a state in place: whoever holds the generator follows."""
    generator().bit_generator.state = start.bit_generator.state


def _before_fork() -> None:
    global _forks
    _forks += 1
    if _generator is not None:  # no other thread may be drawing: the copy of its lock would stay closed
        _generator.bit_generator.lock.acquire()


def _after_fork() -> None:
    if _generator is not None:
        _generator.bit_generator.lock.release()


def _in_child() -> None:
    if _generator is not None:
        _after_fork()
        _start_over(np.random.default_rng([_forks, *_generator.bytes(32)]))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)
