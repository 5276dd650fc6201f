"""Pictures of computation graphs: ``tg.draw(loss).save("loss.svg")``.

From what was computed to a page: `recording` is a graph as lists (`running` makes one of a function's
run or a compiled step), `views` joins reshapes to their neighbours, `tree` nests operations in modules
(`tangles` cuts those that need each other's results).
`folding` decides what of it a page needs to fold: `repeats` finds equal modules and loops, `siblings`
equal operations, `chains` operations in a row; `cells` is what then is drawn. `boxes` says it in words
and numbers, with `rows`, `words`, `names`, `figures`, `slopes` (gradients) and `colours`; `extent` is
about how much room that needs; `captions` is what stands below. Then the forms: `text`, and `dot`,
which an engine lays out (`render`), with `themes` and `letters`; from its `svg` the other pictures:
`pdf`, and as `shapes` PNG (`xdot`) and `tikz`; `page` (HTML), `mermaid` and `record` (JSON); `forms`
lists them. `asking` is what `draw` does, `drawing` what people hold. `plot/` draws training with
matplotlib.

Surprises here
--------------
- Gradients are computed again when drawn: the engine keeps only those of leaves, and what ``.grad``
  holds may be another quantity. A picture shows d(drawn)/d(node) everywhere, and says where it differs.
- Graphviz may report success and have lost an edge: `render` counts nodes and edges in each SVG.
- Which operations repeat is known by their rhythm, so that loops are found in what nobody watched.
- Whether a picture fits the page is estimated, and seen where that is close, as it is when it is made:
  text and pictures fold the same.
- Names are looked up in the user's variables when something is drawn, never while it is computed.
- Notebooks get SVG and PNG but no HTML, of which an untrusted one shows the source.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..engine.tensor import Tensor
from ..ground.elsewhere import absent

if TYPE_CHECKING:
    from .drawing import Drawing

__all__ = ["Drawing", "draw", "plot"]


def draw(
    what: Any,
    *inputs: Any,
    values: bool = True,
    rankdir: str | None = None,
    theme: str = "light",
    fold: Any = None,
    depth: int | None = None,
    page: tuple[float, float] | None = None,
    focus: Tensor | None = None,
    last: int | None = None,
    label: Callable[[Any], Any] | None = None,
    color_by: Any = None,
) -> Drawing:
    """What a Tensor was computed from, or all that a function or model computes, with gradients.

    Parameters
    ----------
    what : a Tensor, usually a loss; or a model or function, which runs once with ``inputs`` and is
        drawn with its modules; or a compiled step, drawn as forward pass, backward pass and update.
    values : whether values and gradients are shown; gradients are, once `backward` was called.
    rankdir : "TB" or "LR"; None draws small graphs of scalars from left to right.
    theme : "light", "dark" or "print", which needs no colours.
    fold : names of modules to close, or False to show everything. None folds what must be folded to
        fit the page: first what repeats, and of equal modules or turns of a loop the first is open.
    depth : how many levels of modules are open.
    page : width and height in points, (900, 2400) if not given, and (2400, 900) if ``rankdir`` is "LR".
    focus : draw only what is near this Tensor.
    last : draw only so many operations, the last ones.
    label : a function of a node; what it returns, if not None, heads the box. Nodes have ``op``,
        ``inputs``, ``params``, ``shape``, ``value``, ``line`` and ``module``.
    color_by : "grad", "memory", "time" (of a compiled step) or a function of a node that returns a
        number: the more, the stronger.

    >>> import tinygrad_gd as tg
    >>> a = tg.Tensor(3.0, requires_grad=True, name="a")
    >>> loss = (a * a + 1) ** 2; loss.backward(); print(tg.draw(loss))
    n1    a*a     scalar  9.0000    grad 20.0000
    n2    n1 + 1  scalar  10.0000   grad 20.0000
    loss  n2**2   scalar  100.0000  grad 1.0000
    a  used 2 times  3.0000  grad 120.0000
    4 nodes, 1 parameter
    """
    from .asking import Options, drawing_of  # most programs draw nothing, and should start fast

    return drawing_of(what, inputs, Options(values, rankdir, theme, fold, depth, page, focus, last,
                                            label, color_by))


def __getattr__(name: str) -> Any:
    if name == "Drawing":
        from .drawing import Drawing

        return Drawing
    if name == "plot":
        return import_module(".plot", __name__)
    raise absent(__name__, name)
