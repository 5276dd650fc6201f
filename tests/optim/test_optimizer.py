"""Optimizers of one's own."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w


def test_a_derived_optimizer_updates_in_its_own_way() -> None:
    class Signs(tg.optim.SGD):
        def update(self, p: Any, g: Any, options: Any) -> None:
            p -= options["lr"] * np.sign(g)

    w = tg.Tensor([1.0, -2.0], requires_grad=True)
    (w * w * 5).sum().backward()
    Signs([w], lr=0.5).step()
    assert w.tolist() == [0.5, -1.5]


class Twofold(tg.optim.Optimizer):
    def __init__(self, params: Any, lr: Any = 0.1, twice: Any = False) -> None:
        super().__init__(params, {"lr": lr, "twice": twice})

    def update(self, p: tg.Tensor, g: tg.Tensor, options: Any) -> None:
        p -= (2 if options["twice"] else 1) * options["lr"] * g


def test_optimizers_of_ones_own_may_have_switches() -> None:
    p = w(1.0)
    p.grad = 1.0
    Twofold([p], lr=np.float32(0.25), twice=True).step()
    assert p.item() == 0.5
    assert tg.optim.Optimizer([p], {"rate": 1.0}).param_groups[0]["rate"] == 1.0
    with pytest.raises(TypeError, match="Twofold: lr must be a number, got bool"):
        Twofold([p], lr=True)


class Adam(tg.optim.Optimizer):
    """Kept as short as a user would write it."""

    def update(self, p: Any, g: Any, options: Any) -> None:
        m, v = (self.remembered(p, name, like=p) for name in "mv")
        m *= 0.9
        m += 0.1 * g
        v *= 0.99
        v += 0.01 * (g * g)
        p -= options["lr"] * m / (np.sqrt(v) + 1e-8)


def test_what_is_remembered_is_made_once_and_named() -> None:
    p = tg.Tensor([1.0, 2.0], requires_grad=True, name="p")
    optimizer = Adam([p], {"lr": 0.1})
    assert optimizer.state == {}
    m = optimizer.remembered(p, "m", like=p)
    assert m.name == "p.m" and m.tolist() == [0.0, 0.0] and m.dtype == p.dtype and not m.requires_grad
    assert optimizer.remembered(p, "m", like=p) is m and optimizer.state[p]["m"] is m
    unnamed = tg.Tensor(np.float32(1.0), requires_grad=True)
    assert optimizer.remembered(unnamed, "m", like=unnamed).name is None
    assert optimizer.state[unnamed]["m"].dtype == np.float32


def test_an_optimizer_over_what_is_remembered_is_compiled_and_saved() -> None:
    def run(compiled: bool) -> tuple[list[float], Any]:
        tg.manual_seed(0)
        net = tg.nn.Linear(3, 2)
        optimizer = Adam(net.parameters(), {"lr": 0.01})
        x = np.random.default_rng(0).normal(size=(5, 3))

        def step() -> Any:
            loss = (net(x) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run_step = tg.compile(step, strict=True) if compiled else step
        return [run_step().item() for _ in range(6)], optimizer

    (losses, eager), (again, compiled) = run(False), run(True)
    assert losses == again and losses[-1] < losses[0]
    for one, other in zip(eager.state.values(), compiled.state.values(), strict=True):
        assert [v.name for v in one.values()] == [v.name for v in other.values()]
        assert all(np.array_equal(a, b) for a, b in zip(one.values(), other.values(), strict=True))
    saved = eager.state_dict()
    fresh = Adam([p.detach().requires_grad_() for p in eager.state], {"lr": 0.01})
    fresh.load_state_dict(saved)
    assert [sorted(s) for s in fresh.state.values()] == [["m", "v"]] * 2


# -- options are set in groups --------------------------------------------------------------------


def sgd(**options: Any) -> Any:
    return tg.optim.SGD([w(1.0)], **{"lr": 0.1, **options})


def group(**options: Any) -> Any:
    """A group, with the optimizer that it belongs to."""
    made = sgd(**options)
    return KEPT.setdefault(len(KEPT), made).param_groups[0]


KEPT: dict[int, Any] = {}

#: How an option is set that does not exist or has no such value, and what the error says.
WRONG: Table = {
    "lr as text": (lambda: group().__setitem__("lr", "0.1"), TypeError, "SGD: lr must be a number, got str"),
    "lr nan": (lambda: group().__setitem__("lr", np.nan), ValueError, "SGD: lr must be >= 0, got nan"),
    "lr below 0": (lambda: group().update(lr=-1), ValueError, "SGD: lr must be >= 0, got -1"),
    "lr of nothing": (lambda: group().update({"lr": None}), TypeError, "SGD: lr must be a number, got NoneType"),
    "lr inf": (lambda: group().update([("lr", np.inf)]), ValueError, "SGD: lr must be finite, got inf"),
    "lr of a Tensor": (lambda: group().__setitem__("lr", tg.Tensor(0.1)), TypeError, r"SGD: lr must be.*write \.item\(\)"),
    "learning_rate": (lambda: group().__setitem__("learning_rate", 0), ValueError, "unknown option 'learning_rate', write lr=; options are lr"),
    "LR": (lambda: group().setdefault("LR", 0), ValueError, "unknown option 'LR'; options are lr"),
    "joined": (lambda: group().__ior__({"rate": 0}), ValueError, "unknown option 'rate'"),
    "momentum": (lambda: group().__setitem__("momentum", -0.1), ValueError, "SGD: momentum must be >= 0"),
    "weight_decay": (lambda: group().__setitem__("weight_decay", "0"), TypeError, "SGD: weight_decay must be a number"),
    "dampening": (lambda: group().__setitem__("dampening", -np.inf), ValueError, "SGD: dampening must be finite"),
    "nesterov": (lambda: group().__setitem__("nesterov", 1), TypeError, "SGD: nesterov: expected True or False"),
    "nesterov alone": (lambda: group().__setitem__("nesterov", True), ValueError, "nesterov needs momentum > 0"),
    "no parameters": (lambda: group().__setitem__("params", []), ValueError, "the parameter list is empty"),
    "a result": (lambda: group().__setitem__("params", [w() * 2]), RuntimeError, "not a leaf"),
    "attribute": (lambda: setattr(sgd(), "lr", 0), ValueError, r'SGD\.lr: options.*would change nothing; write optimizer\.param_groups\[0\]\["lr"\] = value'),
    "attribute of another name": (lambda: setattr(sgd(), "learning_rate", 0), ValueError, r'param_groups\[0\]\["lr"\] = value'),
    "attribute of another option": (lambda: setattr(sgd(), "momentum", 0), ValueError, r'param_groups\[0\]\["momentum"\] = value'),
    "defaults": (lambda: sgd().defaults.__setitem__("lr", 0), ValueError, r'defaults: the options.*write optimizer\.param_groups\[0\]\["lr"\]'),
    "all defaults": (lambda: sgd().defaults.update(lr=0, momentum=0), ValueError, "defaults: the options"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_option_is_refused_where_it_is_set(case: str) -> None:
    refused(WRONG[case])


def test_attributes_of_a_group_are_no_options() -> None:
    with pytest.raises(AttributeError):
        group().lr = 0


def test_a_group_that_is_refused_is_as_it_was() -> None:
    optimizer = sgd(momentum=0.5)
    before = dict(optimizer.param_groups[0])
    for changes in ({"lr": 0.5, "momentum": -1}, {"nesterov": True, "rate": 1}, {"params": optimizer.param_groups}):
        with pytest.raises(tg.TinygradGdError):
            optimizer.param_groups[0].update(changes)
        assert optimizer.param_groups[0] == before


def test_options_are_set_in_every_way_of_dicts() -> None:
    optimizer, other = sgd(), w(2.0)
    options = optimizer.param_groups[0]
    options["lr"] = 0.5
    options.update(momentum=0.9, nesterov=np.True_)
    options |= {"weight_decay": np.float32(0.25)}
    assert options.setdefault("lr", 7) == 0.5 and options["nesterov"] is True and options is optimizer.param_groups[0]
    options["params"] = (p for p in [other])  # which could be walked once only
    for _ in range(2):
        other.grad = 0.0
        optimizer.step()
    assert options["params"] == [other] and other.item() < 1.6


def test_a_group_put_in_as_a_dict_is_checked_in_each_step() -> None:
    p = w(1.0)
    p.grad = 1.0
    optimizer = tg.optim.SGD([p], lr=0.5)
    own = optimizer.param_groups[0] = dict(optimizer.param_groups[0])
    optimizer.step()
    assert p.item() == 0.5
    for name, value in (("lr", -1), ("rate", 1)):
        own[name] = value
        with pytest.raises(tg.OptionError, match=name):
            optimizer.step()
        own.update(lr=0.5)
    assert p.item() == 0.5


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_copies_of_optimizers_check_and_copies_of_groups_are_plain(copied: Callable[[Any], Any]) -> None:
    optimizer = sgd(momentum=0.5)
    for made in (copied(optimizer.param_groups[0]), copied(optimizer.state_dict()), copied(optimizer.defaults),
                 optimizer.param_groups[0].copy(), copy.copy(optimizer.param_groups[0])):
        assert type(made) is dict
    other = copied(optimizer)
    for name in ("lr", "rate"):
        with pytest.raises(tg.OptionError, match=name):
            other.param_groups[0][name] = -1
    with pytest.raises(tg.OptionError, match="defaults"):
        other.defaults["lr"] = 1
    other.param_groups[0]["params"][0].grad = 1.0
    other.param_groups[0]["lr"] = 1.0
    other.step()
    assert other.param_groups[0]["params"][0].item() == 0.0 and optimizer.param_groups[0]["lr"] == 0.1


def test_an_optimizer_of_ones_own_may_have_an_attribute_of_that_name() -> None:
    class Own(Twofold):
        @property
        def lr(self) -> Any:
            return self.param_groups[0]["lr"]

        @lr.setter
        def lr(self, value: float) -> None:
            self.param_groups[0]["lr"] = value

    own = Own([w(1.0)])
    own.lr = 0.5
    own.count = 3  # type: ignore[attr-defined]
    assert own.param_groups[0]["lr"] == own.lr == 0.5
    with pytest.raises(tg.OptionError, match=r'Own\.twice: .*param_groups\[0\]\["twice"\]'):
        own.twice = True  # type: ignore[attr-defined]


def test_a_compiled_step_follows_options_that_are_set() -> None:
    p = w(1.0)
    optimizer = tg.optim.SGD([p], lr=0.5)

    def step() -> Any:
        loss = p * 1.0
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    compiled = tg.compile(step, strict=True)
    for rate in (0.5, 0.5, 0.5, 0.25, 0.125):
        before, optimizer.param_groups[0]["lr"] = p.item(), rate
        compiled()
        assert p.item() == before - rate
    with pytest.raises(tg.OptionError):
        optimizer.param_groups[0]["lr"] = np.nan
    assert compiled.program


# -- states in files ------------------------------------------------------------------------------


@pytest.mark.parametrize("save", [
    lambda path, state: np.savez(path, **state), lambda path, state: np.savez_compressed(path, **state),
    lambda path, state: np.savez(path, optimizer=state), lambda path, state: np.save(path, state),
    lambda path, state: np.savez(path, groups=state["param_groups"]), lambda path, state: np.array(state["state"]),
])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_state_is_not_pickled_by_numpy_in_passing(save: Any, momentum: float, tmp_path: Path) -> None:
    p = w()
    p.grad = p.detach()
    optimizer = tg.optim.SGD([p], lr=0.1, momentum=momentum)
    optimizer.step()
    with pytest.raises(tg.DTypeError, match=r"write tg\.save\(optimizer\.state_dict\(\), path\), and optimizer\.load"):
        save(tmp_path / "state.npz", optimizer.state_dict())
    tg.save(optimizer.state_dict(), tmp_path / "state.npz")
    other = tg.optim.SGD([w()], lr=1)
    other.load_state_dict(tg.load(tmp_path / "state.npz"))
    assert other.param_groups[0]["lr"] == 0.1 and other.param_groups[0]["momentum"] == momentum
    assert repr(list(other.state.values())) == repr(list(optimizer.state.values()))


def test_a_number_of_numpy_is_remembered_as_a_tensor() -> None:
    p = w(1.0)
    p.grad = 0.0
    optimizer = tg.optim.SGD([p], lr=1.0, momentum=0.5)
    optimizer.load_state_dict({"param_groups": [{"params": [0]}], "state": {0: {"velocity": np.float64(4.0)}}})
    optimizer.step()
    optimizer.step()
    assert p.item() == 1 - 2 - 1


# -- threads --------------------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.0, 1.0])
def test_no_step_is_lost_between_threads(momentum: float) -> None:
    size = 50_000  # NumPy lets others go on while it computes so many
    p = tg.Tensor(np.ones(size), requires_grad=True)
    p.grad = np.ones(size)
    optimizer = tg.optim.SGD([p], lr=1.0, momentum=momentum)
    turn, failed, before = threading.Barrier(4, timeout=60), [], sys.getswitchinterval()

    def work() -> None:
        try:
            for _ in range(50):
                turn.wait()
                optimizer.step()
            assert tg.is_grad_enabled()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    steps = 200
    assert not failed and (p.numpy() == 1 - (steps * (steps + 1) / 2 if momentum else steps)).all()
