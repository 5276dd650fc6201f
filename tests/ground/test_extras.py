"""Libraries that are used if they are there."""

from __future__ import annotations

import pytest

import tinygrad_gd as tg
from tinygrad_gd.ground import extras


def test_extras_are_found_or_missed_with_the_command() -> None:
    assert extras.found("tinygrad_gd_has_no_such_library") is None
    with pytest.raises(ImportError, match=r'pip install "tinygrad_gd\[scipy\]"') as caught:
        extras.needed("tinygrad_gd_has_no_such_library", "scipy", "this")
    assert isinstance(caught.value, tg.TinygradGdError)
