"""Planted faults: the cause that comes first is the right one, and so is the line, where it was watched."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused
from tinygrad_gd.study.diagnosis import Diagnosis, why

pytestmark = [pytest.mark.filterwarnings("ignore::RuntimeWarning"), pytest.mark.filterwarnings("ignore:grad:UserWarning")]


def leaf(*values: float, name: str = "w") -> tg.Tensor:
    return tg.Tensor(list(values), requires_grad=True, name=name)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


#: Name -> a faulty program, in which ``# <-`` marks the line that is at fault; it returns what is asked about
#: and the loss. And the kind of the cause.
FAULTS: dict[str, tuple[str, Callable[[], Any]]] = {}


def fault(kind: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def enter(program: Callable[[], Any]) -> Callable[[], Any]:
        FAULTS[program.__name__] = kind, program
        return program

    return enter


# -- no gradient ---------------------------------------------------------------------------------------


@fault("detach")
def detached_halfway() -> Any:
    w, b = leaf(1.0, 2.0), leaf(1.0, name="b")
    hidden = w * 2
    cut = hidden.detach()  # <-
    loss = (cut * 3 + b).sum()
    loss.backward()
    return w, loss


@fault("copy")
def wrapped_anew() -> Any:
    w, b = leaf(1.0, 2.0), leaf(1.0, name="b")
    hidden = w * 2
    again = tg.Tensor(hidden, requires_grad=True)  # <-
    loss = (again * b).sum()
    loss.backward()
    return w, loss


@fault("no_grad")
def under_no_grad() -> Any:
    w, b = leaf(1.0, 2.0), leaf(1.0, name="b")
    with tg.no_grad():
        hidden = np.exp(w)  # <-
    loss = (hidden * b).sum()
    loss.backward()
    return w, loss


@fault("number")
def a_python_number() -> Any:
    w, b = leaf(3.0), leaf(1.0, name="b")
    scale = w.item()  # <-
    loss = (b * scale).sum()
    loss.backward()
    return w, loss


@fault("array")
def a_numpy_array() -> Any:
    w, b = leaf(1.0, 2.0), leaf(1.0, name="b")
    hidden = np.tanh(w * 2)
    plain = hidden.numpy()  # <-
    loss = (b * np.abs(plain)).sum()
    loss.backward()
    return w, loss


@fault("comparison")
def a_comparison() -> Any:
    w, b = leaf(1.0, 2.0), leaf(1.0, name="b")
    chosen = w > 1.5  # <-
    loss = (b * chosen).sum()
    loss.backward()
    return w, loss


@fault("comparison")
def an_argmax() -> Any:
    w, b = leaf(1.0, 2.0), leaf(1.0, 5.0, name="b")
    best = np.argmax(w)  # <-
    loss = b[best] * 2
    loss.backward()
    return w, loss


@fault("no rule")
def only_a_condition() -> Any:
    w, b = leaf(0.0, 2.0), leaf(1.0, 5.0, name="b")
    loss = np.where(w, b, 0).sum()  # <-
    loss.backward()
    return w, loss


@fault("integer")
def integers_on_the_way() -> Any:
    w, b = leaf(1.0, 2.0), leaf(1.0, 5.0, name="b")
    whole = w.astype(int)  # <-
    loss = (whole * b).sum()
    loss.backward()
    return w, loss


@fault("integer")
def a_leaf_of_integers() -> Any:
    b = leaf(1.0, name="b")
    k = tg.Tensor([1, 2], name="k")  # <-
    loss = (k * b).sum()
    loss.backward()
    return k, loss


@fault("requires_grad")
def not_asked_for() -> Any:
    b = leaf(1.0, name="b")
    v = tg.Tensor([1.0, 2.0])  # <-
    loss = (v * b).sum()
    loss.backward()
    return v, loss


@fault("unused")
def not_used() -> Any:
    w, b = leaf(1.0, 2.0), leaf(1.0, name="b")
    forgotten = w * 3  # <-
    loss = (b * 2).sum()
    loss.backward()
    del forgotten
    return w, loss


@fault("unused")
def a_layer_that_is_never_called() -> Any:
    class Net(tg.nn.Module):
        def __init__(self) -> None:
            self.used, self.spare = tg.nn.Linear(2, 2), tg.nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            return self.used(x)

    net = Net()
    loss = (net(np.ones((3, 2))) ** 2).mean()
    loss.backward()
    return net.spare.weight, loss


@fault("non-leaf")
def a_result() -> Any:
    w = leaf(1.0, 2.0)
    hidden = w * 2  # <-
    loss = (hidden * hidden).sum()
    loss.backward()
    return hidden, loss


@fault("no backward")
def never_derived() -> Any:
    w = leaf(1.0, 2.0)
    loss = (w * w).sum()
    return w, loss


@fault("zeroed")
def forgotten_too_early() -> Any:
    w = leaf(1.0, 2.0)
    optimizer = tg.optim.SGD([w], lr=0.1)
    loss = (w * w).sum()
    loss.backward()
    optimizer.zero_grad()  # <-
    optimizer.step()
    return w, loss


@fault("replaced")
def given_a_new_tensor() -> Any:
    w = first = leaf(1.0, 2.0)
    w = tg.Tensor(w.numpy() - 0.1, requires_grad=True, name="w")  # <-
    loss = (w * w).sum()
    loss.backward()
    return first, loss


@fault("create_graph")
def a_gradient_of_a_gradient() -> Any:
    w = leaf(1.0, 2.0)
    loss = (w * w).sum()
    loss.backward()  # <-
    penalty = (w.grad * w.grad).sum()
    return penalty, None


# -- zero ------------------------------------------------------------------------------------------------


@fault("dead relu")
def dead_units() -> Any:
    net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.ReLU(), tg.nn.Linear(4, 1))
    with tg.no_grad():
        net[0].bias.assign(np.full(4, -100.0))
    loss = (net(rng().standard_normal((5, 3))) ** 2).mean()  # <-
    loss.backward()
    return net[0].weight, loss


@fault("saturated")
def a_saturated_tanh() -> Any:
    w = leaf(300.0, -200.0)
    hidden = np.tanh(w * 10)  # <-
    loss = (hidden * hidden).sum()
    loss.backward()
    return w, loss


@fault("masked")
def masked_by_where() -> Any:
    w = leaf(1.0, 2.0)
    loss = np.where(np.array([False, False]), w * 2, 1.0).sum()  # <-
    loss.backward()
    return w, loss


@fault("masked")
def outside_of_clip() -> Any:
    w = leaf(5.0, 7.0)
    held = np.clip(w, -1.0, 1.0)  # <-
    loss = (held * 3).sum()
    loss.backward()
    return w, loss


@fault("step")
def rounded() -> Any:
    w = leaf(1.2, 2.7)
    loss = (np.round(w) ** 2).sum()  # <-
    loss.backward()
    return w, loss


@fault("zero factor")
def zeros_as_weights() -> Any:
    first, second = leaf(1.0, 2.0, name="first"), tg.Tensor(np.zeros((2, 1)), requires_grad=True, name="second")
    loss = ((np.tanh(first) @ second) + 1).sum()  # <-
    loss.backward()
    return first, loss


@fault("dead relu")
def at_the_kink() -> Any:
    w = leaf(0.0, 0.0)
    loss = tg.relu(w).sum()  # <-
    loss.backward()
    return w, loss


@fault("cancels")
def subtracted_from_itself() -> Any:
    w = leaf(1.0, 2.0)
    loss = (w - w).sum()  # <-
    loss.backward()
    return w, loss


@fault("flat")
def at_a_minimum() -> Any:
    w = leaf(1.0, 2.0)
    loss = ((w - np.array([1.0, 2.0])) ** 2).sum()  # <-
    loss.backward()
    return w, loss


# -- too large -------------------------------------------------------------------------------------------


@fault("accumulates")
def never_zeroed() -> Any:
    w = leaf(1.0, 2.0)
    for _ in range(3):
        loss = (w * w).mean()
        loss.backward()  # <-
    return w, loss


@fault("used")
def used_several_times() -> Any:
    w = leaf(1.0, 2.0)
    loss = (w * 2 + np.sin(w)).mean()  # <-
    loss.backward()
    return w, loss


@fault("sum")
def a_sum_for_a_mean() -> Any:
    x = rng().standard_normal((50, 2))
    layer = tg.nn.Linear(2, 1)
    loss = (layer(x) ** 2).sum()  # <-
    loss.backward()
    return layer.weight, loss


# -- not finite ------------------------------------------------------------------------------------------


@fault("data")
def bad_data() -> Any:
    w, x = leaf(1.0, 2.0), np.array([1.0, np.nan])
    loss = (w * x).sum()  # <-
    loss.backward()
    return w, loss


@fault("forward")
def log_of_zero() -> Any:
    w = leaf(1.0, 0.0)
    loss = np.log(w).sum()  # <-
    loss.backward()
    return w, loss


@fault("forward")
def an_overflow() -> Any:
    w = leaf(1.0, 1000.0)
    p = np.exp(w)  # <-
    loss = (p / p.sum()).sum()
    loss.backward()
    return w, loss


@fault("backward")
def root_of_zero() -> Any:
    w = leaf(4.0, 0.0)
    loss = (np.sqrt(w) * np.array([1.0, 2.0])).sum()  # <-
    loss.backward()
    return w, loss


@fault("where")
def the_branch_left_out() -> Any:
    w = leaf(4.0, 0.0)
    safe = np.where(w > 0, np.sqrt(w), 0.0)  # <-
    loss = safe.sum()
    loss.backward()
    return w, loss


@fault("parameter")
def after_a_step_too_far() -> Any:
    w = leaf(2.0)
    optimizer = tg.optim.SGD([w], lr=1e200)
    for _ in range(3):
        optimizer.zero_grad()
        loss = (w**2).sum()  # <-
        loss.backward()
        if _ < 2:
            optimizer.step()
    return w, loss


# -- depth and time ----------------------------------------------------------------------------------------


@fault("vanishing")
def a_deep_sigmoid() -> Any:
    net = tg.nn.Sequential(*[m for _ in range(10) for m in (tg.nn.Linear(8, 8), tg.nn.Sigmoid())])
    loss = (net(rng().standard_normal((5, 8))) ** 2).mean()
    loss.backward()
    return net[0].weight, loss


@fault("exploding")
def a_deep_line() -> Any:
    weights = [tg.Tensor(rng().standard_normal((8, 8)) * 3, requires_grad=True, name=f"W{i}") for i in range(8)]
    h: Any = rng().standard_normal((5, 8))
    for weight in weights:
        h = h @ weight
    loss = h.mean()
    loss.backward()
    return weights[0], loss


@fault("vanishing")
def a_long_memory() -> Any:
    hidden = tg.Tensor(np.eye(4) * 0.3, requires_grad=True, name="W")
    h: Any = tg.Tensor(np.ones((2, 4)))
    for _ in range(20):
        h = np.tanh(h @ hidden)
    loss = h.mean()
    loss.backward()
    return hidden, loss


def marked(program: Callable[[], Any]) -> str:
    lines, first = inspect.getsourcelines(program)
    found = [first + i for i, text in enumerate(lines) if "# <-" in text]
    return f"{__file__.rpartition('/')[2]}:{found[0]}" if found else ""


@pytest.mark.parametrize("case", FAULTS)
def test_a_watched_fault_is_named_with_its_line(case: str) -> None:
    kind, program = FAULTS[case]
    with tg.study.watch():
        asked, _ = program()
    found = asked.why()
    assert found.causes, str(found)
    first = found.causes[0]
    assert first.kind == kind, str(found)
    assert first.line == marked(program), str(found)
    assert first.says and (first.cure or kind in ("used",)), str(found)
    assert max(map(len, str(found).splitlines())) <= 100


#: What cannot be known when nobody watched.
UNSEEN = {"zeroed": "no backward", "create_graph": "requires_grad"}
#: By what is known without a watch, of a chain that was cut: that there is none.
CUT = {"detach", "copy", "no_grad", "number", "array", "comparison", "no rule", "integer", "replaced"}


@pytest.mark.parametrize("case", FAULTS)
def test_without_a_watch_the_cause_is_named_as_far_as_it_can_be_known(case: str) -> None:
    kind, program = FAULTS[case]
    with tg.study.watch():  # the run before is not the one that is asked about
        pass
    asked, loss = program()
    found = asked.why(loss) if loss is not None else asked.why()
    first = found.causes[0]
    if kind in CUT and asked.requires_grad:
        assert first.kind in ("copy", "unused", "replaced", "no rule"), str(found)
        assert "tg.study.watch()" in str(found) or first.kind == "replaced", str(found)
    elif kind in UNSEEN:
        assert first.kind == UNSEEN[kind], str(found)
    else:
        assert first.kind == kind, str(found)
    assert not first.line


def test_there_are_enough_faults() -> None:
    assert len(FAULTS) >= 25 and len({kind for kind, _ in FAULTS.values()}) >= 20


@pytest.mark.parametrize("watched", [False, True])
def test_of_what_is_right_nothing_is_said_to_be_wrong(watched: bool) -> None:
    def train() -> Any:
        net = tg.nn.Sequential(tg.nn.Linear(4, 16), tg.nn.Tanh(), tg.nn.Linear(16, 3))
        optimizer = tg.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(3):
            optimizer.zero_grad()
            loss = tg.nn.cross_entropy(net(rng().standard_normal((6, 4))), np.array([0, 1, 2, 0, 1, 2]))
            loss.backward()
            optimizer.step()
        return net, loss

    if watched:
        with tg.study.watch():
            net, loss = train()
        found = [net.why(), loss.why(), net[0].weight.why()]
    else:
        net, loss = train()
        found = [net.why(loss), loss.why(), net[0].weight.why(loss)]
    for told in found:
        assert "Nothing wrong was found." in str(told), str(told)


def test_a_relu_that_is_shut_for_half_of_its_input_is_not_called_dead() -> None:
    class Images(tg.nn.Module):
        def __init__(self) -> None:
            self.conv, self.bn, self.head = tg.nn.Conv2d(1, 4, 3), tg.nn.BatchNorm2d(4), tg.nn.Linear(36, 3)

        def forward(self, x: Any) -> Any:
            h = tg.max_pool2d(tg.relu(self.bn(self.conv(x))), 2)
            return self.head(h.reshape(len(h), -1))

    net = Images()
    loss = tg.nn.cross_entropy(net(rng().standard_normal((5, 1, 8, 8))), np.array([0, 1, 2, 0, 1]))
    loss.backward()
    assert "Nothing wrong was found." in str(net.why(loss)), str(net.why(loss))
    w = tg.Tensor(np.where(np.eye(8)[:, :3] > 0, 1.0, -1.0), requires_grad=True, name="w")
    loss = tg.relu(w).mean()
    loss.backward()
    assert "0 in part" in str(w.why(loss)) and not w.why(loss).causes, str(w.why(loss))


def memory(kind: str, scale: float, steps: int = 60, **options: Any) -> tuple[Any, tg.Tensor]:
    """A recurrent layer and a loss of its last state, with recurrent weights that are ``scale`` times a rotation."""
    layer = getattr(tg.nn, kind)(3, 8, **options)
    with tg.no_grad():
        for name, p in layer.named_parameters():
            if name.startswith("weight_hh"):
                turns = [np.linalg.qr(rng().standard_normal((8, 8)))[0] for _ in range(len(p) // 8)]
                p.assign(scale * np.concatenate(turns))
            elif name.startswith("bias"):
                p.assign(np.zeros(len(p)))
    out, _ = layer(1e-9 * rng().standard_normal((steps, 2, 3)).astype(tg.get_default_dtype()))
    loss = out[-1].mean()
    loss.backward()
    return layer, loss


def along_time(told: Diagnosis) -> list[Any]:
    return [c for c in told.causes if "each step in time" in c.says]


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2}, {"bidirectional": True}], ids=str)
def test_inside_of_a_recurrent_layer_the_factor_of_a_step_is_told(watched: bool, options: Any) -> None:
    for scale, kind in ((0.3, "vanishing"), (1.3, "exploding")):
        with tg.study.watch() if watched else nullcontext():
            layer, loss = memory("RNN", scale, **options)
        asked = () if watched else (loss,)
        (cause,) = along_time(layer.why(*asked))
        assert cause.kind == kind and cause.cure and "Nothing wrong" not in str(layer.why(*asked))
        found = re.search(r"each step in time multiplies it by about ([\d.]+), and (\d+) of them by (\S+)\.$", cause.says)
        assert found and int(found[2]) == 59, cause.says
        factor, total = float(found[1]), float(found[3])
        assert abs(factor / scale - 1) < 0.25 and abs(np.log(total) / 59 - np.log(factor)) < 0.05, cause.says
        assert [c.kind for c in along_time(layer.weight_hh_l0.why(*asked))] == [kind]
        assert [c.kind for c in along_time(layer.weight_ih_l0.why(*asked))] == [kind]


def test_the_factor_inside_is_that_of_a_loop_of_cells() -> None:
    layer, loss = memory("RNN", 0.5)
    cell = tg.nn.RNNCell(3, 8)
    cell.load_state_dict({name.removesuffix("_l0"): p for name, p in layer.state_dict().items()})
    x, h = 1e-9 * rng().standard_normal((60, 2, 3)), tg.Tensor(np.zeros((2, 8)))
    for each in x:
        h = cell(each, h)
    other = h.mean()
    other.backward()
    inside, loop = along_time(layer.why(loss)), along_time(cell.why(other))
    assert len(inside) == len(loop) == 1 and inside[0].says == loop[0].says and inside[0].cure == loop[0].cure


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_of_a_healthy_memory_nothing_is_said(kind: str) -> None:
    tg.manual_seed(0)
    layer, loss = memory(kind, 0.98) if kind == "RNN" else memory(kind, 0.5, steps=12)
    assert "Nothing wrong was found." in str(layer.why(loss)), str(layer.why(loss))
    layer, loss = memory(kind, 0.05, steps=60)
    (cause,) = along_time(layer.why(loss))  # the same, so that saying nothing is no accident
    assert cause.kind == "vanishing"
    words = {"RNN": "Use an LSTM or GRU", "LSTM": "forget gates", "GRU": "update gates"}
    assert words[kind] in cause.cure


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_the_cure_of_a_gated_memory_helps(kind: str) -> None:
    layer, loss = memory(kind, 0.5)
    assert "a bias of 3, say" in along_time(layer.why(loss))[0].cure
    with tg.no_grad():
        bias = layer.bias_ih_l0.numpy().copy()
        bias[8:16] = 3.0  # of the second gate: what is forgotten, what is updated
        layer.bias_ih_l0.assign(bias)
    layer.zero_grad()
    loss = layer(rng().standard_normal((60, 2, 3)))[0][-1].mean()
    loss.backward()
    assert "Nothing wrong was found." in str(layer.why(loss)), str(layer.why(loss))


def test_a_memory_that_float32_cannot_follow_to_the_end_is_told_as_far_as_it_goes() -> None:
    before = tg.get_default_dtype()
    tg.set_default_dtype(np.float32)
    try:
        layer, loss = memory("RNN", 0.05)
    finally:
        tg.set_default_dtype(before)
    assert loss.dtype == np.float32
    (cause,) = along_time(layer.why(loss))
    assert "multiplies it by about 0.05, and" in cause.says
    outs, _ = layer(rng().standard_normal((60, 2, 3)).astype(np.float32))
    early = outs[30].mean()  # what comes after takes no part
    layer.zero_grad()
    early.backward()
    assert [c.kind for c in along_time(layer.why(early))] == ["vanishing"]


def test_a_tensor_that_took_no_part_is_said_to_be_unused() -> None:
    w, q = leaf(1.0), leaf(2.0, name="q")
    with tg.study.watch():
        (w * w).sum().backward()
    assert q.why().causes[0].kind == "unused"


def test_a_model_tells_each_cause_once_and_whom_it_hits() -> None:
    net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.ReLU(), tg.nn.Linear(4, 1))
    with tg.no_grad():
        net[0].bias.assign(np.full(4, -100.0))
    with tg.study.watch():
        loss = (net(rng().standard_normal((5, 3))) ** 2).mean()
        loss.backward()
    told = net.why()
    assert told.causes[0].kind == "dead relu" and [c.kind for c in told.causes].count("dead relu") == 1
    text = " ".join(str(told).split())
    assert text.startswith("Sequential: of 4 gradients, 3 are 0, 1 is there.")
    assert "It hits layer_0.weight, layer_0.bias" in text and "4 of 4 units are 0 for all 5 rows" in text
    assert "relu in layer 1 (ReLU) lets nothing back" in text


def test_a_loss_that_records_nothing_tells_where_the_chain_is_cut() -> None:
    with tg.study.watch():
        w = leaf(1.0, 2.0)
        loss = (w.detach() * 2).sum()
    told = loss.why()
    assert told.causes[0].kind == "detach" and "loss requires no gradient" in str(told)
    with tg.study.watch():
        plain = (tg.Tensor([1.0]) * 2).sum()
    assert plain.why().causes[0].kind == "requires_grad"


def test_traps_point_there() -> None:
    w = leaf(1.0, 2.0)
    hidden = w * 2
    with pytest.warns(tg.GradWarning, match=r"made by multiply.*retain_grad\(\).*\.why\(\)"):
        assert hidden.grad is None
    hidden.retain_grad()
    assert hidden.grad is None
    hidden.sum().backward()
    assert hidden.grad is not None
    with pytest.raises(tg.GradError, match=r"create_graph=True.*\.why\(\)"):
        (w.grad * 2).sum().backward()  # type: ignore[union-attr]


def test_the_first_of_the_causes_comes_first_and_reads_well() -> None:
    w = leaf(1.0, 2.0)
    with tg.study.watch():
        for _ in range(2):
            loss = (w * w).sum()
            loss.backward()
    told = str(w.why())
    assert re.match(r"w\.grad is there\.\n1\. backward\(\) has run 2 times since", told)
    assert "2. " in told and repr(w.why()) == told and isinstance(why(w), Diagnosis)


MISUSE: Table = {
    "no Tensor": (lambda: why(3), TypeError, "why: expected a Tensor, got int"),  # type: ignore[arg-type]
    "no loss": (lambda: leaf(1.0).why(3), TypeError, "why: expected the loss"),
    "no parameters": (lambda: tg.nn.ReLU().why(), RuntimeError, "ReLU has no parameters"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
