"""The graph: what it is made of, and what becomes of long, shared and dropped ones."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
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
