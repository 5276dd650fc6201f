"""Anomaly mode names the operation, the tensor and the user's line of the first bad value."""

from __future__ import annotations

import gc
import sys
import threading
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.ground.test_observer import Tracer
from tinygrad_gd.engine import graph
from tinygrad_gd.ground.modes import current_mode
from tinygrad_gd.study.anomaly import detect_anomaly

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def here() -> int:
    return sys._getframe(1).f_lineno


def leaf(*values: float, name: str = "x", dtype: Any = None) -> tg.Tensor:
    return tg.Tensor(list(values), requires_grad=True, name=name, dtype=dtype)


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
        before = set(graph._made)
        with detect_anomaly():
            x = tg.Tensor(1.0, requires_grad=True)
            loss = (x * 2).exp()
            loss.backward()
            assert set(graph._made) > before and f"{__file__}:" in (graph.Node(loss).line or "")
            del loss
            assert set(graph._made) == before
    finally:
        gc.enable()
    assert current_mode().observer is None
    assert x.grad is not None and x.grad.item() == pytest.approx(2 * np.exp(2))


def test_the_branch_that_where_leaves_out_may_spoil_gradients_and_anomaly_mode_says_so() -> None:
    x = leaf(0.0, 4.0)
    with tg.detect_anomaly(), np.errstate(all="ignore"), pytest.raises(
            tg.NonFiniteError, match=r"backward of sqrt.*'x'.*sqrt\(where\(x > 0, x, 1\)\)"):
        np.where(x > 0, np.sqrt(x), 0).sum().backward()
    np.where(x > 0, np.sqrt(np.where(x > 0, x, 1)), 0).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 0.25]


def test_anomaly_mode_and_a_tracer_watch_together() -> None:
    x = leaf(0.0)
    with pytest.raises(tg.NonFiniteError, match="log"), tg.observe(Tracer()) as tracer, \
            tg.detect_anomaly():
        np.log(np.exp(x) - 1)
    assert tracer.log == ["exp", "subtract", "log"]


@pytest.mark.parametrize("run", [
    lambda loss: loss(leaf(0.0)).backward(),
    lambda loss: loss(leaf(0.0)).backward(create_graph=True),
    lambda loss: tg.grad(loss)(np.zeros(1)),
    lambda loss: tg.jacobian(tg.grad(loss))(np.zeros(1)),
    lambda loss: tg.grad(tg.checkpoint(loss))(np.zeros(1)),
])
def test_a_bad_derivative_is_named_with_the_line_of_the_forward_pass(run: Any) -> None:
    lines = []

    def loss(x: Any) -> Any:
        lines.append(here() + 1)
        root = np.sqrt(x)
        return (root * 2).sum()

    with pytest.raises(tg.NonFiniteError) as caught, tg.detect_anomaly():
        run(loss)
    text = str(caught.value)
    assert text.startswith("backward of sqrt, computed at ") and f"test_anomaly.py:{lines[0]}:" in text
    assert "gradient of argument 0" in text or "gradient of 'x'" in text


def test_a_bad_value_inside_a_transform_names_the_user_line() -> None:
    def f(x: Any) -> Any:
        return np.log(x)

    line = f.__code__.co_firstlineno + 1
    with pytest.raises(tg.NonFiniteError) as caught, tg.detect_anomaly():
        tg.hessian(f)(tg.Tensor(0.0, name="rate"))
    text = str(caught.value)
    assert text.startswith("log at ") and f"test_anomaly.py:{line}:" in text and "'rate'" in text


def test_a_gradient_that_arrives_bad_is_not_blamed_on_the_rule() -> None:
    x = tg.Tensor(2.0, requires_grad=True)
    with pytest.raises(tg.NonFiniteError, match=r"backward of square.* arrives at .* nan"), \
            tg.detect_anomaly():
        (x**2).backward(np.nan)


@pytest.mark.parametrize("where", ["the leaf", "the result"])
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_hook_that_returns_nan_is_named(where: str, create_graph: bool) -> None:
    x = tg.Tensor(2.0, requires_grad=True, name="x")
    y = x**2
    (x if where == "the leaf" else y).register_hook(lambda g: g.detach() * np.nan)
    with pytest.raises(tg.NonFiniteError, match=r"hook: .* nan; look for a division|multiply at .*test_anomaly"), \
            tg.detect_anomaly():
        y.backward(create_graph=create_graph)


def test_anomaly_mode_recovers_after_an_error_in_a_pass() -> None:
    def fail(g: Any) -> None:
        raise KeyError("hook")

    watch = tg.detect_anomaly()
    x = tg.Tensor(1.0, requires_grad=True)
    y = x * 1
    y.register_hook(fail)
    with watch, pytest.raises(KeyError):
        y.backward()
    with watch, pytest.raises(tg.NonFiniteError, match="log"):
        np.log(x - 1)


def test_a_backward_pass_of_one_thread_hides_nothing_in_another() -> None:
    x, watch = leaf(0.0), detect_anomaly()
    caught: list[str] = []

    def divide() -> None:
        with pytest.raises(tg.NonFiniteError) as error, watch:
            x / tg.Tensor(0.0)
        caught.append(str(error.value))

    def meanwhile(g: tg.Tensor) -> None:
        thread = threading.Thread(target=divide)
        thread.start()
        thread.join()

    x.register_hook(meanwhile)
    with watch:
        (x * 2.0).sum().backward()
    assert len(caught) == 1 and caught[0].startswith("divide at ")
