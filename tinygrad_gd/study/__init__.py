"""Windows on training: why a run converges, diverges or meets a NaN, and what a gradient is made of.

`advice` reads the curvature of a loss, `anomaly` stops at the first NaN or infinity. `recorded` writes
the gradient of a recorded loss as NumPy text, `formulas` as LaTeX; both are loaded when asked for.

Surprises here
--------------
- The Hessian is taken of a loss that the user's function has just recorded, so it needs no transform
  of that function, and closures are no hindrance.
- Rules run on Tensors only if asked: `anomaly` judges a rule by what it returns, not by what it does.
"""

from .advice import Advice, advise
from .anomaly import detect_anomaly

__all__ = ["Advice", "advise", "detect_anomaly"]
