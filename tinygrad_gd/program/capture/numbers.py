"""Names for the numbers that a program reads anew: each stands for one place."""

from __future__ import annotations

import builtins
from itertools import count
from typing import Any

from ...ground.live import Live


class Numbers:
    """Live numbers with names of their own: an argument ``lr`` is not the option of that name."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[int, Any]] = {}

    def live(self, value: Any, name: str, container: Any, key: Any) -> Live:
        """A number that lies in a container, under this name or one like it.

        >>> numbers, options, floats = Numbers(), {"lr": 0.1}, [1.0]
        >>> numbers.live(floats[0], "lr", floats, 0).text
        'lr'
        >>> numbers.live(options["lr"], "lr", options, "lr").text
        'lr_1'
        """
        place, free, tries = (id(container), key), name, count(1)
        while hasattr(builtins, free) or self._places.setdefault(free, place) != place:
            free = f"{name}_{next(tries)}"
        return Live(value, free, {free: (container, key)})
