"""The forms that are no layout engine's: PDF, TikZ, Mermaid, HTML, JSON, and the words for those who see none."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.pictures.drawings import (
    BUILDERS,
    convolutions,
    expression,
    line,
    not_finite,
    recurrent,
    square,
)
from tinygrad_gd.pictures import draw
from tinygrad_gd.pictures.forms import FORMS
from tinygrad_gd.pictures.mermaid import EDGES, LETTERS, NODES
from tinygrad_gd.pictures.shapes import Line, Words, shapes_of

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_to_the_byte_and_compares_itself(form: str, tmp_path: Path) -> None:
    if form == "pdf":
        pytest.importorskip("svglib")
    path = tmp_path / f"picture.{form}"
    assert line().differs(path)
    line().save(path)
    assert path.stat().st_size > 200 and not line().differs(path)
    assert square().differs(path)


# -- PDF ------------------------------------------------------------------------------------------------


def test_pdf_needs_no_system_package(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("svglib")
    monkeypatch.setenv("PATH", "")
    pdf = recurrent().render("pdf")
    assert pdf.startswith(b"%PDF") and pdf.rstrip().endswith(b"%%EOF")
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf)
    size = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', recurrent().render("svg"))
    assert box and size and all(abs(float(a) - float(b)) < 1 for a, b in zip(box.groups(), size.groups(), strict=True))


def test_without_its_library_pdf_names_the_command() -> None:
    code = ("import sys; sys.modules['svglib'] = None\nimport tinygrad_gd as tg\n"
            "try: tg.draw(tg.Tensor(1.0) * 2).render('pdf')\nexcept ImportError as error: print(error)")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == 'a PDF picture needs svglib; install it with `pip install "tinygrad_gd[pdf]"`'


# -- TikZ -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [line, not_finite, recurrent, convolutions])
def test_tikz_draws_what_the_svg_shows(build: Any) -> None:
    drawing = build()
    svg, tex = drawing.render("svg"), drawing.render("tex").decode()
    root = ElementTree.fromstring(svg)
    written = [t.text for t in root.iter(f"{SVG}text") if (t.text or "").strip()]
    shapes = list(shapes_of(svg))
    assert [s.text for s in shapes if isinstance(s, Words)] == written
    drawn = [*root.iter(f"{SVG}polygon"), *root.iter(f"{SVG}path"), *root.iter(f"{SVG}polyline")]
    assert len([s for s in shapes if isinstance(s, Line)]) == len(drawn)
    assert tex.count(r"\node[") == len(written)
    width, height = (float(root.get(k, "0").removesuffix("pt")) for k in ("width", "height"))
    for x, y in (point for s in shapes if isinstance(s, Line) for point in s.points):
        assert -1 <= x <= width + 1 and -1 <= y <= height + 1
    plain = re.sub(r"\\.", "", tex)
    assert plain.count("{") == plain.count("}") and tex.count(r"\begin{") == tex.count(r"\end{") == 1


def test_tikz_escapes_what_latex_would_read() -> None:
    w = tg.Tensor(1.0, requires_grad=True, name=r"50%_{a}$\x^2~#&")
    tex = draw(w * 2).render("tex").decode()
    assert r"50\%\_\{a\}\$\textbackslash{}x\textasciicircum{}2\textasciitilde{}\#\&" in tex
    assert not re.search(r"(?<!\\)[$&#]", tex.partition("\n")[2].replace(r"$\pm$", ""))


def test_tikz_has_only_what_any_latex_can_write() -> None:
    w = tg.Tensor(1.0, requires_grad=True, name='"\u91cd\N{GRINNING FACE}\u03b1\u03a9\u03d1\u03e1\u0105\uff03 e\u0301\xab\u0301')
    tex = draw(w * 2).render("tex").decode()
    assert {c for c in tex if not c.isascii()} == {"\xe9"}
    assert r"''U+91CD(grinning face)$\alpha$$\Omega$$\theta$U+03E1a\# " in tex and "U+00AB" in tex
    assert "letters that this form's fonts lack are spelled" in tex and "textquotedbl" not in tex


# -- Mermaid --------------------------------------------------------------------------------------------


def test_mermaid_has_every_box_edge_and_module() -> None:
    drawing = recurrent()
    text = drawing.render("mmd").decode()
    assert text.splitlines()[1] == "flowchart TB"
    assert len(re.findall(r'^n_\w+\["', text, re.M)) == len(drawing.graph.nodes)
    assert len(re.findall(r"^n_\w+ -->", text, re.M)) == len(drawing.graph.edges)
    assert text.count("subgraph") == 1 == len(re.findall("^end$", text, re.M))
    assert 'n_mean["' in text or 'n_loss["' in text


def test_mermaid_takes_names_for_text() -> None:
    w = tg.Tensor(1.0, requires_grad=True, name='"]; click x "javascript:1" <b>*')
    text = draw(w * 2).render("mmd").decode()
    (label,) = re.findall(r'\["(.*?)"\]$', text, re.M)
    assert not set(label.replace("<br>", "")) & set('"<>`|*') and "#34;]; click x" in label


def test_what_github_would_not_show_is_refused() -> None:
    assert (NODES, EDGES, LETTERS) == (280, 450, 45_000)
    x = tg.Tensor(np.ones(8), requires_grad=True)
    for _ in range(300):
        x = x + 1
    with pytest.raises(tg.OptionError, match=r"Mermaid shows up to 280 boxes.*got 300.*fold more"):
        draw(x, fold=False).render("mmd")
    assert draw(x).render("mmd")


# -- JSON -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", BUILDERS)
def test_json_holds_the_picture(build: Any) -> None:
    drawing = build()
    data = json.loads(drawing.render("json"))
    assert data["schema"] == 1 and data["total"] == drawing.graph.total
    ids = [n["id"] for n in data["nodes"]]
    assert ids == [n.id for n in drawing.graph.nodes] and len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9-]+", i) for i in ids) and data["root"] in ids
    frames = [f["id"] for f in data["frames"]]
    assert all(n["frame"] is None or n["frame"] in frames for n in data["nodes"])
    assert all(e["source"] in ids and e["target"] in ids for e in data["edges"])
    assert len(data["edges"]) == len(drawing.graph.edges)


def test_json_says_what_its_docstring_shows() -> None:
    from tinygrad_gd.pictures import record

    data = json.loads(line().render("json"))
    for key in (*data, *data["nodes"][0], *data["edges"][0], "class", "around"):
        assert f'"{key}"' in (record.__doc__ or "")


# -- HTML and words ---------------------------------------------------------------------------------------


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    name = "</pre><script>alert(1)</script>"
    w = tg.Tensor(1.0, requires_grad=True, name=name)
    page = draw(w * 2, theme="dark").render("html").decode()
    assert "default-src 'none'" in page and "<script" not in page and "background: #0F172A" in page
    outside = set(re.findall(r'https?://[^"\s]*', page))
    assert outside <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert page.count("<svg") == 1 and "&lt;script&gt;" in page.partition("<pre>")[2]


@pytest.mark.parametrize("name", ["", " ", "\n\t", "\u3000"])
def test_a_name_that_cannot_be_seen_is_none(name: str) -> None:
    drawing = draw(hidden(name), fold=False)
    (box,) = drawing.graph.nodes
    assert (box.title, box.rows[0].name) == ("_ * 2", "parameter") and "result  _*2 " in str(drawing)


def hidden(name: str) -> tg.Tensor:
    result = tg.Tensor(1.0, requires_grad=True, name=name) * 2
    result.name = name
    return result


@pytest.mark.parametrize("name", ["a\nb\tc", "x" * 5000, "\x1b[31mred", "a\rb"])
def test_a_name_is_on_one_line_and_not_endless_in_letters(name: str) -> None:
    w = tg.Tensor(1.0, requires_grad=True, name=name)
    y = w * 2
    y.name = name
    y.backward()
    text = str(draw(np.sum(y * w)))
    assert len(text.splitlines()) == 6 and max(map(len, text.splitlines())) < 160
    assert all(c.isprintable() for c in text.replace("\n", ""))


def test_those_who_do_not_see_are_told() -> None:
    root = ElementTree.fromstring(expression().render("svg"))
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img" and title is not None and desc is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text == "Computation graph of g"
    assert (desc.text or "").startswith("Computation graph in 25 boxes of g, 24.7041, computed through ")


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_a_theme_is_kept_in_every_form(theme: str) -> None:
    page = {"light": "#ffffff", "dark": "#0f172a", "print": "#ffffff"}[theme]
    drawing = draw(tg.Tensor(1.0, requires_grad=True, name="w") * 2, theme=theme)
    svg = drawing.render("svg").decode().lower()
    assert f'<polygon fill="{page}"' in svg
    red, green, blue = (int(page[i : i + 2], 16) for i in (1, 3, 5))
    assert f"fill={{rgb,255:red,{red};green,{green};blue,{blue}}}" in drawing.render("tex").decode()
