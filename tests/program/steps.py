"""Steps that are run with and without compiling, and compared to the last bit."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_gd as tg
from tests.program.texts import assert_text_takes_the_step
from tests.samples import all_samples

STEPS = 50
Build = Callable[[], tuple[Callable[[], Any], list[Any]]]


def trajectory(
    build: Build, compiled: bool, steps: int = STEPS, frozen: bool = False, text: bool = True
) -> tuple[list[Any], list[Any], Any]:
    """Losses of some steps and the values of all tensors afterwards."""
    tg.manual_seed(0)
    step, tensors = build()
    run = tg.compile(step, strict=True, frozen=frozen) if compiled else step
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", tg.BroadcastWarning)
        losses = [np.array(run().numpy()) for _ in range(steps - 1)]
        last = assert_text_takes_the_step(run) if compiled and text else run()
        losses.append(np.array(last.numpy()))
    return losses, [np.array(t.numpy()) for t in tensors], run


def assert_same_bits(build: Build, steps: int = STEPS, lockstep: bool = True, text: bool = True) -> Any:
    """In lockstep and frozen, of which the latter is returned."""
    expected, eager, _ = trajectory(build, False, steps)
    for frozen in (False, True) if lockstep else (True,):
        losses, states, run = trajectory(build, True, steps, frozen, text)
        assert run.program.instructions and not run.problem, "it was never compiled"
        for i, (a, b) in enumerate(zip(losses, expected, strict=True)):
            np.testing.assert_array_equal(a, b, err_msg=f"loss of step {i}, frozen: {frozen}")
        for a, b in zip(states, eager, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
    return run


#: A compiled step refuses seeding, which these rows do in each call, and shapes that depend on values.
REFUSED = {"normal", "uniform", "dropout", "unique", "unique_values", "bincount"}
ROWS = [row for row in all_samples() if row.name not in REFUSED]


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
