"""Names that other libraries have: asking for one says how it is written here.

They are attributes of classes and not a ``__getattr__``, beside which Python reads every attribute of
every object of the class the slow way: a training step of a small model took a tenth longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class WrittenHere:
    """An attribute that is missing; the error tells the cure."""

    def __init__(self, name: str, cure: str) -> None:
        self.name, self.cure = name, cure

    def __get__(self, obj: Any, owner: type) -> Any:
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self.name!r}; {self.cure}",
                             name=self.name, obj=obj)


def answer(owner: type, cures: Mapping[str, str]) -> None:
    """Let a class answer for names that it does not have itself.

    >>> class Shape: pass
    >>> answer(Shape, {"area": "use width * height"})
    >>> Shape().area
    Traceback (most recent call last):
    AttributeError: 'Shape' object has no attribute 'area'; use width * height
    """
    for name, cure in cures.items():
        if name not in vars(owner):
            setattr(owner, name, WrittenHere(name, cure))


def own_names(obj: Any) -> list[str]:
    """``dir(obj)`` without what is only answered for."""
    spaces = [vars(cls) for cls in type(obj).__mro__]
    return [name for name in object.__dir__(obj)
            if not isinstance(next((s[name] for s in spaces if name in s), None), WrittenHere)]
