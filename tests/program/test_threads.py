"""Compiled steps beside other threads, which look at what they leave, derive by it, or share parameters.

And in other processes, and called while they run.
"""

from __future__ import annotations

import copy
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.texts import bits
from tests.values import values
from tinygrad_gd.program.lockstep import standins
from tinygrad_gd.program.lockstep.trail import Event

CALLS = 40
WEIGHT = tg.Tensor([1.0, -2.0], requires_grad=True)


@tg.compile
def decorated(x: Any) -> Any:
    return (WEIGHT * x).sum().item()


@tg.compile(frozen=True)
def frozen_too(x: Any) -> Any:
    return (WEIGHT * x).detach()


class Model(tg.nn.Module):
    @tg.compile
    def loss(self, x: Any) -> Any:
        return (WEIGHT * x).sum().item()


@pytest.fixture(autouse=True)
def threads_switch_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def beside(task: Callable[[], Any], work: Callable[[], Any]) -> Any:
    """What ``work`` returns, while another thread does its task over and over, without an error."""
    done = threading.Event()

    def often() -> None:
        while not done.is_set():
            task()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(often)
        try:
            return work()
        finally:
            done.set()
            other.result(30)


class Training:
    """A step, and the gradients that there are after its calls."""

    def __init__(self, wrap: Callable[[Any], Any]) -> None:
        self.w = tg.Tensor(np.linspace(-1.0, 1.0, 9).reshape(3, 3), requires_grad=True)
        self.opt = tg.optim.Adam([self.w], lr=0.05)
        self.step = wrap(self.train)
        self.gradients: set[Any] = set()

    def train(self, x: Any) -> tg.Tensor:
        self.opt.zero_grad()
        loss = (np.tanh(x @ self.w) ** 2).mean()
        loss.backward()
        self.opt.step()
        return loss.detach()

    def run(self) -> list[Any]:
        found = []
        for n in range(CALLS):
            found.append(bits(values(self.step(np.random.default_rng(n).normal(size=(5, 3))))))
            self.gradients.add(bits(values(self.w.grad)) if self.w.grad is not None else None)
        return [*found, bits(values(self.w))]


@pytest.mark.filterwarnings("ignore:.*a gradient is kept outside of it")
@pytest.mark.parametrize("frozen", [False, True])
def test_a_thread_that_looks_at_gradients_sees_those_of_a_call(frozen: bool) -> None:
    plain, seen = Training(lambda step: step), set()
    expected = plain.run()
    for _ in range(5):
        training = Training(lambda step: tg.compile(step, frozen=frozen))

        def look(w: tg.Tensor = training.w) -> None:
            if (g := w.grad) is not None:
                try:
                    seen.add(bits(values(g)))
                except tg.GradError as error:  # an audit, and its program has run in its place
                    assert frozen and "a frozen call was audited" in str(error)

        assert beside(look, training.run) == expected
    assert seen <= plain.gradients


def test_results_are_derived_in_other_threads() -> None:
    w, results = tg.Tensor([1.0, -2.0], requires_grad=True), queue.Queue()  # type: ignore[var-annotated]
    step = tg.compile(lambda x: np.tanh(x * w).sum())

    def derive() -> None:
        while (result := results.get()) is not None:
            result.backward()

    with ThreadPoolExecutor(6) as pool:
        others = [pool.submit(derive) for _ in range(6)]
        xs = [tg.Tensor([0.1 * n, 1.0], requires_grad=True) for n in range(3000)]
        try:
            for x in xs:
                results.put(step(x))
        finally:
            for _ in others:
                results.put(None)
        for other in others:
            other.result(30)
    for x in xs[::100]:
        found, x.grad = x.grad, None
        np.tanh(x * w).sum().backward()
        assert bits(values(found)) == bits(values(x.grad))


def test_an_older_result_does_not_take_away_the_one_in_use() -> None:
    """As when another thread derives by it meanwhile."""
    e = Event("op", None, (), {}, None)
    older, e.out = tg.Tensor(1.0), tg.Tensor(2.0)
    e.give_away(older)
    assert e.out is not None
    e.give_away(e.out)
    assert e.out is None


def test_a_step_that_waits_for_a_thread_goes_on_uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standins, "LONG", 0.01)
    w = tg.Tensor([1.0, -2.0], requires_grad=True)

    @tg.compile
    def step(x: Any) -> Any:
        y = (x * w).sum()
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(y.item).result(30)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert [step(np.array([n, 1.0])) for n in range(6)] == [n - 2.0 for n in range(6)]
    assert [str(w.message).split(": ")[-1] for w in told] == [
        "it waits for threads that look at what it computes"]


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("workers", [1, 4])
def test_threads_of_a_step_compute_with_its_results(
    monkeypatch: pytest.MonkeyPatch, frozen: bool, workers: int
) -> None:
    monkeypatch.setattr(standins, "LONG", 0.01)
    w = tg.Tensor([1.0, -2.0], requires_grad=True)

    def step(x: Any, derive: bool) -> Any:
        w.grad, z = None, x * w
        with ThreadPoolExecutor(workers) as pool:
            parts = list(pool.map(lambda n: (z * n).sum(), (1.0, 2.0, 4.0, 8.0)))
        loss = (z * z).sum() + parts[0] + parts[1] + parts[2] + parts[3]
        if derive:
            loss.backward()
        return loss

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tg.CaptureWarning)
        run = tg.compile(step, frozen=frozen)
        for n in range(6):
            assert run(tg.Tensor([n, 1.0]), n % 2 == 1).item() == n * n + 15.0 * n - 26.0
            assert w.grad is None if n % 2 == 0 else w.grad.tolist() == [2.0 * n * n + 15.0 * n, 11.0]


def test_an_audit_leaves_gradients_of_other_threads() -> None:
    w, ran = tg.Tensor([1.0, -2.0], requires_grad=True), []

    def derive() -> None:
        (w * 3.0).sum().backward()
        ran.append(3.0)

    @tg.compile(frozen=True)
    def loss() -> tg.Tensor:
        thread = threading.Thread(target=derive)
        thread.start()
        thread.join()
        return (w * w).sum()

    for _ in range(9):
        loss()
    assert 3 <= len(ran) < 9
    np.testing.assert_array_equal(w.grad, np.full(2, sum(ran)))


def test_a_call_that_takes_long_and_goes_on_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standins, "LONG", 0.1)
    w = tg.Tensor([1.0, -2.0], requires_grad=True)
    slow = [False]

    @tg.compile
    def step(x: Any) -> Any:
        w.grad = None
        (x * w).sum().backward()
        y = x
        for _ in range(8):
            time.sleep(0.04 * slow[0])
            y = y + 1.0
        return y

    for n in range(4):
        step(tg.Tensor([float(n), 1.0]))
    slow[0] = True
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(step, tg.Tensor([9.0, 1.0]))
        while type(w.grad) is not standins.StandIn:
            time.sleep(1e-3)
        assert w.grad.tolist() == [9.0, 1.0] and call.result(30).tolist() == [17.0, 9.0]
    assert not step.problem


@pytest.mark.parametrize("step", [decorated, frozen_too, Model.loss])
def test_a_decorated_function_is_pickled_by_its_name(step: Any) -> None:
    for _ in range(2):
        assert pickle.loads(pickle.dumps(step)) is copy.deepcopy(step) is step
        _ = step is Model.loss or [step(np.ones(2)) for _ in range(4)]


@pytest.mark.parametrize("frozen", [False, True])
def test_what_runs_in_the_middle_of_a_step_may_call_it(frozen: bool) -> None:
    """As finalizers and handlers of signals do."""
    inside, told, results = [True], [], []

    def run(x: Any) -> Any:
        if not inside[0]:
            inside[0] = True
            told.append(step(np.array([3.0, 5.0])).tolist())
            inside[0] = False
        return x + 1.0

    interrupted = tg.primitive(run, None, name="interrupted", atomic=True)
    step = tg.compile(lambda x: interrupted(x * WEIGHT).detach() * 2.0, frozen=frozen)

    def work() -> None:
        for n in range(9):
            inside[0] = n < 5
            results.append(step(np.array([n, 1.0])).tolist())

    thread = threading.Thread(target=work, daemon=True)  # which would wait for itself
    thread.start()
    thread.join(20)
    assert results == [[2.0 * n + 2.0, -2.0] for n in range(9)]
    assert told == [[8.0, -18.0]] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no processes")
@pytest.mark.parametrize("frozen", [False, True])
def test_a_step_that_a_thread_is_in_may_be_called_in_a_forked_process(frozen: bool) -> None:
    code = f"""
import os, signal, threading, numpy as np, tinygrad_gd as tg
begun, go_on, x = threading.Event(), threading.Event(), np.ones(2)
w = tg.Tensor([1.0, -2.0], requires_grad=True)
def wait(*_):
    begun.set()
    go_on.wait()
step = tg.compile(lambda x: np.log(x * w).detach(), frozen={frozen})
def work():
    for n in range(6):
        with np.errstate(divide="call", call=wait if n == 5 else lambda *_: None):
            step(np.array([float(n != 5), -1.0]))
thread = threading.Thread(target=work)
thread.start()
begun.wait()
if not (child := os.fork()):
    signal.alarm(20)
    os._exit([step(np.array([1.0, -n])).tolist() == [0.0, np.log(2.0 * n)] for n in (1.0,) * 6].count(False))
ended = os.waitpid(child, 0)[1]
go_on.set()
assert ended == 0, "the child failed, or hung until it was stopped"
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert not done.returncode, done.stderr
