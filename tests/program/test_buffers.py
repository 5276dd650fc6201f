"""Running statistics: compiled, they are written with what comes after them, and nobody can tell."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.values import values

CALLS = 8


class World:
    def __init__(self, momentum: float | None = 0.1) -> None:
        tg.manual_seed(0)
        self.norm, self.last = tg.nn.BatchNorm1d(4, momentum=momentum), tg.nn.BatchNorm1d(3)
        self.net = tg.nn.Sequential(tg.nn.Linear(5, 4), self.norm, tg.nn.ReLU(), tg.nn.Linear(4, 3), self.last)
        self.opt = tg.optim.SGD(self.net.parameters(), lr=0.05)
        self.rng = np.random.default_rng(0)
        self.call = 0
        self.seen: list[Any] = []
        self.labels = np.array([0, 1, 2, 0, 1, 2])

    def loss(self, x: Any) -> Any:
        return tg.nn.cross_entropy(self.net(x), self.labels)

    def train(self, loss: Any) -> Any:
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss

    def see(self) -> None:
        self.seen.append(self.norm.running_mean.tolist())


def trained(s: World, x: Any) -> Any:
    return s.train(s.loss(x))


def only_forward(s: World, x: Any) -> Any:
    with tg.no_grad():
        s.net(x)


def looked_at(s: World, x: Any) -> Any:
    s.see()
    y = s.net(x)
    s.see()
    s.seen.append(repr(s.last.running_var))
    return s.train(y.mean())


def looked_at_sometimes(s: World, x: Any) -> Any:
    loss = s.loss(x)
    if s.call in (3, 4, 6):
        s.see()
    return s.train(loss)


def computed_with(s: World, x: Any) -> Any:
    y = s.net(x)
    return y.mean() + (s.norm.running_mean * s.norm.num_batches_tracked).sum()


def written_to(s: World, x: Any) -> Any:
    loss = s.loss(x)
    s.norm.running_mean.assign(s.norm.running_mean * 0.5)
    s.last.running_var += 1.0
    s.norm.running_mean.data[0] = 7.0
    return s.train(loss + s.loss(x))


def replaced(s: World, x: Any) -> Any:
    loss = s.loss(x)
    s.norm.running_mean.data = np.arange(4.0)
    return s.train(loss)


def twice(s: World, x: Any) -> Any:
    return s.train(s.loss(x) + s.loss(x * 2.0))


def in_turns(s: World, x: Any) -> Any:
    s.net.train(s.call % 2 == 0)
    return s.train(s.loss(x))


def copied(s: World, x: Any) -> Any:
    loss = s.loss(x)
    others = copy.deepcopy(s.net), pickle.loads(pickle.dumps(s.net))
    for net in others:
        s.seen += [type(b) is tg.Tensor and values(b).tolist() for b in net.buffers()]
    s.seen += [np.array(t).tolist() for t in s.net.state_dict().values()]
    return s.train(loss)


def with_a_wrong_label(s: World, x: Any) -> Any:
    s.labels = np.array([0, 1, 2, 0, 1, 5 if s.call in (3, 5) else 2])
    try:
        return s.train(s.loss(x))
    except tg.IndexingError:
        s.see()
        return s.net(x) * 2.0


def with_an_exception(s: World, x: Any) -> Any:
    loss = s.loss(x)
    if s.call in (3, 5):
        raise KeyError
    return s.train(loss)


def on_another_branch(s: World, x: Any) -> Any:
    loss = s.loss(x)
    if s.call > 3:
        loss = loss * 0.5
    loss = s.train(loss)
    return loss * (3.0 if s.call > 5 else 2.0)


def after_a_look(s: World, x: Any) -> Any:
    h = s.net[1](s.net[0](x))
    s.seen.append(h.tolist())
    y = s.net[4](s.net[3](h))
    return s.train(y.sum() * (1.0 if s.call < 4 else np.exp(y.mean() * 0.1)))


def with_instances(s: World, x: Any) -> Any:
    if not s.seen:
        s.seen.append(tg.nn.InstanceNorm1d(5, track_running_stats=True))
    y = s.seen[0](x.reshape(2, 5, 3))
    return y.sum() + s.train(s.loss(x))


STEPS: list[Callable[..., Any]] = [
    trained, only_forward, looked_at, looked_at_sometimes, computed_with, written_to, replaced, twice, in_turns, copied,
    with_a_wrong_label, with_an_exception, on_another_branch, after_a_look, with_instances]


def run(step: Any, compiled: bool, momentum: float | None, keep: bool = False) -> tuple[list[Any], Any]:
    s, found, kept = World(momentum), [], []

    def f(x: Any) -> Any:
        return step(s, x)

    called = tg.compile(f, strict=True) if compiled else f
    for s.call in range(CALLS):
        try:
            result = called(tg.Tensor(s.rng.normal(size=(6, 5))))
        except KeyError:
            result = None
        kept += [result] if keep else []
        assert all(type(b) is tg.Tensor for b in s.net.buffers())
        tensors = [*s.net.parameters(), *s.net.buffers(), *([] if result is None else [result])]
        found.append([values(t).tolist() for t in tensors])
        found.append([[values(b).tolist() for b in t.buffers()] if isinstance(t, tg.nn.Module) else t for t in s.seen])
    return found, called


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("momentum", "keep"), [(0.1, False), (None, True)])
def test_statistics_are_those_of_the_plain_step(step: Any, momentum: Any, keep: bool) -> None:
    mine, called = run(step, True, momentum, keep)
    assert mine == run(step, False, momentum, keep)[0]
    assert called._lockstep.hits >= 3, "it must be the program that is tested"


def test_statistics_are_written_by_the_program_of_the_step() -> None:
    _, called = run(trained, True, 0.1)
    assert len(called._segments()) == 1, "a write has cut it into parts"
