"""The time of each instruction, by a clock that the tests turn, and without a trace outside."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.errors import CaptureError
from tinygrad_gd.ops.unnamed import unnamed
from tinygrad_gd.program import timing
from tinygrad_gd.program.ir import Argument, Array, Instruction, Number, Program, State, Value
from tinygrad_gd.program.timing import RUNS, times


def clock(*runs: list[float]) -> Callable[[], float]:
    """A clock by which instructions take these seconds, run by run."""
    ticks = (t for run in runs for seconds in run for t in (1000.0, seconds))
    told: Iterator[float] = accumulate(ticks)
    return lambda: next(told)


def network() -> tuple[Any, list[tg.Tensor]]:
    """A compiled step that draws, and writes to parameters, momentum and buffers of modules."""
    tg.manual_seed(0)
    net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.BatchNorm1d(4), tg.nn.Dropout(0.5), tg.nn.Linear(4, 2))
    optimizer = tg.optim.Adam(net.parameters(), lr=0.1)

    @tg.compile
    def step(x: Any, y: Any) -> Any:
        loss = tg.nn.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, [*net.parameters(), *net.buffers()]


def test_of_several_runs_the_median_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    w = tg.Tensor(np.eye(3))
    step = tg.compile(lambda x: np.exp(x @ w).sum())
    for _ in range(2):
        step(np.eye(3))
    program = step.program
    monkeypatch.setattr(timing, "perf_counter",
                        clock([90.0, 90.0, 90.0], [3.0, 70.0, 1.0], [3.0, 5.0, 1.0], [2.0, 5.0, 0.5], [4.0, 4.0, 1.0]))
    taken = times(program, runs=5)
    assert list(taken) == list(program.instructions)
    assert {i.primitive.name: seconds for i, seconds in taken.items()} == {"matmul": 3.0, "exp": 5.0, "sum": 1.0}


def test_nothing_outside_changes() -> None:
    x, y = np.random.default_rng(0).normal(size=(5, 3)), np.array([0, 1, 0, 1, 0])
    results = []
    for timed in (False, True):
        step, tensors = network()
        for _ in range(3):
            step(x, y)
        if timed:
            before = [t.numpy().copy() for t in tensors]
            given, draws = x.copy(), tg.generator().bit_generator.state
            kinds = {i.primitive.kind for i in step.program.instructions}
            assert "draw" in kinds and len(step.program.writes) > 8
            assert len(times(step.program)) == len(step.program.instructions)
            assert tg.generator().bit_generator.state == draws and np.array_equal(x, given)
            assert all(map(np.array_equal, (t.numpy() for t in tensors), before))
        results.append([step(x, y).item() for _ in range(3)] + [t.numpy().sum() for t in tensors])
    assert results[0] == results[1] and len(set(results[0])) > 8


def test_every_input_is_what_it_is_now() -> None:
    seen: list[Any] = []
    spy = unnamed("spy", lambda *inputs: seen.append(inputs) or np.zeros(2))
    options, data = {"lr": 0.5}, np.arange(2.0)
    leaf = tg.Tensor([1.0, 2.0], requires_grad=True)
    labels = tg.Tensor(np.array([1, 2, 3]))

    def value(held: Any) -> Value:
        return Value.like(held)

    inputs = (State(value(data), leaf), Array(value(data), data), Argument(value(np.array([7, 8])), 0, labels),
              Number(value(np.float64(1)), "(1 - lr)", {"lr": (options, "lr")}))
    call = Instruction(spy, tuple(given.value for given in inputs), value(data))
    program = Program("step", inputs, (call,), (call.output,))
    options["lr"] = 0.125
    leaf.data = np.array([5.0, 6.0])
    times(program)
    assert len(seen) == RUNS
    state, array, other_shape, number = seen[-1]
    assert state.tolist() == [5.0, 6.0] and array is data and number == 0.875
    assert other_shape.tolist() == [0, 0] and other_shape.dtype == np.int64


def test_no_array_is_held_longer_than_it_is_needed() -> None:
    def chain(x: Any) -> Any:
        for _ in range(30):
            x = np.exp(-x)
        return x.sum()

    step = tg.compile(chain)
    for _ in range(2):
        step(tg.Tensor(np.ones(100_000)))
    program = step.program
    tracemalloc.start()
    times(program)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(program.instructions) > 30 and 800_000 < peak < 4_000_000


def test_what_fails_now_says_which_instruction_and_what_to_do() -> None:
    taken = unnamed("spy", lambda x: x[5])
    given = Array(Value((2,), np.dtype(np.float64)), np.ones(2))
    call = Instruction(taken, (given.value,), Value((), np.dtype(np.float64)))
    with pytest.raises(CaptureError, match=r"(?s)step: .*spy.* call it once more") as caught:
        times(Program("step", (given,), (call,), (call.output,)))
    assert isinstance(caught.value.__cause__, IndexError)
