"""Anomaly mode names the operation, the tensor and the user's line of the first bad value."""

from __future__ import annotations

import gc
import sys

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.engine import graph
from tinygrad_gd.ground.modes import current_mode
from tinygrad_gd.study.anomaly import detect_anomaly

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def here() -> int:
    return sys._getframe(1).f_lineno


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_bad_data_are_named_with_index_and_line(bad: float) -> None:
    x = tg.Tensor([[1.0, 2.0], [3.0, bad]], name="features")
    with pytest.raises(tg.NonFiniteError) as caught, detect_anomaly():
        line = here() + 1
        x @ np.ones(2)
    text = str(caught.value)
    assert text.startswith("matmul at ") and f"test_anomaly.py:{line}" in text
    assert "'features'" in text and f"{bad} at index (1, 1)" in text


def test_the_operation_that_makes_it_is_named() -> None:
    x = tg.Tensor([1.0, 0.0], name="p", requires_grad=True)
    with pytest.raises(tg.NonFiniteError, match=r"log at .*made -inf at index \(1,\) .*'p'"), \
            detect_anomaly():
        np.log(x).sum()


def test_a_bad_gradient_names_the_forward_line() -> None:
    x = tg.Tensor(0.0, name="x", requires_grad=True)
    with detect_anomaly():
        line = here() + 1
        root = np.sqrt(x)
        loss = root * 2
        with pytest.raises(tg.NonFiniteError) as caught:
            loss.backward()
    text = str(caught.value)
    assert "backward of sqrt" in text and f"test_anomaly.py:{line}" in text and "'x'" in text


def test_an_update_that_overflows_is_named() -> None:
    w = tg.Tensor(1e308, name="w", requires_grad=True)
    with pytest.raises(tg.NonFiniteError, match=r"in place.*'w'"), detect_anomaly(), tg.no_grad():
        w -= -1e308 * 10


def test_functions_that_remove_the_bad_value_pass() -> None:
    x = tg.Tensor([1.0, -np.inf], name="masked")
    with detect_anomaly():
        assert np.exp(x).tolist() == [np.exp(1.0), 0.0]
        assert np.isfinite(x).tolist() == [True, False]


def test_finite_work_passes_and_keeps_nothing() -> None:
    gc.disable()
    try:
        before = set(graph._lines)
        with detect_anomaly():
            x = tg.Tensor(1.0, requires_grad=True)
            loss = (x * 2).exp()
            loss.backward()
            assert set(graph._lines) > before and f"{__file__}:" in (graph.Node(loss).line or "")
            del loss
            assert set(graph._lines) == before
    finally:
        gc.enable()
    assert current_mode().observer is None
    assert x.grad is not None and x.grad.item() == pytest.approx(2 * np.exp(2))
