# Made by python -m tests.stubs from the registry; a test fails when it is not up to date.

"""Windows on training: why a run converges, diverges or meets a NaN, and what a gradient is made of.

All are loaded when asked for:

- `explaining` tells a pass step by step: `reverse` walks it as the engine does, `rule_text` writes the
  formula of each rule, `naming` says what things are called and `calls` how operations are written,
  `step_words` what is worth saying of a step, and `explained` puts it on a page.
- `diagnosis` finds what is wrong with a gradient: `case` is what is known of it, `broken_chain` says
  why there is none, `never_reached` which leaves miss one, `vanished` why it is 0, `trends` why it
  shrinks or grows on its way back, `too_large` why it is more than expected, `non_finite` where NaN
  comes from.
- `checking` compares somebody's own gradients with the engine's, by `slips`, `slips_in_time` and
  `wrong_shapes`, which name the mistakes; `closeness` says which numbers are the same.
- `advice` reads the curvature of a loss: of large models by `spectrum`, which needs only products of
  the Hessian with vectors; `columns` finds the data in the graph, and records the loss again with them
  standardised; `pace` computes what a rate does on a quadratic, `words` says it all. `range_test` tries
  rates instead.
- `watching` notes a run, keeps the norms of gradients and updates, and finds dead units. `flow` has
  them of each layer after one backward pass, `memory` the bytes that its graph holds; `bars` draws
  numbers in a line of text.
- `runs/` records a training run and reads it afterwards; `again` computes a graph at other values.
- `explorer/` makes a page of a graph, to step through and to drag its leaves.
- `anomaly` stops at the first NaN or infinity.
- `recorded` writes the gradient of a recorded loss as NumPy text, for which `made_of` finds ``X.T`` and
  its like; `formulas` writes it as LaTeX, `written` its parts.

Surprises here
--------------
- The Hessian is taken of a loss that the user's function has just recorded, so it needs no transform
  of that function, and closures are no hindrance.
- The formula of a rule is what it records of itself when it runs on Tensors: there is no table of
  derivatives, but for rules that guard against infinities or work in windows, whose texts are long.
- A pass is explained on the side: hooks do not run, and no ``.grad`` changes.
- Rules run on Tensors only if asked: `anomaly` judges a rule by what it returns, not by what it does.
"""

from .advice import Advice as Advice
from .advice import advise as advise
from .anomaly import detect_anomaly as detect_anomaly
from .diagnosis import Diagnosis as Diagnosis
from .diagnosis import why as why
from .explaining import Explanation as Explanation
from .explaining import explain as explain
from .flow import Flow as Flow
from .memory import Memory as Memory
from .range_test import RangeTest as RangeTest
from .range_test import lr_range_test as lr_range_test
from .watching import Units as Units
from .watching import Watch as Watch
from .watching import activations as activations
from .watching import watch as watch

__all__ = [
    "Advice", "Diagnosis", "Explanation", "Flow", "Memory", "RangeTest", "Units", "Watch",
    "activations", "advise", "detect_anomaly", "explain", "lr_range_test", "watch", "why",
]
