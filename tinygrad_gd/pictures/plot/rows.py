"""A row for each layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .canvas import axes, colours, tidy

BINS = 60


def activations(layers: Iterable[Any], ax: Any = None) -> Any:
    """A histogram of each activation's values, with its dead units; see `tg.study.activations`.

    The height of a bar is the square root of its count, so that tails are seen beside many zeros.

    >>> import tinygrad_gd as tg
    >>> model = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.ReLU(), tg.nn.Linear(3, 4), tg.nn.Tanh())
    >>> ax = tg.plot.activations(tg.study.activations(model, tg.normal(size=(50, 2))))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['1 relu', '3 tanh']
    >>> import matplotlib.pyplot as plt; plt.close(ax.figure)
    """
    layers = list(layers)
    ax = axes(ax, (6.4, 1.2 + 0.7 * len(layers)))
    palette = colours(ax)
    everything = np.concatenate([np.ravel(layer.values) for layer in layers])
    low, high = np.quantile(everything, [0.001, 0.999])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    for row, layer in enumerate(layers):
        counts, _ = np.histogram(layer.values, edges)
        heights = np.sqrt(counts / max(counts.max(), 1)) * 0.8
        colour = palette.lines[0] if not layer.dead else palette.alarm
        ax.stairs(row - heights, edges, baseline=row, fill=True, color=colour, alpha=0.35)
        ax.stairs(row - heights, edges, baseline=row, color=colour, linewidth=1)
        said = f"{len(layer.dead)} of {layer.units} dead" if layer.dead else f"{layer.units} units"
        ax.annotate(said, (1, row), xycoords=("axes fraction", "data"), xytext=(6, 4), ha="left",
                    textcoords="offset points", fontsize="small",
                    color=palette.alarm if layer.dead else palette.quiet)
    ax.set_yticks(range(len(layers)), [layer.name for layer in layers])
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(len(layers) - 0.8, -1)
    tidy(ax, "value", "")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax
