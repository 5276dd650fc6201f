"""Drawings: complete, reproducible and honest about what they leave out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.pictures.drawings import (
    BUILDERS,
    chain,
    line,
    network,
    node,
    not_finite,
    scalars,
    square,
    views,
)
from tinygrad_gd.engine.graph import Node
from tinygrad_gd.ground.user_code import array_in
from tinygrad_gd.pictures import Drawing, draw
from tinygrad_gd.pictures.dot import KINDS, TEXT
from tinygrad_gd.pictures.figures import value_summary
from tinygrad_gd.pictures.graph import LAST, LIMIT

HERE = Path(__file__).parent


# -- the graph and its DOT ------------------------------------------------------------------------


@pytest.mark.parametrize("build", BUILDERS)
def test_dot_is_the_same_to_the_byte(build: Any) -> None:
    source = build().dot.source
    golden = HERE / "golden" / f"{build.__name__}.dot"
    if os.environ.get("TINYGRAD_GD_WRITE_GOLDEN"):
        golden.write_text(source, encoding="utf-8")
    assert source == build().dot.source == golden.read_text(encoding="utf-8")
    assert "constraint" not in source and "record" not in source
    assert not re.search(r'"#[0-9A-Fa-f]{3}"', source)  # old engines paint these black


def test_a_tensor_used_twice_shows_both_uses() -> None:
    drawing = square()
    (only,) = drawing.graph.edges
    assert only.times == 2 and 'label=" x2"' in drawing.dot.source
    assert drawing.graph.nodes[1].inputs == ("n0", "n0")


def test_gradients_after_backward_also_of_what_lies_between() -> None:
    assert [(n.name or n.operation, n.grad) for n in scalars().graph.nodes] == [
        ("a", "6.0000"), ("b", "-4.0000"), ("multiply", "-2.0000"), ("c", "-2.0000"),
        ("add", "-2.0000"), ("f", "4.0000"), ("loss", "1.0000")]


def test_drawing_changes_nothing() -> None:
    a = tg.Tensor(3.0, requires_grad=True, name="a")
    calls = []
    loss = (a * a) * 2
    loss.backward()
    str(draw(loss))
    assert a.grad is not None and a.grad.item() == 12 and Node(loss).grad is None
    a.register_hook(lambda g: calls.append(g))
    assert draw(loss).graph.nodes[1].grad == "" and not calls


def test_an_updated_parameter_is_drawn_and_said_to_be_newer() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    loss = (w * w).sum()
    loss.backward()
    with tg.no_grad():
        w -= 0.1 * w.grad
    drawing = draw(loss)
    assert drawing.graph.newer == ["w"] and node(drawing, "multiply").grad == ""
    assert "overwritten since this graph was recorded: w" in str(drawing)
    assert "overwritten since this graph was recorded: w" in drawing.dot.source


def test_options_of_operations_are_shown() -> None:
    x = tg.Tensor(np.arange(12.0).reshape(3, 4), requires_grad=True, name="x")
    result = x[1:, ::2].reshape(4).sum(axis=0, keepdims=True)
    drawing = draw(result)
    assert [n.options for n in drawing.graph.nodes] == [
        "", "key=[1:,::2]", "shape=4", "axis=0 keepdims=True"]
    assert ">axis=0 keepdims=True<" in drawing.dot.source
    assert "sum(n2, axis=0, keepdims=True)" in str(drawing)


def test_many_options_are_cut_between_two_of_them() -> None:
    net = tg.nn.Sequential(tg.nn.Conv2d(1, 2, 3), tg.nn.MaxPool2d(2))
    source = draw(net(np.ones((1, 1, 6, 6))).sum()).dot.source
    assert ">counts=(4,4) stride=(1,1) ...<" in source
    assert ">window=(2,2) counts=(2,2) ...<" in source and "groups=1" in source  # whole in the tooltip


def test_plain_numbers_have_few_digits() -> None:
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    result = np.where(x > 1, x / np.sqrt(8) * 2.0 + 0.1 + 12345678901, -1e9).sum()
    titles = [n.inputs[1:] for n in draw(result).graph.nodes if n.operation in ("divide", "multiply", "add")]
    assert titles == [("2.828",), ("2.0",), ("0.1",), ("12,345,678,901",)]
    assert "where(_, _, -1e+09)" in draw(result).dot.source


def test_the_last_nodes_have_their_gradients_too() -> None:
    tensor = chain(LIMIT + 5) * 3
    tensor.backward()
    assert [n.grad for n in tensor.draw().graph.nodes][-3:] == ["3.0000", "3.0000", "1.0000"]
    assert {n.grad for n in tensor.draw().graph.nodes[1:-1]} == {"3.0000"}


def test_no_seam_shows_in_a_filled_row() -> None:
    for drawing in (network(), not_finite()):
        for body in re.findall(r"<TR><TD CELLPADDING=\"0\" BGCOLOR.*?</TABLE></TD></TR>", drawing.dot.source):
            assert body.count("BGCOLOR") == 1
        assert drawing.dot.source.count('CELLPADDING="0" BGCOLOR') >= len(drawing.graph.nodes)


def test_long_names_keep_both_ends() -> None:
    name = "encoder.layers.11.attention.query_projection.weight"
    drawing = draw(tg.Tensor(1.0, name=name))
    assert ">encoder.layers.11....y_projection.weight<" in drawing.dot.source and name in drawing.dot.source
    assert "encoder.layers.11....y_projection.weight" in str(drawing)


def test_names_come_from_name_then_module_then_variable() -> None:
    layers = tg.nn.Linear(2, 1)
    points = np.array([[1.0, 2.0]])
    pair = [tg.Tensor(1.0, requires_grad=True)]
    hidden = layers(points)
    unrelated = np.array([[1.0, 3.0]])
    result = (hidden * pair[0]).sum()
    names = [n.name for n in draw(result).graph.nodes]
    assert names == ["points", "weight", "bias", "hidden", "pair[0]", "", "result"]
    assert unrelated.shape == points.shape
    batch = tg.Tensor(points) * pair[0]
    assert [n.name for n in draw(batch).graph.nodes] == ["points", "pair[0]", "batch"]


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
    assert "multiply" in found["text"]


def test_dotted_edges_carry_no_gradient() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    x = np.array([1.0, 2.0])
    frozen = w.detach()
    frozen.name = "frozen"
    loss = (w * x * frozen).sum()
    drawing = draw(loss)
    flows = {(e.source, e.target): e.flows for e in drawing.graph.edges}
    assert flows == {("n0", "n2"): True, ("n1", "n2"): False, ("n2", "n4"): True,
                     ("n3", "n4"): False, ("n4", "n5"): True}
    assert drawing.dot.source.count("style=dotted") == 2 and "no gradient" in drawing.dot.source


def test_parameter_edges_are_quieter_and_the_longest_path_is_kept_straight() -> None:
    drawing = network()
    main = [e for e in drawing.graph.edges if e.main]
    assert [e.target for e in main] == ["n3", "n4", "n7", "n9"]
    assert drawing.dot.source.count("weight=20") == 4
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    result = (x * 2 + np.exp(np.sin(x) * 3)) * x
    assert [e.source for e in draw(result).graph.edges if e.main] == ["n0", "n2", "n3", "n4", "n5"]
    assert drawing.dot.source.count("#7FB0D8") == 4


def test_the_legend_names_only_what_is_drawn() -> None:
    def words(drawing: Drawing) -> set[str]:
        (label,) = re.findall(r"^\tlegend \[label=(.*) class", drawing.dot.source, re.M)
        return set(re.findall(r">([a-z, ]+)</FONT>", label))

    assert words(square()) == {"parameter", "result"}
    assert words(line()) == {"constant", "parameter", "operation", "result", "gradient", "no gradient"}
    assert words(views()) == {"input", "parameter", "operation", "reduction", "view", "result",
                              "no gradient"}
    assert words(network()) == {"constant", "parameter", "operation", "activation", "result", "gradient",
                                "no gradient"}


def test_two_levels_of_detail() -> None:
    full, shape = (Drawing(line().graph, d).dot.source for d in ("full", "shape"))
    assert ">value<" in full and ">grad<" in full and "detail=" not in full
    assert ">value<" not in shape and ">grad<" not in shape and ">shape<" in shape
    assert "values and gradients are not shown" in shape
    assert chain(200).draw().detail == "shape" and chain(100).draw().detail == "full"


def test_small_scalar_graphs_run_to_the_right() -> None:
    assert [b().rankdir for b in (square, scalars, line, network)] == ["LR", "LR", "TB", "TB"]
    assert chain(100).draw().rankdir == "TB" and draw(chain(1), rankdir="TB").rankdir == "TB"


@pytest.mark.parametrize(("options", "message"), [
    ({"detail": "all"}, "detail is one of shape, full; got 'all'"),
    ({"rankdir": "up"}, "rankdir is one of TB, LR, BT, RL; got 'up'"),
    ({"last": 0}, "draw: last, the number of nodes, must be an integer of at least 1, got int 0"),
])
def test_wrong_options(options: Any, message: str) -> None:
    with pytest.raises(tg.OptionError, match=message):
        chain(1).draw(**options)


# -- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("array", "text"), [
    (np.float64(2.302585), "2.3026"), (np.array([1.0, 3.0]), "mean 2.0000 std 1.0000"),
    (np.array([np.nan, 1, np.nan, np.inf]), "NaN x2 Inf x1"), (np.float32(np.nan), "NaN"),
    (np.zeros((0, 3)), "empty"), (np.array([3, 1, 2]), "1 .. 3"), (np.array([True, False]), "False .. True"),
    (np.array([1e300, -1e300]), "mean 0.0000 std 1.0e+300"),
    (np.array([6e4, 6e4], np.float16), "mean 60000.0000 std 0.0000"),
    (np.array(7), "7"), (np.array([-1.2e-7]), "-1.2e-07"),
])
def test_values_in_a_few_characters(array: Any, text: str) -> None:
    assert value_summary(array) == text


def test_activations_say_how_much_is_zero() -> None:
    x = tg.Tensor([-1.0, -2.0, 3.0, 4.0], requires_grad=True)
    relu, tanh = (draw(f(x).sum()).graph.nodes[1] for f in (tg.relu, tg.tanh))
    assert (relu.kind, relu.value) == ("act", "50% zero")
    assert (tanh.kind, tanh.value[:5]) == ("act", "mean ")


def test_rows_with_nan_are_filled() -> None:
    source = not_finite().dot.source
    rows = [re.sub("<[^>]*>", " ", r).split() for r in re.findall(r"<TR>(.*?)</TR></TABLE>", source)
            if "#FEE2E2" in r]
    assert rows == [["grad", "Inf", "x1"], ["value", "NaN", "x1", "Inf", "x1"], ["value", "NaN"]]


# -- large graphs ---------------------------------------------------------------------------------


def test_of_large_graphs_the_last_nodes_are_drawn() -> None:
    drawing = chain(LIMIT + 500).draw()
    graph = drawing.graph
    assert graph.total == LIMIT + 501 and graph.hidden == LIMIT + 501 - LAST
    assert [n.title for n in graph.nodes[:2]] == ["2,451 earlier nodes", "add"]
    assert len(graph.nodes) == len(graph.edges) + 1 == LAST + 1
    assert "only the last 50 nodes are drawn, 2,451 before them are not" in drawing.dot.source
    assert drawing.render("svg").count(b'class="node') == LAST + 2
    text = str(drawing).splitlines()
    assert "... 2,481 earlier nodes" in text and text[-1] == "2,501 nodes, 1 parameter" and len(text) == 25


def test_up_to_the_limit_all_is_drawn_and_last_chooses() -> None:
    assert chain(LIMIT - 1).draw().graph.hidden == 0
    x = np.ones(2)
    b = tg.Tensor(1.0, requires_grad=True, name="b")
    loss = np.sin(np.exp(b * x) + b).sum()
    graph = draw(loss, last=4).graph
    assert [n.title for n in graph.nodes] == ["3 earlier nodes", "b", "add", "sin", "loss"]
    assert graph.hidden == 3 and [(e.source, e.main) for e in graph.edges] == [
        ("hidden", True), ("n0", False), ("n4", True), ("n5", True)]
    wide = np.concatenate([tg.Tensor([float(i)], requires_grad=True) for i in range(LIMIT)])
    assert len(draw(wide).graph.nodes) == LAST + 1
    assert f"More than {LIMIT:,}" in str(draw.__doc__) and f"the last {LAST}" in str(draw.__doc__)


def test_deep_graphs_are_read_in_linear_time_without_recursion() -> None:
    seconds = {}
    for n in (20_000, 200_000):
        tensor = chain(n)
        start = time.perf_counter()
        text = str(tensor.draw())
        seconds[n] = time.perf_counter() - start
        assert f"{n + 1:,} nodes, 1 parameter" in text
    assert seconds[200_000] < 30 * seconds[20_000] + 0.5


# -- looks ------------------------------------------------------------------------------------------


def luminance(color: str) -> float:
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("kind", KINDS)
def test_header_words_can_be_read(kind: str) -> None:
    fill, border, *_ = KINDS[kind]
    for color in (border, TEXT):
        assert (luminance(fill) + 0.05) / (luminance(color) + 0.05) >= 4.5


def test_the_text_picture_is_aligned() -> None:
    x = np.array([1.0, 2.0])
    w = tg.Tensor(3.0, requires_grad=True, name="\N{CJK UNIFIED IDEOGRAPH-6743}")
    loss = (w * x).sum(axis=0)
    loss.backward()
    assert str(draw(loss)) == """\
node  made by          shape   value                   grad
----  ---------------  ------  ----------------------  -----------
\N{CJK UNIFIED IDEOGRAPH-6743}    parameter        scalar  3.0000                  3.0000
x     constant         (2,)    mean 1.5000 std 0.5000
n2    multiply(\N{CJK UNIFIED IDEOGRAPH-6743}, x)  (2,)    mean 4.5000 std 1.5000  norm 1.4142
loss  sum(n2, axis=0)  scalar  9.0000                  1.0000

4 nodes, 1 parameter"""


def test_the_import_is_lazy() -> None:
    code = ("import sys, tinygrad_gd; print([m for m in ('graphviz', 'tqdm', 'matplotlib', 'scipy', "
            "'sklearn', 'numpy.random') if m in sys.modules])")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
