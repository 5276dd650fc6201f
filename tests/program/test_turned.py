"""Products that lie as a reshape reads them: the bits of eager code, without its copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.ops.columns import values
from tests.program.frozen import frozen

SHAPES = [((3, 4, 8, 5), (3, 4, 5, 6)), ((2, 2, 40, 33), (2, 2, 33, 17)), ((4, 3, 5), (4, 5, 7)), ((2, 3, 2, 3, 4), (4, 6))]


def merged(y: Any) -> Any:
    """Heads side by side, as attention reads them."""
    return y.swapaxes(1, -2).reshape(len(y), y.shape[-2], -1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("turned", [
    merged, lambda y: y.transpose(*range(1, y.ndim - 1), 0, -1).reshape(-1, y.shape[-1]),
    lambda y: y.swapaxes(0, 1).swapaxes(1, -2).reshape(-1)], ids=["heads", "first axis", "twice"])
def test_a_product_is_written_as_it_is_read(turned: Callable[[Any], Any], shapes: Any, dtype: Any) -> None:
    a, b = (tg.Tensor(values(*shape).astype(dtype)) for shape in shapes)

    def step(a: Any, b: Any) -> Any:
        return np.tanh(turned((a * 2.0) @ b)) * 2.0

    run = frozen(step, strict=True)
    for _ in range(3):
        np.testing.assert_array_equal(run(a, b).numpy(), step(a, b).numpy())
    assert "matmul(" in run.replay_source and "reshape(" not in run.replay_source


@pytest.mark.parametrize("rest", [
    lambda y: (merged(y), np.tanh(merged(y))), lambda y: (np.tanh(merged(y)), y), lambda y: merged(y)[:, 1:],
    lambda y: (y.swapaxes(1, 2), np.tanh(merged(y))), lambda y: np.tanh(merged(y)).sum() + y[0].sum(),
    lambda y: np.tanh(y.swapaxes(-1, -2).reshape(len(y), -1)), lambda y: np.tanh(merged(y[:, :, 1:]))],
    ids=["result", "product", "part of a result", "view", "read twice", "by columns", "part"])
def test_what_is_read_by_others_keeps_its_form(rest: Callable[[Any], Any]) -> None:
    a, b = (tg.Tensor(values(*shape)) for shape in SHAPES[0])
    run, eager = frozen(lambda a, b: rest((a * 2.0) @ b), strict=True), rest((a * 2.0) @ b)
    expected = eager if isinstance(eager, tuple) else (eager,)
    for _ in range(3):
        found = run(a, b)
        for x, y in zip(found if isinstance(found, tuple) else (found,), expected, strict=True):
            np.testing.assert_array_equal(x.numpy(), y.numpy())


def test_a_product_of_an_array_with_itself_has_its_bits() -> None:
    a = tg.Tensor(values(3, 4, 20, 20))
    run = frozen(lambda a: np.tanh(merged((b := a * 2.0) @ b.swapaxes(-1, -2))), strict=True)
    b = a * 2.0
    for _ in range(3):
        np.testing.assert_array_equal(run(a).numpy(), np.tanh(merged(b @ b.swapaxes(-1, -2))).numpy())


@pytest.mark.parametrize("causal", [False, True])
def test_a_step_of_attention_copies_no_heads(causal: bool) -> None:
    x = tg.Tensor(values(4, 20, 32))

    def made() -> tuple[Callable[[], Any], list[Any]]:
        tg.manual_seed(0)
        with tg.default_dtype(np.float32):
            layer = tg.nn.MultiheadAttention(32, 4, batch_first=True)
            norm = tg.nn.LayerNorm(32)
        opt = tg.optim.SGD(layer.parameters(), lr=0.1)

        def step() -> Any:
            h = norm(x)
            loss = (layer(h, h, h, need_weights=False, is_causal=causal)[0] ** 2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            return loss

        return step, list(layer.parameters())

    (eager, first), (plain, second) = made(), made()
    compiled = frozen(plain, strict=True)
    for _ in range(5):
        assert eager().item() == compiled().item()
    for p, q in zip(first, second, strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())
    # only views of products remain, and gradients are not copied before they are used
    shown = [line for line in compiled.replay_source.splitlines() if "reshape(" in line or " = copy(" in line]
    assert not shown


@pytest.mark.parametrize("twice", [
    lambda w: w.T.swapaxes(0, 1), lambda w: w.swapaxes(0, 1).T, lambda w: np.transpose(w, (1, 0)).T])
def test_a_turn_that_another_word_undoes_is_not_written(twice: Callable[[Any], Any]) -> None:
    w = tg.Tensor(values(3, 3), requires_grad=True, name="w")
    step = tg.compile(lambda x: twice(w) @ x)
    step(values(3, 2))
    assert "t = w @ x\n" in step.source
