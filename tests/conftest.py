"""No test may leave a mode or a default dtype behind, and each begins with the same random numbers."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from importlib import import_module

import pytest

from tinygrad_gd import manual_seed
from tinygrad_gd.ground.modes import Mode, current_mode, get_default_dtype
from tinygrad_gd.ground.registry import complete

complete()  # tests read the tables when they are imported
NORMAL = Mode(), "float64"


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    assert (current_mode(), get_default_dtype()) == NORMAL
    manual_seed(0)
    yield
    assert (current_mode(), get_default_dtype()) == NORMAL, "a test left a mode or a default dtype switched"


def pytest_collection_finish() -> None:
    """The collector need not walk fifteen thousand test items again and again: an eighth of the time.

    What selenium is built on registers with Hypothesis when that is imported, and Hypothesis warns of
    what a frozen collector does not show it: so before.
    """
    import_module("hypothesis")
    gc.collect()
    gc.freeze()
