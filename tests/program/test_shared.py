"""What shares memory, and what must not: views, results, arguments, factors of products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.steps import assert_same_bits
from tinygrad_gd.engine.primitive import Primitive
from tinygrad_gd.ground.registry import by_name
from tinygrad_gd.program.factors import Factors
from tinygrad_gd.program.ir import Instruction, Program, Value
from tinygrad_gd.program.passes import readable

RNG = np.random.default_rng(0)


def compared(build: Callable[[], tuple[Any, Any]], *calls: tuple[Any, ...]) -> Any:
    """What `steps.assert_same_bits` does, for steps with arguments; they may fail alike."""
    (eager, u), (step, v) = build(), build()
    run = tg.compile(step, strict=True)
    for args in calls:
        assert outcome(eager, args) == outcome(run, args)
        assert [t.numpy().tobytes() for t in u] == [t.numpy().tobytes() for t in v]
    assert run.program.instructions
    return run


def outcome(f: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    try:
        return f(*args).numpy().tobytes()
    except (IndexError, np.linalg.LinAlgError) as error:
        return IndexError if isinstance(error, IndexError) else np.linalg.LinAlgError


def test_labels_computed_in_the_step_are_still_there_in_the_backward_pass() -> None:
    def build() -> Any:
        rng = np.random.default_rng(0)
        a, b = (tg.Tensor(rng.normal(size=(3, 3)), requires_grad=True) for _ in range(2))
        optimizer = tg.optim.SGD([a, b], lr=0.1)

        def step(x: Any, y: Any) -> Any:
            loss = tg.nn.cross_entropy(x @ a, y % 3) + tg.nn.cross_entropy(x @ b, (y + 1) % 3)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return step, [a, b]

    compared(build, *[(RNG.normal(size=(8, 3)), np.arange(8))] * 6)


@pytest.mark.parametrize("loss", [lambda w: w.mean() * w.sum(), lambda w: w.mean() + w.sum()])
def test_of_two_broadcasts_one_stays(loss: Callable[[Any], Any]) -> None:
    w = tg.Tensor(np.ones((2, 3)), requires_grad=True)

    def step() -> Any:
        w.grad = None
        loss(w).backward()
        return (w * w).sum()

    step()
    assert w.grad is not None
    expected = w.grad.tolist()
    run = tg.compile(step, strict=True)
    for _ in range(4):
        run()
        assert w.grad is not None and w.grad.tolist() == expected


@pytest.mark.parametrize("view", [
    lambda w: w[0], lambda w: w.T, lambda w: w.reshape(6), lambda w: w.T[::-1],
    lambda w: tg.Tensor(w)[0], lambda w: (w * 1)[0], lambda w: w[(w * w).sum(1).argmax()],
])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_view_sees_updates_and_a_copy_does_not(view: Callable[[Any], Any], order: Any) -> None:
    def build() -> Any:
        w, v = (tg.Tensor(np.array(np.arange(6.0).reshape(2, 3), order=order), requires_grad=True)
                for _ in range(2))
        optimizer = tg.optim.SGD([w, v], lr=0.1)

        def step() -> Any:
            part = view(w)
            loss = (w * w * v).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return part * 2

        return step, [w, v]

    assert_same_bits(build, 5)


@pytest.mark.parametrize("function", [
    lambda x: tg.Tensor(x) * 1, tg.Tensor, lambda x: np.multiply(x, 1.0), lambda x: tg.Tensor(x).detach(),
    lambda x: tg.Tensor(x).T, lambda x: x * 1 * 1,
])
def test_a_result_has_memory_of_its_own(function: Callable[[Any], Any]) -> None:
    buffer, run, kept = np.zeros((200, 100)), tg.compile(function, strict=True), []
    for i in range(5):
        buffer[:] = i
        kept.append(run(buffer))
    assert [np.asarray(k).flat[0] for k in kept] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("function", [
    lambda x: (x + 1, x + 1), lambda x: (x + 1, (x + 1) * 1), lambda x: ((x + 1) * 1, (x + 1) * 1),
    lambda x: (x.sum(0), x.sum(0, keepdims=True)), lambda x: (x.exp(), tg.Tensor(x.exp())),
])
def test_two_results_do_not_share_memory(function: Callable[[Any], Any]) -> None:
    run = tg.compile(function, strict=True)
    for _ in range(4):
        a, b = run(tg.Tensor(np.ones((2, 3))))
        assert not np.may_share_memory(a.numpy(), b.numpy())


def test_what_is_returned_twice_is_one_tensor() -> None:
    def step(x: Any) -> Any:
        y = x + 1
        return y, y

    run = tg.compile(step, strict=True)
    assert all(a is b for a, b in (run(np.ones(3)) for _ in range(4)))


def test_old_values_that_are_returned_are_not_written_over() -> None:
    def build() -> Any:
        w = tg.Tensor(np.arange(3.0), requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1)

        def step() -> Any:
            old = (w * 1).reshape(-1)[()]
            loss = (w * w).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return old

        return step, [w]

    assert_same_bits(build, 5)


def test_an_argument_is_not_the_option_of_its_name() -> None:
    def build() -> Any:
        w = tg.Tensor([1.0, 2.0], requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1)

        def step(x: Any, lr: float, abs: float) -> Any:
            loss = (w * x).sum() * lr * -abs
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return step, [w]

    compared(build, *((np.ones(2), 1.0 + i, 2.0 + i) for i in range(5)))


def test_zeros_of_both_signs_have_arrays_of_their_own() -> None:
    run = tg.compile(lambda x: (np.maximum(x, 0.0) + 0, np.maximum(x, -0.0) * np.minimum(x, 0.0)), strict=True)
    x = np.full((64, 64), -0.0)
    expected = [np.signbit(np.asarray(r)).sum() for r in run(x)]
    for _ in range(3):
        assert [np.signbit(np.asarray(r)).sum() for r in run(x)] == expected


def test_everything_of_an_array_is_the_array() -> None:
    run = tg.compile(lambda x: x[()] * 2, strict=True)
    assert [run(np.ones(2)).tolist() for _ in range(4)] == [[2.0, 2.0]] * 4


def test_planning_computes_with_no_leftover_memory() -> None:
    with np.errstate(all="raise"):
        for n in range(40):
            np.full(4096 + n, 1e300)  # what the next array may be made of
            run = tg.compile(lambda x: x.astype(np.float32) + 1, strict=True)
            for _ in range(3):
                run(np.ones(4096 + n))


@pytest.mark.parametrize("product", [
    lambda w: w @ w.T, lambda w: w.T @ w, lambda w: (w * 1) @ w.T, lambda w: (w + 1) @ (w + 1).T,
    lambda w: w[:1] @ w[:1].T,
])
@pytest.mark.parametrize("shape", [(128, 16), (70, 33), (3, 5)])
def test_a_product_with_itself_keeps_its_bits(product: Callable[[Any], Any], shape: tuple[int, int]) -> None:
    def build() -> Any:
        w = tg.Tensor(np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32), requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.001)

        def step() -> Any:
            loss = np.tanh(product(w)).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return step, [w]

    assert_same_bits(build, 4)


def test_factors_of_a_product_do_not_become_one() -> None:
    a, b, c, d = (Value((2, 2), np.dtype(float)) for _ in range(4))
    transpose, matmul = (cast(Primitive, by_name(name)) for name in ("transpose", "matmul"))
    turned, out = Value((2, 2), np.dtype(float)), Value((2, 2), np.dtype(float))
    program = Program("p", (), (
        Instruction(transpose, (b,), turned, {"axes": None}),
        Instruction(matmul, (a, turned), out)), (out,))
    factors = Factors(program)
    assert not factors.become_one(a, b) and not factors.become_one(b, a)
    assert factors.become_one(c, a) and factors.become_one(d, b)
    assert not factors.become_one(c, d) and factors.become_one(out, out)


def test_a_multiplication_by_one_that_closes_gaps_stays() -> None:
    """BLAS and sums take what has gaps, or runs backwards, another way."""
    run = tg.compile(lambda x: ((x[::-1] * 1).sum(0), (x.T * 1).sum(0)), strict=True, frozen=True)
    for _ in range(3):
        run(np.ones((3, 2)))
    factors = [i for i in readable(run.captured).instructions if i.primitive.name == "multiply"]
    assert [(i.output.shape, next(i.values).dense) for i in factors] == [((3, 2), False)]


def test_in_fortran_order_a_kink_has_the_bits_of_the_uncompiled_step() -> None:
    def build() -> Any:
        with tg.default_dtype(np.float32):
            tg.manual_seed(0)
            first, second = tg.nn.Linear(64, 33), tg.nn.Linear(33, 3)
        x = tg.Tensor(np.asfortranarray(np.random.default_rng(0).normal(size=(200, 64)).astype(np.float32)))

        def step() -> Any:
            h = tg.relu(first(x))
            h = (h - h.mean(axis=-1, keepdims=True)) / np.sqrt(h.var(axis=-1, keepdims=True) + 1e-5)
            first.bias.grad = None  # type: ignore[union-attr]
            second(h).sum().backward()
            return first.bias.grad + 0  # type: ignore[union-attr]

        return step, []

    assert_same_bits(build, 4, lockstep=False, text=False)  # which keeps no memory order


@pytest.mark.parametrize("fails", [
    lambda table, i: table[i].sum(), lambda table, i: np.linalg.inv(tg.Tensor(np.eye(2)) * (i[0] < 5)).sum(),
])
def test_nothing_is_updated_before_what_fails(fails: Callable[[Any, Any], Any]) -> None:
    def build() -> Any:
        w = tg.Tensor(np.ones((300, 300)), requires_grad=True)
        optimizer, table = tg.optim.SGD([w], lr=0.1), tg.Tensor(np.arange(5.0))

        def step(x: Any, i: Any) -> Any:
            loss = ((w @ x) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            picked = fails(table, i)
            optimizer.step()
            return loss + picked

        return step, [w]

    x = np.full(300, 0.01)
    compared(build, *((x, np.array([i])) for i in (1, 1, 1, 1, 9)))
