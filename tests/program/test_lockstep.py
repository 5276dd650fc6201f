"""Habits of people who write training steps: compiled, each gives what it gives without compiling, to the bit."""

from __future__ import annotations

import contextvars
import copy
import cProfile
import logging
import os
import pickle
import pstats
import random
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tqdm import tqdm

import tinygrad_gd as tg
from tests.values import values

CALLS = 8


class World:
    """A small model, its data, and what people keep around a step."""

    def __init__(self) -> None:
        tg.manual_seed(0)
        self.net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 2))
        self.other = tg.nn.Linear(3, 2)
        self.opt = tg.optim.SGD(self.net.parameters(), lr=0.05, momentum=0.9)
        self.opt2 = tg.optim.SGD(self.other.parameters(), lr=0.05)
        self.rng = np.random.default_rng(0)
        self.X, self.Y = self.rng.normal(size=(40, 3)), self.rng.normal(size=(40, 2))
        self.labels = self.rng.integers(0, 2, 40)
        self.count, self.total, self.best, self.scale = 0, 0.0, np.inf, 1.0
        self.kept: list[Any] = []
        self.average = [p.detach() for p in self.net.parameters()]
        self.buffer, self.mean = np.empty((4, 3)), np.zeros(3)
        self.h = tg.Tensor(np.zeros(2))
        self.loader = tg.DataLoader(self.X, self.Y, batch_size=8, shuffle=True)

    def batch(self) -> tuple[Any, Any]:
        i = self.count % 10 * 4
        return self.X[i : i + 4], self.Y[i : i + 4]

    def loss(self) -> Any:
        x, y = self.batch()
        return tg.nn.mse_loss(self.net(x), y)

    def train(self, loss: Any, opt: Any = None) -> Any:
        opt = opt or self.opt
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss

    def scaled(self) -> Any:
        return self.loss() * self.scale


def total(w: World) -> Any:
    loss = w.train(w.loss())
    w.total += loss.item()
    return loss


def a_branch_on_the_loss(w: World) -> Any:
    loss = w.loss()
    if loss < w.best:
        w.best = loss.item()
        w.kept = [p.numpy().copy() for p in w.net.parameters()]
    return w.train(loss)


def accumulation_over_calls(w: World) -> Any:
    loss = w.loss() / 4
    loss.backward()
    if w.count % 4 == 3:
        w.opt.step()
        w.opt.zero_grad()
    return loss


def accumulation_inside(w: World) -> Any:
    w.opt.zero_grad()
    losses = [tg.nn.mse_loss(w.net(w.X[i : i + 4]), w.Y[i : i + 4]) for i in (0, 4)]
    for loss in losses:
        loss.backward()
    w.opt.step()
    return losses[0] + losses[1]


def clipping(w: World) -> Any:
    w.opt.zero_grad()
    loss = w.loss()
    loss.backward()
    norm = np.sqrt(sum((p.grad * p.grad).sum() for p in w.net.parameters()))
    if norm > 0.5:
        for p in w.net.parameters():
            p.grad = p.grad * (0.5 / norm)
    w.opt.step()
    return norm


def rows_by_numpy(w: World) -> Any:
    i = w.rng.integers(0, 40, 6)
    return w.train(tg.nn.mse_loss(w.net(w.X[i]), w.Y[i]))


def a_refilled_buffer(w: World) -> Any:
    w.buffer[...] = w.rng.normal(size=(4, 3))
    return w.train((w.net(w.buffer) ** 2).mean())


def moving_average(w: World) -> Any:
    loss = w.train(w.loss())
    with tg.no_grad():
        for a, p in zip(w.average, w.net.parameters(), strict=True):
            a *= 0.9
            a += 0.1 * p
    return loss


def two_optimizers(w: World) -> Any:
    fake = w.net(w.X[:4])
    first = w.train((w.other(w.X[:4]) - fake.detach()).mean() ** 2, w.opt2)
    second = w.train(((fake - w.other(w.X[:4]).detach()) ** 2).mean())
    return first + second


def target_network(w: World) -> Any:
    with tg.no_grad():
        target = w.other(w.X[:4])
    loss = w.train(tg.nn.mse_loss(w.net(w.X[:4]), target))
    if w.count % 3 == 0:
        with tg.no_grad():
            w.other.weight.assign(w.net[2].weight.numpy()[:, :3] * 0.5)
    return loss


def freezing(w: World) -> Any:
    for p in w.net[0].parameters():
        p.requires_grad = w.count < 3
    return w.train(w.loss())


def schedule(w: World) -> Any:
    w.opt.param_groups[0]["lr"] = 0.1 / (1 + w.count)
    return w.train(w.loss())


class Counting(tg.optim.SGD):
    def step(self, closure: Any = None) -> None:
        self.t = getattr(self, "t", 0) + 1
        if self.t % 3:
            super().step()


class Plain(tg.optim.Optimizer):
    def update(self, p: Any, g: Any, options: Any) -> None:
        m = self.remembered(p, "m", like=p)
        m *= 0.9
        m += g
        p -= options["lr"] * m


def own_optimizer(w: World) -> Any:
    if not w.kept:
        w.kept.append(Counting(w.net.parameters(), lr=0.1))
    return w.train(w.loss(), w.kept[0])


def another_optimizer(w: World) -> Any:
    if not w.kept:
        w.kept.append(Plain(w.net.parameters(), {"lr": 0.1}))
    return w.train(w.loss(), w.kept[0])


def statistics(w: World) -> Any:
    x = w.batch()[0]
    w.mean = 0.9 * w.mean + 0.1 * x.mean(0)
    return w.train((w.net(x - w.mean) ** 2).mean())


def logged(w: World) -> Any:
    loss = w.train(w.loss())
    logging.getLogger("habits").info("loss %s", loss.item())
    for _ in tqdm(range(2), disable=True):
        w.total += 1
    return loss


def python_random(w: World) -> Any:
    factor = random.random() + np.random.rand() + tg.generator().random()
    return w.train(w.loss() * factor)


def permutation(w: World) -> Any:
    order = tg.generator().permutation(8)
    return w.train(tg.nn.mse_loss(w.net(w.X[order]), w.Y[order]) + tg.dropout(w.net(w.X[:2]), 0.5).mean())


def a_loader(w: World) -> Any:
    loss: Any = None
    for x, y in w.loader:
        loss = w.train(tg.nn.mse_loss(w.net(x), y))
    return loss


def recurrent(w: World) -> Any:
    w.h = w.h.detach()
    w.h = np.tanh(w.net(w.batch()[0]).mean(0) + w.h)
    return w.train((w.h * w.h).sum())


def curriculum(w: World) -> Any:
    n = 4 + 2 * (w.count // 3)
    return w.train(tg.nn.mse_loss(w.net(w.X[:n]), w.Y[:n]))


def a_method(w: World) -> Any:
    w.scale = 1.0 + w.count % 3
    return w.train(w.scaled())


def kept_losses(w: World) -> Any:
    w.kept.append(w.loss())
    return w.train(w.kept[-1])


def kept_gradients(w: World) -> Any:
    loss = w.train(w.loss())
    w.kept.append(next(iter(w.net.parameters())).grad)
    return loss


def copies(w: World) -> Any:
    before = copy.deepcopy(w.net)
    w.train(w.loss())
    return (next(iter(w.net.parameters())) - next(iter(before.parameters()))).sum()


def no_update(w: World) -> Any:
    w.opt.zero_grad()
    w.loss().backward()
    return next(iter(w.net.parameters())).grad


def a_leaf_in_the_step(w: World) -> Any:
    x = tg.Tensor(w.batch()[0], requires_grad=True)
    w.net(x).sum().backward()
    return x.grad


def derivatives_of_the_input(w: World) -> Any:
    x = tg.Tensor(w.batch()[0], requires_grad=True)
    u = w.net(x).sum()
    u.backward(create_graph=True)
    slope = x.grad
    w.opt.zero_grad()
    return w.train((slope**2).mean() + w.loss())


def with_tg_grad(w: World) -> Any:
    return w.train(w.loss() + tg.grad(lambda s: (w.net(w.X[:2]) * s).sum())(1.0))


def errors_ignored(w: World) -> Any:
    with np.errstate(all="ignore"):
        return w.train((w.net(w.X[:4]) / np.zeros(2)).sum() * 0.0 + w.loss())


def default_dtype(w: World) -> Any:
    tg.set_default_dtype(np.float32 if w.count % 2 else np.float64)
    try:
        return w.loss() + tg.Tensor([1.0])
    finally:
        tg.set_default_dtype(np.float64)


def early_stopping(w: World) -> Any:
    loss = w.loss()
    if w.count > 5:
        return loss
    return w.train(loss)


def both_modes(w: World) -> Any:
    w.net.train(w.count % 2 == 0)
    return w.loss() * (1.0 if w.net.training else 2.0)


def masks(w: World) -> Any:
    x, y = w.batch()
    out = w.net(x)
    return w.train((out[out > 0] ** 2).sum() + tg.nn.mse_loss(out, y))


def environment(w: World) -> Any:
    os.environ["TINYGRAD_GD_HABIT"] = str(w.count)
    return w.loss() * float(os.environ["TINYGRAD_GD_HABIT"])


VARIABLE: contextvars.ContextVar[float] = contextvars.ContextVar("habit", default=1.0)


def a_context_variable(w: World) -> Any:
    VARIABLE.set(1.0 + w.count)
    return w.loss() * VARIABLE.get()


def attributes_of_functions(w: World) -> Any:
    attributes_of_functions.factor = 1.0 + w.count  # type: ignore[attr-defined]
    return w.loss() * attributes_of_functions.factor  # type: ignore[attr-defined]


def an_import(w: World) -> Any:
    import colorsys

    return w.loss() * colorsys.rgb_to_hsv(0.1, 0.2, 0.3)[0]


def counter_times(w: World) -> Any:
    return w.loss() * w.count


def plain_numpy(w: World) -> Any:
    x = np.asarray(w.batch()[0])
    assert type(x * 2) is np.ndarray
    return w.train((w.net(x / np.linalg.norm(x)) ** 2).mean())


def in_place(w: World) -> Any:
    loss = w.loss()
    loss.backward()
    with tg.no_grad():
        for p in w.net.parameters():
            p -= 0.1 * p.grad
            p.grad = None
    return loss


def sum_of_losses(w: World) -> Any:
    loss = tg.Tensor(0.0)
    for i in range(3):
        loss += tg.nn.mse_loss(w.net(w.X[i : i + 4]), w.Y[i : i + 4])
    return w.train(loss)


HABITS: dict[str, Callable[[World], Any]] = {f.__name__: f for f in (
    total, a_branch_on_the_loss, accumulation_over_calls, accumulation_inside, clipping, rows_by_numpy, a_refilled_buffer,
    moving_average, two_optimizers, target_network, freezing, schedule, own_optimizer, another_optimizer, statistics, logged,
    python_random, permutation, a_loader, recurrent, curriculum, a_method, kept_losses, kept_gradients, copies, no_update,
    a_leaf_in_the_step, derivatives_of_the_input, with_tg_grad, errors_ignored, default_dtype, early_stopping, both_modes,
    masks, environment, a_context_variable, attributes_of_functions, an_import, counter_times, plain_numpy, in_place,
    sum_of_losses)}  # fmt: skip
#: Those whose Python asks for the graph itself, or which are another thing in every call.
EAGER = {"derivatives_of_the_input", "with_tg_grad", "counter_times", "copies", "masks"}


def run(habit: Callable[[World], Any], compiled: bool) -> Iterator[Any]:
    random.seed(0)
    np.random.seed(0)
    w = World()
    step: Any = tg.compile(lambda: habit(w)) if compiled else lambda: habit(w)
    for w.count in range(CALLS):
        result = step()
        yield [np.array(values(result)), result.dtype, result.requires_grad, w.total, w.best, w.mean.copy()]
        yield [np.array(values(t)) for t in (*w.net.parameters(), *w.other.parameters(), *w.average, w.h)]
        yield [None if p.grad is None else np.array(values(p.grad)) for p in w.net.parameters()]
        yield [np.array(values(t) if isinstance(t, tg.Tensor) else t) for t in w.kept if isinstance(t, tg.Tensor | np.ndarray)]
    if compiled and habit.__name__ not in EAGER:
        assert not step.problem and step._lockstep.hits > 0, step.problem


@pytest.mark.parametrize("name", HABITS)
@pytest.mark.filterwarnings("ignore:.*runs uncompiled:tinygrad_gd.CaptureWarning")
@pytest.mark.filterwarnings("ignore:.* gives float64:tinygrad_gd.PrecisionWarning")
def test_a_habit_is_what_it_is_without_compiling(name: str) -> None:
    for mine, expected in zip(list(run(HABITS[name], True)), list(run(HABITS[name], False)), strict=True):
        for a, b in zip(mine, expected, strict=True):
            if isinstance(b, np.ndarray):
                np.testing.assert_array_equal(a, b)
                assert a.dtype == b.dtype
            else:
                assert a is b or a == b


# -- what a compiled function is to others -----------------------------------------------------------


def test_a_compiled_function_has_derivatives_of_any_order() -> None:
    f, x = tg.compile(lambda x: (x**3).sum()), np.array([1.0, 2.0])
    for _ in range(3):
        assert tg.grad(f)(x).tolist() == [3.0, 12.0]
        assert tg.grad(lambda x: f(x) + x.sum())(x).tolist() == [4.0, 13.0]
        assert tg.hessian(f)(x).tolist() == [[6.0, 0.0], [0.0, 12.0]]
        assert tg.jvp(f, (x,), (np.ones(2),))[1].item() == 15.0
        t = tg.Tensor(x, requires_grad=True)
        (f(t) + (t * t).sum()).backward()
        assert t.grad.tolist() == [5.0, 16.0]
        t.zero_grad()
        f(t * 2).backward(create_graph=True)
        assert t.grad.tolist() == [24.0, 96.0]
        assert tg.gradcheck(f, [x])


def test_a_loss_that_came_out_can_be_derived_unless_its_parameters_were_changed() -> None:
    w = World()
    loss = tg.compile(lambda: w.loss())
    for _ in range(4):
        w.opt.zero_grad()
        loss().backward()
        mine = [p.grad.numpy().copy() for p in w.net.parameters()]
        w.opt.zero_grad()
        w.loss().backward()
        for a, p in zip(mine, w.net.parameters(), strict=True):
            np.testing.assert_array_equal(a, p.grad.numpy())
    step = tg.compile(lambda: w.train(w.loss()))
    for _ in range(4):
        result = step()
        assert "made by" in repr(result) and result.op is not None and not result.is_leaf
        with pytest.raises(tg.GradError, match=r"stale|overwritten"):
            result.backward()
        with pytest.raises(tg.GradError, match=r"stale|overwritten"):
            (result * 2.0).backward(create_graph=True)


def test_copies_and_pickles_of_trainers_have_their_own_parameters() -> None:
    trainer = Trainer()
    for _ in range(3):
        trainer.step()
    for other in (copy.copy(trainer), copy.deepcopy(trainer), pickle.loads(pickle.dumps(trainer))):
        other.k = 5.0
        assert other.step().item() == 15.0 and trainer.step().item() == 6.0


class Trainer:
    k = 2.0

    def __init__(self) -> None:
        self.w = tg.Tensor([1.0, 2.0], requires_grad=True)

    @tg.compile
    def step(self) -> Any:
        return self.w.sum() * self.k


def test_an_exception_leaves_behind_what_it_does_without_compiling() -> None:
    def states(compiled: bool) -> Iterator[Any]:
        w = World()

        def step(fails: bool) -> Any:
            w.opt.zero_grad()
            loss = w.loss()
            loss.backward()
            w.kept.append(loss)
            if fails:
                raise KeyError("user")
            w.opt.step()
            return loss

        run: Any = tg.compile(step) if compiled else step
        for i in range(8):
            try:
                run(i in (3, 5))
            except KeyError:
                pass
            yield [np.array(values(t)) for t in (*w.kept, *w.net.parameters(), *(p.grad for p in w.net.parameters()))]

    for mine, expected in zip(states(True), states(False), strict=True):
        for a, b in zip(mine, expected, strict=True):
            np.testing.assert_array_equal(a, b)


def cleared(w: Any, opt: Any) -> Any:
    loss = w * w
    loss.backward()
    w.grad = None
    return loss


def added_to_a_used_one(w: Any, opt: Any) -> Any:
    opt.zero_grad()
    (w * w).backward()
    opt.step()
    loss = w * 3.0
    loss.backward()
    return loss


def computed_with(w: Any, opt: Any) -> Any:
    loss = added_to_a_used_one(w, opt)
    loss.item()
    return w.grad * 2.0


@pytest.mark.parametrize("used", [cleared, added_to_a_used_one, computed_with])
def test_another_branch_finds_the_gradients_that_there_are(used: Callable[..., Any]) -> None:
    def run(compiled: bool) -> Any:
        w, branch, found = tg.Tensor(3.0, requires_grad=True), [False], []
        opt = tg.optim.SGD([w], lr=0.1)

        def step() -> Any:
            result = used(w, opt)
            return result * 5.0 if branch[0] else result

        called = tg.compile(step, strict=True) if compiled else step
        for k in range(5):
            branch[0] = k == 4
            found.append((called().item(), None if w.grad is None else w.grad.item()))
        return found

    assert run(True) == run(False)


def test_two_tensors_in_place_of_one_are_another_branch() -> None:
    tensors, pair = [tg.Tensor(np.full(2, k)) for k in (1.0, 2.0, 3.0, 4.0)], [0, 0]

    def product() -> Any:
        return (tensors[pair[0]] * tensors[pair[1]]).sum()

    compiled = tg.compile(product)
    for pair[:] in ((0, 0), (1, 1), (2, 2), (3, 3), (1, 3), (3, 2), (1, 1)):
        assert compiled().item() == product().item(), pair
    assert compiled._lockstep.hits >= 2


def test_a_look_at_a_derivative_is_a_part_of_the_trail() -> None:
    w = tg.Tensor(3.0, requires_grad=True)

    @tg.compile
    def slope() -> float:
        return float(tg.grad(lambda v: v * v * w)(w).item())

    assert [slope() for _ in range(4)] == [18.0] * 4
    assert (slope._lockstep.records, slope._lockstep.hits) == (1, 3)


def test_threads_and_a_function_that_calls_itself() -> None:
    w, found = World(), []
    loss = tg.compile(lambda: w.loss())
    expected = w.loss().item()
    threads = [threading.Thread(target=lambda: found.extend(loss().item() for _ in range(20))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 80

    @tg.compile
    def power(x: Any, n: int) -> Any:
        return x if n == 1 else x * power(x, n - 1)

    x = tg.Tensor([2.0])
    assert [power(x, 3).item() for _ in range(4)] == [8.0] * 4


def test_a_result_that_nobody_has_any_more_is_answered_with_the_same_tensor() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    step = tg.compile(lambda: (w * w).sum())
    for _ in range(3):
        step()

    def answered() -> int:
        step().item()
        return id(step._lockstep.last.before.out)

    assert len({answered() for _ in range(4)}) == 1
    kept = [step() for _ in range(3)]
    assert len({*map(id, kept)}) == 3 and [t.item() for t in kept] == [5.0] * 3


def test_what_differs_every_time_runs_uncompiled_after_one_notice() -> None:
    w = tg.Tensor(np.ones(300), requires_grad=True)
    step = tg.compile(lambda n: (w[:n] * 2).sum())
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert [step(n).item() for n in range(1, 200)] == [2.0 * n for n in range(1, 200)]
    assert [str(t.message) for t in told] == [step.problem] and "runs uncompiled" in step.problem
    with pytest.raises(tg.CaptureError, match="hardly ever"):
        strict = tg.compile(lambda n: (w[:n] * 2).sum(), strict=True)
        for n in range(1, 200):
            strict(n)


def test_common_lengths_stay_recorded() -> None:
    w = tg.Tensor(np.ones(300), requires_grad=True)
    step = tg.compile(lambda n: (w[:n] * 2).sum(), strict=True)
    for _ in range(20):
        assert [step(n).item() for n in (3, 5, 7)] == [6.0, 10.0, 14.0]
    assert step._lockstep.records == 3


def test_warnings_of_numpy_are_shown_and_the_step_compiles() -> None:
    """In a plain process: pytest sets filters of its own."""
    code = ("import numpy as np, tinygrad_gd as tg\nx = tg.Tensor([0.0, 1.0])\nf = tg.compile(lambda: np.log(x).sum(), strict=True)\n"
            "for _ in range(4): f()\nassert f._lockstep.hits == 3 and not f.problem")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "divide by zero" in done.stderr, done.stderr


def test_casts_of_a_step_look_at_no_uninitialised_memory() -> None:
    with np.errstate(all="raise"):
        x = tg.Tensor(np.linspace(0, 1, 50))
        step = tg.compile(lambda: ((x * 2).astype(np.float32)[::2].T.astype(np.float64)).sum(), strict=True)
        assert len({step().item() for _ in range(5)}) == 1


def test_old_models_are_let_go() -> None:
    """In a plain process: these tests keep the programs that they check."""
    code = """
import gc, weakref, numpy as np, tinygrad_gd as tg
box, alive = {}, []
step = tg.compile(lambda x: box["net"](x).sum())
for _ in range(6):
    box["net"] = tg.nn.Linear(10, 2)
    alive.append(weakref.ref(box["net"].weight))
    for _ in range(3): step(np.ones(10))
gc.collect()
assert sum(r() is not None for r in alive) == 1 and not step.problem
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("frozen", [False, True])
def test_an_update_that_overflows_is_not_done_twice(frozen: bool) -> None:
    def run(compiled: bool) -> Any:
        a = tg.Tensor(np.ones(3, np.float32), requires_grad=True)
        b = tg.Tensor(np.full(1, 2e38, np.float32), requires_grad=True)
        optimizer = tg.optim.SGD([{"params": [a], "lr": 0.125}, {"params": [b], "lr": 3e38}])

        def step(k: Any) -> Any:
            optimizer.zero_grad()
            loss = (a * 2.0).sum() + (b * 1e-8 * k).sum()
            loss.backward()
            optimizer.step()
            return loss

        called, said = tg.compile(step, frozen=frozen) if compiled else step, []
        with np.errstate(over="raise"):
            for k in (0.0, 0.0, 0.0, 0.0, 0.0, -6e7):
                try:
                    called(tg.Tensor(np.float32(k)))
                except FloatingPointError as error:
                    said.append(str(error))
        return said, a.tolist(), b.tolist()

    assert run(True) == run(False) == (["overflow encountered in subtract"], [-0.5] * 3, [np.inf])


def test_texts_call_arrays_of_the_function_by_their_names() -> None:
    data, rng = np.arange(12.0).reshape(6, 2), np.random.default_rng(0)
    w = tg.Tensor(np.ones(2), requires_grad=True, name="w")

    @tg.compile
    def step() -> Any:
        rows = data[rng.permutation(6)[:3]]
        return (rows * w).sum()

    for _ in range(3):
        step()
    assert step.source.splitlines()[3] == "def step(rows, w):"


def test_an_error_of_the_last_segment_shows_the_line_of_its_call_and_the_trail_stays() -> None:
    w = tg.Tensor(np.ones((4, 3)), requires_grad=True)

    def loss(x: Any, labels: Any) -> Any:
        return tg.nn.cross_entropy(x @ w, labels)

    step = tg.compile(lambda x, labels: loss(x, labels))
    line = loss.__code__.co_firstlineno + 1
    for wrong in (7, -1, 3):
        for _ in range(3):
            step(tg.Tensor(np.ones((2, 4))), tg.Tensor(np.array([0, 1])))
        with pytest.raises(tg.IndexingError, match=rf"label {wrong} is out of range.*test_lockstep.py:{line}\)"):
            step(tg.Tensor(np.ones((2, 4))), tg.Tensor(np.array([0, wrong])))
    assert step._lockstep.hits == 8, "recorded again after an error"


def lowered(t: Any) -> Any:
    t -= t.mean()
    before = t * 2.0
    t *= 3.0
    return before, t * 1.0


def overwritten(t: Any) -> Any:
    before = t * 2.0
    t[1:] = before[:2] + 0.5
    between = t * 2.0
    t.assign(between)
    return before, between, t + 1.0


def through_data(t: Any) -> Any:
    before = t * 2.0
    t.data[0] = 7.0
    between = t * 2.0
    t.data = np.arange(3.0)
    return before, between, t * 2.0


def accumulated(t: Any) -> Any:
    total = tg.Tensor(np.zeros(3, t.dtype))
    for k in range(3):
        total += t * k
    return total, total * t


def beside_a_parameter(t: Any) -> Any:
    w = tg.Tensor(np.ones(3, t.dtype), requires_grad=True)
    with tg.no_grad():
        t += w * 2.0
    loss = (t * w).sum()
    loss.backward()
    return loss, w.grad


def shown_before(t: Any) -> Any:
    part, column = t[1:], t.reshape(3, 1)
    t -= 1.0
    later = t[:2]
    later.tolist()
    t.data[0] = 7.0
    return part * 2.0, column * 2.0, later * 2.0, t * 2.0


@pytest.mark.parametrize(
    "step", [lowered, overwritten, through_data, accumulated, beside_a_parameter, shown_before])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_a_call_brings_may_be_written_to(step: Any, dtype: Any) -> None:
    compiled = tg.compile(step, strict=True)
    for k in range(6):
        mine, plain = (tg.Tensor(np.array([1.5, -2.0, 0.25 + k]), dtype=dtype) for _ in "ab")
        for a, b in zip((*compiled(mine), mine), (*step(plain), plain), strict=True):
            np.testing.assert_array_equal(values(a), values(b), strict=True)
    assert compiled._lockstep.hits == 5


def test_what_was_computed_before_a_write_to_lent_memory_is_of_the_old_values() -> None:
    def run(compiled: bool) -> Any:
        w = tg.Tensor(np.ones(3))
        lent = w.data

        def step(k: Any) -> Any:
            before = w * k
            lent[0] += 1.0
            between = w * k
            lent.fill(2.0)
            return before, between, w * k

        called = tg.compile(step, strict=True) if compiled else step
        return [[x.tolist() for x in called(tg.Tensor([1.0, 2.0, float(k)]))] for k in range(5)]

    assert run(True) == run(False)


def stepped(w: Any, optimizer: Any, s: Any, x: Any) -> Any:
    h = w * x
    optimizer.zero_grad()
    h.sum().backward()
    optimizer.step()
    return h


def assigned(w: Any, optimizer: Any, s: Any, x: Any) -> Any:
    h = w * (x * s)
    s.assign(s * 2.0)
    return h


def lowered_argument(w: Any, optimizer: Any, s: Any, x: Any) -> Any:
    h = w * (x * 3.0)
    with tg.no_grad():
        x -= 1.0
    return h


def lent_argument(w: Any, optimizer: Any, s: Any, x: Any) -> Any:
    h = w * (x * 3.0)
    x.data[0] = 50.0
    return h


@pytest.mark.parametrize("write", [stepped, assigned, lowered_argument, lent_argument])
@pytest.mark.parametrize("keep", [False, True])
def test_a_new_branch_after_a_write_has_the_values_from_before_it(write: Any, keep: bool) -> None:
    def run(compiled: bool) -> Any:
        w, s = tg.Tensor(np.ones(3), requires_grad=True), tg.Tensor(np.ones(3))
        optimizer, kept = tg.optim.SGD([w], lr=0.1), []

        def step(x: Any, branch: int) -> Any:
            h = write(w, optimizer, s, x)
            kept.extend([h] if keep else [])
            h = h * 2.0
            for _ in range(branch):
                h = np.exp(h * 0.01)
            return h

        called = tg.compile(step) if compiled else step
        found = [called(tg.Tensor(np.arange(3.0) + k), b).tolist() for k, b in enumerate([0, 0, 0, 1, 0, 2, 1])]
        return found, w.tolist(), s.tolist(), [x.tolist() for x in kept]

    assert run(True) == run(False)


def test_a_graph_from_before_a_write_goes_on_in_a_new_branch() -> None:
    def run(compiled: bool) -> Any:
        w, s = tg.Tensor(np.ones(3), requires_grad=True), tg.Tensor(np.ones(3))

        def step(x: Any, branch: bool) -> Any:
            made = tg.Tensor(x)
            h = w * made
            s.assign(s * 2.0)
            loss = (np.exp(h) if branch else h).sum()
            loss.backward()
            return loss, made

        called = tg.compile(step) if compiled else step
        return [called(np.arange(3.0) + k, b)[0].item() for k, b in enumerate([0, 0, 0, 1, 0])], w.grad.tolist()

    assert run(True) == run(False)


def test_texts_of_what_was_recorded_in_mid_call_have_names_and_lines() -> None:
    data, w = np.arange(12.0).reshape(4, 3), tg.Tensor(np.ones(3), name="w")

    def step(x: Any, branch: bool) -> Any:
        rows = data[:2] * 1.0
        hidden = np.tanh(w * x)
        total = (rows * hidden).sum() * hidden
        if branch:
            total = total * 0.5
        return total

    compiled = tg.compile(step)
    for branch in (False, False, True):
        compiled(np.ones(3), branch)
    text, line = compiled.source, step.__code__.co_firstlineno
    assert "def step(x, w, rows):" in text and "hidden = np.tanh(w * x)" in text
    assert f"test_lockstep.py:{line + 2}: hidden = np.tanh(w * x)" in text
    assert sys.getprofile() is None


def test_parts_of_what_is_written_to_stay_what_they_were() -> None:
    def run(compiled: bool) -> Any:
        w, s = tg.Tensor(np.ones(3), requires_grad=True), tg.Tensor(np.arange(3.0))
        optimizer = tg.optim.SGD([w], lr=0.1)

        def step(x: Any) -> Any:
            with tg.no_grad():
                mine = w[1:]
            parts = mine, s[1:]
            optimizer.zero_grad()
            loss = (w * x).sum()
            loss.item()
            s.assign(s * 2.0)
            loss.backward()
            optimizer.step()
            return [part * 2.0 for part in parts]

        called = tg.compile(step, strict=True) if compiled else step
        return [[x.tolist() for x in called(tg.Tensor(np.arange(3.0) + k))] for k in range(5)]

    assert run(True) == run(False)


def test_a_graph_of_what_was_written_to_since_is_refused() -> None:
    w, s = tg.Tensor(np.ones(3), requires_grad=True), tg.Tensor(np.ones(3), name="s")

    @tg.compile
    def step() -> Any:
        h = w * s
        s.assign(s * 2.0)
        return h.sum()

    step()
    for _ in range(3):
        made = step()
        assert made.op.name == "step" and made.inputs == (w, s)  # of what is between, nothing is known
        with pytest.raises(tg.GradError, match=r"'s'.*was overwritten after multiply"):
            made.backward()
    assert step._lockstep.hits == 3


@pytest.mark.parametrize("frozen", [False, True])
def test_a_profiler_sees_all_of_a_compiled_step(frozen: bool) -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True)

    def step(x: Any) -> Any:
        y = w * x
        return y.sum()

    compiled, found = tg.compile(step, frozen=frozen), []
    profiler = cProfile.Profile()
    profiler.runcall(lambda: found.extend(compiled(3.0).item() for _ in range(4)))
    assert found == [9.0] * 4
    calls = {name: n for (_, _, name), (n, *_) in pstats.Stats(profiler).stats.items()}  # type: ignore[attr-defined]
    assert calls["step"] >= 2 and calls["run"] >= 2

    names: list[str] = []
    compiled = tg.compile(step, frozen=frozen)
    sys.setprofile(lambda frame, event, _: names.append(frame.f_code.co_name) if event == "return" else None)
    try:
        compiled(3.0)
    finally:
        sys.setprofile(None)
    assert {"step", "sum", "run"} <= set(names)
