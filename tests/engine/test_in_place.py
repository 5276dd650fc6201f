"""``+=`` and its kin change the Tensor itself, for all who hold it, unless something must be recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg


def w(value: Any = 2.0) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, name="w")


def test_running_means_and_gradients_are_changed_where_they_are() -> None:
    averages, news = [tg.Tensor([1.0, 2.0]), tg.Tensor(3.0)], [tg.Tensor([5.0, 6.0]), tg.Tensor(1.0)]
    for a, n in zip(averages, news, strict=True):
        a *= 0.9
        a += 0.1 * n
    assert averages[0].tolist() == pytest.approx([1.4, 2.4]) and averages[1].item() == pytest.approx(2.8)
    t = w([1.0, 2.0])
    (t * t).sum().backward()
    for g in [t.grad]:
        g *= 0.5
    assert t.grad is not None and t.grad.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", ["iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow"])
@pytest.mark.parametrize("value", [3.0, [3.0, 4.0], np.float32(3.0)])
def test_every_operator_writes_in_place_as_numpy_does(name: str, value: Any) -> None:
    operation = getattr(__import__("operator"), name)
    for other in (2.0, np.float64(2.0), tg.Tensor(2.0, dtype=np.float32), [2.0]):
        if isinstance(other, list) and not isinstance(value, list):
            continue
        t, expected = tg.Tensor(value), np.array(value)
        held = operation(t, other)
        operation(expected, other.numpy() if isinstance(other, tg.Tensor) else other)
        assert held is t and t.dtype == expected.dtype and t.tolist() == expected.tolist()


def test_what_must_be_recorded_is_a_new_tensor() -> None:
    t = w([1.0, 2.0])
    total = alias = tg.Tensor(0.0)
    total += (t * t).sum()
    assert total is not alias and total.requires_grad and alias.item() == 0.0
    recorded = kept = t * 2.0
    recorded += 1.0
    assert recorded is not kept and kept.tolist() == [2.0, 4.0]
    total += [(t * t).sum()][0]
    total.backward()
    assert t.grad is not None and t.grad.tolist() == [4.0, 8.0]
    with pytest.raises(tg.GradError, match="leaf that requires a gradient"):
        t += 1.0
    rows = tg.Tensor([0.0, 0.0])
    rows += [t[0], t[1]]
    assert rows.requires_grad and rows.tolist() == [1.0, 2.0]


def test_variables_of_a_transform_are_not_written() -> None:
    def f(x: Any) -> Any:
        x += 1.0
        x *= x
        return x

    start = tg.Tensor(3.0)
    assert tg.grad(f)(start).item() == 8.0 and tg.grad(tg.grad(f))(start).item() == 2.0 and start.item() == 3.0


def test_a_graph_that_needs_the_old_values_notices() -> None:
    x, t = tg.Tensor([1.0, 2.0]), w([3.0, 4.0])
    loss = (t * x).sum()
    x *= 2.0
    with pytest.raises(tg.GradError, match="was overwritten"):
        loss.backward()


def test_results_that_do_not_fit_are_refused_as_numpy_does() -> None:
    count, number = tg.Tensor([1, 2]), tg.Tensor(1.0)
    with pytest.raises(tg.ShapeError, match="divide in place: cannot write"):
        count /= 2
    with pytest.raises(tg.ShapeError, match="add in place: cannot write"):
        number += np.ones(3)
    assert count.tolist() == [1, 2] and number.item() == 1.0
