"""Random steps, each run eagerly and compiled, must leave the same bits behind in every call."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.values import values

CALLS = 6
SHAPES: list[tuple[int, ...]] = [(3, 4), (4,), (1, 4), (3, 1), ()]
UNARY: list[Callable[[Any], Any]] = [
    np.tanh, np.exp, np.square, np.abs, tg.relu, tg.sigmoid, lambda x: -x, lambda x: x * 1.0, lambda x: x + 0.0, lambda x: 2.0 - x,
    lambda x: x / 3.0, lambda x: x**3, lambda x: x.sum() * x, lambda x: x.mean(-1, keepdims=True) + x if x.ndim else x,
    lambda x: x.T.T if x.ndim == 2 else x, lambda x: x.detach() * x, lambda x: x.reshape(x.shape), lambda x: np.maximum(x, 0.1),
    lambda x: x[::-1] if x.ndim else x, lambda x: x[..., :1] + x if x.ndim else x, lambda x: tg.where(x > 0, x, 0.5 * x),
    lambda x: x - x.max(), lambda x: tg.softmax(x, -1) if x.ndim else x, lambda x: np.clip(x, -1.0, 1.5), lambda x: x.astype(x.dtype),
    lambda x: np.sort(x) if x.ndim else x, lambda x: tg.dropout(x, 0.3), lambda x: x + tg.Tensor(np.ones(x.shape, x.dtype)),
]
BINARY: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (np.abs(b) + 1.0), np.minimum, np.maximum,
    lambda a, b: a @ b.T if a.ndim == b.ndim == 2 and a.shape[1] == b.shape[1] else a * b,
]


class World:
    """A step made of a seed: what it does depends on the seed and on the number of the call only."""

    def __init__(self, seed: int) -> None:
        tg.manual_seed(seed)
        rng = np.random.default_rng(seed)
        self.dtype = rng.choice([np.float32, np.float64])
        order = rng.choice(["C", "F"])
        self.params = [self.tensor(rng, shape, order, True) for shape in rng.permutation(np.array(SHAPES, object))[:3]]
        self.data = [self.tensor(rng, (3, 4), order, False)]
        self.average = [tg.Tensor(p.detach()) for p in self.params]
        momentum = float(rng.choice([0.0, 0.9]))
        half = len(self.params) // 2
        self.optimizers = [tg.optim.SGD(self.params[half:], lr=0.01, momentum=momentum)]
        if rng.random() < 0.3:
            self.optimizers.append(tg.optim.SGD(self.params[:half] or self.params[:1], lr=0.02))
        self.plan = rng.integers(0, 1 << 30, 24)
        self.habits = set(rng.choice(16, rng.integers(0, 6), replace=False).tolist())
        self.kept: list[Any] = []
        self.count = 0
        self.total = 0.0

    def tensor(self, rng: Any, shape: Any, order: Any, requires_grad: bool) -> Any:
        values = np.asarray(rng.normal(size=tuple(shape)).astype(self.dtype), order=order)
        return tg.Tensor(values[()], requires_grad=requires_grad)

    def forward(self, x: Any, scale: float) -> Any:
        pool = [*self.params, *self.data, x]
        plan = iter(self.plan.tolist())
        for _ in range(3 + next(plan) % 6):
            n = next(plan)
            if n % 3:
                made = UNARY[n // 3 % len(UNARY)](as_tensor(pool[n // 97 % len(pool)]))
            else:
                a, b = pool[n // 7 % len(pool)], pool[n // 101 % len(pool)]
                made = BINARY[n // 3 % len(BINARY)](as_tensor(a), b)  # perhaps the array that is given
            pool.append(made)
        if 0 in self.habits and self.count % 3 == 1:
            pool.append(pool[-1] * 2.0)
        if 1 in self.habits:
            pool.append(pool[-1] * (0.1 + self.count))
        if 2 in self.habits:
            self.kept.append(as_tensor(pool[-1]) * 1.0)  # no view of a parameter, which eager code would see updated
        if 3 in self.habits and as_tensor(pool[-1]).sum().item() > 0:
            pool.append(-pool[-1])
        return sum((as_tensor(p).mean() for p in pool[len(self.params):]), start=self.params[0].sum()) * scale

    def step(self, x: Any, scale: float) -> Any:
        self.count += 1
        if 4 not in self.habits or self.count % 2:
            for optimizer in self.optimizers:
                optimizer.zero_grad()
        loss = self.forward(x, scale)
        if 15 in self.habits:
            x[:2] = 0.5  # it was met before, and is met again by habit 13
        if 5 in self.habits:
            self.total += loss.item()
        loss.backward()
        if 6 in self.habits:
            norm = np.sqrt(sum((p.grad * p.grad).sum() for p in self.params if p.grad is not None))
            if norm.item() > 1.0:
                for p in self.params:
                    if p.grad is not None:
                        p.grad = p.grad * (1.0 / norm)
        if 7 in self.habits:
            self.kept.append(self.params[0].grad)
        if 8 in self.habits and self.count == 4:
            self.optimizers[0].param_groups[0]["lr"] *= 0.5
        if 9 not in self.habits or self.count % 2 == 0:
            for optimizer in self.optimizers:
                optimizer.step()
        if 10 in self.habits:
            with tg.no_grad():
                for a, p in zip(self.average, self.params, strict=True):
                    a *= 0.9
                    a += 0.1 * p
        if 11 in self.habits:
            with tg.no_grad():
                self.params[0] -= 0.01 * self.params[0]
        if 12 in self.habits:
            return loss, self.params[0] * 2.0
        if 13 in self.habits:
            return [loss, as_tensor(x) + 1.0]
        if 14 in self.habits:
            return loss.detach()
        return loss


def as_tensor(x: Any) -> Any:
    return x if isinstance(x, tg.Tensor) else tg.Tensor(x)


def left(world: World, result: Any) -> list[Any]:
    """All that a call has left behind."""
    found = [np.array(values(t)) for t in (result if isinstance(result, list | tuple) else [result])]
    found += [np.array(values(p)) for p in (*world.params, *world.average, *world.kept)]
    found += [None if p.grad is None else np.array(values(p.grad)) for p in world.params]
    return [*found, world.total, *(np.array(values(v)) for o in world.optimizers for s in o.state.values() for v in s.values())]


#: Habits that go by a counter of Python, or write into arrays, which a frozen step promises not to.
COUNTING = {0, 1, 4, 8, 9, 15}


def run(seed: int, compiled: bool, frozen: bool = False) -> list[Any]:
    world = World(seed)
    if frozen:
        world.habits -= COUNTING
    step: Any = tg.compile(world.step, frozen=frozen) if compiled else world.step
    rng, found = np.random.default_rng(seed + 1), []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for call in range(CALLS):
            x = rng.normal(size=(3, 4)).astype(world.dtype)
            found.append(left(world, step(x, 1.0 if call < 3 else 0.5 * call)))
    return found


def check(seed: int) -> None:
    for frozen in (False, True):
        try:
            eagerly = run(seed, False, frozen)
        except tg.ShapeError:
            with pytest.raises(tg.ShapeError):
                run(seed, True, frozen)
            continue
        for call, (mine, expected) in enumerate(zip(run(seed, True, frozen), eagerly, strict=True)):
            assert len(mine) == len(expected)
            for n, (a, b) in enumerate(zip(mine, expected, strict=True)):
                if frozen and a is None:
                    continue  # a gradient that a step has used
                same = a is b is None or (
                    np.asarray(a).dtype == np.asarray(b).dtype and np.array_equal(a, b, equal_nan=True))
                assert same, f"seed {seed}, call {call}, number {n}, frozen: {frozen}: {a} compiled, {b} eagerly"


@pytest.mark.parametrize("part", range(20))
def test_random_steps(part: int) -> None:
    for seed in range(50 * part, 50 * part + 50):
        check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_many_random_steps(part: int) -> None:
    for seed in range(10_000 + 1000 * part, 11_000 + 1000 * part):
        check(seed)
