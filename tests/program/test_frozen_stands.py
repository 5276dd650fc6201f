"""What stands for what a frozen step brings and returns: who else has it, and whether it still is that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen

ONES = np.ones(2)


def weight() -> tg.Tensor:
    return tg.Tensor([1.0, 2.0], requires_grad=True, name="w")


def gradient_of(loss: tg.Tensor, w: tg.Tensor) -> Any:
    w.grad = None
    loss.backward()
    return w.grad.tolist()


def test_lists_that_are_returned_may_be_changed() -> None:
    w = weight()
    run = frozen(lambda: {"loss": (w * w).sum(), "parts": [w * 2.0]})
    for _ in range(9):
        found = run()
        assert found["loss"].item() == 5.0 and len(found["parts"]) == 1 and len(found) == 2
        found["loss"] = 0.0
        found["parts"].append(1.0)
        found["more"] = 1.0


def test_writing_into_a_constant_that_was_returned_changes_no_gradient() -> None:
    w = weight()

    def step() -> Any:
        made = tg.Tensor([3.0, 4.0])
        return (w * made).sum(), made

    run = frozen(step)
    for _ in range(9):
        loss, made = run()
        assert gradient_of(loss, w) == [3.0, 4.0]
        made.data[:] = 7.0


def test_a_leaf_that_is_the_same_in_each_call_is_one_for_graphs() -> None:
    w = weight()
    run = frozen(lambda: (w * tg.Tensor([3.0, 4.0], requires_grad=True)).sum())
    for _ in range(9):
        assert gradient_of(run(), w) == [3.0, 4.0]


def test_a_leaf_may_be_made_of_what_it_has_computed() -> None:
    w, other = tg.Tensor(np.ones((2, 3)), requires_grad=True), tg.Tensor(np.ones((2, 3)))
    run = tg.compile(lambda: (w * tg.Tensor(other * 2.0, requires_grad=True)).sum())
    for k in range(9):
        if k == 6:
            other.data = np.asfortranarray(other.data)
        assert gradient_of(run(), w) == [[2.0] * 3] * 2


def test_a_number_that_it_makes_is_held_as_by_a_tensor() -> None:
    run = frozen(lambda: tg.Tensor(1.5))
    assert {type(run()._value) for _ in range(9)} == {np.float64}


def test_graphs_know_a_copy_of_what_was_written_to() -> None:
    w, mean = weight(), tg.Tensor([0.0, 0.0], name="mean")

    def step(x: Any) -> Any:
        mean.assign(mean * 0.5 + x)
        first = tg.Tensor(mean)
        mean.assign(mean * 0.5)
        return (w * first).sum()

    def gradients(wrap: Any) -> list[Any]:
        mean.assign([0.0, 0.0])
        run = wrap(step)
        return [gradient_of(run(tg.Tensor(ONES * k)), w) for k in range(9)]

    assert gradients(frozen) == gradients(lambda f: f)


def given_too(w: Any, other: Any, x: Any) -> Any:
    return (w.grad * 2.0 + x).sum()


def of_two(w: Any, other: Any, x: Any) -> Any:
    return (w.grad * 2.0 + other.grad).sum()


@pytest.mark.parametrize("step", [given_too, of_two])
def test_a_gradient_that_is_something_else_too_is_not_frozen(step: Callable[..., Any]) -> None:
    w, other = weight(), weight()
    run = frozen(lambda x: step(w, other, x))
    with pytest.warns(tg.CaptureWarning, match="that of another Tensor, too"):
        for k in range(9):
            w.grad = tg.Tensor(ONES * k)
            x = other.grad = w.grad if k < 5 else tg.Tensor(ONES)
            assert run(x).item() == 4 * k + 2 * (k if k < 5 else 1)


def test_a_gradient_that_is_a_variable_too_may_be_replaced() -> None:
    w, seed = weight(), tg.Tensor(ONES)
    run = frozen(lambda: (w.grad * 2.0 + seed).sum())
    for k in range(9):
        w.grad = seed if k < 5 else tg.Tensor(ONES * k)
        assert run().item() == 4 * (1 if k < 5 else k) + 2


def test_a_gradient_of_an_argument_that_is_a_variable_too_is_not_frozen() -> None:
    w, seed = weight(), tg.Tensor(ONES)
    run = frozen(lambda w: (w.grad * 2.0 + seed).sum())
    with pytest.warns(tg.CaptureWarning, match="a variable or that of another Tensor, too"):
        for k in range(9):
            w.grad = seed if k < 5 else tg.Tensor(ONES * k)
            assert run(w).item() == 4 * (1 if k < 5 else k) + 2


def sums(variables: list[Any]) -> Any:
    return variables[0] * 2.0 + np.ones(3), tg.Tensor(variables[0], dtype=np.float32)


def in_columns(t: Any) -> None:
    t.data = np.asfortranarray(t.data)


def with_a_gradient(t: Any) -> None:
    t.requires_grad = True


@pytest.mark.parametrize("change", [in_columns, with_a_gradient])
def test_a_variable_that_is_read_anew_has_the_form_of_then(change: Callable[[Any], None]) -> None:
    def forms(wrap: Any) -> list[Any]:
        one, other = tg.Tensor(np.ones((2, 3))), tg.Tensor(np.ones((2, 3)))
        variables, found = [one], []
        run = wrap(lambda: sums(variables))
        for k in range(9):
            variables[0] = other if k else one
            if k == 6:
                change(other)
            found.append([(x.numpy().strides, x.requires_grad) for x in run()])
        return found

    assert forms(frozen) == forms(lambda f: f)


def test_an_audit_finds_its_way_where_another_would_do_too() -> None:
    run, x = frozen(lambda x, y: x * 2.0 + y * y), tg.Tensor(ONES)
    for given in [(x, x)] * 2 + [(ONES, ONES)] * 2 + [(x, x)] * 9:
        assert run(*given).tolist() == [3.0, 3.0]


def test_an_audit_tells_that_another_argument_is_used() -> None:
    swapped = [False]
    run = frozen(lambda x, y: x - y * 2.0 if not swapped[0] else y - x * 2.0)
    for _ in range(3):
        run(ONES, ONES * 2.0)
    swapped[0] = True
    with pytest.raises(tg.CaptureError, match="another one comes"):
        run.audit(ONES, ONES * 2.0)


def test_an_audit_tells_that_something_is_made_of_another_argument() -> None:
    w, before = weight(), [None]

    def step(x: Any) -> Any:
        made, before[0] = tg.Tensor(x if before[0] is None else before[0]), x
        return made * w

    run = frozen(step)
    with pytest.raises(tg.CaptureError, match="another one comes"):
        for _ in range(9):
            run(tg.Tensor(ONES))


@pytest.mark.parametrize("given", [True, False])
def test_a_leaf_may_be_made_of_an_argument_or_a_variable(given: bool) -> None:
    variable = tg.Tensor(ONES)

    def step(x: Any) -> Any:
        leaf = tg.Tensor(x if given else variable, requires_grad=True)
        (leaf * leaf).sum().backward()
        return leaf.grad

    run = frozen(step)
    for k in range(9):
        variable.data[:] = k
        assert run(ONES * k).tolist() == [2.0 * k, 2.0 * k]
    assert run._skipped


def test_arrays_of_complex_numbers_and_strings_are_what_they_are() -> None:
    w = weight()
    run = frozen(lambda z, names: (np.abs(z) * w).sum() * float(names[0] == "a"))
    for k in range(12):
        z, names = np.array([3.0 + 4.0j, k % 2 * 1.0j]), np.array(["a", "b"] if k % 3 else ["b", "a"])
        loss = run(z, names)
        assert loss.item() == (5.0 + 2.0 * (k % 2)) * bool(k % 3)
        assert gradient_of(loss, w) == [5.0 * bool(k % 3), k % 2 * float(bool(k % 3))]
        z[:] = 0.0


def test_what_no_program_is_given_is_not_made() -> None:
    w = tg.Tensor(np.arange(3.0), requires_grad=True)

    def step() -> Any:
        with tg.no_grad():
            w.assign(w * 0.5 + w.detach() * 0.25)
        return w.detach() * 2.0

    frozen = tg.compile(step, frozen=True)
    found = [frozen().tolist() for _ in range(3)]
    assert found[2] == [0.0, 0.84375, 1.6875] and not frozen.refused
    assert "Tensor" not in frozen._last.run.__code__.co_names  # that would copy parameters in each call


def test_what_is_returned_is_called_as_the_function_calls_it_and_is_one_if_it_was() -> None:
    w = weight()

    def step(x: Any) -> Any:
        loss = (w * x).sum()
        loss.name = "loss"
        return loss, x, [x], w * 2.0, tg.Tensor(x, name="made")

    run = frozen(step)
    for k in range(9):
        loss, x, (again,), other, made = run(ONES * k)
        assert (loss.name, other.name, x.name, made.name) == ("loss", None, None, "made")
        assert x is again and made.tolist() == [k, k]
    assert run._skipped
