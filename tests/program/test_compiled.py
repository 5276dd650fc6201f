"""Compiled functions as their users meet them: results, gradients, errors, methods and threads."""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.worlds import World
from tinygrad_gd import nn


def leaf(*values: float) -> Any:
    data = values[0] if len(values) == 1 else list(values)
    return tg.Tensor(data, requires_grad=True)


def replays(f: Any, *args: Any, frozen: bool = False) -> Any:
    """``f`` compiled, and called until it replays."""
    run = tg.compile(f, strict=True, frozen=frozen)
    for _ in range(3):
        run(*args)
    assert run.program is not None
    return run


def test_random_draws_are_fresh_and_follow_the_seed() -> None:
    x = tg.Tensor(np.ones(50))
    tg.manual_seed(1)
    run = replays(lambda: tg.dropout(x, 0.5))
    first, second = run().numpy(), run().numpy()
    assert not np.array_equal(first, second)
    tg.manual_seed(2)
    expected = tg.dropout(x, 0.5).numpy()
    tg.manual_seed(2)
    np.testing.assert_array_equal(run().numpy(), expected)


def test_training_and_evaluation_are_two_programs() -> None:
    class Noisy(tg.nn.Module):
        def forward(self, x: Any) -> Any:
            return x * 3 if self.training else x

    model, x = Noisy(), tg.Tensor([1.0])
    run = tg.compile(lambda: model(x), strict=True)
    for _ in range(4):
        for mode, expected in ((True, 3.0), (False, 1.0)):
            model.train(mode)
            assert run().item() == expected


def test_results_are_not_overwritten_by_the_next_call() -> None:
    run = replays(lambda x: tg.Tensor(x) * 2, np.ones(3))
    kept = [run(np.full(3, float(i))) for i in range(4)]
    assert [k.numpy()[0] for k in kept] == [0.0, 2.0, 4.0, 6.0]


def test_a_view_that_is_handed_out_is_a_copy() -> None:
    w = leaf(1.0, 2.0)
    run = replays(lambda: w.reshape(2, 1))
    out = run()
    with tg.no_grad():
        w.assign([7.0, 7.0])
    assert out.numpy().tolist() == [[1.0], [2.0]]


def test_old_values_that_are_needed_after_an_update() -> None:
    w, other = leaf(1.0, 2.0), leaf(1.0, 2.0)

    def step(p: Any) -> Any:
        with tg.no_grad():
            before = p.reshape(2)
            p += 1.0
            return (p - before).sum() + before.sum()

    run = replays(lambda: step(w))
    for _ in range(3):
        step(other)
    assert run().item() == step(other).item() == 6.0 + 5.0


def test_gradients_without_an_update_are_left_in_grad_and_add_up() -> None:
    w = leaf(3.0)
    run = tg.compile(lambda: (w * w).backward(), strict=True)
    for i in range(6):
        run()
        assert w.grad.item() == 6.0 * (i + 1)


def test_a_step_that_forgets_zero_grad_accumulates_as_it_does_uncompiled() -> None:
    w, other = leaf(3.0), leaf(3.0)
    optimizers = [tg.optim.SGD([p], lr=0.01) for p in (w, other)]

    def step(p: Any, optimizer: Any) -> Any:
        loss = p * p
        loss.backward()
        optimizer.step()
        return loss

    run = tg.compile(lambda: step(w, optimizers[0]), strict=True)
    for _ in range(8):
        assert run().item() == step(other, optimizers[1]).item()


def test_gradients_from_outside_are_added_to() -> None:
    w, other = leaf(3.0), leaf(3.0)
    optimizers = [tg.optim.SGD([p], lr=0.01) for p in (w, other)]

    def step(p: Any, optimizer: Any) -> Any:
        loss = p * p
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    run = tg.compile(lambda: step(w, optimizers[0]), strict=True)
    for i in range(8):
        if i == 5:
            (w * 4).backward()
            (other * 4).backward()
        assert run().item() == step(other, optimizers[1]).item()


def test_an_eager_graph_over_updated_parameters_is_stale() -> None:
    w = leaf(3.0)
    optimizer = tg.optim.SGD([w], lr=0.1)

    def step() -> Any:
        loss = w * w
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = replays(step)
    eager = w * w
    run()
    with pytest.raises(tg.GradError, match="overwritten"):
        eager.backward()


def test_an_error_inside_leaves_nothing_behind() -> None:
    run = tg.compile(lambda x: tg.Tensor(x) @ np.ones((5, 5)), strict=True)
    for _ in range(3):
        with pytest.raises(tg.ShapeError):
            run(np.ones(3))
        assert run(np.ones(5)).shape == (5,)


def test_compiled_inside_of_compiled() -> None:
    inner = tg.compile(lambda x: x * 2, strict=True)
    outer = replays(lambda x: inner(tg.Tensor(x)) + 1, np.ones(2))
    assert outer(np.array([3.0, 4.0])).numpy().tolist() == [7.0, 9.0]


def test_compositions_of_transforms() -> None:
    f = tg.value_and_grad(lambda w, x: ((w * x) ** 2).sum())
    run = replays(f, np.array([1.0, 2.0]), np.array([3.0, 4.0]), frozen=True)
    w, x = np.array([2.0, 2.0]), np.array([1.0, 3.0])
    for got, expected in zip(run(w, x), f(w, x), strict=True):
        np.testing.assert_array_equal(got.numpy(), expected.numpy())
    hessian = replays(tg.hessian(lambda w: (w**3).sum()), np.array([1.0, 2.0]), frozen=True)
    np.testing.assert_array_equal(hessian(np.array([2.0, 3.0])).numpy(), [[12.0, 0.0], [0.0, 18.0]])


def test_no_grad_around_the_call_is_another_program() -> None:
    w = leaf(2.0)
    run = tg.compile(lambda: w * 2 if (w * 2).requires_grad else w * 3, strict=True)
    for _ in range(4):
        assert run().item() == 4.0
        with tg.no_grad():
            assert run().item() == 6.0


def test_a_returned_learning_rate_is_that_of_the_call() -> None:
    w = tg.Tensor(2.0, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    @tg.compile(strict=True)
    def step() -> Any:
        loss = w * w
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, optimizer.param_groups[0]["lr"]

    for i in range(6):
        optimizer.param_groups[0]["lr"] = 0.1 if i < 4 else 0.05
        assert step()[1] == (0.1 if i < 4 else 0.05)


def test_threads_do_not_share_buffers_at_the_same_time() -> None:
    run = tg.compile(lambda x: (tg.exp(x) * x + x).sum(), strict=True)
    values = [np.full(20_000, k / 4) for k in range(1, 4)]
    expected = [run(x).item() for x in values]
    for x in values:
        run(x)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda x: [run(x).item() for _ in range(100)], values))
    assert found == [[value] * 100 for value in expected]


class Trainer:
    def __init__(self, start: float) -> None:
        self.w = tg.Tensor(start, requires_grad=True)
        self.optimizer = tg.optim.SGD([self.w], lr=0.1)

    @tg.compile(strict=True)
    def step(self, x: float) -> Any:
        loss = (self.w * x) ** 2
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


def test_a_method_is_compiled_for_each_object() -> None:
    first, second = Trainer(2.0), Trainer(3.0)
    losses = [(first.step(1.5).item(), second.step(1.5).item()) for _ in range(5)]
    assert losses[0] == (9.0, 20.25) and losses[4][0] < losses[4][1] < 0.2
    assert first.step.program is not second.step.program
    copied = copy.deepcopy(first)
    before = first.w.item()
    copied.step(1.5)
    assert first.w.item() == before != copied.w.item()


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="compile: expected a function, got int"):
        tg.compile(3)


def both(make: Callable[[Any], Iterator[Any]]) -> None:
    """What a generator yields with compiling equals what it yields without."""
    for a, b in zip(make(lambda f: f), make(lambda f: tg.compile(f, strict=True)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_micro_batches_with_an_update_in_the_last() -> None:
    def rows(compile: Any) -> Iterator[Any]:
        w = World()

        def micro(x: Any, y: Any, last: bool) -> Any:
            loss = nn.mse_loss(w.net(x), y)
            loss.backward()
            if last:
                w.optimizer.step()
                w.optimizer.zero_grad()
            return loss

        run = compile(micro)
        for i in range(40):
            yield run(w.x[i % 4 * 2:][:2], w.y.numpy()[i % 4 * 2:][:2], i % 4 == 3).numpy()
            yield from [np.array(p.numpy()) for p in w.net.parameters()]
            yield [p.grad is None for p in w.net.parameters()]

    both(rows)


def test_a_parameter_that_is_returned_is_the_parameter() -> None:
    w = World()
    run = tg.compile(lambda: (w.train(w.loss()), w.first), strict=True)
    for _ in range(5):
        assert run()[1] is w.first
    assert "return" in run.source and "0_weight" in run.source


V = tg.Tensor(np.ones(3), requires_grad=True)


@pytest.mark.parametrize("loss", [
    lambda x: V.sum(), lambda x: (V * 3).sum(), lambda x: (V * x).sum(), lambda x: V[0].copy(),
    lambda x: (V.reshape(3, 1) * tg.reshape(x, (3, 1))).sum(), lambda x: (V + V.copy()).sum()])
def test_a_gradient_is_an_array_of_its_own(loss: Any) -> None:
    """Also one that is a constant, or data: writing into it leaves the data and the program alone."""
    x = tg.Tensor([1.0, 2.0, 3.0])
    run = tg.compile(lambda: loss(x).backward(), strict=True)
    V.zero_grad()
    loss(x).backward()
    expected = V.grad.numpy().copy()
    for _ in range(5):
        V.zero_grad()
        run()
        np.testing.assert_array_equal(V.grad, expected)
        V.grad.data[...] = 77.0
    assert x.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("data", [2.0, [1.0, 2.0], [1, 2], [True]])
def test_a_constant_is_returned_as_a_tensor_of_its_own(data: Any) -> None:
    run = tg.compile(lambda: (tg.Tensor(data), tg.Tensor(data) * 2), strict=True)
    for _ in range(5):
        for found, expected in zip(run(), (tg.Tensor(data), tg.Tensor(data) * 2), strict=True):
            assert type(found) is tg.Tensor and found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)
            found.data[...] = 0


@pytest.mark.parametrize("replaced", [False, True])
def test_a_lent_number_sees_what_compiled_steps_make_of_it(replaced: bool) -> None:
    w = tg.Tensor(2.0, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    @tg.compile(strict=True)
    def step() -> Any:
        loss = w * w
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(4):
        step()
    if replaced:
        w.data = 3.0
        step()
    lent = w.data
    for _ in range(4):
        step()
        assert lent.item() == w.item()
    lent[()] = 5.0
    assert step().item() == 25.0 and w.item() == lent.item() == 4.0
    w.data = 2.0
    assert [step().item() for _ in range(4)] == pytest.approx([4.0, 2.56, 1.6384, 1.048576])
    assert lent.item() == 4.0


def test_threads_that_call_a_new_step_at_once_wait_for_each_other() -> None:
    eager, other = World(), World()
    compiled, failed = tg.compile(lambda: other.train(other.loss()), strict=True), []

    def train() -> None:
        try:
            for _ in range(10):
                compiled()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=train) for _ in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    for _ in range(80):
        eager.train(eager.loss())
    assert not failed
    for p, q in zip(eager.net.parameters(), other.net.parameters(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())


def test_a_step_that_calls_itself_and_cannot_be_captured_runs() -> None:
    x = np.ones(3)

    @tg.compile(frozen=True)
    def product(a: Any, n: int) -> Any:
        return np.trunc(a, where=np.array([True] * 3), out=a.copy()) if n == 0 else product(a, n - 1) * 2.0

    with pytest.warns(tg.CaptureWarning):
        for _ in range(4):
            np.testing.assert_array_equal(product(x, 2), 4 * x)
