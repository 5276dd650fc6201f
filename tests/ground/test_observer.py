"""Observers: what they hear of every operation, together and one inside the other."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.ground.modes import current_mode
from tinygrad_gd.ground.observer import Observers


def leaf(*values: float, name: str = "x", dtype: Any = None) -> tg.Tensor:
    return tg.Tensor(list(values), requires_grad=True, name=name, dtype=dtype)


class Tracer(tg.Observer):
    """Writes down what it hears."""

    def __init__(self, log: list[str] | None = None, sign: str = "") -> None:
        self.log: list[str] = [] if log is None else log
        self.sign = sign

    def forward(self, out: Any, primitive: Any, inputs: Any, params: Any) -> None:
        self.log.append(f"{self.sign}{primitive.name}")

    def backward(self, out: Any, position: int, g: Any, gx: Any) -> None:
        self.log.append(f"{self.sign}d{out._primitive.name}{position}")

    def starts_backward(self, root: Any, seed: Any) -> None:
        self.log.append(f"{self.sign}<")

    def ends_backward(self) -> None:
        self.log.append(f"{self.sign}>")

    def write(self, target: Any, primitive: Any, inputs: Any) -> None:
        self.log.append(f"{self.sign}{target.name}=")


def test_an_observer_hears_every_operation_in_order() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0, name="w")
    with tg.observe(Tracer()) as tracer:
        loss = (x * w).sum()
        loss.backward()
        with tg.no_grad():
            w -= x.grad
    (x * x).sum().backward()
    assert tracer.log == ["multiply", "sum", "<", "dsum0", "dmultiply0", "dmultiply1", ">", "w="]


def test_an_observer_hears_a_recorded_backward_pass_and_transforms() -> None:
    with tg.observe(Tracer()) as tracer:
        tg.hvp(lambda x: x**2, (3.0,), (1.0,))
    assert tracer.log.count("<") == tracer.log.count(">") == 2
    assert "dsquare0" in tracer.log and "dmultiply1" in tracer.log


def test_observers_watch_together_and_the_outer_is_told_first() -> None:
    log: list[str] = []
    with tg.observe(Tracer(log, "a:")), tg.observe(Tracer(log, "b:")):
        with tg.observe(Tracer(log, "c:")):
            np.exp(leaf(1.0))
        tg.sin(tg.Tensor(1.0, requires_grad=True)).backward()
    assert log == ["a:exp", "b:exp", "c:exp", "a:sin", "b:sin", "a:<", "b:<", "a:dsin0", "b:dsin0",
                   "a:>", "b:>"]
    assert current_mode().observer is None


def test_observers_fan_out_every_event() -> None:
    events = [n for n, _ in inspect.getmembers(tg.Observer, inspect.isfunction) if n[0] != "_"]
    assert len(events) >= 9
    for name in events:
        assert name in vars(Observers), f"Observers does not pass on {name}"
    log: list[str] = []

    class Recorder(tg.Observer):
        def creates(self, leaf: Any, data: Any) -> None:
            log.append("leaf")

        def read(self, tensor: Any, how: str) -> None:
            log.append(how)

        def enters(self, module: Any) -> None:
            log.append("in")

        def leaves(self, module: Any) -> None:
            log.append("out")

    with tg.observe(tg.Observer()), tg.observe(Recorder()):
        linear = tg.nn.Linear(1, 1)
        log.clear()
        linear(tg.Tensor([[1.0]])).item()
    assert log == ["leaf", "in", "out", "item()"]


def test_one_observer_that_wants_tensors_is_enough() -> None:
    class Wants(tg.Observer):
        wants_tensors = True

    with tg.observe(Tracer()) as tracer, tg.observe(Wants()):
        np.sin(leaf(1.0)).sum().backward()
    assert "cos" in tracer.log  # a first-order rule, run on Tensors


def test_the_observer_with_a_say_decides_about_options() -> None:
    class Half(tg.Observer):
        def option(self, options: Any, key: str, value: Any) -> Any:
            return value / 2

    for pair in ((Half(), tg.Observer()), (tg.Observer(), Half())):
        assert Observers(*pair).option({"lr": 0.5}, "lr", 0.5) == 0.25


def test_observe_as_decorator_and_inside_itself() -> None:
    watch = tg.observe(Tracer())

    @watch
    def run(depth: int) -> None:
        np.exp(leaf(1.0))
        if depth:
            run(depth - 1)

    run(1)
    assert watch._observer.log == ["exp", "exp", "exp"]  # the inner call is watched twice
    assert current_mode().observer is None


def test_what_is_no_observer_is_refused_with_the_remedy() -> None:
    with pytest.raises(tg.DTypeError, match=r"expected a tg.Observer, got function.*subclass"):
        tg.observe(print_all)  # type: ignore[type-var]


def print_all(*event: Any) -> None:
    pass


def test_the_observer_ends_with_its_block_when_it_raises() -> None:
    class Stop(tg.Observer):
        def forward(self, *event: Any) -> None:
            raise KeyError("enough")

    with pytest.raises(KeyError), tg.observe(Stop()):
        np.exp(leaf(1.0))
    assert current_mode().observer is None
