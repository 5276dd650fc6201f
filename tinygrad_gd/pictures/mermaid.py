"""Mermaid, as GitHub shows it in Markdown."""

from __future__ import annotations

from ..errors import OptionError
from .boxes import Box, Graph
from .captions import totals
from .letters import shorten
from .themes import Theme

#: Beyond these GitHub shows an error instead of a picture.
NODES, EDGES, LETTERS = 280, 450, 45_000


def to_mermaid(graph: Graph, theme: Theme, rankdir: str) -> str:
    """A flowchart."""
    lines = [f"%% {_text(totals(graph))}", f"flowchart {rankdir}"]
    children: dict[int, list[int]] = {}
    for k, frame in enumerate(graph.frames):
        children.setdefault(frame.around, []).append(k)
    pending: list[tuple[int, str]] = [(-1, "open")]
    while pending:
        k, step = pending.pop()
        if step == "close":
            lines.append("end")
            continue
        if k >= 0:
            frame = graph.frames[k]
            title = " ".join(filter(None, (frame.title, frame.word)))
            lines.append(f'subgraph {_id(frame.id)}["{_text(title)}"]')
            pending.append((k, "close"))
        lines += [_box(box) for box in graph.nodes if box.cluster == k]
        pending += [(inner, "open") for inner in reversed(children.get(k, []))]
    lines += [f"{_id(e.source)} {'-->' if e.flows else '-.->'}{f'|x{e.times}|' if e.times > 1 else ''} "
              f"{_id(e.target)}" for e in graph.edges]
    for kind in dict.fromkeys(box.kind for box in graph.nodes):
        fill, border = theme.kinds.get(kind, theme.kinds["op"])
        members = ",".join(_id(box.id) for box in graph.nodes if box.kind == kind)
        lines += [f"classDef {kind}_ fill:{fill},stroke:{border},color:{theme.text}",
                  f"class {members} {kind}_"]
    text = "\n".join([*lines, ""])
    if len(graph.nodes) > NODES or len(graph.edges) > EDGES or len(text) > LETTERS:
        raise OptionError(f"draw: Mermaid shows up to {NODES} boxes, {EDGES} edges and {LETTERS:,} "
                          f"letters, got {len(graph.nodes)}, {len(graph.edges)} and {len(text):,}; "
                          "fold more, as with page=(900, 1000) or depth=1, or save .svg")
    return text


def _box(box: Box) -> str:
    head = " ".join(filter(None, (box.title, box.word, box.shape)))
    rows = [_joined(row.called, row.text, row.grad) for row in box.rows]
    worth = _joined(box.value, "", box.grad)
    said = "<br>".join(_text(line) for line in (head, *rows, worth) if line)
    return f'{_id(box.id)}["{said}"]'


def _joined(first: str, second: str, grad: str) -> str:
    return " ".join(filter(None, (first, second, grad and f"grad {grad}")))


def _id(name: str) -> str:
    """A name that is no word of Mermaid's."""
    return f"n_{name.replace('-', '_')}"


def _text(text: str) -> str:
    """Text that Mermaid takes for text: its entities are written with # instead of &."""
    special = {c: f"#{ord(c)};" for c in '"<>&#`|\\*_'}
    return "".join(special.get(c, c) for c in shorten(text, 80))
