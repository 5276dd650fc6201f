"""What is done to Graphviz's SVG: fonts that browsers have, and ids of its own for each copy."""

from __future__ import annotations

import re

_FONTS = {
    "Helvetica": "Helvetica,Arial,'Liberation Sans',Arimo,sans-serif",
    "Courier": "'Courier New','Liberation Mono',Cousine,monospace",
}


def finish(svg: bytes, token: str) -> bytes:
    """Name the fonts and put ``token`` before every id, so that two pictures share a page."""
    text = svg.decode()
    for face, families in _FONTS.items():
        text = re.sub(rf'font-family="{face}(,[^"]*)?"', f'font-family="{families}"', text)
    return re.sub(r' id="(a_)?gd(?=-|&#45;)', rf' id="\g<1>{token}', text).encode()
