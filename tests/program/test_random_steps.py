"""Random steps, eager and compiled, give the same bits call after call; what was returned stays."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen
from tests.program.witness import same_bits

SHAPES = [(3, 3), (4, 3), (40, 33), (64, 16), (70, 3), (1, 5), (300, 8)]


def joined(a: Any, b: Any) -> Any:
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        return a * 2
    return a * b - a / (tg.abs(b) + 1)


def times(a: Any, b: Any) -> Any:
    if a.ndim == b.ndim == 2 and a.shape[0] == b.shape[0]:
        return a.T @ b
    return a @ a.T if a.ndim == 2 else -a


#: Of two operands and the labels; those that need an axis are left out where there is none.
ANY: list[Callable[[Any, Any, Any], Any]] = [
    lambda a, b, i: joined(a, b), lambda a, b, i: times(a, b), lambda a, b, i: a * 1,
    lambda a, b, i: a.T, lambda a, b, i: tg.tanh(a), lambda a, b, i: tg.relu(a),
    lambda a, b, i: a.reshape(-1), lambda a, b, i: tg.exp(a * 0.1), lambda a, b, i: tg.Tensor(a) + 0,
    lambda a, b, i: tg.Tensor(a), lambda a, b, i: a**2, lambda a, b, i: tg.where(a > 0, a, -0.0),
    lambda a, b, i: a.astype(np.float32), lambda a, b, i: tg.sqrt(a * a + 1), lambda a, b, i: a[()],
    lambda a, b, i: tg.broadcast_to(a.sum(), (4, 3)),
]
WITH_AXIS: list[Callable[[Any, Any, Any], Any]] = [
    lambda a, b, i: a.sum(axis=0, keepdims=True), lambda a, b, i: a.mean(axis=-1), lambda a, b, i: a[0],
    lambda a, b, i: a[::-1], lambda a, b, i: a.max(axis=-1), lambda a, b, i: a[i % a.shape[0]],
    lambda a, b, i: tg.softmax(a, axis=-1), lambda a, b, i: a.var(axis=0),
    lambda a, b, i: tg.nn.cross_entropy(a, i % a.shape[1]) if a.ndim == 2 and len(a) == len(i) else a,
]


class Step:
    """A step that a seed describes: operations, an update, operations after it, results."""

    def __init__(self, seed: int) -> None:
        self.choice, rng = random.Random(seed), np.random.default_rng(seed)
        self.ran = 0
        self.dtype = self.choice.choice([np.float32, np.float64])
        self.shape = self.choice.choice(SHAPES)
        self.weights = [tg.Tensor(self.array(rng), requires_grad=True)
                        for _ in range(self.choice.randint(1, 3))]
        self.data = tg.Tensor(self.array(rng))
        self.optimizer = tg.optim.SGD(self.weights, lr=0.01, momentum=self.choice.choice([0, 0.9]))
        self.before, self.after, self.results = (
            [self.choice.random() for _ in range(n)] for n in (24, 6, 3))
        self.kind = self.choice.choice(["optimizer", "by hand", "assigned", "none"])
        self.calls = [(self.array(rng), rng.integers(0, self.shape[0], self.shape[0]), 0.01 * (k + 1))
                      for k in range(12)]

    def array(self, rng: np.random.Generator) -> Any:
        order = self.choice.choice(["C", "C", "F"])
        return np.array(rng.uniform(-1, 1, self.shape), self.dtype, order=order)  # type: ignore[call-overload]

    def grown(self, pool: list[Any], chosen: list[float], labels: Any) -> None:
        for first, second in zip(chosen[::2], chosen[1::2], strict=True):
            a, b = pool[int(first * len(pool))], pool[int(second * len(pool))]
            operations = [*ANY, *WITH_AXIS] if a.ndim else ANY
            made = operations[int(first * second * 1e6) % len(operations)](a, b, labels)
            if made.size < 30_000:
                pool.append(made)

    def __call__(self, x: Any, labels: Any, rate: float) -> Any:
        self.ran += 1
        pool = [*self.weights, self.data, x]
        self.grown(pool, self.before, labels)
        loss = sum(((p * p).mean() for p in pool), tg.Tensor(0.0)) * 0.1
        if self.kind in ("optimizer", "by hand"):
            self.optimizer.zero_grad()
            loss.backward()
        if self.kind == "optimizer":
            self.optimizer.step()
        with tg.no_grad():
            for w in self.weights if self.kind in ("by hand", "assigned") else ():
                w.assign(w * 0.9 + rate if w.grad is None else w - rate * w.grad)
        self.grown(pool, self.after, labels)
        return loss, *(pool[int(chosen * len(pool))] for chosen in self.results)


@pytest.mark.filterwarnings("ignore::tinygrad_gd.PrecisionWarning")
@pytest.mark.filterwarnings("ignore::tinygrad_gd.BroadcastWarning")
@pytest.mark.parametrize("seed", range(100))
def test_a_random_step_has_the_bits_of_the_uncompiled_one(seed: int) -> None:
    eager, step = Step(seed), Step(seed)
    run = frozen(step, strict=True)
    kept: list[Any] = []
    with np.errstate(all="ignore"):
        for x, labels, rate in eager.calls:
            ran = step.ran
            expected, got = eager(tg.Tensor(x), labels, rate), run(tg.Tensor(x), labels, rate)
            for a, b in zip((*expected, *eager.weights), (*got, *step.weights), strict=True):
                assert same_bits(a._value, b._value)
            if step.ran == ran:  # its Python was skipped
                kept += [(b, b._value.copy()) for b in got if not any(b is w for w in step.weights)]
    assert kept and run.program.instructions
    for b, copy in kept:
        assert same_bits(b._value, copy)
