# Made by python -m tests.stubs from the registry; a test fails when it is not up to date.

"""Windows on training: why a run converges, diverges or meets a NaN, and what a gradient is made of.

All are loaded when asked for:

- `advice` reads the curvature of a loss: of large models by `spectrum`, which needs only products of
  the Hessian with vectors; `columns` finds the data in the graph, and records the loss again with them
  standardised; `pace` computes what a rate does on a quadratic, `words` says it all. `range_test` tries
  rates instead.
- `watching` notes a run, keeps the norms of gradients and updates, and finds dead units. `flow` has
  them of each layer after one backward pass, `memory` the bytes that its graph holds; `bars` draws
  numbers in a line of text.
- `runs/` records a training run and reads it afterwards; `again` computes a graph at other values.
- `anomaly` stops at the first NaN or infinity.
- `recorded` writes the gradient of a recorded loss as NumPy text, `formulas` as LaTeX.

Surprises here
--------------
- The Hessian is taken of a loss that the user's function has just recorded, so it needs no transform
  of that function, and closures are no hindrance.
- Rules run on Tensors only if asked: `anomaly` judges a rule by what it returns, not by what it does.
"""

from .advice import Advice as Advice
from .advice import advise as advise
from .anomaly import detect_anomaly as detect_anomaly
from .flow import Flow as Flow
from .memory import Memory as Memory
from .range_test import RangeTest as RangeTest
from .range_test import lr_range_test as lr_range_test
from .watching import Units as Units
from .watching import Watch as Watch
from .watching import activations as activations
from .watching import watch as watch

__all__ = [
    "Advice", "Flow", "Memory", "RangeTest", "Units", "Watch", "activations", "advise",
    "detect_anomaly", "lr_range_test", "watch",
]
