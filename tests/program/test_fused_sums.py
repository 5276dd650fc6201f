"""Sums of small arrays that a program takes at once, which nobody may notice."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen
from tests.program.texts import bits
from tinygrad_gd.program.fused import SHORT_BYTES
from tinygrad_gd.program.replay.proof import prove
from tinygrad_gd.program.replay.replay import Replay

Sums = Callable[[Any], Any]


def several(x: Any) -> Any:
    """Sums and means of all elements."""
    return (x * 2.0).sum(), (x * x).mean(), (x - 1.0).sum() * 3.0


def of_other_shapes(x: Any) -> Any:
    return (x * 2.0).reshape(-1).sum(), (x * x).sum(), (x * 3.0).T.mean(), (x * 4.0).sum()


def of_what_is_there(x: Any) -> Any:
    """A view backwards, and one array twice."""
    y = x * 2.0
    return x.sum(), x[::-1].sum(), y.sum(), y.mean(), y.sum() + x.mean()


def one_after_the_other(x: Any) -> Any:
    mean = (x * 0.5).mean()
    return ((x - mean) ** 2).mean(), (x * 3.0).sum()


def sums_at_once(run: Any) -> list[int]:
    """How many arrays are added up by each call for several."""
    return [len(run._segments()[0].replay.space[name]) for name in re.findall(r"\((rows\d+), 1\)", run.replay_source)]


@pytest.mark.parametrize(("sums", "at_once"), [
    (several, [3]), (of_other_shapes, [3]), (of_what_is_there, []), (one_after_the_other, [2])])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5,), (2, 3), (3, 1, 7), (20, 25)])
def test_sums_have_the_bits_of_single_ones(sums: Sums, at_once: list[int], dtype: Any, shape: tuple[int, ...]) -> None:
    run, rng = frozen(lambda x: sums(x * dtype(0.7)), strict=True), np.random.default_rng(len(shape))
    for k in range(9):
        x = (rng.normal(size=shape) * 10.0 ** rng.integers(-6, 6, size=shape)).astype(dtype)
        assert list(map(bits, run(x))) == list(map(bits, sums(tg.Tensor(x) * dtype(0.7)))), k
    assert run._skipped and (sums_at_once(run) == at_once or (sums is of_other_shapes and len(shape) == 1))


def test_a_line_is_fitted_with_one_call_for_all_its_sums() -> None:
    w, b = (tg.Tensor(np.float32(0.0), requires_grad=True) for _ in range(2))
    optimizer = tg.optim.SGD([w, b], lr=0.05)
    x = tg.Tensor(np.arange(5.0, dtype=np.float32))

    @tg.compile
    def step() -> Any:
        optimizer.zero_grad()
        loss = ((w * x + b - (x * 2.0 + 1.0)) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(300):
        loss = step()
    assert sums_at_once(step) == [3] and loss.item() < 1e-4


@pytest.mark.parametrize("compiled", [tg.compile, frozen])
@pytest.mark.parametrize("bad", range(3))
def test_an_error_in_one_of_them_names_its_line(bad: int, compiled: Any) -> None:
    def step(x: Any, y: Any, z: Any) -> Any:
        return [
            (x * 2.0).sum(),
            (y * 2.0).sum(),
            (z * 2.0).sum(),
        ]

    run = compiled(step)
    for _ in range(3):
        run(*map(tg.Tensor, np.ones((3, 4))))
    assert sums_at_once(run) == [3]
    given = np.ones((3, 4))
    given[bad] = 8e307
    with np.errstate(over="raise"), pytest.raises(tg.OptionError, match=rf":{step.__code__.co_firstlineno + 2 + bad}\)"):
        run(*map(tg.Tensor, given))


def test_long_arrays_are_summed_one_by_one() -> None:
    for n, at_once in (SHORT_BYTES // 8, [9]), (SHORT_BYTES // 8 + 1, []):
        run = tg.compile(lambda x: [(x * float(k)).sum() for k in range(9)])
        for _ in range(3):
            found = run(tg.Tensor(np.ones(n)))
        assert sums_at_once(run) == at_once and [s.item() for s in found] == [k * float(n) for k in range(9)]


def test_sums_of_other_memory_than_theirs_are_found() -> None:
    run = frozen(lambda x: several(x * 2.0))
    for _ in range(3):
        run(np.ones(4))
    text = Replay(run.program, 1).text
    prove(text)
    name = next(n for n in text.space if n.startswith("rows"))
    text.space[name] = text.space[name][1:]
    with pytest.raises(tg.CaptureError, match="the plan of the replay is wrong"):
        prove(text)
