"""Programs: a training step as readable NumPy, replayed with fixed buffers.

A run is captured as instructions, improved without changing a bit, and written as text twice: for
people and for the machine.

The story is `ir`, what a program is; `compiled`, which decides when one may stand for its function; and
`passes`, which make it shorter (`fused_updates` is the largest). Then each room opens alone:

- `capture/` makes a program of a run: it watches the function, and what primitives do not tell.
- `guards/` say how long it holds: what the function sees by name, and what else it relies on.
- `replay/` plans where arrays live and which calls are fastest, writes the text and runs it.
- `text/` writes for people: NumPy source, formulas, and the gradient of a recorded loss.
"""

from .compiled import Compiled, compile
from .text.latex import latex
from .text.recorded import source

__all__ = ["Compiled", "compile", "latex", "source"]
