"""Each text has the room that it needs, also where a reader has no Helvetica and takes a wider font."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import tinygrad_gd as tg
from tests.pictures.drawings import BUILDERS, hostile, lettered, line, recurrent, six_blocks
from tinygrad_gd.pictures.captions import caption
from tinygrad_gd.pictures.letters import width

SVG = "{http://www.w3.org/2000/svg}"
SIZE = 1024  # so large that no hinting rounds


@cache
def font_of(face: str, bold: bool) -> Any:
    """DejaVu Sans, a fifth wider than Helvetica."""
    matplotlib = pytest.importorskip("matplotlib")
    from matplotlib.ft2font import FT2Font

    name = f"DejaVuSans{'Mono' if face == 'Courier' else ''}{'-Bold' if bold else ''}.ttf"
    font = FT2Font(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)))
    font.set_size(SIZE, 72)
    return font


def ems(font: Any, letter: str) -> float:
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536 / SIZE


def points(text: Any) -> float:
    """How wide a text element is where a reader has that font."""
    font = font_of("Courier" if "Courier" in text.get("font-family") else "", text.get("font-weight") == "bold")
    there = font.get_charmap()
    return sum(ems(font, c) if ord(c) in there else 1.0 for c in text.text) * float(text.get("font-size"))


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
def test_no_text_touches_another_or_leaves_its_box(build: Any) -> None:
    no_text_touches(build())


def no_text_touches(drawing: Any) -> None:
    texts = texts_with_edges(ElementTree.fromstring(drawing.render("svg", engine="bundled")))
    assert len(texts) > 6
    ends = [float(text.get("x")) + points(text) for text, _ in texts]
    for (text, edge), end in zip(texts, ends, strict=True):
        assert end + 1 <= edge, text.text
        for other, _ in texts:
            beside = abs(float(other.get("y")) - float(text.get("y"))) < 6
            if beside and float(other.get("x")) > float(text.get("x")):
                assert end + 3 <= float(other.get("x")), f"{text.text} | {other.text}"


#: Names of signs and letters that are measured.
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "HEBREW", "ARABIC LETTER", "DIGIT", "MATHEMATICAL", "CIRCLED",
           "SCRIPT", "ROMAN NUMERAL", "VULGAR FRACTION", "PLUS", "MULTIPLICATION", "LEFTWARDS", "PER MILLE")


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_letter_is_measured_as_wide_as_it_may_be(script: str, bold: bool) -> None:
    font = font_of("", bold)
    letters = [c for c in map(chr, font.get_charmap()) if unicodedata.name(c, "").startswith(script)]
    assert letters
    narrow = {c: ems(font, c) for c in letters if ems(font, c) > width(c, "Helvetica", 1, bold) + 0.005}
    assert not narrow


@pytest.mark.parametrize("letter", "MWm\u0416\u0429\u042e\u03a9\u0634\u4e2d\ud55c\u0152\xbd\N{GRINNING FACE}")
def test_twenty_wide_letters_are_a_name(letter: str) -> None:
    """As the name of what goes in and, in bold, of what comes out."""
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name=letter * 20)
    y = x * 3
    y.name = letter * 20
    no_text_touches(y.sum().draw(fold=False))


@pytest.mark.parametrize("build", [line, recurrent])
def test_the_words_of_a_row_stand_on_one_line(build: Any) -> None:
    texts = texts_with_edges(ElementTree.fromstring(build().render("svg", engine="bundled")))
    heads = [text for text, _ in texts if text.get("font-weight") == "bold"]
    beside = [abs(float(text.get("y")) - float(head.get("y"))) for head in heads for text, _ in texts]
    assert len(heads) > 4 and max(apart for apart in beside if apart < 6) < 1


def test_captions_are_broken_where_their_parts_end() -> None:
    assert caption(recurrent().graph)[:2] == [
        "129 nodes, 4 parameters, 112 numbers;", "steps 1 .. 18, step 19 folded: fold=False shows all"]
    assert caption(line().graph)[1] == "value (mean +- deviation); right: d(loss)/d(this) (norm)"
    assert caption(six_blocks().graph)[1:3] == ["blocks.1, blocks.2 .. blocks.4,", "blocks.5 folded: fold=False shows all"]
    drawing = hostile()
    drawing.graph.notes.append("word " * 30)
    assert [len(said) <= 64 for said in caption(drawing.graph)] == [True] * 5
