"""Programs: a training step as readable NumPy, replayed with fixed buffers.

A run is captured (`capture`) as instructions (`ir`), improved without changing a bit (`passes`), and
written as text twice: for people (`source`) and for the machine (`replay`). `compiled` decides when
a program may stand for the function it came from, with the help of `guards`.
"""

from .compiled import Compiled, compile
from .latex import latex
from .recorded import source

__all__ = ["Compiled", "compile", "latex", "source"]
