"""Calls that leave the trail at each kind of event, and come back: they do what the plain function does."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.texts import bits
from tests.values import values

#: Which way each call goes: each is met twice in a row, and after the other one.
WAYS = [True, True, False, True, False, False, True, False, True]


class World:
    """What a step works on."""

    def __init__(self) -> None:
        tg.manual_seed(7)
        self.w = tg.Tensor(np.array([0.5, -1.0, 2.0]), requires_grad=True)
        self.x = tg.Tensor(np.array([1.0, 2.0, 3.0]))
        self.small = tg.Tensor(np.float32(1.5))
        self.opt = tg.optim.SGD([self.w], lr=0.1, momentum=0.9)
        self.kept: list[Any] = []

    def grad(self, way: bool) -> Any:
        g = tg.grad(lambda w: (w * w * self.x).sum())(self.w)
        return g * 2.0 if way else g + 1.0

    def grad_or_not(self, way: bool) -> Any:
        y = self.x * 2.0
        return tg.grad(lambda w: (w * w).sum())(y) if way else y - 1.0

    def vjp(self, way: bool) -> Any:
        out, pull = tg.vjp(lambda w: np.tanh(w) * self.x, self.w)
        return pull(out * 3.0) if way else out + 2.0

    def vjp_of_nothing_done(self, way: bool) -> Any:
        seed = self.x * 3.0
        _, pull = tg.vjp(lambda w: w, self.x)
        g = pull(seed)
        return g[0] * 2.0 if way else g[0] + seed

    def vjp_twice(self, way: bool) -> Any:
        _, pull = tg.vjp(lambda w: w * w, self.x)
        first = pull(self.x * 1.0)[0]
        return pull(first)[0] if way else first - 1.0

    def recorded_grad(self, way: bool) -> Any:
        y = np.tanh(self.w)
        g = tg.grad(lambda v: (v * y).sum())(self.x) if way else y * 2.0
        (g * self.x).sum().backward()
        return g

    def root(self, way: bool) -> Any:
        self.opt.zero_grad()
        a, b = (self.w * self.x).sum(), (self.w * self.w).sum()
        (a if way else b).backward()
        return self.w.grad * 1.0

    def seed(self, way: bool) -> Any:
        self.opt.zero_grad()
        y = self.w * self.x
        one, two = self.x * 1.0, self.x * 2.0
        y.backward(one if way else two)
        return self.w.grad * 1.0

    def leaf(self, way: bool) -> Any:
        leaf = tg.Tensor(np.ones(3), requires_grad=True)
        other = tg.Tensor(np.full(3, 2.0), requires_grad=True)
        ((leaf if way else other) * self.x).sum().backward()
        return (leaf if way else other).grad * 3.0

    def number_of_inputs(self, way: bool) -> Any:
        y = np.exp(self.x)
        return np.concatenate([y] * (2 if way else 3)) * 2.0

    def lent_memory(self, way: bool) -> Any:
        y = self.x * 2.0
        if way:
            self.x.data[0] += 1.0
        return y + self.x

    def assignment(self, way: bool) -> Any:
        y = self.x * 2.0
        if way:
            y.assign(self.x)
        return y * 1.5

    def narrower_state(self, way: bool) -> Any:
        with tg.no_grad():
            self.small *= self.x.sum() * 0.1 if way else self.x.mean()
        return self.small + 1.0

    def draws(self, way: bool) -> Any:
        y = tg.dropout(self.x, 0.5)
        z = tg.generator().random() if way else 0.25
        return y * z

    def seeds(self, way: bool) -> Any:
        y = tg.dropout(self.x, 0.5)
        if way:
            tg.manual_seed(3)
        return tg.dropout(y, 0.5)

    def tensor_after_step(self, way: bool) -> Any:
        self.opt.zero_grad()
        loss = (self.w * self.w).sum()
        loss.backward()
        self.opt.step()
        z = tg.Tensor(loss) if way else loss.detach() * 2.0
        return z + 1.0

    def graph_after_step(self, way: bool) -> Any:
        self.opt.zero_grad()
        y = np.tanh(self.x * tg.Tensor(np.ones(3), requires_grad=True))
        (self.w * y.detach()).sum().backward()
        self.opt.step()
        return y * (2.0 if y.is_leaf else 3.0) if way else y.detach()

    def update_after_step(self, way: bool) -> Any:
        self.opt.zero_grad()
        total = self.x * 0.0
        (self.w * self.w).sum().backward()
        self.opt.step()
        if way:
            total += self.x
        return total * 2.0

    def kept_from_before(self, way: bool) -> Any:
        y = self.w * self.x
        self.kept.append(y)
        before = self.kept[-2] if way and len(self.kept) > 1 else y
        return (before * y).sum()

    def graph_of_what_was_kept(self, way: bool) -> Any:
        y = self.w * self.x
        self.kept.append(y)
        return y * (2.0 if way and self.kept[max(0, len(self.kept) - 2)].is_leaf else 3.0)

    def gradient_in_a_result(self, way: bool) -> Any:
        self.opt.zero_grad()
        (self.w * self.w * self.x).sum().backward()
        return (self.w * self.w.grad).sum() if way else (self.w * self.x).sum()

    def draws_in_vain(self, way: bool) -> None:
        tg.dropout(self.x, 0.5)
        if way:
            self.x.data[0] = 2.0
        tg.dropout(self.x, 0.5)

    def constant_before_a_write(self, way: bool) -> Any:
        y = self.x * 2.0 if way else self.x * 3.0
        self.kept.append(y if len(self.kept) < 2 else self.kept[-1] * 0.5 + y)
        with tg.no_grad():
            self.small += self.kept[-1].sum()
        return self.kept[-1] * 2.0

    def derivative_after_a_step(self, way: bool) -> Any:
        self.opt.zero_grad()
        (self.w * self.w).sum().backward()
        self.opt.step()
        a, b = tg.jvp(lambda v: np.tanh(v) * self.w, (self.x,), (self.x * 2.0,))
        made = a + b
        return made * (2.0 if made.is_leaf else 3.0) if way else made + 1.0

    def derivative_that_reads_the_step(self, way: bool) -> Any:
        self.opt.zero_grad()
        loss = (self.w * self.w).sum()
        loss.backward()
        self.opt.step()
        g = tg.grad(lambda t: (loss * t * t).sum())(self.x)
        return g * 2.0 if way else g + 1.0

    def draws_of_its_own_after_a_look(self, way: bool) -> Any:
        y = tg.dropout(self.x, 0.5)
        look = float(y.sum())
        z = tg.generator().random() if way else look * 0.1
        return tg.dropout(self.x * 2.0, 0.5) * z

    def draws_of_its_own_after_a_write(self, way: bool) -> Any:
        y = tg.dropout(self.w, 0.5)
        with tg.no_grad():
            self.small += y.sum()
        z = tg.generator().random() if way else 0.5
        return tg.dropout(y * 2.0, 0.5) * z

    def mask_after_a_draw(self, way: bool) -> Any:
        y = tg.dropout(self.x, 0.5)
        return y[y > 0].sum() if way else y.sum()


STEPS = sorted(name for name, step in vars(World).items() if callable(step) and name[0] != "_")


def left(world: World, made: Any) -> list[Any]:
    g = world.w.grad
    found = [made, world.w, world.x, world.small, *world.kept, *([] if g is None else [g])]
    return [bits(values(t)) if isinstance(t, tg.Tensor) else t for t in found]


def run(name: str, wrap: Callable[[Any], Any], ways: list[bool], derive: bool = False) -> list[Any]:
    world, found = World(), []
    step = wrap(getattr(world, name))
    for way in ways:
        made = step(way)
        made = made[0] if isinstance(made, tuple) else made
        found.append(left(world, made))
        if derive and made is not None and made.requires_grad:
            made.sum().backward()
            found.append(left(world, made))
    return [*found, tg.generator().random()]


#: Steps that return what was computed with values from before an update, which no graph can be made of.
OVER = {"derivative_that_reads_the_step"}


@pytest.mark.parametrize("name, derive", [
    *((name, False) for name in STEPS), *((name, True) for name in STEPS if name not in OVER)])
def test_a_call_may_go_another_way_at_any_event(name: str, derive: bool) -> None:
    expected = run(name, lambda step: step, WAYS, derive)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tg.CaptureWarning)
        assert run(name, tg.compile, WAYS, derive) == expected


@pytest.mark.parametrize("name", [name for name in STEPS if "kept" not in name])
@pytest.mark.parametrize("way", [False, True])
def test_one_way_may_be_frozen(name: str, way: bool) -> None:
    ways = [way] * 9
    expected = run(name, lambda step: step, ways)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tg.CaptureWarning)
        got = run(name, lambda step: tg.compile(step, frozen=True), ways)
    assert [found if isinstance(found, float) else found[:4] for found in got] == [
        found if isinstance(found, float) else found[:4] for found in expected]  # spent gradients are gone


def test_a_recorded_call_that_failed_after_a_write_may_be_met_again() -> None:
    def run(wrap: Callable[[Any], Any]) -> list[Any]:
        inputs, found = [tg.Tensor(np.ones(3) * k) for k in (1.0, 2.0)], []

        def step(k: int, fails: bool) -> Any:
            x = inputs[k]
            y = x * 2.0
            x.data[0] += 1.0
            z = np.cumsum(y)
            del y
            if fails:
                raise ValueError
            return np.tanh(z)

        called = wrap(step)
        for k, fails in ((0, False), (1, True), (1, False), (1, True), (1, False)):
            try:
                found.append(values(called(k, fails)).tolist())
            except ValueError:
                found.append("failed")
        return found

    assert run(tg.compile) == run(lambda step: step)


def many_or_few(x: Any, way: bool) -> Any:
    """How many elements a mask selects is another branch."""
    y = x[values(x) > 0]
    total = y.sum().item()
    return np.exp(y * 2 if way else y * 3).sum() + total


@pytest.mark.parametrize("selected", [(3, 1), (1, 3), (0, 2)])
def test_ways_after_a_mask_are_those_of_as_many_elements(selected: tuple[int, int]) -> None:
    run = tg.compile(many_or_few)
    for count, way in [(0, True), (0, True), (1, False), (1, False), (1, True), (0, False), (0, True), (1, False)]:
        x = np.linspace(0.1, 1.0, 4) * (np.arange(4) < selected[count])
        expected, got = (values(f(tg.Tensor(x), way)) for f in (many_or_few, run))
        assert bits(expected) == bits(got)


def test_ways_after_an_update_are_those_of_its_options() -> None:
    def run(wrap: Callable[[Any], Any]) -> list[Any]:
        world, found = World(), []

        def step(x: Any, way: bool) -> Any:
            world.opt.step()
            y = np.tanh(x) * x
            world.opt.step()
            return y * x if way else y + x

        called = wrap(step)
        for n, (decay, way) in enumerate([(0.0, True), (0.1, False), (0.1, True), (0.0, False), (0.0, True)] * 2):
            world.opt.param_groups[0]["weight_decay"] = decay
            for k in range(3):
                world.w.grad = np.full(3, n + k + 1.0)
                found += [bits(values(called(tg.Tensor(np.ones(3) * (k + 1)), way))), bits(world.w.numpy())]
        return found

    assert run(tg.compile) == run(lambda step: step)


def mean_along(x: Any, axis: int) -> Any:
    """Another length may come with an axis that was met before."""
    return tg.Tensor(x).mean(axis)


def selected_by(mask: Any, _: Any) -> Any:
    """As many elements may be selected by an array as once by a Tensor."""
    return W[mask].sum()


W = tg.Tensor([1.0, 2.0, 4.0])
LONG, SHORT, ONE, TWO = np.arange(4.0), np.arange(3.0), np.arange(3) == 1, np.arange(3) != 1


@pytest.mark.parametrize("step, calls", [
    (mean_along, [(LONG, -1), (SHORT, 0), (SHORT, -1), (LONG, 0)]),
    (selected_by, [(ONE, 0), (tg.Tensor(ONE), 0), (tg.Tensor(TWO), 0), (TWO, 0), (ONE, 0)]),
])
def test_a_way_that_does_not_fit_leaves_no_trace_in_those_compared_next(step: Any, calls: list[Any]) -> None:
    run = tg.compile(step)
    for args in [args for args in calls for _ in range(3)] * 2:
        assert bits(values(run(*args))) == bits(values(step(*args)))
