"""The calculus: one row per primitive, in files by kind. Importing this package registers them.

Read `elementwise` first, then `reductions` and `shape`. `ufuncs` and `special` go on with functions of
elements; `running`, `statistics`, `norms` and `differences` with sums; `arrange`, `indexing`,
`choices`, `updates` and `sorting` with where elements are; `random` draws them. `linalg/` has
matrices, `neural/` what layers compute. `signatures` puts NumPy's full signatures before primitives
with few options, `in_rules` has what rules are written with and `powers` those of ``x ** y``, `descend`
is the step all gradient methods end with, `unnamed` what transforms and programs need.
`ambiguous` refuses calls under ``tg`` that PyTorch would run with another result.

Surprises here
--------------
- ``run=operator.add``: Python's operators give a ufunc's bits with less overhead on NumPy's scalars.
- ``t ** 3`` multiplies: up to ninety times as fast as `numpy.power`, and not always its last bit.
- `descend` updates large arrays in blocks that stay in the cache, so that ``rate * g`` is never whole.
- NumPy's functions with many options (where=, dtype=) are compositions, so that a primitive has few.
"""

from . import (
    ambiguous,
    arrange,
    choices,
    descend,
    differences,
    elementwise,
    indexing,
    linalg,
    neural,
    norms,
    random,
    reductions,
    running,
    shape,
    sorting,
    special,
    statistics,
    ufuncs,
    updates,
)
from .elementwise import (
    absolute,
    add,
    divide,
    equal,
    greater,
    greater_equal,
    integer_power,
    less,
    less_equal,
    multiply,
    negative,
    not_equal,
    positive,
    power,
    square,
    subtract,
)
from .indexing import getitem, plain_key, write_item
from .linalg.products import matmul
from .shape import stack, transpose
from .ufuncs import bitwise_and, bitwise_or, bitwise_xor, floor_divide, invert, remainder

__all__ = [
    "absolute", "add", "ambiguous", "arrange", "bitwise_and", "bitwise_or", "bitwise_xor", "choices",
    "descend",
    "differences", "divide", "elementwise", "equal", "floor_divide", "getitem", "greater",
    "greater_equal", "indexing", "integer_power", "invert", "less", "less_equal", "linalg",
    "matmul", "multiply", "negative", "neural", "norms", "not_equal", "plain_key", "positive",
    "power", "random", "reductions", "remainder", "running", "shape", "sorting", "special",
    "square", "stack", "statistics", "subtract", "transpose", "ufuncs", "updates", "write_item",
]  # fmt: skip
