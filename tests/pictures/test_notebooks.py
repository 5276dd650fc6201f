"""What notebooks show: pictures whose ids do not meet, converted and in another notebook."""

from __future__ import annotations

import re
import subprocess
import sys
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.pictures.drawings import line, square
from tinygrad_gd.pictures.themes import THEMES


def notebook() -> Any:
    """Two cells with a picture each, as a kernel would have left them."""
    form = pytest.importorskip("nbformat", reason="nbconvert is not installed").v4
    cells = []
    for k, drawing in enumerate((line(), line(), square())):
        shown = form.new_output("execute_result", data=drawing._repr_mimebundle_(), execution_count=k)
        cells.append(form.new_code_cell("tg.draw(loss)", outputs=[shown], execution_count=k))
    return form.new_notebook(cells=cells)


@pytest.mark.filterwarnings("ignore:IPython3 lexer")  # colours of the code, by a package more
def test_converted_to_html_no_id_is_there_twice() -> None:
    exporters = pytest.importorskip("nbconvert", reason="nbconvert is not installed")
    page, _ = exporters.HTMLExporter().from_notebook_node(notebook())
    images = [b64decode(data).decode() for data in re.findall(r"data:image/svg\+xml;base64,([^\"]*)", page)]
    pictures = images or re.findall(r"<svg\b.*?</svg>", page, re.S)  # by its version, it puts them on the page
    pictures = [svg for svg in pictures if "<title>tinygrad_gd" in svg]
    assert len(pictures) == 3
    ids = [i for svg in pictures for i in re.findall(r'\bid="([^"]*)"', svg)]
    assert len(ids) > 30 and len(set(ids)) == len(ids)


def test_converted_to_markdown_the_pictures_are_files() -> None:
    exporters = pytest.importorskip("nbconvert", reason="nbconvert is not installed")
    text, resources = exporters.MarkdownExporter().from_notebook_node(notebook())
    assert len(re.findall(r"!\[.*?\]\(.*?\.(?:svg|png)\)", text)) == 3 and "<svg" not in text
    assert all(content for content in resources["outputs"].values()) and len(resources["outputs"]) >= 3


class Inline(HTMLParser):
    """What stands on a page into which SVG was written as HTML, as VS Code does."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("theme", THEMES)
def test_inline_on_a_page_of_any_colour_a_picture_needs_nothing_else(theme: str) -> None:
    page = Inline()
    for drawing in (line(), line()):
        drawing.theme = theme
        page.feed(drawing._repr_mimebundle_()["image/svg+xml"])
    assert {tag for tag, _ in page.tags} == {"svg", "title", "desc", "g", "a", "polygon", "path", "text"}
    assert not [key for _, attributes in page.tags for key in attributes if key.startswith("on") or "href" in key]
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) > 30 and len(set(ids)) == len(ids)
    behind, first = (next(attributes for tag, attributes in page.tags if tag == wanted) for wanted in ("polygon", "svg"))
    edges = [abs(float(x)) for x in re.findall(r"(-?[\d.]+),", behind["points"] or "")]
    assert behind["fill"] == THEMES[theme].page.lower()
    assert max(edges) + 8.64 == pytest.approx(float((first["width"] or "").removesuffix("pt")), abs=1)


CELLS = """
import marimo
app = marimo.App()

@app.cell
def _():
    import tinygrad_gd as tg
    a = tg.Tensor(3.0, requires_grad=True, name="a")
    tg.draw(a * a)
    return

@app.cell
def _():
    import tinygrad_gd as same
    b = same.Tensor(3.0, requires_grad=True, name="a")
    same.draw(b * b)
    return
"""


def test_marimo_shows_the_pictures(tmp_path: Path) -> None:
    pytest.importorskip("marimo", reason="marimo is not installed")
    (tmp_path / "cells.py").write_text(CELLS)
    run = subprocess.run([sys.executable, "-m", "marimo", "export", "html", "cells.py", "-o", "page.html"], cwd=tmp_path,
                         capture_output=True, text=True, check=False, timeout=120,
                         env={"PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(tmp_path), "PATH": ""})
    page = (tmp_path / "page.html").read_text() if (tmp_path / "page.html").exists() else ""
    assert page, run.stderr
    assert page.count("image/svg+xml") == 2
    tokens = set(re.findall(r"\b(gd\d+x[0-9a-f]{8})-title", page))
    assert len(tokens) == 2
