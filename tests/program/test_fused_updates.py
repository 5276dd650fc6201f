"""Small parameters that a program updates at once lie side by side, which nobody may notice."""

from __future__ import annotations

import copy
import gc
import linecache
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen

OPTIONS: list[dict[str, Any]] = [
    {}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"weight_decay": 0.01},
    {"momentum": 0.5, "dampening": 0.1, "weight_decay": 0.1},
]


def network() -> tg.nn.Module:
    tg.manual_seed(3)
    layers = [tg.nn.Linear(3, 8), tg.nn.Tanh(), tg.nn.Linear(8, 8), tg.nn.Tanh(), tg.nn.Linear(8, 1)]
    return tg.nn.Sequential(*layers)


def batch(seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(10, 3)), rng.normal(size=(10, 1))


def step_of(net: Any, **options: Any) -> Callable[..., Any]:
    optimizer = tg.optim.SGD(net.parameters(), **{"lr": 0.05, **options})

    def step(x: Any, y: Any) -> Any:
        loss = tg.nn.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def is_joined(step: Any) -> bool:
    return bool(step._segments()[0].replay.space["joined"])


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("options", OPTIONS, ids=repr)
def test_one_call_updates_all_and_gives_the_same_bits(options: dict[str, Any]) -> None:
    eager, other = network(), network()
    by_hand, compiled = step_of(eager, **options), frozen(step_of(other, **options), strict=True)
    for k in range(50):
        losses = by_hand(*batch(k)), compiled(*batch(k))  # kept alive, and with them their graphs
        assert losses[0].item() == losses[1].item() and same(eager, other)
    assert is_joined(compiled)
    apart = compiled.replay_source.count("\n        subtract(x")
    assert apart == 6 and compiled.replay_source.count("if joined:\n        subtract(flat") == 1


def test_an_array_that_was_lent_sees_every_update() -> None:
    eager, net = network(), network()
    lent = [p.data for p in net.parameters()]
    by_hand, step = step_of(eager), frozen(step_of(net), strict=True)
    for k in range(8):
        by_hand(*batch(k)), step(*batch(k))
    assert not is_joined(step) and same(eager, net)
    for held, p in zip(lent, net.parameters(), strict=True):
        assert np.array_equal(held, p) and np.shares_memory(held, p.numpy())


def test_a_graph_that_read_parameters_is_refused_and_does_not_keep_them_apart() -> None:
    net = network()
    step = frozen(step_of(net), strict=True)
    graph = net(batch()[0]).sum()
    for k in range(5):
        step(*batch(k))
    assert is_joined(step)
    with pytest.raises(tg.GradError, match="overwritten"):
        graph.backward()


def test_parameters_are_joined_once_a_graph_that_holds_a_view_of_them_is_gone() -> None:
    net = network()
    step = frozen(step_of(net), strict=True)
    graph = next(net.parameters()).T.sum()
    joined = []
    for k in range(6):
        step(*batch(k))
        joined.append(step._last is not None and is_joined(step))
        if k == 2:
            del graph
    assert joined[:3] == [False] * 3 and joined[-1]


def test_an_array_lent_later_sees_and_makes_changes() -> None:
    eager, net = network(), network()
    by_hand, step = step_of(eager), frozen(step_of(net), strict=True)
    for k in range(5):
        by_hand(*batch(k)), step(*batch(k))
    first = net.parameters().__next__()
    lent = first.data
    for k in range(5):
        for p in (first, next(eager.parameters())):
            p.data[0] *= 0.5
        by_hand(*batch(k)), step(*batch(k))
        assert same(eager, net) and np.array_equal(lent, first)


@pytest.mark.parametrize("after", [2, 6])
def test_replaced_arrays_and_loaded_states_are_taken_up(after: int) -> None:
    eager, net = network(), network()
    by_hand, step = step_of(eager, momentum=0.9), frozen(step_of(net, momentum=0.9), strict=True)
    for k in range(12):
        if k == after:
            for one in (eager, net):
                second = list(one.parameters())[2]
                second.data = second.numpy() + 1.0
        if k == after + 2:
            for one in (eager, net):
                one.load_state_dict({n: 0.1 * v for n, v in network().state_dict().items()})
        assert by_hand(*batch(k)).item() == step(*batch(k)).item()
        assert same(eager, net)
    assert is_joined(step)


def test_two_programs_for_the_same_parameters_agree() -> None:
    eager, net = network(), network()
    steps = [step_of(eager), step_of(eager, momentum=0.9)]
    compiled = [frozen(step_of(net), strict=True), frozen(step_of(net, momentum=0.9), strict=True)]
    for k in range(16):
        for one, other in zip(steps, compiled, strict=True):
            assert one(*batch(k)).item() == other(*batch(k)).item()
            assert same(eager, net)


def test_copies_and_pickles_hold_their_own_values_only() -> None:
    net = network()
    step = frozen(step_of(net), strict=True)
    for k in range(6):
        step(*batch(k))
    assert is_joined(step)
    first = next(net.parameters())
    assert len(pickle.dumps(first)) < 1000
    twin, before = copy.deepcopy(net), first.numpy().copy()
    step(*batch())
    assert np.array_equal(next(twin.parameters()), before) and not np.array_equal(first, before)
    bases = [p.numpy() for p in net.parameters()]
    assert not any(np.may_share_memory(a, b) for i, a in enumerate(bases) for b in bases[:i])


def test_a_graph_recorded_before_an_update_is_stale_after_it() -> None:
    net = network()
    step = frozen(step_of(net), strict=True)
    for k in range(6):
        step(*batch(k))
    x, y = batch()
    loss = tg.nn.mse_loss(net(x), y)
    step(x, y)
    with pytest.raises(tg.GradError, match="stale"):
        loss.backward()


def test_shared_and_frozen_parameters_and_large_ones_beside_small_ones() -> None:
    def made() -> tg.nn.Module:
        tg.manual_seed(1)
        first = tg.nn.Linear(8, 8)
        wide, back = tg.nn.Linear(8, 2000), tg.nn.Linear(2000, 8)
        wide.bias.requires_grad = False
        return tg.nn.Sequential(tg.nn.Linear(3, 8), first, tg.nn.Tanh(), first, wide, back, tg.nn.Linear(8, 1))

    eager, net = made(), made()
    by_hand, step = step_of(eager, lr=1e-3), frozen(step_of(net, lr=1e-3), strict=True)
    for k in range(10):
        assert by_hand(*batch(k)).item() == step(*batch(k)).item()
        assert same(eager, net)
    assert is_joined(step)


def test_what_is_updated_in_another_order_the_second_time_is_updated_one_by_one() -> None:
    def step_on(a: Any, b: Any, c: Any, d: Any) -> Callable[[], Any]:
        a.requires_grad = b.requires_grad = True

        def step() -> Any:
            nonlocal a, b
            a.grad = b.grad = None
            (a * b).sum().backward()
            with tg.no_grad():
                a -= c
                b -= d
                b += 2.0
                a += 2.0
                b *= 0.5
            return a + b

        return step

    values = [np.arange(4.0) + k for k in range(4)]
    one, other = map(tg.Tensor, values), map(tg.Tensor, values)
    by_hand, compiled = step_on(*one), frozen(step_on(*other), strict=True)
    for _ in range(8):
        assert np.array_equal(by_hand(), compiled())
    assert is_joined(compiled) and compiled.replay_source.count("if joined:") == 1


def test_nothing_is_divided_by_what_lies_between_parameters() -> None:
    """Divisions of zero by zero there would be warned of, and warnings are errors here."""
    def step_on(a: Any, b: Any) -> Callable[[], Any]:
        def step() -> Any:
            nonlocal a, b
            (a * a * a).sum().backward()
            (b * b * b).sum().backward()
            with tg.no_grad():
                a -= a / a.grad
                b -= b / b.grad
            a.grad = b.grad = None
            return a.sum() + b.sum()

        return step

    def made() -> list[Any]:
        return [tg.Tensor(np.arange(1.0, n), requires_grad=True) for n in (4, 6)]

    by_hand, compiled = step_on(*made()), frozen(step_on(*made()), strict=True)
    for _ in range(6):
        assert by_hand().item() == compiled().item()
    assert is_joined(compiled)


def by_hand_after_backward(update: Callable[..., None]) -> Callable[[], Any]:
    """Makes a step that derives three small parameters, then updates by hand in `no_grad`."""
    def made() -> Any:
        rng = np.random.default_rng(5)
        w, m = ([tg.Tensor(rng.normal(size=3), requires_grad=r) for _ in range(3)] for r in (True, False))
        rows = [tg.Tensor(rng.normal(size=(2, 3))) for _ in range(3)]

        def step() -> None:
            for p in w:
                p.grad = None
            sum((p * p).sum() for p in w).backward()
            with tg.no_grad():
                update(w, m, rows)

        return step, [*w, *m, *rows]

    return made


def parts_of_arrays(w: Any, m: Any, rows: Any) -> None:
    a, b, _ = w
    a -= rows[0][1]
    b -= rows[1][1]


def one_is_the_next_ones_change(w: Any, m: Any, rows: Any) -> None:
    a, b, c = w
    a -= b
    b -= c


def each_is_the_others_change(w: Any, m: Any, rows: Any) -> None:
    a, b, _ = w
    a -= 0.5 * a.grad
    b -= 0.5 * b.grad
    a += b
    b += a


def a_buffer_is_filled_again(w: Any, m: Any, rows: Any) -> None:
    a, b, _ = w
    m[0].assign(np.tanh(m[1]))
    a -= m[0]
    m[0].assign(np.tanh(m[2]))
    b -= rows[0][0] + 0.0


def a_part_of_a_buffer_that_is_filled_again(w: Any, m: Any, rows: Any) -> None:
    m[0].assign(np.tanh(m[1]))
    kept = m[0][:2]
    m[0].assign(np.tanh(m[2]))
    m[1].assign(np.concatenate([kept, kept[:1]]))


def quotients(w: Any, m: Any, rows: Any) -> None:
    for p, q in zip(w, m, strict=True):
        p -= 0.01 * p.grad / np.sqrt(np.square(q))
        p /= q


@pytest.mark.parametrize("update", [
    parts_of_arrays, one_is_the_next_ones_change, each_is_the_others_change, a_buffer_is_filled_again,
    a_part_of_a_buffer_that_is_filled_again, quotients,
], ids=lambda f: f.__name__)
def test_updates_by_hand_give_the_same_bits_and_no_warnings(update: Callable[..., None]) -> None:
    make = by_hand_after_backward(update)
    (step, mine), (other, theirs) = make(), make()
    compiled = frozen(other, strict=True)
    for _ in range(8):
        step(), compiled()
        assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))


@pytest.mark.parametrize("take", [
    lambda p: p.data, lambda p: p.numpy(), lambda p: np.asarray(p.data)[1:], lambda p: memoryview(p.data),
], ids=["data", "numpy", "slice", "memoryview"])
def test_an_array_taken_before_data_was_replaced_keeps_its_values(take: Callable[[Any], Any]) -> None:
    net = network()
    step = frozen(step_of(net), strict=True)
    for k in range(5):
        step(*batch(k))
    assert is_joined(step)
    taken = [take(p) for p in net.parameters()]
    then = [np.array(x) for x in taken]
    for p in net.parameters():
        p.data = 2.0 * p.numpy()
    for k in range(5):
        step(*batch(k))
        assert all(np.array_equal(x, y) for x, y in zip(taken, then, strict=True))


def test_an_array_taken_from_one_program_sees_the_updates_of_the_next() -> None:
    net = network()
    step = frozen(step_of(net), strict=True)
    for k in range(5):
        step(*batch(k))
    assert is_joined(step)
    taken = [p.numpy() for p in net.parameters()]
    del step
    step = frozen(step_of(net), strict=True)
    for k in range(5):
        step(*batch(k))
    assert not is_joined(step)
    assert all(np.array_equal(x, p) for x, p in zip(taken, net.parameters(), strict=True))
    del taken, step
    gc.collect()
    step = frozen(step_of(net), strict=True)
    for k in range(5):
        step(*batch(k))
    assert is_joined(step)


def test_arrays_replaced_by_ones_in_another_order_keep_it() -> None:
    net = network()
    step = frozen(step_of(net), strict=True)
    for k in range(10):
        if k == 5:
            assert is_joined(step)
            for p in net.parameters():
                p.data = np.asfortranarray(p.numpy())
        step(*batch(k))
    assert [p.numpy().flags.f_contiguous for p in net.parameters()] == [True] * 6


def test_a_program_given_up_lets_go_of_everything_at_once() -> None:
    net = network()
    step = frozen(step_of(net), strict=True)
    for k in range(5):
        step(*batch(k))
    text = f"<replay {step._segments()[0].replay._file.split()[1]} "
    held = weakref.ref(step._segments()[0].replay._replay)  # the function, and with it what it works on
    gc.collect()
    gc.disable()
    try:
        assert any(file.startswith(text) for file in linecache.cache)
        del step
        assert held() is None and not any(file.startswith(text) for file in linecache.cache)
    finally:
        gc.enable()
