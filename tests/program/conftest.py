"""Every program that a test makes is checked after each pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tinygrad_gd.program.check import check
from tinygrad_gd.program.passes import PASSES


def checked(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda program: check(run(check(program)))


@pytest.fixture(autouse=True)
def programs_are_checked_after_each_pass(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, run in PASSES.items():
        monkeypatch.setitem(PASSES, name, checked(run))
    yield
