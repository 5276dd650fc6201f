"""What options must be: switches, integers, probabilities; what is none is refused by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from ..errors import DTypeError, OptionError, TinygradGdError, describe


def check_switch(option: str, value: Any, cure: str = "") -> bool:
    """``value`` as a bool of Python's; what is no boolean is refused, as "no" would count as true."""
    if not isinstance(value, bool | np.bool_):
        name = option.rpartition(" ")[2]
        raise DTypeError(f"{option}: expected True or False, got {_came(value)}; write {name}=True or "
                         f"{name}=False{cure}")
    return bool(value)


def check_choice(option: str, value: Any, choices: Collection[Any]) -> Any:
    """``value``, if it is one of the choices.

    >>> check_choice("CyclicLR: mode", "square", ("triangular", "exp_range"))
    Traceback (most recent call last):
    tinygrad_gd.errors.OptionError: CyclicLR: mode must be 'triangular' or 'exp_range', got 'square'
    """
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return value
    raise OptionError(f"{option} must be {' or '.join(map(repr, choices))}, got {value!r}")


def is_integer(value: Any, least: float = -np.inf) -> bool:
    """Whether ``value`` is an integer, Python's or NumPy's, no boolean, and at least ``least``."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)


def check_integer(option: str, value: Any, least: float = -np.inf, cure: str = "",
                  wrong_type: type[TinygradGdError] = DTypeError) -> int:
    """``value`` as an int of Python's; booleans, floats and what is below ``least`` are refused.

    >>> check_integer("Linear: in_features", 0, 1)
    Traceback (most recent call last):
    tinygrad_gd.errors.OptionError: Linear: in_features must be an integer of at least 1, got int 0
    """
    if is_integer(value, least):
        return int(value)
    kind = OptionError if is_integer(value) else wrong_type
    bound = "" if least == -np.inf else f" of at least {least}"
    raise kind(f"{option} must be an integer{bound}, got {_came(value)}{f'; {cure}' if cure else ''}")


def check_number(option: str, value: Any, low: float = -np.inf, high: float = np.inf) -> Any:
    """``value`` as a number of Python's; NaN and what is beyond the bounds are refused.

    >>> check_number("clip_grad_norm_: max_norm", -1.0, 0)
    Traceback (most recent call last):
    tinygrad_gd.errors.OptionError: clip_grad_norm_: max_norm must be >= 0, got -1.0
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        cure = "; write .item()" if getattr(value, "size", 0) == 1 else ""
        raise DTypeError(f"{option} must be a number, got {describe(value)}{cure}")
    if not low <= value <= high:
        bound = "no NaN" if low == -np.inf else f">= {low}" if high == np.inf else (
            f"from {low} to {high}")
        raise OptionError(f"{option} must be {bound}, got {value!r}")
    return value.item() if isinstance(value, np.number) else value


def check_probability(option: str, value: Any) -> float:
    """``value`` as a float between 0 and 1."""
    is_number = isinstance(value, int | float | np.floating) and not isinstance(value, bool)
    if not (is_number and 0 <= value <= 1):
        raise OptionError(f"{option} is a probability between 0 and 1, got {_came(value)}")
    return float(value)


def _came(value: Any) -> str:
    """What was given: an array by its form, else its type and itself."""
    return describe(value) if hasattr(value, "shape") else f"{describe(value)} {value!r}"
