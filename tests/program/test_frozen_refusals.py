"""What cannot be frozen says so, and what is asked of a compiled method without its object."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg

w = tg.Tensor(np.array([1.0, 2.0, 3.0]))


class Slotted:
    __slots__ = ("scale",)

    def __init__(self, scale: float) -> None:
        self.scale = tg.Tensor(scale)

    @tg.compile
    def step(self, x: Any) -> Any:
        return self.scale * x

    @tg.compile(frozen=True)
    def frozen(self, x: Any) -> Any:
        return self.scale * x


def test_a_compiled_method_is_there_without_an_object() -> None:
    assert type(Slotted.step) is tg.program.lockstep.function.Compiled
    assert Slotted.step(Slotted(2.0), 3.0).item() == 6.0
    assert Slotted.frozen.name == "frozen"


@pytest.mark.parametrize("name", ["step", "frozen"])
def test_objects_to_which_nothing_can_refer_weakly_share_a_trail(name: str) -> None:
    objects = Slotted(2.0), Slotted(3.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tg.CaptureWarning)
        for x in (1.0, 2.0, 2.0, 4.0):
            assert [getattr(o, name)(x).item() for o in objects] == [2.0 * x, 3.0 * x]


def test_forms_without_end_are_not_kept() -> None:
    step: Any = tg.compile(lambda n: w * 2.0, frozen=True)
    with pytest.warns(tg.CaptureWarning, match="hardly ever have the same form.*goes on in lockstep"):
        for n in range(80):
            assert step(n).numpy().tolist() == [2.0, 4.0, 6.0]


def test_another_number_of_results_is_not_frozen() -> None:
    count = iter([1, 2, 3, 2])
    step: Any = tg.compile(lambda: (w * 2.0,) * next(count), frozen=True)
    with pytest.warns(tg.CaptureWarning, match="another number of results"):
        assert [len(step()) for _ in range(4)] == [1, 2, 3, 2]


def test_an_audit_sees_that_a_call_goes_another_way_that_is_known() -> None:
    way = [True]
    step: Any = tg.compile(lambda x: x * 2.0 if way[0] else x + 5.0, frozen=True)
    x = tg.Tensor(3.0)
    way[0] = False
    assert step(x).item() == 8.0
    way[0] = True
    assert [step(x).item() for _ in range(3)] == [6.0] * 3
    way[0] = False
    with pytest.raises(tg.CaptureError, match=r"multiply.* was captured, and now add.* comes"):
        step.audit(x)


def test_an_error_of_the_function_comes_once() -> None:
    calls = []

    def step(x: Any) -> Any:
        calls.append(x)
        raise TypeError("mine")

    compiled: Any = tg.compile(step, frozen=True)
    with pytest.raises(TypeError, match="mine"):
        compiled(w)
    assert len(calls) == 1 and not compiled.refused


def test_values_that_are_looked_at_past_all_doors_are_looked_at_in_each_call() -> None:
    seen = []

    def step() -> Any:
        y = w * 2.0
        seen.append(y._value.sum())
        return y * y

    compiled: Any = tg.compile(step, frozen=True)
    with pytest.warns(tg.CaptureWarning, match="looks at values while it runs"):
        for _ in range(5):
            compiled()
    assert seen == [12.0] * 5


def test_a_frozen_step_of_an_optimizer_uses_the_gradients_that_it_finds() -> None:
    def weights(wrap: Any) -> list[Any]:
        p, found = tg.Tensor(np.array([1.0, 2.0]), requires_grad=True), []
        optimizer = tg.optim.SGD([p], lr=0.5)
        step = wrap(lambda: optimizer.step())
        for scale in (1.0, 1.0, 1.0, 1.0, 3.0, 5.0, 7.0):
            p.grad = tg.Tensor(np.array([1.0, -1.0]) * scale)
            step()
            found.append(p.numpy().tolist())
        return found

    with warnings.catch_warnings():
        warnings.simplefilter("error", tg.CaptureWarning)
        assert weights(lambda step: tg.compile(step, frozen=True)) == weights(lambda step: step)


@pytest.mark.parametrize("again", [False, True])
def test_a_copy_of_a_statistic_is_returned_as_it_was_then(again: bool) -> None:
    def run(wrap: Any) -> list[Any]:
        mean = tg.Tensor(np.zeros(2))

        def step(x: Any) -> Any:
            before = mean.detach()
            mean.assign(mean * 0.5 + x)
            after = tg.Tensor(mean)
            if again:
                mean.assign(mean + 1.0)
            return before, after, after * 2.0

        called = wrap(step)
        kept = [called(tg.Tensor(np.full(2, float(n)))) for n in range(6)]
        return [[x.tolist() for x in found] for found in kept]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if again else "error", tg.CaptureWarning)
        assert run(lambda f: tg.compile(f, frozen=True)) == run(lambda f: f)
