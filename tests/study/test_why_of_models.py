"""Whys that five models gave rise to: a line, an MLP, a CNN, an RNN and a transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def leaf(values: Any, name: str) -> tg.Tensor:
    return tg.Tensor(values, requires_grad=True, name=name)


def text(told: Any) -> str:
    return " ".join(str(told).split())


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("given", [False, True])
def test_a_step_that_makes_a_new_tensor_is_told_as_that(watched: bool, given: bool) -> None:
    def trained() -> tuple[tg.Tensor, tg.Tensor]:
        w = leaf(0.0, "w")
        loss = (w * 3.0 - 1) ** 2
        loss.backward()
        w = w - 0.01 * w.grad
        return w, (w * 3.0 - 1) ** 2

    if watched:
        with tg.study.watch():
            w, loss = trained()
            loss.backward()
    else:
        with tg.study.watch():
            pass
        w, loss = trained()
    told = w.why(loss) if given else w.why()
    assert told.causes[0].kind == "replaced" and text(told).startswith("w.grad is None. 1. w = w - ... made a new Tensor")
    assert "with tg.no_grad(): w -= ..." in text(told) and "retain_grad" not in text(told)


def test_a_row_that_is_masked_everywhere_is_the_cause_and_not_the_mask() -> None:
    scores = leaf(np.zeros((3, 3)), "scores")
    hidden = np.triu(np.ones((3, 3), bool), 0)
    loss = (tg.softmax(np.where(hidden, -np.inf, scores), axis=-1) * np.arange(3.0)).sum()
    loss.backward()
    told = scores.why(loss)
    assert told.causes[0].kind == "masked row" and "made -infinity" not in text(told) and "np.triu(ones, 1)" in text(told)
    added = (tg.softmax(scores + np.where(hidden, -np.inf, 0.0), axis=-1) * np.arange(3.0)).sum()
    assert scores.why(added).causes[0].kind == "masked row"
    by_hand = np.where(hidden, -np.inf, scores)
    shifted = by_hand - by_hand.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    told = scores.why((powers / powers.sum(axis=-1, keepdims=True) * np.arange(3.0)).sum())
    assert told.causes[0].kind == "masked row"


def test_a_mask_alone_is_no_cause() -> None:
    scores = leaf(np.zeros((3, 3)), "scores")
    hidden = np.triu(np.ones((3, 3), bool), 1)
    p = tg.softmax(np.where(hidden, -np.inf, scores), axis=-1)
    loss = np.log(p[:, 0] - p[0, 0]).sum()
    loss.backward()
    assert scores.why(loss).causes[0].kind == "forward" and "log(" in scores.why(loss).causes[0].says


def test_a_product_that_overflows_says_how_large_its_inputs_are() -> None:
    w = leaf(np.full((2, 2), 1e200), "w")
    loss = (w @ w @ np.ones((2, 2))).sum()
    loss.backward()
    assert "Sizes go up to: w to 1e+200, w to 1e+200" in text(w.why(loss)) and "There w" not in text(w.why(loss))


@pytest.mark.parametrize("ask", ["w", "b", "h0"])
def test_steps_in_time_are_told_whoever_asks(ask: str) -> None:
    w, b, h0 = leaf(0.3, "w"), leaf(0.0, "b"), leaf(np.ones(2), "h0")
    h: Any = h0
    for _ in range(30):
        h = w * h + b
    loss = ((h - 1) ** 2).sum()
    loss.backward()
    told = {"w": w, "b": b, "h0": h0}[ask].why(loss)
    assert told.causes[0].kind == "vanishing" and "multiplies it by about 0.3" in text(told)


def test_the_cure_of_a_deep_sigmoid_is_one_that_cures() -> None:
    """Larger initial weights alone leave the first layer 100,000 times less than the last."""
    def deep(act: Any, larger: bool = False, norm: bool = False) -> tuple[Any, float]:
        tg.manual_seed(0)
        layers = [m for _ in range(9) for m in (*([tg.nn.LayerNorm(8)] if norm else []), tg.nn.Linear(8, 8), act())]
        net = tg.nn.Sequential(*layers, tg.nn.Linear(8, 1))
        weights = [p for p in net.parameters() if p.ndim > 1]
        for p in weights if larger else ():
            tg.nn.init.kaiming_normal_(p)
        loss = (net(np.random.default_rng(0).normal(size=(5, 8))) ** 2).mean()
        loss.backward()
        sizes = [float(np.linalg.norm(p.grad.numpy())) for p in weights if p.grad is not None]
        return net.why(loss), sizes[0] / sizes[-1]

    told, share = deep(tg.nn.Sigmoid)
    assert share < 1e-5 and "Use relu or tanh in place of sigmoid" in text(told) and "It hits" not in text(told)
    assert "Larger initial weights alone do not help" in text(told) and deep(tg.nn.Sigmoid, larger=True)[1] < 1e-4
    assert deep(tg.nn.Tanh)[1] > 1e-3 and deep(tg.nn.Sigmoid, norm=True)[1] > 1e-3
    assert not [c for c in deep(tg.nn.Sigmoid, norm=True)[0].causes if c.kind == "vanishing"]


def test_of_a_model_without_a_loss_only_those_without_a_gradient_are_spoken_of() -> None:
    with tg.study.watch():
        pass
    net = tg.nn.Sequential(tg.nn.Linear(2, 2), tg.nn.Linear(2, 1))
    net[1](np.ones((3, 2))).sum().backward()
    told = net.why()
    assert len(told.causes) == 1 and "It hits layer_0.weight, layer_0.bias" in text(told) and "layer_1" not in text(told)
    assert "Give the loss, as in why(loss)" in text(told)


def test_what_is_right_needs_no_cure() -> None:
    w = leaf(2.0, "w")
    loss = (w * w * np.ones(3)).sum()
    loss.backward()
    told = w.why(loss)
    assert [c.cure for c in told.causes if c.kind == "used"] == [""] and "as it should be" in text(told)
