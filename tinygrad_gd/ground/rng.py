"""The one random generator: everything random here draws from it, nothing from NumPy's globals."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..errors import OptionError
from .checks import check_integer
from .modes import current_mode

if TYPE_CHECKING:
    from numpy.random import Generator


@cache  # made at the first draw: importing numpy.random takes longer than importing this package
def generator() -> Generator:
    """The `numpy.random.Generator` behind initialisers, shuffling and random operations."""
    return np.random.default_rng()


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
    start = seeded("manual_seed", seed)
    if (observer := current_mode().observer) is not None:
        observer.effect("manual_seed")
    # in place: whoever holds the generator follows the new seed
    generator().bit_generator.state = start.bit_generator.state
