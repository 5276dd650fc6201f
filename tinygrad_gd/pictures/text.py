"""The picture in letters: a table in which every node is one line."""

from __future__ import annotations

from .dot import KINDS, columns_of, overwritten, shorten, totals
from .graph import Box, Graph

LINES, LAST_LINES = 60, 20  # of a graph with more lines, only the last are printed
_HEADS = ("node", "made by", "shape", "value", "grad")


def to_text(graph: Graph) -> str:
    """Columns for name, operation, shape, value and gradient, and a line of totals."""
    shown = [n for n in graph.nodes if n.kind != "fold"]
    if graph.total > LINES:
        shown = shown[-LAST_LINES:]
    names = _references(graph.nodes)
    rows = [_HEADS, *(_cells(n, names) for n in shown)]
    if not any(row[4] for row in rows[1:]):
        rows = [row[:4] for row in rows]
    widths = [max(columns_of(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell + " " * (w - columns_of(cell)) for cell, w in zip(row, widths, strict=True))
             .rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * w for w in widths))
    if earlier := graph.total - len(shown):
        lines.insert(2, f"... {earlier:,} earlier nodes")
    return "\n".join([*lines, "", *totals(graph), *overwritten(graph)])


def _cells(node: Box, names: dict[str, str]) -> tuple[str, ...]:
    called = [*(names.get(i, i) for i in node.inputs), *node.options.split()]
    made = f"{node.operation}({', '.join(called)})" if node.operation else KINDS[node.kind][3]
    return names[node.id], made, node.shape, node.value, node.grad


def _references(nodes: list[Box]) -> dict[str, str]:
    """How to call each node in one word: its name if no other has it, else its number."""
    taken: dict[str, int] = {}
    for node in nodes:
        taken[node.name] = taken.get(node.name, 0) + 1
    return {n.id: shorten(n.name) if n.name and taken[n.name] == 1 else
            f"{shorten(n.name)}:{n.id}" if n.name else n.id for n in nodes}
