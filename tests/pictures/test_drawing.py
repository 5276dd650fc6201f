"""Drawings: true numbers, the user's words, one box for each operation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.pictures.drawings import (
    BUILDERS,
    box,
    chain,
    line,
    network,
    not_finite,
    rows,
    scalars,
    square,
    views,
)
from tinygrad_gd.engine.graph import Node
from tinygrad_gd.ground.user_code import array_in
from tinygrad_gd.pictures import colours, draw
from tinygrad_gd.pictures.figures import bar, norms, number, value_summary
from tinygrad_gd.pictures.themes import KINDS, THEMES, between
from tinygrad_gd.program.passes import readable

HERE = Path(__file__).parent


@pytest.mark.parametrize("build", BUILDERS)
def test_dot_is_the_same_to_the_byte(build: Any) -> None:
    source = build().dot.source
    golden = HERE / "golden" / f"{build.__name__}.dot"
    if os.environ.get("TINYGRAD_GD_WRITE_GOLDEN"):
        golden.write_text(source, encoding="utf-8")
    assert source == build().dot.source == golden.read_text(encoding="utf-8")
    assert "constraint" not in source and "record" not in source
    assert not re.search(r'"#[0-9A-Fa-f]{3}"', source)  # old engines paint these black


# -- true numbers -----------------------------------------------------------------------------------


def test_a_picture_shows_one_quantity() -> None:
    w = tg.Tensor(3.0, requires_grad=True, name="w")
    a = w * 2
    loss = a ** 2
    loss.backward()
    drawn = draw(a)
    assert rows(drawn)["w"].grad == "2.0000" and box(drawn, "a").grad == "1.0000"
    assert [r.name for r in box(drawn, "a").rows if r.kind == "note"] == [".grad holds 24.0000: of other results?"]
    drawn = draw(loss)
    assert rows(drawn)["w"].grad == "24.0000" and box(drawn, "a").grad == "12.0000"
    assert not [r for n in drawn.graph.nodes for r in n.rows if r.kind == "note"]
    loss.backward()
    drawn = draw(loss)
    assert rows(drawn)["w"].grad == "24.0000" and box(drawn, "a").grad == "12.0000"
    assert "w: .grad holds 48.0000: 2 backward calls?" in str(drawn)
    assert ".grad holds 48.0000: 2 backward calls?" in drawn.dot.source


def test_in_the_graph_of_a_gradient_it_is_the_gradients_slope() -> None:
    w = tg.Tensor(0.7, requires_grad=True, name="w")
    (np.tanh(w * 2) ** 2).backward(create_graph=True)
    assert w.grad is not None
    slope, = tg.grad(lambda v: tg.grad(lambda u: np.tanh(u * 2) ** 2)(v))(0.7).reshape(-1).tolist()
    drawn = draw(w.grad)
    assert rows(drawn)["w"].grad == number(slope) == "-2.3371"
    assert f".grad holds {number(w.grad.item())}: of other results?" in str(drawn)
    titles = [frame.title for frame in drawn.graph.frames]
    assert titles == ["forward pass", "backward pass"]
    inside = {n.word or n.title: n.cluster for n in drawn.graph.nodes}
    assert inside["tanh"] == 0 and inside["1 - _"] == 1


def test_gradients_after_backward_also_of_what_lies_between() -> None:
    drawn = scalars()
    assert [(n.title, n.grad) for n in drawn.graph.nodes] == [("multiply", "-2.0000"), ("add", "-2.0000"), ("loss", "1.0000")]
    assert {name: row.grad for name, row in rows(drawn).items()} == {"a": "6.0000", "b": "-4.0000", "c": "-2.0000", "f": "4.0000"}


def test_drawing_changes_nothing() -> None:
    a = tg.Tensor(3.0, requires_grad=True, name="a")
    calls = []
    loss = (a * a) * 2
    loss.backward()
    str(draw(loss))
    assert a.grad is not None and a.grad.item() == 12 and Node(loss).grad is None
    a.register_hook(lambda g: calls.append(g))
    assert [n.grad for n in draw(loss).graph.nodes] == ["", ""] and not calls


def test_an_updated_parameter_is_drawn_and_said_to_be_newer() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    loss = (w * w).sum()
    loss.backward()
    with tg.no_grad():
        w -= 0.1 * w.grad
    drawing = draw(loss)
    assert drawing.graph.newer == ["w"] and box(drawing, "multiply").grad == ""
    assert "overwritten since this graph was recorded: w" in str(drawing)
    assert "overwritten since this graph was recorded: w" in drawing.dot.source


@pytest.mark.parametrize(("array", "text"), [
    (np.float64(2.302585), "2.3026"), (np.array([1.0, 3.0]), "[1 3]"), (np.arange(9.0), "4.0000 +- 2.5820"),
    (np.array([np.nan, 1, np.nan, np.inf] * 2), "NaN x4 Inf x2"), (np.float32(np.nan), "NaN"), (np.array([[np.nan, -0.0]]), "[[NaN 0]]"),
    (np.zeros((0, 3)), "empty"), (np.array([3, 1, 2]), "[3 1 2]"), (np.array([3, 1, 2] * 3), "1 .. 3"), (np.array([True, False]), "[True False]"),
    (np.array([1e300, -1e300] * 4), "0.0000 +- 1.0e+300"), (np.array([1.0, -1, 1, -1, 1, -1, 1, -1 + 1e-15]), "0.0000 +- 1.0000"),
    (np.full(8, 6e4, np.float16), "60000.0000 +- 0.0000"),
    (np.array(7), "7"), (np.array([-1.2e-7]), "-1.2e-07"), (np.float64(-0.0), "0.0000"), (np.array([[1.5, 2], [3, -4]]), "[[1.5 2] [3 -4]]"),
])
def test_values_in_a_few_characters(array: Any, text: str) -> None:
    assert value_summary(array) == text


def test_bars_show_sizes_on_a_scale_of_factors() -> None:
    assert bar([1.0, 10.0, 1000.0])[1] > bar([1.0, 1.1, 9.0])[1] and bar([3.0, 3.0])[0] == bar([1.0, 2.0])[0]
    assert len(bar([1.0 + i for i in range(100)])) == 18 and bar([0.0]) == "" and len(bar([float("nan"), 1.0])) == 2
    assert bar([1.0, 0.0, 1.0]) == "\u2588\u2581\u2588" and bar([0.0, 1.0, 2.0])[1] > "\u2581"
    assert bar([0.0, 1e-6, 1.0]) == "\u2581\u2582\u2588" and bar([2.0, 2.0]) == "\u2581\u2581"


def test_activations_say_how_much_is_zero() -> None:
    x = tg.Tensor([-1.0, -2.0, 3.0, 4.0] * 2, requires_grad=True)
    relu, tanh = (draw(f(x).sum()).graph.nodes[0] for f in (tg.relu, tg.tanh))
    assert (relu.kind, relu.value) == ("act", "50% zero")
    assert tanh.kind == "act" and "zero" not in tanh.value


def test_only_where_nan_and_infinity_begin_they_are_marked() -> None:
    drawn = not_finite()
    assert {n.title: n.alarms for n in drawn.graph.nodes} == {"log": ["value", "rows"], "loss": []}
    cells = re.findall(r'BGCOLOR="#FEE2E2"><FONT[^>]*>([^<]*)<', drawn.dot.source)
    assert cells == ["Inf x1", "[0 NaN -Inf]"] and "NaN" in box(drawn, "loss").value


# -- one box for each operation -----------------------------------------------------------------------


def test_what_an_operation_uses_is_a_row_of_it() -> None:
    drawn = line()
    assert [(n.title, [r.name for r in n.rows]) for n in drawn.graph.nodes] == [
        ("multiply", ["w", "x"]), ("add", ["b"]), ("subtract", ["y"]), ("_ ** 2", []), ("loss", [])]
    assert rows(drawn)["w"].text == "0.0000" and rows(drawn)["w"].grad == "-50.0000"


def test_a_leaf_used_often_says_so_once() -> None:
    drawn = square()
    (only,) = drawn.graph.nodes
    assert [r.called for r in only.rows] == ["a, used 2 times", "a"] and not drawn.graph.edges
    product = tg.Tensor([1.0, 2.0], requires_grad=True) * 2
    (edge,) = draw(product * product).graph.edges
    assert edge.times == 2 and 'label=" x2"' in draw(product * product).dot.source


def test_views_join_their_neighbours() -> None:
    drawn = views()
    told = {n.word or n.title: [r.called for r in n.rows if r.kind != "const"] for n in drawn.graph.nodes}
    assert told["concatenate"][0] == "x transpose, reshape, [:, ::2]"
    assert not {"reshape", "transpose", "getitem", "index"} & {n.word or n.title for n in drawn.graph.nodes}
    x = tg.Tensor(np.ones((2, 3)), requires_grad=True, name="x")
    flat = (x * 2).reshape(6)
    assert [n.title for n in draw(flat).graph.nodes] == ["flat"] and box(draw(flat), "flat").shape == "(6,)"
    alone = x.T
    assert [(n.title, n.word) for n in draw(alone).graph.nodes] == [("alone", "transpose")]
    shared = (x * 2).T
    twice = np.exp(shared) @ np.sin(shared).T
    assert [n.word or n.title for n in draw(twice).graph.nodes] == ["_ * 2", "exp", "sin", "matmul"]


def test_operations_are_called_as_the_user_would() -> None:
    x = tg.Tensor(np.arange(1.0, 10), requires_grad=True, name="x")
    result = np.where(x.numpy() > 1, x / np.sqrt(8) * 2.0 + 0.1 + 12345678901, 1e9) ** 3
    words = [n.word or n.title for n in draw(1 - result ** 0.5).graph.nodes]
    assert words == ["_ / 2.828", "_ * 2.0", "_ + 0.1", "_ + 12,345,678,901", "where(_, _, 1e+09)", "_ ** 3",
                     "_ ** 0.5", "1 - _"]
    source = network().dot.source
    assert "cross_entropy" in source and "of_logits" not in source
    net = tg.nn.Sequential(tg.nn.Conv2d(1, 2, 3, padding=1, stride=2), tg.nn.MaxPool2d(2))
    source = draw(net(np.ones((1, 1, 8, 8))).sum()).dot.source
    assert "counts=" not in source and "pad_width" not in source
    assert ">stride=2 padding=1<" in source and ">kernel_size=2<" in source


def test_a_leaf_seen_in_several_ways_is_listed_once() -> None:
    w = tg.Tensor(np.ones((2, 2)), requires_grad=True, name="w")
    drawing = draw((w.T @ w + w[0]).sum())
    listed = [line for line in str(drawing).splitlines() if line.startswith("w ")]
    assert len(listed) == 1 and "used 3 times  [[1 1] [1 1]]" in listed[0]
    rows = [row for n in drawing.graph.nodes for row in n.rows if row.kind == "param"]
    assert [(row.name, row.seen) for row in rows] == [("w", "transpose"), ("w", ""), ("w", "[0]")]
    assert [row.called for row in rows] == ["w transpose, used 3 times", "w", "w[0]"]


def test_options_of_operations_are_shown() -> None:
    x = tg.Tensor(np.arange(12.0).reshape(3, 4), requires_grad=True, name="x")
    drawing = draw(x[1:, ::2].reshape(4).sum(axis=0, keepdims=True))
    (only,) = drawing.graph.nodes
    assert [r.called for r in only.rows] == ["x[1:, ::2], reshape", "axis=0 keepdims=True"]
    assert "sum(x[1:, ::2], axis=0, keepdims=True)" in str(drawing)


def test_no_seam_shows_in_a_filled_row() -> None:
    for drawing in (network(), not_finite()):
        heads = re.findall(r"<TR><TD CELLPADDING=\"0\" BGCOLOR.*?</TABLE></TD></TR>", drawing.dot.source)
        assert len(heads) >= len(drawing.graph.nodes) and all(head.count("BGCOLOR") == 1 for head in heads)


def test_long_names_keep_both_ends() -> None:
    name = "encoder.layers.11.attention.query_projection.weight"
    drawing = draw(tg.Tensor(1.0, name=name))
    assert ">encoder.layers.11....y_projection.weight<" in drawing.dot.source and name in drawing.dot.source


def test_names_come_from_name_then_module_then_variable() -> None:
    layers = tg.nn.Linear(2, 1)
    points = np.array([[1.0, 2.0]])
    pair = [tg.Tensor(1.0, requires_grad=True)]
    hidden = layers(points)
    unrelated = np.array([[1.0, 3.0]])
    result = (hidden * pair[0]).sum()
    names = set(draw(result).graph.recording.names.values())
    assert names == {"points", "weight", "bias", "hidden", "pair[0]", "result"}
    assert unrelated.shape == points.shape
    batch = tg.Tensor(points) * pair[0]
    assert [r.name for r in box(draw(batch), "batch").rows] == ["points", "pair[0]"]


class Hostile:
    """Raises whatever it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __hash__(self) -> int:
        return 1


class Liar:
    """Says that it is what it is not."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self.kind


class HostileArray(np.ndarray):  # type: ignore[type-arg]
    @property  # type: ignore[misc]
    def shape(self) -> Any:
        raise RuntimeError("shape")

    def __eq__(self, other: object) -> Any:
        raise RuntimeError("eq")


class HostileList(list):  # type: ignore[type-arg]
    def __len__(self) -> int:
        raise RuntimeError("len")


def objects(first: Any) -> Any:
    array = np.empty(2, object)
    array[0] = first
    return array


FOREIGN: dict[str, Callable[[tg.Tensor], Any]] = {
    "anything": lambda w: Hostile(), "key": lambda w: {Hostile(): w}, "key in a tuple": lambda w: {(Hostile(),): w},
    "in a list": lambda w: [Hostile(), w], "no Tensor": lambda w: Liar(tg.Tensor), "no array": lambda w: Liar(np.ndarray),
    "no dict": lambda w: Liar(dict), "array": lambda w: np.ones(2).view(HostileArray), "list": lambda w: HostileList([w]),
    "objects": lambda w: objects(Hostile()), "masked": lambda w: np.ma.array([1.0, 2.0], mask=[0, 1]),
    "text": lambda w: np.array(["a", "b"]), "dates": lambda w: np.array(["2020", "2021"], "M8[Y]"),
    "fields": lambda w: np.zeros(2, [("a", "f8")]),
    "key that is text": lambda w: {type("Text", (str,), {"__repr__": lambda self: 1 / 0})("k"): w},
}


@pytest.mark.parametrize("look", [draw, tg.source, tg.latex])
@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_variables_do_not_break_a_picture(kind: str, look: Any) -> None:
    learned, data = tg.Tensor([1.0, 2.0], requires_grad=True), np.array([3.0, 4.0])
    foreign = FOREIGN[kind](learned)
    seen = look((learned * data).sum())
    for text in (str(seen), seen.dot.source if look is draw else ""):
        assert ("learned" in text and "data" in text) or not text
    assert foreign is not None


@pytest.mark.parametrize("look", [draw, tg.source, tg.latex])
def test_names_are_looked_up_while_another_thread_makes_variables(look: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first variable is looked at, the variables change."""
    space: dict[str, Any] = {"learned": tg.Tensor([1.0, 2.0], requires_grad=True), "others": {"a": 1.0}, "look": look}
    counter = iter(range(10_000))

    def changed(value: Any) -> Any:
        space[f"new_{next(counter)}"] = None
        space["others"][next(counter)] = None
        return array_in(value)

    monkeypatch.setattr("tinygrad_gd.pictures.names.array_in", changed)
    exec("data = __import__('numpy').array([3.0, 4.0]); text = str(look((learned * data).sum()))", space)
    assert "learned" in space["text"] and "data" in space["text"] and len(space) > 10


def test_exotic_scopes_have_no_names() -> None:
    class Scope:
        def __getitem__(self, name: str) -> Any:
            return {"w": w, "draw": draw}[name]

        def __setitem__(self, name: str, value: Any) -> None:
            found[name] = value

    w, found = tg.Tensor(1.0, requires_grad=True), {}  # type: ignore[var-annotated]
    exec("text = str(draw(w * 2))", {5: w}, Scope())  # type: ignore[arg-type]
    assert found["text"] == "result  _*2  scalar  2.0000\nparameter  1.0000\n2 nodes, 1 parameter"


def test_dotted_edges_carry_no_gradient() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    drawing = draw(lambda x: (np.where(x * 2 > 1, w * 3, 0.0)).sum(), np.ones(2))
    words = {n.id: n.word or n.title for n in drawing.graph.nodes}
    flows = {(words[e.source], words[e.target]): e.flows for e in drawing.graph.edges}
    assert flows == {("_ * 2", "_ > 1"): False, ("_ > 1", "where(_, _, 0.0)"): False,
                     ("_ * 3", "where(_, _, 0.0)"): True, ("where(_, _, 0.0)", "sum"): True}
    assert drawing.dot.source.count("style=dotted") == 2


def test_the_longest_path_is_kept_straight() -> None:
    drawing = network()
    assert drawing.dot.source.count("weight=20") == 3
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    result = (x * 2 + np.exp(np.sin(x) * 3)) * x
    assert [e.source for e in draw(result).graph.edges if e.main] == ["sin-x", "3", "exp", "add"]


def test_ids_stay_when_an_operation_is_added() -> None:
    def ids(more: bool) -> list[str]:
        w, b = (tg.Tensor([1.0, 2.0], requires_grad=True, name=n) for n in "wb")
        hidden = np.tanh(w * np.ones(2) + b)
        changed = np.exp(hidden) if more else hidden
        return [n.id for n in draw(((changed * w) ** 2).sum()).graph.nodes]

    before, after = ids(False), ids(True)
    assert [i for i in after if i in before] == before and len(after) == len(before) + 1


def test_values_can_be_left_out() -> None:
    shown, hidden = line(), draw(tg.Tensor([1.0, 2.0], requires_grad=True, name="w") * 2, values=False)
    assert "57.0000" in shown.dot.source and "-50.0000" in str(shown)
    w = tg.Tensor(1.5, requires_grad=True, name="w")
    loss = w * w
    loss.backward()
    quiet = draw(loss, values=False)
    assert "3.0000" not in quiet.dot.source and "2.2500" not in str(quiet) and "grad" not in str(quiet)
    assert "w" in str(hidden)


def test_small_scalar_graphs_run_to_the_right() -> None:
    assert [b().rankdir for b in (square, scalars, line, network)] == ["LR", "LR", "TB", "TB"]
    assert chain(100).draw().rankdir == "TB" and draw(chain(1), rankdir="TB").rankdir == "TB"


@pytest.mark.parametrize(("options", "message"), [
    ({"theme": "pink"}, "theme is one of light, dark, print; got 'pink'"),
    ({"rankdir": "up"}, "rankdir is one of TB, LR, BT, RL; got 'up'"),
    ({"last": 0}, "draw: last must be an integer of at least 1, got int 0"),
    ({"depth": "all"}, "draw: depth must be an integer of at least 1"),
    ({"fold": True}, "fold is False to show everything, or names of modules to close, got bool"),
    ({"fold": ["x"]}, "there is no module 'x'; there are none, as nobody watched"),
    ({"page": ("a", 3)}, r"page is a width and a height in points, such as \(900, 2400\), got \('a', 3\)"),
    ({"page": 3}, r"page is a width and a height in points, such as \(900, 2400\), got 3"),
    ({"label": "x"}, "label is a function of a node, got str"),
    ({"color_by": "red"}, "color_by is 'grad', 'memory', 'time' or a function of a node"),
    ({"color_by": ["grad"]}, "color_by is 'grad', 'memory', 'time' or a function of a node"),
    ({"color_by": "time"}, "compile the step with tg.compile, call it, and draw it"),
    ({"color_by": lambda node: "red"}, "the function returns a number, got str"),
    ({"focus": tg.Tensor(1.0)}, "focus is a Tensor in the graph"),
])
def test_wrong_options(options: Any, message: str) -> None:
    with pytest.raises(tg.OptionError, match=message):
        chain(1).draw(**options)


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(tg.DTypeError, match="expected a Tensor, a function or a model, or a compiled step, got int"):
        draw(3)
    with pytest.raises(tg.OptionError, match="only functions and models take inputs"):
        draw(chain(1), 2.0)
    with pytest.raises(tg.DTypeError, match="len should return a Tensor"):
        draw(len, [1.0])


# -- customising --------------------------------------------------------------------------------------


def test_labels_are_the_users() -> None:
    drawn = draw(chain(3), label=lambda node: f"<{node.op.name}>" if float(node.value) > 2 else None)
    assert [n.title for n in drawn.graph.nodes][1:] == ["<add>", "<add>"] and "&lt;add&gt;" in drawn.dot.source
    assert drawn.graph.nodes[0].title == "_ + 1"


def test_colours_say_how_large_something_is() -> None:
    w = tg.Tensor(np.arange(8.0), requires_grad=True, name="w")
    loss = (np.exp(w) * 3).sum()
    loss.backward()
    assert [n.fill for n in draw(loss, color_by="memory").graph.nodes] == [1.0, 1.0, 0.0]
    by_grad = draw(loss, color_by="grad")
    assert [n.fill for n in by_grad.graph.nodes] == [1.0, pytest.approx(0.25, abs=0.3), 0.0]
    assert "colour: gradient, 1.0000 (pale) to 8.4853 (strong)" in str(by_grad)
    assert between(THEMES["light"].scale, 1.0) in by_grad.dot.source
    sized = draw(loss, color_by=lambda node: node.value.size)
    assert [n.fill for n in sized.graph.nodes] == [1.0, 1.0, 0.0]


def trained(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A compiled step, of which each instruction takes a microsecond more than the one before."""
    w = tg.Tensor(np.ones((3, 2)), requires_grad=True, name="w")
    optimizer = tg.optim.SGD([w], lr=0.1)

    @tg.compile
    def step(x: Any) -> Any:
        loss = (np.tanh(x @ w).T ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(2):
        step(np.ones((4, 3)))

    def costs(program: Any) -> dict[Any, float]:
        return {i: k * 1e-6 for k, i in enumerate(program.instructions, 1)}

    monkeypatch.setattr(colours, "times", costs)
    return step


def test_colours_say_what_takes_time(monkeypatch: pytest.MonkeyPatch) -> None:
    step = trained(monkeypatch)
    drawn = draw(step, color_by="time", fold=False)
    boxes, whole = drawn.graph.nodes, drawn.graph.seconds
    count = len(readable(step.captured).instructions)
    assert whole == pytest.approx(1e-6 * count * (count + 1) / 2) and len(boxes) < count  # views join
    assert sum(b.seconds for b in boxes) == pytest.approx(whole)
    assert {b.fill for b in boxes if b.seconds == max(x.seconds for x in boxes)} == {1.0}
    assert {b.fill for b in boxes if b.seconds == min(x.seconds for x in boxes)} == {0.0}
    for box_ in boxes:
        assert box_.rows[-1].name == f"{box_.seconds * 1e6:.3g} us, {box_.seconds / whole:.1%}"
        assert box_.rows[-1].name in drawn.dot.source
    assert f"colour: time, {min(b.seconds for b in boxes) * 1e6:.3g} us (pale) to " in str(drawn)
    assert draw(step.program, color_by="time").graph.seconds > 0


@pytest.mark.parametrize("fold", [None, False])
def test_the_times_of_all_lines_are_the_whole(fold: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw(trained(monkeypatch), color_by="time", fold=fold)
    told = [float(us) for us in re.findall(r"([\d.]+) us +[\d.]+%", str(drawn))]
    assert len(told) > 2 and sum(told) == pytest.approx(drawn.graph.seconds * 1e6)


def test_focus_draws_what_is_near() -> None:
    middle = chain(10) * 2
    end = middle
    for _ in range(10):
        end = end - 1
    drawn = draw(end, focus=middle)
    words = [n.word or n.title for n in drawn.graph.nodes]
    assert words == ["_ + 1"] * 3 + ["_ * 2"] + ["_ - 1"] * 3
    assert "14 operations further away are not drawn" in str(drawn)
    near = chain(4) * 2
    assert "1 operation further away is not drawn" in str(draw(near, focus=near))


# -- looks ----------------------------------------------------------------------------------------------


def luminance(color: str) -> float:
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", THEMES)
def test_everything_can_be_read(name: str) -> None:
    theme = THEMES[name]
    for kind in KINDS:
        fill, border = theme.kinds[kind]
        assert contrast(fill, border) >= 4.5 and contrast(fill, theme.text) >= 4.5 and contrast(fill, theme.quiet) >= 4.5
    for color in (theme.text, theme.quiet, theme.gradient, theme.param, theme.given):
        assert contrast(color, theme.body) >= 4.5 and contrast(color, theme.page) >= 4.5
    assert contrast(theme.text, theme.alarm) >= 4.5 and contrast(theme.gradient, theme.alarm) >= 4.5
    assert contrast(theme.edge, theme.page) >= 3
    for behind in theme.frames:
        assert contrast(theme.quiet, behind) >= 4.5 and contrast(theme.edge, behind) >= 3
    for share in (0, 0.25, 0.5, 0.75, 1):
        assert contrast(between(theme.scale, share), theme.text) >= 4.5


def test_a_printer_needs_no_colour() -> None:
    colors = set(re.findall(r"#[0-9A-F]{6}", draw(chain(3), theme="print").dot.source))
    assert colors and all(c[1:3] == c[3:5] == c[5:7] for c in colors)


def test_the_text_picture_is_aligned() -> None:
    x = np.arange(8.0)
    w = tg.Tensor(3.0, requires_grad=True, name="\N{CJK UNIFIED IDEOGRAPH-6743}")
    hidden = w * x
    loss = (hidden ** 2).sum(axis=0)
    loss.backward()
    assert str(draw(loss)) == """\
x       constant                (8,)
hidden  \N{CJK UNIFIED IDEOGRAPH-6743}*x                    (8,)    10.5000 +- 6.8739  grad 70.9930
loss    sum(hidden**2, axis=0)  scalar  1260.0000          grad 1.0000
\N{CJK UNIFIED IDEOGRAPH-6743}  parameter  3.0000  grad 840.0000
5 nodes, 1 parameter
grad of an array: its norm"""
    assert "its norm" not in str(draw(loss, values=False))


def test_every_terminal_can_print_it() -> None:
    code = "from tests.pictures.drawings import recurrent; print(recurrent())"
    said = {}
    for encoding in ("ascii:strict", "cp1252:strict", "utf-8"):
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True,
                             env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(HERE.parents[1])})
        said[encoding] = run.stdout.decode(encoding.partition(":")[0])
    assert said["ascii:strict"] == said["cp1252:strict"]
    assert re.search(r"grad 7\.6e-04 [_.\-~=+*#]{18} 0\.5743", said["ascii:strict"])
    assert re.search(r"grad 7\.6e-04 [\u2581-\u2588]{18} 0\.5743", said["utf-8"])


def test_the_import_is_lazy() -> None:
    code = ("import sys, tinygrad_gd; print([m for m in ('graphviz', 'tqdm', 'matplotlib', 'scipy', "
            "'sklearn', 'numpy.random', 'svglib', 'tinygrad_gd.pictures.drawing') if m in sys.modules])")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_what_takes_inputs_is_not_drawn_without_them() -> None:
    net = tg.nn.Sequential(tg.nn.Linear(3, 2))
    with pytest.raises(TypeError, match=r"needs x; write tg.draw\(Sequential, x\)"):
        draw(net)
    with pytest.raises(TypeError, match=r"needs b; write tg.draw\(<lambda>, a, b\)"):
        draw(lambda a, b, c=1: a * b * c, np.ones(2))


def test_parameters_of_equal_names_are_told_apart_by_their_modules() -> None:
    encoder, decoder = tg.nn.Linear(4, 3), tg.nn.Linear(3, 4)
    layers = [tg.nn.Linear(4, 4) for _ in range(2)]
    h = decoder(tg.tanh(encoder(np.ones((2, 4)))))
    for layer in layers:
        h = tg.tanh(layer(h))
    loss = (h ** 2).mean()
    text = str(draw(loss))
    for name in ("encoder", "decoder", "layers[0]", "layers[1]"):
        assert f"{name}.weight" in text and f"{name}.bias" in text and f"{name}.*" in text
    assert sum("parameter  " in line for line in text.splitlines()) == 8
    assert "\nweight  " in str(draw(encoder(np.ones((2, 4))).sum()))  # where one name is enough, no more is said


def test_gradients_of_many_arrays_are_measured_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x = tg.Tensor(np.linspace(0.5, 1.5, 8), requires_grad=True, name="x")
    t = x
    for k in range(40):
        t = t * [0.5, 1e-120, 1e120][k % 3]
    t.sum().backward()
    whole = str(draw(t.sum(), fold=False))
    assert "grad 2.8284" in whole, whole  # of eight ones
    monkeypatch.setattr("tinygrad_gd.pictures.slopes._ROOM", 20)
    assert str(draw(t.sum(), fold=False)) == whole


@pytest.mark.parametrize("arrays", [[], [np.ones(0)], [np.float32(-3), np.array([3.0, -4.0], np.float16), np.full((2, 2), 1e-200),
                                                       np.array([1.0, np.inf]), np.array(-np.inf), np.full(7, 1e200)]])
def test_norms_are_those_of_the_arrays(arrays: list[Any]) -> None:
    expected = [0.0] if len(arrays) == 1 else [3.0, 5.0, 2e-200, np.nan, np.inf, np.sqrt(7) * 1e200][: len(arrays)]
    assert np.allclose(norms(arrays), expected, rtol=1e-12, atol=0, equal_nan=True)
