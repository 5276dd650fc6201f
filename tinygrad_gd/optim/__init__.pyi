# Made by python -m tests.stubs from the registry; a test fails when it is not up to date.

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

from . import lr_scheduler as lr_scheduler
from .adaptive import Adadelta as Adadelta
from .adaptive import Adagrad as Adagrad
from .adaptive import Adam as Adam
from .adaptive import Adamax as Adamax
from .adaptive import AdamW as AdamW
from .adaptive import NAdam as NAdam
from .adaptive import RAdam as RAdam
from .adaptive import RMSprop as RMSprop
from .classic import ASGD as ASGD
from .classic import Rprop as Rprop
from .clipping import clip_grad_norm_ as clip_grad_norm_
from .clipping import clip_grad_value_ as clip_grad_value_
from .lbfgs import LBFGS as LBFGS
from .lion import Lion as Lion
from .minimizers import minimize as minimize
from .muon import Muon as Muon
from .optimizer import Optimizer as Optimizer
from .sgd import SGD as SGD

__all__ = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Lion", "Muon", "NAdam",
    "Optimizer", "RAdam", "RMSprop", "Rprop", "clip_grad_norm_", "clip_grad_value_", "lr_scheduler",
    "minimize",
]
