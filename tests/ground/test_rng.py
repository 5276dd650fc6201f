"""The one generator, and its seed."""

from __future__ import annotations

import contextlib
import threading

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused
from tinygrad_gd.ground import rng


def test_numbers_come_from_the_one_generator() -> None:
    tg.manual_seed(1)
    expected = np.random.default_rng(1).standard_normal((2, 3))
    np.testing.assert_array_equal(tg.normal(size=(2, 3)), expected)


def test_threads_that_draw_first_at_once_draw_from_one_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    make, made = np.random.default_rng, []
    waiting = threading.Barrier(2)

    def slowly() -> np.random.Generator:
        with contextlib.suppress(threading.BrokenBarrierError):
            waiting.wait(0.2)  # for the other thread, which comes here only if nothing holds it back
        return make()

    monkeypatch.setattr(rng, "_generator", None)
    monkeypatch.setattr(np.random, "default_rng", slowly)
    threads = [threading.Thread(target=lambda: made.append(rng.generator())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2 and made[0] is made[1] is rng.generator()


MISUSE: Table = {
    "seed": (lambda: tg.manual_seed(-1), ValueError, "manual_seed: seed must be an integer of at least 0, got int -1"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
