"""Literals: constants as Python text, and text that knows how tightly it binds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import CaptureError, describe
from ...ops.indexing import SLOT

#: Precedences, as in Python: of names and calls, and of a minus in front.
ATOM, UNARY = 9, 7


class Text(str):
    """An expression and how tightly it binds."""

    binds: int

    def __new__(cls, text: str, binds: int = ATOM) -> Text:
        """An expression; ``binds`` is the precedence of its outermost operator."""
        made = super().__new__(cls, text)
        made.binds = binds
        return made

    def inside(self, binds: int) -> str:
        """In parentheses, if an operator of that precedence needs them."""
        return f"({self})" if self.binds < binds else str(self)


def literal(x: Any, dtype: Any = None) -> Text:
    """A constant; a NumPy scalar beside an array of its own ``dtype`` is written as a number."""
    if isinstance(x, np.ndarray):
        return _array_literal(x)
    if isinstance(x, np.generic):
        if x.dtype == dtype and np.isfinite(x):
            return literal(x.item()) if x.dtype == np.float64 else Text(repr(float(str(x))))
        if x.dtype == np.float64 and np.isfinite(x):
            return literal(x.item())
        return Text(f"np.{x.dtype}({str(x) if np.isfinite(x) else repr(str(x))})")
    if isinstance(x, float) and not np.isfinite(x):
        return Text(f"float('{x}')")
    if isinstance(x, float | int) and not isinstance(x, bool) and x < 0:
        return Text(repr(x), UNARY)
    if isinstance(x, np.dtype) or (isinstance(x, type) and issubclass(x, np.generic)):
        return Text(f"np.{np.dtype(x)}")
    if isinstance(x, tuple):
        return Text(f"({', '.join(map(literal, x))}{',' if len(x) == 1 else ''})")
    if isinstance(x, slice):
        return Text(f"slice({x.start!r}, {x.stop!r}, {x.step!r})")
    if x is SLOT or x is Ellipsis:
        return Text("SLOT" if x is SLOT else "...")
    if not isinstance(x, int | float | complex | str | bytes | list | dict | range | type(None)):
        raise CaptureError(
            f"source: {describe(x)} cannot be written as text; it belongs to a custom rule, a sparse "
            "matrix or a checkpoint, whose steps a recorded graph does not hold. Compile the function "
            "instead, step = tg.compile(tg.value_and_grad(f)), and read step.source")
    return Text(repr(x))


def _array_literal(x: Any) -> Text:
    flat = x.reshape(-1)
    if x.ndim == 1 and x.size > 1 and x.dtype.kind == "i" and (x == np.arange(x.size)).all():
        kind = "" if x.dtype == np.arange(1).dtype else f", dtype=np.{x.dtype}"
        return Text(f"np.arange({x.size}{kind})")
    if x.size > 3 and (flat == flat[0]).all():
        return Text(f"np.full({x.shape}, {literal(flat[0])})")
    return Text(f"np.array({x.tolist()}, dtype=np.{x.dtype})")
