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
from tinygrad_gd.ground.pytree import flatten

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


class Uses:
    """A step of random uses of running statistics: trained with, computed with, looked at, written to."""

    def __init__(self, seed: int) -> None:
        tg.manual_seed(seed)
        rng = np.random.default_rng(seed)
        self.names = rng.choice([name for name in vars(Uses) if not name.startswith("_")], rng.integers(3, 10))
        self.norm = tg.nn.BatchNorm1d(3, momentum=[0.1, None][rng.integers(2)])
        self.linear = tg.nn.Linear(3, 3)
        self.tensors = [*self.norm.parameters(), *self.linear.parameters()]
        self.opt = tg.optim.SGD(self.tensors, lr=0.1)
        self.fails = False

    def __call__(self, x: Any, y: Any) -> Any:
        self.x, self.y, self.kept, self.total = x, y, [], (self.linear(x) ** 2).mean()
        for name in self.names:
            if (found := getattr(self, name)()) is not None:
                self.kept.append(found)
        return self.total.detach(), self.kept

    def train(self) -> None:
        self.total = self.total + (self.norm(self.linear(self.x)) * self.y).mean()
        self.x = self.x * 1.5

    def again(self) -> None:
        self.train()

    def evaluate(self) -> None:
        self.norm.eval()
        self.total = self.total + (self.norm(self.linear(self.y)) ** 2).mean()
        self.norm.train()

    def compute(self) -> Any:
        self.total = self.total + (self.norm.running_mean * self.norm.running_var).sum()
        return np.exp(self.norm.running_mean)

    def show(self) -> Any:
        return self.norm.running_mean[1:]

    def look(self) -> Any:
        return self.norm.running_var.sum().item() + len(self.norm.running_mean)

    def copy(self) -> Any:
        return [self.norm.running_mean.detach(), tg.Tensor(self.norm.running_mean), self.norm.running_var.numpy().copy()]

    def write(self) -> None:
        self.norm.running_mean.assign(self.linear(self.x).detach().mean(0))

    def add(self) -> None:
        self.norm.running_var += 0.25

    def update(self) -> None:
        self.opt.zero_grad()
        self.total.backward()
        self.opt.step()
        self.total = (self.linear(self.y) ** 2).mean()

    def fail(self) -> None:
        if self.fails:
            raise KeyError("fail")


@pytest.mark.filterwarnings("ignore::tinygrad_gd.CaptureWarning")
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("seed", range(60))
def test_random_uses_of_statistics_have_the_bits_of_the_plain_step(seed: int, frozen: bool) -> None:
    found: list[Any] = []
    for compiled in (True, False):
        s, rng, seen = Uses(seed), np.random.default_rng(seed), []
        step = tg.compile(s.__call__, frozen=frozen) if compiled else s
        for call in range(CALLS):
            s.fails = call % 4 == 3 and not frozen
            try:
                seen.append(step(rng.normal(size=(4, 3)), rng.normal(size=(4, 3))))
            except KeyError:
                seen.append("failed")
            seen.append([*s.tensors, *s.norm.buffers()])
            seen[-2:] = [[t if isinstance(t, str) else values(t).tolist() for t in flatten(part)] for part in seen[-2:]]
        found.append(seen)
    assert found[0] == found[1], list(s.names)
