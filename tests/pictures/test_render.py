"""Rendering: without system packages, in bounds, past broken engines."""

from __future__ import annotations

import base64
import html
import os
import re
import shutil
import stat
import struct
import sys
import time
import xml.etree.ElementTree as ElementTree
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.pictures.drawings import (
    BUILDERS,
    gradient_of_gradient,
    line,
    neuron,
    recurrent,
    square,
    watched_blocks,
)
from tinygrad_gd.pictures import draw
from tinygrad_gd.pictures import drawing as drawing_module
from tinygrad_gd.pictures import render as render_module
from tinygrad_gd.pictures.dot import MANY
from tinygrad_gd.pictures.letters import spelled
from tinygrad_gd.pictures.render import RenderError, size_of
from tinygrad_gd.pictures.shapes import Line, Words, shapes_of
from tinygrad_gd.pictures.xdot import to_xdot

HERE = Path(__file__).parent
PICTURE = HERE.parents[1] / "examples" / "pictures" / "line.svg"
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
        numbers = () if n.times > 1 or (n.kind == "view" and not n.word) else (n.value.replace("+-", "\N{PLUS-MINUS SIGN}"), n.grad)
        assert all(part in text for part in (n.shape, n.title, n.word, *numbers))
        assert all(part in text for row in n.rows for part in (row.text, row.grad))
    assert len([g for g in groups if g and g.startswith("gd-") and "--" in g]) == len(drawing.graph.edges)
    for frame in drawing.graph.frames:
        assert frame.title in groups[f"gd-{frame.id}-heading"]


def test_pictures_need_no_system_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("importlib.metadata").version("graphviz-pure")
    monkeypatch.setenv("PATH", "")
    drawing = line()
    svg = html.unescape(drawing.save(tmp_path / "g.svg").read_text())
    assert svg.count('class="node') == len(drawing.graph.nodes) == 5
    assert "50.0000" in svg and "#b42318" in svg.lower() and "57.0000" in svg and 'id="gd-loss"' in svg
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


HOSTILE = [
    'quote " and \\ back', r"\N \G \L \E \l", "</script><b>&amp;", "\x01control\nline", "\N{GRINNING FACE} \N{CJK UNIFIED IDEOGRAPH-6743}",
    "\N{ARABIC LETTER MEEM}\N{ARABIC LETTER REH}", "long " * 2000, "-->", "<![CDATA[", "%s {x}", "legend", "node", "a:b", "\u202egnp.exe"]
#: What ends a string or an escape in one of Graphviz's languages.
TRAPS = ['\\', '"', '\\"', '\\\\" \\\\\\" "', 'end\\', "5 -hello T 1 2"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name: str, engine: str) -> None:
    drawing = (tg.Tensor(1.0, requires_grad=True, name=name) * 2).draw()
    root = ElementTree.fromstring(drawing.render("svg", engine=engine))
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    (group,) = (g for g in root.iter("{http://www.w3.org/2000/svg}g") if (g.get("class") or "").startswith("node"))
    shown = "".join(c if c.isprintable() else " " for c in name)
    (link,) = group.iter("{http://www.w3.org/2000/svg}a")
    title = link.get("{http://www.w3.org/1999/xlink}title") or ""
    written = "".join(t.text or "" for t in group.iter("{http://www.w3.org/2000/svg}text"))
    for text in (title, written):
        assert "".join(shown[:18].split()) in "".join(text.split())
    for form in ("json", "tex", "html", "txt", "mmd"):
        assert drawing.render(form, engine=engine)


@pytest.mark.parametrize("name", HOSTILE)
def test_letters_that_a_png_lacks_are_spelled(name: str) -> None:
    drawing = (tg.Tensor(1.0, requires_grad=True, name=name) * 2).draw()
    sources = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing_module, "render", lambda source, *rest: sources.append(source) or b"")
        drawing.render("png")
        drawing.render("svg")
    png, svg = sources
    strange = any(ord(c) > 0x3FF and c.isprintable() for c in name[:30])
    assert (png != svg) == strange == ("fonts lack are spelled" in png) and max(map(ord, png)) < 0x400
    assert spelled("\N{GRINNING FACE}\N{CJK UNIFIED IDEOGRAPH-6743}\N{GREEK SMALL LETTER MU}") == "(grinning face)U+6743\N{GREEK SMALL LETTER MU}"


@pytest.mark.parametrize("build", [*BUILDERS, watched_blocks])
def test_the_pixels_are_of_what_the_svg_shows(build: Any) -> None:
    seen_again(build().svg(plain=True))


@pytest.mark.parametrize("name", [*HOSTILE, *TRAPS])
def test_a_png_takes_names_for_text(name: str) -> None:
    seen_again((tg.Tensor(1.0, requires_grad=True, name=name) * 2).draw().svg(plain=True))


def seen_again(svg: bytes) -> None:
    """An engine draws the shapes that it is given for the pixels as they are in the SVG."""
    drawn = render_module.render(to_xdot(svg), "svg", engine="bundled")
    assert size_of(drawn) == size_of(svg)
    page, *found = shapes_of(drawn)
    assert page == found[0]
    for shape, seen in zip(shapes_of(svg), found, strict=True):
        if isinstance(shape, Words):
            assert isinstance(seen, Words) and (seen.x, seen.y) == pytest.approx((shape.x, shape.y), abs=0.1)
            assert seen.text.rstrip() == shape.text.rstrip().replace('\\"', "\\''")
            assert seen._replace(text="", x=0, y=0) == shape._replace(text="", x=0, y=0)
        else:
            assert isinstance(seen, Line) and np.allclose(seen.points, shape.points, atol=0.1)
            assert seen._replace(points=[]) == shape._replace(points=[])


def fake_engine(tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "dot"
    fake.write_text(f"#!/bin/sh\ncat > /dev/null\n{script}\n")
    fake.chmod(fake.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("TINYGRAD_GD_DOT", str(fake))


WHOLE = "echo '" + '<svg width="9pt" height="9pt"><g class="node n"><title>a</title><text>a</text></g>' * 2
BROKEN = {
    "crash": ("echo 'Segmentation fault' >&2; exit 139", "exit code 139: Segmentation fault; incomplete"),
    "nothing": ("exit 0", "exit code 0: incomplete svg"),
    "no size": ("echo '<svg></svg>'", "incomplete svg"),
    "cut": ("echo '<svg><g class=\"node\"'", "incomplete svg"),
    "lost edge": (WHOLE + "</svg>'; exit 1", "exit code 1: 2 of 2 nodes and 0 of 1 edges"),
    "empty node": ('echo \'<svg width="9pt" height="9pt"><g class="edge"></g>' + '<g class="node"><title>n0</title></g>' * 2 + "</svg>'",
                   "node n0 is empty"),
    "hang": ("sleep 5 & sleep 5", "no picture after 0.2 seconds"),
}


def pair() -> Any:
    """Two boxes with an edge between them."""
    return draw((tg.Tensor(3.0, requires_grad=True, name="a") * 2) ** 2)


@pytest.mark.skipif(sys.platform == "win32", reason="the fake engine is a shell script")
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_engine_is_passed_over(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = pair()
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


SLOW = """case "$*" in *splines=line*) exec "$REAL" "$@";; *) sleep 5 & sleep 5;; esac"""


@pytest.mark.skipif(sys.platform == "win32", reason="the fake engine is a shell script")
def test_where_time_is_short_the_quick_layout_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REAL", next(render_module.engines("bundled")))
    fake_engine(tmp_path, "", monkeypatch)
    (tmp_path / "dot").write_text(f"#!/bin/sh\n{SLOW}\n")
    monkeypatch.setattr(render_module, "engines", lambda engine: iter((str(tmp_path / "dot"),)))
    monkeypatch.setattr(render_module, "TIMEOUT", 1.5)
    with pytest.warns(RuntimeWarning, match=r"no picture after 1\.5 seconds.*then straight edges"):
        assert square().render("png").startswith(b"\x89PNG")


@pytest.mark.skipif(sys.platform == "win32", reason="the fake engine is a shell script")
def test_a_layout_that_takes_too_long_names_the_limit_and_the_remedy(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_engine(tmp_path, "sleep 5 & sleep 5", monkeypatch)
    monkeypatch.setattr(render_module, "engines", lambda engine: iter((str(tmp_path / "dot"),)))
    monkeypatch.setattr(render_module, "TIMEOUT", 0.2)
    with pytest.warns(RuntimeWarning, match="could not draw"), pytest.raises(
            RenderError, match=r"no svg picture after 0\.2 seconds: .*too large.*tg\.draw\(tensor, last=50\).*\.save\('g\.dot'\)") as caught:
        square().render("svg")
    assert "install" not in str(caught.value)


def unrolled(steps: int) -> tg.Tensor:
    """An unrolled recurrent net, whose weights have an edge to each step."""
    w, u, v = (tg.Tensor(np.ones((3, 3)) / 9, requires_grad=True, name=n) for n in "wuv")
    hidden, loss = tg.Tensor(np.zeros((2, 3))), tg.Tensor(0.0)
    for step in range(steps):
        hidden = np.tanh(np.full((2, 3), float(step)) @ u + hidden @ w)
        loss = loss + ((hidden @ v) ** 2).mean()
    return loss


def test_large_graphs_have_straight_edges() -> None:
    small, large = unrolled(10).draw(fold=False), unrolled(60).draw(fold=False)
    assert len(small.graph.nodes) < MANY < len(large.graph.nodes)
    assert "splines" not in small.dot.source and "nslimit" not in small.dot.source
    for option in ("splines=line", "nslimit=1", "nslimit1=1", "mclimit=0.1"):
        assert option in large.dot.source
    svg = large.render("svg", engine="bundled")  # a minute and more without them
    assert svg.count(b'class="node') == len(large.graph.nodes)


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
    assert set(bundle) == {"text/plain"} and "a*a" in bundle["text/plain"]
    assert "no layout engine" in bundle["text/plain"]


def test_unknown_forms_and_engines(tmp_path: Path) -> None:
    with pytest.raises(tg.OptionError, match=r"ending in \.svg, \.png, .*\.json or \.txt"):
        square().save(tmp_path / "g.gif")
    with pytest.raises(tg.OptionError, match="engine is 'auto' or 'bundled', got 'neato'"):
        square().render("svg", engine="neato")
    with pytest.raises(tg.OptionError, match=r"expected svg, png, pdf, .* or txt, got 'gif'"):
        square().render("gif")


def test_the_bundled_engine_comes_before_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dot").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "dot").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    bundled, system = render_module.engines()
    assert "graphviz-pure" in bundled and system == str(tmp_path / "dot")
    assert list(render_module.engines("bundled")) == [bundled]


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
    assert 9_000 <= capped[0] * capped[1] and (capped[0] - 1) * (capped[1] - 1) <= 10_000  # rounded


def test_fonts_are_named_for_browsers() -> None:
    svg = line().render("svg").decode()
    families = set(re.findall(r'font-family="([^"]*)"', svg))
    assert families == {"Helvetica,Arial,'Liberation Sans',Arimo,sans-serif",
                        "'Courier New','Liberation Mono',Cousine,monospace"}


def test_two_pictures_on_one_page_share_no_id() -> None:
    drawing = line()
    first, second = (set(re.findall(r' id="([^"]*)"', drawing._repr_mimebundle_()["image/svg+xml"]))
                     for _ in range(2))
    assert len(first) == len(second) >= 5 + 4 + 3 and not first & second
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


# -- looks ------------------------------------------------------------------------------------------


def test_the_picture_in_the_readme_is_what_the_code_draws() -> None:
    if os.environ.get("TINYGRAD_GD_WRITE_GOLDEN"):
        PICTURE.parent.mkdir(exist_ok=True)
        line().save(PICTURE, engine="bundled")
    from importlib.metadata import version

    if version("graphviz-pure") != "0.2.2":
        pytest.skip("the picture was made with graphviz-pure 0.2.2")
    assert PICTURE.read_bytes() == line().render("svg", engine="bundled")


#: What is shown elsewhere, at most 800 points wide, and how it is drawn.
PAGES = {"neuron": neuron, "recurrent": recurrent, "blocks": watched_blocks}


@pytest.mark.parametrize("name", PAGES)
def test_the_pictures_of_the_pages_are_what_the_code_draws(name: str) -> None:
    """But for the last digits of numbers, which differ by machine."""
    path = PICTURE.with_name(f"{name}.svg")
    if os.environ.get("TINYGRAD_GD_WRITE_GOLDEN"):
        PAGES[name]().save(path, engine="bundled")
    drawn, kept = ([re.sub(r"-?[\d.]+(e[-+]\d+)?", "0", words) for words in re.findall(r">([^<>]+)</text>", text)]
                   for text in (PAGES[name]().render("svg").decode(), path.read_text()))
    assert drawn == kept and len(drawn) > 20
    size = re.search(r'width="([\d.]+)pt"', path.read_text())
    assert size and float(size[1]) <= 800


class ReconstructionOfEverything(tg.nn.Module):
    def forward(self, x: Any) -> Any:
        return (x + 1) * 2


def narrow() -> Any:
    """Frames that are as wide as their headings."""
    net = tg.nn.Sequential(ReconstructionOfEverything(), ReconstructionOfEverything())
    return draw(net, 1.0, fold=False, rankdir="TB", values=False)


def encoder() -> Any:
    return draw(tg.nn.TransformerEncoderLayer(32, 4), np.ones((2, 8, 32)))


@pytest.mark.parametrize("build", [gradient_of_gradient, watched_blocks, narrow, encoder])
def test_headings_stay_inside_of_their_frames(build: Any) -> None:
    """Also in a font wider than the measured one: they begin at the left, with room at the right."""
    root = ElementTree.fromstring(build().render("svg"))
    frames = [g for g in root.iter("{http://www.w3.org/2000/svg}g") if "gd-frame" in g.get("class", "")]
    assert len(frames) >= 2
    for frame in frames:
        heading = root.find(f".//*[@id='{frame.get('id')}-heading']")
        assert heading is not None
        (outline,), (words,) = (list(part.iter(f"{{http://www.w3.org/2000/svg}}{tag}"))
                                for part, tag in ((frame, "path"), (heading, "text")))
        edges = [float(x) for x in re.findall(r"(-?[\d.]+),", outline.get("d", ""))]
        start, size = float(words.get("x", 0)), float(words.get("font-size", 0))
        assert words.get("text-anchor") == "start" and start >= min(edges) + 8
        assert start + 0.55 * size * len(words.text or "") <= max(edges)
        ground = heading.find("{http://www.w3.org/2000/svg}polygon")
        assert ground is not None
        corners = [float(x) for x in re.findall(r"(-?[\d.]+),", ground.get("points", ""))]
        assert min(corners) < start and start + 0.45 * size * len(words.text or "") <= max(corners) < max(edges)


def test_headings_of_frames_are_drawn_over_what_crosses_them() -> None:
    svg = gradient_of_gradient().render("svg").decode()
    edges = svg.rindex('class="edge')
    for words in ("forward pass", "backward pass"):
        assert svg.count(f">{words}") == 1 + svg.count(f"<title>{words}"), words
        assert svg.index(f">{words}") > edges
    grounds = re.findall(r'<polygon fill="#f8fafc"[^>]* points="([\d.]+),[^>]*/>\n<text[^>]* x="([\d.]+)"', svg)
    assert len(grounds) >= 2 and all(float(x) - float(ground) == pytest.approx(1, abs=0.1) for ground, x in grounds)


def test_no_edge_crosses_a_heading_in_a_png() -> None:
    """Where edges are black, and headings of print are grey."""
    image = pytest.importorskip("matplotlib.image")
    drawing = gradient_of_gradient()
    drawing.theme = "print"
    pixels = image.imread(BytesIO(drawing.render("png", engine="bundled")))
    shapes = list(shapes_of(drawing.svg(plain=True)))
    headings = [s for s in shapes if isinstance(s, Words) and s.text.startswith(("forward pass", "backward pass"))]
    assert len(headings) == 2
    for words in headings:
        left, right = round(2 * words.x), round(2 * (words.x + 0.5 * words.size * len(words.text)))
        bottom = round(len(pixels) - 2 * words.y)
        within = pixels[bottom - round(1.5 * words.size) : bottom, left:right, :3]
        assert 0.2 < within.min() < 0.4 and within.max() == 1, words.text


SHOWN = {"line": line, "neuron": neuron, "recurrent": recurrent, "blocks": watched_blocks}


@pytest.mark.parametrize("name", SHOWN)
def test_the_pictures_of_the_readme_are_what_is_drawn(name: str) -> None:
    file = HERE.parents[1] / "examples" / "pictures" / f"{name}.svg"
    if os.environ.get("TINYGRAD_GD_WRITE_GOLDEN"):
        SHOWN[name]().save(file)
    assert not SHOWN[name]().differs(file)


@pytest.mark.skipif(sys.platform == "win32", reason="the fake engine is a shell script")
@pytest.mark.parametrize("how", ["crash", "lost edge", "hang", "none"])
def test_what_is_printed_needs_no_engine_that_works(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                    recwarn: pytest.WarningsRecorder) -> None:
    fake_engine(tmp_path, f"echo >> {tmp_path}/asked\n{BROKEN[how][0] if how in BROKEN else ''}", monkeypatch)
    program = str(tmp_path / ("dot" if how in BROKEN else "nothing there"))
    monkeypatch.setattr(render_module, "_bundled", lambda: iter((program,)))
    monkeypatch.setattr(render_module, "PATIENCE", 0.2)
    loss = unrolled(9)
    assert str(draw(loss)).splitlines()[-1].startswith("86 nodes, 3 parameters")
    assert not recwarn.list
    if how in BROKEN:  # once is enough to know
        assert (tmp_path / "asked").read_text() == "\n"
