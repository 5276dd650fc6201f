"""Hooks on one gradient, observers of every operation, and anomaly mode beside them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.ground.modes import current_mode
from tinygrad_gd.ground.observer import Observers


def leaf(*values: float, name: str = "x", dtype: Any = None) -> tg.Tensor:
    return tg.Tensor(list(values), requires_grad=True, name=name, dtype=dtype)


# -- hooks on a tensor ---------------------------------------------------------------------------


def test_a_hook_observes_the_whole_gradient_of_a_recorded_tensor() -> None:
    x, seen = leaf(1.0, 2.0), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y * 3 + y * y).sum().backward()
    assert seen == [[7.0, 11.0]]  # 3 + 2y, once, after both uses are added up
    assert x.grad is not None and x.grad.tolist() == [14.0, 22.0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_hooks_replace_in_the_order_of_registration(create_graph: bool) -> None:
    x = leaf(1.0)
    y = x * 1
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: g + 1)
    y.sum().backward(create_graph=create_graph)
    assert x.grad is not None and x.grad.tolist() == [11.0]


def test_a_hook_on_a_leaf_replaces_what_is_added_to_grad() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: np.clip(g, -1, 1))
    (x * 5).sum().backward()
    (x * -5).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 0.0]


def test_a_hook_is_part_of_a_recorded_backward_pass() -> None:
    x = leaf(3.0)
    y = x * x
    y.register_hook(lambda g: g * x)
    y.sum().backward(create_graph=True)
    first = x.grad  # x * 2x
    x.zero_grad()
    assert first is not None
    first.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [12.0]


def test_a_removed_hook_is_silent_and_only_that_one() -> None:
    x = leaf(1.0)
    seen: list[Any] = []
    handles = [x.register_hook(seen.append), x.register_hook(seen.append)]
    handles[0].remove()
    handles[0].remove()
    x.sum().backward()
    assert len(seen) == 1
    x.register_hook(lambda g: handles[1].remove())  # in the middle of a pass
    x.sum().backward()
    x.sum().backward()
    assert len(seen) == 2


def test_what_a_hook_keeps_is_not_changed_by_later_passes() -> None:
    x, kept = leaf(1.0, 1.0), []
    x.register_hook(lambda g: kept.append(g))
    x.sum().backward()
    assert x.grad is not None
    x.grad.data[:] = 50.0
    x.sum().backward()
    assert [g.tolist() for g in kept] == [[1.0, 1.0], [1.0, 1.0]]


def test_a_replacement_gets_the_dtype_of_the_tensor() -> None:
    x = leaf(1.0, dtype=np.float32)
    y = x.reshape(1, 1)
    y.register_hook(lambda g: g.numpy().astype(np.float64))
    x.register_hook(lambda g: [2])
    y.sum().backward()
    assert x.grad is not None and x.grad.dtype == np.float32 and x.grad.tolist() == [2.0]


def write_into(g: tg.Tensor) -> None:
    g.data[:] = 0.0


HOOK_MISUSE: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no function": (lambda: leaf(1.0).register_hook(0.5),  # type: ignore[arg-type]
                    tg.DTypeError, r"expected a function of the gradient, got float.*lambda g"),
    "no gradient": (lambda: tg.Tensor(1.0, name="data").register_hook(print),
                    tg.GradError, r"'data'.* gets no gradient.*requires_grad=True"),
    "shape": (lambda: hooked(lambda g: g[0]), tg.ShapeError, r"shape \(\) .*'x'.*same shape or None"),
    "no number": (lambda: hooked(lambda g: "zero"), tg.DTypeError, "<U4"),
    "in place": (lambda: hooked(write_into), tg.GradError, "'x'.*changed in place.*return the new"),
}


def hooked(hook: Any) -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(hook)
    (x * 2).sum().backward()


@pytest.mark.parametrize("case", HOOK_MISUSE)
def test_misused_hooks_are_explained(case: str) -> None:
    call, error, text = HOOK_MISUSE[case]
    with pytest.raises(error, match=text):
        call()


# -- observers -------------------------------------------------------------------------------------


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
        float(linear(tg.Tensor([[1.0]])))
    assert log == ["leaf", "in", "out", "float()"]


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


# -- anomaly mode beside other observers, and in every kind of pass -------------------------------

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def here() -> int:
    return sys._getframe(1).f_lineno


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
    assert text.startswith("backward of sqrt, computed at ") and f"test_hooks.py:{lines[0]}:" in text
    assert "gradient of argument 0" in text or "gradient of 'x'" in text


def test_a_bad_value_inside_a_transform_names_the_user_line() -> None:
    def f(x: Any) -> Any:
        return np.log(x)

    line = f.__code__.co_firstlineno + 1
    with pytest.raises(tg.NonFiniteError) as caught, tg.detect_anomaly():
        tg.hessian(f)(tg.Tensor(0.0, name="rate"))
    text = str(caught.value)
    assert text.startswith("log at ") and f"test_hooks.py:{line}:" in text and "'rate'" in text


def test_the_user_line_is_never_inside_numpy() -> None:
    w, table = leaf(1.0, 2.0), np.arange(4.0)

    @tg.compile
    def step() -> Any:
        return (w * np.take(table, np.argsort(w))).sum()  # NumPy reads the indices without asking

    with pytest.warns(tg.CaptureWarning, match=r"test_hooks.py:\d+: numpy\(\) takes the values"):
        step()


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
    with pytest.raises(tg.NonFiniteError, match=r"hook: .* nan; look for a division|multiply at .*test_hooks"), \
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


def test_a_gradient_does_not_share_the_memory_of_what_a_hook_returned() -> None:
    x, y = (tg.Tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    kept: list[tg.Tensor] = []
    x.register_hook(lambda g: kept.append(g) or g)  # type: ignore[func-returns-value]
    y.register_hook(lambda g: x)
    (x * y).sum().backward()
    assert not np.shares_memory(x.grad, kept[0]) and not np.shares_memory(y.grad, x)
    with tg.no_grad():
        x.grad *= 0.0
        y.grad *= 0.0
    assert kept[0].tolist() == x.tolist() == [1.0, 2.0]
