"""The calculus: one row per primitive, in files by kind. Importing this package registers them."""

from . import (
    activations,
    arrange,
    conditioning,
    convolution,
    determinants,
    differences,
    einsum,
    elementwise,
    factorizations,
    indexing,
    interpolation,
    least_squares,
    linalg,
    linear,
    linear_systems,
    pooling,
    random,
    reductions,
    shape,
    sorting,
    special,
    statistics,
    ufuncs,
    updates,
    windows,
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
from .linalg import matmul
from .shape import stack, transpose
from .ufuncs import (
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    floor_divide,
    invert,
    remainder,
)

__all__ = [
    "absolute", "activations", "add", "arrange", "bitwise_and", "bitwise_or", "bitwise_xor",
    "conditioning", "convolution", "determinants", "differences", "divide", "einsum",
    "elementwise", "equal", "factorizations", "floor_divide", "getitem", "greater",
    "greater_equal", "indexing", "integer_power", "interpolation", "invert", "least_squares",
    "less", "less_equal", "linalg", "linear", "linear_systems", "matmul", "multiply", "negative",
    "not_equal", "plain_key", "pooling", "positive", "power", "random", "reductions", "remainder",
    "shape", "sorting", "special", "square", "stack", "statistics", "subtract", "transpose",
    "ufuncs", "updates", "windows", "write_item",
]  # fmt: skip
