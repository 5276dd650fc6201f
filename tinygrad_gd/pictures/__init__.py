"""Pictures of recorded graphs: ``draw(loss).save("loss.svg")``.

Read `graph` first: the boxes and edges that every picture is made from. `names` and `figures` say what
things are called and worth in a few characters; `dot`, `svg` and `text` write, `render` runs a layout
engine, `drawing` is what people hold. `plot/` draws training with matplotlib.

Surprises here
--------------
- Gradients of operations are computed again when drawn, as the engine keeps only those of leaves.
- Graphviz may report success and have lost an edge: `render` counts nodes and edges in each SVG.
- Names are looked up in the user's variables when something is drawn, never while it is computed.
- Notebooks get SVG and PNG but no HTML, of which an untrusted one shows the source.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..engine.tensor import Tensor
from ..ground.elsewhere import absent

if TYPE_CHECKING:
    from .drawing import Drawing

__all__ = ["Drawing", "draw", "plot"]


def draw(
    tensor: Tensor, detail: str | None = None, rankdir: str | None = None, last: int | None = None
) -> Drawing:
    """The graph that ``tensor`` was computed from, with values and gradients.

    Parameters
    ----------
    tensor : usually a loss.
    detail : "shape" for names and shapes, "full" for values and gradients too; None chooses by size.
    rankdir : "TB" or "LR"; None draws small graphs of scalars from left to right.
    last : draw only so many nodes, those nearest to ``tensor``. More than 2,000 are never laid out;
        of larger graphs the last 50 are drawn, and the caption says so. Of more than 300 nodes the
        edges are straight, which is much sooner laid out.

    >>> import tinygrad_gd as tg
    >>> a = tg.Tensor(3.0, requires_grad=True, name="a")
    >>> print(tg.draw(a * a))
    node  made by         shape   value
    ----  --------------  ------  ------
    a     parameter       scalar  3.0000
    n1    multiply(a, a)  scalar  9.0000
    <BLANKLINE>
    2 nodes, 1 parameter
    """
    from .drawing import drawing_of  # most programs draw nothing, and should start fast

    return drawing_of(tensor, detail, rankdir, last)


def __getattr__(name: str) -> Any:
    if name == "Drawing":
        from .drawing import Drawing

        return Drawing
    if name == "plot":
        return import_module(".plot", __name__)
    raise absent(__name__, name)
