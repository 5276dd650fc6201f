"""The memory of a replay: how much it needs, and what lies where."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.ops.columns import RNG, layer, train, values, wide_network
from tests.program.frozen import frozen
from tests.program.steps import assert_same_bits


def test_large_parameters_are_updated_as_soon_as_they_can_be() -> None:
    def build() -> Any:
        rng = np.random.default_rng(0)
        a, b = (tg.Tensor(rng.normal(size=(600, 600)), requires_grad=True) for _ in range(2))
        optimizer = tg.optim.SGD([a, b], lr=1e-4)

        def step() -> Any:
            optimizer.zero_grad()
            loss = ((a @ b).mean() + (a * b.T).mean()) ** 2
            loss.backward()
            optimizer.step()
            return loss + (a * b).sum()  # the updated values

        return step, [a, b]

    run = assert_same_bits(build, 5)
    lines = run.replay_source.splitlines()
    first, last = (next(n for n, line in order if "subtract(x" in line)
                   for order in (list(enumerate(lines)), list(enumerate(lines))[::-1]))
    assert last - first > 1, run.replay_source


@pytest.mark.parametrize("name", ["mnist", "wide"])
def test_a_replay_needs_no_more_memory_than_numpy_by_hand(name: str) -> None:
    import tracemalloc

    from tests.benchmarks.peers import Compiled, NumPy
    from tests.benchmarks.workloads import WORKLOADS

    kept: list[Any] = []

    class Kept(Compiled):
        def finish(self, step: Any) -> Any:
            kept.append(frozen(step, strict=True))
            return kept[0]

    def columns_summed() -> None:
        np.add.reduce(image, 0, None, total)

    # Up to NumPy 2.2 a sum of columns takes a buffer of 32 KB; by hand as well, but not at the peak.
    image, total = np.ones((128, 256), np.float32), np.ones(256, np.float32)
    ours, by_hand = Kept().mlp(WORKLOADS[name]()), NumPy().mlp(WORKLOADS[name]())
    peaks = []
    for step in (ours, by_hand, columns_summed):
        for _ in range(5):
            step()
        tracemalloc.start()
        step()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    memory = kept[0].memory()
    assert memory.buffers + memory.constants + peaks[0] <= peaks[1] + peaks[2]
    assert abs(peaks[0] - memory.temporaries) < 100_000  # NumPy converts masks in pieces of 8,192 elements
    assert "buffer0" in str(memory) and memory.peak > memory.buffers


def test_a_program_writes_over_what_lies_by_columns() -> None:
    """Bias and activation take no buffer besides that of their product."""
    x, model = tg.Tensor(values(64, 256)), layer(256, 128)
    step = frozen(lambda x: tg.relu(model(x)).sum(), strict=True)
    for _ in range(3):
        step(x)
    assert step.memory().buffers == 64 * 128 * 4


@pytest.mark.parametrize("sizes", [(256, 128, 128, 10), (64, 32, 16, 10)], ids=str)
def test_copies_of_operands_lie_where_nobody_is_working(sizes: tuple[int, ...]) -> None:
    x, y = values(64, sizes[0]), RNG.integers(0, sizes[-1], 64)
    step = frozen(train(wide_network(*sizes), x, y), strict=True)
    for _ in range(4):
        step()
    replay = step._segments()[0].replay
    held = {name: a for name, a in replay.space.items() if isinstance(a, np.ndarray) and a.ndim}
    lines = replay.source.splitlines()
    copies = 0
    for line, following in pairwise(lines):
        if found := re.match(r" +(scratch\d+)\[\.\.\.\] = (\w+)", line):
            copies += 1
            others = {found[2], *re.findall(r"\w+", following)} - {found[1]}
            for name in others & held.keys():
                assert not np.shares_memory(held[found[1]], held[name]), (line, following)
    assert copies > 5
    assert step.memory().constants < 3 * x.nbytes
