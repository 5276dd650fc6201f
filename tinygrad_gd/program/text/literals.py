"""Literals: constants as Python text, and text that knows how tightly it binds."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ...errors import CaptureError, describe
from ...ops.indexing import SLOT

#: Characters in a line.
WIDTH = 100

#: Precedences, as in Python: of names and calls, of a minus in front, and of products.
ATOM, UNARY, MULTIPLY = 9, 7, 6


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


def literal(x: Any) -> Text:
    """A constant, of its own type; what the text computes as it does."""
    if isinstance(text := getattr(x, "text", x), Text):
        return text
    if isinstance(x, np.ndarray):
        return _array_literal(x)
    if isinstance(x, np.generic):
        return Text(f"np.{x.dtype}({str(x) if np.isfinite(x) else repr(str(x))})")
    if isinstance(x, float) and not np.isfinite(x):
        return Text(f"float('{x}')")
    if isinstance(x, float | int) and not isinstance(x, bool):
        return Text(repr(x), UNARY if repr(x).startswith("-") else ATOM)
    if isinstance(x, np.dtype):
        return Text(f"np.dtype({dtype_text(x)})")
    if isinstance(x, tuple):
        return Text(f"({', '.join(map(literal, x))}{',' if len(x) == 1 else ''})")
    if isinstance(x, slice):
        return Text(f"slice({', '.join(map(literal, (x.start, x.stop, x.step)))})")
    if name := public_name(x):
        return Text(name)
    if x is SLOT or x is Ellipsis:
        return Text("SLOT" if x is SLOT else "...")
    if not isinstance(x, int | float | complex | str | bytes | list | dict | range | type(None)):
        raise CaptureError(
            f"source: {describe(x)} cannot be written as text; it belongs to a custom rule, a sparse "
            "matrix or a checkpoint, whose steps a recorded graph does not hold. Compile the function "
            "instead, step = tg.compile(tg.value_and_grad(f)), and read step.source")
    return Text(repr(x))


def public_name(x: Any) -> str:
    """The name under which NumPy has a function, or nothing."""
    name = getattr(x, "__name__", "") if callable(x) else ""
    spaces = {"np": np, "np.linalg": np.linalg, "np.lib.stride_tricks": np.lib.stride_tricks}
    return next((f"{prefix}.{name}" for prefix, space in spaces.items()
                 if name and getattr(space, name, None) is x), "")


def number(x: np.generic) -> Text:
    """A NumPy scalar as a number of Python: beside an array of its dtype it means the same."""
    if x.dtype.kind == "f" and x.dtype.itemsize <= 8 and np.isfinite(x):
        return literal(float(str(x)))  # the shortest that is this number in its dtype
    return literal(x.item()) if x.dtype.kind in "biu" else literal(x)


def dtype_text(x: Any) -> str:
    """A dtype, as an argument of a function of NumPy."""
    return f"np.{np.dtype(x)}"


def formula(x: np.ndarray[Any, Any]) -> str:
    """How NumPy makes an array that follows a rule, or nothing."""
    kind = "" if x.dtype == np.float64 else f", {dtype_text(x.dtype)}"
    first = x.flat[0] if x.size else x.dtype.type(0)
    few = 1 if x.dtype.kind == "f" else 3  # short lists of integers are indices
    if x.tobytes() == first.tobytes() * x.size and (x.size > few or not x.size):
        if first.tobytes() in (b"\0" * x.itemsize, x.dtype.type(1).tobytes()):
            return f"np.{'ones' if first else 'zeros'}({literal(x.shape)}{kind})"
        value = number(first) if x.dtype == np.float64 else literal(first)
        return f"np.full({literal(x.shape)}, {value})"
    if x.ndim == 1 and x.size > 1 and x.dtype.kind in "iuf":
        return _range(x)
    if x.ndim == 2 and x.size > 3 and x.flags.c_contiguous:
        for name, made in (("eye", np.eye(*x.shape)), ("tri", np.tri(*x.shape))):
            lengths = f"{x.shape[0]}" if x.shape[0] == x.shape[1] else f"{x.shape[0]}, {x.shape[1]}"
            if x.tobytes() == made.astype(x.dtype).tobytes():
                return f"np.{name}({lengths}{kind.replace(', ', ', dtype=')})"
    return ""


def _range(x: np.ndarray[Any, Any]) -> str:
    start, step = x[0].item(), (x[1] - x[0]).item() if x.dtype.kind != "u" else 1
    if not np.isfinite(start + step) or start != int(start) or step != int(step) or not step or (
            x.size < 5 and (start, step) != (0, 1)):
        return ""
    start, step = int(start), int(step)
    made = np.arange(start, start + step * x.size, step).astype(x.dtype)
    if x.tobytes() != made.tobytes():
        return ""
    ends = [start, start + step * x.size, step]
    shown = ends[1:2] if (start, step) == (0, 1) else ends[:2] if step == 1 else ends
    kind = "" if x.dtype == np.arange(1).dtype else f", dtype={dtype_text(x.dtype)}"
    return f"np.arange({', '.join(map(str, shown))}{kind})"


def _array_literal(x: np.ndarray[Any, Any]) -> Text:
    if made := formula(x):
        return Text(made)
    if x.ndim > 1 and not x.flags.c_contiguous and x.flags.f_contiguous:
        return Text(f"{_array_literal(x.T)}.T")
    elements = re.sub(r"\b(nan|inf)\b", r"np.\1", repr(x.tolist()))
    usual = np.array(x.tolist()).dtype == x.dtype
    return Text(f"np.array({elements}{'' if usual else f', dtype={dtype_text(x.dtype)}'})")
