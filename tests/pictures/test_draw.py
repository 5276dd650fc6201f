"""Pictures: complete, reproducible, honest about what they leave out, and without system packages."""

from __future__ import annotations

import base64
import html
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.pictures import Drawing, draw
from tinygrad_gd.pictures import drawing as drawing_module
from tinygrad_gd.pictures import render as render_module
from tinygrad_gd.pictures.dot import KINDS, TEXT
from tinygrad_gd.pictures.figures import value_summary
from tinygrad_gd.pictures.graph import LAST, LIMIT
from tinygrad_gd.pictures.render import RenderError, size_of

HERE = Path(__file__).parent
PICTURE = HERE.parents[1] / "examples" / "pictures" / "line.svg"


def line() -> Drawing:
    x = np.array([1.0, 2, 3, 4, 5])
    y = 2 * x + 1
    w, b = (tg.Tensor(0.0, requires_grad=True, name=n) for n in "wb")
    loss = ((w * x + b - y) ** 2).mean()
    loss.backward()
    return draw(loss)


def square() -> Drawing:
    a = tg.Tensor(3.0, requires_grad=True, name="a")
    return draw(a * a)


def scalars() -> Drawing:
    """The chain rule's usual example, all scalars."""
    a, b, c, f = (tg.Tensor(v, requires_grad=True, name=n)
                  for n, v in (("a", 2.0), ("b", -3.0), ("c", 10.0), ("f", -2.0)))
    loss = (a * b + c) * f
    loss.backward()
    return draw(loss)


def network() -> Drawing:
    net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.ReLU(), tg.nn.Linear(4, 2))
    with tg.no_grad():
        for p in net.parameters():
            p.assign(np.linspace(-1, 1, p.size).reshape(p.shape))
    images, labels = np.arange(6.0).reshape(2, 3) / 10, np.array([0, 1])
    loss = tg.nn.cross_entropy(net(images), labels)
    loss.backward()
    return draw(loss)


def views() -> Drawing:
    x = tg.Tensor(np.arange(12.0).reshape(3, 4), requires_grad=True, name="x")
    y = np.concatenate([x.T.reshape(2, 6)[:, ::2], tg.Tensor(np.ones((2, 3)))], axis=0)
    result = (1 - np.where(y > 3, y, 0.5) / 3).sum(axis=1, keepdims=True).max()
    return draw(result)


def not_finite() -> Drawing:
    weights = tg.Tensor([1.0, -1.0, 0.0], requires_grad=True, name="weights")
    with np.errstate(all="ignore"):
        loss = np.log(weights).sum()
        loss.backward()
    return draw(loss)


BUILDERS = [line, square, scalars, network, views, not_finite]


def chain(operations: int) -> tg.Tensor:
    x = tg.Tensor(1.0, requires_grad=True, name="x")
    y = x
    for _ in range(operations):
        y = y + 1
    return y


def node(drawing: Any, title: str) -> Any:
    (found,) = (n for n in drawing.graph.nodes if n.title == title)
    return found


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
    assert a.grad is not None and a.grad.item() == 12 and loss.grad is None
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


# -- rendering ----------------------------------------------------------------------------------

ENGINES = ["bundled", *(["auto"] if shutil.which("dot") else [])]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("build", BUILDERS)
def test_every_engine_draws_every_node_with_its_text(build: Any, engine: str) -> None:
    drawing = build()
    root = ElementTree.fromstring(drawing.render("svg", engine=engine))
    groups = {g.get("id"): " ".join(g.itertext()) for g in root.iter("{http://www.w3.org/2000/svg}g")}
    for n in drawing.graph.nodes:
        text = groups[f"gd-{n.id}"]
        assert all(part in text for part in (n.shape, n.value, n.grad, n.name or n.operation or n.kind))
    assert len([g for g in groups if g and g.startswith("gd-n") and g.count("-") == 2]) == len(
        drawing.graph.edges)


def test_pictures_need_no_system_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("importlib.metadata").version("graphviz-pure")
    monkeypatch.setenv("PATH", "")
    drawing = line()
    svg = html.unescape(drawing.save(tmp_path / "g.svg").read_text())
    assert svg.count('class="node') == len(drawing.graph.nodes) + 1 == 10  # and the legend
    assert "50.0000" in svg and "#b42318" in svg.lower() and "57.0000" in svg and 'id="gd-n0"' in svg
    assert drawing.save(tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    assert drawing.save(tmp_path / "g.dot").read_text() == drawing.dot.source


def test_the_bundled_engine_is_found_beside_its_metadata(tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """As `pip install --target` leaves it: the record points elsewhere, the program is in bin/."""
    real = next(render_module.engines("bundled"))
    info = tmp_path / "graphviz_pure-0.2.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: graphviz-pure\nVersion: 0.2.2\n")
    (info / "RECORD").write_text("../../bin/graphviz-pure,,\n")
    (tmp_path / "bin").mkdir()
    shutil.copy(real, tmp_path / "bin" / "graphviz-pure")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path / "scripts"))
    monkeypatch.setenv("PATH", "")
    assert list(render_module.engines()) == [str(tmp_path / "bin" / "graphviz-pure")]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [
    'quote " and \\ back', r"\N \G \L \E \l", "</script><b>&amp;", "\x01control\nline",
    "\N{GRINNING FACE} \N{CJK UNIFIED IDEOGRAPH-6743}", "long " * 2000, "-->", "<![CDATA[", "%s {x}"])
def test_hostile_names(name: str, engine: str) -> None:
    drawing = (tg.Tensor(1.0, requires_grad=True, name=name) * 2).draw()
    root = ElementTree.fromstring(drawing.render("svg", engine=engine))
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    (group,) = (g for g in root.iter("{http://www.w3.org/2000/svg}g") if g.get("id") == "gd-n0")
    shown = "".join(c if c.isprintable() else " " for c in name)
    (link,) = group.iter("{http://www.w3.org/2000/svg}a")
    title = link.get("{http://www.w3.org/1999/xlink}title") or ""
    written = "".join(t.text or "" for t in group.iter("{http://www.w3.org/2000/svg}text"))
    for text in (title, written):
        assert "".join(text.split()).startswith("".join(shown[:18].split()))


def fake_engine(tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "dot"
    fake.write_text(f"#!/bin/sh\ncat > /dev/null\n{script}\n")
    fake.chmod(fake.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("TINYGRAD_GD_DOT", str(fake))


WHOLE = "echo '" + '<svg width="9pt" height="9pt"><g class="node n"><title>a</title><text>a</text></g>' * 3
BROKEN = {
    "crash": ("echo 'Segmentation fault' >&2; exit 139", "exit code 139: Segmentation fault; incomplete"),
    "nothing": ("exit 0", "exit code 0: incomplete svg"),
    "no size": ("echo '<svg></svg>'", "incomplete svg"),
    "cut": ("echo '<svg><g class=\"node\"'", "incomplete svg"),
    "lost edge": (WHOLE + "</svg>'; exit 1", "exit code 1: 3 of 3 nodes and 0 of 1 edges"),
    "empty node": ('echo \'<svg width="9pt" height="9pt"><g class="edge"></g>' + '<g class="node"><title>n0</title></g>' * 3 + "</svg>'",
                   "node n0 is empty"),
    "hang": ("sleep 5 & sleep 5", "no picture after 0.2 seconds"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="the fake engine is a shell script")
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_engine_is_passed_over(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = square()
    script, complaint = BROKEN[how]
    fake_engine(tmp_path, script, monkeypatch)
    if how == "hang":
        monkeypatch.setattr(render_module, "TIMEOUT", 0.2)
    start = time.perf_counter()
    with pytest.warns(RuntimeWarning, match="could not draw the graph") as caught:
        assert drawing.render("png").startswith(b"\x89PNG")
    assert time.perf_counter() - start < 4
    (warning,) = caught
    assert complaint in str(warning.message) and warning.filename == __file__


def test_the_users_own_engine_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = next(render_module.engines("bundled"))
    fake_engine(tmp_path, "exit 3", monkeypatch)
    (tmp_path / "dot").write_text(f"#!/bin/sh\ntouch {tmp_path}/used\nexec {real} \"$@\"\n")
    assert b"</svg>" in square().render("svg") and (tmp_path / "used").exists()


def test_without_any_engine_the_text_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_module, "engines", lambda engine: iter(()))
    drawing = square()
    with pytest.raises(RenderError, match="pip install graphviz-pure"):
        drawing.render("svg")
    bundle = drawing._repr_mimebundle_()
    assert set(bundle) == {"text/plain"} and "multiply" in bundle["text/plain"]
    assert "no layout engine" in bundle["text/plain"]


def test_pdf_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = next(render_module.engines("bundled"))
    monkeypatch.setattr(render_module, "engines", lambda engine: iter((bundled,)))
    with pytest.raises(RenderError, match=r"apt install graphviz.*brew install graphviz.*choco install"):
        square().render("pdf")


@pytest.mark.skipif(not shutil.which("dot"), reason="PDF needs the system's dot")
def test_pdf_with_the_systems_dot(tmp_path: Path) -> None:
    assert square().save(tmp_path / "g.pdf").read_bytes().startswith(b"%PDF")


def test_unknown_forms_and_engines(tmp_path: Path) -> None:
    with pytest.raises(tg.OptionError, match=r"ending in \.svg, \.png, \.pdf or \.dot"):
        square().save(tmp_path / "g.gif")
    with pytest.raises(tg.OptionError, match="engine is 'auto' or 'bundled', got 'neato'"):
        square().render("svg", engine="neato")
    with pytest.raises(tg.OptionError, match="expected svg, png, pdf or dot, got 'gif'"):
        square().render("gif")


@pytest.mark.parametrize("dpi", [0, -96, float("nan"), 1e6])
def test_a_senseless_resolution(dpi: float) -> None:
    with pytest.raises(tg.OptionError, match="dpi is a number of dots per inch from 1 to 10,000, got"):
        square().render("png", dpi=dpi)


def test_a_changed_digraph_is_drawn_as_it_is() -> None:
    drawing = square()
    drawing.dot.node("mine", "my own node")
    assert b"my own node" in drawing.render("svg")


def png_size(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_a_png_is_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (render_module.LONGEST_SIDE, render_module.LARGEST_AREA) == (16_384, 64_000_000)
    drawing = line()
    width, height = (round(side * 2) for side in size_of(drawing.render("svg", engine="bundled")))
    free = png_size(drawing.render("png", engine="bundled", dpi=144))
    assert abs(free[0] - width) <= 2 and abs(free[1] - height) <= 2
    monkeypatch.setattr(render_module, "LONGEST_SIDE", 300)
    with pytest.warns(RuntimeWarning, match=r"the PNG would have .* pixels; drawn at .* of 144 dpi"):
        assert 290 <= max(png_size(drawing.render("png", engine="bundled"))) <= 300
    monkeypatch.setattr(render_module, "LARGEST_AREA", 10_000)
    with pytest.warns(RuntimeWarning, match="the PNG would have"):
        capped = png_size(drawing.render("png", engine="bundled"))
    assert 9_000 <= capped[0] * capped[1] <= 10_000


def test_fonts_are_named_for_browsers() -> None:
    svg = line().render("svg").decode()
    families = set(re.findall(r'font-family="([^"]*)"', svg))
    assert families == {"Helvetica,Arial,'Liberation Sans',Arimo,sans-serif",
                        "'Courier New','Liberation Mono',Cousine,monospace"}


def test_two_pictures_on_one_page_share_no_id() -> None:
    drawing = line()
    first, second = (set(re.findall(r' id="([^"]*)"', drawing._repr_mimebundle_()["image/svg+xml"]))
                     for _ in range(2))
    assert len(first) == len(second) >= 9 + 8 + 2 and not first & second
    assert drawing.render("svg") == drawing.render("svg")


def test_the_notebook_gets_pictures_and_text_but_no_html(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = line()
    bundle = drawing._repr_mimebundle_()
    assert set(bundle) == {"image/svg+xml", "image/png", "text/plain"}
    assert bundle["image/svg+xml"].rstrip().endswith("</svg>")
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["text/plain"] == str(drawing)
    assert set(drawing._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}
    assert set(drawing._repr_mimebundle_(exclude={"image/png"})) == {"image/svg+xml", "text/plain"}
    monkeypatch.setattr(drawing_module, "NOTEBOOK_PIXELS", 1000)
    assert set(drawing._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    monkeypatch.setattr(drawing_module, "to_dot", lambda *a: 1 / 0)
    bundle = line()._repr_mimebundle_()
    assert set(bundle) == {"text/plain"} and "(no picture: division by zero)" in bundle["text/plain"]


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


def test_the_picture_in_the_readme_is_what_the_code_draws() -> None:
    if os.environ.get("TINYGRAD_GD_WRITE_GOLDEN"):
        PICTURE.parent.mkdir(exist_ok=True)
        line().save(PICTURE, engine="bundled")
    from importlib.metadata import version

    if version("graphviz-pure") != "0.2.2":
        pytest.skip("the picture was made with graphviz-pure 0.2.2")
    assert PICTURE.read_bytes() == line().render("svg", engine="bundled")


def test_the_import_is_lazy() -> None:
    code = ("import sys, tinygrad_gd; print([m for m in ('graphviz', 'tqdm', 'matplotlib', 'scipy', "
            "'sklearn', 'numpy.random') if m in sys.modules])")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
