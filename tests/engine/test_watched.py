"""A watched run: what is noted of operations and of everything else, and for how long."""

from __future__ import annotations

import gc
import sys
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.engine import graph, watched
from tinygrad_gd.engine.graph import Node, nodes_of


def after() -> str:
    """The line that follows."""
    return f"{__file__}:{sys._getframe(1).f_lineno + 1}"


class Block(tg.nn.Module):
    def __init__(self) -> None:
        self.layers = [tg.nn.Linear(2, 3), tg.nn.Tanh(), tg.nn.Linear(3, 2)]

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        mixed = x * 0.5
        return mixed + 1


class Net(tg.nn.Module):
    def __init__(self) -> None:
        self.block = Block()

    def forward(self, x: Any) -> Any:
        once = self.block(x)
        return self.block(once)


def test_operations_know_module_class_call_and_line() -> None:
    net = Net()
    with tg.study.watch() as run:
        line = after()
        out = net(np.ones((4, 2)))
        loss = out.sum()
    told = [(e.what, e.call.path, e.call.kind, e.call.number) if e.call else (e.what,) for e in run.operations]
    once = [("linear", "block.layers.0", "Linear", 0), ("tanh", "block.layers.1", "Tanh", 0),
            ("linear", "block.layers.2", "Linear", 0), ("multiply", "block", "Block", 0), ("add", "block", "Block", 0)]
    assert told == [*once, *[(*e[:3], 1) for e in once], ("sum",)]
    first = run.operations[0]
    assert first.call is not None and first.call.around is not None
    assert [c.title for c in first.call.chain] == ["net", "block", "block.layers.0"]
    assert first.call.around is run.operations[3].call is not run.operations[8].call
    nodes = nodes_of(loss)
    assert [n.module for n in nodes] == [e.call.path if e.call else None for e in run.operations]
    assert nodes[-1].line is not None and nodes[-1].line != line and nodes[-1].line.startswith(__file__)
    assert nodes[0].line == nodes[1].line == nodes[5].line != nodes[3].line


def test_names_of_variables_that_are_gone_are_known() -> None:
    net = Net()
    with tg.study.watch() as run:
        loss = net(np.ones((4, 2))).sum()
        loss.backward()
    assert [e.name for e in run.operations] == ["x", "x", "x", "mixed", "once", "x", "x", "x", "mixed", "", "loss"]
    assert run.operations[4].arguments == ("mixed", "1")
    assert run.operations[0].arguments[1:] == ("block.layers.0.weight", "block.layers.0.bias")


def test_operations_that_need_no_gradient_are_noted_with_their_inputs() -> None:
    w, data = tg.Tensor([1.0, 2.0], requires_grad=True, name="w"), np.array([1.0, 2.0])
    with tg.study.watch() as run:
        with tg.no_grad():
            line = after()
            h = w * data
            k = h + 1
        cut = (w * 3).detach()
    assert [(e.what, e.recorded, e.line == line) for e in run.operations] == [
        ("multiply", False, True), ("add", False, False), ("multiply", True, False)]
    assert run.operations[0].arguments == ("w", "data") and run.operations[1].arguments == ("h", "1")
    assert run.inputs_of(run.operations[1]) == [run.operations[0], None]
    event = Node(cut).event
    assert event is not None and (event.kind, event.what) == ("leaf", "detach")
    assert run.inputs_of(event) == [run.operations[2]]
    made = Node(k).event
    assert made is run.operations[1] and made.tensor is k and made.shape == (2,)
    assert [e.flows for e in run.operations] == [False, False, True] and not event.flows


def test_passes_forgetting_and_steps_are_noted_in_order() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    layer = tg.nn.Linear(2, 1)
    optimizer = tg.optim.SGD([w], lr=0.1)
    with tg.study.watch() as run:
        optimizer.zero_grad()
        loss = (w * w).sum()
        line = after()
        loss.backward()
        optimizer.step()
        w.zero_grad()
        layer.zero_grad()
        w.grad = None
        tg.grad(lambda u: (u * u).sum())(np.ones(2))
        with tg.no_grad():
            w -= 1.0
        loss.item()
    chosen = [e for e in run.events if e.kind in ("zero_grad", "backward", "step", "write", "read")]
    assert [(e.kind, e.what) for e in chosen if e.kind != "write"] == [
        ("zero_grad", "zero_grad"), ("backward", "backward"), ("step", "SGD"), ("zero_grad", "zero_grad"),
        ("zero_grad", "zero_grad"), ("zero_grad", "zero_grad"), ("backward", "gradient"), ("read", "item()")]
    assert [e.within for e in chosen if e.kind == "write"] == ["step", ""]
    assert next(run.of("backward")).line == line
    assert [len(e.inputs) for e in run.of("zero_grad")] == [1, 1, 2, 1]
    assert [[x.what or x.name for x in run.inputs_of(e) if x] for e in run.of("backward")] == [["sum", "w"], ["sum"]]
    assert [e.what for e in run.operations][:2] == ["multiply", "sum"] and all(not e.within for e in run.operations)


def test_a_gradient_that_the_user_takes_is_known_as_such() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    optimizer = tg.optim.SGD([w], lr=0.1)
    with tg.study.watch() as run:
        (w * w).sum().backward()
        optimizer.step()
        assert not [e for e in run.events if e.what == "grad"]
        g = w.grad
        assert g is w.grad
    (event,) = [e for e in run.events if e.what == "grad"]
    assert event is Node(g).event and [x.name for x in run.inputs_of(event) if x] == ["w"]


def test_lbfgs_tells_of_its_step() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    optimizer = tg.optim.LBFGS([w], max_iter=2)

    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with tg.study.watch() as run:
        optimizer.step(closure)
    assert [e.what for e in run.of("step")] == ["LBFGS"] and len(list(run.of("backward"))) > 1


def test_watching_keeps_no_tensor_alive_and_a_failed_forward_leaves_no_module_behind() -> None:
    layer = tg.nn.Linear(2, 1)
    before = set(graph._made)
    with tg.study.watch() as run:
        with pytest.raises(tg.ShapeError):
            layer(np.ones((4, 3)))
        h = tg.Tensor([1.0]) + 1
        assert run.call is None and run.operations[-1].call is None
        assert run.operations[-1].tensor is h
        del h
        gc.collect()
        assert run.operations[-1].tensor is None and run.operations[-1].shape == (1,)
    del layer
    gc.collect()
    assert set(graph._made) <= before


def test_the_last_loss_is_kept() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    with tg.study.watch() as run:
        tg.grad(lambda u: (u * u).sum())(np.ones(2))
        assert run.root is None
        for _ in range(2):
            (w * w).sum().backward()
    assert run.root is not None and run.root.item() == 5.0 and Node(run.root).event is run.operations[-1]


def test_of_a_long_run_the_last_events_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "LIMIT", 10)
    with tg.study.watch() as run:
        t = tg.Tensor(1.0)
        for _ in range(20):
            t = t + 1
    assert len(run.events) == 10
    assert run.inputs_of(run.events[5])[0] is run.events[4] and run.inputs_of(run.events[0])[0] is None
    assert run.at(run.events[0].number) is run.events[0]
