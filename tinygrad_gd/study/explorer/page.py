"""`explore`: a graph as one page to step through, that needs no network and no other file."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from math import isfinite, log10
from pathlib import Path
from string import Template
from typing import Any

from ...engine.graph import leaves_of, nodes_of
from ...engine.tensor import Tensor
from ...errors import DTypeError, GradError, OptionError, describe
from ...ground.checks import check_number
from ..naming import Names
from .data import data_of
from .picture import Picture, picture_of

#: Graphs of more operations are not for one page.
MOST = 400
HEIGHT = 560


class Explorer:
    """A page: `save` it, or leave it at the end of a notebook cell.

    Attributes
    ----------
    html : the page.
    data : what it shows, ready for JSON; ``data["schema"]`` is the version of its form.
    """

    def __init__(self, html: str, data: dict[str, Any], svg: str) -> None:
        self.html, self.data, self._svg = html, data, svg

    def save(self, path: str | Path) -> Path:
        """Write the page to a file that ends in .html."""
        place = Path(path)
        if place.suffix not in (".html", ".htm"):
            raise OptionError(f"explore: expected a path that ends in .html, got {place.name!r}")
        place.write_text(self.html, encoding="utf-8")
        return place

    def __repr__(self) -> str:
        return (f"<explorer of {self.data['name']}: {len(self.data['nodes'])} nodes, "
                f"{len(self.data['steps'])} steps, {len(self.html) / 1000:.0f} kB; .save('page.html')>")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """A frame that may run its own script and nothing else; what is not trusted shows a picture."""
        picture = b64encode(self._svg.encode()).decode()
        frame = (f'<iframe sandbox="allow-scripts" width="100%" height="{HEIGHT}" style="border:0" '
                 f'srcdoc="{escape(self.html)}"></iframe><details><summary>static picture</summary>'
                 f'<img alt="graph" src="data:image/svg+xml;base64,{picture}"></details>')
        bundle = {"text/html": frame, "text/plain": repr(self)}
        return {mime: data for mime, data in bundle.items()
                if (not include or mime in include) and mime not in (exclude or ())}


def explore(tensor: Tensor, path: str | Path | None = None, lr: float = 0.05) -> Explorer:
    """The graph of a loss as one offline page: step forward and backward, drag leaves, descend.

    In small graphs every number is computed in the page: drag a leaf that is one number, and all
    values and gradients move; press *step*, and the parameters descend at the learning rate.

    Parameters
    ----------
    tensor : usually a loss, of one element.
    path : where to write it, as ``"loss.html"``.
    lr : the learning rate that the slider begins at.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True, name="w")
    >>> tg.explore((w * 2 - 1) ** 2)  # doctest: +ELLIPSIS
    <explorer of t3: 4 nodes, 8 steps, ... kB; .save('page.html')>
    """
    if not isinstance(tensor, Tensor):
        raise DTypeError(f"explore: expected a Tensor, got {describe(tensor)}")
    if tensor.op is None or not leaves_of(tensor) or tensor.size != 1:
        raise GradError(f"explore: expected a loss, one recorded number, got {describe(tensor)}; "
                        "compute it from tensors with requires_grad=True, and reduce it with .mean()")
    if len(nodes_of(tensor)) > MOST:
        raise OptionError(f"explore: the graph has {len(nodes_of(tensor)):,} operations, and a page "
                          f"holds {MOST}; explore a part of it, or draw(last=50)")
    check_number("explore: lr", lr, 0)
    data, picture, program = parts_of(tensor, lr)
    explorer = Explorer(page_of(f"{data['name']}: explorer", _body(picture.svg, data), data,
                                program + text_of("graph.js")), data, picture.alone)
    if path is not None:
        explorer.save(path)
    return explorer


def parts_of(tensor: Tensor, lr: float) -> tuple[dict[str, Any], Picture, str]:
    """The data of a page, the picture, and the program as a line of JavaScript."""
    names = Names([tensor])
    picture = picture_of(tensor, names)
    data, script = data_of(tensor, picture, names, lr)
    return data, picture, f"const PROGRAM={script.text if script else 'null'};\n"


def _body(svg: str, data: dict[str, Any]) -> str:
    """Buttons, the picture, the panel and the caption; what descends where numbers are computed."""
    lr, computed = data["lr"], data["program"] is not None
    descent = filled("descent.html", log=f"{log10(lr or 1e-4):.4f}", lr=f"{lr:g}") if computed else ""
    return filled(
        "graph.html", name=escape(data["name"]), svg=svg, descent=descent,
        more="d descends, r resets, up and down move a leaf, " if computed else "",
        why="Drag a number of a leaf sideways, drag the paper." if computed else
        "The numbers are those of the run: leaves cannot be dragged, as the pass is not computed anew "
        f"here ({escape(data['why_not'])}). Steps, folding, search and heat maps work.")


def page_of(title: str, body: str, data: dict[str, Any], script: str) -> str:
    """A whole page whose policy allows its own script and no request."""
    code = _short(f"{text_of('explorer.js')}\n{script}")
    digest = b64encode(sha256(code.encode()).digest()).decode()
    held = json.dumps(_plain(data), separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    return filled("page.html", hash=f"'sha256-{digest}'", title=escape(title), body=body, code=code,
                  style=text_of("explorer.css"), data=held)


def _plain(data: Any) -> Any:
    """With null for NaN and infinities, which JSON does not have."""
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return None if isinstance(data, float) and not isfinite(data) else data


def filled(template: str, room: str = __package__, **parts: str) -> str:
    """A file of a room with its parts filled in."""
    return Template(text_of(template, room)).substitute(parts)


def text_of(name: str, room: str = __package__) -> str:
    """A file of a room, wherever it lies."""
    return files(room).joinpath(name).read_text(encoding="utf-8").strip()


def _short(code: str) -> str:
    """Without indentation and comments; no text of ours has several lines, or ``// `` in it."""
    lines = (line.partition("// ")[0].strip() for line in code.splitlines())
    return "\n".join(filter(None, lines))
