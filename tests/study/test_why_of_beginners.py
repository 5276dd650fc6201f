"""Mistakes as they are made in the first weeks, which are no single missing link; and models that have none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd import nn

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def kinds(told: Any) -> list[str]:
    return [c.kind for c in told.causes]


def text(told: Any) -> str:
    return " ".join(str(told).split())


# -- what a loss is asked about, though it is about what is not in it ----------------------------------


def test_a_watched_loss_tells_of_layers_that_no_pass_reached() -> None:
    encoder, head, x = nn.Linear(4, 8), nn.Linear(8, 3), rng().standard_normal((6, 4))
    with tg.study.watch():
        loss = nn.cross_entropy(head(tg.relu(encoder(x)).detach()), np.arange(6) % 3)
        loss.backward()
    told = loss.why()
    assert kinds(told) == ["detach"] and "2 are None, 1 is 0 in part, 1 is there. 1. " in text(told)
    assert "Compute with the result of relu itself" in text(told)


def test_a_layer_that_another_pass_reaches_is_not_missed() -> None:
    maker, judge, x = nn.Linear(2, 3), nn.Linear(3, 1), rng().standard_normal((6, 2))
    with tg.study.watch():
        judge(maker(x)).mean().backward()
        for p in (*maker.parameters(), *judge.parameters()):
            p.zero_grad()
        loss = judge(maker(x).detach()).mean()
        loss.backward()
    assert "Nothing wrong was found." in str(loss.why())


def test_a_loss_made_of_an_array_has_nothing_behind_it() -> None:
    layer = nn.Linear(4, 1)
    with tg.study.watch():
        out = layer(rng().standard_normal((6, 4)))
        loss = tg.Tensor(np.mean(out.numpy()), requires_grad=True)
        loss.backward()
    told = loss.why()
    assert str(told).startswith("loss was not computed from any Tensor.") and kinds(told) == ["array"]
    with tg.study.watch():  # the run before is not the one that is asked about
        pass
    other = tg.Tensor(1.0, requires_grad=True, name="other")
    other.backward()
    assert "is a leaf" in text(other.why()) and "Nothing wrong" not in str(other.why())


def test_unwatched_it_is_said_that_a_step_hides_how_many_passes_there_were() -> None:
    layer, x = nn.Linear(4, 1), rng().standard_normal((6, 4))
    optimizer = tg.optim.SGD(layer.parameters(), lr=0.1)
    with tg.study.watch():
        pass
    for _ in range(2):
        loss = (layer(x) ** 2).mean()
        loss.backward()
        optimizer.step()
    assert kinds(loss.why()) == ["stale"] and "cannot be told" in text(loss.why())


def test_of_a_leaf_that_was_watched_nothing_is_said_of_other_causes() -> None:
    with tg.study.watch():
        b, w = tg.Tensor(0.0), tg.Tensor(1.0, requires_grad=True)
        loss = (w + b) ** 2
        loss.backward()
    assert "b was made without requires_grad=True, or was frozen." in text(b.why())
    assert "create_graph" not in str(b.why()) and "the gradient of w is there" in text(loss.why())


def test_all_parameters_of_a_model_are_called_alike() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with tg.study.watch(), tg.no_grad():
        loss = net(np.ones((4, 2))).mean()
    assert "It hits layer_0.weight, layer_0.bias, layer_2.weight, layer_2.bias" in text(net.why(loss))
    assert "1. linear was computed under tg.no_grad()" in str(net.why(loss))


# -- zero ----------------------------------------------------------------------------------------------


def test_each_of_two_factors_that_are_0_is_told_of_the_other() -> None:
    W1, W2 = (tg.Tensor(np.zeros(shape), requires_grad=True, name=n) for n, shape in (("W1", (3, 4)), ("W2", (4, 1))))
    loss = ((np.tanh(rng().standard_normal((5, 3)) @ W1) @ W2 - 1) ** 2).mean()
    loss.backward()
    told = loss.why()
    assert kinds(told) == ["zero factor"] * 2
    assert [c.evidence for c in told.causes] == ["It hits W1", ""] and told.causes[1].says.startswith("W2 is multiplied")


def test_a_sigmoid_that_is_flat_but_not_quite_is_told() -> None:
    x, y = rng().uniform(-255, 255, (50, 4)), (rng().random((50, 1)) > 0.5) * 1.0
    net = nn.Sequential(nn.Linear(4, 16), nn.Sigmoid(), nn.Linear(16, 1))
    with tg.no_grad():
        net[0].weight.assign(rng().standard_normal((16, 4)))
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    assert np.any(net[0].weight.grad.numpy()) and kinds(net.why(loss)) == ["saturated"]
    w = tg.Tensor([[-20.0]], requires_grad=True, name="w")
    for right, expected in ((0.0, []), (1.0, ["saturated"])):
        loss = ((tg.sigmoid(np.ones((3, 1)) @ w) - right) ** 2).mean()  # sure of 0
        w.zero_grad()
        loss.backward()
        assert w.grad.item() != 0 and kinds(loss.why()) == expected  # type: ignore[union-attr]


def test_some_dead_units_are_no_news() -> None:
    w = tg.Tensor(rng().standard_normal((3, 8)), requires_grad=True, name="w")
    bias, x = np.zeros(8), rng().standard_normal((20, 3))
    for dead, expected in ((4, []), (6, ["dead relu"])):
        bias[:dead] = -100
        loss = tg.relu(x @ w + bias).mean()
        w.zero_grad()
        loss.backward()
        assert kinds(w.why(loss)) == expected, dead
        assert "0 in part" in str(w.why(loss))


def test_an_input_that_is_one_number_is_said_so() -> None:
    w = tg.Tensor([2.0, 2.0], requires_grad=True, name="w")
    loss = (np.clip(w, -1, 1) * 3).sum()
    loss.backward()
    assert "Its input is 2 everywhere" in text(w.why(loss))


# -- not finite ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("make, cure", [
    (lambda z: np.where(z > 0, np.sqrt(z), 0.0), "np.sqrt(np.where(x > 0, x, 1)) inside of where"),
    (lambda z: np.where(z > 0, 1 / z, 0.0), "x / np.where(y != 0, y, 1) inside of where"),
    (lambda z: np.where(z < 5, np.exp(z * 1000 - 1000), 0.0), "np.exp(np.where(x < 700, x, 1)) inside of where"),
], ids=["sqrt", "divide", "exp"])
def test_a_branch_that_is_nan_and_left_out_has_its_cure(make: Callable[[Any], Any], cure: str) -> None:
    w = tg.Tensor(1.0, requires_grad=True, name="w")
    loss = make(w * np.array([-1.0, 0.0, 1.0, 6.0])).sum()
    loss.backward()
    assert np.isfinite(loss.item()) and np.isnan(w.grad.item())  # type: ignore[union-attr]
    assert kinds(w.why(loss)) == ["where"] and cure in text(w.why(loss))


# -- time ----------------------------------------------------------------------------------------------


def test_what_the_loss_sends_to_each_step_is_not_taken_for_growth() -> None:
    """The lower layer's way back begins where the upper one's ends, and so gets more from step to step."""
    tg.manual_seed(0)
    layer = nn.GRU(5, 32, num_layers=2, bidirectional=True)
    out, last = layer(rng().standard_normal((10, 8, 5)))
    loss = out[-1].mean()
    loss.backward()
    told = layer.why(loss)
    assert kinds(told) == ["first step"] and "of a bidirectional layer out[-1]" in " ".join(str(told).split())
    layer.zero_grad()
    loss = last.mean()
    loss.backward()
    assert not layer.why(loss).causes


# -- nothing -------------------------------------------------------------------------------------------


class Of(nn.Module):
    """A model of parts, and a function of them."""

    def __init__(self, function: Callable[[Any, Any], Any], **parts: nn.Module) -> None:
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Any) -> Any:
        return self.function(self, x)


def image(m: Any, x: Any) -> Any:
    h = tg.max_pool2d(tg.relu(m.bn(m.conv(x))), 2)
    return m.head(h.reshape(len(h), -1))


def noisy(m: Any, x: Any) -> Any:
    h = tg.relu(m.encode(x))
    return m.decode(tg.normal(m.mean(h), np.exp(m.log(h) / 2)))


def classes(model: nn.Module, shape: tuple[int, ...], dtype: Any = float) -> tuple[nn.Module, Any]:
    x = rng().integers(0, 20, shape) if dtype is int else rng().standard_normal(shape).astype(tg.get_default_dtype())

    def loss() -> tg.Tensor:
        out: Any = model(x)
        return nn.cross_entropy(out, np.arange(len(out)) % 3)

    return model, loss


def dense(*between: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(5, 32), *between, nn.Linear(32, 3))


def recurrent(kind: str, steps: int) -> tuple[nn.Module, Any]:
    layer = getattr(nn, kind)(5, 16)
    return classes(Of(lambda m, x: m.head(m.layer(x)[0][-1]), layer=layer, head=nn.Linear(16, 3)), (steps, 6, 5))


HEALTHY: dict[str, Callable[[], tuple[nn.Module, Any]]] = {
    "relu": lambda: classes(dense(nn.ReLU(), nn.Linear(32, 32), nn.ReLU()), (40, 5)),
    "six layers": lambda: classes(dense(*[m for _ in range(4) for m in (nn.ReLU(), nn.Linear(32, 32))], nn.ReLU()), (40, 5)),
    "sigmoid": lambda: classes(dense(nn.Sigmoid()), (40, 5)),
    "dropout": lambda: classes(dense(nn.ReLU(), nn.Dropout(0.5)), (40, 5)),
    "batch norm": lambda: classes(dense(nn.BatchNorm1d(32), nn.ReLU()), (40, 5)),
    "images": lambda: classes(
        Of(image, conv=nn.Conv2d(1, 4, 3), bn=nn.BatchNorm2d(4), head=nn.Linear(36, 3)), (6, 1, 8, 8)),
    "RNN": lambda: recurrent("RNN", 10), "LSTM": lambda: recurrent("LSTM", 20), "GRU": lambda: recurrent("GRU", 20),
    "transformer": lambda: classes(
        Of(lambda m, x: m.head(m.block(m.embed(x)).mean(1)), embed=nn.Embedding(20, 16),
           block=nn.TransformerEncoderLayer(16, 2, 32), head=nn.Linear(16, 3)), (6, 9), int),
    "noise": lambda: classes(
        Of(noisy, encode=nn.Linear(5, 16), mean=nn.Linear(16, 3), log=nn.Linear(16, 3), decode=nn.Linear(3, 3)), (40, 5)),
}


@pytest.fixture(params=[np.float64, np.float32], ids=["float64", "float32"])
def precision(request: Any) -> Iterator[Any]:
    before = tg.get_default_dtype()
    tg.set_default_dtype(request.param)
    yield request.param
    tg.set_default_dtype(before)


@pytest.mark.parametrize("watched", [False, True], ids=["unwatched", "watched"])
@pytest.mark.parametrize("case", HEALTHY)
def test_of_a_healthy_model_nothing_is_said(case: str, watched: bool, precision: Any) -> None:
    with tg.study.watch():
        pass
    tg.manual_seed(0)
    model, loss_of = HEALTHY[case]()
    optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
    with tg.study.watch() if watched else nullcontext():
        for step in range(3):
            optimizer.zero_grad()
            loss = loss_of()
            loss.backward()
            if step < 2:
                optimizer.step()
    assert loss.dtype == precision
    for told in (model.why() if watched else model.why(loss), loss.why()):
        assert "Nothing wrong was found." in str(told) and set(kinds(told)) <= {"unread"}, str(told)


# -- what is as it should be, and what is not ----------------------------------------------------------


def test_rows_that_no_index_has_read_are_no_part_of_a_fault() -> None:
    table, ids = tg.Tensor(np.ones((4, 2)), requires_grad=True, name="table"), np.array([0, 2])
    gate = tg.Tensor(np.zeros((2, 2)), requires_grad=True, name="gate")
    rows = table[ids]
    loss = (rows + (rows * 2.0) @ gate).mean()  # the way through gate is shut, and is not why half of it is 0
    loss.backward()
    told = table.why(loss)
    assert kinds(told) == ["unread"] and "2 of 4 rows of table were not read" in text(told) and "0 in part" in text(told)
    one = tg.Tensor(np.arange(3.0), requires_grad=True, name="one")
    loss = (one[:2] ** 2).sum()
    loss.backward()
    assert "0 in part" in text(one.why(loss)) and "not read" not in text(one.why(loss))  # one[0] was read, and is 0
    loss = one[:2].sum()
    loss.backward()
    assert "1 of 3 numbers of one was not read, and got 0" in text(one.why(loss))


def test_remarks_stand_below_mistakes_and_say_so() -> None:
    w, x = tg.Tensor(1.0, requires_grad=True, name="w"), np.arange(5.0)
    with tg.study.watch():
        for _ in range(2):
            loss = (w * x).mean()
            loss.backward()
    told = str(w.why())
    assert told.index("1. backward() has run 2 times") < told.index("\nWorth knowing:\n2. Each number of w is used 5 times")
    assert "Nothing wrong" not in told
    w.zero_grad()
    loss = (tg.relu(w * x - 9)).mean()
    loss.backward()
    assert kinds(w.why(loss)) == ["dead relu"]  # that w is used 5 times is no matter where nothing comes back


def train(lr: float, steps: int = 6) -> tg.Tensor:
    w, x = tg.Tensor(1.0, requires_grad=True, name="w"), np.arange(1.0, 4)
    optimizer = tg.optim.SGD([w], lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = ((w * x) ** 2).mean()
        loss.backward()
        optimizer.step()
    return loss


def test_a_loss_that_has_run_away_is_a_mistake() -> None:
    with tg.study.watch():
        loss = train(0.5)
    told = loss.why()
    assert kinds(told)[0] == "diverges" and "loss has grown from 4.667 to " in text(told) and "6 passes" in text(told)
    with tg.study.watch():
        loss = train(0.05)
    assert "diverges" not in kinds(loss.why())
    w, loss = tg.Tensor(1.0, requires_grad=True, name="w"), 0
    with tg.study.watch():
        for k in range(5):  # another loss each time, and no step in between
            loss = loss + w * 4.0**k
            loss.backward()
    assert "diverges" not in kinds(loss.why())


def test_a_penalty_of_weights_is_no_sum_over_a_batch() -> None:
    w, x = tg.Tensor([1.0, 2.0], requires_grad=True, name="w"), np.ones(2)
    assert kinds((w**2).sum().why()) == ["no backward"]
    for made, expected in (((w**2).sum(), []), (((w * x) ** 2).sum(), ["sum"])):
        w.zero_grad()
        made.backward()
        assert kinds(w.why(made)) == expected


def test_that_backward_was_not_called_is_said_as_it_was() -> None:
    w = tg.Tensor(1.0, requires_grad=True, name="w")
    with tg.study.watch():
        loss = w * 2.0
    assert "but backward() has not been called. cure: Call loss.backward()." in text(w.why())
    with tg.study.watch():
        other = w * 2.0
        w.zero_grad()
    assert "not been called, or not since the last zero_grad(). cure: Call other.backward()." in text(w.why(other))
    assert loss.item() == 2


def test_of_many_lengths_some_are_shown_and_that_is_said() -> None:
    w = tg.Tensor(0.5, requires_grad=True, name="w")
    h: tg.Tensor = w * 1.0
    for k in range(30):
        h = h * w + np.sin(k)
    h.backward()
    told = text(w.why(h))
    assert "(8 of 31)" in told and "(the first 8 of 31)" in told
    w.zero_grad()
    h = tg.Tensor(1.0)
    for _ in range(30):
        h = h * w
    h.backward()
    assert "each of these has the length 1.8626e-09" in text(w.why(h))


def test_what_is_left_out_of_a_formula_has_brackets_and_both_are_not_all_two() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3))
    with tg.no_grad():
        net[4].weight.assign(np.zeros((3, 8)))
    loss = nn.cross_entropy(net(rng().standard_normal((10, 1, 6, 6))), np.arange(10) % 3)
    assert "loss: both gradients are None" in text(nn.Linear(2, 1)(np.ones((3, 2))).sum().why()).replace("t2:", "loss:")
    loss.backward()
    told = text(net.why(loss))
    assert "(...).reshape(10, 8) is multiplied by" in told and "...." not in told
