"""Hooks on the steps of an optimizer: called as PyTorch calls them, also in compiled steps."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w


def story(optimizer: Any, loss: Any) -> list[Any]:
    """What the hooks of an optimizer see: names, arguments and whether the first is the optimizer."""
    seen: list[Any] = []

    def note(name: str) -> Any:
        return lambda opt, args, kwargs: seen.append((name, opt is args[0] is optimizer, len(args), kwargs))

    handles = [optimizer.register_step_post_hook(note("after")), optimizer.register_step_pre_hook(note("before")),
               optimizer.register_step_pre_hook(note("second"))]

    def closure() -> Any:
        seen.append("closure")
        optimizer.zero_grad()
        found = loss()
        found.backward()
        return found

    closure()
    optimizer.step(closure) if "LBFGS" in type(optimizer).__name__ else optimizer.step()
    seen.append(round(optimizer.step(closure).item(), 6))
    handles[1].remove()
    handles[1].remove()
    optimizer.step(closure)
    return seen


@pytest.mark.parametrize("name", ["SGD", "Adam", "LBFGS"])
def test_hooks_are_called_as_in_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    p, q = w(3.0), torch.tensor(3.0, requires_grad=True, dtype=torch.float64)
    ours = story(getattr(tg.optim, name)([p], lr=0.1), lambda: (p - 1) ** 2 * (p + 2) ** 2)
    theirs = story(getattr(torch.optim, name)([q], lr=0.1), lambda: (q - 1) ** 2 * (q + 2) ** 2)
    assert ours == theirs and ("before", True, 2, {}) in ours
    assert p.item() == pytest.approx(q.item(), rel=1e-6)


def test_a_hook_may_give_another_closure() -> None:
    p = w(1.0)
    optimizer = tg.optim.SGD([p], lr=0.5)

    def other() -> Any:
        p.grad = 1.0
        return tg.Tensor(7.0)

    handle = optimizer.register_step_pre_hook(lambda opt, args, kwargs: ((opt, other), {}))
    assert optimizer.step().item() == 7.0 and p.item() == 0.5
    handle.remove()
    handle = optimizer.register_step_pre_hook(lambda opt, args, kwargs: ((opt,), {"closure": other}))
    assert optimizer.step().item() == 7.0 and p.item() == 0.0
    optimizer.register_step_pre_hook(lambda opt, args, kwargs: 3)
    with pytest.raises(tg.DTypeError, match=r"a hook of SGD returns None or \(args, kwargs\), got int"):
        optimizer.step()


def test_copies_and_files_have_no_hooks() -> None:
    p, calls = w(1.0), []
    optimizer = tg.optim.Adam([p])
    optimizer.register_step_post_hook(lambda *_: calls.append(1))
    before = optimizer.state_dict()
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        other.param_groups[0]["params"][0].grad = 1.0
        other.step()
    assert not calls
    optimizer.load_state_dict(before)
    optimizer.step()
    assert calls == [1]


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_compiled_step_calls_its_hooks_in_every_call(name: str) -> None:
    def run(compiled: bool) -> list[Any]:
        p = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
        optimizer, seen = getattr(tg.optim, name)([p], lr=0.1), []

        def shorten(*_: Any) -> None:
            tg.nn.utils.clip_grad_norm_([p], 0.5)

        def bound(*_: Any) -> None:
            with tg.no_grad():
                p.assign(np.maximum(p, 0.5))
            seen.append(p.tolist())

        optimizer.register_step_pre_hook(shorten)
        handle = optimizer.register_step_post_hook(bound)

        def step(x: Any) -> Any:
            loss = ((p * x) ** 2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        call: Any = tg.compile(step) if compiled else step
        for k in range(9):
            seen.append(call(tg.Tensor([1.0, k, 2.0])).item())
            if k == 6:
                handle.remove()
        return [*seen, p.tolist()]

    assert run(compiled=True) == run(compiled=False)


def test_a_compiled_step_with_hooks_computes() -> None:
    p, calls = w(1.0), []
    optimizer = tg.optim.SGD([p], lr=0.1, momentum=0.9)
    optimizer.register_step_post_hook(lambda *_: calls.append(1))

    @tg.compile
    def step() -> Any:
        loss = p * p
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(6):
        step()
    assert step._lockstep.hits >= 2 and len(calls) == 6


MISUSE: Table = {
    "a hook": (lambda: tg.optim.SGD([w()], lr=0.1).register_step_post_hook(3), TypeError,  # type: ignore[arg-type]
               "register_step_post_hook: expected a function of the optimizer.*got int;"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
