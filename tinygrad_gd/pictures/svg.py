"""What is done to Graphviz's SVG: fonts that browsers have, ids for each copy, words for readers."""

from __future__ import annotations

import re
from html import escape, unescape

from .letters import width

_FONTS = {
    "Helvetica": "Helvetica,Arial,'Liberation Sans',Arimo,sans-serif",
    "Courier": "'Courier New','Liberation Mono',Cousine,monospace",
}


_TEXT = r'<text\b[^>]*>[^<]*</text>\n'
#: The frame of a module and its heading.
_FRAME = re.compile(
    r'(id="([^"]*)" class="cluster\b[^>]*>\s*<title>[^<]*</title>\n(?:<g\b[^>]*><a\b[^>]*>\n)?'
    rf'<(?:path|polygon) fill="([^"]*)"[^>]*? (?:d|points)="([^"]*)"[^>]*/>\n)((?:{_TEXT})+)')
#: Most fonts are narrower than the widest, for which boxes have room.
_USUAL = 0.85


def finish(svg: bytes, token: str, title: str, sentence: str) -> bytes:
    """Name the fonts, say what is shown, put ``token`` before every id, so that two share a page."""
    text = svg.decode()
    for face, families in _FONTS.items():
        text = re.sub(rf'font-family="{face}(,[^"]*)?"', f'font-family="{families}"', text)
    text = re.sub(r' id="(a_)?gd(?=-|&#45;)', rf' id="\g<1>{token}', text)
    said = (f'<title id="{token}-title">{_safe(title)}</title>\n'
            f'<desc id="{token}-desc">{_safe(sentence)}</desc>\n')
    role = f'<svg role="img" aria-labelledby="{token}-title {token}-desc"'
    head, _, body = text.partition("<svg")
    start, _, body = body.partition(">")
    whole = f"{head}{role}{start}>\n{said}{_headings_last(body.lstrip())}"
    return whole.encode("ascii", "xmlcharrefreplace")  # any terminal can print it


def _headings_last(body: str) -> str:
    """Draw the headings of frames over what crosses them, each on a ground of its frame's colour."""
    headings: list[str] = []

    def without_heading(frame: re.Match[str]) -> str:
        before, name, colour, border, texts = frame.groups()
        end = max(float(x) for x in re.findall(r"(-?[\d.]+),", border)) - 1
        grounded = "".join(_on_ground(text, colour, end) for text in re.findall(_TEXT, texts))
        headings.append(f'<g id="{name}&#45;heading">\n{grounded}</g>\n')
        return before

    body = _FRAME.sub(without_heading, body)
    end = body.rfind("</g>")
    return "".join((body[:end], *headings, body[end:]))


def _on_ground(text: str, colour: str, end: float) -> str:
    x, y, size = (float(re.search(rf' {name}="([-\d.]+)"', text)[1])  # type: ignore[index]
                  for name in ("x", "y", "font-size"))
    words = re.sub("<[^>]*>", "", text).rstrip()
    long = _USUAL * width(unescape(words), "Helvetica", round(size), "bold" in text)
    right = min(x + 1 + long, end)
    left, top, bottom = x - 1, y - size, y + 0.3 * size
    corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
    return f'<polygon fill="{colour}" stroke="none" points="{points}"/>\n{text}'


def _safe(text: str) -> str:
    return escape("".join(c if c.isprintable() else " " for c in text)[:1000])
