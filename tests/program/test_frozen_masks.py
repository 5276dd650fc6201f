"""Frozen steps that select by masks: how many elements these select is counted in every call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen

#: How many elements the mask of each call selects.
COUNTS = [2, 2, 2, 3, 3, 1, 2, 3, 1, 1, 2, 3, 3, 3, 2, 1]


def run(step: Callable[[Any, Any], Any], wrap: Any, counts: list[int] = COUNTS) -> list[Any]:
    w, found = tg.Tensor(np.ones(4), requires_grad=True), []
    called = wrap(lambda x: step(w, x))
    for count in counts:
        result = called(tg.Tensor(np.where(np.arange(4) < count, 1.0, -1.0)))
        found.append((result.item(), None if w.grad is None else w.grad.tolist()))
    return found


def is_summed(w: Any, x: Any) -> Any:
    y = x * w
    return y[y > 0].sum()


def is_only_counted(w: Any, x: Any) -> Any:
    y = x * w
    return w.sum() * len(y[y > 0])


def is_only_derived(w: Any, x: Any) -> Any:
    w.grad = None
    is_summed(w, x).backward()
    return w.sum()


@pytest.mark.parametrize("step", [is_summed, is_only_counted, is_only_derived])
def test_what_a_mask_selects_is_counted_in_every_call(step: Callable[[Any, Any], Any]) -> None:
    assert run(step, frozen) == run(step, lambda step: step)


def test_an_audit_leaves_other_counts_to_their_branches() -> None:
    counts = [4, 4, 1, 1, 2, 4, 2, 2]  # the last are audited while what selects two is known, and not frozen
    assert run(is_summed, frozen, counts) == run(is_summed, lambda step: step, counts)
