"""From the neutral graph to Graphviz's language, in the project's colours."""

from __future__ import annotations

from html import escape
from typing import Any

from .graph import Graph, Node

#: kind -> (fill, border, word in the legend)
KINDS = {
    "input": ("#D7F0E6", "#006B50", "input"),
    "const": ("#D7F0E6", "#006B50", "constant"),
    "param": ("#D6E8F7", "#005A94", "parameter"),
    "op": ("#F1F5F9", "#475569", "operation"),
    "act": ("#FCEFCF", "#8A5A00", "activation"),
    "red": ("#F3E3EE", "#8E3B73", "reduction"),
    "view": ("#FFFFFF", "#64748B", "view"),
    "loss": ("#FBDDCB", "#A03A00", "result"),
}
TEXT, QUIET, GRADIENT, ALARM = "#0F172A", "#64748B", "#B42318", "#FEE2E2"
LONGEST = 40


def clean(text: str) -> str:
    """Safe inside an HTML label: no control characters, escaped, not endless."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return escape(text if len(text) <= LONGEST else text[: LONGEST - 3] + "...")


def _cell(text: str, color: str, face: str, size: int, align: str, bold: bool = False) -> str:
    width = int(len(text) * size * (0.602 if face == "Courier" else 0.62)) + 8
    shown = f"<B>{text}</B>" if bold else text
    return (f'<TD ALIGN="{align}" WIDTH="{width}"><FONT FACE="{face}" POINT-SIZE="{size}" '
            f'COLOR="{color}">{shown}</FONT></TD>')


def label(node: Node) -> str:
    """The table of one node: a header with name and kind, then shape, value and gradient."""
    fill, border, _ = KINDS[node.kind]
    word = node.word if node.word != node.name else node.kind
    header = (_cell(clean(node.name), TEXT, "Helvetica", 10, "LEFT", bold=True)
              + _cell(clean(word), border, "Helvetica", 8, "RIGHT"))
    rows = [f'<TR>{header}</TR>'.replace("<TD ", f'<TD BGCOLOR="{fill}" ')]
    shape = str(node.shape) if node.shape else "scalar"
    for key, value, color in (("shape", shape, TEXT), ("value", node.value, TEXT),
                              ("grad", node.grad, GRADIENT)):
        if value:
            row = (_cell(key, QUIET, "Helvetica", 8, "LEFT")
                   + _cell(value, color, "Courier", 10, "RIGHT"))
            if "nan" in value or "inf" in value or "not finite" in value:
                row = row.replace("<TD ", f'<TD BGCOLOR="{ALARM}" ')
            rows.append(f"<TR>{row}</TR>")
    return (f'<<TABLE BORDER="1" COLOR="{border}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" '
            f'BGCOLOR="#FFFFFF">{"".join(rows)}</TABLE>>')


def to_dot(graph: Graph) -> Any:
    """A `graphviz.Digraph`, the same to the byte for the same graph."""
    import graphviz

    scalars = len(graph.nodes) <= 60 and all(n.shape == () for n in graph.nodes)
    dot = graphviz.Digraph("tinygrad_gd")
    dot.attr(rankdir="LR" if scalars else "TB", newrank="true", nodesep="0.25", ranksep="0.35",
             pad="0.2", bgcolor="#FFFFFF")
    dot.attr("node", shape="plain", fontname="Helvetica", fontsize="10")
    dot.attr("edge", color="#64748B", penwidth="1.1", arrowsize="0.6", fontname="Courier",
             fontsize="8", fontcolor="#64748B")
    kind_of = {n.id: n.kind for n in graph.nodes}
    for node in graph.nodes:
        dot.node(node.id, label(node), id=f"gd-{node.id}",
                 **{"class": f"gd-node gd-{node.kind}"}, tooltip=clean(node.name))
    for source, target, times in graph.edges:
        style = {"color": "#7FB0D8"} if kind_of[source] == "param" else {}
        dot.edge(source, target, label=f"x{times}" if times > 1 else None, **style)
    return dot
