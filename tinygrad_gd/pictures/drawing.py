"""`draw` and the `Drawing` it returns."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, describe
from ..ground.checks import check_integer
from .dot import rankdir_of, to_dot
from .graph import Graph, graph_of
from .render import DPI, Expected, render, size_of
from .svg import finish
from .text import to_text

FULL_DETAIL = 150  # nodes; of larger graphs only names and shapes are drawn, unless asked for
NOTEBOOK_DPI, NOTEBOOK_PIXELS = 96, 4_000_000
_copies = count(1)


class Drawing:
    """A picture of a graph: print it, save it, or leave it at the end of a notebook cell.

    Parameters
    ----------
    graph : what to draw.
    detail : "shape", "full" (values and gradients, too), or None to choose by size.
    rankdir : "TB" (downwards), "LR" (to the right), or None: LR for small graphs of scalars.
    """

    def __init__(self, graph: Graph, detail: str | None = None, rankdir: str | None = None) -> None:
        for option, value, known in (("detail", detail, ("shape", "full")),
                                     ("rankdir", rankdir, ("TB", "LR", "BT", "RL"))):
            if value is not None and value not in known:
                raise OptionError(f"draw: {option} is one of {', '.join(known)}; got {value!r}")
        self.graph = graph
        self.detail = detail or ("full" if len(graph.nodes) <= FULL_DETAIL else "shape")
        self.rankdir = rankdir or rankdir_of(graph)

    @cached_property
    def dot(self) -> Any:
        """The graph as a `graphviz.Digraph`, which may be changed before rendering."""
        return self._fresh_dot()

    def _fresh_dot(self) -> Any:
        return to_dot(self.graph, self.detail, self.rankdir)

    def render(self, form: str, engine: str = "auto", dpi: float = DPI) -> bytes:
        """The picture in one of the `FORMS`: ``svg``, ``png``, ``pdf`` or ``dot``.

        ``engine`` is "auto" ($TINYGRAD_GD_DOT, the system's dot, then the one that came with pip)
        or "bundled", which gives the same bytes everywhere.
        """
        if form not in FORMS:
            raise OptionError(f"render: expected {_either(FORMS)}, got {form!r}")
        if engine not in ("auto", "bundled"):
            raise OptionError(f"render: engine is 'auto' or 'bundled', got {engine!r}; a program of "
                              "your own goes into the environment variable TINYGRAD_GD_DOT")
        if not 1 <= dpi <= 10_000:
            raise OptionError(f"render: dpi is a number of dots per inch from 1 to 10,000, got {dpi!r}")
        return FORMS[form](self, engine, dpi)

    def laid_out(self, form: str, engine: str, dpi: float) -> bytes:
        """What a layout engine makes of the graph, checked to be complete."""
        source = self.dot.source
        untouched = source == self._fresh_dot().source
        expected = Expected(len(self.graph.nodes) + 1, len(self.graph.edges)) if untouched else None
        return render(source, form, expected, engine, dpi)

    def save(self, path: str | Path, engine: str = "auto", dpi: float = DPI) -> Path:
        """Write one of the `FORMS`, by the ending of ``path``, as in ``"loss.svg"``."""
        path = Path(path)
        form = path.suffix.lstrip(".").lower()
        if form not in FORMS:
            raise OptionError(f"save: expected a path ending in {_either(f'.{f}' for f in FORMS)}, "
                              f"got {path}")
        path.write_bytes(self.render(form, engine, dpi))
        return path

    def __str__(self) -> str:
        return to_text(self.graph)

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What notebooks show: SVG; where that is not trusted, a PNG; else the text.

        No HTML: an untrusted notebook would show it as a heap of words.
        """
        bundle: dict[str, Any] = {"text/plain": str(self)}
        try:
            svg = finish(self.laid_out("svg", "auto", DPI), f"gd{next(_copies)}")
            bundle["image/svg+xml"] = svg.decode()
            width, height = (side * NOTEBOOK_DPI / 72 for side in size_of(svg))
            if width * height < NOTEBOOK_PIXELS:
                png = self.laid_out("png", "auto", NOTEBOOK_DPI)
                bundle["image/png"] = b64encode(png).decode()
        except Exception as error:  # a notebook must never fail at showing something
            bundle["text/plain"] += f"\n(no picture: {error})"
        return {mime: data for mime, data in bundle.items()
                if (not include or mime in include) and mime not in (exclude or ())}


#: How a drawing becomes bytes, by the ending of its file.
FORMS: dict[str, Callable[[Drawing, str, float], bytes]] = {
    "svg": lambda drawing, engine, dpi: finish(drawing.laid_out("svg", engine, dpi), "gd"),
    "png": lambda drawing, engine, dpi: drawing.laid_out("png", engine, dpi),
    "pdf": lambda drawing, engine, dpi: drawing.laid_out("pdf", engine, dpi),
    "dot": lambda drawing, engine, dpi: drawing.dot.source.encode(),
}


def _either(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}"


def drawing_of(tensor: Tensor, detail: str | None, rankdir: str | None, last: int | None) -> Drawing:
    """What `draw` does."""
    if not isinstance(tensor, Tensor):
        raise DTypeError(f"draw: expected a Tensor, got {describe(tensor)}")
    if last is not None:
        check_integer("draw: last, the number of nodes,", last, 1, wrong_type=OptionError)
    return Drawing(graph_of(tensor, last), detail, rankdir)
