"""PDF, from the SVG: svglib and reportlab draw it, and no system package is needed."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

from ..ground.extras import needed


def to_pdf(svg: bytes) -> bytes:
    """One page as large as the picture, the same to the byte each time."""
    reader = needed("svglib.svglib", "pdf", "a PDF picture")
    writer: Any = needed("reportlab.graphics.renderPDF", "pdf", "a PDF picture")
    # svglib knows the first family only, and takes a length without unit for points
    plain = re.sub(rb"font-family=\"(Helvetica|'Courier)[^\"]*\"", lambda found: b'font-family="%s"' % (
        b"Helvetica" if found[1] == b"Helvetica" else b"Courier"), svg)
    size = rb'width="([\d.]+)pt" height="([\d.]+)pt"'
    plain = re.sub(size, rb'width="\1" height="\2"', plain, count=1)
    return bytes(writer.drawToString(reader.svg2rlg(BytesIO(plain)), invariant=1))
