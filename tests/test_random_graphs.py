"""Random graphs, with shared parts, views and broadcasting, against differences along a direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.oracles import assert_close

Step = tuple[Callable[..., Any], tuple[int, ...]]

ONE: list[Callable[..., Any]] = [
    np.sin, np.tanh, np.arctan, np.abs, np.negative, lambda x: np.tanh(x) ** 2, lambda x: x * np.cos(x),
    lambda x: np.log(1.5 + x * x), lambda x: np.sqrt(1 + x**2), lambda x: (1 + x * x) ** -1.5,
    lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.clip(x, -0.7, 0.8), lambda x: np.maximum(x, 0),
    lambda x: 2.0 ** np.tanh(x), lambda x: np.logaddexp(0, x), lambda x: np.expm1(-np.abs(x)),
]
TWO: list[Callable[..., Any]] = [
    np.add, np.subtract, lambda x, y: x * np.tanh(y), lambda x, y: x / (1.5 + y * y), np.maximum,
    lambda x, y: np.hypot(x, 1 + np.abs(y)), lambda x, y: (1 + x * x) ** np.tanh(y), np.logaddexp,
    lambda x, y: np.where(x > y, x, 2 * y), lambda x, y: np.arctan2(x, 1.2 + y * y), np.copysign,
]
AXIS: list[Callable[..., Any]] = [
    lambda x, i: x.sum(axis=i), lambda x, i: np.mean(x, axis=i, keepdims=True), np.cumsum, tg.softmax,
    lambda x, i: np.max(x, axis=i), lambda x, i: tg.logsumexp(x, axis=i, keepdims=True), np.flip,
    lambda x, i: np.sort(x, axis=i), lambda x, i: np.linalg.norm(x + 0.7, axis=i), np.expand_dims,
    lambda x, i: np.prod(1 + 0.2 * np.tanh(x), axis=i), lambda x, i: np.var(x, axis=i, keepdims=True),
    lambda x, i: np.concatenate([x, 2 * x], axis=i), lambda x, i: np.roll(x, 1, axis=i),
    lambda x, i: np.take(x, [0, -1, 0], axis=i), lambda x, i: np.repeat(x, 2, axis=i),
    lambda x, i: np.stack([x, np.cos(x)], axis=i), lambda x, i: np.swapaxes(x, i, -1),
]
FORM: list[Callable[..., Any]] = [
    np.ravel, np.transpose, lambda x: x[::-1], lambda x: x[..., None], lambda x: x[..., ::2],
    lambda x: x[0], lambda x: x[[[0, -1], [0, 0]]], lambda x: np.broadcast_to(x, (2, *x.shape)),
    lambda x: x.at[[0, 0]].add(np.sin(x[:1])), lambda x: x.at[-1].set(np.cos(x[0])),
    lambda x: np.pad(x, 1, mode="edge"), lambda x: np.einsum("...i,...i->...", x, np.cos(x)),
    lambda x: x[np.arange(len(x)) % 2 == 0],
]


def graph(rng: np.random.Generator, length: int) -> tuple[list[Any], list[Step]]:
    """Arrays, and steps that each take values of earlier ones by their numbers."""
    arrays = [rng.normal(size=rng.integers(1, 5, size=rng.integers(0, 4))) for _ in range(3)]
    values, steps = [*map(tg.Tensor, arrays)], list[Step]()
    while len(steps) < length:
        i = max(0, len(values) - int(rng.geometric(0.2)))
        kind, x = rng.integers(5), values[i]
        if kind == 0:
            step: Step = ONE[rng.integers(len(ONE))], (i,)
        elif kind == 1:
            fits = [j for j, y in enumerate(values) if broadcasts(x, y)]
            step = TWO[rng.integers(len(TWO))], tuple(rng.permutation([i, rng.choice(fits)]).tolist())
        elif kind == 2 and x.ndim:
            step = along(AXIS[rng.integers(len(AXIS))], int(rng.integers(-x.ndim, x.ndim))), (i,)
        elif kind == 3 and x.ndim:
            step = FORM[rng.integers(len(FORM))], (i,)
        elif kind == 4 and x.ndim:
            step = gram, (i,)
        else:
            continue
        value = step[0](*(values[j] for j in step[1]))
        if value.size <= 300 and value.ndim <= 4:
            values.append(value)
            steps.append(step)
    return arrays, steps


def gram(x: Any) -> Any:
    return 0.4 * np.tanh(x) @ np.swapaxes(np.atleast_2d(x), -1, -2)


def broadcasts(x: Any, y: Any) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(x.shape[::-1], y.shape[::-1], strict=False))


def along(function: Callable[..., Any], axis: int) -> Callable[..., Any]:
    return lambda x: function(x, axis)


def loss(steps: list[Step]) -> Callable[..., Any]:
    """The sum of what no step takes up, so that nothing is left out."""
    def f(*arrays: Any) -> Any:
        values = list(arrays)
        for function, places in steps:
            values.append(function(*(values[j] for j in places)))
        used = {j for _, places in steps for j in places}
        ends = [np.tanh(v) for j, v in enumerate(values) if j not in used]
        return sum((np.sum(v * np.cos(np.arange(v.size)).reshape(v.shape)) for v in ends), tg.Tensor(0.0))

    return f


@pytest.mark.filterwarnings("ignore::tinygrad_gd.BroadcastWarning")
@pytest.mark.parametrize("seed", range(60))
def test_derivatives_of_a_random_graph(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrays, steps = graph(rng, 20 + seed % 41)
    f, directions = loss(steps), [rng.normal(size=x.shape) for x in arrays]

    def moved(h: float) -> list[Any]:
        return [tg.Tensor(x + h * d) for x, d in zip(arrays, directions, strict=True)]

    def slope(gradients: Any) -> float:
        return sum(np.sum(np.asarray(g) * d) for g, d in zip(gradients, directions, strict=True))

    leaves = [tg.Tensor(x, requires_grad=True) for x in arrays]
    f(*leaves).backward()
    watched = [tg.Tensor(x, requires_grad=True) for x in arrays]
    with tg.observe(tg.Observer()):  # takes the pass with all choices
        f(*watched).backward()
    assert all(np.array_equal(x.grad, y.grad) if x.grad is not None else y.grad is None
               for x, y in zip(leaves, watched, strict=True))
    first = tg.grad(f, (0, 1, 2))
    found = first(*arrays)
    for x, g in zip(leaves, found, strict=True):
        assert_close(g, np.zeros(x.shape) if x.grad is None else x.grad, 1e-13)
    assert_close(slope(found), (f(*moved(1e-6)) - f(*moved(-1e-6))) / 2e-6, 2e-6)
    second = tg.hvp(f, tuple(arrays), tuple(directions))
    assert_close(slope(second), (slope(first(*moved(1e-6))) - slope(first(*moved(-1e-6)))) / 2e-6, 1e-5)
