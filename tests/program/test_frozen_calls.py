"""Frozen functions as their users meet them: methods, copies, threads, errors, derivatives, results."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen
from tests.program.worlds import World
from tinygrad_gd import nn


def leaf(*values: float) -> Any:
    return tg.Tensor(list(values), requires_grad=True)


class Counted:
    """A function that counts how often its Python runs."""

    def __init__(self, f: Callable[..., Any], **options: Any) -> None:
        self.ran = 0

        def counting(*args: Any) -> Any:
            self.ran += 1
            return f(*args)

        self.run = frozen(counting, **{"strict": True, **options})

    def __call__(self, *args: Any) -> Any:
        return self.run(*args)


# -- methods, copies, threads ------------------------------------------------------------------------


class Model(nn.Module):
    def __init__(self, k: float) -> None:
        self.weight, self.k, self.ran = nn.Parameter([1.0, k]), k, 0

    @tg.compile(frozen=True, strict=True)
    def forward(self, x: Any) -> Any:
        self.ran += 1
        return (x * self.weight).sum() * self.k

    @tg.compile(frozen=True, strict=True)
    def loss(self, x: Any) -> Any:
        return self(x) * 2.0


def test_each_object_has_programs_of_its_own() -> None:
    models, x = [Model(k) for k in (2.0, 3.0, 4.0)], np.ones(2)
    for n in range(7):
        for model in models:
            assert model(x * n).item() == n * (1 + model.k) * model.k
    assert [model.ran for model in models] == [3, 3, 3]


@pytest.mark.parametrize("call", [lambda model, x: model(x), lambda model, x: model.loss(x)])
def test_an_object_is_freed_when_nobody_holds_it(call: Any) -> None:
    model = Model(2.0)
    for _ in range(5):
        call(model, np.ones(2))
    assert model.ran == 3
    held = weakref.ref(model)
    del model
    gc.collect()
    assert held() is None


def test_an_object_with_the_place_of_a_freed_one_is_another() -> None:
    for k in range(1, 20):
        model = Model(float(k))
        for _ in range(3):
            assert model(np.ones(2)).item() == (1 + k) * k
        del model
        gc.collect()


def scaled(x: Any) -> Any:
    return x * 2.0


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_copies_begin_anew(copied: Any) -> None:
    run = frozen(scaled, strict=True)
    for _ in range(3):
        run(np.ones(2))
    other = copied(run)
    assert type(other) is type(run) and other.strict
    with pytest.raises(tg.CaptureError, match="nothing is recorded yet"):
        _ = other.program
    for n in range(4):
        assert other(np.full(2, n)).tolist() == [2.0 * n] * 2
    assert other.program is not run.program


def test_a_copied_model_trains_its_own_parameters() -> None:
    model = Model(2.0)
    for _ in range(3):
        model(np.ones(2))
    other = copy.deepcopy(model)
    with tg.no_grad():
        other.weight.assign([5.0, 5.0])
    for _ in range(6):
        assert other(np.ones(2)).item() == 20.0 and model(np.ones(2)).item() == 6.0


def test_threads_wait_for_each_other() -> None:
    eager, other = World(), World()
    compiled, failed = frozen(lambda: other.train(other.loss()), strict=True), []

    def train() -> None:
        try:
            for _ in range(10):
                compiled()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=train) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    for _ in range(40):
        eager.train(eager.loss())
    assert not failed and other.calls < 10
    for p, q in zip(eager.net.parameters(), other.net.parameters(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())


def test_a_function_that_calls_itself() -> None:
    ran = []

    @frozen(strict=True)
    def product(a: Any, n: int) -> Any:
        ran.append(n)
        return a * 1.0 if n == 0 else product(a, n - 1) * 2.0

    for k in range(8):
        assert product(np.ones(2) * k, 2).tolist() == [4.0 * k] * 2
        assert product(np.ones(2) * k, 0).tolist() == [k] * 2
    assert len(ran) < 8 * 4


def test_a_frozen_function_in_another() -> None:
    w = leaf(1.0, 2.0)
    inner = Counted(lambda x: (w * x).sum())
    outer = Counted(lambda x: inner(x) * 2.0)
    for k in range(8):
        assert outer(np.full(2, k)).item() == 6.0 * k
    assert outer.ran == 4 and inner.ran == 4
    for k in range(8):
        assert inner(np.full(2, k)).item() == 3.0 * k


def test_a_local_function_that_calls_itself_holds_nothing_outside() -> None:
    w = leaf(1.0, 2.0)

    def powers(x: Any) -> Any:
        def power(n: int) -> Any:
            return x * w if n == 0 else power(n - 1) * x

        return power(3)

    run = Counted(powers)
    for k in range(6):
        assert run(np.full(2, k)).tolist() == [float(k) ** 4, 2.0 * k**4]
    assert run.ran == 3


# -- errors ------------------------------------------------------------------------------------------


def test_an_error_of_the_function_is_the_callers() -> None:
    w, broken = leaf(2.0), [False]
    optimizer = tg.optim.SGD([w], lr=0.1)

    def step() -> Any:
        loss = (w * w).sum()
        optimizer.zero_grad()
        loss.backward()
        if broken[0]:
            raise ZeroDivisionError("mine")
        optimizer.step()
        return loss

    run = frozen(step, strict=True)
    for _ in range(2):
        run()
    broken[0], before = True, w.numpy().copy()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError, match="mine"):
            run.audit()
        np.testing.assert_array_equal(w.numpy(), before)
        np.testing.assert_array_equal(w.grad.numpy(), 2 * before)
    broken[0] = False
    for _ in range(5):
        expected = (w.numpy()[0] - 0.1 * (2 * w.numpy()[0]))
        run()
        assert w.item() == expected


def test_labels_out_of_range_are_named_and_nothing_is_updated() -> None:
    w = World()
    run = Counted(lambda x, y: w.train(nn.cross_entropy(w.net(x), y)))
    good, bad = np.arange(8) % 2, np.arange(8) % 3
    for _ in range(6):
        run(w.x, good)
    ran = run.ran
    before = [p.numpy().copy() for p in w.net.parameters()]
    for _ in range(3):
        with pytest.raises(tg.IndexingError, match=r"label 2 is out of range for 2 classes") as caught:
            run(w.x, bad)
        assert re.search(r"test_frozen_calls.py:\d+", str(caught.value)), "which line?"
        for p, q in zip(w.net.parameters(), before, strict=True):
            np.testing.assert_array_equal(p.numpy(), q)
    other = World()
    for _ in range(6):
        other.train(nn.cross_entropy(other.net(other.x), good))
    for _ in range(8):
        expected = other.train(nn.cross_entropy(other.net(other.x), good)).item()
        assert run(w.x, good).item() == expected
    assert run.ran < ran + 10


def test_data_that_is_wrong_is_noticed_in_every_call() -> None:
    w = World()
    labels = tg.Tensor(np.arange(8) % 2)
    run = Counted(lambda: w.train(nn.cross_entropy(w.net(w.x * tg.Tensor(1.0)), labels)))
    for _ in range(4):
        run()
    assert run.ran == 3
    labels.data[0] = 9
    for _ in range(3):
        with pytest.raises(tg.IndexingError, match="label 9"):
            run()


# -- derivatives -------------------------------------------------------------------------------------


def cubes(x: Any) -> Any:
    return (tg.sin(x) * x**3).sum()


def test_results_are_differentiable_to_any_order() -> None:
    run = Counted(cubes)
    for k in range(8):
        a, b = (leaf(1.0, 2.0 + k) for _ in range(2))
        for f, x in ((run, a), (cubes, b)):
            f(x).backward(create_graph=True)
            g, x.grad = x.grad, None
            (g * g).sum().backward(create_graph=True)
            h, x.grad = x.grad, None
            (h * x).sum().backward()
        np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())
    assert run.ran == 4


def test_a_loss_is_differentiated_outside() -> None:
    """Gradients accumulate as they do without compiling, and from the values of the call."""
    w, v = leaf(1.0, 2.0), leaf(1.0, 2.0)
    run = Counted(lambda x: (tg.tanh(w * x) ** 2).sum())
    for k in range(8):
        x = np.array([0.1, k])
        run(x).backward()
        (tg.tanh(v * x) ** 2).sum().backward()
        np.testing.assert_array_equal(w.grad.numpy(), v.grad.numpy())
        if k % 3 == 0:
            for t in (w, v):
                t.zero_grad()
                t.data *= 0.5
    assert run.ran == 4


def test_transforms_of_a_frozen_function() -> None:
    run = frozen(cubes, strict=True)
    x = np.array([0.5, 1.5])
    for _ in range(5):
        np.testing.assert_array_equal(tg.grad(run)(x), tg.grad(cubes)(x))
        np.testing.assert_array_equal(tg.hessian(run)(x), tg.hessian(cubes)(x))
        assert run(tg.Tensor(x)).item() == cubes(tg.Tensor(x)).item()
    assert tg.gradcheck(run, [leaf(0.5, 1.5)])


def test_a_graph_that_is_stale_says_so() -> None:
    w = World()
    run = frozen(lambda: w.train(w.loss()), strict=True)
    for _ in range(5):
        loss = run()
    with pytest.raises(tg.GradError):
        loss.backward()


def test_draws_of_a_result_are_those_of_the_call() -> None:
    """The graph is made when somebody asks, with the random numbers that there were."""
    w, x = leaf(*np.arange(1.0, 9.0)), np.ones(8)
    run = Counted(lambda x: tg.dropout(w * x, 0.5))
    for _ in range(6):
        w.zero_grad()
        out = run(x)
        later = tg.dropout(tg.Tensor(x), 0.5).numpy()
        out.sum().backward()
        np.testing.assert_array_equal(w.grad.numpy(), (out.numpy() != 0) * 2.0)
        assert later.shape == (8,)
    assert run.ran == 3


# -- results -----------------------------------------------------------------------------------------

P = leaf(1.0, 2.0, 3.0)
RESULTS: dict[str, Callable[[Any], Any]] = {
    "a parameter's view": lambda x: P[:2],
    "a parameter's copy": lambda x: P.copy(),
    "a parameter reshaped": lambda x: P.reshape(3, 1) * 1.0,
    "an argument's view": lambda x: x[1:],
    "a result and its view": lambda x: (y := P * x, y[1:]),
    "the same twice": lambda x: (y := P * x, y),
    "a constant": lambda x: tg.Tensor([1.0, 2.0]) * 2.0,
    "several": lambda x: {"loss": (P * x).sum(), "parts": [P * x, x * 2.0, None, "text", 3]},
}


def arrays(result: Any) -> list[Any]:
    found = result.values() if isinstance(result, dict) else result if isinstance(result, tuple | list) else [result]
    return [a for x in found for a in (arrays(x) if isinstance(x, tuple | list | dict) else
                                       [x.numpy()] if isinstance(x, tg.Tensor) else [])]


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_kept_as_they_are(name: str) -> None:
    """What the next call computes, and what a user writes into a result, changes nothing else."""
    f = RESULTS[name]
    run = Counted(f)
    old = []
    for k in range(7):
        x = tg.Tensor([1.0 + k, 2.0, 3.0])
        found, expected = run(x), [np.array(a) for a in arrays(f(x))]
        now = arrays(found)
        assert len(now) == len(expected)
        for a, b in zip(now, expected, strict=True):
            np.testing.assert_array_equal(a, b)
        old += zip(now, expected, strict=True)
    for a, b in old:
        np.testing.assert_array_equal(a, b)
    assert run.ran == 3


@pytest.mark.parametrize("make", [lambda x: 2.0, lambda x: [1.0, 2.0], lambda x: P, lambda x: x, lambda x: np.ones((2, 3))])
@pytest.mark.parametrize("options", [{}, {"dtype": np.float32}], ids=str)
def test_a_tensor_that_no_operation_has_made_or_read_is_a_new_one_in_each_call(make: Any, options: Any) -> None:
    run = Counted(lambda x: (P * x, tg.Tensor(make(x), **options)))
    kept = []
    for k in range(7):
        x = np.array([1.0 + k, 2.0, 3.0])
        made, expected = run(x)[1], tg.Tensor(make(x), **options)
        assert type(made) is type(expected) and made.dtype == expected.dtype and made.tolist() == expected.tolist()
        assert made is not P and not any(np.may_share_memory(made.numpy(), t.numpy()) for t in (P, *kept))
        kept.append(made)
    assert run.ran == 3


def test_a_leaf_that_is_returned_stays_one() -> None:
    run = tg.compile(lambda x: (P * x, tg.Tensor(x, requires_grad=True)), frozen=True)
    with pytest.warns(tg.CaptureWarning, match="makes itself and that requires a gradient"):
        assert all(run(np.ones(3) * k)[1].requires_grad for k in range(4))


def test_the_graph_of_a_result_has_the_numbers_of_its_call() -> None:
    w = leaf(1.0, 2.0)
    run = Counted(lambda x, scale: w * x * scale)
    results = [(run(np.ones(2), 0.5 + k), 0.5 + k) for k in range(7)]
    for result, scale in results:
        w.grad = None
        result.sum().backward()
        assert w.grad.tolist() == [scale, scale]
    assert run.ran == 3


def test_writing_into_a_result_changes_no_parameter_and_no_program() -> None:
    w = leaf(1.0, 2.0)
    run = Counted(lambda x: (w * x, w + 0.0, (w * w).sum()))
    for k in range(7):
        product, same, total = run(np.full(2, k))
        assert product.tolist() == [k, 2.0 * k] and same.tolist() == [1.0, 2.0] and total.item() == 5.0
        for t in (product, same):
            assert not np.may_share_memory(t.numpy(), w.numpy())
            t.detach().assign([77.0, 77.0])
        assert w.tolist() == [1.0, 2.0]
    assert run.ran == 3


def test_gradients_that_stay_are_the_users() -> None:
    w = leaf(1.0, 2.0)

    def step(x: Any) -> None:
        w.grad = None
        (w * x).sum().backward()

    run, kept = Counted(step), []
    for k in range(7):
        run(np.full(2, k))
        kept.append(w.grad)
    assert [g.tolist() for g in kept] == [[k, k] for k in range(7)] and run.ran == 3


def test_a_number_that_is_returned_is_a_plain_one() -> None:
    run = Counted(lambda x, n: (x * n, n * 2, n))
    for n in (0.1, 0.1, 0.1, 0.3, 0.3, 0.3, 0.1, 0.3):
        _, twice, once = run(np.ones(2), n)
        assert (type(twice), twice, type(once), once) == (float, n * 2, float, n)
    assert run.ran < 8


def test_results_without_a_tensor() -> None:
    w = leaf(1.0)

    def step() -> Any:
        w.grad = None
        (w * w).sum().backward()
        return "done", 3, None

    run = Counted(step)
    for _ in range(6):
        w.data += 1.0
        assert run() == ("done", 3, None) and w.grad.item() == 2 * w.item()
    assert run.ran == 3
