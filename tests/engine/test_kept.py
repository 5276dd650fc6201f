"""Losses that are collected after their backward passes keep their graphs, which is said once."""

from __future__ import annotations

import gc
import linecache
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.engine import kept

FLOATS = 2_000  # of each array: graphs of 3 or 4 such weigh 50 kB
W = tg.Tensor(np.ones(FLOATS), requires_grad=True)


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What counts as heavy is a sixteenth here, 2 MB or 40 of these graphs; nothing is there before."""
    gc.collect()
    kept._kept.clear()
    monkeypatch.setattr(kept, "HEAVY", kept.HEAVY >> 4)
    yield
    W.zero_grad()


def loss_of(x: Any = 1.0) -> tg.Tensor:
    loss = (np.exp(W * x) + W).sum()
    loss.backward()
    return loss


def collected() -> Any:
    history = []
    for _ in range(1000):
        history.append(loss_of())
    return history


def added() -> Any:
    total: Any = 0.0
    for _ in range(1000):
        total += loss_of()
    return total


def added_anew() -> Any:
    total = tg.Tensor(0.0)
    for _ in range(1000):
        total = total + loss_of()
    return total


def named() -> Any:
    return {i: loss_of() for i in range(1000)}


def the_first() -> Any:
    """Of two losses in turn one is kept."""
    return [(loss_of(), loss_of())[0] for _ in range(500)]


def the_second() -> Any:
    return [(loss_of(), loss_of())[1] for _ in range(500)]


def running() -> Any:
    """A total that is itself walked in each step."""
    total = tg.Tensor(0.0)
    for _ in range(200):
        total = total + (np.exp(W * 1.0) + W).sum()
        total.backward()
    return total, [total]


def of_arrays() -> Any:
    """Graphs that hold little but a copy of an array."""
    small = tg.Tensor(1.0, requires_grad=True)
    history = []
    for _ in range(500):
        history.append((small * np.ones(4 * FLOATS)).sum())
        history[-1].backward()
    return history


def of_scalars() -> Any:
    """Many small ones."""
    v = tg.Tensor(1.0, requires_grad=True)
    history = []
    for _ in range(4000):
        history.append((v * v + 1.0) * v)
        history[-1].backward()
    return history


@pytest.mark.parametrize("keep", [collected, added, added_anew, named, the_first, the_second, of_arrays, of_scalars])
def test_it_is_said_once_with_the_line_and_the_cure(keep: Callable[[], Any]) -> None:
    with pytest.warns(tg.KeptGraphsWarning) as caught:
        held = keep()
    (said,) = caught
    text = str(said.message)
    assert said.filename == __file__ and f"({__file__}:{said.lineno})" in text
    assert ".backward()" in linecache.getline(__file__, said.lineno)
    assert "total += loss.item() or history.append(loss.item())" in text
    del held


def test_it_is_said_again_of_others_when_the_first_are_gone() -> None:
    for _ in range(2):
        with pytest.warns(tg.KeptGraphsWarning):
            held = collected()
        del held


def test_observed_passes_count_too() -> None:
    with pytest.warns(tg.KeptGraphsWarning), tg.observe(tg.Observer()):
        collected()


# -- what is not meant ----------------------------------------------------------------------------


def numbers() -> Any:
    total, history = 0.0, []
    for _ in range(500):
        loss = loss_of()
        total += loss.item()
        history.append(loss.detach())
    return history


def two_of_each() -> Any:
    """The losses of two networks, and those of the step before."""
    last = []
    for _ in range(500):
        last = [*last, loss_of(), loss_of()][-4:]
    return last


def a_few() -> Any:
    """Some graphs, to be drawn."""
    return [loss_of() for _ in range(30)], [loss_of().item() for _ in range(500)]


def many_light_ones() -> Any:
    v = tg.Tensor(1.0, requires_grad=True)
    history = [v * 2.0 for _ in range(500)]
    for loss in history:
        loss.backward()
    return history


def windows() -> Any:
    """Backpropagation through time, cut off after ten steps."""
    h = tg.Tensor(np.zeros(FLOATS))
    losses = []
    for t in range(1000):
        h = np.tanh(h * W)
        losses.append(h.sum())
        if t % 10 == 9:
            sum(losses[1:], losses[0]).backward()
            h, losses = h.detach(), []
    return h


def heads() -> Any:
    """Many losses of what was computed once, each with a backward pass of its own."""
    features = np.exp(tg.Tensor(np.ones(40 * FLOATS), requires_grad=True) * 2.0)
    losses = [features[i] * 1.0 for i in range(500)]
    for loss in losses[:60]:
        loss.backward()
    return losses


def not_walked() -> Any:
    return [(np.exp(W * 1.0) + W).sum() for _ in range(500)]


@pytest.mark.parametrize("use", [numbers, two_of_each, a_few, many_light_ones, windows, heads, not_walked])
def test_nothing_is_said_of_what_is_meant(use: Callable[[], Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        held = use()
    del held


# -- what it costs --------------------------------------------------------------------------------


def test_nothing_is_kept_alive() -> None:
    for _ in range(5 * kept.EVERY):
        loss_of()
    assert not kept._kept
    losses = [loss_of() for _ in range(2 * kept.EVERY)]
    assert len(kept._kept) == 2
    before = sys.getrefcount(losses[0])
    kept.note(losses[0])
    after = sys.getrefcount(losses[0])
    assert before == after
    losses.clear()
    assert not kept._kept


def test_a_weight_is_near_what_is_held() -> None:
    losses = [(np.exp(W * i) + W).sum() for i in range(3 * kept.EVERY)]
    total, totals = tg.Tensor(0.0), []
    for loss in losses:
        total = total + loss
        totals.append(total)
    held = 2 * kept.EVERY * (3 * 8 * FLOATS + 4 * kept.NODE)  # the product, the exponential, and their sum
    for roots in (losses, totals):
        assert 0.9 < kept.weight_of(roots[:: kept.EVERY]) / held < 1.1
    kept.HEAVY = held // 3  # put back by the fixture
    assert held // 3 <= kept.weight_of(losses[:: kept.EVERY]) < held * 0.6


def test_graphs_are_weighed_the_more_seldom_the_more_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(kept, "weight_of", lambda roots: looked.append(len(roots)) or 0)
    held = [loss_of() for _ in range(50 * kept.EVERY)]
    assert looked == [3, 6, 12, 24, 48]
    del held
