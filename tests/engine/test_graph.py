"""The graph: what it is made of, and what becomes of long, shared and dropped ones."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.engine.graph import Node, leaves_of, nodes_of, operations_of, walk
from tinygrad_gd.ground.registry import NAMES


def leaf(value: Any = 3.0, **options: Any) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, **options)


def chain(x: tg.Tensor, length: int) -> tg.Tensor:
    for _ in range(length):
        x = x + 1.0
    return x


def test_the_graph_is_data() -> None:
    a, b = leaf(2.0), leaf(5.0)
    out = a * b
    assert out._primitive is NAMES["multiply"] and out.inputs == (a, b)
    assert out._seq > max(a._seq, b._seq)


@pytest.mark.parametrize("length", [10_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_long_chains_are_freed_by_reference_counting_alone(length: int) -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf()
        before = sys.getallocatedblocks()
        out = chain(x, length)
        recorded = sys.getallocatedblocks() - before
        out.backward()
        assert x.grad is not None and x.grad.item() == 1
        x.zero_grad()
        del out
        left = sys.getallocatedblocks() - before
    finally:
        gc.enable()
    assert 1 <= recorded / length <= 5
    assert left < 1_000  # the same for any length: the interpreter keeps some free objects


def test_an_operation_of_a_chain_takes_few_bytes() -> None:
    length = 10_000
    gc.collect()
    gc.disable()
    try:
        tracemalloc.start()
        x = leaf()
        before = tracemalloc.get_traced_memory()[0]
        out = chain(x, length)
        recorded = tracemalloc.get_traced_memory()[0] - before
        out.backward()
        x.zero_grad()
        del out
        left = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    finally:
        gc.enable()
    assert 100 <= recorded / length <= 700
    assert left < 200_000


def test_the_garbage_collector_sees_one_object_per_operation_on_two_inputs() -> None:
    x = leaf()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        out = chain(x, 1_000)
        seen = len(gc.get_objects()) - before
    finally:
        gc.enable()
    assert out.inputs[1] == 1.0 and seen < 1_050  # with a tuple for the inputs, 2,000


def test_a_dropped_graph_leaves_no_cycles() -> None:
    gc.collect()
    x = leaf([1.0, 2.0])
    (np.exp(x) @ x).backward()
    del x
    assert gc.collect() == 0


def test_reconvergent_graphs_are_walked_once() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(1000):
        y = (y + y) * 0.5
    y.backward()
    assert x.grad is not None and x.grad.item() == 1


# -- the one door for those who read it ------------------------------------------------------------


class Listener(tg.Observer):
    """Notes what is read."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def read(self, tensor: Any, how: str) -> None:
        self.heard.append(how)

    def takes_gradient(self, leaf: Any) -> None:
        self.heard.append("grad")


def test_a_tensor_says_what_made_it() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    total = w.sum(axis=0, keepdims=True)
    assert (w.op, w.inputs, dict(w.params)) == (None, (), {}) and w.is_leaf
    assert total.op is NAMES["sum"] and total.inputs == (w,)
    assert dict(total.params) == {"axis": 0, "keepdims": True}
    assert dict(tg.nn.Parameter([1.0]).params) == {}
    with pytest.raises(TypeError):
        total.params["axis"] = 1  # type: ignore[index]
    for name in ("op", "inputs", "params"):
        with pytest.raises(AttributeError):
            setattr(total, name, None)


def test_nodes_are_read_without_anybody_hearing_of_it() -> None:
    w = tg.Tensor(3.0, requires_grad=True, name="w")
    h = w * 2.0
    loss = h * h + w
    loss.backward()
    with tg.observe(Listener()) as listener:
        nodes = nodes_of(loss)
        assert [n.op.name for n in nodes] == ["multiply", "multiply", "add"]
        assert nodes[0].tensor is h and nodes[-1].tensor is loss
        assert [n.value.item() for n in nodes] == [6.0, 36.0, 39.0] and nodes[0].shape == ()
        assert nodes[0].inputs == (w, 2.0) and not nodes[0].params
        assert sorted(n.number for n in nodes) == [n.number for n in nodes]
        assert Node(w).grad == 25.0 and nodes[0].grad is None and Node(w).op is None
        assert not Node(w).hooked and nodes[0].line is None
        with pytest.raises(ValueError, match="read-only"):
            nodes[0].value[...] = 0
        with pytest.raises(AttributeError):
            nodes[0].value = 0  # type: ignore[misc]
    assert listener.heard == []
    h.retain_grad()
    assert Node(h).hooked and leaves_of(loss) == [w]


def test_lines_are_known_where_somebody_noted_them() -> None:
    w = tg.Tensor(3.0, requires_grad=True)
    with tg.detect_anomaly():
        h = w * 2.0
    loss = h + 1.0
    first, second = nodes_of(loss)
    assert first.line is not None and first.line.startswith(f"{__file__}:") and second.line is None


def test_walks_end_where_they_are_told_to() -> None:
    w = tg.Tensor(3.0, requires_grad=True)
    h = w * 2.0
    loss = h * h + h
    assert set(walk([loss])) == {loss, h, w, loss.inputs[0]}
    assert set(walk([loss], lambda t: t is h)) == {loss, h, loss.inputs[0]}
    assert list(walk([loss, loss], lambda t: True)) == [loss]
    assert nodes_of(w) == [] and leaves_of(w) == []


def test_operations_of_several_roots_come_once_and_in_order() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    shared = w * 2
    first, second = shared + 1, np.exp(shared)
    assert operations_of([second, first]) == [shared, first, second] == operations_of([first, second, shared])
    assert operations_of([w]) == []


def test_the_gradient_is_read_with_its_graph() -> None:
    w = tg.Tensor(3.0, requires_grad=True)
    assert Node(w).gradient is None
    (w ** 3).backward(create_graph=True)
    assert Node(w).gradient is w.grad and w.grad is not None and w.grad.op is not None
