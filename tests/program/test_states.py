"""Parameters and what optimizers remember: there in every call, also where something else has written to them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.values import values


class World:
    """Two parameters with gradients, and an optimizer that remembers something for each."""

    def __init__(self) -> None:
        self.a, self.b = (tg.Tensor(np.full(2, v), requires_grad=True) for v in (1.0, 5.0))
        self.optimizer = tg.optim.SGD([self.a, self.b], lr=0.1, momentum=0.5, weight_decay=0.1)

    def velocity(self, p: Any) -> Any:
        return self.optimizer.state[p]["velocity"]


def of_one_or_another(s: World, x: Any, n: int) -> Any:
    s.optimizer.step()
    return s.velocity(s.a if n < 4 else s.b) * x


def halved_in_some_calls(s: World, x: Any, n: int) -> Any:
    s.optimizer.step()
    velocity = s.velocity(s.a)
    if n in (1, 5):
        velocity *= 0.5
    s.optimizer.step()
    return velocity * x


def replaced_once(s: World, x: Any, n: int) -> Any:
    half = s.velocity(s.a) * 0.5 if n else x
    if n == 3:
        s.optimizer.state[s.a]["velocity"] = half
    s.optimizer.step()
    return half * x


def loaded_in_some_calls(s: World, x: Any, n: int) -> Any:
    if n in (3, 9):
        s.optimizer.load_state_dict(s.optimizer.state_dict())
    y = s.velocity(s.a) * 0.5 if n else x
    s.optimizer.step()
    return y * x


def decays_after_a_write(s: World, x: Any, n: int) -> Any:
    s.a.data[0] = 2.0 * n
    s.optimizer.step()
    return s.b * x


def trains_after_a_write(s: World, x: Any, n: int) -> Any:
    for p in (s.a, s.b):
        p.data = np.clip(p.data, -0.5, 0.5)
    s.optimizer.zero_grad()
    loss = (s.a * s.b * x).sum()
    loss.backward()
    s.optimizer.step()
    return loss


def branches_after_a_write(s: World, x: Any, n: int) -> Any:
    s.a.data[0] = 2.0 * n
    y = s.a * x if n % 3 else s.a + x
    s.optimizer.step()
    return y


STEPS = [of_one_or_another, halved_in_some_calls, replaced_once, loaded_in_some_calls, decays_after_a_write,
         trains_after_a_write, branches_after_a_write]


def run(wrap: Callable[[Any], Any], step: Any) -> list[Any]:
    s, found = World(), []
    called = wrap(lambda x, n: step(s, x, n))
    for n in range(20):
        for p in (s.a, s.b):
            p.grad = np.full(2, n + 1.0)
        result = called(tg.Tensor(np.array([1.0, n])), n)
        found += [values(t).copy() for t in (result, s.a, s.b, s.velocity(s.a), s.velocity(s.b))]
    return found


@pytest.mark.parametrize("step", STEPS)
def test_they_are_taken_for_themselves(step: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # all of them stay compiled
        for n, (a, b) in enumerate(zip(run(lambda f: f, step), run(tg.compile, step), strict=True)):
            np.testing.assert_array_equal(a, b, err_msg=f"call {n // 5}, {n % 5}")


def test_a_write_at_the_beginning_is_not_skipped() -> None:
    w = tg.Tensor(np.ones(2))

    def step(x: Any) -> Any:
        w.data = np.full(2, 3.0)
        return w * x

    frozen = tg.compile(step, frozen=True)
    with pytest.warns(tg.CaptureWarning, match="it writes into memory here"):
        for _ in range(3):
            frozen(np.ones(2))
    w.data = np.full(2, 5.0)
    assert values(frozen(np.ones(2))).tolist() == [3.0, 3.0]


@pytest.mark.parametrize("later", [False, True])
def test_a_parameter_without_a_gradient_is_not_changed_by_a_step(later: bool) -> None:
    w, v = (tg.Tensor(np.ones(2), requires_grad=True) for _ in range(2))
    optimizer, found = tg.optim.SGD([w, v], lr=0.1), []

    def step(x: Any, n: int) -> Any:
        w.grad = None
        loss = (w * w * x).sum()
        optimizer.step()
        if n == 2 and not later:
            loss.backward()
        return loss

    run = tg.compile(step)
    for n in range(4):
        v.grad = np.ones(2)
        loss = run(np.arange(2.0), n)
        if n == 2:
            if later:
                loss.backward()
            found = values(w.grad).tolist()
    assert found == [0.0, 2.0]


def test_what_a_pass_brings_that_does_not_fit_is_forgotten() -> None:
    w, v = (tg.Tensor(np.ones(shape), requires_grad=True) for shape in (3, (3, 3)))

    def step(x: Any, labels: Any, n: int) -> Any:
        loss = (x * w).sum() + tg.tanh(x @ v).sum()
        loss.backward()
        if n in (0, 2):
            w.grad = None
        return tg.nn.cross_entropy(x @ v, labels)

    run = tg.compile(step)
    for n in range(6):
        assert run(tg.Tensor(np.ones((3, 3))), np.arange(3), n).item() == pytest.approx(np.log(3))


def test_a_view_shows_an_update_wherever_the_parameter_lies() -> None:
    def run(wrap: Callable[[Any], Any]) -> list[Any]:
        ws = [tg.Tensor(np.arange(4.0).reshape(2, 2) + k, requires_grad=True) for k in range(8)]
        optimizer = tg.optim.SGD(ws, lr=0.01, momentum=0.9)

        def train(x: Any) -> None:
            optimizer.zero_grad()
            (sum((w * w).sum() for w in ws) * x).backward()  # type: ignore[attr-defined]
            optimizer.step()

        def step(x: Any) -> Any:
            view = ws[0].T
            train(x)
            return view * 1.0

        first, second = wrap(train), wrap(step)
        for _ in range(3):
            first(tg.Tensor(1.0))  # which moves the parameters next to each other
        return [values(second(tg.Tensor(1.0 + n))).tolist() for n in range(5)]

    assert run(tg.compile) == run(lambda step: step)


def test_networks_of_one_form_may_be_trained_in_turn() -> None:
    def run(wrap: Callable[[Any], Any]) -> list[Any]:
        tg.manual_seed(0)
        nets = [tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.ReLU(), tg.nn.Linear(4, 3)) for _ in range(2)]
        optimizers = [tg.optim.SGD(net.parameters(), lr=0.1) for net in nets]

        def step(x: Any, which: int) -> Any:
            loss = (nets[which](nets[1 - which](x).detach()) ** 2).mean()
            optimizers[which].zero_grad()
            loss.backward()
            optimizers[which].step()
            return loss

        called = wrap(step)
        return [called(tg.Tensor(np.full((2, 3), 1.0 + n)), int(n % 3 == 0)).item() for n in range(20)]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(tg.compile) == run(lambda step: step)


@pytest.mark.parametrize("frozen", [False, True])
def test_what_a_step_is_given_may_be_what_it_trains(frozen: bool) -> None:
    def run(wrap: Callable[[Any], Any]) -> list[Any]:
        w = tg.Tensor(np.ones(2), requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1)

        def step(weights: list[Any], x: Any) -> Any:
            optimizer.zero_grad()
            loss = (weights[0] * weights[0] * x).sum()
            loss.backward()
            optimizer.step()
            return loss

        called = wrap(step)
        return [called([w], tg.Tensor(np.full(2, 1.0 + n))).item() for n in range(20)]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(lambda step: tg.compile(step, frozen=frozen)) == run(lambda step: step)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.filterwarnings("ignore:.*it writes into what it was given:tinygrad_gd.CaptureWarning")
@pytest.mark.parametrize("ways", [[1, 2, 1, 2, 0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 2, 1, 2, 1, 0, 0, 0]])
def test_an_argument_may_be_a_variable_of_the_step_in_some_calls(frozen: bool, ways: list[int]) -> None:
    def run(wrap: Callable[[Any], Any]) -> list[Any]:
        ws = [tg.Tensor(np.full(2, k + 1.0), requires_grad=True) for k in range(3)]
        hs = [tg.Tensor(np.full(2, k + 1.0)) for k in range(3)]

        def derived(w: Any, x: Any) -> Any:
            w.grad = ws[0].grad = None
            ((w * w * x).sum() + ws[0].sum()).backward()
            return ws[0].grad * 1.0

        def viewed(h: Any, x: Any) -> Any:
            view = h.reshape(1, 2)
            hs[0].assign(x * 3.0)
            return view * x

        first, second = wrap(derived), wrap(viewed)
        return [[values(t).tolist() for t in (first(ws[k], np.full(2, 1.0 + n)), second(hs[k], np.full(2, 1.0 + n)))]
                for n, k in enumerate(ways)]

    assert run(lambda step: tg.compile(step, frozen=frozen)) == run(lambda step: step)


def test_data_may_come_up_at_several_places_in_turn() -> None:
    seen, w = [tg.Tensor(np.full(2, k + 1.0)) for k in range(30)], tg.Tensor(np.ones(2), requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.01)

    @tg.compile
    def step(n: int) -> None:
        optimizer.zero_grad()
        ((seen[n] * w - seen[n + 1]) ** 2).sum().backward()
        optimizer.step()

    for n in range(29):
        step(n)
    assert step._lockstep.hits > 20
