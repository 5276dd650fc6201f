"""What a student may come up with in a compiled step: as without compiling, or refused by one notice."""

from __future__ import annotations

import argparse
import collections
import copy
import datetime
import io
import itertools
import logging
import random
import re
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd import nn
from tinygrad_gd.ground.storage import changes

COUNT = 0


class Slots:
    __slots__ = ("k",)


class Base(nn.Module):
    def __init__(self) -> None:
        self.linear, self.calls = nn.Linear(3, 2), 0

    def forward(self, x: Any) -> Any:
        return self.linear(x) * self.scale()

    def scale(self) -> float:
        return 1.0


class Derived(Base):
    def forward(self, x: Any) -> Any:
        return super().forward(x) + 1


class Counting(Base):
    def forward(self, x: Any) -> Any:
        self.calls += 1
        return super().forward(x)


class World:
    """A network in training, and things that a step may use or change."""

    def __init__(self) -> None:
        tg.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        self.rng = np.random.default_rng(0)
        self.x, self.y = self.rng.normal(size=(8, 3)), tg.Tensor(self.rng.normal(size=(8, 2)))
        self.net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        self.derived, self.counting = Derived(), Counting()
        self.first = next(self.net.parameters())
        self.optimizer = tg.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
        self.count, self.history, self.table = 0, [0.0], {"n": 0, "k": 1.0}
        self.many, self.batches = [float(i) for i in range(300)], [self.x + i for i in range(200)]
        self.queue, self.file = collections.deque([1.0, 2.0]), io.StringIO()
        self.log = logging.Logger("surprise")
        self.log.addHandler(logging.StreamHandler(self.file))
        self.repeated = iter([1.0] * 5 + [2.0] * 9)
        self.numbers, self.index = np.array([1.0, 2.0]), np.array([0, 2, 4])
        self.mask = np.arange(8) % 2 == 0
        self.slots, self.name = Slots(), types.SimpleNamespace(k=1.0)
        self.slots.k = 1.0
        self.args = argparse.Namespace(k=1.0)
        self.scalar: Any = 2

    def loss(self, x: Any = None) -> Any:
        return nn.mse_loss(self.net(tg.Tensor(self.x) if x is None else x), self.y)

    def train(self, loss: Any) -> Any:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


Step = Callable[[World], Any]


def counts_in_a_global(w: World) -> Any:
    global COUNT
    COUNT += 1
    return w.loss()


def counts_in_an_attribute(w: World) -> Any:
    w.count += 1
    return w.loss()


def counts_in_a_dict(w: World) -> Any:
    w.table["n"] += 1
    return w.loss()


def decays_the_rate(w: World) -> Any:
    loss = w.train(w.loss())
    w.optimizer.param_groups[0]["lr"] *= 0.9
    return loss


def watches_itself(w: World) -> Any:
    with tg.detect_anomaly():
        return w.loss()


#: Steps that do something besides computing, and what the notice says.
EFFECTS: dict[str, tuple[Step, str]] = {
    "a global counter": (counts_in_a_global, "it changes COUNT in every call"),
    "a counter in an object": (counts_in_an_attribute, "it changes .*count in every call"),
    "a counter in an array": (lambda w: w.numbers.__iadd__(1) is w.x or w.loss(), "the array .*numbers"),
    "a counter in a dict": (counts_in_a_dict, "it changes .*table.n in every call"),
    "a counter in a module": (lambda w: w.counting(tg.Tensor(w.x)).sum(), "the attribute calls of a module"),
    "a list that grows": (lambda w: w.history.append(1.0) or w.loss(), "the contents of .*history"),
    "text of a Tensor": (lambda w: w.history.append(repr(w.loss())) or w.loss(), r"repr\(\) takes the values"),
    "a list that is emptied": (lambda w: w.loss() * w.many.pop(), "the contents of .*many|the same in every"),
    "a decaying learning rate": (decays_the_rate, "the option lr of an optimizer"),
    "an iterator": (lambda w: w.loss() * next(w.repeated), "the iterator .*repeated"),
    "random": (lambda w: w.loss() * (2 if random.random() < 0.3 else 1), r"random.random\(\) is called"),
    "randint": (lambda w: w.loss() * random.randint(1, 2), r"random.getrandbits\(\) is called"),
    "np.random": (lambda w: w.loss() * (2 if np.random.rand() < 0.3 else 1), "numbers from np.random"),
    "a generator": (lambda w: w.loss() * (2 if w.rng.random() < 0.3 else 1), "numbers from .*rng"),
    "the generator of tg": (
        lambda w: tg.dropout(w.loss(), 0.1) * (2 if tg.generator().random() < 0.3 else 1), r"tg.generator\(\)"),
    "time": (lambda w: w.loss() * (2 if time.time() < 0 else 1), r"time.time\(\) is called"),
    "the date": (lambda w: w.loss() * (1 + (datetime.date.today().year < 0)), r"today\(\) is called"),
    "print": (lambda w: print("loss", file=w.file) or w.loss(), r"print\(\) is called"),
    "a log": (lambda w: w.log.warning("loss") or w.loss(), "is called"),
    "writing to a file": (lambda w: w.file.write("x") * w.loss(), r"write\(\) of a file"),
    "anomaly mode inside": (watches_itself, "an observer .* watches a part"),
}

#: Steps, and what is done to what they see after some calls.
CHANGES: dict[str, tuple[Step, Callable[[World], Any]]] = {
    "NumPy has computed with data": (
        lambda w: w.loss(tg.Tensor((w.x - w.x.mean(0)) / w.x.std(0))), lambda w: w.x.__imul__(w.x)),
    "a slice of data": (
        lambda w: nn.mse_loss(w.net(tg.Tensor(w.x[2:6])), w.y[2:6]), lambda w: w.x.__imul__(w.x)),
    "chosen rows of data": (
        lambda w: (w.net(tg.Tensor(w.x[w.index])) ** 2).sum(), lambda w: w.index.__setitem__(0, 7)),
    "an index array": (lambda w: (w.y[w.index] ** 2).sum(), lambda w: w.index.__setitem__(0, 7)),
    "a mask": (lambda w: (w.y[w.mask] ** 2).mean(), lambda w: w.mask.__setitem__(1, True)),
    "an element of an array": (lambda w: w.loss() * w.numbers[0], lambda w: w.numbers.__setitem__(0, 5.0)),
    "a float of an array": (lambda w: w.loss() * float(w.numbers[0]), lambda w: w.numbers.__setitem__(0, 5.0)),
    "a branch on an array": (
        lambda w: w.loss() * (2.0 if w.numbers[0] > 0 else 3.0), lambda w: w.numbers.__setitem__(0, -5.0)),
    "the maximum of an array": (lambda w: w.loss() * w.numbers.max(), lambda w: w.numbers.__setitem__(0, 9.0)),
    "a long list": (lambda w: tg.Tensor(w.many).sum() + w.loss(), lambda w: w.many.__setitem__(7, -1.0)),
    "one of many batches": (
        lambda w: nn.mse_loss(w.net(w.batches[3] * tg.Tensor(1.0)), w.y),
        lambda w: w.batches.__setitem__(3, w.x)),
    "a deque": (lambda w: w.loss() * sum(w.queue), lambda w: w.queue.append(3.0)),
    "slots": (lambda w: w.loss() * w.slots.k, lambda w: setattr(w.slots, "k", 3.0)),
    "a namespace": (lambda w: w.loss() * w.name.k, lambda w: setattr(w.name, "k", 3.0)),
    "options of a command line": (lambda w: w.loss() * w.args.k, lambda w: setattr(w.args, "k", 3.0)),
    "getattr": (lambda w: w.loss() * getattr(w.name, "k" * 1), lambda w: setattr(w.name, "k", 3.0)),
    "vars": (lambda w: w.loss() * vars(w.name)["k"], lambda w: setattr(w.name, "k", 3.0)),
    "a deleted key": (
        lambda w: w.loss() * sum(w.table.values()), lambda w: (w.table.pop("k"), w.table.update(j=7.0))),
    "2 and 2.0": (lambda w: tg.Tensor([1, 2, 3]) * w.scalar, lambda w: setattr(w, "scalar", 2.0)),
    "0.0 and -0.0": (lambda w: tg.copysign(w.y, w.scalar * 0.0), lambda w: setattr(w, "scalar", -2)),
    "another method of a class": (
        lambda w: w.derived(tg.Tensor(w.x)), lambda w: setattr(Derived, "scale", lambda self: 9.0)),
    "a hook": (lambda w: w.train(w.loss()), lambda w: w.first.register_hook(lambda g: g * 0.1)),
    "a parameter that is added": (
        lambda w: w.train(w.loss() * (w.derived.linear.bias ** 2).sum()),
        lambda w: w.optimizer.param_groups[0]["params"].append(w.derived.linear.bias)),
    "gradients from outside": (lambda w: [w.loss().backward(), w.optimizer.step(), w.optimizer.zero_grad()][1]
                               or w.loss(), lambda w: w.loss(tg.Tensor(w.x * 2)).backward()),
    "a gradient that is only cleared": (lambda w: (w.optimizer.zero_grad(), (w.first ** 2).sum())[1],
                                        lambda w: w.loss().backward()),
}


def run_of(step: Step, change: Callable[[World], Any] | None, compiled: bool) -> tuple[Any, World, list[Any]]:
    world = World()
    run: Any = tg.compile(lambda: step(world)) if compiled else lambda: step(world)
    seen = []
    for i in range(14):
        if i == 7 and change is not None:
            change(world)
        seen.append(np.array(run()._data))
    seen += [p.numpy() for p in world.net.parameters()]
    seen += [p.grad is None for p in world.net.parameters()] if "zero_grad" in step.__code__.co_names else []
    state = world.count, world.counting.calls, world.table, world.history, world.file.getvalue(), world.many
    return run, world, [*seen, *map(repr, state)]


@pytest.mark.parametrize("name", EFFECTS)
def test_a_step_that_does_something_besides_is_refused(name: str) -> None:
    step, why = EFFECTS[name]
    expected = run_of(step, None, False)[2]
    with pytest.warns(tg.CaptureWarning, match=rf"test_surprises.py:\d+: .*({why})") as notices:
        found = run_of(step, None, True)[2]
    assert len(notices) == 1
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step, change = CHANGES[name]
    with monkeypatch.context() as patch:
        patch.setattr(Derived, "scale", Base.scale, raising=False)
        expected = run_of(step, change, False)[2]
    with monkeypatch.context() as patch:
        patch.setattr(Derived, "scale", Base.scale, raising=False)
        run, _, found = run_of(step, change, True)
    assert run.program is not None, "never compiled"
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
        assert getattr(a, "dtype", None) == getattr(b, "dtype", None)


# -- arguments -------------------------------------------------------------------------------------


def masks(*counts: int) -> list[tuple[Any, ...]]:
    return [(np.arange(6) < n,) for n in counts]


def waves(*shape: int, n: int = 8) -> list[tuple[Any, ...]]:
    return [(np.sin(np.arange(np.prod(shape)) * (k + 1)).reshape(shape),) for k in range(n)]


W = tg.Tensor(np.arange(6.0), requires_grad=True)
EYES = [(np.eye(3) * 2,)] * 4 + [(np.ones((3, 3)),)] * 2

#: Functions and the arguments of one call after the other; the third says why it is not compiled.
CALLS: dict[str, tuple[Any, ...]] = {
    "a mask that selects": (lambda m: W[m].mean(), masks(3, 3, 3, 3, 2, 5, 3, 2, 2, 0 + 1)),
    "a computed mask": (lambda a: W[W * 1.0 > a].mean(), [(float(k),) for k in (3, 3, 3, 3, 2, 4, 3)]),
    "a mask that sets": (lambda m: W.at[m].set(7.0), masks(3, 3, 3, 2, 5)),
    "pieces": (lambda v: np.piecewise(v, [v < 0, v >= 0], [lambda t: t * t, np.sqrt]), waves(6)),
    "repetitions": (lambda r: np.repeat(W[:3], r).mean(), [(np.array([1, k, 2]),) for k in (3, 3, 3, 2)],
                    "takes the values"),
    "places to delete": (lambda i: np.delete(W, i), [(np.array([k, 1]),) for k in (0, 0, 0, 3)],
                         "takes the values"),
    "places where": (lambda v: np.where(v > 0)[0] + 0 * W[0], waves(5), "takes the values"),
    "distinct values": (lambda v: np.unique(v).sum(), waves(5), "takes the values"),
    "positions to take": (lambda i: np.take(W, i, mode="wrap"), [(np.array([k, 1]),) for k in range(-9, 9)]),
    "positions to put": (lambda i: tg.put(W, i, [1.0, 2.0]), [(np.array([k, 1]),) for k in range(-6, 6)]),
    "sorted values": (lambda v: (np.median(v), np.sort(v), np.argsort(v)), waves(7)),
    "bins that fall": (lambda b: np.digitize(W, b), [(np.array([1.0, 3.0]),)] * 4 + [(np.array([3.0, 1.0]),)]),
    "knots": (lambda x: np.interp(W, np.cumsum(np.abs(x)), x), waves(5)),
    "spacing": (lambda x: np.gradient(W[:5], np.cumsum(np.abs(x) + 1)), waves(5)),
    "a rank": (lambda a: np.linalg.matrix_rank(a) + np.linalg.pinv(a), EYES),
    "least squares": (lambda a: np.linalg.lstsq(a, W[:3], rcond=None)[0], EYES),
    "a norm of zero": (tg.value_and_grad(lambda v: np.linalg.norm(v)), [(np.ones(2),)] * 4 + [(np.zeros(2),)]),
    "a product with zero": (tg.value_and_grad(np.prod), [(np.ones(3),)] * 4 + [(np.array([0.0, 2.0, 3.0]),)]),
    "ties": (tg.value_and_grad(np.max), [(np.array([3.0, 4.0]),)] * 4 + [(np.array([2.0, 2.0]),)]),
    "a slice": (lambda s: W[s] * 1, [(slice(0, 2),), (slice(1, 4),)] * 4),
    "a function": (lambda f: f(W), [(tg.tanh,), (np.exp,)] * 4),
    "a set": (lambda s: W * len(s), [({"a"},), ({"a", "b"},)] * 4, "takes set"),
    "-0.0": (lambda s: tg.copysign(W, s), [(s,) for s in (0.0, -0.0) * 4]),
    "not finite": (lambda s: W * s, [(s,) for s in (0.0, float("inf"), float("nan")) * 3]),
    "memory orders": (lambda x: (np.var(x), np.prod(x), x @ W[:3]), [(f(w),) for w, in waves(40, 3) for f in (
        np.asarray, np.asfortranarray, lambda a: a[::-1], lambda a: a[:, ::-1], lambda a: np.repeat(a, 2, 0)[::2])]),
    "a product of many": (lambda x: np.linalg.multi_dot([x, x.T, x]), waves(3, 2)),
    "no axes, no elements": (lambda x: (x * 2.0).sum() + x.size, [(np.ones(s),) for s in ((), 0, (2, 0)) * 3]),
    "an array as an array": (
        lambda x: W * (tg.Tensor(x * 2.0) if isinstance(x, np.ndarray) else x).sum(), waves(3)),
    "an array changed in place": (lambda x: W * x.__isub__(x.mean()).sum(), waves(3), "in-place subtract"),
    "a function without a rule": (lambda x: W[:4] * abs(np.fft.fft(x)), waves(4), "no derivative rule"),
    "bytes of an array": (lambda x: W * len(x.tobytes()), waves(4), "no attribute 'tobytes'"),
    "backward to an argument": (lambda t: (t * t).sum().backward() or t * 1, [
        (tg.Tensor([1.0 + k], requires_grad=True),) for k in range(6)]),
}


@pytest.mark.parametrize("name", CALLS)
def test_values_of_arguments_are_those_of_the_call(name: str) -> None:
    f, calls, why = (*CALLS[name], "")[:3]
    run = tg.compile(f)
    with warnings.catch_warnings(record=True) as notices:
        warnings.simplefilter("always")
        for args in calls:
            expected = f(*copy.deepcopy(args))
            found = run(*copy.deepcopy(args))
            for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (expected, found)), strict=True):
                np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    said = [str(n.message) for n in notices if issubclass(n.category, tg.CaptureWarning)]
    assert len(said) == bool(why) and all(re.search(why, text) for text in said), said
    assert bool(run.problem) == bool(why)


# -- gradients, results, errors -----------------------------------------------------------------------


def both(make: Callable[[Any], Iterator[Any]]) -> None:
    """What a generator yields with compiling equals what it yields without."""
    for a, b in zip(make(lambda f: f), make(lambda f: tg.compile(f, strict=True)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_micro_batches_with_an_update_in_the_last() -> None:
    def rows(compile: Any) -> Iterator[Any]:
        w = World()

        def micro(x: Any, y: Any, last: bool) -> Any:
            loss = nn.mse_loss(w.net(x), y)
            loss.backward()
            if last:
                w.optimizer.step()
                w.optimizer.zero_grad()
            return loss

        run = compile(micro)
        for i in range(40):
            yield run(w.x[i % 4 * 2:][:2], w.y.numpy()[i % 4 * 2:][:2], i % 4 == 3).numpy()
            yield from [np.array(p.numpy()) for p in w.net.parameters()]
            yield [p.grad is None for p in w.net.parameters()]

    both(rows)


def test_a_parameter_that_is_returned_is_the_parameter() -> None:
    w = World()
    run = tg.compile(lambda: (w.train(w.loss()), w.first), strict=True)
    for _ in range(5):
        assert run()[1] is w.first
    assert "return" in run.source and "0_weight" in run.source


def test_data_that_is_wrong_is_noticed_in_every_call() -> None:
    w = World()
    labels = tg.Tensor(np.arange(8) % 2)
    run = tg.compile(lambda: w.train(nn.cross_entropy(w.net(w.x * tg.Tensor(1.0)), labels)), strict=True)
    for _ in range(4):
        run()
    labels.data[0] = 9
    for _ in range(3):
        with pytest.raises(tg.IndexingError, match="label 9"):
            run()


def test_what_never_comes_to_rest_is_told_once() -> None:
    table = {"x": np.ones(2)}
    run = tg.compile(lambda: W[:2] * table["x"])
    with pytest.warns(tg.CaptureWarning, match=r"surprises.py:\d+: it depends on table.x, which is another one in every call") as notices:
        for i in range(20):
            table["x"] = np.full(2, i)
            assert run().tolist() == [0.0, i]
    assert len(notices) == 1


def test_a_hook_reads_its_variables_anew() -> None:
    def rows(compile: Any) -> Iterator[Any]:
        w, factor = World(), 0.1
        w.first.register_hook(lambda g: g * factor)
        run = compile(lambda: w.train(w.loss()))
        for i in range(10):
            factor = 0.1 if i < 5 else 2.0
            yield run().numpy()

    both(rows)


def test_an_iterator_that_lives_in_the_step_is_no_obstacle() -> None:
    w = World()
    run = tg.compile(lambda: next(iter(w.net.parameters())).sum() * next(itertools.count(2)), strict=True)
    for _ in range(4):
        assert run().item() == w.first.sum().item() * 2


V = tg.Tensor(np.ones(3), requires_grad=True)


@pytest.mark.parametrize("loss", [
    lambda x: V.sum(), lambda x: (V * 3).sum(), lambda x: (V * x).sum(), lambda x: V[0].copy(),
    lambda x: (V.reshape(3, 1) * tg.reshape(x, (3, 1))).sum(), lambda x: (V + V.copy()).sum()])
def test_a_gradient_is_an_array_of_its_own(loss: Any) -> None:
    """Also one that is a constant, or data: writing into it leaves the data and the program alone."""
    x = tg.Tensor([1.0, 2.0, 3.0])
    run = tg.compile(lambda: loss(x).backward(), strict=True)
    V.zero_grad()
    loss(x).backward()
    expected = V.grad.numpy().copy()
    for _ in range(5):
        V.zero_grad()
        run()
        np.testing.assert_array_equal(V.grad, expected)
        V.grad.data[...] = 77.0
    assert x.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("data", [2.0, [1.0, 2.0], [1, 2], [True]])
def test_a_constant_is_returned_as_a_tensor_of_its_own(data: Any) -> None:
    run = tg.compile(lambda: (tg.Tensor(data), tg.Tensor(data) * 2), strict=True)
    for _ in range(5):
        for found, expected in zip(run(), (tg.Tensor(data), tg.Tensor(data) * 2), strict=True):
            assert type(found) is tg.Tensor and found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)
            found.data[...] = 0


def test_gradients_have_the_memory_order_that_they_have_without_compiling() -> None:
    """A norm adds their elements in that order."""
    def rows(compile: Any) -> Iterator[Any]:
        rng = np.random.default_rng(0)
        w, x = tg.Tensor(rng.normal(size=(33, 17)), requires_grad=True), tg.Tensor(rng.normal(size=(64, 17)))
        optimizer = tg.optim.SGD([w], lr=0.01)

        def step() -> Any:
            optimizer.zero_grad()
            (np.tanh(x @ w.T) ** 2).mean().backward()
            norm = np.sqrt((w.grad * w.grad).sum())
            w.grad = w.grad / norm
            optimizer.step()
            return norm

        run = compile(step)
        for _ in range(20):
            yield run().numpy()

    both(rows)


def test_what_numpy_refuses_in_a_replay_names_the_operation_and_the_line() -> None:
    run = tg.compile(lambda w, places: w[places] * 2, strict=True)
    for _ in range(4):
        run(W, np.array([0, 1]))
    with pytest.raises(tg.IndexingError, match=r"getitem: index 9 is out of bounds.*'w'.*test_surprises\.py:\d+"):
        run(W, np.array([0, 9]))
    assert run(W, np.array([1, 0])).tolist() == (W[[1, 0]] * 2).tolist()


def test_an_argument_that_is_updated_and_returned_is_the_argument() -> None:
    @tg.compile(strict=True)
    def lower(t: Any) -> Any:
        with tg.no_grad():
            t -= 1.0
        return t

    t = tg.Tensor([5.0, 6.0])
    for i in range(5):
        assert lower(t) is t and t.tolist() == [4.0 - i, 5.0 - i]


def test_text_is_not_written_of_what_a_graph_does_not_hold() -> None:
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(tg.CaptureError, match=r"custom rule or a checkpoint.*tg\.compile\(tg\.value_and_grad"):
        tg.source(tg.checkpoint(lambda v: np.sin(v) ** 2)(x).sum())


def test_hooks_and_requires_grad_are_seen_whenever_they_are_set() -> None:
    count = changes.count
    w, v = (tg.Tensor([k, 2.0], requires_grad=True) for k in (1.0, 3.0))
    assert changes.count == count  # making a tensor sets nothing anew

    def step() -> Any:
        loss = (w * v * v).sum()
        w.grad = v.grad = None
        loss.backward()
        return loss

    run = tg.compile(step, strict=True)
    handles: list[Any] = []
    settings = [lambda: None, lambda: handles.append(w.register_hook(lambda g: g * 0.5)),
                lambda: handles.append(w.register_hook(lambda g: g + 1.0)), lambda: handles[0].remove(),
                lambda: handles[1].remove(), lambda: v.requires_grad_(False), lambda: v.requires_grad_(True)]
    for change in settings:
        change()
        for _ in range(4):
            run()
            found = [np.array(t.grad) for t in (w, v)]
            step()
            for a, t in zip(found, (w, v), strict=True):
                np.testing.assert_array_equal(a, np.array(t.grad))
    assert run.program is not None


# -- gradients of arguments --------------------------------------------------------------------------


def backward_to(x: Any) -> Any:
    loss = (x * x).sum() + W.sum()
    loss.backward()
    return loss


def backward_anew(x: Any) -> Any:
    x.grad = None
    return backward_to(x)


def descend_along(x: Any) -> Any:
    loss = backward_to(x)
    with tg.no_grad():
        x -= 0.1 * x.grad
    return loss


def forget(x: Any) -> Any:
    x.grad = None
    return x * 2.0


@pytest.mark.parametrize("step", [backward_to, backward_anew, descend_along, forget])
@pytest.mark.parametrize("given", [False, True])
def test_gradients_of_arguments_are_left_in_the_arguments_of_the_call(step: Any, given: bool) -> None:
    run = tg.compile(step, strict=True)
    for k in range(6):
        pair = [tg.Tensor([1.0 + k, 2.0], requires_grad=True) for _ in range(2)]
        for x in pair:
            x.grad = tg.Tensor([0.5, k]) if given else None
        W.grad = None
        expected = step(pair[0])
        W.grad = None
        np.testing.assert_array_equal(run(pair[1]), expected)
        a, b = pair
        np.testing.assert_array_equal(a, b)
        if step is not descend_along or k < 2:  # once compiled, what an update has used is given up
            assert (a.grad is None) == (b.grad is None)
            np.testing.assert_array_equal(*(x.grad if x.grad is not None else 0 for x in pair))
    assert run.program is not None
    W.grad = None


def test_a_tensor_that_the_step_also_sees_as_a_variable() -> None:
    w, u = tg.Tensor([2.0], requires_grad=True), tg.Tensor([5.0], requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)
    run = tg.compile(lambda x: x * w, strict=True)
    values = [run(x).item() for x in (w, w, w, w, u, u, u, u, w, w)]
    assert values == [4.0] * 4 + [10.0] * 4 + [4.0] * 2

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = (x * w).sum()
        loss.backward()
        optimizer.step()
        return loss

    run = tg.compile(step, strict=True)
    for x in (u, u, u, u, w, w, w, w, u):
        u.grad, before = None, w.numpy().copy()
        expected = step(x).item()
        after = w.numpy().copy()
        with tg.no_grad():
            w.assign(before)
        u.grad = None
        assert run(x).item() == expected
        np.testing.assert_array_equal(w, after)


@pytest.mark.parametrize("flat", [
    lambda w: w[:, 1:3].reshape(-1), lambda w: w[::-1].reshape(-1), lambda w: w[::2].reshape(-1),
    lambda w: np.sin(w)[::-1].reshape(-1), lambda w: np.split(w, 2, axis=1)[1].reshape(-1),
    lambda w: w.T[1:].reshape(-1)[::-1], lambda w: np.lib.stride_tricks.sliding_window_view(w, 2, axis=0).reshape(-1),
], ids=range(7))
def test_a_slice_that_is_flattened_is_read_anew_in_every_call(flat: Callable[[Any], Any]) -> None:
    results = []
    for compiled in (False, True):
        w = tg.Tensor(np.arange(12.0).reshape(3, 4) / 10, requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1)

        def step(w: Any = w, optimizer: Any = optimizer) -> Any:
            y = flat(w)
            loss = (np.tanh(y) * np.arange(y.size)).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run = tg.compile(step, strict=True) if compiled else step
        results.append([*(run().item() for _ in range(8)), w.numpy().tolist()])
    assert results[0] == results[1]


def test_weights_that_sum_to_0_are_refused_in_a_replay_too() -> None:
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    run = tg.compile(lambda weights: np.average(x, weights=weights), strict=True)
    for last in (1.0, 2.0, 3.0):
        run(tg.Tensor([1.0, last]))
    with pytest.raises(ZeroDivisionError, match="average: weights="):
        run(tg.Tensor([1.0, -1.0]))


@pytest.mark.parametrize("replaced", [False, True])
def test_a_lent_number_sees_what_compiled_steps_make_of_it(replaced: bool) -> None:
    w = tg.Tensor(2.0, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    @tg.compile(strict=True)
    def step() -> Any:
        loss = w * w
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(4):
        step()
    if replaced:
        w.data = 3.0
        step()
    lent = w.data
    for _ in range(4):
        step()
        assert lent.item() == w.item()
    lent[()] = 5.0
    assert step().item() == 25.0 and w.item() == lent.item() == 4.0
    w.data = 2.0
    assert [step().item() for _ in range(4)] == pytest.approx([4.0, 2.56, 1.6384, 1.048576])
    assert lent.item() == 4.0


def test_threads_that_call_a_new_step_at_once_wait_for_each_other() -> None:
    eager, other = World(), World()
    compiled, failed = tg.compile(lambda: other.train(other.loss()), strict=True), []

    def train() -> None:
        try:
            for _ in range(10):
                compiled()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=train) for _ in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    for _ in range(80):
        eager.train(eager.loss())
    assert not failed
    for p, q in zip(eager.net.parameters(), other.net.parameters(), strict=True):
        np.testing.assert_array_equal(p, q)


def test_a_step_that_calls_itself_and_cannot_be_captured_runs() -> None:
    x = np.ones(3)

    @tg.compile
    def product(a: Any, n: int) -> Any:
        return np.trunc(a, where=np.array([True] * 3), out=a.copy()) if n == 0 else product(a, n - 1) * 2.0

    with pytest.warns(tg.CaptureWarning):
        for _ in range(4):
            np.testing.assert_array_equal(product(x, 2), 4 * x)
