"""Watch a run: what primitives tell `Capture`, and what only Python's profiler and the draws show."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...engine.tensor import Tensor
from ...ground.observer import observe
from ...ground.user_code import is_inside
from .capture import Capture
from .effects import Draws, effect_of


def watched(
    capture: Capture, function: Callable[[], Any], generators: list[tuple[str, Any]]
) -> tuple[Any, dict[Tensor, str]]:
    """Run ``function`` under the eyes of ``capture``; its result and its names for Tensors.

    ``generators`` are those of random numbers that it may draw from.
    """
    names: dict[Tensor, str] = {}
    draws = Draws(generators)
    with observe(capture), profiled(capture, names):
        result = function()
    capture.drawn = draws.unseen(capture.instructions)
    return result, names


@contextmanager
def profiled(capture: Capture, names: dict[Tensor, str]) -> Iterator[None]:
    """Collect what the user's functions call their Tensors, while they run; hear of effects, too."""
    def note(frame: Any, event: str, called: Any) -> None:
        if event not in ("return", "c_call") or is_inside((code := frame.f_code).co_filename):
            return  # nearly always
        if event == "return":
            if code.co_filename == "<string>" and code.co_name.startswith("__"):  # of a dataclass
                return
            for name, value in frame.f_locals.items():
                if isinstance(value, Tensor):
                    names.setdefault(value, name)
        elif (what := effect_of(called)) and code not in collecting:
            capture.effect(what)

    collecting = {getattr(f, "__code__", None) for f in gc.callbacks}  # whenever it comes to pass
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)
