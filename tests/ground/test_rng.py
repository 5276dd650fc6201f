"""The one generator, and its seed."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused


def test_numbers_come_from_the_one_generator() -> None:
    tg.manual_seed(1)
    expected = np.random.default_rng(1).standard_normal((2, 3))
    np.testing.assert_array_equal(tg.normal(size=(2, 3)), expected)


MISUSE: Table = {
    "seed": (lambda: tg.manual_seed(-1), ValueError, "manual_seed: seed must be an integer of at least 0, got int -1"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
