"""Every layer trains with the same bits in eager mode, in lockstep and frozen, running statistics included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.nn.layer_rows import RANDOM, ROWS, Row, leaves, plain


def train(row: Row, compiled: Any, steps: int = 5) -> dict[str, Any]:
    """Steps on batches that change: outputs, gradients of the inputs, and the state at the end."""
    tg.manual_seed(0)
    layer, seen = row.made(), {}
    optimizer = tg.optim.SGD([*layer.parameters(), tg.nn.Parameter(0.0)], lr=0.05)

    def step(*inputs: Any) -> Any:
        optimizer.zero_grad()
        out = layer(*inputs)
        (out * plain(out)).sum().backward()
        optimizer.step()
        return out

    run = compiled(step)
    for i in range(steps):
        inputs = leaves(row.inputs(i))
        seen[f"output {i}"] = run(*inputs).numpy().copy()
        seen |= {f"gradient {i} {k}": x.grad.numpy().copy() for k, x in enumerate(inputs) if x.grad is not None}
    layer.eval()
    seen["evaluated"] = layer(*leaves(row.inputs(steps))).numpy()
    return seen | layer.state_dict()


@pytest.mark.parametrize("row", [*ROWS, *RANDOM], ids=str)
def test_compiled_steps_have_the_bits_of_eager_ones(row: Row) -> None:
    eager = train(row, lambda step: step)
    assert row.below or "gradient 4 0" in eager
    for compiled in (tg.compile(strict=True), tg.compile(frozen=True, strict=True)):
        other = train(row, compiled)
        assert list(other) == list(eager)
        for name, value in eager.items():
            np.testing.assert_array_equal(other[name], value, name)


@pytest.mark.parametrize("frozen", [False, True])
def test_running_statistics_move_in_compiled_steps(frozen: bool) -> None:
    layer = tg.nn.BatchNorm1d(1, momentum=None)

    @tg.compile(frozen=frozen)
    def step(x: Any) -> Any:
        return layer(x).sum()

    for shift in (0.0, 2.0, 4.0):
        step(tg.Tensor([[shift], [shift + 2.0]]))
    assert layer.running_mean.tolist() == [3.0] and layer.running_var.tolist() == [2.0]
    assert layer.num_batches_tracked.item() == 3 and layer.num_batches_tracked.dtype == np.int64
    layer.eval()
    step(tg.Tensor([[100.0], [0.0]]))
    assert layer.running_mean.tolist() == [3.0] and layer.num_batches_tracked.item() == 3


@pytest.mark.parametrize("row", [*ROWS, *RANDOM], ids=str)
def test_layers_of_float32_stay_in_float32(row: Row) -> None:
    with tg.default_dtype(np.float32):
        layer = row.made()
        inputs = leaves([a.astype(np.float32) if a.dtype.kind == "f" else a for a in row.inputs(0)])
        out = layer(*inputs)
        out.sum().backward()
    kinds = {x.dtype for x in (out, *layer.parameters(), *layer.buffers()) if x.dtype.kind == "f"}
    assert kinds == {np.dtype(np.float32)}
    assert all(x.grad is None or x.grad.dtype == np.float32 for x in (*inputs, *layer.parameters()))
