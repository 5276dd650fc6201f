"""How the gradient flows through a model, said in numbers and in words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused
from tests.oracles import assert_close
from tinygrad_gd.study import Flow, bars
from tinygrad_gd.study.flow import Layer


def deep(layer: Any, depth: int = 6, gain: float = 1.0) -> tuple[tg.nn.Module, Any, tg.Tensor]:
    tg.manual_seed(0)
    layers = [m for _ in range(depth) for m in (tg.nn.Linear(16, 16), layer())]
    net = tg.nn.Sequential(*layers, tg.nn.Linear(16, 1))
    with tg.no_grad():
        for p in net.parameters():
            p *= gain
    x = np.random.default_rng(0).standard_normal((32, 16))
    loss = ((net(x) - 1.0) ** 2).mean()
    loss.backward()
    return net, x, loss


class Sine(tg.nn.Module):
    def forward(self, x: Any) -> Any:
        return np.sin(x)


def said(flow: Flow) -> str:
    return " ".join(str(flow).split())


def test_sizes_are_those_of_the_gradients_and_the_weights() -> None:
    net, _, _ = deep(tg.nn.Tanh)
    flow = net.flow()
    for layer, (name, p) in zip(flow.layers, net.named_parameters(), strict=True):
        assert p.grad is not None and layer.name == name and layer.shape == p.shape
        assert_close([layer.weight, layer.gradient],
                     [np.sqrt(np.mean(np.square(v.numpy()))) for v in (p, p.grad)], 1e-14)
        assert math.isnan(layer.step)
    logs = np.log([x.gradient for x in flow.layers if x.name.endswith("weight")])
    slope = np.linalg.lstsq(np.stack([np.arange(7.0), np.ones(7)], 1), logs)[0][0]
    assert flow.factor == pytest.approx(np.exp(-slope)) and flow.factor < 1
    assert [x.name for x in flow.weights] == [f"{i}.weight" for i in range(0, 13, 2)]


@pytest.mark.parametrize("kind, options", [("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adam", {"lr": 0.01})])
def test_the_next_step_is_the_optimizers_and_nothing_of_it_has_happened(kind: str, options: Any) -> None:
    net, _, loss = deep(tg.nn.Tanh)
    optimizer = getattr(tg.optim, kind)(net.parameters(), **options)
    optimizer.step()
    net.zero_grad()
    _, x, _ = deep(tg.nn.Tanh)
    loss = ((net(x) - 1.0) ** 2).mean()
    loss.backward()
    before, state = net.state_dict(), repr(optimizer.state_dict())
    flow = net.flow(optimizer=optimizer)
    assert repr(optimizer.state_dict()) == state
    loss.backward()  # the graph is not stale, and the gradients are twice what they were
    net.zero_grad()
    ((net(x) - 1.0) ** 2).mean().backward()
    optimizer.step()
    for layer in flow.layers:
        moved = net.get_parameter(layer.name).numpy() - before[layer.name]
        ratio = np.linalg.norm(moved) / np.linalg.norm(before[layer.name])
        assert layer.step == pytest.approx(ratio, rel=1e-9) and ratio > 0


def test_a_deep_sigmoid_vanishes_and_large_weights_explode_and_others_do_neither() -> None:
    vanishing, exploding, fine = deep(tg.nn.Sigmoid), deep(tg.nn.Tanh, 3, 30.0), deep(tg.nn.Tanh, 2)
    assert "it vanishes" in said(vanishing[0].flow()) and vanishing[0].flow().factor < 0.25
    assert "it explodes" in said(deep(Sine, 6, 10.0)[0].flow()) and "neither" in said(fine[0].flow())
    assert "Saturated" in said(exploding[0].flow(exploding[1])) and "Saturated" not in said(fine[0].flow(fine[1]))


def test_of_two_weights_nothing_is_said_about_depth() -> None:
    net = tg.nn.RNN(3, 8)
    net(np.ones((5, 2, 3)))[0].sum().backward()
    assert len(net.flow().weights) == 2 and "Going back" not in said(net.flow())


def test_long_and_short_steps_are_told() -> None:
    net, _, _ = deep(tg.nn.Tanh, 2)
    for lr, what in ((10.0, "Steps are long"), (1e-7, "Steps are short"), (3e-3, "")):
        text = said(net.flow(optimizer=tg.optim.SGD(net.parameters(), lr=lr)))
        assert ("Steps are" in text) is bool(what) and what in text
    net, _, _ = deep(tg.nn.Sigmoid)
    assert "no one lr fits all" in said(net.flow(optimizer=tg.optim.SGD(net.parameters(), lr=0.1)))


def test_what_activations_give() -> None:
    tg.manual_seed(0)
    net = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.ReLU(), tg.nn.Linear(3, 1))
    with tg.no_grad():
        net.get_parameter("0.bias").assign([1.0, -100.0, 1.0])
    x = np.abs(np.random.default_rng(0).standard_normal((20, 2)))
    net(x).sum().backward()
    flow = net.flow(x)
    (relu,) = flow.outputs
    values = np.maximum(x @ net.get_parameter("0.weight").numpy().T + [1.0, -100.0, 1.0], 0)
    assert (relu.name, relu.dead, relu.units) == ("1 relu", 1, 3)
    assert_close([relu.std, relu.zeros], [values.std(), (values == 0).mean()], 1e-14)
    assert "1 of 3 units dead" in said(flow) and "learn nothing: 1 relu" in said(flow)


def test_layers_without_a_gradient_and_with_a_broken_one_are_named() -> None:
    net = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.Linear(3, 1), tg.nn.Linear(4, 4))
    net[1](net[0]([[1.0, 2.0]])).sum().backward()
    assert "No gradient at 2.weight, 2.bias" in said(net.flow())
    net.get_parameter("1.weight").grad = np.zeros((1, 3))
    assert "A gradient of 0 in every number at 1.weight" in said(net.flow())
    net.get_parameter("0.weight").grad = np.full((3, 2), np.inf)
    assert "Not finite at 0.weight: run again inside tg.detect_anomaly()" in said(net.flow())


def test_the_table_has_a_bar_for_each_weight_in_any_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    net, _, _ = deep(tg.nn.Sigmoid)
    rows = str(net.flow()).splitlines()[1:8]
    lengths = [row.count("█") for row in rows]
    assert lengths == sorted(lengths) and lengths[0] < lengths[-1]
    monkeypatch.setattr(bars.sys, "stdout", open("/dev/null", "w", encoding="ascii"))  # type: ignore[attr-defined]
    assert "#" in bars.bar(0.5) and bars.bar(0.5).isascii() and bars.spark([1, 2, 3]).isascii()
    assert str(net.flow()).isascii()
    bars.sys.stdout.close()  # type: ignore[attr-defined]


def test_sparks() -> None:
    assert bars.spark([]) == "" and bars.spark([2.0, 2.0]) == "▁▁" and bars.spark([np.nan]) == "!"
    steady = bars.spark(list(range(1, 9)))
    assert steady == "▁▂▃▄▅▆▇█" and len(bars.spark(np.arange(1, 1001), width=30)) == 30
    assert bars.spark([1, 10, 100, 1000]) == "▁▃▆█" and bars.spark([-1, 10, 1000]) == "▁▁█"


def model() -> tg.nn.Module:
    net = tg.nn.Linear(2, 1)
    net([1.0, 2.0]).sum().backward()
    return net


MISUSE: Table = {
    "no gradient": (lambda: tg.nn.Linear(2, 1).flow(), RuntimeError, r"call loss.backward\(\) first"),
    "lr": (lambda: model().flow(optimizer=0.1), TypeError, "expected an optimizer"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


def test_a_table_in_which_nothing_stands_out_says_so_and_fits_the_page() -> None:
    net = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.Tanh(), tg.nn.Linear(3, 1))
    x = np.random.default_rng(0).normal(size=(8, 2))
    (net(x) ** 2).mean().backward()
    told = str(net.flow(x, optimizer=tg.optim.SGD(net.parameters(), lr=1e-9)))
    assert max(map(len, told.splitlines())) <= 100 and "the step is the next one)" in told
    assert not told.endswith("\n") and str(net.flow(x)).endswith("\nNothing stands out.")
    norm = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.LayerNorm(3), tg.nn.Linear(3, 1))
    (norm(x) ** 2).mean().backward()
    assert "1 normalize" in str(norm.flow(x)) and "standardize" not in str(norm.flow(x))


def test_the_table_of_activations_stands_in_columns_and_tells_calls_apart() -> None:
    class Net(tg.nn.Module):
        def __init__(self) -> None:
            self.one, self.two = tg.nn.Linear(2, 3), tg.nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            return tg.relu(self.two(tg.relu(self.one(x))))

    tg.manual_seed(0)
    net, x = Net(), np.ones((4, 2))
    net(x).sum().backward()
    lines = str(net.flow(x)).splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("activation"))
    place = lines[head].index("spread")
    first, second = lines[head + 1 : head + 3]
    assert first.startswith("relu (1) ") and second.startswith("relu (2) ") and lines[head + 3].startswith("(spread is")
    assert {first[:place], second[:place]} == {"relu (1)".ljust(place), "relu (2)".ljust(place)}
    assert first[place].isdigit() and second[place].isdigit()
    assert "Nothing stands out" in said(net.flow()) and str(net.flow()).splitlines()[-2] == "" == lines[head + 4]


def test_the_figure_beside_several_layers_is_that_of_the_nearest() -> None:
    layers = tuple(Layer(name, (2, 2), 1.0, 1.0, 0.0, step) for name, step in (("a", 0.09), ("b", 0.04), ("c", 1e-3)))
    assert "at a, b (4.0e-02 and more), where" in said(Flow(layers, (), 1.0))
    assert "at a (9.0e-02), where" in said(Flow(layers[:1], (), 1.0))
    short = tuple(layer._replace(step=layer.step * 1e-4) for layer in layers[:2])
    assert "at a, b (9.0e-06 and less), where" in said(Flow(short, (), 1.0))


def test_what_cures_a_vanishing_gradient_depends_on_the_activation() -> None:
    net, x, _ = deep(tg.nn.Sigmoid)
    assert "larger initial weights alone do not help" in said(net.flow(x))
    assert "Where there are sigmoids" in said(net.flow())
