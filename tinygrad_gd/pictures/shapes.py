"""What an SVG of Graphviz's shows, as shapes: for forms that draw it themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree


class Line(NamedTuple):
    """A polygon, or a path of Bezier curves, in points from the lower left corner."""

    points: list[tuple[float, float]]
    curved: bool
    fill: str  # "#rrggbb" or "none"
    stroke: str
    width: float
    dotted: bool


class Words(NamedTuple):
    """A piece of text."""

    text: str
    x: float
    y: float
    anchor: str  # start, middle or end
    size: float
    color: str
    bold: bool
    mono: bool


def shapes_of(svg: bytes) -> Iterator[Line | Words]:
    """All that is drawn, in order."""
    root = ElementTree.fromstring(svg)
    graph = next(g for g in root.iter() if "translate" in (g.get("transform") or ""))
    found = re.search(r"translate\(([-\d.]+)[ ,]([-\d.]+)\)", graph.get("transform") or "")
    height = float((root.get("height") or "0").removesuffix("pt"))
    right, down = (float(found[1]), float(found[2])) if found else (0.0, 0.0)

    def place(x: float, y: float) -> tuple[float, float]:
        return round(x + right, 2), round(height - (y + down), 2)

    for part in graph.iter():
        tag = part.tag.rpartition("}")[2]
        if tag in ("polygon", "polyline", "path"):
            places = re.findall(r"-?[\d.]+", part.get("points") or part.get("d") or "")
            numbers = [float(n) for n in places]
            points = [place(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
            yield Line(points, tag == "path", part.get("fill") or "none", part.get("stroke") or "none",
                       float(part.get("stroke-width") or 1), part.get("stroke-dasharray") is not None)
        elif tag == "text" and (part.text or "").strip():
            x, y = place(float(part.get("x") or 0), float(part.get("y") or 0))
            yield Words(part.text or "", x, y, part.get("text-anchor") or "start",
                        float(part.get("font-size") or 10), part.get("fill") or "#000000",
                        part.get("font-weight") == "bold", "Courier" in (part.get("font-family") or ""))
