"""What is noted of each step, and dead units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused
from tinygrad_gd.study import Watch, activations


@pytest.mark.parametrize("compiled", [False, True])
def test_norms_are_those_of_the_step(compiled: bool) -> None:
    net = tg.nn.Linear(3, 2)
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
    x = np.random.default_rng(0).standard_normal((5, 3))

    def step() -> Any:
        loss = (net(tg.Tensor(x)) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = tg.compile(step) if compiled else step
    watch = Watch(net)
    for k in range(4):
        before = net.weight.numpy().copy()
        with watch:
            run()
        assert net.weight.grad is not None
        norm = np.linalg.norm(net.weight.grad.numpy())
        assert watch.gradients["weight"][k] == pytest.approx(norm)
        assert watch.updates["weight"][k] == pytest.approx(0.1 * norm / np.linalg.norm(before))
    assert watch.gradients.keys() == watch.updates.keys() == {"weight", "bias"}
    assert {len(v) for v in watch.gradients.values()} == {4}


def test_what_has_no_gradient_or_no_length_is_nan_and_a_failed_step_counts_for_nothing() -> None:
    a, b = tg.Tensor(1.0, requires_grad=True, name="a"), tg.Tensor([0.0], requires_grad=True)
    watch = Watch([a, b])
    with watch:
        (b * 2).sum().backward()
    assert np.isnan(watch.gradients["a"][0]) and watch.gradients["b"] == [2.0]
    assert watch.updates["a"] == [0.0] and np.isnan(watch.updates["b"][0])
    with pytest.raises(ZeroDivisionError), watch:
        raise ZeroDivisionError
    assert len(watch.updates["a"]) == 1


class Images(tg.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = tg.nn.Conv2d(1, 3, 3)
        self.head = tg.nn.Linear(3, 2)

    def forward(self, x: Any) -> Any:
        h = tg.relu(self.convolution(x))
        return tg.sigmoid(self.head(h.mean(axis=(2, 3))))


def test_units_are_channels_of_images_and_named_by_their_module() -> None:
    net = Images()
    with tg.no_grad():
        net.convolution.bias.assign(np.array([5.0, -50.0, 5.0]))
    found = activations(net, np.random.default_rng(0).standard_normal((6, 1, 5, 5)))
    assert [(u.name, u.dead, u.units, u.values.shape) for u in found] == [
        ("relu", (1,), 3, (6, 3, 3, 3)), ("sigmoid", (), 2, (6, 2))]
    assert found[0].values.min() == 0.0


def test_the_model_runs_as_in_evaluation_and_is_left_as_it_was() -> None:
    modes: list[bool] = []

    class Noted(tg.nn.Module):
        def forward(self, x: Any) -> Any:
            modes.append(self.training)
            return x

    net = tg.nn.Sequential(tg.nn.Linear(1, 2), tg.nn.Tanh(), Noted())
    net.train()
    dict(net.named_modules())["1"].eval()
    saturated = activations(net, [[1e9], [2e9]])
    assert modes == [False] and [m.training for m in net.modules()] == [True, True, False, True]
    assert saturated[0].dead == (0, 1)  # tanh gives 1 or -1 whatever comes


MISUSE: Table = {
    "no model": (lambda: activations(3), TypeError, "expected a model, got int"),  # type: ignore[arg-type]
    "watch arrays": (lambda: Watch([np.ones(2)]), TypeError, "Watch: expected Tensors"),  # type: ignore[list-item]
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
