"""Surprising cases of compiled steps: each must give what the plain function gives, or refuse."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg


def leaf(*values: float) -> Any:
    data = values[0] if len(values) == 1 else list(values)
    return tg.Tensor(data, requires_grad=True)


def replays(f: Any, *args: Any) -> Any:
    """``f`` compiled, and called until it replays."""
    run = tg.compile(f, strict=True)
    for _ in range(3):
        run(*args)
    assert run.program is not None
    return run


# -- what varies between calls ---------------------------------------------------------------------


def test_learning_rates_stay_live() -> None:
    w, other = leaf(3.0, 4.0), leaf(3.0, 4.0)
    optimizers = [tg.optim.SGD([p], lr=0.1) for p in (w, other)]

    def step(p: Any, optimizer: Any) -> Any:
        loss = (p * p).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = tg.compile(lambda: step(w, optimizers[0]), strict=True)
    for i in range(8):
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = 0.1 / (1 + i)
        assert run().item() == step(other, optimizers[1]).item()


def test_momentum_switched_on_later_is_used() -> None:
    w, other = leaf(3.0), leaf(3.0)
    optimizers = [tg.optim.SGD([p], lr=0.1) for p in (w, other)]

    def step(p: Any, optimizer: Any) -> Any:
        loss = p * p
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = tg.compile(lambda: step(w, optimizers[0]), strict=True)
    for i in range(12):
        if i == 5:
            for optimizer in optimizers:
                optimizer.param_groups[0]["momentum"] = 0.9
        assert run().item() == step(other, optimizers[1]).item()


def test_float_arguments_are_live() -> None:
    w = leaf(2.0, 3.0)
    run = replays(lambda a: (w * (1 - a)).sum(), 0.5)
    for a in (0.25, 0.0, -3.0, 1e6):
        assert run(a).item() == (w * (1 - a)).sum().item()


def test_integer_arguments_are_captured_one_by_one() -> None:
    w = leaf(2.0, 3.0)
    run = tg.compile(lambda n: (w**n).sum(), strict=True)
    for n in (1, 2, 3, 1, 2, 3, 1, 2, 3, 2, 1):
        assert run(n).item() == (w**n).sum().item()


def test_new_shapes_and_dtypes_are_captured_again() -> None:
    run = tg.compile(lambda x: (x * x).mean(), strict=True)
    for _ in range(4):
        for x in (np.arange(3.0), np.arange(4.0), np.arange(3, dtype=np.float32), np.ones((2, 2))):
            got = run(x)
            expected = (tg.Tensor(x) * x).mean()
            assert got.item() == expected.item() and got.dtype == expected.dtype


def test_arguments_in_nested_containers() -> None:
    run = replays(lambda batch: (batch["x"][0] * batch["y"]).sum(),
                  {"x": [np.ones(3)], "y": np.ones(3)})
    assert run({"x": [np.arange(3.0)], "y": np.full(3, 2.0)}).item() == 6.0


def test_the_same_tensor_twice_is_not_two_tensors() -> None:
    run = tg.compile(lambda a, b: (a * b).sum(), strict=True)
    a, b = tg.Tensor([1.0, 2.0]), tg.Tensor([3.0, 4.0])
    for _ in range(4):
        assert run(a, a).item() == 5.0
        assert run(a, b).item() == 11.0


def test_random_draws_are_fresh_and_follow_the_seed() -> None:
    x = tg.Tensor(np.ones(50))
    tg.manual_seed(1)
    run = replays(lambda: tg.dropout(x, 0.5))
    first, second = run().numpy(), run().numpy()
    assert not np.array_equal(first, second)
    tg.manual_seed(2)
    expected = tg.dropout(x, 0.5).numpy()
    tg.manual_seed(2)
    np.testing.assert_array_equal(run().numpy(), expected)


def test_training_and_evaluation_are_two_programs() -> None:
    class Noisy(tg.nn.Module):
        def forward(self, x: Any) -> Any:
            return x * 3 if self.training else x

    model, x = Noisy(), tg.Tensor([1.0])
    run = tg.compile(lambda: model(x), strict=True)
    for _ in range(4):
        for mode, expected in ((True, 3.0), (False, 1.0)):
            model.train(mode)
            assert run().item() == expected


# -- what is changed from outside --------------------------------------------------------------------


def test_parameters_set_from_outside_are_seen() -> None:
    w = leaf(1.0, 2.0)
    run = replays(lambda: (w * w).sum())
    w.data = np.array([3.0, 4.0])
    assert run().item() == 25.0
    w.data[0] = 0.0
    assert run().item() == 16.0
    with tg.no_grad():
        w.assign([1.0, 1.0])
    assert run().item() == 2.0


def test_loaded_weights_are_seen() -> None:
    model, x = tg.nn.Linear(2, 1), tg.Tensor([[1.0, 2.0]])
    run = replays(lambda: model(x).sum())
    model.load_state_dict({"weight": np.array([[1.0, 1.0]]), "bias": np.array([0.5])})
    assert run().item() == 3.5


def test_a_replaced_parameter_is_captured_again() -> None:
    model, x = tg.nn.Linear(2, 1, bias=False), tg.Tensor([[1.0, 2.0]])
    run = replays(lambda: model(x).sum())
    model.weight = tg.nn.Parameter([[5.0, 5.0]])
    assert [run().item() for _ in range(4)] == [15.0] * 4


def test_a_variable_bound_to_other_data_is_seen() -> None:
    x = tg.Tensor([1.0, 2.0])
    run = replays(lambda: (x * 2).sum())
    x = tg.Tensor([5.0, 5.0])
    assert run().item() == 20.0


def test_a_number_in_a_variable_is_seen() -> None:
    scale, x = 2.0, tg.Tensor([1.0, 2.0])
    run = replays(lambda: (x * scale).sum())
    scale = 5.0
    assert run().item() == 15.0


def test_an_array_changed_in_place_is_seen() -> None:
    batch, w = np.ones(3), leaf(2.0)
    run = replays(lambda: (w * batch).sum())
    batch[:] = [1.0, 2.0, 3.0]
    assert run().item() == 12.0


def test_an_array_changed_in_place_is_seen_by_the_gradient() -> None:
    batch, w, other = np.ones(3), leaf(2.0), leaf(2.0)

    def step(p: Any) -> None:
        p.zero_grad()
        ((p * batch) ** 2).sum().backward()

    run = replays(lambda: step(w))
    batch[:] = [1.0, 2.0, 3.0]
    run()
    step(other)
    assert w.grad.item() == other.grad.item() == 2 * 2.0 * 14.0


def test_data_that_was_computed_with_ahead_is_computed_again() -> None:
    x, w = tg.Tensor([1.0, 2.0]), leaf(1.0)
    run = replays(lambda: (tg.exp(x) * w).sum())
    assert any(i.phase == "once" for i in run.program.instructions)
    with tg.no_grad():
        x.assign([0.0, 0.0])
    assert run().item() == 2.0


def test_labels_are_checked_in_every_call() -> None:
    logits = tg.Tensor(np.zeros((2, 3)))
    run = replays(lambda y: tg.nn.cross_entropy(logits, y), np.array([0, 1]))
    with pytest.raises(tg.IndexingError, match=r"label -1 is out of range for 3 classes"):
        run(np.array([0, -1]))


# -- what is handed out -------------------------------------------------------------------------------


def test_results_are_not_overwritten_by_the_next_call() -> None:
    run = replays(lambda x: x * 2, np.ones(3))
    kept = [run(np.full(3, float(i))) for i in range(4)]
    assert [k.numpy()[0] for k in kept] == [0.0, 2.0, 4.0, 6.0]


def test_a_view_that_is_handed_out_is_a_copy() -> None:
    w = leaf(1.0, 2.0)
    run = replays(lambda: w.reshape(2, 1))
    out = run()
    with tg.no_grad():
        w.assign([7.0, 7.0])
    assert out.numpy().tolist() == [[1.0], [2.0]]


def test_old_values_that_are_needed_after_an_update() -> None:
    w, other = leaf(1.0, 2.0), leaf(1.0, 2.0)

    def step(p: Any) -> Any:
        with tg.no_grad():
            before = p.reshape(2)
            p += 1.0
            return (p - before).sum() + before.sum()

    run = replays(lambda: step(w))
    for _ in range(3):
        step(other)
    assert run().item() == step(other).item() == 6.0 + 5.0


def test_gradients_without_an_update_are_left_in_grad_and_add_up() -> None:
    w = leaf(3.0)
    run = tg.compile(lambda: (w * w).backward(), strict=True)
    for i in range(6):
        run()
        assert w.grad.item() == 6.0 * (i + 1)


def test_a_step_that_forgets_zero_grad_accumulates_as_it_does_uncompiled() -> None:
    w, other = leaf(3.0), leaf(3.0)
    optimizers = [tg.optim.SGD([p], lr=0.01) for p in (w, other)]

    def step(p: Any, optimizer: Any) -> Any:
        loss = p * p
        loss.backward()
        optimizer.step()
        return loss

    run = tg.compile(lambda: step(w, optimizers[0]), strict=True)
    for _ in range(8):
        assert run().item() == step(other, optimizers[1]).item()


def test_gradients_from_outside_are_added_to() -> None:
    w, other = leaf(3.0), leaf(3.0)
    optimizers = [tg.optim.SGD([p], lr=0.01) for p in (w, other)]

    def step(p: Any, optimizer: Any) -> Any:
        loss = p * p
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    run = tg.compile(lambda: step(w, optimizers[0]), strict=True)
    for i in range(8):
        if i == 5:
            (w * 4).backward()
            (other * 4).backward()
        assert run().item() == step(other, optimizers[1]).item()


def test_an_eager_graph_over_updated_parameters_is_stale() -> None:
    w = leaf(3.0)
    optimizer = tg.optim.SGD([w], lr=0.1)

    def step() -> Any:
        loss = w * w
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = replays(step)
    eager = w * w
    run()
    with pytest.raises(tg.GradError, match="overwritten"):
        eager.backward()


# -- what is refused -----------------------------------------------------------------------------------


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
    with pytest.raises(tg.CaptureError, match=rf"{f.__name__}.*test_footguns.py:\d+: .*outside"):
        tg.compile(f, strict=True)(np.ones(2))
    run = tg.compile(f)
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

    run = tg.compile(step, strict=True)
    with pytest.raises(tg.CaptureError, match=r"footguns.py:\d+: loss is computed in the step and kept outside"):
        for _ in range(5):
            run()


def test_data_made_anew_in_each_call_is_refused() -> None:
    rng, w = np.random.default_rng(0), leaf(1.0)

    def step() -> Any:
        return (w * rng.standard_normal(3)).sum()

    run = tg.compile(step, strict=True)
    with pytest.raises(tg.CaptureError, match="draws random numbers from rng"):
        for _ in range(5):
            run()


def test_structure_that_alternates_is_refused() -> None:
    calls, x = [0], tg.Tensor([1.0])

    def step() -> Any:
        calls[0] += 1
        return x * 2 if calls[0] % 2 else x + 2

    run = tg.compile(step, strict=True)
    with pytest.raises(tg.CaptureError, match=r"test_footguns.py:\d+: it changes calls.0"):
        for _ in range(12):
            run()


def test_an_error_inside_leaves_nothing_behind() -> None:
    run = tg.compile(lambda x: x @ np.ones((5, 5)), strict=True)
    with pytest.raises(tg.ShapeError):
        run(np.ones(3))
    assert run(np.ones(5)).shape == (5,)


def test_compiled_inside_of_compiled() -> None:
    inner = tg.compile(lambda x: x * 2, strict=True)
    outer = replays(lambda x: inner(x) + 1, np.ones(2))
    assert outer(np.array([3.0, 4.0])).numpy().tolist() == [7.0, 9.0]


def test_compositions_of_transforms() -> None:
    f = tg.value_and_grad(lambda w, x: ((w * x) ** 2).sum())
    run = replays(f, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    w, x = np.array([2.0, 2.0]), np.array([1.0, 3.0])
    for got, expected in zip(run(w, x), f(w, x), strict=True):
        np.testing.assert_array_equal(got.numpy(), expected.numpy())
    hessian = replays(tg.hessian(lambda w: (w**3).sum()), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(hessian(np.array([2.0, 3.0])).numpy(), [[12.0, 0.0], [0.0, 18.0]])


def test_no_grad_around_the_call_is_another_program() -> None:
    w = leaf(2.0)
    run = tg.compile(lambda: w * 2 if (w * 2).requires_grad else w * 3, strict=True)
    for _ in range(4):
        assert run().item() == 4.0
        with tg.no_grad():
            assert run().item() == 6.0


@dataclasses.dataclass
class Batch:
    x: Any
    k: float


def test_objects_as_arguments_are_refused() -> None:
    """Nobody knows what a function reads from them, and another one may get the same address."""
    run = tg.compile(lambda batch: (tg.Tensor(batch.x) * batch.k).sum())
    with pytest.warns(tg.CaptureWarning, match=r"footguns.py:\d+: it takes Batch, into which a program cannot see"):
        assert [run(Batch(np.ones(3) * i, 2.0 + i)).item() for i in range(8)] == [
            3.0 * i * (2 + i) for i in range(8)]


@pytest.mark.parametrize(("make", "text"), [
    (lambda: iter([1]), "returns list_iterator"),
    (lambda: np.ones(2), "returns .*array|returns float64 of shape"),
    (time.perf_counter_ns, r"test_footguns.py:\d+: time.perf_counter_ns\(\) is called in the step"),
    (itertools.count().__next__, r"footguns.py:\d+: it does not return or change the same things in every call"),
])
def test_results_that_a_program_cannot_make_anew_are_refused(make: Any, text: str) -> None:
    run = tg.compile(lambda x: ((x * 2.0).sum(), make()))
    with pytest.warns(tg.CaptureWarning, match=text):
        results = [run(np.ones(3))[1] for _ in range(8)]
    assert len(set(map(id, results))) == 8 or len(set(results)) == 8


def test_a_returned_learning_rate_is_that_of_the_call() -> None:
    w = tg.Tensor(2.0, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    @tg.compile(strict=True)
    def step() -> Any:
        loss = w * w
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, optimizer.param_groups[0]["lr"]

    for i in range(6):
        optimizer.param_groups[0]["lr"] = 0.1 if i < 4 else 0.05
        assert step()[1] == (0.1 if i < 4 else 0.05)


def test_threads_do_not_share_buffers_at_the_same_time() -> None:
    run = tg.compile(lambda x: (tg.exp(x) * x + x).sum(), strict=True)
    values = [np.full(20_000, k / 4) for k in range(1, 4)]
    expected = [run(x).item() for x in values]
    for x in values:
        run(x)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda x: [run(x).item() for _ in range(100)], values))
    assert found == [[value] * 100 for value in expected]


class Trainer:
    def __init__(self, start: float) -> None:
        self.w = tg.Tensor(start, requires_grad=True)
        self.optimizer = tg.optim.SGD([self.w], lr=0.1)

    @tg.compile(strict=True)
    def step(self, x: float) -> Any:
        loss = (self.w * x) ** 2
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


def test_a_method_is_compiled_for_each_object() -> None:
    first, second = Trainer(2.0), Trainer(3.0)
    losses = [(first.step(1.5).item(), second.step(1.5).item()) for _ in range(5)]
    assert losses[0] == (9.0, 20.25) and losses[4][0] < losses[4][1] < 0.2
    assert first.step.program is not second.step.program
    copied = copy.deepcopy(first)
    before = first.w.item()
    copied.step(1.5)
    assert first.w.item() == before != copied.w.item()


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="compile: expected a function, got int"):
        tg.compile(3)
