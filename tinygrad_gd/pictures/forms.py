"""How a drawing becomes bytes, by the ending of its file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .mermaid import to_mermaid
from .page import to_html
from .pdf import to_pdf
from .record import to_json
from .text import to_text
from .themes import THEMES
from .tikz import to_tikz

if TYPE_CHECKING:
    from .drawing import Drawing


def _pdf(drawing: Drawing, engine: str, dpi: float) -> bytes:
    return to_pdf(drawing.svg(engine, plain=True))


def _tikz(drawing: Drawing, engine: str, dpi: float) -> bytes:
    return to_tikz(drawing.svg(engine, plain=True), drawing.title).encode()


def _html(drawing: Drawing, engine: str, dpi: float) -> bytes:
    theme = THEMES[drawing.theme]
    return to_html(drawing.svg(engine), to_text(drawing.graph), drawing.title, theme).encode()


def _mermaid(drawing: Drawing, engine: str, dpi: float) -> bytes:
    return to_mermaid(drawing.graph, THEMES[drawing.theme], drawing.rankdir).encode()


#: Each is given the drawing, the engine and the dots per inch, of which most need less.
FORMS: dict[str, Callable[[Drawing, str, float], bytes]] = {
    "svg": lambda drawing, engine, dpi: drawing.svg(engine),
    "png": lambda drawing, engine, dpi: drawing.laid_out("png", engine, dpi, plain=True),
    "pdf": _pdf,
    "dot": lambda drawing, engine, dpi: drawing.dot.source.encode(),
    "mmd": _mermaid,
    "tex": _tikz,
    "html": _html,
    "json": lambda drawing, engine, dpi: to_json(drawing.graph).encode(),
    "txt": lambda drawing, engine, dpi: f"{to_text(drawing.graph)}\n".encode(),
}
