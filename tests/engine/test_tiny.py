"""The first test to run, under two seconds: one line fitted by hand-checked gradient descent."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_gd as tg


def test_the_first_gradients_of_the_line() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    y = 2 * x + 1
    w, b = tg.Tensor(0.0, requires_grad=True), tg.Tensor(0.0, requires_grad=True)
    loss = ((w * x + b - y) ** 2).mean()
    loss.backward()
    assert loss.item() == 57.0
    assert w.grad is not None and w.grad.item() == pytest.approx(-50.0, rel=1e-15)
    assert b.grad is not None and b.grad.item() == pytest.approx(-14.0, rel=1e-15)


def test_second_use_accumulates() -> None:
    a = tg.Tensor(2.0, requires_grad=True)
    d = (a * a) * (a * a)
    d.backward()
    assert a.grad is not None and a.grad.item() == 32.0
    d.backward()
    assert a.grad.item() == 64.0
