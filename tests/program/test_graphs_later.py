"""Graphs of what a compiled step has returned, which are made when somebody asks after the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.values import values

Wrap = Callable[[Any], Any]
TIERS: list[Any] = [tg.compile, lambda step: tg.compile(step, frozen=True)]


class World:
    """What steps compute with."""

    def __init__(self) -> None:
        self.w = tg.Tensor(np.array([0.5, 1.0, 2.0]), requires_grad=True)
        self.v = tg.Tensor(np.array([1.5, -1.0, 0.5]), requires_grad=True)
        self.c = tg.Tensor(np.array([1.0, 2.0, 3.0]))

    def grad(self, x: Any) -> Any:
        return tg.grad(lambda t: (t**3 * self.w).sum())(x) * self.v

    def grad_by_a_weight(self, x: Any) -> Any:
        return tg.grad(lambda w: (np.tanh(w) * w * self.v).sum())(self.w * x) + self.w

    def grad_of_grad(self, x: Any) -> Any:
        inner = tg.grad(lambda t: (t**4 * self.w).sum())
        return tg.grad(lambda t: inner(t).sum())(x * self.v)

    def vjp(self, x: Any) -> Any:
        out, pull = tg.vjp(lambda w: np.tanh(w * self.v), self.w)
        return pull(pull(x)[0])[0] * out

    def jvp(self, x: Any) -> Any:
        out, tangent = tg.jvp(lambda w: np.tanh(w * self.v), (self.w,), (x,))
        return out * tangent

    def jacobian(self, x: Any) -> Any:
        return tg.jacobian(lambda w: w * np.tanh(w * x))(self.w).sum(axis=0) * self.v

    def hessian(self, x: Any) -> Any:
        return tg.hessian(lambda w: (w**3 * x).sum())(self.w).sum(axis=0)

    def hvp(self, x: Any) -> Any:
        return tg.hvp(lambda w: (w**3 * self.v).sum(), (self.w,), (x,))

    def closed(self, x: Any) -> Any:
        return self.w * tg.grad(lambda t: (t * t).sum())(x)

    def gradient(self, x: Any) -> Any:
        self.w.grad = None
        (self.w * self.w * x).sum().backward()
        assert self.w.grad is not None
        return self.w.grad * self.w

    def second_gradient(self, x: Any) -> Any:
        self.w.grad = None
        (self.w * self.w * x).sum().backward()
        (np.tanh(self.w) * x).sum().backward()
        assert self.w.grad is not None
        return self.w.grad * self.w


STEPS = sorted(name for name in vars(World) if name[0] != "_")


def kept_and_derived(wrap: Wrap, name: str, later: int) -> list[list[float]]:
    """Gradients of what was returned, so many calls later."""
    world, made, found = World(), [], []
    step = wrap(getattr(world, name))
    for n in range(9):
        made.append(step(tg.Tensor(np.arange(3.0) + n)))
        if n >= later:
            world.w.grad = world.v.grad = None
            made[n - later].sum().backward()
            found += [[] if t.grad is None else list(values(t.grad)) for t in (world.w, world.v)]
    return found


@pytest.mark.parametrize("wrap", TIERS)
@pytest.mark.parametrize("later", [0, 2])
@pytest.mark.parametrize("name", STEPS)
def test_what_reverse_passes_in_a_step_made_can_be_derived_after_it(
    name: str, later: int, wrap: Wrap
) -> None:
    expected = kept_and_derived(lambda step: step, name, later)
    assert any(expected) and kept_and_derived(wrap, name, later) == expected


@pytest.mark.parametrize("wrap", TIERS)
def test_what_was_computed_from_data_that_were_written_to_since_is_never_derived_wrongly(
    wrap: Wrap
) -> None:
    world = World()
    step = wrap(lambda: world.c * 2.0 * world.w)
    for n in range(9):
        made = step()
        world.c.data[0] += 100.0
        try:
            made.sum().backward()
        except tg.GradError as error:
            assert n and "argument 0 (float64 of shape (3,)) was overwritten after step" in str(error)
        else:
            assert not n  # an uncompiled call has kept it


def test_data_that_are_written_to_since_do_not_matter_where_no_rule_reads_them() -> None:
    world = World()
    step = tg.compile(lambda: world.w * world.v + world.c)
    for n in range(6):
        world.w.grad = None
        made = step()
        world.c.data[0] += 100.0
        made.sum().backward()
        assert world.w.grad is not None and np.array_equal(world.w.grad, world.v), n


@pytest.mark.parametrize("wrap", TIERS)
def test_a_leaf_that_is_frozen_since_is_not_taken_for_one_that_was(wrap: Wrap) -> None:
    world = World()
    step = wrap(lambda: world.c * 2.0 * world.w)
    for _ in range(9):
        made = step()
        world.c.requires_grad = True
        made.sum().backward()
        assert world.c.grad is None
        world.c.requires_grad = False


@pytest.mark.parametrize("name", ["copied", "array"])
def test_a_frozen_call_knows_what_it_was_given(name: str) -> None:
    def run(wrap: Wrap) -> Any:
        world, x, found = World(), np.ones(3), []
        of_copy = wrap(lambda: tg.Tensor(world.w) * 2.0 * world.w)
        of_array = wrap(lambda x: x * world.w)
        for n in range(9):
            world.w.data[0] += 1.0
            world.w.grad, x[:] = None, n
            made = of_copy() if name == "copied" else of_array(x if wrap is not plain else tg.Tensor(x))
            x[:] = 77.0
            made.sum().backward()
            found.append(None if world.w.grad is None else world.w.grad.tolist())
        return found

    def plain(step: Any) -> Any:
        return step

    assert run(lambda step: tg.compile(step, frozen=True)) == run(plain)


@pytest.mark.parametrize("wrap", TIERS)
def test_what_a_program_does_not_know_of_a_call_is_no_error_when_its_graph_is_asked_for(wrap: Wrap) -> None:
    world = World()

    def step() -> Any:
        world.w.grad = None
        (world.w * world.v).sum().backward()
        assert world.w.grad is not None
        return tg.grad(lambda x: (world.w * x * x).sum())(world.c) + world.w.grad

    expected = str(step())
    called = wrap(step)
    assert [str(called())[:30] for _ in range(9)] == [expected[:30]] * 9


def test_a_frozen_step_may_bring_arrays_besides_what_it_makes() -> None:
    world = World()

    def step() -> Any:
        return tg.jacobian(lambda w: w * w, mode="forward")(world.w).sum(axis=0) * np.array([1, 2, 3])

    called = tg.compile(step, frozen=True)
    assert all(np.array_equal(called(), step()) for _ in range(9))


def test_a_frozen_step_leaves_the_gradient_that_it_sets_itself() -> None:
    world = World()

    @tg.compile(frozen=True)
    def step(x: Any) -> Any:
        made = world.w * x
        world.w.grad = made.detach()
        return made.sum()

    for n in range(9):
        x = np.arange(3.0) + n
        step(x)
        assert world.w.grad is not None and np.array_equal(world.w.grad, values(world.w) * x), n


def test_a_result_whose_parameters_were_updated_since_is_drawn_as_made_of_them_by_the_step() -> None:
    w, unused = (tg.Tensor([3.0, 1.0], requires_grad=True, name=name) for name in ("w", "unused"))
    optimizer = tg.optim.SGD([w, unused], lr=0.1)

    def step(x: Any) -> Any:
        leaf = tg.Tensor(x, requires_grad=True, name="leaf")
        loss = ((w * leaf) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = tg.compile(step)
    for _ in range(4):
        loss = run(np.ones(2))
    assert loss.op.name == "step" and loss.inputs[0] is w and [t.name for t in loss.inputs] == ["w", "leaf"]
    drawn = str(tg.draw(loss))
    assert "step(w, leaf)" in drawn and "parameter  0.0000" not in drawn, drawn
    for derive in loss.backward, loss.explain, lambda: tg.source(loss):
        with pytest.raises(tg.GradError, match=r"'w'.* was overwritten after"):
            derive()
