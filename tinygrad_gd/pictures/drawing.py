"""The `Drawing` that `draw` returns."""

from __future__ import annotations

import sys
from base64 import b64encode
from dataclasses import replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any
from zlib import crc32

from ..errors import OptionError
from .boxes import Graph
from .captions import SPELLED, result_of, sentence
from .dot import MANY, to_dot
from .folding import LIMIT
from .forms import FORMS
from .letters import either, spelled
from .render import DPI, Expected, RenderError, render, size_laid_out, size_of
from .svg import finish
from .text import BLOCKS, PLAIN, to_text
from .themes import THEMES
from .xdot import to_xdot

NOTEBOOK_DPI, NOTEBOOK_PIXELS = 96, 4_000_000
_copies = count(1)


class Drawing:
    """A picture of a graph: print it, save it, or leave it at the end of a notebook cell.

    Parameters
    ----------
    graph : what to draw: its ``nodes``, ``edges`` and ``frames``, and totals.
    rankdir : "TB" (downwards) or "LR" (to the right), or "BT" or "RL".
    theme : "light", "dark" or "print".
    """

    graph: Graph

    def __init__(self, graph: Graph, rankdir: str = "TB", theme: str = "light") -> None:
        self.graph = graph
        self.rankdir = rankdir
        self.theme = theme

    @cached_property
    def dot(self) -> Any:
        """The graph as a `graphviz.Digraph`, which may be changed before rendering."""
        return self._fresh_dot()

    def _fresh_dot(self, graph: Graph | None = None) -> Any:
        return to_dot(graph or self.graph, THEMES[self.theme], self.rankdir)

    def render(self, form: str, engine: str = "auto", dpi: float = DPI) -> bytes:
        """The picture in one of the forms that `save` knows, such as ``"svg"``.

        ``engine`` is "auto" ($TINYGRAD_GD_DOT, the one that came with pip, then the system's dot) or
        "bundled", which never looks for others. The same graph gives the same bytes.
        """
        if form not in FORMS:
            raise OptionError(f"render: expected {either(list(FORMS))}, got {form!r}")
        if engine not in ("auto", "bundled"):
            raise OptionError(f"render: engine is 'auto' or 'bundled', got {engine!r}; a program of "
                              "your own goes into the environment variable TINYGRAD_GD_DOT")
        if not 1 <= dpi <= 10_000:
            raise OptionError(f"render: dpi is a number of dots per inch from 1 to 10,000, got {dpi!r}")
        return FORMS[form](self, engine, dpi)

    def laid_out(self, form: str, engine: str, dpi: float, plain: bool = False) -> bytes:
        """What a layout engine makes of the graph, checked to be complete.

        ``plain`` spells letters that the fonts of PNG, PDF and LaTeX lack.
        """
        if len(self.graph.nodes) > LIMIT:
            raise RenderError(f"{len(self.graph.nodes):,} boxes are too many to be laid out, {LIMIT:,} "
                              "are the most: leave out fold=False, draw what is near a tensor with "
                              "focus=, or the last operations with last=; print(drawing) and .json "
                              "need no layout")
        source = self.dot.source
        untouched = source == self._fresh_dot().source
        if plain and spelled(source) != source:
            said = replace(self.graph, notes=[*self.graph.notes, SPELLED])
            source = spelled(self._fresh_dot(said).source if untouched else source)
        expected = Expected(len(self.graph.nodes), len(self.graph.edges)) if untouched else None
        # what a user adds may have shapes that we do not know, and of many shapes it takes very long
        ours = untouched and len(self.graph.nodes) <= MANY
        redrawn = (lambda svg: to_xdot(self._finished(svg))) if ours else None
        return render(source, form, expected, engine, dpi, redrawn)

    def _finished(self, svg: bytes, token: str = "gd") -> bytes:
        return finish(svg, token, self.title, sentence(self.graph))

    @property
    def title(self) -> str:
        """The picture in a few words."""
        return f"Computation graph of {result_of(self.graph).title}"

    def svg(self, engine: str = "auto", token: str = "gd", plain: bool = False) -> bytes:
        """The picture as SVG, with ``token`` before every id in it."""
        return self._finished(self.laid_out("svg", engine, DPI, plain), token)

    @property
    def size(self) -> tuple[float, float] | None:
        """Width and height in points; nothing where the bundled engine cannot lay it out."""
        boxes, edges = len(self.graph.nodes), len(self.graph.edges)
        source = self._fresh_dot().source
        return size_laid_out(source, Expected(boxes, edges)) if boxes <= LIMIT else None

    def save(self, path: str | Path, engine: str = "auto", dpi: float = DPI) -> Path:
        """Write the picture in the form that the ending of ``path`` says, as in ``"loss.svg"``.

        Forms are svg, png, pdf, dot, mmd (Mermaid), tex (TikZ), html, json and txt.
        """
        path = Path(path)
        path.write_bytes(self.render(self._form_of("save", path), engine, dpi))
        return path

    def differs(self, path: str | Path, engine: str = "auto") -> bool:
        """Whether the file holds something else than `save` would write, or is not there."""
        path = Path(path)
        form = self._form_of("differs", path)
        return not path.is_file() or path.read_bytes() != self.render(form, engine)

    def _form_of(self, caller: str, path: Path) -> str:
        form = path.suffix.lstrip(".").lower()
        if form not in FORMS:
            raise OptionError(f"{caller}: expected a path ending in "
                              f"{either([f'.{f}' for f in FORMS])}, got {path}")
        return form

    def __str__(self) -> str:
        """The picture in letters that the terminal has."""
        return to_text(self.graph, BLOCKS if _is_written(BLOCKS) else PLAIN)

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What notebooks show: SVG; where that is not trusted, a PNG; else the text.

        No HTML: an untrusted notebook would show it as a heap of words.
        """
        bundle: dict[str, Any] = {"text/plain": str(self)}
        try:
            digest = crc32(self.dot.source.encode())  # numbers begin anew where a kernel is restarted
            svg = self.svg(token=f"gd{next(_copies)}x{digest:08x}")
            bundle["image/svg+xml"] = svg.decode()
            width, height = (side * NOTEBOOK_DPI / 72 for side in size_of(svg))
            if width * height < NOTEBOOK_PIXELS:
                png = self.laid_out("png", "auto", NOTEBOOK_DPI, plain=True)
                bundle["image/png"] = b64encode(png).decode()
        except Exception as error:  # a notebook must never fail at showing something
            bundle["text/plain"] += f"\n(no picture: {error})"
        return {mime: data for mime, data in bundle.items()
                if (not include or mime in include) and mime not in (exclude or ())}


def _is_written(letters: str) -> bool:
    """Whether the terminal, or what stands for it, can write these letters."""
    try:
        letters.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
