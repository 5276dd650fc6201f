"""Gradients of parts: side by side where nothing is left out, with the bits of a sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.ops.columns import values
from tests.program.frozen import frozen

WHOLE: dict[str, Callable[[Any], list[Any]]] = {
    "three": lambda w: [w[:2], w[2:4], w[4:]], "in another order": lambda w: [w[4:], w[:1], w[1:4]],
    "columns": lambda w: [w[:, :5], w[:, 5:]], "the last axis": lambda w: [w[:, :, :1], w[:, :, 1:]],
    "with all of an axis": lambda w: [w[:, 0:3, :], w[:, 3:]], "beyond the end": lambda w: [w[:-2], w[-2:100]],
    "split": lambda w: np.split(w, 3, axis=1), "a part twice": lambda w: [w[:3], w[:3], w[3:]]}
BROKEN: dict[str, Callable[[Any], list[Any]]] = {
    "a gap": lambda w: [w[:2], w[3:]], "an overlap": lambda w: [w[:3], w[2:]], "not to the end": lambda w: [w[:2], w[2:5]],
    "two axes": lambda w: [w[:3, :2], w[:3, 2:], w[3:]], "every second": lambda w: [w[::2], w[1::2]],
    "a number": lambda w: [w[0], w[1:]], "backwards": lambda w: [w[2::-1], w[3:]],
    "by axis": lambda w: [w[:3], w[:, :6]], "a list": lambda w: [w[[0, 1, 2]], w[3:]]}


def made(parts: Callable[[Any], list[Any]], dtype: Any, frozen_too: bool) -> tuple[Callable[[], Any], Any]:
    w = tg.Tensor(np.arange(6 * 6 * 3).reshape(6, 6, 3).astype(dtype) / 50, requires_grad=True)
    opt = tg.optim.SGD([w], lr=0.1, momentum=0.9)

    def step() -> Any:
        loss = sum((np.sin(x * (k + 1.0)) * -0.0 if k == 1 else np.sin(x * (k + 1.0))).sum()
                   for k, x in enumerate(parts(w)))
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss

    return frozen(step, strict=True) if frozen_too else step, w


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*WHOLE, *BROKEN])
def test_gradients_of_parts_have_the_bits_of_their_sum(name: str, dtype: Any) -> None:
    (eager, v), (compiled, w) = (made({**WHOLE, **BROKEN}[name], dtype, f) for f in (False, True))
    for _ in range(5):
        assert eager().item() == compiled().item()
        assert v.numpy().tobytes() == w.numpy().tobytes()
    assert ("concatenate(" in compiled.replay_source) == (name in WHOLE)  # type: ignore[attr-defined]


def test_minus_zero_becomes_zero_as_beside_zeros() -> None:
    w = tg.Tensor(np.ones(4))

    @frozen(strict=True)
    def gradient(x: Any) -> Any:
        g = tg.grad(lambda w: (w[:2] * x[:2] * 2.0).sum() + (w[2:] * x[2:] * 3.0).sum())(w)
        return 1.0 / g

    for _ in range(3):
        with np.errstate(divide="ignore"):
            assert gradient(tg.Tensor([-0.0, 1.0, -0.0, 0.0])).tolist() == [np.inf, 0.5, np.inf, np.inf]
    assert "concatenate(" in gradient.replay_source


@pytest.mark.parametrize("settled", [True, False])
def test_places_of_rows_are_looked_up_once(settled: bool) -> None:
    rows = tg.Tensor(np.array([[1, 1, 0], [2, 1, 4]]))
    table = tg.Tensor(values(5, 3))

    def step(rows: Any, x: Any) -> Any:
        return tg.grad(lambda table: (np.sin(tg.nn.functional.embedding(rows, table)) * x).sum())(table) * 2.0

    run = frozen((lambda x: step(rows, x)) if settled else (lambda x: step(rows + (x[0, 0, 0] > 9).astype(int), x)), strict=True)
    for k in range(6):
        x = tg.Tensor(values(2, 3, 3))
        if k == 4:
            rows.data[0] = 3, 3, 1
        expected = step(rows, x).numpy()
        assert run(x).numpy().tobytes() == expected.tobytes()
    assert ("added(" in run.replay_source) == settled
