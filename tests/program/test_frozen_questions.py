"""Frozen steps that ask what is no value: gradients, whether there are any, modes, switches and options."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen

nn = tg.nn


@pytest.fixture(autouse=True)
def nothing_is_told() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", tg.CaptureWarning)
        yield


def things() -> Any:
    """A parameter with an optimizer, a leaf and a module that nothing else knows, and where it is used."""
    w, other = (tg.Tensor([1.0, 2.0], requires_grad=True, name=name) for name in ("w", "other"))
    return SimpleNamespace(w=w, other=other, opt=tg.optim.SGD([w], lr=0.5), net=nn.Linear(1, 1), seen=[])


def bits(x: Any) -> Any:
    return (x.dtype, x.numpy().tobytes()) if isinstance(x, tg.Tensor) else x


def seen_in(step: Callable[[Any], Any], change: Callable[[Any, int], Any], wrap: Any) -> list[Any]:
    """What 20 calls return and leave, with changes before them; in the last ones most are replayed."""
    t, found = things(), []
    run = wrap(lambda: step(t))
    for k in range(20):
        change(t, k)
        found.append([bits(run()), *map(bits, (t.w, t.other, t.w.grad, t.other.grad))])
    if wrap is frozen:
        assert not run.refused and not run.problem and run._skipped > 3
    return found


def loss_of(t: Any) -> Any:
    return (t.w * t.w).sum()


def trained(t: Any) -> Any:
    loss = loss_of(t)
    loss.backward()
    t.opt.step()
    return loss.detach()


def looks_at_a_gradient(t: Any) -> Any:
    return loss_of(t) * (3.0 if t.other.grad is None else 2.0)


def clips_another(t: Any) -> Any:
    return loss_of(t) + nn.utils.clip_grad_norm_([t.other], 1.0)


def uses_a_gradient(t: Any) -> Any:
    return loss_of(t) if t.other.grad is None else loss_of(t) * (t.other.grad * t.other).sum()


def looks_at_its_own(t: Any) -> Any:
    scale = 1.0 if t.w.grad is None else 0.5
    t.opt.zero_grad()
    return trained(t) * scale


def sets_a_gradient(t: Any) -> Any:
    t.other.grad = (t.w * 3.0).detach()
    return loss_of(t)


def has_a_gradient_now_and_then(t: Any, k: int) -> None:
    t.other.grad = np.array([1.0, k]) if k % 5 > 2 else None


def halves_the_rate(t: Any, k: int) -> None:
    t.opt.param_groups[0]["lr"] = 0.5 if k % 6 < 3 else 0.25


def of_another_form(t: Any, k: int) -> None:
    t.w.grad = tg.Tensor(np.array([1.1, 3.0], np.float32 if k % 6 > 2 else np.float64))


def left_for(t: Any) -> Any:
    loss = loss_of(t)
    loss.backward()
    return loss.detach()


#: Steps, and what is done before each call.
ASKED: dict[str, tuple[Callable[[Any], Any], Callable[[Any, int], Any]]] = {
    "whether there is a gradient": (looks_at_a_gradient, has_a_gradient_now_and_then),
    "a norm of gradients": (clips_another, has_a_gradient_now_and_then),
    "a gradient that is used": (uses_a_gradient, has_a_gradient_now_and_then),
    "whether the last call left one": (looks_at_its_own, lambda t, k: t.opt.zero_grad() if k == 12 else None),
    "gradients that add up": (trained, lambda t, k: t.opt.zero_grad() if k in (9, 10) else None),
    "gradients of another form": (left_for, of_another_form),
    "a gradient that is forgotten": (lambda t: t.other.zero_grad() or loss_of(t), has_a_gradient_now_and_then),
    "a gradient that is returned": (lambda t: t.other.grad, has_a_gradient_now_and_then),
    "a gradient that is set": (sets_a_gradient, has_a_gradient_now_and_then),
    "whether a gradient is required": (
        lambda t: loss_of(t) * (3.0 if t.other.requires_grad else 2.0),
        lambda t, k: t.other.requires_grad_(k % 6 < 3)),
    "the mode of a module": (lambda t: loss_of(t) * (3.0 if t.net.training else 2.0),
                             lambda t, k: t.net.train(k % 6 < 3)),
    "a rate": (lambda t: loss_of(t) if t.opt.param_groups[0]["lr"] > 0.3 else loss_of(t) * 2.0, halves_the_rate),
    "a rate as a factor": (lambda t: loss_of(t) * t.opt.param_groups[0]["lr"], halves_the_rate),
    "a rate that is returned": (lambda t: t.opt.param_groups[0].get("lr"), halves_the_rate),
    "rates in a loop": (lambda t: sum(v for k, v in t.opt.param_groups[0].items() if k == "lr"), halves_the_rate),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_what_python_asks_is_a_condition(name: str) -> None:
    assert seen_in(*ASKED[name], frozen) == seen_in(*ASKED[name], lambda f: f)


def test_a_gradient_that_is_returned_is_that_of_the_leaf() -> None:
    t = things()
    run = frozen(lambda: t.other.grad)
    for k in range(12):
        t.other.grad = [1.0, k]
        assert run() is t.other.grad


def test_a_rate_that_nobody_asks_for_stays_live() -> None:
    t = things()
    run = frozen(lambda: trained(t))
    for k in range(20):
        t.opt.param_groups[0]["lr"] = 0.1 / (k + 1)
        run()
    assert run._made == 1


def test_a_gradient_that_it_has_not_computed_is_not_frozen() -> None:
    t, g = things(), tg.Tensor([5.0, 6.0])

    def step() -> Any:
        loss = loss_of(t)
        loss.backward()
        t.w.grad = g
        return loss

    run = frozen(step)
    with pytest.warns(tg.CaptureWarning, match="sets a gradient that it has not computed"):
        for _ in range(8):
            run()
            assert t.w.grad is g


def test_another_mode_does_not_disturb_an_audit() -> None:
    t = things()

    def step() -> Any:
        t.opt.step()
        t.opt.zero_grad()
        return (t.other * 2.0).sum() + tg.Tensor([1, 2]).mean()

    run = frozen(step)
    for k in range(100):
        t.w.grad = [1.0, k]
        with tg.default_dtype(np.float32 if k % 3 == 2 else np.float64):
            assert run().item() == 7.5


def test_a_loss_with_statistics_is_differentiated_outside() -> None:
    def gradients(wrap: Any) -> list[Any]:
        net, found = nn.BatchNorm1d(2), []
        run = wrap(lambda x: (net(x) ** 3).sum())
        for _ in range(7):
            net.zero_grad()
            run(tg.Tensor([[1.0, 2.0], [3.0, 5.0], [0.0, 4.0]])).backward()
            found += [net.weight.grad.tolist(), net.running_mean.tolist()]
        return found

    assert gradients(frozen) == gradients(lambda f: f)


@pytest.mark.parametrize("wrap", [tg.compile, frozen])
def test_an_update_without_gradients_changes_nothing(wrap: Any) -> None:
    t = things()

    def step() -> None:
        loss = (t.w * t.other).sum()
        t.opt.step()  # w has no gradient yet
        loss.backward()
        t.opt.zero_grad()

    run = wrap(step)
    for k in range(7):
        run()
        assert t.other.grad.tolist() == [k + 1.0, 2.0 * (k + 1)] and t.w.grad is None


def test_an_array_that_is_returned_is_a_tensor_of_its_own_in_each_call() -> None:
    x, run = np.ones(2), frozen(lambda x: (x, x + 1.0))
    for _ in range(9):
        same, _ = run(x)
        assert type(same) is tg.Tensor and not np.may_share_memory(same.numpy(), x)


def test_writing_into_a_constant_that_was_returned_disturbs_no_audit() -> None:
    run = frozen(lambda: tg.Tensor([1.0, 2.0]))
    for _ in range(20):
        made = run()
        assert made.tolist() == [1.0, 2.0]
        made.data[:] = 7.0


def test_an_error_after_an_update_finds_it_done_in_an_audit_too() -> None:
    def weights(wrap: Any) -> list[Any]:
        t, found, broken = things(), [], [False]

        def step() -> None:
            t.opt.zero_grad()
            trained(t)
            if broken[0]:
                raise ZeroDivisionError

        run = wrap(step)
        for k in range(9):
            broken[0] = k == 7  # call 8 is audited
            try:
                run()
            except ZeroDivisionError:
                found.append("error")
            found.append(t.w.tolist())
        return found

    assert weights(frozen) == weights(lambda f: f)


def test_a_difference_after_an_update_is_told_and_nothing_is_updated() -> None:
    t, axis = things(), [0]

    def step(x: Any) -> Any:
        t.opt.zero_grad()
        return trained(t) * 0.5 + x[axis[0]]

    run, x = frozen(step), tg.Tensor([1.0, 2.0])
    for _ in range(4):
        run(x)
    axis[0], before = 1, t.w.tolist()
    with pytest.raises(tg.CaptureError, match=r"getitem\(.*key=\(0,\)\) was captured, and now getitem"):
        run.audit(x)
    assert t.w.tolist() == before


@pytest.mark.parametrize("wrap", [tg.compile, frozen])
def test_a_parameter_that_is_updated_before_it_is_used_is_known_in_each_call(wrap: Any) -> None:
    t = things()

    def step() -> None:
        t.opt.step()
        t.opt.zero_grad()
        loss_of(t).backward()

    run = wrap(step)
    for _ in range(12):
        run()
    assert run._lockstep.records < 4


def of_a_copy(t: Any) -> Any:
    return tg.Tensor(t.other, dtype=np.float32)


def of_what_is_detached(t: Any) -> Any:
    return t.other.detach()


@pytest.mark.parametrize("step", [of_a_copy, of_what_is_detached])
def test_a_copy_of_a_tensor_that_is_used_in_no_other_way_is_that_of_today(step: Callable[[Any], Any]) -> None:
    def doubles(t: Any, k: int) -> None:
        if k > 5:  # it has been the same in all calls until then
            t.other.data = t.other.data * 2.0

    assert seen_in(step, doubles, frozen) == seen_in(step, doubles, lambda step: step)


def test_a_copy_of_another_tensor_is_told() -> None:
    t = things()
    run = frozen(lambda: t.other.detach())
    for _ in range(4):
        run()
    t.other = tg.Tensor([3.0, 4.0])
    with pytest.raises(tg.CaptureError, match="another one comes"):
        run.audit()


def test_two_leaves_go_on_having_one_gradient() -> None:
    def step(t: Any) -> Any:
        t.w.grad = t.other.grad = None
        (t.w + t.other).sum().backward()
        t.w.grad = t.other.grad
        return t.other * 1.0

    t = things()
    run = frozen(lambda: step(t))
    with pytest.warns(tg.CaptureWarning, match="two Tensors have one gradient.*goes on in lockstep"):
        for _ in range(4):
            run()
            assert t.w.grad is t.other.grad
