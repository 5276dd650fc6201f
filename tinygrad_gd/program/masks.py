"""Masks that select elements: shapes depend on how many, and a program is for one number only."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import Primitive


class OtherMask(Exception):
    """A mask selects another number of elements than when the program was captured."""


def _selects(mask: Any, /, count: int) -> Any:
    if np.count_nonzero(mask) != count:
        raise OtherMask
    return mask


selects = Primitive(_selects, (), name="selects", numpy=(), run=None, elementwise=False, analytic=False,
                    atomic=True, kind="guard")
