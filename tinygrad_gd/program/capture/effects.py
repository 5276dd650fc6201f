"""Effects: what a step does besides computing, which a replay would leave out without a word."""

from __future__ import annotations

import io
import pickle
import random
import sys
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

from ...ground.rng import generator, in_use
from ..ir import Instruction

#: Functions written in C that do something besides computing, and how notices call them.
_EFFECTS: dict[Any, str] = {print: "print()"} | {
    getattr(time, name): f"time.{name}()" for name in dir(time) if name.removesuffix("_ns") in (
        "time", "monotonic", "perf_counter", "process_time", "thread_time")}


def effect_of(function: Any) -> str:
    """What a function written in C does besides computing, in words; empty for nearly all."""
    if function in _EFFECTS:
        return _EFFECTS[function]
    owner = getattr(function, "__self__", None)
    if not isinstance(owner, random.Random | io.IOBase | type):
        return ""
    name = function.__name__
    if isinstance(owner, random.Random):
        return f"random.{name}()"
    if isinstance(owner, io.IOBase):
        return f"{name}() of a file" if name.startswith("write") else ""
    clock = issubclass(owner, date) and name in ("now", "today", "utcnow")
    return f"{owner.__name__}.{name}()" if clock else ""


class Draws:
    """The states of random generators before a run, to find out which have drawn in it."""

    def __init__(self, known: list[tuple[str, Any]]) -> None:
        self._ours = _state(generator()) if in_use() else b""
        self._others = [(name, held, _state(held)) for name, held in (*known, *_of_numpy())
                        if not self._ours or held is not generator()]

    def unseen(self, instructions: list[Instruction]) -> str:
        """The generator that has drawn what no instruction draws again; empty if none has."""
        other = next((n for n, held, state in self._others if state != _state(held)), "")
        if other or not self._ours or _state(generator()) == self._ours:
            return other
        bits = generator().bit_generator
        after, bits.state = bits.state, pickle.loads(self._ours)
        for i in instructions:
            if i.primitive.kind == "draw":
                i.primitive.run(*i.inputs, **i.params)
        drawn, bits.state = bits.state, after
        return "" if drawn == after else "tg.generator()"


def _of_numpy() -> Iterator[tuple[str, Any]]:
    """The generator behind functions like np.random.rand, if anybody has imported it."""
    if "numpy.random.mtrand" in sys.modules:
        yield "np.random", sys.modules["numpy.random.mtrand"]._rand


def _state(held: Any) -> bytes:
    bits = getattr(held, "bit_generator", None)
    return pickle.dumps(bits.state if bits is not None else held.get_state())
