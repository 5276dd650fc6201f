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

from ..ground.elsewhere import absent
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Optimizer"]


def __getattr__(name: str) -> object:
    """Only called for what does not exist: say how it is written here."""
    raise absent(__name__, name,
                 "there is SGD; others are a subclass of Optimizer with update(p, g, options)")
