"""The backward pass: what it adds up and where, and the values that it refuses to read."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tinygrad_gd.engine.cotangents import cotangents_of
from tinygrad_gd.ground.live import Live


def leaf(value: Any = 3.0, **options: Any) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, **options)


@pytest.mark.parametrize("differentiate", [
    lambda y, x: y.backward() or x.grad.numpy(),
    lambda y, x: cotangents_of([y], [np.float64(1.0)])[x],
], ids=["backward", "with all choices"])
def test_rules_on_arrays_read_the_number_of_a_live_one(differentiate: Any) -> None:
    x, seen = leaf(), []
    spy = tg.primitive(lambda x, y, /: x * y, lambda g, out, x, y: seen.append(y) or g * y, None,
                       name="spy")
    found = differentiate(spy(x, Live(0.5, "rate", {})), x)
    assert type(seen[0]) is float and found == 0.5


def test_backward_accumulates_and_keeps_only_leaf_gradients() -> None:
    a = leaf(2.0)
    square = a * a
    d = square * square
    d.backward()
    d.backward()
    assert a.grad is not None and a.grad.item() == 64  # 2 * 4 a^3
    with pytest.warns(tg.GradWarning, match="made by multiply"):
        assert square.grad is None


def test_retain_grad_and_hooks() -> None:
    a = leaf(2.0)
    b = a * 3
    b.retain_grad()
    seen: list[float] = []
    handle = a.register_hook(lambda g: seen.append(g.item()))
    a.register_hook(lambda g: g * 10)
    (b * 5).backward()
    assert b.grad is not None and b.grad.item() == 5
    assert a.grad is not None and a.grad.item() == 150 and seen == [15.0]
    handle.remove()
    (b * 5).backward()
    assert seen == [15.0]


@pytest.mark.parametrize("build", [
    lambda a, b: (a + b).sum(), lambda a, b: (a.reshape(3) + b).sum(), lambda a, b: a @ b,
    lambda a, b: tg.concatenate([a, b]).sum(),
])
def test_leaf_gradients_never_share_memory(build: Any) -> None:
    a, b = leaf([1.0, 2, 3]), leaf([4.0, 5, 6])
    build(a, b).backward()
    assert a.grad is not None and b.grad is not None
    for x, y in [(a.grad, b.grad), (a.grad, a), (a.grad, b), (b.grad, a), (b.grad, b)]:
        assert not np.shares_memory(x._value, y._value)


def test_the_given_gradient_is_not_handed_on() -> None:
    a = leaf([1.0, 2.0])
    given = tg.Tensor([1.0, 1.0])
    (a + 0).backward(given)
    a.backward(given)
    assert a.grad is not None and not np.shares_memory(a.grad._value, given._value)


OVERWRITES = {
    "in place": lambda w: w.__isub__(1.0),
    "assign": lambda w: w.assign([7.0, 7.0]),
    "data": lambda w: setattr(w, "data", [7.0, 7.0]),
    "data -=": lambda w: setattr(w, "data", w.data.__isub__(1.0)),
    "data[...]": lambda w: w.data.__setitem__(..., 7.0),
    "element": lambda w: w.data.__setitem__(0, 7.0),
    "view": lambda w: w.data[:1].__setitem__(0, 7.0),
    "fill": lambda w: w.data.fill(7.0),
    "out=": lambda w: np.add(w.data, 1, out=w.data),
    "copyto": lambda w: np.copyto(w.data, 7.0),
    "item": lambda w: w.__setitem__(0, 7.0),
    "add.at": lambda w: np.add.at(w.data, [0], 1.0),
}


@pytest.mark.parametrize("how", OVERWRITES)
def test_overwritten_values_are_noticed(how: str) -> None:
    w = leaf([1.0, 2.0], name="w")
    loss = (w * w).sum()
    with tg.no_grad():
        OVERWRITES[how](w)
    assert w.numpy()[0] != 1.0, "the write must have happened"
    with pytest.raises(tg.GradError, match=r"'w'.*was overwritten after multiply used it"):
        loss.backward()


def test_values_no_rule_reads_may_change() -> None:
    w, c = leaf(1.0), tg.Tensor(2.0)
    loss = (w + c) * 1.0
    c.assign(5.0)
    loss.backward()
    assert w.grad is not None and w.grad.item() == 1
    loss = w * c
    c.assign(6.0)
    with pytest.raises(tg.GradError, match="overwritten"):
        loss.backward()


def test_second_derivatives() -> None:
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    first = x.grad
    assert first is not None and first.item() == 12
    x.zero_grad()
    first.backward()
    assert x.grad is not None and x.grad.item() == 12


def test_a_recorded_gradient_stays_recorded_when_another_is_added() -> None:
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    (x * 5).backward()
    first = x.grad
    x.zero_grad()
    assert first is not None and first.item() == 17
    (first * first + x).backward()
    assert x.grad is not None and x.grad.item() == 2 * 17 * 12 + 1


def test_the_first_gradients_of_the_line() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    y = 2 * x + 1
    w, b = tg.Tensor(0.0, requires_grad=True), tg.Tensor(0.0, requires_grad=True)
    loss = ((w * x + b - y) ** 2).mean()
    loss.backward()
    assert loss.item() == 57.0
    assert w.grad is not None and w.grad.item() == pytest.approx(-50.0, rel=1e-15)
    assert b.grad is not None and b.grad.item() == pytest.approx(-14.0, rel=1e-15)


def test_second_use_accumulates() -> None:
    a = tg.Tensor(2.0, requires_grad=True)
    d = (a * a) * (a * a)
    d.backward()
    assert a.grad is not None and a.grad.item() == 32.0
    d.backward()
    assert a.grad.item() == 64.0


def stepped_twice() -> None:
    p = w()
    loss = (p * p).sum()
    loss.backward()
    tg.optim.SGD([p], lr=0.1).step()
    loss.backward()


MISUSE: Table = {
    "non-scalar": (lambda: (w() * 2).backward(), RuntimeError, r"one element.*\.sum\(\)"),
    "no record": (lambda: tg.Tensor(1.0).backward(), RuntimeError, "records nothing.*requires_grad=True"),
    "gradient shape": (lambda: (w() * 2).backward([1.0]), ValueError, r"gradient has shape \(1,\).*\(3,\)"),
    "stale": (stepped_twice, RuntimeError, "'w'.*overwritten.*stale.*Compute the loss again"),
    "retain_graph": (lambda: w(1.0).backward(retain_graph=True), TypeError, "retain_graph=, leave it out: a graph lives"),
    "retain_grad": (lambda: tg.Tensor(1.0).retain_grad(), RuntimeError, "^retain_grad: .*no gradient"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Let threads take turns after nearly every instruction."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work: Callable[[], Any], count: int = 4) -> list[BaseException]:
    """What went wrong in threads that all do the same."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


@pytest.mark.parametrize("size", [1, 50_000])  # NumPy lets others go on while it adds many numbers
@pytest.mark.parametrize("way", ["plain", "create_graph", "retained", "observed"])
def test_no_gradient_is_lost_between_threads(way: str, size: int, many_switches: None) -> None:
    leaf = tg.Tensor(np.ones(size), requires_grad=True)
    w = leaf * 1.0 if way == "retained" else leaf
    if way == "retained":
        w.retain_grad()
    turn = threading.Barrier(4, timeout=60)

    def work() -> None:
        for _ in range(100):
            with tg.observe(tg.Observer()) if way == "observed" else nullcontext():
                loss = (w * 1.0).sum()
                turn.wait()
                loss.backward(create_graph=way == "create_graph")

    assert not in_threads(work)
    for t in {w, leaf}:
        assert t.grad is not None and (t.grad.numpy() == 400).all()


def test_no_hook_is_lost_between_threads(many_switches: None) -> None:
    leaf = tg.Tensor(1.0, requires_grad=True)
    heard: list[int] = []
    turn = threading.Barrier(4, timeout=60)

    def work() -> None:
        for _ in range(300):
            turn.wait()
            handle = leaf.register_hook(lambda g: None)
            leaf.register_hook(lambda g: heard.append(1))
            handle.remove()

    assert not in_threads(work)
    (leaf * 1.0).backward()
    assert len(heard) == 1200


@pytest.mark.parametrize("start", [3.0, [3.0, 4.0]])
def test_what_is_written_while_an_operation_computes_is_noticed(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by another thread: the operation has read the old values, and its rule would read the new."""
    leaf = tg.Tensor(start, requires_grad=True)
    run = tg.square.run

    def meanwhile(x: Any) -> Any:
        out = run(x)
        with tg.no_grad():
            leaf.assign(np.zeros_like(start))
        return out

    monkeypatch.setattr(tg.square, "run", meanwhile)
    loss = tg.square(leaf).sum()
    with pytest.raises(tg.GradError, match="was overwritten after square used it"):
        loss.backward()


def test_a_scalar_graph_in_which_names_are_bound_anew_has_the_value_and_the_slopes_of_micrograd() -> None:
    """The expression with which micrograd's engine is tested; the figures are PyTorch's, in float64."""
    a, b = leaf(-4.0), leaf(2.0)
    c, d = a + b, a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    f = (c - d) ** 2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    np.testing.assert_allclose([g.item(), a.grad.item(), b.grad.item()],
                               [24.70408163265306, 138.83381924198252, 645.5772594752186], rtol=1e-14)
