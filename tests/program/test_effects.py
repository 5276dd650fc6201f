"""Steps that do something besides computing, or let values out: refused by one notice with the line."""

from __future__ import annotations

import datetime
import itertools
import random
import time
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen
from tests.program.worlds import Step, World, run_of

COUNT = 0


def counts_in_a_global(w: World) -> Any:
    global COUNT
    COUNT += 1
    return w.loss()


def counts_in_an_attribute(w: World) -> Any:
    w.count += 1
    return w.loss()


def counts_in_a_dict(w: World) -> Any:
    w.table["n"] += 1
    return w.loss()


def decays_the_rate(w: World) -> Any:
    loss = w.train(w.loss())
    w.optimizer.param_groups[0]["lr"] *= 0.9
    return loss


def watches_itself(w: World) -> Any:
    with tg.detect_anomaly():
        return w.loss()


#: Steps that do something besides computing, and what the notice says.
EFFECTS: dict[str, tuple[Step, str]] = {
    "a global counter": (counts_in_a_global, "it changes COUNT in every call"),
    "a counter in an object": (counts_in_an_attribute, "it changes .*count in every call"),
    "a counter in an array": (lambda w: w.numbers.__iadd__(1) is w.x or w.loss(), "the array .*numbers"),
    "a counter in a dict": (counts_in_a_dict, "it changes .*table.n in every call"),
    "a counter in a module": (lambda w: w.counting(tg.Tensor(w.x)).sum(), "the attribute calls of a module"),
    "a list that grows": (lambda w: w.history.append(1.0) or w.loss(), "the contents of .*history"),
    "text of a Tensor": (lambda w: w.history.append(repr(w.loss())) or w.loss(), r"repr\(\) takes the values"),
    "a list that is emptied": (lambda w: w.loss() * w.many.pop(), "the contents of .*many|the same in every"),
    "a decaying learning rate": (decays_the_rate, "the option lr of an optimizer"),
    "an iterator": (lambda w: w.loss() * next(w.repeated), "the iterator .*repeated"),
    "random": (lambda w: w.loss() * (2 if random.random() < 0.3 else 1), r"random.random\(\) is called"),
    "randint": (lambda w: w.loss() * random.randint(1, 2), r"random.getrandbits\(\) is called"),
    "np.random": (lambda w: w.loss() * (2 if np.random.rand() < 0.3 else 1), "numbers from np.random"),
    "a generator": (lambda w: w.loss() * (2 if w.rng.random() < 0.3 else 1), "numbers from .*rng"),
    "the generator of tg": (
        lambda w: tg.dropout(w.loss(), 0.1) * (2 if tg.generator().random() < 0.3 else 1), r"tg.generator\(\)"),
    "time": (lambda w: w.loss() * (2 if time.time() < 0 else 1), r"time.time\(\) is called"),
    "the date": (lambda w: w.loss() * (1 + (datetime.date.today().year < 0)), r"today\(\) is called"),
    "print": (lambda w: print("loss", file=w.file) or w.loss(), r"print\(\) is called"),
    "a log": (lambda w: w.log.warning("loss") or w.loss(), "is called"),
    "writing to a file": (lambda w: w.file.write("x") * w.loss(), r"write\(\) of a file"),
    "anomaly mode inside": (watches_itself, "an observer .* watches a part"),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_a_step_that_does_something_besides_is_refused(name: str) -> None:
    step, why = EFFECTS[name]
    expected = run_of(step, None, False)[2]
    with pytest.warns(tg.CaptureWarning, match=rf"(test_effects|worlds)\.py:\d+: .*({why})") as notices:
        found = run_of(step, None, True)[2]
    assert len(notices) == 1
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_iterator_that_lives_in_the_step_is_no_obstacle() -> None:
    w = World()
    run = frozen(lambda: next(iter(w.net.parameters())).sum() * next(itertools.count(2)), strict=True)
    for _ in range(4):
        assert run().item() == w.first.sum().item() * 2


def leaf(*values: float) -> Any:
    data = values[0] if len(values) == 1 else list(values)
    return tg.Tensor(data, requires_grad=True)


def refuse_float(x: Any) -> Any:
    return x * float(x.sum())


def refuse_branch(x: Any) -> Any:
    return x if x.sum() > 0 else -x


def refuse_item(x: Any) -> Any:
    return x * x.sum().item()


def refuse_numpy(x: Any) -> Any:
    return x * x.numpy().max()


def refuse_print(x: Any) -> Any:
    return f"{x.sum():.3f}" and x


def refuse_data(x: Any) -> Any:
    y = x * 2
    return x * y.data.max()


def refuse_seed(x: Any) -> Any:
    tg.manual_seed(0)  # and keep what is random outside
    return x * 1


@pytest.mark.parametrize("f", [refuse_seed, refuse_float, refuse_branch, refuse_item, refuse_numpy, refuse_print,
                               refuse_data], ids=lambda f: f.__name__)
def test_values_that_leave_the_step_are_refused_with_the_line(f: Any) -> None:
    with pytest.raises(tg.CaptureError, match=rf"{f.__name__}.*test_effects.py:\d+: .*outside"):
        frozen(f, strict=True)(np.ones(2))
    run = frozen(f)
    with pytest.warns(tg.CaptureWarning, match="goes on without being compiled"):
        run(np.ones(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(tg.Tensor(np.ones(2)))  # one notice is enough


def test_a_tensor_kept_outside_is_refused() -> None:
    losses: list[Any] = []
    x = tg.Tensor([1.0])

    def step() -> Any:
        loss = (x * 2).sum()
        losses.append(loss)
        return x * 1

    run = frozen(step, strict=True)
    with pytest.raises(tg.CaptureError, match=r"test_effects.py:\d+: loss is computed in the step and kept outside"):
        for _ in range(5):
            run()


def test_data_made_anew_in_each_call_is_refused() -> None:
    rng, w = np.random.default_rng(0), leaf(1.0)

    def step() -> Any:
        return (w * rng.standard_normal(3)).sum()

    run = frozen(step, strict=True)
    with pytest.raises(tg.CaptureError, match="draws random numbers from rng"):
        for _ in range(5):
            run()


def test_structure_that_alternates_is_refused() -> None:
    calls, x = [0], tg.Tensor([1.0])

    def step() -> Any:
        calls[0] += 1
        return x * 2 if calls[0] % 2 else x + 2

    run = frozen(step, strict=True)
    with pytest.raises(tg.CaptureError, match=r"test_effects.py:\d+: it changes calls.0"):
        for _ in range(12):
            run()


@pytest.mark.parametrize(("make", "text"), [
    (lambda: iter([1]), "returns list_iterator"),
    (lambda: np.ones(2), "returns .*array|returns float64 of shape"),
    (time.perf_counter_ns, r"test_effects.py:\d+: time.perf_counter_ns\(\) is called in the step"),
    (itertools.count().__next__, r"test_effects.py:\d+: it does not return or change the same things in every call"),
])
def test_results_that_a_program_cannot_make_anew_are_refused(make: Any, text: str) -> None:
    run = frozen(lambda x: ((x * 2.0).sum(), make()))
    with pytest.warns(tg.CaptureWarning, match=text):
        results = [run(np.ones(3))[1] for _ in range(8)]
    assert len(set(map(id, results))) == 8 or len(set(results)) == 8


def test_the_user_line_is_never_inside_numpy() -> None:
    w, table = leaf(1.0, 2.0), np.arange(4.0)

    @frozen
    def step() -> Any:
        return (w * np.take(table, np.argsort(w))).sum()  # NumPy reads the indices without asking

    with pytest.warns(tg.CaptureWarning, match=r"test_effects.py:\d+: numpy\(\) takes the values"):
        step()
