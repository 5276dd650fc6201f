"""Where plots are drawn, in which colours, and how they are saved."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import OptionError
from ...ground.extras import needed


class Colours(NamedTuple):
    """What is drawn on one kind of background."""

    lines: tuple[str, ...]
    quiet: str
    alarm: str
    halo: str  # around lines that cross others, and points
    low: str  # where a loss is lowest
    high: str
    tint: float  # of areas, so that what lies on them is seen


#: The colours of `pictures.dot`: parameters, results, inputs, reductions, activations, folded nodes.
LIGHT = Colours(("#005A94", "#C2410C", "#00805F", "#8E3B73", "#B07A00", "#4650B8"),
                quiet="#64748B", alarm="#B42318", halo="#FFFFFF", low="#9CC4E4", high="#F8FBFE",
                tint=0.2)
DARK = Colours(("#7FB0D8", "#FF9E6B", "#5CC9A7", "#DB9AC6", "#E8C16A", "#A3AAF5"),
               quiet="#94A3B8", alarm="#FF8A80", halo="#0B1220", low="#2B5F8A", high="#101B2A",
               tint=0.35)


def axes(ax: Any, size: tuple[float, float] = (6.4, 4.0)) -> Any:
    """The given Axes, or those of a new figure."""
    pyplot = needed("matplotlib.pyplot", "plot", "tg.plot")
    return pyplot.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def colours(ax: Any) -> Colours:
    """Those for the background of the Axes, by how bright an eye finds it."""
    red, green, blue = needed("matplotlib.colors", "plot", "tg.plot").to_rgb(ax.get_facecolor())
    return LIGHT if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else DARK


def tidy(ax: Any, x: str, y: str, over_a_picture: bool = False) -> Any:
    """Labels, no frame where there is no scale, and a legend if anything has a name."""
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.spines[["top", "right"]].set_visible(False)
    if ax.get_legend_handles_labels()[1]:
        ax.legend(frameon=over_a_picture, framealpha=0.85, fontsize="small")
    return ax


def save(ax: Any, path: str | PathLike[str]) -> Path:
    """Write the figure of some Axes to a PNG, SVG or PDF, without dates in it.

    >>> import tinygrad_gd as tg, tempfile
    >>> ax = tg.plot.loss([3.0, 2.0, 1.5])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(tg.plot.save(ax, f"{folder}/loss.png").read_bytes()) > 1000
    True
    >>> import matplotlib.pyplot as plt; plt.close(ax.figure)
    """
    place = Path(path)
    forms = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    if place.suffix not in forms:
        raise OptionError(f"save: expected a name that ends in {', '.join(forms)}, got {place.name!r}")
    matplotlib = needed("matplotlib", "plot", "tg.plot")
    with matplotlib.rc_context({"svg.hashsalt": "tinygrad_gd"}):  # else ids are random
        ax.figure.savefig(place, dpi=150, bbox_inches="tight", metadata=forms[place.suffix])
    return place
