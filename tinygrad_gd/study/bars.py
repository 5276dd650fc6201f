"""Pictures of numbers in one line of text: bars, and lines of sparks.

They are drawn with block characters where the terminal has those, else with plain ones.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

_BLOCKS, _PLAIN = " ▏▎▍▌▋▊▉█", " #"
_SPARKS, _PLAIN_SPARKS = "▁▂▃▄▅▆▇█", "_.-~=*#@"


def _printable(wanted: str, plain: str) -> str:
    """The wanted characters if what is printed to can show them."""
    try:
        wanted.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return plain
    return wanted


def bar(share: float, width: int = 20) -> str:
    """A bar that fills this share of ``width`` columns; never empty where there is something.

    >>> bar(0.5, 8), bar(0.28, 8), bar(0.0, 8), bar(1e-9, 8)
    ('████', '██▎', '', '▏')
    """
    blocks = _printable(_BLOCKS, _PLAIN)
    parts = len(blocks) - 1
    if not share > 0:
        return ""
    whole, rest = divmod(max(1, round(min(share, 1.0) * width * parts)), parts)
    return blocks[-1] * whole + blocks[rest].strip()


def log_share(value: float, low: float, high: float) -> float:
    """Where a positive value lies between two powers of ten, from 0 to 1.

    >>> log_share(1e-2, -4, 0)
    0.5
    """
    return float(np.clip((np.log10(value) - low) / (high - low), 1e-9, 1)) if value > 0 else 0.0


def spark(values: Sequence[float], width: int = 40, log: bool | None = None) -> str:
    """A line as high as the values; by their logarithm where they differ by factors.

    What is not finite is an exclamation mark. More than ``width`` values are shown by means of parts.

    >>> spark([1, 2, 3, 4]), spark([1.0, 10.0, 1e3, float("nan")])
    ('▁▃▆█', '▁▃█!')
    """
    levels = _printable(_SPARKS, _PLAIN_SPARKS)
    held = _in_parts(np.asarray(values, float), width)
    fine = held[np.isfinite(held)]
    if log is None:
        log = is_steep(fine)
    if log:
        held, fine = np.log(held), np.log(fine)
    low, high = (fine.min(), fine.max()) if len(fine) else (0.0, 0.0)
    span = (high - low) or 1.0
    return "".join(levels[int((v - low) / span * (len(levels) - 1) + 0.5)] if np.isfinite(v) else "!"
                   for v in held)


def is_steep(values: Any) -> bool:
    """Whether positive values differ by so much that only their logarithms can be compared."""
    held = np.asarray(values, float)
    held = held[np.isfinite(held)]
    return bool(len(held) and held.min() > 0 and held.max() > 30 * held.min())


def _in_parts(values: Any, width: int) -> Any:
    if len(values) <= width:
        return values
    return np.array([part.mean() for part in np.array_split(values, width)])
