"""How a Tensor shows itself: printed, formatted, drawn, explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..pictures.drawing import Drawing
    from ..study.diagnosis import Diagnosis
    from ..study.explaining import Explanation
    from ..study.memory import Memory


class Looks:
    """What a Tensor shows of itself; a base of Tensor."""

    __slots__ = ()

    def __repr__(self: Any) -> str:
        self._leaves_the_graph("repr()")
        values = np.array2string(np.asarray(self._value), separator=", ", prefix="Tensor(",
                                 threshold=60)
        notes = [f"shape={self.shape}", f"dtype={self.dtype}"]
        if self.name:
            notes.append(f"name={self.name!r}")
        if self.op is not None:
            notes.append(f"made by {self.op.name}")
        elif self.requires_grad:
            notes.append("requires_grad=True")
        return f"{self._made_as.__name__}({values}, {', '.join(notes)})"

    def __format__(self: Any, spec: str) -> str:
        return format(self._number("format"), spec) if spec else str(self)

    def draw(self: Any, **options: Any) -> Drawing:
        """The recorded graph as a picture; options as in `tinygrad_gd.draw`."""
        from ..pictures import draw  # the looks upwards: windows, opened only when asked for

        return draw(self, **options)

    def memory(self: Any) -> Memory:
        """What the recorded graph holds until its backward pass, by operation and by line."""
        from ..study.memory import memory

        return memory(self)

    def explain(self: Any, at: Any = None, blank: bool = False) -> Explanation:
        """How it was computed and how gradients flow back, step by step in numbers.

        ``at`` is a Tensor or its name, to explain only that one; with ``blank`` the pass backwards is
        a worksheet, and its key.
        """
        from ..study.explaining import explain

        return explain(self, at, blank)

    def why(self: Any, loss: Any = None) -> Diagnosis:
        """Why its gradient is None, 0, NaN or larger than expected: causes, evidence and cures.

        Of a loss, all gradients are looked at. What was derived is known if the run was watched, with
        ``tg.study.watch()``; else give it as ``loss``.
        """
        from ..study.diagnosis import why

        return why(self, loss)
