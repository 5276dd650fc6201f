"""Pictures: complete, reproducible, and there without any system package."""

from __future__ import annotations

import html
import stat
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.draw import render as render_module
from tinygrad_gd.draw.dot import KINDS, TEXT
from tinygrad_gd.draw.render import RenderError

GOLDEN = Path(__file__).with_name("golden")


def line() -> tg.Tensor:
    x = np.array([1.0, 2, 3, 4, 5])
    w, b = (tg.Tensor(0.0, requires_grad=True, name=n) for n in "wb")
    loss = ((w * x + b - (2 * x + 1)) ** 2).mean()
    loss.backward()
    return loss


def square() -> tg.Tensor:
    a = tg.Tensor(3.0, requires_grad=True, name="a")
    return a * a


@pytest.mark.parametrize("build", [line, square])
def test_dot_is_the_same_to_the_byte(build: Any) -> None:
    source = build().draw().dot.source
    assert source == build().draw().dot.source == (GOLDEN / f"{build.__name__}.dot").read_text()


def test_a_tensor_used_twice_shows_two_edges() -> None:
    drawing = square().draw()
    assert drawing.graph.edges == [("n0", "n1", 2)] and "label=x2" in drawing.dot.source


def test_pictures_need_no_system_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("importlib.metadata").version("graphviz-pure")
    monkeypatch.setenv("PATH", "")
    drawing = line().draw()
    svg = html.unescape(drawing.save(tmp_path / "g.svg").read_text())
    assert svg.count('class="node') == len(drawing.graph.nodes) == 9
    assert "50.0000" in svg and "#b42318" in svg.lower() and "57.0000" in svg and 'id="gd-n0"' in svg
    assert drawing.save(tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    assert drawing.save(tmp_path / "g.dot").read_text() == drawing.dot.source


@pytest.mark.parametrize("name", [
    'quote " and \\ back', "</script><b>&amp;", "\x01control\nline", "\N{GRINNING FACE}", "long " * 2000])
def test_hostile_names(name: str) -> None:
    drawing = (tg.Tensor(1.0, requires_grad=True, name=name) * 2).draw()
    root = ElementTree.fromstring(drawing.render("svg"))
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


BROKEN = {
    "crash": "exit 1", "nothing": "exit 0",
    "cut": "echo '<svg class=\"node'", "lost edge": "echo '<svg class=\"node class=\"node</svg>'",
}


@pytest.mark.skipif(sys.platform == "win32", reason="the fake engine is a shell script")
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_engine_is_passed_over(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "dot"
    fake.write_text(f"#!/bin/sh\ncat > /dev/null\n{BROKEN[how]}\n")
    fake.chmod(fake.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("TINYGRAD_GD_DOT", str(fake))
    with pytest.warns(RuntimeWarning, match="could not draw the graph"):
        assert b"</svg>" in square().draw().render("svg")


def test_without_any_engine_the_text_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_module, "engines", lambda: iter(()))
    drawing = square().draw()
    with pytest.raises(RenderError, match="pip install graphviz-pure"):
        drawing.render("svg")
    bundle = drawing._repr_mimebundle_()
    assert set(bundle) == {"text/plain"} and "multiply" in bundle["text/plain"]


def test_deep_graphs() -> None:
    x = tg.Tensor(1.0, requires_grad=True)
    for _ in range(10_001):
        x = x + 1
    assert str(x.draw()) == "graph of 10002 nodes and 10001 edges; .save('g.svg')"
    with pytest.raises(tg.OptionError, match="10002 nodes are more than 10000"):
        x.draw().render("svg")


def luminance(color: str) -> float:
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("kind", KINDS)
def test_header_words_can_be_read(kind: str) -> None:
    fill, border, _ = KINDS[kind]
    for color in (border, TEXT):
        assert (luminance(fill) + 0.05) / (luminance(color) + 0.05) >= 4.5


def test_the_import_is_lazy() -> None:
    code = ("import sys, tinygrad_gd; print([m for m in ('graphviz', 'tqdm', 'matplotlib', 'scipy', "
            "'sklearn', 'numpy.random') if m in sys.modules])")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
