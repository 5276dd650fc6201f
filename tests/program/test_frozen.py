"""Frozen programs: what is followed, what is audited, and what is refused.

The contract is that of jax.jit: what a function reads from Python is what it was when it was captured.
"""

from __future__ import annotations

import contextvars
import itertools
import os
import re
import time
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen
from tests.program.worlds import World
from tinygrad_gd import nn

Step = Callable[[World], Any]


def train(w: World) -> Any:
    return w.train(w.loss())


# -- what is followed --------------------------------------------------------------------------------


def set_option(name: str, value: Any) -> Callable[[World], Any]:
    return lambda w: w.optimizer.param_groups[0].__setitem__(name, value)


def assign(w: World) -> None:
    with tg.no_grad():
        w.first.assign(np.ones(w.first.shape))


def with_noise(w: World) -> Any:
    return w.train(w.loss(tg.dropout(tg.Tensor(w.x), 0.5)))


def leaves_gradients(w: World) -> Any:
    loss = w.loss()
    loss.backward()
    return loss


def steps_first(w: World) -> Any:
    loss = leaves_gradients(w)
    w.optimizer.step()
    w.optimizer.zero_grad()
    return loss


class Noisy(nn.Module):
    def forward(self, x: Any) -> Any:
        return tg.dropout(x, 0.5, self.training) * (3.0 if self.training else 1.0)


def with_module(w: World) -> Any:
    if not w.kept:
        w.kept = Noisy()
    return w.train((w.kept(w.net(tg.Tensor(w.x))) ** 2).sum() + w.loss())


#: Steps, and what is done to what they follow in the midst; the mode in which three calls are made then.
FOLLOWED: dict[str, tuple[Any, ...]] = {
    "nothing": (train, lambda w: None),
    "values of a parameter": (train, assign),
    "another array of a parameter": (train, lambda w: setattr(w.first, "data", w.first.numpy() * 1.5)),
    "an array of a parameter": (train, lambda w: w.first.data.__imul__(1.5)),
    "another memory order": (train, lambda w: setattr(w.first, "data", np.asfortranarray(w.first.numpy() * 2))),
    "targets": (train, lambda w: w.y.data.__imul__(2.0)),
    "an array from outside": (lambda w: w.train((w.loss() * w.numbers).sum()), lambda w: w.numbers.__imul__(2.0)),
    "loaded weights": (train, lambda w: w.net.load_state_dict({k: v * 0.5 for k, v in w.net.state_dict().items()})),
    "a learning rate": (train, set_option("lr", 0.01)),
    "a rate of NumPy": (train, set_option("lr", np.float64(0.01))),
    "momentum": (train, set_option("momentum", 0.5)),
    "no momentum": (train, set_option("momentum", 0.0)),
    "weight decay": (train, set_option("weight_decay", 0.1)),
    "nesterov": (train, set_option("nesterov", True)),
    "forgotten velocities": (train, lambda w: w.optimizer.state.clear()),
    "loaded state": (train, lambda w: w.optimizer.load_state_dict(w.optimizer.state_dict())),
    "velocities": (train, lambda w: [t.data.__imul__(2.0) for s in w.optimizer.state.values() for t in s.values()]),
    "requires_grad": (train, lambda w: w.first.requires_grad_(False)),
    "a hook": (train, lambda w: w.first.register_hook(lambda g: g * 0.1)),
    "evaluation": (with_module, lambda w: w.kept.eval()),
    "the seed": (with_noise, lambda w: tg.manual_seed(5)),
    "no_grad": (World.loss, lambda w: None, tg.no_grad),
    "the default dtype": (lambda w: w.loss() + tg.Tensor([1, 2]).mean(), lambda w: None,
                          lambda: tg.default_dtype(np.float32)),
    "an observer": (train, lambda w: None, tg.detect_anomaly),
    "cleared gradients": (leaves_gradients, lambda w: w.optimizer.zero_grad()),
    "other gradients": (leaves_gradients, lambda w: setattr(w.first, "grad", tg.Tensor(np.ones(w.first.shape)))),
    "gradients from outside": (steps_first, lambda w: w.loss(tg.Tensor(w.x * 2)).backward()),
    "another parameter that is trained": (
        lambda w: w.train(w.loss() + (w.extra**2).sum()),
        lambda w: w.optimizer.param_groups[0]["params"].append(w.extra)),
    "a parameter in place of another": (
        lambda w: w.train(w.loss() + (w.extra**2).sum()),
        lambda w: w.optimizer.param_groups[0]["params"].__setitem__(0, w.extra)),
    "another group of parameters": (
        train, lambda w: w.optimizer.add_param_group({"params": [w.extra], "lr": 1.0})),
}  # fmt: skip


def run_of(step: Step, change: Callable[[World], Any], compiled: bool, mode: Any = nullcontext) -> tuple[Any, World]:
    """Results of some calls, what training has made, and the world."""
    world = World()
    run: Any = frozen(lambda: step(world), strict=True) if compiled else lambda: step(world)
    seen = []
    for i in range(14):
        if i == 6:
            change(world)
        with mode() if 6 <= i < 9 else nullcontext():
            seen.append(np.array(run().numpy()))
    if step in (leaves_gradients, steps_first):  # else a program gives up what an update has used
        seen += [np.array(p.grad if p.grad is not None else 0) for p in world.net.parameters()]
    return [*seen, *world.values()], world


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_is_followed(name: str) -> None:
    (expected, plain), (found, world) = (run_of(*FOLLOWED[name][:2], compiled, *FOLLOWED[name][2:])
                                         for compiled in (False, True))
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert world.calls <= (12 if name in ("a hook", "an observer") else 10), "its Python was never skipped"
    assert plain.calls >= 14


def test_python_runs_in_the_first_calls_and_in_audits() -> None:
    ran = []
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    run = frozen(lambda x: ran.append(k) or (w * x).sum(), strict=True)
    for k in range(1, 40):
        assert run(np.full(2, k)).item() == 3.0 * k
    assert ran == [1, 2, 4, 8, 16, 32]
    for k in range(40, 43):
        assert run.audit(np.full(2, k)).item() == 3.0 * k
    assert ran[6:] == [40, 41, 42]


def test_a_function_that_is_used_for_training_and_for_evaluation() -> None:
    """Each mode has its program, which is kept meanwhile."""
    eager, other = World(), World()
    run = frozen(lambda: with_module(other), strict=True)
    for i in range(24):
        for w in (eager, other):
            if w.kept:
                w.kept.train(i // 3 % 2 == 0)
        tg.manual_seed(i)
        expected = with_module(eager).item()
        tg.manual_seed(i)
        assert run().item() == expected
    assert other.calls < 12


@pytest.mark.parametrize("kind", [float, np.float64])
def test_rates_of_a_schedule_stay_live(kind: Any) -> None:
    """One program serves all rates, and float32 stays float32."""
    results, ran = [], []
    for compiled in (False, True):
        tg.manual_seed(0)
        with tg.default_dtype(np.float32):
            net = nn.Linear(3, 2)
        optimizer = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        x = np.ones((4, 3), np.float32)

        def step(factor: float, net: Any = net, optimizer: Any = optimizer, x: Any = x) -> Any:
            ran.append(factor)
            loss = (net(x) ** 2).mean() * factor
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run = frozen(step, strict=True) if compiled else step
        ran.clear()
        losses = []
        for i in range(20):
            optimizer.param_groups[0]["lr"] = kind(0.1 * np.cos(i / 20))
            losses.append(run(float(1 + i / 7)).item())
        assert net.weight.dtype == np.float32 and (not compiled or len(ran) < 8)
        results.append([*losses, *(p.numpy() for p in net.parameters())])
    for eager, replayed in zip(*results, strict=True):
        np.testing.assert_array_equal(replayed, eager)


# -- what is audited ---------------------------------------------------------------------------------

SCALE, MODULE = 1.0, types.ModuleType("other")
CONTEXT: contextvars.ContextVar[float] = contextvars.ContextVar("scale", default=1.0)


def helper(x: Any) -> Any:
    return x * helper.k  # type: ignore[attr-defined]


def closure(w: World) -> Callable[[], Any]:
    """A function with a variable of its own, which the world can set."""
    factor = 1.0

    def step() -> Any:
        return w.loss() * factor

    def put(value: float) -> None:
        nonlocal factor
        factor = value

    w.kept = put
    return step


def trains_if_on(w: World) -> Any:
    loss = w.loss() + w.k
    return w.train(loss) if w.on else loss


#: Losses that read from Python, and what is done to what they read; the fault is found here or there.
AUDITED: dict[str, tuple[Step, Callable[[World], Any]]] = {
    "a global": (lambda w: w.loss() * SCALE, lambda w: globals().__setitem__("SCALE", 2.0)),
    "an attribute": (lambda w: w.loss() * w.k, lambda w: setattr(w, "k", 3.0)),
    "an attribute of a module": (lambda w: w.loss() * MODULE.k, lambda w: setattr(MODULE, "k", 3.0)),
    "an attribute of an object": (lambda w: w.loss() * w.name.k, lambda w: setattr(w.name, "k", 3.0)),
    "an attribute of a function": (lambda w: helper(w.loss()), lambda w: setattr(helper, "k", 3.0)),
    "the environment": (lambda w: w.loss() * float(os.environ["TG_SCALE"]),
                        lambda w: os.environ.update(TG_SCALE="2.0")),
    "a context": (lambda w: w.loss() * CONTEXT.get(), lambda w: CONTEXT.set(2.0)),
    "contents of a list": (lambda w: w.loss() * sum(w.many), lambda w: w.many.append(3.0)),
    "a list as data": (lambda w: (w.loss() * tg.Tensor(w.many)).sum(), lambda w: w.many.__setitem__(1, 3.0)),
    "an entry of a dict": (lambda w: w.loss() * w.table["k"], lambda w: w.table.update(k=3.0)),
    "a deque": (lambda w: w.loss() * sum(w.queue), lambda w: w.queue.append(3.0)),
    "a branch": (lambda w: w.loss() * 2.0 if w.on else w.loss(), lambda w: setattr(w, "on", False)),
    "one more operation": (lambda w: w.loss() if w.on else w.loss() * 2.0, lambda w: setattr(w, "on", False)),
    "a branch on an array": (lambda w: w.loss() * (2.0 if w.numbers[0] > 0 else 3.0),
                             lambda w: w.numbers.__setitem__(0, -5.0)),
    "an element of an array": (lambda w: w.loss() * w.numbers[0], lambda w: w.numbers.__setitem__(0, 5.0)),
    "what NumPy has computed": (lambda w: w.loss(tg.Tensor((w.x - w.x.mean(0)) / w.x.std(0))),
                                lambda w: w.x.__imul__(w.x)),
    "a slice of data": (lambda w: (w.net(tg.Tensor(w.x[2:6])) ** 2).sum(), lambda w: w.x.__imul__(w.x)),
    "chosen rows": (lambda w: (w.net(tg.Tensor(w.x[w.index])) ** 2).sum(), lambda w: w.index.__setitem__(0, 7)),
    "another array": (lambda w: (w.loss() * w.numbers).sum(), lambda w: setattr(w, "numbers", np.array([4.0, 5.0]))),
    "a function": (lambda w: w.act(w.loss()), lambda w: setattr(w, "act", tg.sin)),
    "an axis": (lambda w: w.loss() + w.y.sum(axis=int(w.k) - 1).max(), lambda w: setattr(w, "k", 2)),
    "an int that becomes a float": (lambda w: w.loss() * (tg.Tensor([1, 2]) * w.kept).sum(),
                                    lambda w: setattr(w, "kept", 2.0)),
    "the sign of zero": (lambda w: w.loss() + tg.copysign(w.extra, 0.0 * w.k).sum(), lambda w: setattr(w, "k", -1.0)),
    "another layer": (World.loss, lambda w: setattr(w.net, "1", nn.ReLU())),
    "another parameter": (World.loss, lambda w: setattr(
        w.net, "0", nn.Linear(3, 4))),
    "another Tensor": (lambda w: (w.loss() * w.extra).sum(), lambda w: setattr(w, "extra", tg.Tensor([4.0, 5.0]))),
    "a variable of its own": (lambda w: None, lambda w: w.kept(3.0)),
}
RESULTS: dict[str, tuple[Step, Callable[[World], Any]]] = {
    "a result": (lambda w: (train(w), w.k), lambda w: setattr(w, "k", 7.0)),
    "None that is no longer": (lambda w: {"loss": train(w), "k": w.table.get("n")}, lambda w: w.table.update(n=1)),
    "the kind of a container": (lambda w: (train(w), 1) if w.on else [train(w), 1], lambda w: setattr(w, "on", False)),
    "whether it trains": (trains_if_on, lambda w: setattr(w, "on", False)),
}


def stepping(name: str, w: World) -> Callable[[], Any]:
    if name in RESULTS:
        return lambda: RESULTS[name][0](w)
    loss = closure(w) if name == "a variable of its own" else lambda: AUDITED[name][0](w)
    return lambda: w.train(loss())


@pytest.fixture(autouse=True)
def python_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(globals(), "SCALE", 1.0)
    monkeypatch.setattr(MODULE, "k", 1.0, raising=False)
    monkeypatch.setattr(helper, "k", 1.0, raising=False)
    monkeypatch.setenv("TG_SCALE", "1.0")
    token = CONTEXT.set(1.0)
    yield
    CONTEXT.reset(token)


NAMES = [*AUDITED, *RESULTS]


@pytest.mark.parametrize(("name", "audit"), [*((n, True) for n in NAMES), *((n, False) for n in NAMES[::4])])
def test_what_is_audited(name: str, audit: bool) -> None:
    w = World()
    w.kept = 2
    step, change = stepping(name, w), {**AUDITED, **RESULTS}[name][1]
    run = frozen(step, strict=True)
    for _ in range(4):
        run()
    assert run.program.instructions
    tg.manual_seed(1)
    change(w)
    before = w.values()
    grads = [p.grad if p.grad is None else np.array(p.grad) for p in w.net.parameters()]
    with pytest.raises(tg.CaptureError, match=r"(test_frozen|worlds)\.py:\d+: .*is not what it was") as caught:
        if audit:
            run.audit()
        for _ in () if audit else range(8):
            before = w.values()
            run()
    assert re.search(r"captured, and now|captured with another|it returned .*, and now", str(caught.value))
    for a, b in zip(w.values(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    for p, g in zip(w.net.parameters(), grads if audit else (), strict=False):
        np.testing.assert_array_equal(0 if p.grad is None else p.grad, 0 if g is None else g)
    assert_right_again(run, step, w)


def assert_right_again(run: Any, step: Callable[[], Any], w: World) -> None:
    """More calls are what the function computes, and Python is skipped in some."""
    ran = w.calls
    for _ in range(7):
        trained = [*w.net.parameters(), w.extra]
        state = dict(w.optimizer.state)
        held = [(t, np.array(t.numpy())) for s in state.values() for t in s.values()]
        start, grads = [np.array(p.numpy()) for p in trained], [p.grad for p in trained]
        step()
        expected = w.values()
        for t, v in (*zip(trained, start, strict=True), *held):
            t.data = v
        for p, g in zip(trained, grads, strict=True):
            p.grad = g
        for p in [p for p in w.optimizer.state if p not in state]:
            del w.optimizer.state[p]
        run()
        for a, b in zip(w.values(), expected, strict=True):
            np.testing.assert_array_equal(a, b)
    assert not run.problem and not run.refused
    assert w.calls == ran or w.calls - ran < 13


# -- what is refused ---------------------------------------------------------------------------------


def keeps_its_loss(w: World) -> Any:
    loss = w.loss()
    w.many.append(loss.detach() * 2.0)
    return w.train(loss)


def decays_the_rate(w: World) -> Any:
    loss = train(w)
    w.optimizer.param_groups[0]["lr"] *= 0.9
    return loss


def seeds(w: World) -> Any:
    tg.manual_seed(3)
    return with_noise(w)


def counts(w: World) -> Any:
    w.k += 1.0
    return w.loss() * w.k


def steps_if_large(w: World) -> Any:
    loss = w.loss()
    return w.train(loss) if loss > 0.1 else loss


#: Steps that no program can stand for, and what the notice says.
REFUSED: dict[str, tuple[Step, str]] = {
    "item": (lambda w: train(w) * w.loss().item(), r"item\(\) takes the values"),
    "a branch on a value": (steps_if_large, r"bool\(\) takes the values"),
    "numpy": (lambda w: train(w) * w.loss().numpy(), r"numpy\(\) takes the values"),
    "values of a parameter": (lambda w: w.loss() * w.first.numpy().max(), r"numpy\(\) takes the values of '0.weight'"),
    "data of a parameter": (lambda w: train(w) * float(w.first.data[0, 0]), "data takes the values of '0.weight'"),
    "text": (lambda w: w.table.update(text=f"{train(w).detach():.3f}") or w.loss(), "takes the values"),
    "indices that NumPy takes": (lambda w: train(w) * np.take(np.arange(9.0), np.argsort(w.x[:, 0] * w.y[:, 0])).sum(),
                                 r"numpy\(\) takes the values"),
    "a Tensor in a list": (keeps_its_loss, "kept outside of it"),
    "constants in a list": (lambda w: [train(w), w.many.append(w.loss().detach())][0], "kept outside of it"),
    "a constant in an attribute": (lambda w: setattr(w, "kept", w.first.detach() * 2.0) or w.loss(), "kept outside of it"),
    "a Tensor in an attribute": (lambda w: setattr(w, "kept", w.loss() * 2.0) or train(w), "kept outside of it"),
    "an option of an optimizer": (decays_the_rate, "changes the option lr of an optimizer in every call"),
    "an array that it makes": (lambda w: w.train((w.loss() * w.rng.normal(size=2)).sum()),
                               "what it makes outside of operations is another in each call"),
    "a Tensor that it makes": (lambda w: w.train((w.loss() * tg.Tensor(w.rng.normal(size=2))).sum()),
                               "what it makes outside of operations is another in each call"),
    "a float that it computes": (counts, "a float that it computes with is another in each call"),
    "a seed": (seeds, "seeds or uses the random generator itself"),
    "the random generator": (lambda w: train(w) * tg.generator().random(), "uses the random generator itself"),
    "an array that it returns": (lambda w: (train(w), np.ones(2)), "returns what is another in each call"),
    "an iterator": (lambda w: (train(w), iter([1])), "returns what is another in each call"),
    "the time": (lambda w: (train(w), time.perf_counter_ns()), "returns what is another in each call"),
    "a counter": (lambda w: (train(w), w.calls), "returns what is another in each call"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told_once_and_stays_right(name: str) -> None:
    step, why = REFUSED[name]
    eager, other = World(), World()
    run = frozen(lambda: step(other))
    with pytest.warns(tg.CaptureWarning, match=rf"(test_frozen|worlds)\.py:\d+: .*{why}.*It goes on in lockstep") as notices:
        for w, f in ((eager, lambda: step(eager)), (other, run)):
            tg.manual_seed(1)
            w.kept = [np.array(r.numpy()) for r in (f() for _ in range(10)) for r in
                      (r if isinstance(r, tuple) else (r,)) if isinstance(r, tg.Tensor)]
    assert len(notices) == 1
    assert other.calls == eager.calls, "its Python was skipped"
    for a, b in zip([*other.kept, *other.values()], [*eager.kept, *eager.values()], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_an_error_if_strict(name: str) -> None:
    step, why = REFUSED[name]
    w = World()
    run = frozen(lambda: step(w), strict=True)
    with pytest.raises(tg.CaptureError, match=rf"(test_frozen|worlds)\.py:\d+: .*{why}"):
        for _ in range(10):
            run()


def test_what_hardly_ever_computes_the_same_is_told_once() -> None:
    w = World()
    run = frozen(lambda: w.train(w.loss() * next(counter)))
    counter = itertools.count(1)
    with pytest.warns(tg.CaptureWarning, match=r"test_frozen.py:\d+: .*hardly ever the same") as notices:
        for _ in range(30):
            run()
    assert len(notices) == 1 and next(counter) == 31 and w.calls == 30


def test_side_effects_happen_when_python_runs() -> None:
    """Counters and prints are nobody's business: they are skipped, and nothing is told."""
    w, seen = tg.Tensor([1.0, 2.0], requires_grad=True), []
    run = frozen(lambda: seen.append(len(seen)) or (w * 2.0).sum(), strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [run().item() for _ in range(9)] == [6.0] * 9
    assert len(seen) == 4
