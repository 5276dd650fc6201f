"""Parameters and modules under names that are computed, as scripts for PyTorch set them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused


def tower_of(nn: Any) -> Any:
    class Tower(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            for i in range(3):
                self.add_module(f"layer{i}", nn.Linear(4, 4))
            self.register_module("0", nn.Tanh())
            self.register_parameter("scale", nn.Parameter(nn.Linear(1, 4, bias=False).weight.reshape(-1).detach()))
            self.register_parameter("shift", None)
            self.add_module("head", None)

        def forward(self, x: Any) -> Any:
            for i in range(3):
                x = getattr(self, f"layer{i}")(x)
            return x * self.scale

    return Tower()


def test_names_and_states_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    ours, theirs = tower_of(tg.nn), tower_of(torch.nn)
    assert [n for n, _ in ours.named_children()] == [n for n, m in theirs.named_children() if m is not None]
    assert set(ours.state_dict()) == set(theirs.state_dict())
    assert ours.shift is theirs.shift is ours.head is theirs.head is None


def test_a_row_gets_modules_at_its_end() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    found = []
    for nn in (tg.nn, torch.nn):
        net = nn.Sequential(nn.Linear(2, 3))
        net.add_module("act", nn.Tanh())
        net.add_module("2", nn.Linear(3, 1))
        net.add_module("act", nn.ReLU())  # in the place of the first
        net.register_module("last", nn.Sigmoid())
        table = nn.ModuleDict()
        table.add_module("a", nn.Linear(1, 1))
        row = nn.ModuleList()
        row.add_module("0", nn.Linear(1, 1))
        found.append([len(net), [n for n, _ in net.named_children()], list(net.state_dict()),
                      [type(m).__name__ for m in net], list(table), len(row)])
    assert found[0] == found[1]


def test_what_was_registered_learns_is_saved_and_pickled() -> None:
    tower = tower_of(tg.nn)
    with tg.no_grad():
        tower.scale.assign(np.arange(4.0))
    optimizer = tg.optim.SGD(tower.parameters(), lr=0.1)
    step: Any = tg.compile(lambda x: (tower(x) ** 2).sum())
    for _ in range(4):
        optimizer.zero_grad()
        step(tg.Tensor(np.ones((2, 4)))).backward()
        optimizer.step()
    assert all(p.grad is not None for p in tower.parameters())
    fresh = tower_of(tg.nn)
    fresh.load_state_dict(tower.state_dict())
    assert np.array_equal(fresh(np.ones(4)), tower(np.ones(4)))


def test_a_row_that_grew_is_pickled() -> None:
    net = tg.nn.Sequential()
    net.add_module("first", tg.nn.Linear(2, 3))
    net.register_parameter("extra", tg.nn.Parameter(1.0))
    other = pickle.loads(pickle.dumps(net))
    assert set(other.state_dict()) == {"first.weight", "first.bias", "extra"} and len(other) == 1


def module() -> tg.nn.Module:
    made = tg.nn.Module()
    made.size = 3
    made.weight = tg.nn.Parameter(1.0)
    return made


MISUSE: Table = {
    "an array": (lambda: module().register_parameter("w", np.ones(2)), TypeError,  # type: ignore[arg-type]
                 r"register_parameter: expected a Parameter, got .*write tg\.nn\.Parameter\(values\)"),
    "a function": (lambda: module().add_module("act", tg.relu), TypeError, r"add_module: expected a module.*tg\.nn\.ReLU\(\)"),  # type: ignore[arg-type]
    "no name": (lambda: module().add_module(3, tg.nn.ReLU()), TypeError, "names are strings, got int 3"),  # type: ignore[arg-type]
    "a method": (lambda: module().add_module("forward", tg.nn.ReLU()), ValueError, "'forward' is an attribute of Module already"),
    "a number": (lambda: module().register_parameter("size", None), ValueError, "'size' is an attribute of Module already"),
    "a parameter": (lambda: module().add_module("weight", tg.nn.ReLU()), ValueError, "'weight' is an attribute"),
    "a path": (lambda: module().add_module("a.b", tg.nn.ReLU()), ValueError, "names of parameters and modules have no dot"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
