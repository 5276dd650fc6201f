"""Hooks on one gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg


def leaf(*values: float, name: str = "x", dtype: Any = None) -> tg.Tensor:
    return tg.Tensor(list(values), requires_grad=True, name=name, dtype=dtype)


def test_a_hook_observes_the_whole_gradient_of_a_recorded_tensor() -> None:
    x, seen = leaf(1.0, 2.0), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y * 3 + y * y).sum().backward()
    assert seen == [[7.0, 11.0]]  # 3 + 2y, once, after both uses are added up
    assert x.grad is not None and x.grad.tolist() == [14.0, 22.0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_hooks_replace_in_the_order_of_registration(create_graph: bool) -> None:
    x = leaf(1.0)
    y = x * 1
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: g + 1)
    y.sum().backward(create_graph=create_graph)
    assert x.grad is not None and x.grad.tolist() == [11.0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_what_a_pass_hands_out_belongs_to_one_each(create_graph: bool) -> None:
    x, y, kept = leaf(1.0), leaf(1.0), tg.Tensor([1.0])
    seen: list[tg.Tensor] = []
    h = x + 0
    h.retain_grad()
    h.register_hook(seen.append)
    h.register_hook(lambda g: kept)
    (h + y).sum().backward(create_graph=create_graph)
    handed_out = [kept, seen[0], h.grad, x.grad, y.grad]
    for i, g in enumerate(handed_out):
        assert g is not None
        g *= i + 2
    assert [g.item() for g in handed_out if g is not None] == [2.0, 3.0, 4.0, 5.0, 6.0]


def test_a_hook_on_a_leaf_replaces_what_is_added_to_grad() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: np.clip(g, -1, 1))
    (x * 5).sum().backward()
    (x * -5).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 0.0]


def test_a_hook_is_part_of_a_recorded_backward_pass() -> None:
    x = leaf(3.0)
    y = x * x
    y.register_hook(lambda g: g * x)
    y.sum().backward(create_graph=True)
    first = x.grad  # x * 2x
    x.zero_grad()
    assert first is not None
    first.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [12.0]


def test_a_removed_hook_is_silent_and_only_that_one() -> None:
    x = leaf(1.0)
    seen: list[Any] = []
    handles = [x.register_hook(seen.append), x.register_hook(seen.append)]
    handles[0].remove()
    handles[0].remove()
    x.sum().backward()
    assert len(seen) == 1
    x.register_hook(lambda g: handles[1].remove())  # in the middle of a pass
    x.sum().backward()
    x.sum().backward()
    assert len(seen) == 2


def test_what_a_hook_keeps_is_not_changed_by_later_passes() -> None:
    x, kept = leaf(1.0, 1.0), []
    x.register_hook(lambda g: kept.append(g))
    x.sum().backward()
    assert x.grad is not None
    x.grad.data[:] = 50.0
    x.sum().backward()
    assert [g.tolist() for g in kept] == [[1.0, 1.0], [1.0, 1.0]]


def test_a_replacement_gets_the_dtype_of_the_tensor() -> None:
    x = leaf(1.0, dtype=np.float32)
    y = x.reshape(1, 1)
    y.register_hook(lambda g: g.numpy().astype(np.float64))
    x.register_hook(lambda g: [2])
    y.sum().backward()
    assert x.grad is not None and x.grad.dtype == np.float32 and x.grad.tolist() == [2.0]


def write_into(g: tg.Tensor) -> None:
    g.data[:] = 0.0


HOOK_MISUSE: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no function": (lambda: leaf(1.0).register_hook(0.5),  # type: ignore[arg-type]
                    tg.DTypeError, r"expected a function of the gradient, got float.*lambda g"),
    "no gradient": (lambda: tg.Tensor(1.0, name="data").register_hook(print),
                    tg.GradError, r"'data'.* gets no gradient.*requires_grad=True"),
    "shape": (lambda: hooked(lambda g: g[0]), tg.ShapeError, r"shape \(\) .*'x'.*same shape or None"),
    "no number": (lambda: hooked(lambda g: "zero"), tg.DTypeError, "<U4"),
    "in place": (lambda: hooked(write_into), tg.GradError, "'x'.*changed in place.*return the new"),
}


def hooked(hook: Any) -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(hook)
    (x * 2).sum().backward()


@pytest.mark.parametrize("case", HOOK_MISUSE)
def test_misused_hooks_are_explained(case: str) -> None:
    call, error, text = HOOK_MISUSE[case]
    with pytest.raises(error, match=text):
        call()


# -- anomaly mode beside other observers, and in every kind of pass -------------------------------


def test_a_gradient_does_not_share_the_memory_of_what_a_hook_returned() -> None:
    x, y = (tg.Tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    kept: list[tg.Tensor] = []
    x.register_hook(lambda g: kept.append(g) or g)  # type: ignore[func-returns-value]
    y.register_hook(lambda g: x)
    (x * y).sum().backward()
    assert not np.shares_memory(x.grad, kept[0]) and not np.shares_memory(y.grad, x)
    with tg.no_grad():
        x.grad *= 0.0
        y.grad *= 0.0
    assert kept[0].tolist() == x.tolist() == [1.0, 2.0]
