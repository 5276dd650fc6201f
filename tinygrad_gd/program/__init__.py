"""Programs: a training step as readable NumPy, replayed with fixed buffers.

A function runs in lockstep with a trail of what it computed before. That becomes a program, which
passes make shorter; it is planned, and replayed. Read `ir`, what a program is, and `passes`
(`fused_updates` is the largest, `tidy` those for readers; `factors` and `check` say what each must
keep). Then each room opens alone:

- `lockstep/` compares every operation of a call with the trail, and answers it.
- `capture/` makes a program of a run: it writes down what primitives compute.
- `guards/` are for `compiled`, the frozen tier, which skips Python: they say how long a program holds.
- `replay/` plans where arrays live and which calls are fastest, writes the text and runs it.
- `text/` writes for people: NumPy source, formulas, and the gradient of a recorded loss.

Surprises here
--------------
- Passes never reorder arithmetic: a program gives the bits of the step it was captured from.
- Composed primitives are run once more on Tensors when captured, so that their NumPy calls are what is
  written down; there is no second definition of anything.
- Small parameters are updated side by side in one array, `replay/` moving their arrays into it.
"""

from ..ground.registry import complete
from .compiled import Compiled, compile
from .text.latex import latex
from .text.recorded import source

__all__ = ["Compiled", "compile", "latex", "source"]

complete()  # else it would be done in a step, whose every call is watched while it is captured
