"""Replayed programs equal eager code to the last bit: every primitive, loss, layer and optimizer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.samples import Sample, all_samples
from tinygrad_gd.program.passes import PASSES, optimized

STEPS = 50
Build = Callable[[], tuple[Callable[[], Any], list[Any]]]


def trajectory(build: Build, compiled: bool, steps: int = STEPS) -> tuple[list[Any], list[Any], Any]:
    """Losses of some steps and the values of all tensors afterwards."""
    tg.manual_seed(0)
    step, tensors = build()
    run = tg.compile(step, strict=True) if compiled else step
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", tg.BroadcastWarning)
        losses = [np.array(run().numpy()) for _ in range(steps)]
    return losses, [np.array(t.numpy()) for t in tensors], run


def assert_same_bits(build: Build, steps: int = STEPS) -> Any:
    expected, eager, _ = trajectory(build, False, steps)
    losses, states, run = trajectory(build, True, steps)
    assert run.program.instructions, "it was never compiled"
    for i, (a, b) in enumerate(zip(losses, expected, strict=True)):
        np.testing.assert_array_equal(a, b, err_msg=f"loss of step {i}")
    for a, b in zip(states, eager, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    return run


#: A compiled step refuses seeding, which these rows do in each call, and shapes that depend on values.
REFUSED = {"normal", "uniform", "dropout", "unique", "unique_values", "bincount"}
ROWS = [row for row in all_samples() if row.name not in REFUSED]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_primitive(row: Sample, dtype: Any) -> None:
    def build() -> Any:
        leaves = [tg.Tensor(x.astype(dtype), requires_grad=True) for x in row.inputs]
        optimizer = tg.optim.SGD(leaves, lr=1e-3)

        def step() -> Any:
            out = row.call(*leaves)
            loss = (out * out).sum()
            optimizer.zero_grad()
            if loss.requires_grad:
                loss.backward()
            optimizer.step()
            return loss

        return step, leaves

    assert_same_bits(build)


def test_random_draws() -> None:
    def build() -> Any:
        w = tg.Tensor(np.arange(6.0), requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.01)

        def step() -> Any:
            noisy = tg.dropout(w, 0.3) + tg.normal(w, 0.1) + tg.uniform(w, w + 1)
            loss = (noisy * noisy).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return step, [w]

    assert_same_bits(build)


OPTIONS = [
    {}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"weight_decay": 0.1},
    {"momentum": 0.5, "dampening": 0.3, "weight_decay": 0.01},
]


def network(options: dict[str, Any], loss: str, dtype: Any = np.float32) -> Build:
    def build() -> Any:
        rng = np.random.default_rng(0)
        with tg.default_dtype(dtype):
            model = tg.nn.Sequential(
                tg.nn.Linear(4, 8), tg.nn.ReLU(), tg.nn.Linear(8, 8, bias=False), tg.nn.Tanh(),
                tg.nn.Linear(8, 3), tg.nn.Sigmoid())
        x = tg.Tensor(rng.standard_normal((16, 4)).astype(dtype))
        labels = tg.Tensor(rng.integers(0, 3, 16))
        targets = tg.Tensor(rng.standard_normal((16, 3)).astype(dtype))
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1, **options)

        def step() -> Any:
            out = model(x)
            if loss == "cross_entropy":
                value = tg.nn.cross_entropy(out, labels)
            else:
                value = tg.nn.mse_loss(out, targets)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            return value

        return step, list(model.parameters())

    return build


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_loss_layer_and_optimizer(options: Any, loss: str, dtype: Any) -> None:
    assert_same_bits(network(options, loss, dtype))


@pytest.mark.parametrize("without", [*PASSES, ""])
def test_a_pass_changes_no_bit(without: str) -> None:
    """Each pass can be left out; the source of both programs gives the same numbers."""
    run = trajectory(network({"momentum": 0.9}, "cross_entropy"), True, 5)[2]
    program = optimized(run.captured, without=(without,))
    np.testing.assert_array_equal(executed(program), executed(run.captured))


def executed(program: Any) -> Any:
    """What the text of a program returns for the present values of its inputs, in one array."""
    from tinygrad_gd.program.source import call, source_of

    space: dict[str, Any] = {}
    exec(source_of(program), space)
    return np.concatenate([np.ravel(x) for x in call(space[program.name], program)])


def test_the_source_computes_what_the_step_computes() -> None:
    step, tensors = network({}, "cross_entropy")()
    run = tg.compile(step, strict=True)
    for _ in range(3):
        run()
    expected = executed(run.captured)
    loss = run().numpy()
    after = np.concatenate([loss.ravel(), *(t.numpy().ravel() for t in tensors)])
    np.testing.assert_array_equal(np.sort(expected), np.sort(after))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("call", "function", "shapes"), [
    ("dot(", lambda a, b: a @ b, [(40, 1), (1, 30)]),
    ("dot(", lambda a, b: a @ b, [(1, 40), (40, 30)]),
    ("einsum", lambda a, b: (a * b).sum(axis=0), [(100, 17), (17,)]),
    (".T, True)", lambda a, b: a - np.max(a * b, axis=1, keepdims=True), [(64, 10), (64, 1)]),
    (".T, True)", lambda a, b: a - np.min(a * b, axis=-1, keepdims=True), [(32, 2), (32, 1)]),
    ("view", lambda a, b: (a + b) / np.sum(a + b, axis=1, keepdims=True)
     * np.log(np.sum(a + b, axis=1))[:, None], [(20, 33), (33,)]),
])
def test_calls_in_other_words_give_the_same_bits(call: str, function: Any, shapes: Any,
                                                 dtype: Any) -> None:
    rng = np.random.default_rng(3)
    a, b = (tg.Tensor(rng.uniform(0.5, 2, shape).astype(dtype)) for shape in shapes)
    run = tg.compile(lambda a, b: 2.0 * function(a, b), strict=True)
    for value in (None, None, None, 0.0, np.inf, np.nan):
        if value is not None:
            a.data[3 % shapes[0][0], 0] = value
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(run(a, b).numpy(), 2.0 * function(a, b).numpy())
    assert call in run.replay_source


def test_memory_that_is_not_dense_is_multiplied_as_before() -> None:
    """NumPy hands windows that overlap to another routine than np.dot does."""
    windows = np.lib.stride_tricks.sliding_window_view(np.sin(np.arange(40.0)), 7)
    w = tg.Tensor(np.cos(np.arange(7.0)).reshape(7, 1))
    run = tg.compile(lambda x, w: (x @ w) * 2.0, strict=True)
    for _ in range(3):
        np.testing.assert_array_equal(run(windows, w).numpy(), 2.0 * (windows @ w).numpy())
    assert "matmul(" in run.replay_source


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
    first, last = (next(n for n, line in order if "descend" in line)
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
            kept.append(self.tg.compile(step, strict=True))
            return kept[0]

    ours, by_hand = Kept().mlp(WORKLOADS[name]()), NumPy().mlp(WORKLOADS[name]())
    peaks = []
    for step in (ours, by_hand):
        for _ in range(3):
            step()
        tracemalloc.start()
        step()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    memory = kept[0].memory()
    assert memory.buffers + memory.constants + peaks[0] <= peaks[1]
    assert abs(peaks[0] - memory.temporaries) < 50_000  # NumPy converts masks in small pieces
    assert "buffer0" in str(memory) and memory.peak > memory.buffers
