"""The gradient that arrives at each layer of a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from .canvas import axes, colours, tidy


def flow(flow: Any, ax: Any = None) -> Any:
    """A bar for each weight as long as its gradient, and its next step beside; see `Module.flow`.

    >>> import tinygrad_gd as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.Tanh(), tg.nn.Linear(3, 1))
    >>> net([[1.0, 2.0]]).sum().backward()
    >>> ax = tg.plot.flow(net.flow())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['0.weight', '2.weight']
    >>> import matplotlib.pyplot as plt; plt.close(ax.figure)
    """
    layers = flow.weights
    rows = np.arange(len(layers))
    ax = axes(ax, (6.4, 1.2 + 0.35 * len(layers)))
    palette = colours(ax)
    gradients = np.array([x.gradient for x in layers])
    seen = gradients[np.isfinite(gradients) & (gradients > 0)]
    least = seen.min() / 10 if len(seen) else 1e-3
    ax.barh(rows, np.maximum(np.nan_to_num(gradients), least) - least, left=least, height=0.6,
            color=palette.lines[0], alpha=0.8, label="gradient")
    if any(np.isfinite(x.step) and x.step > 0 for x in layers):
        ax.plot([x.step for x in layers], rows, "o", color=palette.lines[1], markersize=5,
                markeredgecolor=palette.halo, label="next step / weight")
        ax.axvline(1e-3, color=palette.quiet, linewidth=0.8, linestyle=":")  # about what is usual
    for row, layer in enumerate(layers):
        if not layer.gradient > 0:
            ax.annotate("none", (least, row), xytext=(4, 0), textcoords="offset points", va="center",
                        color=palette.alarm, fontsize="small")
    ax.set_xscale("log")
    ax.set_yticks(rows, [x.name for x in layers])
    ax.invert_yaxis()
    return tidy(ax, "root mean square", "")
