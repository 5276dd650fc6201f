"""The calculus: one row per primitive, in files by kind. Importing this package registers them."""

from . import (
    arrange,
    descend,
    differences,
    elementwise,
    indexing,
    linalg,
    neural,
    random,
    reductions,
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
    "absolute", "add", "arrange", "bitwise_and", "bitwise_or", "bitwise_xor", "descend",
    "differences", "divide", "elementwise", "equal", "floor_divide", "getitem", "greater",
    "greater_equal", "indexing", "integer_power", "invert", "less", "less_equal", "linalg", "matmul",
    "multiply", "negative", "neural", "not_equal", "plain_key", "positive", "power", "random",
    "reductions", "remainder", "shape", "sorting", "special", "square", "stack", "statistics",
    "subtract", "transpose", "ufuncs", "updates", "write_item",
]  # fmt: skip
