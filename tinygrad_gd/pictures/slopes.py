"""d(drawn)/d(node) of everything, computed again, as the engine keeps only the gradients of leaves.

One picture shows one quantity. What ``.grad`` holds may be another one, such as the sum over two
backward passes; then it is said, beside the true number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.cotangents import cotangents_of
from ..engine.graph import Node, any_hooked, leaves_of
from ..engine.tensor import Tensor
from ..errors import GradError
from ..ground.modes import current_mode, no_grad
from ..ground.observer import Observer, observe
from .figures import FEW, gradient_summary, norms
from .recording import Recording

#: So many numbers are kept until the norms are taken that stand for them.
_ROOM = 1 << 20


class _Cotangents(Observer):
    """Notes the complete cotangent at each place: its numbers, or of many the norm."""

    def __init__(self, places: dict[Any, int]) -> None:
        self.place_of = places.get
        self.at: dict[Any, Any] = {}
        self._large: list[Any] = []
        self._held = 0

    def backward(self, out: Any, position: int, g: Any, gx: Any) -> None:
        """Note what flows into an operation, the first time that it is told."""
        place = self.place_of(out)
        if place not in self.at:
            self.at[place] = g
            if g.size > FEW:
                self._large.append(place)
                self._held += g.size
                if self._held > _ROOM:
                    self.shorten()

    def shorten(self) -> None:
        """Keep the norms of what is large."""
        sizes = norms([self.at[place] for place in self._large])
        self.at.update(zip(self._large, map(np.float64, sizes), strict=True))
        self._large, self._held = [], 0


def slopes_of(recording: Recording) -> dict[int, Any]:
    """After `backward`, by place: d(root)/d(node).

    Nothing where that could be noticed (hooks, observers), where the result has several elements, or
    where values were overwritten since.
    """
    root = recording.at(recording.root)
    if not isinstance(root, Tensor) or root.size != 1 or not root.requires_grad:
        return {}
    # a run may begin in the midst of a graph
    held = leaves_of(root) if recording.ran else recording.leaves
    leaves = [x for x in held if isinstance(x, Tensor)]
    hooked = any_hooked(leaves) or any_hooked(recording.outs)
    if hooked or current_mode().observer is not None or all(Node(x).grad is None for x in leaves):
        return {}
    seen = _Cotangents(recording.place)
    one = np.ones(root.shape, root.dtype)[()]
    try:
        with no_grad(), observe(seen), np.errstate(all="ignore"):
            ends = cotangents_of([root], [one])
    except GradError:  # a value was overwritten since
        return {}
    seen.shorten()
    slopes = seen.at | {seen.place_of(x): g for x, g in {**ends, root: one}.items()}
    slopes.pop(None, None)  # what is not drawn
    return slopes


def held_otherwise(tensor: Any, slope: Any) -> str:
    """What ``.grad`` holds, if that is something else than a leaf's slope, and why it may.

    >>> w = Tensor(3.0, requires_grad=True); w.grad = 48.0
    >>> held_otherwise(w, np.float64(24.0))
    '.grad holds 48.0000: 2 backward calls?'
    """
    held = Node(tensor).grad if isinstance(tensor, Tensor) else None
    if held is None:
        return ""
    said = f".grad holds {gradient_summary(held)}"
    if slope is None:
        return f"{said}: of another result"
    if np.allclose(held, slope, rtol=1e-5, atol=1e-12, equal_nan=True):
        return ""
    times = _times(held, slope)
    return f"{said}: {times} backward calls?" if times else f"{said}: of other results?"


def _times(held: Any, slope: Any) -> int:
    """How many times as large it is, if that is a small whole number."""
    long = float(np.vdot(slope, slope))
    ratio = float(np.vdot(slope, held)) / long if long > 0 else 0.0
    times = round(ratio) if np.isfinite(ratio) else 0
    same = times > 1 and np.allclose(held, np.multiply(slope, times), rtol=1e-4, atol=1e-12)
    return times if same and times <= 5 else 0
