"""Errors of a compiled step come when values are computed: whoever has what they prevented is told."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.engine.primitive import apply
from tinygrad_gd.ops.unnamed import unnamed

BAD = (3, 5)  # calls


def called(step: Any, n: int) -> Any:
    """What a call returns, or the kind of error."""
    try:
        return step(np.array([0, 9 if n in BAD else 1]))
    except (IndexError, FloatingPointError) as error:
        return type(error), "test_late_errors.py:" in str(error)


@pytest.mark.parametrize("later", [False, True])
def test_an_error_that_was_caught_too_late_is_raised_by_the_result(later: bool) -> None:
    p, kept = tg.Tensor(np.arange(6.0).reshape(3, 2), requires_grad=True), []  # type: ignore[var-annotated]

    @tg.compile
    def step(rows: Any) -> Any:
        total = p[rows].sum()
        kept.append(total)
        try:
            seen = p[rows].mean().item()
        except IndexError:  # of the line above
            return 0.0 if later else total
        return seen

    for n in range(7):
        found = called(step, n)
        assert found == ((0.0 if later else (tg.errors.IndexingError, True)) if n in BAD else 1.5)
    for n, total in enumerate(kept):
        if n not in BAD:
            assert total.item() == 6.0 and total.op.name == "sum"
            continue
        assert total.shape == ()
        for look in (total.item, total.backward, lambda x=total: x * 2.0, lambda x=total: x.op, lambda x=total: repr(x)):
            with pytest.raises(IndexError, match=r"index 9 is out of bounds .*test_late_errors.py:\d+\)"):
                look()


def test_what_came_before_an_error_and_after_it_is_there() -> None:
    p, kept = tg.Tensor(np.arange(6.0).reshape(3, 2), requires_grad=True), []  # type: ignore[var-annotated]

    def step(rows: Any) -> Any:
        before = (p * 2.0).sum()
        try:
            made = p[rows].sum()
            _ = made.item()
        except IndexError:
            made = before * 0.5
        kept.append(before)
        return made + before

    def run(step: Any) -> Any:
        kept.clear()
        return [called(step, n).item() for n in range(7)], [x.item() for x in kept]

    assert run(tg.compile(step)) == run(step)


def test_an_error_between_updates_is_that_of_the_plain_step() -> None:
    p, c = tg.Tensor(np.arange(6.0).reshape(3, 2), requires_grad=True), tg.Tensor([1.0, 2.0])
    optimizer = tg.optim.SGD([p], lr=0.01)

    @tg.compile
    def step(rows: Any) -> Any:
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()
        total = p[rows].sum()
        c.assign(c * 2.0)
        return total

    found = [called(step, n) for n in range(4)]
    assert found[3] == (tg.errors.IndexingError, True) and c.tolist() == [8.0, 16.0]


def test_what_an_update_that_failed_has_prevented_says_so() -> None:
    a = tg.Tensor(np.full(1, 2e38, np.float32), requires_grad=True)
    optimizer = tg.optim.SGD([a], lr=3e38)

    @tg.compile
    def step(rows: Any) -> Any:
        optimizer.zero_grad()
        loss = (a * np.float32(1e-8) * (7.5e6 * (1 - rows[1:])).astype(np.float32)).sum()
        loss.backward()
        try:
            optimizer.step()
        except FloatingPointError:
            return loss, "caught"
        return loss

    with np.errstate(over="raise"):
        found = [called(step, n) for n in range(4)]
    assert [x.item() for x in found[:3]] == [0.0] * 3 and found[3] == (FloatingPointError, False)


@pytest.mark.parametrize("often", [1, 2])
def test_a_step_that_is_interrupted_leaves_what_it_has_computed(often: int) -> None:
    w, kept, left = tg.Tensor(np.ones(2), requires_grad=True), [], [0]  # type: ignore[var-annotated]

    def interrupted(x: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise KeyboardInterrupt
        return +x

    primitive = unnamed("interrupted", interrupted, (lambda g, out, x: g,), atomic=True)

    @tg.compile
    def step(rows: Any) -> Any:
        kept.append(apply(primitive, (w * rows,)))
        return kept[-1].sum()

    for n in range(7):
        left[0] = often * (n == 4)
        with pytest.raises(KeyboardInterrupt) if n == 4 else nullcontext():
            assert step(np.array([n, 1])).item() == n + 1
    if often == 2:  # also while it was computed as usual
        with pytest.raises(tg.GradError, match="interrupted"):
            kept.pop(4).item()
    assert [x.tolist() for x in kept] == [[n, 1] for n in range(7) if n != 4 or often == 1]
