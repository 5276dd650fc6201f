"""Arrays that a step writes into after they met a Tensor: compiled, each counts as it was when it was met."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.values import values

CALLS = 8


class World:
    """Parameters, and arrays that steps write into."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.w, self.m, self.v = (tg.Tensor(rng.normal(size=n), requires_grad=True) for n in (3, (3, 4), 300))
        self.opt = tg.optim.SGD([self.w, self.m, self.v], lr=0.1)
        self.data, self.large = rng.normal(size=(20, 3)), rng.normal(size=(200, 300))
        self.buffer, self.mask = np.zeros((2, 3)), np.array([True, False, True])
        self.call = 0
        self.kept: list[Any] = []

    def refill(self, i: int) -> Any:
        self.buffer[...] = self.data[self.call + i : self.call + i + 2]
        return self.buffer

    def loss(self, i: int) -> Any:
        x = self.refill(i)
        return np.tanh(x @ self.m).sum() + (self.w * x).sum()

    def gradient(self) -> Any:
        """That of the parameters, which have none afterwards."""
        found = [p.grad * 1.0 for p in (self.w, self.m, self.v) if p.grad is not None]
        self.opt.zero_grad()
        return found


def an_argument(s: World, x: Any) -> Any:
    y = x * s.w
    x[:] = 0
    return y.sum()


def one_element(s: World, x: Any) -> Any:
    y = x * s.w
    x[1] = 7.0
    return y.sum()


def met_twice(s: World, x: Any) -> Any:
    y = x * s.w
    x += 1
    return y + x * s.w


def met_three_times(s: World, x: Any) -> Any:
    y = x * s.w
    x += 1
    y = np.exp(y + x * s.w)
    x -= 2
    return y + x * s.w


def made_in_the_step(s: World, x: Any) -> Any:
    a = x * 2.0
    y = a * s.w
    a[:] = 5
    return y


def through_another_view(s: World, x: Any) -> Any:
    y = x[1:] * s.w[1:]
    x[:] = 3
    return y


def a_view_that_stays(s: World, x: Any) -> Any:
    backwards = x[::-1]
    y = backwards * s.w
    backwards[0] = 3
    return y + x * s.w


def a_refilled_buffer(s: World, x: Any) -> Any:
    return sum(s.loss(i) for i in range(3))


def accumulated(s: World, x: Any) -> Any:
    s.opt.zero_grad()
    for i in range(3):
        loss = s.loss(i)
        loss.backward()
    s.opt.step()
    return loss


def in_some_calls(s: World, x: Any) -> Any:
    y = x * s.w
    if s.call in (3, 4):
        x[:] = 0
    return y


def in_some_calls_between(s: World, x: Any) -> Any:
    y = x * s.w
    if s.call in (0, 4):
        x[:] = 0
    return y + x * s.w


def a_large_one(s: World, x: Any) -> Any:
    y = s.large @ s.v
    s.large[5, 5] += 1.0
    return y * (s.large @ s.v)


def with_gaps(s: World, x: Any) -> Any:
    y = (s.large[::2, ::3] * s.v[:100]).sum(0)
    s.large += 1
    return y


def before_a_reverse_pass(s: World, x: Any) -> Any:
    y = (s.large @ s.v).sum()
    s.kept.append(y.item())
    s.large *= 1.5
    y.backward()
    return s.gradient()


def before_an_update(s: World, x: Any) -> Any:
    s.opt.zero_grad()
    y = ((x * s.w) ** 2).sum()
    x[:] = 0
    y.backward()
    s.opt.step()
    return y


def a_seed(s: World, x: Any) -> Any:
    g = np.ones(3) * s.call
    (x * s.w).backward(g)
    g[:] = 0
    return s.gradient()


def a_seed_twice(s: World, x: Any) -> Any:
    g = np.ones(3) * s.call
    (x * s.w).backward(g)
    g += 1
    (x * s.w * 2.0).backward(g)
    return s.gradient()


def a_condition(s: World, x: Any) -> Any:
    y = tg.where(s.mask, s.w, 0.0)
    s.mask[:] = np.roll(s.mask, 1)
    return y


def labels(s: World, x: Any) -> Any:
    classes = np.array([0, s.call % 4])
    loss = tg.nn.cross_entropy(s.m[:2] * x[:1], classes)
    classes[:] = 3
    return loss


def without_axes(s: World, x: Any) -> Any:
    a = np.array(2.0 + s.call)
    y = a * s.w
    a[...] = 0
    return y


def in_a_transform(s: World, x: Any) -> Any:
    g = tg.grad(lambda w: ((x * w) ** 2).sum())(s.w)
    x[:] = 0
    return g


def before_a_branch(s: World, x: Any) -> Any:
    y = x * s.w
    x += 1
    y = y * (x * s.w)
    x[:] = 9
    return np.exp(y) if s.call > 3 else y


def before_an_exception(s: World, x: Any) -> Any:
    s.kept.append(x * s.w)
    x[:] = 9
    if s.call in (3, 5):
        raise KeyError
    return s.kept[-1] * 2.0


STEPS = [an_argument, one_element, met_twice, met_three_times, made_in_the_step, through_another_view, a_view_that_stays,
         a_refilled_buffer, accumulated, in_some_calls, in_some_calls_between, a_large_one, with_gaps,
         before_a_reverse_pass, before_an_update, a_seed, a_seed_twice, a_condition, labels, without_axes,
         in_a_transform, before_a_branch, before_an_exception]


def run(step: Any, compiled: bool, after: Any = lambda s, result: result) -> tuple[list[Any], Any]:
    s, found = World(), []

    def f(x: Any) -> Any:
        return step(s, x)

    called = tg.compile(f) if compiled else f
    for s.call in range(CALLS):
        x = s.data[s.call] * 1.0
        try:
            result = after(s, called(x))
        except KeyError:
            result = []
        results = result if isinstance(result, list | tuple) else [result]
        found.append([np.array(values(t)) for t in (*results, s.w, s.m, s.v, *s.kept, x, s.buffer, s.large)])
    return found, called


@pytest.mark.parametrize("step", STEPS)
def test_arrays_count_as_they_were_when_they_met_a_tensor(step: Any) -> None:
    mine, called = run(step, True)
    eagerly, _ = run(step, False)
    assert called._lockstep.hits >= 3, "it must be the program that is tested"
    for call, (a, b) in enumerate(zip(mine, eagerly, strict=True)):
        for n, (p, q) in enumerate(zip(a, b, strict=True)):
            assert p.dtype == q.dtype and p.tobytes() == q.tobytes(), (call, n, p, q)


def test_the_graph_of_a_result_has_arrays_as_they_were() -> None:
    def after(s: World, y: Any) -> Any:
        y.backward()
        return s.gradient()

    mine, called = run(an_argument, True, after)
    eagerly, _ = run(an_argument, False, after)
    np.testing.assert_array_equal([a[0] for a in mine], [b[0] for b in eagerly])
    assert called._lockstep.hits == CALLS - 1 and all(np.any(a[0]) for a in mine)


def test_products_with_the_transpose_of_the_same_memory_have_their_own_bits() -> None:
    a = np.random.default_rng(0).normal(size=(60, 70))
    w = tg.Tensor(np.ones(60))

    def step(k: float) -> Any:
        parts = a[:50, :60]
        return (tg.matmul(a, a.T) * w, tg.matmul(parts, parts.T) * w[:50])

    called = tg.compile(step)
    for _ in range(4):
        for mine, plain in zip(called(1.0), step(1.0), strict=True):
            np.testing.assert_array_equal(values(mine), values(plain))


@pytest.mark.parametrize("kind", [np.array, tg.Tensor])
@pytest.mark.parametrize("frozen", [False, True])
def test_a_pass_begins_with_the_gradient_that_is_given(kind: Any, frozen: bool) -> None:
    w = tg.Tensor(np.ones(3), requires_grad=True)

    def step(x: Any, g: Any) -> Any:
        (x * w).backward(g)
        found, w.grad = w.grad, None
        return found * 1.0

    called = tg.compile(step, frozen=frozen)
    for k in range(1, 6):
        x, g = np.arange(3.0), kind(np.arange(3.0) + k)
        np.testing.assert_array_equal(values(called(x, g)), x * (x + k))


def test_a_frozen_step_that_writes_into_arrays_is_refused() -> None:
    w, buffer = tg.Tensor(np.ones(3), requires_grad=True), np.zeros(3)

    def step(x: Any) -> Any:
        y = (buffer * w * x).sum()
        buffer[:] = buffer + 1.0
        return y

    called = tg.compile(step, frozen=True)
    with pytest.warns(tg.CaptureWarning, match="writes into it"):
        assert [called(tg.Tensor(1.0)).item() for _ in range(6)] == [3.0 * k for k in range(6)]
