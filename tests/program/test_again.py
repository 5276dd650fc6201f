"""What a compiled step was answered is computed again where a call goes another way, or a graph is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.values import values

TIERS: list[Any] = [tg.compile, lambda step: tg.compile(step, frozen=True)]


@pytest.mark.parametrize("wrap", TIERS)
def test_results_of_one_call_share_their_graph(wrap: Callable[[Any], Any]) -> None:
    w = tg.Tensor(np.linspace(-1.0, 1.0, 12).reshape(3, 4), requires_grad=True)

    def step(x: Any) -> Any:
        h = x @ w
        k = np.tanh(h)
        return (k * h).sum(), (np.exp(h * 0.1) * k).sum()

    run = wrap(step)
    for n in range(4):
        x, found = tg.Tensor(np.full((5, 3), n + 0.5)), []
        for first, second in (step(x), run(x)):
            w.grad = None
            (first + second).backward()
            found.append(values(w.grad).copy())
        np.testing.assert_array_equal(*found)


def test_a_graph_of_an_earlier_call_is_asked_for_before_this_one_is_computed() -> None:
    w, kept = tg.Tensor(np.arange(3.0), requires_grad=True), []

    def step(x: Any, n: int) -> Any:
        loss, h = (x * w).sum(), np.tanh(x * w)
        if n == 3:
            assert not kept[-1].is_leaf
        return loss, h

    run = tg.compile(step)
    for n in range(5):
        loss, h = run(tg.Tensor(np.full(3, n + 1.0)), n)
        assert loss.item() == 3.0 * (n + 1)
        kept.append(h)


def test_a_parameter_that_is_written_to_after_its_update_is_another_one() -> None:
    w = tg.Tensor(np.ones(2), requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    def step(x: Any, n: int) -> Any:
        optimizer.zero_grad()
        (w * w * x).sum().backward()
        optimizer.step()
        loss = np.exp(w).sum()
        with tg.no_grad():
            w.assign(w * 0.9)
        if n == 2:
            loss.backward()
        return loss

    run = tg.compile(step)
    for n in range(2):
        run(tg.Tensor(1.0), n)
    with pytest.raises(tg.GradError):
        run(tg.Tensor(1.0), 2)


def test_what_was_updated_since_may_have_several_results() -> None:
    u, v = (tg.Tensor(np.eye(2), requires_grad=True) for _ in range(2))
    optimizer = tg.optim.SGD([u, v], lr=0.1)

    def step(x: Any, n: int) -> Any:
        a, b = x @ u, v.T
        optimizer.step()
        loss = (a @ b).mean()
        return loss + loss if n == 3 else loss

    run = tg.compile(step)
    for n in range(4):
        u.grad, v.grad = np.ones((2, 2)), np.ones((2, 2))
        loss = run(tg.Tensor(np.ones((3, 2))), n)
    with pytest.raises(tg.GradError):
        loss.backward()


def test_a_number_becomes_an_array_in_mid_step() -> None:
    def run(wrap: Callable[[Any], Any]) -> list[Any]:
        w, b = tg.Tensor(2.0, requires_grad=True), tg.Tensor(np.ones(3))

        def step(x: Any, n: int) -> Any:
            b.assign(b * 0.9)
            if n == 3:
                w.data = w.data * 0.5
            return w * x

        called = wrap(step)
        return [values(called(tg.Tensor(1.0), n)).tolist() for n in range(6)]

    assert run(tg.compile) == run(lambda step: step)


def test_a_state_with_its_graph_goes_from_call_to_call_and_begins_anew() -> None:
    def run(wrap: Callable[[Any], Any]) -> list[Any]:
        rng = np.random.default_rng(0)
        first, then = (tg.Tensor(rng.normal(size=(n, 4)), requires_grad=True) for n in (3, 4))
        optimizer, states, found = tg.optim.SGD([first, then], lr=0.05), [None], []

        def step(x: Any, n: int) -> Any:
            loss = ((x @ first) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            h = states[-1]
            states.append(np.tanh(x @ first if h is None or n % 3 == 0 else h @ then))  # type: ignore[arg-type]
            return loss

        called = wrap(step)
        for n in range(7):
            found += [called(tg.Tensor(rng.normal(size=(2, 3))), n).item(), values(states[-1]).tolist()]
        return found

    assert run(tg.compile) == run(lambda step: step)
