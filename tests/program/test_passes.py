"""Passes: each may be left out, and none changes a bit."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_gd as tg
from tests.program.steps import Build, assert_same_bits, network, trajectory
from tests.program.texts import bits, executed
from tinygrad_gd.program.ir import State
from tinygrad_gd.program.passes import PASSES, optimized
from tinygrad_gd.program.replay.replay import Replay


@pytest.mark.parametrize("without", [*PASSES, ""])
def test_a_pass_changes_no_bit(without: str) -> None:
    """Each pass can be left out; the source of both programs gives the same numbers."""
    run = trajectory(network({"momentum": 0.9}, "cross_entropy"), True, 5)[2]
    program = optimized(run.captured, without=(without,))
    assert list(map(bits, executed(program))) == list(map(bits, executed(run.captured)))


# -- random programs ------------------------------------------------------------------------------------


UNARY = [np.tanh, np.square, np.negative, np.exp, tg.relu, tg.sigmoid, tg.softmax, lambda x: x * 1.0, lambda x: x + x,
         lambda x: x.T, lambda x: x.reshape(-1), lambda x: x.sum(axis=0), lambda x: x.mean(axis=-1, keepdims=True),
         lambda x: np.max(x, axis=-1, keepdims=True), lambda x: np.max(x, axis=-1), lambda x: x[..., 0],
         lambda x: x[:, ::-1], lambda x: np.concatenate([x, x * 2]), lambda x: np.broadcast_to(x, (2, *x.shape)),
         lambda x: tg.where(x > 0, x, 0.5), lambda x: np.cumsum(x, axis=0), lambda x: x + np.arange(3.0),
         lambda x: x * (tg.Tensor([2.0]) * 3.0), lambda x: tg.dropout(x, 0.5), lambda x: x / x.sum()]
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.maximum, lambda a, b: a @ b, lambda a, b: a @ b.T]


def random_step(seed: int) -> Build:
    """A training step made of random operations; shapes that do not fit are tried again."""
    def build() -> Any:
        rng = np.random.default_rng(seed)
        leaves = [tg.Tensor(rng.uniform(0.5, 1.5, s), requires_grad=True, name=n)
                  for n, s in (("a", (3, 3)), ("b", (3,)), ("c", ()))]
        data = tg.Tensor(rng.uniform(0.5, 1.5, (3, 3)), name="x")
        plan: list[Any] = []
        optimizer = tg.optim.SGD(leaves, lr=1e-3, momentum=float(rng.choice([0.0, 0.9])))

        def values() -> list[Any]:
            made = [*leaves, data]
            for f, places in plan:
                made.append(f(*(made[p] for p in places)))
            return made

        for _ in range(200):
            if len(plan) == 12:
                break
            f = rng.choice(np.array(UNARY + BINARY, object))
            arity = 1 if f in UNARY else 2
            plan.append((f, [int(rng.integers(len(plan) + 4)) for _ in range(arity)]))
            try:
                ok = values()[-1].size <= 100
            except (ValueError, TypeError, IndexError):
                ok = False
            plan = plan if ok else plan[:-1]

        def step() -> Any:
            loss = sum(tg.tanh(v).mean() for v in values()[-4:]) + sum((p * p).sum() for p in leaves)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss + leaves[0].sum()

        return step, leaves

    return build


@pytest.mark.parametrize(("constant", "is_number"), [
    ([0.0, -0.0], False), ([-0.0, -0.0], True), ([2.0, 2.0], True), ([2.0, 3.0], False), ([np.nan] * 2, True)])
def test_only_what_is_full_of_one_number_is_taken_for_it(constant: list[float], is_number: bool) -> None:
    """Zeros with two signs equal each other, but are not one number."""
    c = np.array(constant)
    step = tg.compile(lambda x: x + c, strict=True)
    for _ in range(3):
        step(tg.Tensor([1.0, 2.0]))
    (add,) = step.captured.instructions
    program = step.captured.with_(instructions=(replace(add, inputs=(add.inputs[0], c)),))
    (after,) = PASSES["numbers_for_full_arrays"](program).instructions
    assert isinstance(after.inputs[1], np.generic) == is_number
    assert np.broadcast_to(after.inputs[1], 2).tobytes() == c.tobytes()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), without=st.sets(st.sampled_from(sorted(PASSES))))
def test_random_programs_give_the_same_bits_without_any_of_the_passes(seed: int, without: set[str]) -> None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        run = assert_same_bits(random_step(seed), 6)
        states, results = [i.tensor for i in run.captured.inputs if isinstance(i, State)], []
        each = [{name} for name in PASSES] + [set(PASSES) - {name} for name in PASSES] + [set(PASSES), without, set()]
        for left_out in each:
            program = optimized(run.captured, without=tuple(left_out))
            results.append(replayed(program, states))
    for found in results[1:]:
        for a, b in zip(found, results[0], strict=True):
            np.testing.assert_array_equal(a, b)


def replayed(program: Any, states: list[Any]) -> list[Any]:
    """What two calls of a program return and leave behind; everything is put back afterwards."""
    before = [t.numpy().copy() for t in states]
    tg.manual_seed(7)
    run = Replay(program).run
    found = [run(), run(), *(t.numpy().copy() for t in states)]
    for tensor, value in zip(states, before, strict=True):
        tensor.data = value
    return found
