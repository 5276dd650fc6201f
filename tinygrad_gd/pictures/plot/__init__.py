"""Plots of training, by matplotlib: ``tg.plot.loss(history)``.

Each function returns the Axes that it drew on, takes ``ax=`` to draw on given ones, and has colours for
light and for dark backgrounds. `save` writes a PNG or an SVG, the same to the byte for the same plot.

Read `canvas` first: where matplotlib is found, and the colours. `curves` draws numbers over steps,
`surfaces` what a loss or a model says of a plane, `rows` the activations of layers,
`layers` their gradients.

Surprises here
--------------
- Which colours are used is decided by the background that the Axes have, not by a setting of our own.
- A contour's heights are the logarithm of how far the loss lies above the lowest: valleys of a loss
  that grows by squares would be one flat colour.
"""

from .canvas import save
from .curves import gradients, loss, range_test, updates
from .layers import flow
from .rows import activations
from .surfaces import contour, decision_regions

__all__ = [
    "activations", "contour", "decision_regions", "flow", "gradients", "loss", "range_test", "save",
    "updates",
]  # fmt: skip
