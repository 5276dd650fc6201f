"""What a graph holds, in bytes, and what checkpoints would save."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tinygrad_gd.engine.graph import nodes_of
from tinygrad_gd.engine.watched import note_line
from tinygrad_gd.study.memory import Memory


def chain(h: Any, weight: tg.Tensor, depth: int) -> Any:
    for _ in range(depth):
        h = tg.tanh(h @ weight)
    return h


def test_every_value_that_an_operation_made_counts_once() -> None:
    weight = tg.Tensor(np.ones((30, 30)), requires_grad=True)
    h = tg.Tensor(np.ones((10, 30)))
    held = chain(h, weight, 5).sum().memory()
    assert held.bytes == 10 * (10 * 30 * 8) + 8 and held.operations == 11
    assert held.leaves == 30 * 30 * 8 + 10 * 30 * 8
    assert {x.name: (x.times, x.bytes) for x in held.by_operation} == {
        "matmul": (5, 12_000), "tanh": (5, 12_000), "sum": (1, 8)}
    assert [x.bytes for x in held.by_operation] == sorted((x.bytes for x in held.by_operation), reverse=True)


def test_views_and_leaves_hold_nothing_of_their_own_and_copies_do() -> None:
    x = tg.Tensor(np.ones((4, 6)), requires_grad=True)
    views = (x.T.reshape(3, 8)[1:], x.reshape(24)[None])
    assert all(v.memory().bytes == 0 for v in (x.T, views[1])) and views[0].memory().bytes == 24 * 8
    assert (x * 2).reshape(24).T.sum().memory().bytes == 24 * 8 + 8  # the views show what was made
    data = np.ones(100)
    assert (tg.Tensor(2.0, requires_grad=True) * data).memory().bytes == 2 * 800  # the rule reads a copy


def test_what_checkpoints_would_hold_is_what_they_hold() -> None:
    weight = tg.Tensor(np.eye(20), requires_grad=True)
    start = np.ones((50, 20))
    held = chain(tg.Tensor(start), weight, 24).memory()
    cut = held.cut
    assert cut is not None and cut.kept + cut.again < held.bytes / 2
    bounds = [(after + 1) // 2 for after in cut.after] + [24]
    assert all(after % 2 for after in cut.after)  # where one array goes on, not between two
    h: Any = tg.Tensor(start)
    pieces = []
    for first, last in zip([0, *bounds], bounds, strict=False):
        h = tg.checkpoint(lambda x, n=last - first: chain(x, weight, n))(h)
        pieces.append(chain(tg.Tensor(start), weight, last - first).memory().bytes)
    assert h.memory().bytes == cut.kept + 50 * 20 * 8 and max(pieces) == cut.again
    assert len(pieces) == cut.parts == len(bounds)


def test_no_checkpoints_where_they_would_save_little() -> None:
    x = np.ones(1000)
    scale = tg.Tensor(1.0, requires_grad=True)
    assert (scale * x).sum().memory().cut is None
    wide = [scale * x for _ in range(20)]
    total = wide[0]
    for other in wide[1:]:
        total = total + other
    assert total.memory().bytes > 0 and "checkpoint" not in str((scale + 1).memory())


def test_lines_are_told_where_they_are_known() -> None:
    scale = tg.Tensor(np.ones(100), requires_grad=True)
    loss = ((scale * 2) ** 2).sum()
    assert "tg.study.watch()" in str(loss.memory()) and loss.memory().by_line == ()
    for node in nodes_of(loss):
        note_line(node.tensor)
    held: Memory = loss.memory()
    (line,) = held.by_line
    assert line.name.startswith("test_memory.py:") and line.bytes == held.bytes and line.name in str(held)


def test_the_table_of_many_operations_is_short() -> None:
    x = tg.Tensor([0.5], requires_grad=True)
    for function in (np.exp, np.sin, np.cos, np.tanh, np.sinh, np.cosh, np.arctan, np.square, np.log1p, np.cbrt):
        x = function(x)
    text = str(x.memory())
    assert "2 others" in text and len(text.splitlines()) < 20


MISUSE: Table = {
    "a leaf": (lambda: w().memory(), RuntimeError, "not recorded"),
    "no tensor": (lambda: tg.study.memory.memory(3.0), TypeError, "expected a Tensor"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


def test_one_more_row_is_shown_as_it_is() -> None:
    w: Any = tg.Tensor(np.full(3, 0.5), requires_grad=True)
    for call in (np.exp, np.sin, np.cos, np.tanh, np.arctan, np.log1p, np.cosh, np.sinh, np.expm1):
        w = call(w)
    told = str(w.memory())
    assert "others" not in told and "expm1" in told


def test_the_answer_ends_with_its_last_line() -> None:
    w = tg.Tensor(np.ones(5), requires_grad=True, name="w")
    with tg.study.watch():
        watched = (w * 2.0).sum()
    assert str(watched.memory()).split("\n")[-1].startswith("test_memory.py:")
    assert str((w * 2.0).sum().memory()).splitlines()[-2] == ""
