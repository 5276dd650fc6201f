"""Containers: what they hold, under which names, after each change; as in PyTorch."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused


def line(nn: Any, n: int) -> Any:
    """A layer that is known by its number of outputs."""
    return nn.Linear(1, n)


def widths(module: Any) -> list[tuple[str, int]]:
    return [(name, child.out_features) for name, child in module.named_children()]


def appended(nn: Any) -> Any:
    return nn.Sequential(line(nn, 1)).append(line(nn, 2)).extend([line(nn, 3), line(nn, 4)])


def inserted(nn: Any) -> Any:
    return nn.Sequential(line(nn, 1), line(nn, 2)).insert(0, line(nn, 3)).insert(3, line(nn, 4)).insert(-1, line(nn, 5))


def deleted(nn: Any) -> Any:
    made = nn.Sequential(*(line(nn, n) for n in range(1, 6)))
    del made[1]
    del made[2:]
    return made


def replaced(nn: Any) -> Any:
    made = nn.Sequential(OrderedDict(a=line(nn, 1), b=line(nn, 2)))
    made[-1] = line(nn, 7)
    return made


def listed(nn: Any) -> Any:
    made = nn.ModuleList([line(nn, 1), line(nn, 2)])
    made += [line(nn, 3)]
    made.insert(1, line(nn, 4))
    made.append(line(nn, 5)).extend(line(nn, n) for n in (6, 7))
    del made[0]
    made.pop(2)
    made[0] = line(nn, 8)
    return made


def by_name(nn: Any) -> Any:
    made = nn.ModuleDict({"a": line(nn, 1), "b": line(nn, 2), "c": line(nn, 3)})
    made["d"] = line(nn, 4)
    made["a"] = line(nn, 5)
    made.update([("e", line(nn, 6))])
    del made["b"]
    made.pop("c")
    return made


#: How a container is made, with this package or with PyTorch, and names and widths of its layers.
CHANGES: dict[str, tuple[Callable[[Any], Any], list[tuple[str, int]]]] = {
    "in a row": (lambda nn: nn.Sequential(line(nn, 1), line(nn, 2)), [("0", 1), ("1", 2)]),
    "named": (lambda nn: nn.Sequential(OrderedDict(a=line(nn, 1), b=line(nn, 2))), [("a", 1), ("b", 2)]),
    "appended": (appended, [("0", 1), ("1", 2), ("2", 3), ("3", 4)]),
    "inserted": (inserted, [("0", 3), ("1", 1), ("2", 2), ("3", 5), ("4", 4)]),
    "deleted": (deleted, [("0", 1), ("1", 3)]), "replaced": (replaced, [("a", 1), ("b", 7)]),
    "a slice": (lambda nn: appended(nn)[1:3], [("1", 2), ("2", 3)]),
    "a slice of names": (lambda nn: replaced(nn)[1:], [("b", 7)]),
    "a sum": (lambda nn: appended(nn)[:2] + inserted(nn)[:1], [("0", 1), ("1", 2), ("2", 3)]),
    "a list": (listed, [("0", 8), ("1", 2), ("2", 5), ("3", 6), ("4", 7)]),
    "a slice of a list": (lambda nn: listed(nn)[1:3], [("0", 2), ("1", 5)]),
    "lists together": (lambda nn: nn.ModuleList([line(nn, 1)]) + nn.ModuleList([line(nn, 2)]), [("0", 1), ("1", 2)]),
    "an empty list": (lambda nn: nn.ModuleList(), []),
    "a dict": (by_name, [("a", 5), ("d", 4), ("e", 6)]),
}


@pytest.mark.parametrize("case", CHANGES)
def test_names_after_a_change(case: str) -> None:
    make, expected = CHANGES[case]
    made = make(tg.nn)
    assert widths(made) == expected and len(made) == len(expected)
    assert [n for n, _ in made.named_parameters()] == [f"{n}.{p}" for n, _ in expected for p in ("weight", "bias")]


@pytest.mark.parametrize("case", CHANGES)
def test_names_after_a_change_are_those_of_pytorch(case: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    theirs = CHANGES[case][0](torch.nn)
    if case == "a dict":  # PyTorch moves what is replaced to its old place as well
        assert dict(widths(theirs)) == dict(CHANGES[case][1])
    else:
        assert widths(theirs) == CHANGES[case][1]


def test_a_slice_runs_the_same_modules_and_grows_under_free_names() -> None:
    net = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.Tanh(), tg.nn.Linear(3, 1))
    x, tail = np.ones((1, 2)), net[1:]
    assert net(x).tolist() == tail(net[0](x)).tolist() and tail[-1] is net[2]
    tail.append(tg.nn.ReLU())  # under "2" PyTorch would replace the last layer
    assert [n for n, _ in tail.named_children()] == ["1", "2", "3"] and tail[1] is net[2]


def test_dicts_of_modules_are_dicts() -> None:
    made: Any = tg.nn.ModuleDict({"a": tg.nn.ReLU(), "b": tg.nn.Tanh()})
    assert "a" in made and "c" not in made and list(made) == list(made.keys()) == ["a", "b"]
    assert dict(made.items())["b"] is made.b is made["b"] and next(iter(made.values())) is made.a
    made.clear()
    assert len(made) == 0 and not hasattr(made, "a")


def test_parameters_in_containers_are_learned() -> None:
    ours: Any = tg.nn.ParameterList([np.ones(2), tg.nn.Parameter(np.zeros(3))])
    ours.append(tg.Tensor([5.0]))
    ours[0] = np.full(2, 7.0)
    assert [(n, p.shape) for n, p in ours.named_parameters()] == [("0", (2,)), ("1", (3,)), ("2", (1,))]
    assert ours[0].tolist() == [7, 7] and all(p.requires_grad for p in ours) and ours[1:][0] is ours[1]
    named: Any = tg.nn.ParameterDict({"w": np.ones(2)})
    named["b"] = tg.nn.Parameter(0.0)
    assert list(named.state_dict()) == ["w", "b"] and named.w is named["w"] and "(w): " in repr(named)


def test_containers_are_copied_and_pickled() -> None:
    for made in (appended(tg.nn), listed(tg.nn), by_name(tg.nn), tg.nn.ParameterList([np.ones(2)])):
        for again in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
            assert len(again) == len(made) and repr(again) == repr(made)
            for name, value in again.state_dict().items():
                np.testing.assert_array_equal(value, made.state_dict()[name])


@pytest.mark.parametrize("case", ["named", "a list", "a dict"])
def test_the_repr_is_that_of_pytorch(case: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    assert repr(CHANGES[case][0](tg.nn)) == repr(CHANGES[case][0](torch.nn))


def test_equal_neighbours_are_shown_once() -> None:
    made = tg.nn.ModuleList([tg.nn.ReLU(), tg.nn.Tanh(), tg.nn.Tanh(), tg.nn.Tanh()])
    assert repr(made) == "ModuleList(\n  (0): ReLU()\n  (1-3): 3 x Tanh()\n)"


def test_compiled_steps_see_layers_that_come_and_go() -> None:
    net = tg.nn.Sequential(tg.nn.Linear(2, 2))
    step, x = tg.compile(lambda t: net(t)), tg.Tensor([[1.0, -1.0]])
    for change in (lambda: net.append(tg.nn.Tanh()), lambda: net.insert(0, tg.nn.Linear(2, 2)), lambda: net.pop()):
        assert step(x).tolist() == step(x).tolist() == net(x).tolist()
        change()
        assert step(x).tolist() == net(x).tolist()


LAYER = tg.nn.ReLU()
MISUSE: Table = {
    "no modules": (lambda: tg.nn.ModuleList([3]), ValueError, "ModuleList: expected modules, got int at 0"),
    "a function": (lambda: tg.nn.ModuleDict({"a": tg.relu}), ValueError, "ModuleDict: expected modules, got .* at a"),
    "a taken name": (lambda: tg.nn.ModuleDict({"items": LAYER}), ValueError, "'items' is an attribute of ModuleDict, which it would hide"),
    "a name that counts": (lambda: tg.nn.Sequential({"forward": LAYER}), ValueError, "'forward' is an attribute of Sequential"),
    "a name with a dot": (lambda: tg.nn.ModuleDict({"a.b": LAYER}), ValueError, "'a.b' of ModuleDict: names"),
    "a number as a name": (lambda: tg.nn.ModuleDict({1: LAYER}), TypeError, "ModuleDict: names are strings, got int 1"),  # type: ignore[dict-item]
    "no such name": (lambda: tg.nn.ModuleDict({"a": LAYER})["b"], IndexError, "ModuleDict: there is no 'b'; there are 'a'"),
    "no such place": (lambda: tg.nn.ModuleList([LAYER])[1], IndexError, "ModuleList: index 1 is not one of its 1 modules"),
    "behind the end": (lambda: tg.nn.Sequential(LAYER).insert(3, LAYER), IndexError, "Sequential.insert: expected a place from 0 to 1, got 3"),
    "extended by one": (lambda: tg.nn.Sequential(LAYER).extend(LAYER), TypeError, "Sequential.extend: expected a list, got ReLU; for one use append"),
    "a module as a dict": (lambda: tg.nn.ModuleDict(LAYER), TypeError, "ModuleDict: expected a dict or pairs.*got ReLU"),  # type: ignore[arg-type]
    "a module added": (lambda: tg.nn.Sequential(LAYER) + LAYER, TypeError, "Sequential: expected a Sequential to add, got ReLU; use append"),  # type: ignore[operator]
    "text as a parameter": (lambda: tg.nn.ParameterList(["a"]), TypeError, "ParameterList: expected a Parameter, a Tensor or an array at 0, got str"),
    "a module as a parameter": (lambda: tg.nn.ParameterDict({"a": LAYER}), TypeError, "ParameterDict: expected a Parameter.* at a, got ReLU"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


def test_what_is_refused_changes_nothing() -> None:
    net = tg.nn.Sequential(tg.nn.Linear(1, 2), LAYER)
    with pytest.raises(tg.OptionError):
        net.append(3)
    assert widths(net[:1]) == [("0", 2)] and len(net) == 2 and net[1] is LAYER
