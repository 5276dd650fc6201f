"""Programs: a training step as readable NumPy, replayed with fixed buffers.

A run is captured as instructions, improved without changing a bit, and written as text twice: for
people and for the machine.

- `ir` is what a program is, `capture` makes one of a run. `watch` runs the function and hears of what
  primitives do not tell: names, and `effects` that a replay would leave out. `masks` are checked in it,
  and `arrays` stay what they are to the function.
- `passes` make it shorter; `planner` and `kernels` say where its arrays live and which calls are
  fastest: small parameters lie side by side (`together`, `seats`). `replay` writes and runs the text
  with buffers, and `memory` is what they take. `source` (with `literals`) and `latex` write for people,
  `recorded` does so for the graph of a loss.
- `compiled` decides when a program may stand for its function: after two equal runs (`compare`), for
  calls of the same form (`arguments`), while its `guards` hold. These put what the function sees by
  name (`variables`) and what else it relies on into one expression (`conditions`).
- `lines` finds the user's lines, which notices and texts point at.
"""

from .compiled import Compiled, compile
from .latex import latex
from .recorded import source

__all__ = ["Compiled", "compile", "latex", "source"]
