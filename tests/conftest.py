"""No test may leave a mode, a default dtype or an operation behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tinygrad_gd.modes import Mode, current_mode


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    assert current_mode() == Mode()
    yield
    assert current_mode() == Mode(), "a test left a mode or a default dtype switched"
