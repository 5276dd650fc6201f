# Made by python -m tests.stubs from the registry; a test fails when it is not up to date.

"""Optimizers, under PyTorch's names.

Read `sgd` with `optimizer`: the latter keeps groups, options and what is remembered for each parameter,
an optimizer is ``update(p, g, options)``. `groups` has the dicts in which options are changed.

Surprises here
--------------
- While nobody watches, plain SGD skips ``update`` and writes into the arrays in one loop, with the same
  bits: in small models the calls would take longer than the arithmetic.
- Options are checked when they are set, and not in each step: a group is a dict that calls back.
- Options read in a watched step are no floats but `Live` numbers, so that programs follow schedules.
"""

from .optimizer import Optimizer as Optimizer
from .sgd import SGD as SGD

__all__ = [
    "SGD", "Optimizer",
]
