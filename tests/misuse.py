"""Tables of misuse: what is done, the kind of error that it gets, and what the error says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg

Row = tuple[Callable[[], Any], type[Exception] | tuple[type[Exception], ...], str]
Table = dict[str, Row]

ONE, PAIR, MATRIX = np.ones(3), np.ones((2, 3)), np.ones((2, 2))


def w(value: Any = (1.0, 2.0, 3.0), **options: Any) -> tg.Tensor:
    return tg.Tensor(list(value) if isinstance(value, tuple) else value, requires_grad=True,
                     name="w", **options)


def refused(row: Row) -> None:
    """The error is of that kind, says that, and is one of this package."""
    do, kind, text = row
    with pytest.raises(kind, match=f"(?s){text}") as caught:
        do()
    assert isinstance(caught.value, tg.TinygradGdError)
