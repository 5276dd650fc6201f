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

from importlib import import_module
from typing import Any

from ..ground.elsewhere import absent

__all__ = [
    "Advice", "Flow", "Memory", "RangeTest", "Units", "Watch", "activations", "advise",
    "detect_anomaly", "lr_range_test", "watch",
]  # fmt: skip

_LATER = {
    "advice": "Advice advise", "anomaly": "detect_anomaly", "range_test": "RangeTest lr_range_test",
    "flow": "Flow", "memory": "Memory", "watching": "Units Watch activations watch",
}
_FILE_OF = {name: file for file, names in _LATER.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if file := _FILE_OF.get(name):
        found = globals()[name] = getattr(import_module(f".{file}", __name__), name)
        return found
    raise absent(__name__, name)
