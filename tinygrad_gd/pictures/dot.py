"""From the neutral graph to Graphviz's language, in the project's colours."""

from __future__ import annotations

import unicodedata
from html import escape
from typing import Any

from .figures import is_alarm
from .graph import Box, Edge, Graph

#: kind -> (fill, border, word in the node, words in the legend)
KINDS = {
    "input": ("#D7F0E6", "#006B50", "input", "input"),
    "const": ("#D7F0E6", "#006B50", "const", "constant"),
    "param": ("#D6E8F7", "#005A94", "param", "parameter"),
    "op": ("#F1F5F9", "#475569", "op", "operation"),
    "act": ("#FCEFCF", "#8A5A00", "act", "activation"),
    "red": ("#F3E3EE", "#8E3B73", "red", "reduction"),
    "view": ("#FFFFFF", "#64748B", "view", "view"),
    "loss": ("#FBDDCB", "#A03A00", "result", "result"),
    "fold": ("#E3E6FB", "#4650B8", "hidden", "not drawn"),
}
TEXT, QUIET, GRADIENT, ALARM = "#0F172A", "#64748B", "#B42318", "#FEE2E2"
DATA_EDGE, PARAMETER_EDGE, CUT_EDGE = "#64748B", "#7FB0D8", "#94A3B8"
LONGEST = 40
SCALARS = 60  # so many nodes, all scalars, are drawn from left to right


#: Of graphs with more nodes than this the edges are straight, and their crossings not worked on for
#: long: what took a minute for 500 nodes takes a second.
MANY = 300
QUICK = {"nslimit": "1", "nslimit1": "1", "mclimit": "0.1", "splines": "line"}


def shorten(text: str, longest: int = LONGEST) -> str:
    """One line without control characters, and not endless: the middle goes, as paths end in a name.

    >>> shorten("a\\x01b"), shorten("encoder.layers.11.attention.weight", 20)
    ('a b', 'encoder....on.weight')
    """
    text = "".join(c if c.isprintable() else " " for c in text)
    half = (longest - 3) // 2
    return text if len(text) <= longest else f"{text[:half]}...{text[half + 3 - longest:]}"


def whole_words(text: str, longest: int = LONGEST) -> str:
    """As many words as fit, and dots for the others.

    >>> whole_words("stride=(1,1) dilation=(1,1) groups=1", 32)
    'stride=(1,1) dilation=(1,1) ...'
    """
    return text if len(text) <= longest else f"{text[: longest - 3].rpartition(' ')[0]} ..."


def clean(text: str, longest: int = LONGEST) -> str:
    """Safe inside an HTML label.

    >>> clean("<b>")
    '&lt;b&gt;'
    """
    text = escape(shorten(text, longest))
    return text.replace("\\", "\\\\")  # Graphviz takes \N for the node's id


def width(text: str, face: str, size: int, bold: bool = False) -> int:
    """Points that a text needs with any font of that face, so that no engine measures too little."""
    em = 0.602 if face == "Courier" else 0.62 if bold else 0.58
    return int((len(text) * em + (columns_of(text) - len(text)) * 0.47) * size) + 8


def _tip(text: str) -> str:
    """The same for a tooltip, in which Graphviz reads escapes twice."""
    return clean(text, 400).replace("\\", "\\\\")


def columns_of(text: str) -> int:
    """Columns in a terminal: two for each wide letter, as in Chinese."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _cell(text: str, color: str, face: str, size: int, align: str, bold: bool = False) -> str:
    """One text run, cleaned, in a cell as wide as it needs."""
    shown = clean(text)
    form = f'ALIGN="{align}" WIDTH="{width(shorten(text), face, size, bold)}"'
    run = f"<B>{shown}</B>" if bold else shown
    if not text.strip():  # an empty FONT is an error that leaves out the whole node
        return f"<TD {form}></TD>"
    return f'<TD {form}><FONT FACE="{face}" POINT-SIZE="{size}" COLOR="{color}">{run}</FONT></TD>'


def _row(left: str, right: str, fill: str = "") -> str:
    """Two cells at the edges of a node; one fill behind both, so that no seam shows between them."""
    fill = f' BGCOLOR="{fill}"' if fill else ""
    return (f'<TR><TD CELLPADDING="0"{fill}><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" '
            f'CELLPADDING="3"><TR>{left}{right}</TR></TABLE></TD></TR>')


def _entry(key: str, value: str, color: str = TEXT, face: str = "Courier", size: int = 10) -> str:
    return _row(_cell(key, QUIET, "Helvetica", 8, "LEFT"), _cell(value, color, face, size, "RIGHT"),
                ALARM if is_alarm(value) else "")


def label(node: Box, detail: str) -> str:
    """The table of one node: name and kind, then options, shape, value and gradient.

    Each row is a table of its own, so that a long name does not push the numbers aside.
    """
    fill, border, word, _ = KINDS[kind_of(node)]
    call = node.operation + operands(node)
    title, word = (node.name, call or word) if node.name else (call or node.kind, word)
    rows = [_row(_cell(title, TEXT, "Helvetica", 10, "LEFT", bold=True),
                 _cell("" if word == title else word, border, "Helvetica", 8, "RIGHT"), fill)]
    if node.options:
        rows.append(_entry("with", whole_words(node.options), QUIET, "Helvetica", 8))
    if node.shape:
        rows.append(_entry("shape", node.shape))
    if detail == "full" and node.value:
        rows.append(_entry("value", node.value))
    if detail == "full" and node.grad:
        rows.append(_entry("grad", node.grad, GRADIENT))
    return (f'<<TABLE BORDER="1" COLOR="{border}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" '
            f'BGCOLOR="#FFFFFF">{"".join(rows)}</TABLE>>')


def kind_of(node: Box) -> str:
    """The kind that decides the colours; a primitive may have one of its own."""
    return node.kind if node.kind in KINDS else "op"


def operands(node: Box) -> str:
    """``(1, _)`` for ``1 - x``: where the plain numbers stand, if there are any."""
    numbers = [x for x in node.inputs if x[0] != "n" and x != "None"]
    if not numbers:
        return ""
    return f"({', '.join(x if x in numbers else '_' for x in node.inputs)})"


def legend(graph: Graph, detail: str, columns: int) -> str:
    """One table of what is there, and of nothing else."""
    kinds = {kind_of(n) for n in graph.nodes}
    entries = []
    for kind, (fill, border, _, word) in KINDS.items():
        if kind == "input" and {"input", "const"} <= kinds:  # one colour for both
            kinds.remove("const")
            word = "input, constant"
        if kind in kinds:
            entries.append(_swatch(fill, border) + _words(word))
    if any(n.grad for n in graph.nodes) and detail == "full":
        entries.append(_mark("0.0", GRADIENT) + _words("gradient"))
    if any(not e.flows for e in graph.edges):
        entries.append(_mark("....", CUT_EDGE) + _words("no gradient"))
    rows = [entries[i : i + columns] for i in range(0, len(entries), columns)]
    body = "".join(f"<TR>{''.join(row)}</TR>" for row in rows)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="2">{body}</TABLE>>'


def _swatch(fill: str, border: str) -> str:
    return (f'<TD WIDTH="26"><TABLE BORDER="1" COLOR="{border}" CELLBORDER="0" CELLSPACING="0" '
            f'BGCOLOR="{fill}"><TR><TD WIDTH="12" HEIGHT="8" FIXEDSIZE="TRUE"></TD></TR></TABLE></TD>')


def _mark(text: str, color: str) -> str:
    return f'<TD WIDTH="26"><FONT FACE="Courier" POINT-SIZE="8" COLOR="{color}">{text}</FONT></TD>'


def _words(text: str) -> str:
    return _cell(text, QUIET, "Helvetica", 8, "LEFT")


def caption(graph: Graph, detail: str) -> list[str]:
    """Lines that say what was recorded, what of it is drawn, and what is not."""
    hints = []
    if graph.hidden:
        hints.append(f"only the last {graph.total - graph.hidden:,} nodes are drawn, "
                     f"{graph.hidden:,} before them are not")
    if detail == "shape":
        hints.append("values and gradients are not shown; detail='full' shows them")
    return [*totals(graph), *hints, *overwritten(graph)]


def totals(graph: Graph) -> list[str]:
    """How many nodes and parameters were recorded."""
    parameters = _counted(graph.parameters, "parameter")
    if graph.numbers > graph.parameters:
        parameters += f" with {_counted(graph.numbers, 'number')}"
    return [f"{_counted(graph.total, 'node')}, {parameters}"]


def overwritten(graph: Graph) -> list[str]:
    """Which leaves show newer values than those the graph was computed with."""
    if not graph.newer:
        return []
    others = " and others" if len(graph.newer) > 6 else ""
    return [f"overwritten since this graph was recorded: {', '.join(graph.newer[:6])}{others}; "
            "the new values are shown"]


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _edge_style(edge: Edge, source: Box) -> dict[str, str]:
    style = {"label": f" x{edge.times}"} if edge.times > 1 else {}
    if not edge.flows:
        style |= {"color": CUT_EDGE, "style": "dotted"}
    elif source.kind == "param":
        style |= {"color": PARAMETER_EDGE}
    if edge.main:
        style |= {"weight": "20"}
    return style


def to_dot(graph: Graph, detail: str, rankdir: str) -> Any:
    """A `graphviz.Digraph`, the same to the byte for the same graph."""
    import graphviz

    dot = graphviz.Digraph("tinygrad_gd")
    text = "".join(clean(line, 200) + r"\l" for line in ["", *caption(graph, detail)])
    dot.attr(rankdir=rankdir, newrank="true", nodesep="0.25", ranksep="0.35", pad="0.2",
             bgcolor="#FFFFFF", id="gd-graph", label=text, labelloc="b", labeljust="l",
             fontname="Helvetica", fontsize="9", fontcolor=QUIET,
             **(QUICK if len(graph.nodes) > MANY else {}))
    dot.attr("node", shape="plain", fontname="Helvetica", fontsize="10")
    dot.attr("edge", color=DATA_EDGE, penwidth="1.1", arrowsize="0.6", fontname="Courier",
             fontsize="8", fontcolor=QUIET)
    nodes = {n.id: n for n in graph.nodes}
    for node in graph.nodes:
        dot.node(node.id, label(node, detail), id=f"gd-{node.id}",
                 **{"class": f"gd-node gd-{node.kind}"}, tooltip=_tip(described(node)))
    for edge in graph.edges:
        ends = nodes[edge.source], nodes[edge.target]
        dot.edge(edge.source, edge.target, id=f"gd-{edge.source}-{edge.target}",
                 tooltip=_tip(f"{ends[0].title} -> {ends[1].title}"), **{"class": "gd-edge"},
                 **_edge_style(edge, ends[0]))
    dot.node("legend", legend(graph, detail, 1 if rankdir == "LR" else 3), id="gd-legend",
             **{"class": "gd-legend"}, tooltip="legend")
    dot.edge(graph.nodes[-1].id, "legend", style="invis")
    return dot


def described(node: Box) -> str:
    """Everything about a node in one line."""
    made = f"{node.operation}({', '.join([*node.inputs, *node.options.split()])})"
    grad = f"grad {node.grad}" if node.grad else ""
    parts = [node.name, made if node.operation else node.kind, node.shape, node.value, grad]
    return ", ".join(p for p in parts if p)


def rankdir_of(graph: Graph) -> str:
    """Small graphs of scalars are read from left to right, all others from top to bottom."""
    scalars = all(n.shape == "scalar" for n in graph.nodes)
    return "LR" if scalars and len(graph.nodes) <= SCALARS else "TB"
