"""A recorded run as one offline page to scrub through."""

from __future__ import annotations

from html import escape
from typing import Any

from ..explorer.page import filled, page_of, text_of
from .report import columns, headline
from .run import Run
from .verdict import verdict


def page(run: Run, title: str) -> str:
    """The page: curves, the path over two parameters, and the first graph with each step's numbers."""
    found = verdict(run)
    picture = dict(run.picture)
    program = picture.pop("program", "const PROGRAM=null;\n")
    data: dict[str, Any] = {
        "loss": run.loss.tolist(), "slope": run.slope.tolist(), "reach": run.reach.tolist(),
        "values": run.values.tolist(), "names": run.names, "shapes": run.shapes,
        "heights": run.heights.tolist(), "x": run.x.tolist(), "y": run.y.tolist(),
        "wrong": found.step, "graph": picture.get("data"), "axes": columns(run)[:2],
        "gradients": [] if picture else run.gradients.T.tolist()}
    cures = "".join(f"<li>{escape(cure)}</li>" for cure in found.cures)
    body = filled("replay.html", __package__, title=escape(title), said=escape(headline(run, title)),
                  svg=picture.get("svg", ""), why=escape(found.why),
                  wrong="" if found.step is None else ", w goes to the first wrong step",
                  cures=f"<p>What helps:</p><ul>{cures}</ul>" if cures else "")
    return page_of(f"{title}: replay", body, data, program + text_of("replay.js", __package__))
