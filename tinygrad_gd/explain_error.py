"""From NumPy's complaint to one that names the operation, the tensors and the cure."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import (
    DTypeError,
    IndexingError,
    MatrixError,
    OptionError,
    ShapeError,
    TinygradGdError,
    describe,
)

#: What helps when NumPy says that a matrix has not the property it needs.
_MATRIX_CURES = {
    "Singular": "use np.linalg.pinv or lstsq, or add a small multiple of np.eye(n)",
    "positive definite": "the matrix must be symmetric with positive eigenvalues; add a multiple of "
                         "np.eye(n), or use eigh",
    "square": "for matrices that are not square there are pinv, svd, qr and lstsq",
    "two-dimensional": "insert an axis with x[:, None] or x[None, :]",
    "converge": "look for NaN or infinity in it",
}

#: What helps when an option does not fit the array.
_CURES = {
    "cannot reshape": "the lengths must multiply to the array's size, one of them may be -1",
    "one unknown dimension": "one of the lengths may be -1, it follows from the others",
    "size not equal to one": "only axes of length 1 can be taken out",
    "axes don't match": "give every axis once, or swap two with .swapaxes(i, j)",
    "enough dimensions": "numbers are multiplied with *",
    "ufunc 'invert'": "compare first, as in ~(x > 0)",
    "ufunc 'bitwise": "compare first, as in (x > 0) & (y > 0)",
    "no identity": "give initial=, the result where there are no elements, or check .size first",
    "empty sequence": "there is no position among no elements; check .size first",
}


def explain_failure(
    primitive: Any, inputs: Any, params: dict[str, Any], error: Exception, target: Any = None
) -> Exception:
    """The exception to raise when ``primitive`` failed on ``inputs`` with NumPy's ``error``."""
    if isinstance(error, TinygradGdError):
        return error
    name = primitive.name
    what = ", ".join(describe(x, i) for i, x in enumerate(inputs))
    shapes = [np.shape(getattr(x, "_data", x)) for x in inputs]
    options = "".join(f", {k}={v!r}" for k, v in params.items() if v is not None)
    if primitive.elementwise and isinstance(error, TypeError) and any(x is None for x in inputs):
        return DTypeError(f"{name}: expected numbers, got {what}; a .grad is None until backward() has "
                          "run, and after zero_grad()")
    if target is not None:
        return ShapeError(
            f"{name} in place: cannot write {what} into {describe(target)}: {error}; the result "
            "must have the shape and a castable dtype of the tensor written to"
        )
    if isinstance(error, IndexError) and not isinstance(error, np.exceptions.AxisError):
        return IndexingError(f"{name}: {error}; indexed: {describe(inputs[0])}")
    if "unexpected keyword argument" in str(error):
        return unknown_option(name, error, primitive.parameters)
    cures = [cure for key, cure in _CURES.items() if key in str(error)]
    if isinstance(error, TypeError):
        return DTypeError("; ".join([f"{name}({what}{options}): {error}", *cures]))
    if isinstance(error, np.exceptions.AxisError):
        ndim = error.ndim or len(shapes[0])
        return ShapeError(f"{name}: {error}; the array is {describe(inputs[0])}, so axes run from "
                          f"{-ndim} to {ndim - 1}")
    if primitive.elementwise and not _broadcast(shapes):
        pair = " and ".join(map(str, shapes))
        return ShapeError(
            f"{name}: shapes {pair} do not broadcast: {what}. Axes are matched from the last one; "
            "each pair must be equal or contain a 1. Insert an axis with x[:, None] or reshape"
        )
    if name == "matmul" and all(shapes):
        a, b = shapes
        axis = max(len(b) - 2, 0)
        if a[-1] != b[axis]:
            cure = "transpose one of them with .T" if a[-1] == b[-1] or a[0] == b[axis] else (
                "check which axis holds the features")
            return ShapeError(
                f"matmul: axis {len(a) - 1} of {describe(inputs[0], 0)} has length {a[-1]}, but "
                f"axis {axis} of {describe(inputs[1], 1)} has length {b[axis]}; they must be equal, "
                f"{cure}"
            )
    if isinstance(error, np.linalg.LinAlgError):
        cures = [cure for key, cure in _MATRIX_CURES.items() if key in str(error)]
        return MatrixError("; ".join([f"{name}({what}{options}): {error}", *cures]))
    if isinstance(error, ArithmeticError):
        return OptionError(f"{name}({what}{options}): {error}")
    return ShapeError("; ".join([f"{name}({what}{options}): {error}", *cures]))


def unknown_option(operation: str, error: Exception, options: Any) -> DTypeError:
    """The error for a keyword that an operation does not have, as PyTorch's ``dim``."""
    wrong = str(error).partition("argument ")[2].partition(".")[0].strip("'")
    torch_names = {"dim": "axis", "keepdim": "keepdims", "dim0": "axis1", "dim1": "axis2"}
    cure = f"write {torch_names[wrong]}=" if wrong in torch_names else "leave it out"
    return DTypeError(f"{operation}: unknown option {wrong}=, {cure}; the options are "
                      f"{', '.join(options) or 'none'}")


def wrong_call(function: Callable[..., Any], args: Any, options: Any) -> DTypeError | None:
    """The error for arguments that do not fit a composition's signature; None if they do fit."""
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **options)
    except TypeError as error:
        names = signature.parameters
        if "unexpected keyword" in str(error):
            options = [n for n, p in names.items() if p.default is not p.empty]
            return unknown_option(function.__name__, error, options)
        return DTypeError(f"{function.__name__}: {error}; it is called with ({', '.join(names)})")
    return None


def _broadcast(shapes: list[tuple[int, ...]]) -> bool:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True
