"""`draw` and the `Drawing` it returns."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import DTypeError, OptionError, describe
from ..tensor import Tensor
from .dot import to_dot
from .graph import Graph, graph_of
from .render import RenderError, render

TOO_MANY = 10_000


class Drawing:
    """A picture of a graph: print it, save it, or leave it at the end of a notebook cell."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @cached_property
    def dot(self) -> Any:
        """The graph as a `graphviz.Digraph`, which may be changed before rendering."""
        return to_dot(self.graph)

    def render(self, form: str) -> bytes:
        """The picture as ``svg``, ``png`` or ``pdf``."""
        nodes, edges = len(self.graph.nodes), len(self.graph.edges)
        if nodes > TOO_MANY:
            raise OptionError(f"draw: {nodes} nodes are more than {TOO_MANY}; draw a tensor nearer "
                              "to the inputs, or print the drawing for a summary")
        return render(self.dot.source, form, nodes, edges)

    def save(self, path: str | Path) -> Path:
        """Write ``.svg``, ``.png``, ``.pdf`` or ``.dot``, by the ending of ``path``."""
        path = Path(path)
        form: str = path.suffix.lstrip(".").lower()
        if form == "dot":
            path.write_text(self.dot.source, encoding="utf-8")
        elif form in ("svg", "png", "pdf"):
            path.write_bytes(self.render(form))
        else:
            raise OptionError(f"save: expected a path ending in .svg, .png, .pdf or .dot, got {path}")
        return path

    def __str__(self) -> str:
        nodes = self.graph.nodes
        if len(nodes) > 60:
            return f"graph of {len(nodes)} nodes and {len(self.graph.edges)} edges; .save('g.svg')"
        sources: dict[str, list[str]] = {}
        for source, target, times in self.graph.edges:
            sources.setdefault(target, []).append(source + (f" x{times}" if times > 1 else ""))
        rows = []
        for n in nodes:
            made = f"{n.word}({', '.join(sources[n.id])})" if n.id in sources else n.kind
            grad = f"  grad {n.grad}" if n.grad else ""
            rows.append((n.id, n.name, made, str(n.shape) if n.shape else "scalar", n.value + grad))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        return "\n".join("  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[4]])
                         for row in rows)

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What notebooks show: SVG, else the text with the reason."""
        try:
            return {"image/svg+xml": self.render("svg").decode(), "text/plain": str(self)}
        except (RenderError, OptionError, ImportError) as error:
            return {"text/plain": f"{self}\n({error})"}


def draw(tensor: Tensor) -> Drawing:
    """The graph that ``tensor`` was computed from, with values and gradients.

    >>> import tinygrad_gd as tg
    >>> a = tg.Tensor(3.0, requires_grad=True, name="a")
    >>> print(draw(a * a))
    n0  a         param            scalar  3.0000
    n1  multiply  multiply(n0 x2)  scalar  9.0000
    """
    if not isinstance(tensor, Tensor):
        raise DTypeError(f"draw: expected a Tensor, got {describe(tensor)}")
    return Drawing(graph_of(tensor))
