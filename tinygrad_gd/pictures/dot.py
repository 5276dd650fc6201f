"""From boxes to Graphviz's language."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from .boxes import Box, Edge, Graph
from .captions import caption
from .figures import number
from .letters import LONGEST, clean, shorten, tip, whole_words, width
from .rows import Row
from .themes import Theme, between

#: Of pictures with more boxes than this the edges are straight, and their crossings not worked on for
#: long: what took a minute for 500 boxes takes a second.
MANY = 300
QUICK = {"nslimit": "1", "nslimit1": "1", "mclimit": "0.1", "splines": "line"}
SANS, MONO = "Helvetica", "Courier"
MARGIN = 14  # points beside a caption, which it may use where a font is wide


def to_dot(graph: Graph, theme: Theme, rankdir: str) -> Any:
    """A `graphviz.Digraph`, the same to the byte for the same graph."""
    import graphviz

    dot = graphviz.Digraph("tinygrad_gd")
    lines = [_cell(line, theme.quiet, SANS, 9, "LEFT", longest=200, room=-MARGIN)
             for line in caption(graph)]
    dot.attr(rankdir=rankdir, newrank="true", nodesep="0.25", ranksep="0.22", pad="0.12",
             bgcolor=theme.page, id="gd-graph", label=_table(lines), labelloc="b", labeljust="l",
             **(QUICK if len(graph.nodes) > MANY else {}))
    dot.attr("node", shape="plain", fontname=SANS, fontsize="10")
    dot.attr("edge", color=theme.edge, penwidth="1.1", arrowsize="0.6", fontname=MONO,
             fontsize="8", fontcolor=theme.quiet)
    _boxes(dot, graph, theme)
    titles = {n.id: n.title for n in graph.nodes}
    for edge in graph.edges:
        dot.edge(edge.source, edge.target, id=f"gd-{edge.source}--{edge.target}",
                 tooltip=tip(f"{titles[edge.source]} -> {titles[edge.target]}"), **{"class": "gd-edge"},
                 **_edge_style(edge, theme))
    return dot


def _boxes(dot: Any, graph: Graph, theme: Theme) -> None:
    """The boxes, those of open modules in clusters."""
    import graphviz

    depth: list[int] = []
    for frame in graph.frames:
        depth.append(depth[frame.around] + 1 if frame.around >= 0 else 0)
    parts = [graphviz.Digraph(f"cluster_{frame.id}") for frame in graph.frames]
    for part, frame, level in zip(parts, graph.frames, depth, strict=True):
        said = (frame.title, frame.word if frame.word != frame.title else "", frame.note)
        words = [word for word in said if word]
        cell = _cell("   ".join(words), theme.quiet, SANS, 9, "LEFT", longest=60)
        part.attr(label=_table([cell]), labeljust="l", labelloc="t", margin="8",
                  style="rounded,filled", color=theme.frame, fillcolor=theme.frames[min(level, 2)],
                  id=f"gd-{frame.id}", tooltip=tip(" : ".join(words)), **{"class": "gd-frame"})
    for node in graph.nodes:
        part = parts[node.cluster] if node.cluster >= 0 else dot
        part.node(node.id, label(node, theme), id=f"gd-{node.id}",
                  **{"class": f"gd-node gd-{node.kind}"}, tooltip=tip(described(node)))
    for part, frame in reversed(list(zip(parts, graph.frames, strict=True))):
        (parts[frame.around] if frame.around >= 0 else dot).subgraph(part)


def _edge_style(edge: Edge, theme: Theme) -> dict[str, str]:
    style = {"label": f" x{edge.times}"} if edge.times > 1 else {}
    if not edge.flows:
        style |= {"color": theme.cut, "style": "dotted"}
    if edge.main:
        style |= {"weight": "20"}
    return style


def label(node: Box, theme: Theme) -> str:
    """The table of one box.

    Each row is a table of its own, so that a long name does not push numbers aside.
    """
    fill, border = theme.kinds.get(node.kind, theme.kinds["op"])
    if node.fill is not None:
        fill = between(theme.scale, node.fill)
    head = [_cell(node.title, theme.text, SANS, 10, "LEFT", bold=True)]
    if node.word:
        head.append(_cell(node.word, border, SANS, 8, "LEFT"))
    if node.shape:
        head.append(_cell(node.shape, theme.quiet, MONO, 9, "RIGHT"))
    rows = [_row(head, fill), *(_leaf(row, node, theme) for row in node.rows)]
    if node.kind in ("module", "many") and node.expression:
        rows.append(_row([_cell(node.expression, theme.text, MONO, 8, "LEFT")]))
    if numbers := _numbers(node, theme):
        rows.append(numbers)
    return (f'<<TABLE BORDER="{2 if node.kind == "loss" else 1}" COLOR="{border}" CELLBORDER="0" '
            f'CELLSPACING="0" CELLPADDING="2" BGCOLOR="{theme.body}">{"".join(rows)}</TABLE>>')


def _numbers(node: Box, theme: Theme) -> str:
    """The last row: value and gradient, or the range of many gradients."""
    if node.sizes:
        low, high = number(min(node.sizes)), number(max(node.sizes))
        text = f"{low} .. {high}" if low != high else low
        return _row([_cell("gradients", theme.quiet, SANS, 8, "LEFT"),
                     _cell(text, theme.gradient, MONO, 9, "RIGHT")])
    if not (node.value or node.grad) or (node.kind == "view" and not node.word):
        return ""
    return _row([_cell(node.value, theme.text, MONO, 9, "LEFT",
                       fill=theme.alarm if "value" in node.alarms else ""),
                 _cell(node.grad, theme.gradient, MONO, 9, "RIGHT",
                       fill=theme.alarm if "grad" in node.alarms else "")])


def _leaf(row: Row, node: Box, theme: Theme) -> str:
    """A row for something that goes in."""
    if row.kind in ("option", "note"):
        color = theme.gradient if row.kind == "note" else theme.quiet
        return _row([_cell(whole_words(row.name, 46), color, SANS, 8, "LEFT")])
    color = {"param": theme.param, "view": theme.quiet}.get(row.kind, theme.given)
    cells = [_cell(whole_words(row.called.removeprefix(node.around)), color, SANS, 9, "LEFT"),
             _cell(row.text, theme.quiet, MONO, 8, "RIGHT")]
    if row.grad:
        alarm = theme.alarm if row.infinite and "rows" in node.alarms else ""
        cells.append(_cell(row.grad, theme.gradient, MONO, 8, "RIGHT", fill=alarm))
    return _row(cells)


def _cell(text: str, color: str, face: str, size: int, align: str, bold: bool = False,
          fill: str = "", longest: int = LONGEST, room: int = 6) -> str:
    """One text run, cleaned, in a cell as wide as it needs and a little more, or less."""
    text = text.replace(" +- ", " \u00b1 ")
    shown = clean(text, longest)
    background = f' BGCOLOR="{fill}"' if fill else ""
    points = max(int(width(shorten(text, longest), face, size, bold)) + room, 1)
    form = f'ALIGN="{align}" WIDTH="{points}"{background}'
    face += "-Bold" if bold else ""
    if not text.strip():  # an empty FONT is an error that leaves out the whole node
        return f"<TD {form}></TD>"
    return f'<TD {form}><FONT FACE="{face}" POINT-SIZE="{size}" COLOR="{color}">{shown}</FONT></TD>'


def _table(cells: list[str]) -> str:
    """Cells below each other, as the label of a frame or of the whole."""
    rows = "".join(f"<TR>{cell}</TR>" for cell in cells)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{rows}</TABLE>>'


def _row(cells: list[str], fill: str = "") -> str:
    """Cells side by side; one fill behind all, so that no seam shows between them."""
    fill = f' BGCOLOR="{fill}"' if fill else ""
    return (f'<TR><TD CELLPADDING="0"{fill}><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" '
            f'CELLPADDING="2"><TR>{"".join(cells)}</TR></TABLE></TD></TR>')


def described(node: Box) -> str:
    """Everything about a box in one line."""
    rows = [" ".join(filter(None, (r.called, r.text, r.grad and f"grad {r.grad}"))) for r in node.rows]
    grad = f"grad {node.grad}" if node.grad else ""
    parts = [node.title, node.word, node.expression, node.shape, node.value, grad, *rows,
             PurePath(node.line).name]
    return ", ".join(p for p in parts if p)
