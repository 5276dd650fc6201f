"""The calculus: one row per primitive, in files by kind. Importing this package registers them."""

from . import activations, elementwise, indexing, linalg, reductions, shape
from .activations import relu, sigmoid
from .elementwise import (
    absolute,
    add,
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    clip,
    divide,
    equal,
    exp,
    floor_divide,
    greater,
    greater_equal,
    invert,
    less,
    less_equal,
    log,
    multiply,
    negative,
    not_equal,
    positive,
    power,
    remainder,
    sqrt,
    square,
    subtract,
    tanh,
)  # fmt: skip
from .indexing import getitem, plain_key
from .linalg import matmul
from .reductions import all, any, argmax, argmin, max, mean, min, sum
from .shape import astype, copy, reshape, squeeze, stack, swapaxes, transpose

__all__ = [
    "absolute", "activations", "add", "all", "any", "argmax", "argmin", "astype", "bitwise_and",
    "bitwise_or", "bitwise_xor", "clip", "copy", "divide", "elementwise", "equal", "exp",
    "floor_divide", "getitem", "greater", "greater_equal", "indexing", "invert", "less",
    "less_equal", "linalg", "log", "matmul", "max", "mean", "min", "multiply", "negative",
    "not_equal", "plain_key", "positive", "power", "reductions", "relu", "remainder", "reshape",
    "shape", "sigmoid", "sqrt", "square", "squeeze", "stack", "subtract", "sum", "swapaxes", "tanh",
    "transpose",
]  # fmt: skip
