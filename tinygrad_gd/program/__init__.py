"""Programs: a training step as readable NumPy, replayed with fixed buffers.

The story is `ir`, what a program is; `compiled`, which decides when one may stand for its function; and
`passes`, which make it shorter (`fused_updates` is the largest; `check` says what each must keep). Then
each room opens alone:

- `capture/` makes a program of a run: it watches the function, and what primitives do not tell.
- `guards/` say how long it holds: what the function sees by name, and what else it relies on.
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
