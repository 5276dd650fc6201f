"""What goes into a Tensor and what is lent out of it: no write may make a gradient silently wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.errors import DTypeError, GradError


def leaf(*shape: int) -> tg.Tensor:
    values = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    return tg.Tensor(values, requires_grad=True, name="w")


WRITES: dict[str, Callable[[tg.Tensor], Any]] = {
    "copyto from an array": lambda p: np.copyto(p.data, np.zeros(2)),
    "copyto from a Tensor": lambda p: np.copyto(p.data, tg.Tensor([5.0, 6.0])),
    "put by keyword": lambda p: np.put(a=p.data, ind=[0], v=[3.0]),
    "putmask": lambda p: np.putmask(p.data, [True, False], [3.0]),
    "a reversed view of itself": lambda p: setattr(p, "data", p.data[::-1]),
    "sort": lambda p: p.data.sort(),
    "a view of a view": lambda p: p.data[::-1][:1].__setitem__(0, 7.0),
    "add.at": lambda p: np.add.at(p.data, [0, 0], 1.0),
}


@pytest.mark.parametrize("how", WRITES)
def test_every_write_to_lent_data_is_noticed(how: str) -> None:
    p = leaf(2)
    loss = (p * p).sum()
    WRITES[how](p)
    with pytest.raises(GradError, match=r"'w'.*was overwritten.*Compute the loss again"):
        loss.backward()


def test_copying_from_lent_data_is_no_write() -> None:
    p, target = leaf(2), np.zeros(2)
    loss = (p * p).sum()
    np.copyto(target, p.data)
    loss.backward()
    assert target.tolist() == [1.0, 2.0] and p.grad is not None and p.grad.tolist() == [2.0, 4.0]


def test_data_may_be_set_to_a_view_of_itself() -> None:
    p = leaf(2, 2)
    p.data = p.data.T
    assert p.tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_unrecorded_results_own_their_values() -> None:
    constant, raw, p = tg.Tensor([1.0, 2.0, 3.0, 4.0]), np.ones(4), leaf(2, 2)
    loss = (p * constant.reshape(2, 2)).sum() + (p * tg.reshape(raw, (2, 2))).sum()
    constant.data[...] = 0
    raw[:] = 0
    loss.backward()
    assert p.grad is not None and p.grad.tolist() == [[2.0, 3.0], [4.0, 5.0]]


def test_an_overwritten_index_is_noticed() -> None:
    p, index = leaf(3), tg.Tensor([0, 1], name="index")
    loss = p[index].sum()
    index.data[...] = 2
    with pytest.raises(GradError, match=r"'index'.*overwritten after getitem"):
        loss.backward()


@pytest.mark.parametrize("number", [1j, np.complex128(1j), np.timedelta64(3, "s")])
def test_what_has_no_real_gradient_is_refused(number: Any) -> None:
    with pytest.raises(DTypeError, match="multiply: expected a Tensor, an array or a number"):
        leaf(2) * number


def test_a_rule_that_returns_the_transpose_is_refused() -> None:
    wrong = tg.Primitive(
        np.sin, (lambda g, out, x: (g * np.cos(x)).T,), name="wrong", numpy=(), run=None,
        elementwise=True, analytic=True, atomic=False, kind="op")
    with pytest.raises(GradError, match=r"wrong: the rule for argument 0 .*shape \(3, 2\)"):
        wrong(leaf(2, 3)).sum().backward()


def test_only_shapes_that_do_not_broadcast_are_called_so() -> None:
    with pytest.raises(ValueError, match="negative integer powers"):
        tg.Tensor([1, 2]) ** -1
    with pytest.raises(ValueError, match=r"\(3,\) and \(2,\) do not broadcast"):
        leaf(3) + leaf(2)
