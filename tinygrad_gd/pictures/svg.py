"""What is done to Graphviz's SVG: fonts that browsers have, ids for each copy, words for readers."""

from __future__ import annotations

import re
from html import escape

_FONTS = {
    "Helvetica": "Helvetica,Arial,'Liberation Sans',Arimo,sans-serif",
    "Courier": "'Courier New','Liberation Mono',Cousine,monospace",
}


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
    whole = f"{head}{role}{start}>\n{said}{body.lstrip()}"
    return whole.encode("ascii", "xmlcharrefreplace")  # any terminal can print it


def _safe(text: str) -> str:
    return escape("".join(c if c.isprintable() else " " for c in text)[:1000])
