"""The drawn graph, and which element of it is what: all that is known here of how graphs are drawn."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from ...engine.graph import leaves_of, nodes_of
from ...engine.tensor import Tensor
from ...pictures import draw
from ..again import twin
from ..naming import Names


class Drawn(NamedTuple):
    """What the picture says of one node: its element, its kind, and the numbers as they are written."""

    element: str
    kind: str
    value: str
    grad: str


class Picture(NamedTuple):
    """An SVG.

    Attributes
    ----------
    nodes : by id, in the order in which values come about.
    ids : of tensors.
    arrays : the ids of arrays, by their own ``id()``; the graph keeps them alive.
    edges : source, target and element of each.
    """

    svg: str
    nodes: dict[str, Drawn]
    ids: dict[Tensor, str]
    arrays: dict[int, str]
    edges: list[tuple[str, str, str]]


def picture_of(root: Tensor, names: Names) -> Picture:
    """Draw a graph with values and gradients, also where `backward` has not been called."""
    drawn = root
    if all(x.grad is None for x in leaves_of(root)):  # the picture has no room for them then
        drawn, _ = twin(root, _named(names))
        drawn.backward()
    drawing = draw(drawn, detail="full")
    nodes, edges = drawing.graph.nodes, drawing.graph.edges
    ids: dict[Tensor, str] = {}
    arrays: dict[int, str] = {}
    made = [box for box in nodes if box.operation]
    for box, node in zip(made, nodes_of(root), strict=True):
        ids[node.tensor] = box.id
        for given, x in zip(box.inputs, node.inputs, strict=True):
            if isinstance(x, Tensor):
                ids[x] = given
            elif isinstance(x, np.ndarray):
                arrays[id(x)] = given
    return Picture(
        _small(drawing.render("svg").decode()),
        {box.id: Drawn(f"gd-{box.id}", box.kind, box.value, box.grad) for box in nodes}, ids, arrays,
        [(e.source, e.target, f"gd-{e.source}-{e.target}") for e in edges])


def _named(names: Names) -> dict[Tensor, str]:
    """The tensors that have a name of their own, and none that was made up."""
    return {t: name for t, name in names.known.items() if isinstance(t, Tensor)
            and not re.fullmatch(r"[tp]\d+|data(_\d+)?", name)}


#: What a page does without, and what its style sheet says once: half of the bytes.
_SHORTER = (
    (r"<!--.*?-->", ""), (r"<title>[^<]*</title>", ""), (r' xlink:title="[^"]*"', ""),
    (r' xmlns:xlink="[^"]*"| xml:space="preserve"| text-anchor="start"| stroke-width="1.10?"', ""),
    (r' font-family="Helvetica[^"]*"', ""), (r''' font-family="'?Courier[^"]*"''', ' class="m"'),
    (r' font-weight="bold"', ' class="b"'), (r' font-size="10.00"| fill="#0f172a"', ""),
    (r' font-size="8.00" fill="#64748b"', ' class="q"'), (r' (x|y)="(-?\d+)\.\d+"', r' \1="\2"'),
    (r"<a\s*>(.*?)</a>", r"\1"), (r'<g id="a_[^"]*">(.*?)</g>', r"\1"), (r">\s+<", "><"),
    (r"&#45;", "-"), (r' points="(\S+) ([^"]*) \1"', r' points="\1 \2"'),
    (r'<polygon fill="#ffffff" stroke="none" (points="[^"]*")/>'
     r'<polygon fill="none" (stroke="[^"]*") \1/>', r'<polygon fill="#ffffff" \2 \1/>'),
    (r'<path fill="none" stroke="#64748b"', "<path"), (r' class="(node|edge) gd-\1', r' class="\1'),
    (r'<g id="gd-legend".*?</g>', ""),
)


def _small(svg: str) -> str:
    """The SVG for a page."""
    svg = svg[svg.index("<svg") :]
    for long, short in _SHORTER:
        svg = re.sub(long, short, svg, flags=re.S)
    return re.sub(r' (?:points|d)="[^"]*"',
                  lambda found: re.sub(r"(\.\d)\d+", r"\1", found[0]), svg)
