"""PDF, from the SVG: svglib and reportlab draw it, and no system package is needed."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

from ..ground.extras import needed
from .render import size_of


def to_pdf(svg: bytes) -> bytes:
    """One page as large as the picture, the same to the byte each time."""
    reader = needed("svglib.svglib", "pdf", "a PDF picture")
    writer: Any = needed("reportlab.graphics.renderPDF", "pdf", "a PDF picture")
    # svglib knows the first family only, and each PDF reader has these two
    plain = re.sub(rb"font-family=\"(Helvetica|'Courier)[^\"]*\"", lambda found: b'font-family="%s"' % (
        b"Helvetica" if found[1] == b"Helvetica" else b"Courier"), svg)
    drawn = reader.svg2rlg(BytesIO(plain))
    width, height = size_of(svg)
    drawn.scale(width / drawn.width, height / drawn.height)  # its versions differ in what a point is
    drawn.width, drawn.height = width, height
    return bytes(writer.drawToString(drawn, invariant=1))
