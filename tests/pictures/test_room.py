"""Each text has the room that it needs, also where a reader has no Helvetica and takes a wider font."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.pictures.drawings import BUILDERS, hostile, lettered, line, recurrent
from tinygrad_gd.pictures.captions import caption

SVG = "{http://www.w3.org/2000/svg}"


def points(text: Any) -> float:
    """How wide a text element is in DejaVu Sans, a fifth wider than Helvetica."""
    matplotlib = pytest.importorskip("matplotlib")
    from matplotlib.ft2font import FT2Font

    face = "Mono" if "Courier" in text.get("font-family") else ""
    bold = "-Bold" if text.get("font-weight") == "bold" else ""
    font = FT2Font(str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"DejaVuSans{face}{bold}.ttf")))
    font.set_size(float(text.get("font-size")) * 64, 72)  # 64 times as large, so that no hinting rounds
    font.set_text("".join(c if ord(c) < 0x250 else "m" for c in text.text))  # it lacks Chinese, emoji
    return float(font.get_width_height()[0]) / 64 / 64


def right_edge(group: Any) -> float:
    """Where the box, the frame or the page ends that texts stand in."""
    first = next(part for part in group.iter() if part.tag in (f"{SVG}polygon", f"{SVG}path"))
    places = (first.get("points") or first.get("d")).replace("M", " ").replace("C", " ").split()
    return max(float(place.partition(",")[0]) for place in places)


def texts_with_edges(root: Any) -> list[tuple[Any, float]]:
    """Every text with the right edge of what it stands in."""
    found = {}
    for group in root.iter(f"{SVG}g"):  # the graph, then what is within
        if (group.get("class") or "").split(" ")[0] in ("graph", "cluster", "node"):
            found |= dict.fromkeys(group.iter(f"{SVG}text"), right_edge(group))
    return [(text, edge) for text, edge in found.items() if (text.text or "").strip()]


@pytest.mark.parametrize("build", [*BUILDERS, lettered])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_no_text_touches_another_or_leaves_its_box(build: Any) -> None:
    texts = texts_with_edges(ElementTree.fromstring(build().render("svg", engine="bundled")))
    assert len(texts) > 6
    ends = [float(text.get("x")) + points(text) for text, _ in texts]
    for (text, edge), end in zip(texts, ends, strict=True):
        assert end + 1 <= edge, text.text
        for other, _ in texts:
            beside = abs(float(other.get("y")) - float(text.get("y"))) < 6
            if beside and float(other.get("x")) > float(text.get("x")):
                assert end + 3 <= float(other.get("x")), f"{text.text} | {other.text}"


@pytest.mark.parametrize("build", [line, recurrent])
def test_the_words_of_a_row_stand_on_one_line(build: Any) -> None:
    texts = texts_with_edges(ElementTree.fromstring(build().render("svg", engine="bundled")))
    heads = [text for text, _ in texts if text.get("font-weight") == "bold"]
    beside = [abs(float(text.get("y")) - float(head.get("y"))) for head in heads for text, _ in texts]
    assert len(heads) > 4 and max(apart for apart in beside if apart < 6) < 1


def test_captions_are_broken_where_their_parts_end() -> None:
    assert caption(recurrent().graph)[:2] == [
        "129 nodes, 4 parameters, 112 numbers;", "steps 1 .. 18 folded: fold=False shows all"]
    assert caption(line().graph)[1] == "value (mean +- deviation); right: d(loss)/d(this) (norm)"
    drawing = hostile()
    drawing.graph.notes.append("word " * 30)
    assert [len(said) <= 64 for said in caption(drawing.graph)] == [True] * 5
