"""Passes and modules that come again: no box needs what comes after it, whatever is folded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.pictures import draw
from tinygrad_gd.pictures.tangles import in_order

X = np.linspace(-1.0, 1.0, 12).reshape(3, 4)


class Twice(tg.nn.Module):
    """Two parts that are called in turns."""

    def __init__(self) -> None:
        super().__init__()
        self.a = tg.nn.Sequential(tg.nn.Linear(4, 4), tg.nn.Tanh())
        self.b = tg.nn.Sequential(tg.nn.Linear(4, 4), tg.nn.Tanh())

    def forward(self, x: Any) -> Any:
        return self.b(self.a(self.b(self.a(x))))


def shared() -> Any:
    """A compiled step of a model whose parts are called in turns."""
    model = Twice()
    update = tg.optim.SGD(model.parameters(), lr=0.1)

    @tg.compile
    def step(x: Any) -> Any:
        loss = (model(x) ** 2).mean()
        update.zero_grad()
        loss.backward()
        update.step()
        return loss

    step(X)
    return step


def two_updates() -> Any:
    """A compiled step whose second forward pass needs what the first update made."""
    model = tg.nn.Sequential(tg.nn.Linear(4, 4), tg.nn.Tanh(), tg.nn.Linear(4, 4))
    update = tg.optim.SGD(model.parameters(), lr=0.1)

    @tg.compile
    def step(x: Any) -> Any:
        for _ in range(2):
            loss = (model(x) ** 2).mean()
            update.zero_grad()
            loss.backward()
            update.step()
        return loss

    step(X)
    return step


def penalty() -> Any:
    """What was computed of a gradient is no part of the forward pass that came before."""
    w = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True, name="w")
    with tg.study.watch():
        (tg.tanh(w) ** 3).sum().backward(create_graph=True)
        gradient, w.grad = w.grad, None
        assert gradient is not None
        loss = (gradient * gradient).sum()
    loss.backward()
    return loss


WAYS: list[dict[str, Any]] = [{}, {"depth": 1}, {"page": (500, 600)}, {"page": (300, 300)}, {"fold": False},
                              {"rankdir": "LR"}]


@pytest.mark.parametrize("build", [shared, two_updates, penalty])
def test_no_box_needs_what_comes_after_it(build: Any) -> None:
    what = build()
    closed = set()
    for way in WAYS:
        graph = draw(what, **way).graph
        closed |= {box.title for box in graph.nodes if box.kind == "module"}
        before: set[str] = set()
        for box in graph.nodes:
            assert {e.source for e in graph.edges if e.target == box.id} <= before, way
            before.add(box.id)
        places = [i for box in graph.nodes for i in box.places]
        assert len(places) == len({*places}) and {*places} == {*graph.units.shown}
    assert "backward pass" in closed  # else there was nothing to close


def test_each_update_is_a_box_of_its_own_between_the_passes() -> None:
    frames = draw(two_updates(), depth=1, fold=["backward pass", "update pass"]).graph
    passes = [box.title for box in frames.nodes if box.kind == "module" and box.title.endswith(" pass")]
    phases = [box.phase for box in frames.nodes if box.phase]
    order = [phase for n, phase in enumerate(phases) if phase != phases[n - 1]]
    assert order == ["forward", "backward", "update"] * 2, order
    assert passes.count("update pass") == 2


def test_a_module_that_is_called_twice_is_two_boxes() -> None:
    drawing = draw(shared(), page=(500, 700))
    assert [f"{box.title} {box.word}" for box in drawing.graph.nodes if box.phase == "forward"][:4] == [
        "a Sequential", "b Sequential"] * 2
    assert "  b:2  " in str(drawing) and "mean(b:2**2)" in str(drawing)


def test_only_a_forward_pass_says_how_much_it_learns() -> None:
    notes = {frame.title: frame.note for frame in draw(shared(), depth=1).graph.frames}
    assert notes == {"forward pass": "40 numbers", "backward pass": ""}


def test_only_what_is_in_a_circle_is_cut() -> None:
    sources: list[tuple[int, ...]] = [(), (0,), (1,), (2,), (3,), (4,), ()]
    assert in_order(sources, [[0], [1, 3], [2], [4], [5, 6]]) == ([0], [[1], [2], [3]])
    assert in_order(sources, [[6, 4, 5], [0, 1], [2, 3]]) == ([1, 2, 0], [])
