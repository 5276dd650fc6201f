"""Optimizers, under PyTorch's names.

Read `sgd` with `optimizer`: the latter keeps groups, options and what is remembered for each parameter,
an optimizer is ``update(p, g, options)``. `groups` has the dicts in which options are changed, `hooks`
what is called around a step. Then
`formula`, which counts steps, and `adaptive`, Adam and its kin; `lion`, `muon` and `classic` have more
of them, `lbfgs` with its `line_search` asks for the loss itself. `clipping` is for what
comes before a step; `scheduler`, `lr_scheduler` and `cycles` for what comes between epochs;
`minimizers` hands a loss and its derivatives to SciPy's minimizers.

Surprises here
--------------
- While nobody watches, plain SGD skips ``update`` and writes into the arrays in one loop, with the same
  bits: in small models the calls would take longer than the arithmetic.
- Options are checked when they are set, and not in each step: a group is a dict that calls back.
- Options read in a watched step are no floats but `Live` numbers, so that programs follow schedules.
- The number of the step is a Tensor, which parameters share that were always updated together: a
  program counts on, and computes once what follows from it.
"""

from importlib import import_module
from typing import Any

from ..ground.elsewhere import absent
from .optimizer import Optimizer
from .sgd import SGD

__all__ = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Lion", "Muon", "NAdam",
    "Optimizer", "RAdam", "RMSprop", "Rprop", "clip_grad_norm_", "clip_grad_value_", "lr_scheduler",
    "minimize",
]  # fmt: skip

#: Files that are loaded when one of their names is first asked for, as most programs use few.
_LATER = {
    "adaptive": "Adadelta Adagrad Adam AdamW Adamax NAdam RAdam RMSprop",
    "classic": "ASGD Rprop", "clipping": "clip_grad_norm_ clip_grad_value_", "lbfgs": "LBFGS",
    "lion": "Lion", "minimizers": "minimize", "muon": "Muon",
}
_FILE_OF = {name: file for file, names in _LATER.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name == "lr_scheduler":
        return import_module(f".{name}", __name__)
    if file := _FILE_OF.get(name):
        found = globals()[name] = getattr(import_module(f".{file}", __name__), name)
        return found
    raise absent(__name__, name, f"there are {', '.join(n for n in __all__ if n[0].isupper())}; "
                 "others are a subclass of Optimizer with update(p, g, options)")
