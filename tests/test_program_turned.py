"""Weights that a program keeps transposed in memory, which nobody may notice."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd import nn, optim
from tinygrad_gd.program import turned


class RMSprop(optim.Optimizer):
    """One that divides by a root of what it has kept."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": 0.01})

    def update(self, p: tg.Tensor, g: tg.Tensor, options: Any) -> None:
        state = self.state.setdefault(p, {})
        if not state:
            state["squares"] = tg.Tensor(np.zeros_like(p))
        squares = state["squares"]
        squares *= 0.9
        squares += 0.1 * g**2
        p -= options["lr"] * g / (tg.sqrt(squares) + 1e-6)


OPTIMIZERS: list[Any] = [
    lambda p: optim.SGD(p, lr=0.05),
    lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    lambda p: optim.SGD(p, lr=0.05, momentum=0.5, dampening=0.5),
    RMSprop,
]


equal = np.array_equal


def plain_sgd(parameters: Any) -> Any:
    return OPTIMIZERS[0](parameters)


def network(inputs: int = 300, hidden: int = 64) -> Any:
    tg.manual_seed(3)
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 5))


def batch(seed: int = 0, rows: int = 32, inputs: int = 300) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, inputs)).astype(np.float32), rng.integers(0, 5, rows)


def step_of(net: Any, make: Any = plain_sgd) -> Callable[..., Any]:
    optimizer = make(net.parameters())

    def step(x: Any, y: Any) -> Any:
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    step.optimizer = optimizer  # type: ignore[attr-defined]
    return step


def compiled(step: Any) -> Any:
    return tg.compile(step, strict=True)


def is_turned(tensor: Any) -> bool:
    return type(tensor) is turned.Turned


def same(one: Any, other: Any) -> bool:
    return all(equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))


@pytest.fixture(autouse=True)
def float32() -> Iterator[None]:
    before = tg.get_default_dtype()
    tg.set_default_dtype(np.float32)
    yield
    tg.set_default_dtype(before)


@pytest.fixture
def turning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the BLAS at hand gives other bits, weights are turned all the same, for these tests."""
    if not turned_here():
        monkeypatch.setattr(turned, "_same_bits", lambda *args: True)
        monkeypatch.setitem(globals(), "equal", partial(np.allclose, rtol=1e-3, atol=1e-4))


def turned_here() -> bool:
    net = network()
    step = compiled(step_of(net))
    for k in range(4):
        step(*batch(k))
    return is_turned(net[0].weight)


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_weights_are_turned_and_training_gives_the_same_bits(make: Any, turning: None) -> None:
    eager, net = network(), network()
    by_hand, step = step_of(eager, make), compiled(step_of(net, make))
    for k in range(50):
        assert equal(by_hand(*batch(k)), step(*batch(k)))
    replay = step._last.replay
    assert is_turned(net[0].weight) and not is_turned(net[2].weight)
    assert replay._turning and all(replay.space[n].flags.f_contiguous for n in replay._turning)
    assert same(eager, net)
    state = zip(by_hand.optimizer.state.values(), step.function.optimizer.state.values(), strict=True)
    assert all(equal(v, two[k]) for one, two in state for k, v in one.items())


def test_who_reads_a_weight_finds_what_was_there_before_compiling(turning: None) -> None:
    net = network()
    step, weight = compiled(step_of(net)), net[0].weight
    shown, made_as = repr(weight).split("(")[0], weight._made_as
    for reads in (lambda p: p.data.flags.c_contiguous, lambda p: p.numpy().flags.c_contiguous,
                  lambda p: np.asarray(p).flags.c_contiguous, lambda p: p.shape == (64, 300),
                  lambda p: len(pickle.dumps(p)) < 80_000, lambda p: isinstance(p, nn.Parameter),
                  lambda p: p.__class__ is tg.Tensor, lambda p: p._made_as is made_as,
                  lambda p: repr(p).startswith(f"{shown}("), lambda p: p in set(net.parameters()),
                  lambda p: copy.deepcopy(p)._made_as is made_as, lambda p: p.is_leaf):
        for k in range(20):
            step(*batch(k))
        assert is_turned(weight)
        assert reads(weight)
    assert weight.numpy().flags.c_contiguous and type(weight) is tg.Tensor


def test_writing_between_steps_is_seen_however_it_is_done(turning: None) -> None:
    def halve(p: Any) -> None:
        p.data.reshape(-1)[:100] *= 0.5

    def replace(p: Any) -> None:
        p.data = p.numpy() + 0.25

    def update(p: Any) -> None:
        with tg.no_grad():
            p -= 0.1 * p

    def load(p: Any) -> None:
        state = {"weight": np.full(p.shape, 0.01, np.float32), "bias": np.zeros(64, np.float32)}
        layer = nn.Linear(300, 64)
        layer.weight = p
        layer.load_state_dict(state)

    eager, net = network(), network()
    by_hand, step = step_of(eager), compiled(step_of(net))
    changes = [halve, replace, update, load]
    for k in range(90):
        if k % 22 == 21:
            assert is_turned(net[0].weight)
            for one in (eager, net):
                changes[k // 22](one[0].weight)
        assert equal(by_hand(*batch(k)), step(*batch(k)))
    assert same(eager, net)


def test_a_weight_read_in_every_step_is_turned_now_and_then_only(turning: None) -> None:
    eager, net = network(), network()
    by_hand, step = step_of(eager), compiled(step_of(net))
    found = []
    for k in range(60):
        by_hand(*batch(k)), step(*batch(k))
        found.append(is_turned(net[0].weight))
        assert same(eager, net)
    assert 2 <= sum(found) <= 5


def test_an_array_that_was_lent_keeps_a_weight_as_it_is(turning: None) -> None:
    net = network()
    step, lent = compiled(step_of(net)), net[0].weight.data
    for k in range(8):
        step(*batch(k))
    assert not is_turned(net[0].weight)
    assert equal(lent, net[0].weight) and np.shares_memory(lent, net[0].weight.numpy())
    del lent
    net[0].weight.data = net[0].weight.numpy() + 0.0
    for k in range(8):
        step(*batch(k))
    assert is_turned(net[0].weight)


@pytest.mark.parametrize("why", ["few rows", "many rows", "float64", "small", "returned", "normed"])
def test_weights_that_gain_nothing_or_are_used_otherwise_stay(why: str, turning: None) -> None:
    if why == "float64":
        tg.set_default_dtype(np.float64)
    net = network(20 if why == "small" else 300)
    optimizer = plain_sgd(net.parameters())

    def step(x: Any, y: Any) -> Any:
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        if why == "normed":
            loss = loss + (net[0].weight.grad ** 2).sum()
        optimizer.step()
        return (loss, net[0].weight * 1.0) if why == "returned" else loss

    once = compiled(step)
    x, y = batch(0, {"few rows": 8, "many rows": 300}.get(why, 32), 20 if why == "small" else 300)
    for _ in range(8):
        once(x.astype(np.float64) if why == "float64" else x, y)
    assert not is_turned(net[0].weight)
    assert not once._last.replay._families  # type: ignore[union-attr]


def test_two_programs_that_share_a_weight_agree(turning: None) -> None:
    eager, net = network(), network()
    makes = OPTIMIZERS[:2]
    by_hand = [step_of(eager, make) for make in makes]
    steps = [compiled(step_of(net, make)) for make in makes]
    for k in range(60):
        which = k // 3 % 2
        assert equal(by_hand[which](*batch(k)), steps[which](*batch(k)))
    assert same(eager, net)


def test_a_program_given_up_leaves_its_weights_behind(turning: None) -> None:
    net = network()
    step = compiled(step_of(net))
    for k in range(6):
        step(*batch(k))
    before = turned.held(net[0].weight).copy()
    assert is_turned(net[0].weight)
    del step
    assert equal(net[0].weight.numpy(), before) and not is_turned(net[0].weight)


def test_a_thread_that_reads_while_another_trains_loses_no_update(turning: None) -> None:
    eager, net = network(), network()
    by_hand, step = step_of(eager), compiled(step_of(net))
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            net[0].weight.numpy()

    thread = threading.Thread(target=watch)
    for k in range(6):
        by_hand(*batch(k)), step(*batch(k))
    thread.start()
    try:
        for k in range(150):
            by_hand(*batch(k)), step(*batch(k))
    finally:
        over.set()
        thread.join()
    assert same(eager, net)


def test_a_read_in_the_middle_of_a_step_loses_no_update(turning: None) -> None:
    class Reads(dict[str, Any]):
        times = 0

        def __getitem__(self, key: str) -> Any:
            if sys._getframe(1).f_code.co_name == "replay" and is_turned(net[0].weight):
                net[0].weight.numpy()
                self.times += 1
            return super().__getitem__(key)

    eager, net = network(), network()
    by_hand, step = step_of(eager), step_of(net)
    groups = step.optimizer.param_groups  # type: ignore[attr-defined]
    options = groups[0] = Reads(groups[0])
    once = compiled(step)
    for k in range(60):
        by_hand(*batch(k)), once(*batch(k))
        assert same(eager, net)
    assert options.times >= 3


def test_a_step_in_the_middle_of_a_read_loses_no_update(
    turning: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    eager, net = network(), network()
    by_hand, step = step_of(eager), compiled(step_of(net))
    steps = iter(range(1, 4))

    def copied(array: Any) -> Any:
        made = np.array(array)
        for k in steps:  # another thread goes on training
            by_hand(*batch(k)), step(*batch(k))
        return made

    for _ in range(6):
        by_hand(*batch()), step(*batch())
    assert is_turned(net[0].weight)
    monkeypatch.setattr(turned, "in_c_order", copied)
    net[0].weight.numpy()
    assert next(steps, None) is None and same(eager, net)


def test_a_weight_that_is_no_parameter_says_what_it_is_all_the_time(turning: None) -> None:
    weight = tg.Tensor(np.ones((300, 100), np.float32), requires_grad=True)
    bias = tg.Tensor(np.zeros(300, np.float32), requires_grad=True)
    optimizer = plain_sgd([weight, bias])

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = (nn.functional.linear(x, weight, bias) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    once = compiled(step)
    for k in range(6):
        once(batch(k, inputs=100)[0])
    assert is_turned(weight) and not isinstance(weight, nn.Parameter) and is_turned(weight)
    assert type(copy.copy(weight)) is tg.Tensor
    layer = nn.Linear(100, 300)
    with pytest.raises(tg.TinygradGdError, match="Parameter"):
        layer.weight = weight


def test_turned_weights_that_are_updated_in_blocks(turning: None) -> None:
    eager, net = network(1200, 512), network(1200, 512)
    by_hand, step = step_of(eager), compiled(step_of(net))
    for k in range(8):
        assert equal(by_hand(*batch(k, inputs=1200)), step(*batch(k, inputs=1200)))
    assert is_turned(net[0].weight) and "descend" in step.replay_source
    tracemalloc.start()
    step(*batch(9, inputs=1200))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 19  # a block, and no array like the weight, which has 2.4 MB
