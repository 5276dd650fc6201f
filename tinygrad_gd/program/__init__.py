"""Programs: a training step as readable NumPy, replayed with fixed buffers.

A function runs in lockstep with a *trail* of what it computed before. That becomes a *program*, which
*passes* make shorter; it is *planned* and *replayed*, and written as *text*. Read `ir`, what a program
is, and `passes` (`fused` is the largest, `tidy` one for readers, `turned` those about the order
of axes; `factors` says what may come in the place of what); `timing` runs instructions one by one. Then
each room opens alone:

- `lockstep/` compares every operation of a call with the trail, and answers it.
- `capture/` makes a program of a run: it writes down what primitives compute.
- `frozen/` makes one program of a whole call, for functions whose Python is skipped and audited;
  `compiled` offers both.
- `replay/` plans where arrays live and which calls are fastest, writes the text and runs it.
- `text/` writes NumPy source for people.

Surprises here
--------------
- Passes never reorder arithmetic: a program gives the bits of the step it was captured from.
- Composed primitives are run once more on Tensors when captured, so that their NumPy calls are what is
  written down; there is no second definition of anything.
- Small parameters are updated side by side in one array, `replay/` moving their arrays into it.
"""

from ..ground.registry import complete
from .compiled import compile
from .lockstep.function import Compiled

__all__ = ["Compiled", "compile"]

complete()  # else it would be done in a step, whose every call is watched while it is captured
