"""A picture as JSON, for other programs and for ``git diff``.

::

    {"schema": 1, "root": "loss", "total": 9, "parameters": 2, "numbers": 2, "caption": ["9 nodes"],
     "nodes": [{"id": "loss", "kind": "loss", "title": "loss", "operation": "mean", "shape": "scalar",
                "value": "57.0000", "grad": "1.0000", "times": 1, "line": "line.py:5", "phase": "",
                "frame": null, "expression": "mean(_)", "rows": [{"kind": "param", "name": "w", ...}]}],
     "frames": [{"id": "in-0", "kind": "module", "title": "0", "class": "Linear", "around": null}],
     "edges": [{"source": "multiply-w", "target": "add-b", "times": 1, "gradient": true}]}

Ids are words from the graph and not numbers in it: they stay when other operations are added.
"""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

from .boxes import Box, Graph
from .captions import caption

SCHEMA = 1


def to_json(graph: Graph) -> str:
    """The picture, sorted and indented."""
    frames = [frame.id for frame in graph.frames]
    return json.dumps({
        "schema": SCHEMA,
        "root": next((n.id for n in graph.nodes if n.kind == "loss"), graph.nodes[-1].id),
        "total": graph.total, "parameters": graph.parameters, "numbers": graph.numbers,
        "caption": caption(graph),
        "nodes": [_node(box, frames) for box in graph.nodes],
        "frames": [{"id": f.id, "kind": f.kind, "title": f.title, "class": f.word,
                    "around": frames[f.around] if f.around >= 0 else None} for f in graph.frames],
        "edges": [{"source": e.source, "target": e.target, "times": e.times, "gradient": e.flows}
                  for e in graph.edges],
    }, indent=1, ensure_ascii=False) + "\n"


def _node(box: Box, frames: list[str]) -> dict[str, Any]:
    rows = [{key: value for key, value in row._asdict().items()
             if value and key != "infinite"} for row in box.rows]
    return {"id": box.id, "kind": box.kind, "title": box.title, "operation": box.word,
            "shape": box.shape, "value": box.value,
            "grad": box.grad, "times": box.times,
            "line": PurePath(box.line).name if box.line else "", "phase": box.phase,
            "frame": frames[box.cluster] if box.cluster >= 0 else None, "expression": box.expression,
            "rows": rows}
