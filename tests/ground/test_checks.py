"""Options that must be switches or integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.ground.checks import check_integer, check_switch, is_integer


@pytest.mark.parametrize("value,least", [(0, 0), (3, 1), (np.int8(7), 7), (-2, -np.inf), (10**30, 1)])
def test_integers_become_pythons(value: Any, least: float) -> None:
    found = check_integer("f: n", value, least)
    assert type(found) is int and found == value and is_integer(value, least)


@pytest.mark.parametrize("value,text", [
    (True, "got bool True"), (1.0, "got float 1.0"), ("2", "got str '2'"), (None, "got NoneType None"),
    (np.array(1), r"got int64 of shape \(\)"), (np.bool_(True), "got bool"),
])
def test_what_is_no_integer_is_refused(value: Any, text: str) -> None:
    with pytest.raises(tg.DTypeError, match=rf"^f: n must be an integer of at least 1, {text}"):
        check_integer("f: n", value, 1)
    with pytest.raises(tg.OptionError, match=rf"^f: n must be an integer, {text}.*; write n=2$"):
        check_integer("f: n", value, cure="write n=2", wrong_type=tg.OptionError)
    assert not is_integer(value)


def test_integers_that_are_too_small_are_refused_by_value() -> None:
    with pytest.raises(tg.OptionError, match=r"^f: n must be an integer of at least 1, got int 0$"):
        check_integer("f: n", 0, 1)
    assert not is_integer(0, 1)


def test_switches_are_booleans() -> None:
    assert check_switch("f: flag", np.True_) is True and check_switch("f: flag", False) is False
    for value in (0, "no", None, 1.0):
        with pytest.raises(tg.DTypeError, match=r"^f: flag: expected True or False, .*write flag=True or"):
            check_switch("f: flag", value)
