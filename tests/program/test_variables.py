"""Variables of a step that are changed from outside: every change is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen
from tests.program.worlds import Base, Derived, Step, World, run_of
from tinygrad_gd import nn
from tinygrad_gd.ground.storage import changes

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


W = tg.Tensor(np.arange(6.0), requires_grad=True)


def both(make: Callable[[Any], Iterator[Any]]) -> None:
    """What a generator yields with compiling equals what it yields without."""
    for a, b in zip(make(lambda f: f), make(lambda f: frozen(f, strict=True)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_data_that_is_wrong_is_noticed_in_every_call() -> None:
    w = World()
    labels = tg.Tensor(np.arange(8) % 2)
    run = frozen(lambda: w.train(nn.cross_entropy(w.net(w.x * tg.Tensor(1.0)), labels)), strict=True)
    for _ in range(4):
        run()
    labels.data[0] = 9
    for _ in range(3):
        with pytest.raises(tg.IndexingError, match="label 9"):
            run()


def test_what_never_comes_to_rest_is_told_once() -> None:
    table = {"x": np.ones(2)}
    run = frozen(lambda: W[:2] * table["x"])
    with pytest.warns(tg.CaptureWarning, match=r"test_variables.py:\d+: it depends on table.x, which is another one in every call") as notices:
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


def test_hooks_and_requires_grad_are_seen_whenever_they_are_set() -> None:
    count = changes.count
    w, v = (tg.Tensor([k, 2.0], requires_grad=True) for k in (1.0, 3.0))
    assert changes.count == count  # making a tensor sets nothing anew

    def step() -> Any:
        loss = (w * v * v).sum()
        w.grad = v.grad = None
        loss.backward()
        return loss

    run = frozen(step, strict=True)
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


def leaf(*values: float) -> Any:
    data = values[0] if len(values) == 1 else list(values)
    return tg.Tensor(data, requires_grad=True)


def replays(f: Any, *args: Any) -> Any:
    """``f`` compiled, and called until it replays."""
    run = frozen(f, strict=True)
    for _ in range(3):
        run(*args)
    assert run.program is not None
    return run


def test_learning_rates_stay_live() -> None:
    w, other = leaf(3.0, 4.0), leaf(3.0, 4.0)
    optimizers = [tg.optim.SGD([p], lr=0.1) for p in (w, other)]

    def step(p: Any, optimizer: Any) -> Any:
        loss = (p * p).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = frozen(lambda: step(w, optimizers[0]), strict=True)
    for i in range(8):
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = 0.1 / (1 + i)
        assert run().item() == step(other, optimizers[1]).item()


def test_momentum_switched_on_later_is_used() -> None:
    w, other = leaf(3.0), leaf(3.0)
    optimizers = [tg.optim.SGD([p], lr=0.1) for p in (w, other)]

    def step(p: Any, optimizer: Any) -> Any:
        loss = p * p
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = frozen(lambda: step(w, optimizers[0]), strict=True)
    for i in range(12):
        if i == 5:
            for optimizer in optimizers:
                optimizer.param_groups[0]["momentum"] = 0.9
        assert run().item() == step(other, optimizers[1]).item()


def test_parameters_set_from_outside_are_seen() -> None:
    w = leaf(1.0, 2.0)
    run = replays(lambda: (w * w).sum())
    w.data = np.array([3.0, 4.0])
    assert run().item() == 25.0
    w.data[0] = 0.0
    assert run().item() == 16.0
    with tg.no_grad():
        w.assign([1.0, 1.0])
    assert run().item() == 2.0


def test_loaded_weights_are_seen() -> None:
    model, x = tg.nn.Linear(2, 1), tg.Tensor([[1.0, 2.0]])
    run = replays(lambda: model(x).sum())
    model.load_state_dict({"weight": np.array([[1.0, 1.0]]), "bias": np.array([0.5])})
    assert run().item() == 3.5


def test_a_replaced_parameter_is_captured_again() -> None:
    model, x = tg.nn.Linear(2, 1, bias=False), tg.Tensor([[1.0, 2.0]])
    run = replays(lambda: model(x).sum())
    model.weight = tg.nn.Parameter([[5.0, 5.0]])
    assert [run().item() for _ in range(4)] == [15.0] * 4


def test_a_variable_bound_to_other_data_is_seen() -> None:
    x = tg.Tensor([1.0, 2.0])
    run = replays(lambda: (x * 2).sum())
    x = tg.Tensor([5.0, 5.0])
    assert run().item() == 20.0


def test_a_number_in_a_variable_is_seen() -> None:
    scale, x = 2.0, tg.Tensor([1.0, 2.0])
    run = replays(lambda: (x * scale).sum())
    scale = 5.0
    assert run().item() == 15.0


def test_an_array_changed_in_place_is_seen() -> None:
    batch, w = np.ones(3), leaf(2.0)
    run = replays(lambda: (w * batch).sum())
    batch[:] = [1.0, 2.0, 3.0]
    assert run().item() == 12.0


def test_an_array_changed_in_place_is_seen_by_the_gradient() -> None:
    batch, w, other = np.ones(3), leaf(2.0), leaf(2.0)

    def step(p: Any) -> None:
        p.zero_grad()
        ((p * batch) ** 2).sum().backward()

    run = replays(lambda: step(w))
    batch[:] = [1.0, 2.0, 3.0]
    run()
    step(other)
    assert w.grad.item() == other.grad.item() == 2 * 2.0 * 14.0


def test_data_that_was_computed_with_ahead_is_computed_again() -> None:
    x, w = tg.Tensor([1.0, 2.0]), leaf(1.0)
    run = replays(lambda: (tg.exp(x) * w).sum())
    assert any(i.phase == "once" for i in run.program.instructions)
    with tg.no_grad():
        x.assign([0.0, 0.0])
    assert run().item() == 2.0
