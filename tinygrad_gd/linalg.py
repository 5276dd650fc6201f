"""``tg.linalg``: the functions of ``np.linalg`` that differentiate, under the same names.

``np.linalg.inv(tensor)`` and ``tg.linalg.inv(tensor)`` are the same; the latter makes a Tensor of a
plain array, too. The functions are in `tinygrad_gd.ops`: products in `linalg`, the others in
`linear_systems`, `determinants`, `factorizations`, `least_squares` and `conditioning`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .ground.registry import NUMPY, complete

complete()


def __getattr__(name: str) -> Callable[..., Any]:
    if name in np.linalg.__all__ and (function := NUMPY.get(getattr(np.linalg, name))):
        return function
    cure = "" if name[:2] == "__" else f"; it has {', '.join(__dir__())}"
    raise AttributeError(f"tinygrad_gd.linalg has no function {name!r}{cure}")


def __dir__() -> list[str]:
    return sorted(name for name in np.linalg.__all__ if getattr(np.linalg, name) in NUMPY)
