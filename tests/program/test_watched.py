"""A compiled function that is watched runs as the plain one does, and its program can be read all the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.texts import bits
from tests.samples import Sample, all_samples
from tinygrad_gd import nn

STEPS = 4
#: A row for each primitive, but for those that seed the generator, which no recording shows.
ROWS = {row.name: row for row in all_samples() if row.inputs and row.name not in ("normal", "uniform", "dropout")}


def drawn(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape)


def training(*layers: Any, optimizer: Any = tg.optim.SGD, shape: Any = (6, 3), **options: Any) -> Callable[[], Any]:
    """Makes a step of a network: what it does, its Tensors, and what a call gets."""
    def build() -> Any:
        tg.manual_seed(1)
        net = nn.Sequential(*(make() for make in layers))
        steps, x = optimizer(net.parameters(), lr=0.05, **options), drawn(*shape)
        y = np.zeros(net(x).shape)

        def step(x: Any, y: Any) -> Any:
            loss = nn.mse_loss(net(x), y)
            steps.zero_grad()
            loss.backward()
            steps.step()
            return loss

        return step, [*net.parameters(), *net.buffers()], lambda n: (x + n, y)

    return build


def writing(what: Callable[[Any, Any, Any], Any]) -> Callable[[], Any]:
    """Makes a step of one parameter ``w``."""
    def build() -> Any:
        w, x = tg.Tensor(drawn(3), requires_grad=True, name="w"), drawn(4, 3)
        steps = tg.optim.SGD([w], lr=0.1)

        def step(x: Any) -> Any:
            return what(w, x, steps)

        return step, [w], lambda n: (x * (n + 1),)

    return build


def detaches(w: Any, x: Any, steps: Any) -> Any:
    h = tg.tanh(w * x)
    loss = ((h - h.detach().mean() - tg.Tensor(h, dtype=np.float32)) ** 2).sum()
    steps.zero_grad()
    loss.backward()
    steps.step()
    return loss, h.detach()


def looks(w: Any, x: Any, steps: Any) -> Any:
    loss = (w * x).sum()
    if loss.item() > 1e9:
        loss = loss * 2
    return loss * 3


def changes(w: Any, x: Any, steps: Any) -> Any:
    (g,) = tg.grad(lambda v: ((v * x) ** 2).sum(), argnums=(0,))(w)
    with tg.no_grad():
        w -= 0.01 * g
    return g.sum(), w


def derives_twice(w: Any, x: Any, steps: Any) -> Any:
    ((w * x) ** 3).sum().backward(create_graph=True)
    g = w.grad
    w.zero_grad()
    (g**2).sum().backward()
    return w.grad


STEPS_OF = {
    "a line": training(lambda: nn.Linear(3, 1)),
    "momentum": training(lambda: nn.Linear(3, 2), momentum=0.9, weight_decay=0.01),
    "a network": training(lambda: nn.Linear(3, 8), lambda: nn.BatchNorm1d(8), nn.ReLU, lambda: nn.Dropout(0.2),
                          lambda: nn.Linear(8, 1), optimizer=tg.optim.Adam),
    "images": training(lambda: nn.Conv2d(1, 2, 3), nn.GELU, lambda: nn.MaxPool2d(2), nn.Flatten,
                       lambda: nn.Linear(8, 2), optimizer=tg.optim.RMSprop, shape=(2, 1, 6, 6)),
    "attention": training(lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), optimizer=tg.optim.AdamW,
                          shape=(2, 3, 4)),
    "detach": writing(detaches), "a look": writing(looks), "no_grad": writing(changes),
}


def told(run: Any) -> list[Any]:
    return [(e.kind, e.what, e.line, e.via, e.call and e.call.chain[0].kind, e.recorded, e.flows, e.within,
             e.inputs, e.arguments, e.name, e.shape) for e in run.events]


def calls(step: Any, tensors: Any, given: Any, count: int = STEPS) -> list[Any]:
    results = [step(*given(n)) for n in range(count)]
    flat = [x for result in results for x in (result if isinstance(result, tuple) else (result,))]
    return [bits(np.array(x.numpy())) for x in (*flat, *tensors)]


def alike(build: Any, frozen: bool, same_text: bool = True) -> Any:
    """What is watched does what the plain function does and is seen to; its text is that of one not watched."""
    function, *others = build()
    with tg.study.watch() as plain:
        expected = calls(function, *others)
    function, *others = build()
    step = tg.compile(function, frozen=frozen)
    with tg.study.watch() as run:
        assert calls(step, *others) == expected
        source = step.source
    assert told(run) == told(plain) and len(told(run)) > STEPS
    if same_text and not frozen:  # frozen programs tell gradients, too, and what stayed the same in two calls
        function, *others = build()
        unwatched = tg.compile(function)
        assert calls(unwatched, *others) == expected and source == unwatched.source
    assert step.replay_source and step.memory() and tg.draw(step).render("svg")
    return step


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", STEPS_OF)
def test_what_is_watched_runs_and_reads_as_usual(name: str, frozen: bool) -> None:
    alike(STEPS_OF[name], frozen)


def test_second_derivatives_are_recorded_though_a_step_of_them_is_not_compiled() -> None:
    step = alike(writing(derives_twice), frozen=False, same_text=False)
    assert {"forward", "backward"} <= {i.phase for i in step.captured.instructions}


@pytest.mark.parametrize("row", ROWS.values(), ids=str)
def test_every_operation_is_recorded_while_it_is_watched(row: Sample) -> None:
    def build() -> Any:
        tensors = [tg.Tensor(x, requires_grad=True) for x in row.inputs]

        def step() -> Any:
            for t in tensors:
                t.zero_grad()
            loss = (row.call(*tensors) * 1.5).sum()
            loss.backward()
            return loss, *(t.grad for t in tensors if t.grad is not None)

        return step, (), lambda n: ()

    function, *others = build()
    with tg.study.watch() as plain:
        expected = calls(function, *others, 2)
    function, *others = build()
    step = tg.compile(function)
    with tg.study.watch() as run:
        assert calls(step, *others, 2) == expected
    assert told(run) == told(plain)
    assert len(step.captured.outputs) > 1 and step.program.instructions


def test_a_float_among_the_arguments_stays_one() -> None:
    w = tg.Tensor(2.0, requires_grad=True, name="w")
    step = tg.compile(lambda x, rate: w * x * rate + rate)
    with tg.study.watch():
        step(np.ones(2), 0.5)
    space: dict[str, Any] = {}
    exec(step.source, space)
    assert space["step" if "step" in space else step.name](np.ones(2), 2.0, 4.0).tolist() == [12.0, 12.0]


def test_what_an_optimizer_does_first_is_not_what_it_does_then() -> None:
    build = training(lambda: nn.Linear(3, 2), momentum=0.9)
    function, _, given = build()
    step = tg.compile(function)
    with tg.study.watch():
        step(*given(0))
        first = step.source  # better than nothing
        step(*given(1))
        second = step.source
        step(*given(2))
    assert "momentum" not in first and "momentum" in second and step.source == second


def test_a_program_from_before_the_watch_stays_the_one_that_is_read() -> None:
    for frozen in (False, True):
        function, _, given = STEPS_OF["a line"]()
        step = tg.compile(function, frozen=frozen)
        for n in range(3):
            step(*given(n))
        captured, replayed = step.captured, step.replay_source
        with tg.study.watch() as run:
            step(*given(3))
        assert len(run.operations) > 0 and step.captured is captured and step.replay_source == replayed
        for n in range(3):
            step(*given(n))
        assert step.captured is captured or not frozen


def test_after_the_watch_a_function_is_compiled_as_if_there_had_been_none() -> None:
    function, _, given = STEPS_OF["a line"]()
    calls_of_python = []

    def counted(x: Any, y: Any) -> Any:
        calls_of_python.append(1)
        return function(x, y)

    step = tg.compile(counted, frozen=True, strict=True)
    with tg.study.watch():
        step(*given(0))
    read = step.captured
    for _ in range(3):
        step(*given(0))
    assert step.captured is not read and len(calls_of_python) == 3


def test_a_call_with_an_observer_of_its_own_is_left_alone() -> None:
    class Names(tg.Observer):
        def __init__(self) -> None:
            self.heard: list[Any] = []

        def forward(self, out: Any, primitive: Any, inputs: Any, params: Any) -> None:
            self.heard.append(primitive.name)

        def backward(self, out: Any, position: int, g: Any, gx: Any) -> None:
            self.heard.append(type(gx))

    w, heard = tg.Tensor([1.0, 2.0], requires_grad=True), []

    def function() -> Any:
        w.zero_grad()
        with tg.observe(Names()) as own:
            loss = tg.softmax(w * 2)[0]
            loss.backward()
        heard.append(own.heard)
        return loss

    function()
    step = tg.compile(function)
    with tg.study.watch() as run:
        step()
    assert heard[0] == heard[1] and len(run.operations) == 3
    with pytest.raises(tg.CaptureError, match="with an observer in it"):
        _ = step.source


def test_a_function_inside_another_is_a_part_of_it() -> None:
    w = tg.Tensor(2.0, requires_grad=True, name="w")
    inner = tg.compile(lambda: w * 3)
    outer = tg.compile(lambda: inner() + 1)
    with tg.study.watch() as run:
        assert outer().item() == 7.0
    assert [e.what for e in run.operations] == ["multiply", "add"]
    assert "w * 3 + 1" in outer.source
    with pytest.raises(tg.CaptureError, match="nothing is recorded yet"):
        _ = inner.source


def test_an_error_in_a_watched_call_is_that_of_the_plain_function() -> None:
    fails = [True]
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")

    @tg.compile
    def step() -> Any:
        h = w * 2
        return h @ np.ones(3) if fails[0] else h

    with tg.study.watch():
        with pytest.raises(tg.ShapeError):
            step()
        fails[0] = False
        step()
    assert "return w * 2" in step.source or "w * 2" in step.source


def test_what_was_only_recorded_tells_its_memory_too() -> None:
    function, _, given = STEPS_OF["a line"]()
    once, often = tg.compile(function), tg.compile(STEPS_OF["a line"]()[0])
    once(*given(0))
    for n in range(3):
        often(*given(n))
    assert once.replay_source and str(once.memory()).splitlines()[0] == str(often.memory()).splitlines()[0]


def test_the_first_step_that_is_compiled_may_be_a_watched_one() -> None:
    """Nothing of this package waits for tensors to be forgotten that those who watch remember."""
    script = ("import tinygrad_gd as tg\nw = tg.Tensor(2.0, requires_grad=True, name='w')\n"
              "with tg.study.watch():\n    step = tg.compile(lambda: w * w)\n    print(step().item())")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("4.0\n", "")


class Names(tg.Observer):
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def forward(self, out: Any, primitive: Any, inputs: Any, params: Any) -> None:
        self.heard.append(primitive.name)


def test_a_graph_that_is_made_late_is_not_told() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    step = tg.compile(lambda x: np.tanh(w * x))
    results = [step(np.ones(2) * n) for n in range(4)]
    with tg.observe(Names()) as names:
        (results[-1] * 2).sum().backward()
    assert names.heard == ["multiply", "sum"]
    np.testing.assert_allclose(w.grad.numpy(), 6 / np.cosh(w.numpy() * 3) ** 2)


def test_who_begins_to_watch_in_a_step_is_not_told_what_was_pending() -> None:
    heard = []
    for compiled in (False, True):
        w, count = tg.Tensor([1.0, 2.0], requires_grad=True), iter(range(100))
        steps = tg.optim.SGD([w], lr=0.1)

        def step(x: Any, w: Any = w, count: Any = count, steps: Any = steps) -> Any:
            steps.zero_grad()
            (w * x).sum().backward()
            steps.step()
            h = np.tanh(w * x)
            if next(count) < 4:
                return None
            with tg.observe(Names()) as names:
                (h * 2).sum().backward()
            return names.heard

        function = tg.compile(step) if compiled else step
        heard.append([function(np.ones(2)) for _ in range(7)])
    assert heard[0] == heard[1] and heard[0][4:] == [["multiply", "sum"]] * 3
