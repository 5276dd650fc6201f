"""From NumPy's complaint to one that names the operation, the tensors and the cure."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..errors import (
    DTypeError,
    IndexingError,
    MatrixError,
    OptionError,
    ShapeError,
    TinygradGdError,
    describe,
)
from .elsewhere import cure_of_option

Called = TypeVar("Called", bound=Callable[..., Any])

#: What helps, for each of NumPy's complaints; the keys are words of theirs.
_CURES = {
    # axes and counts
    "interpreted as an integer": "axes, lengths and counts are integers, several of them a tuple such "
                                 "as (0, 1)",
    "integer is required": "axes, lengths and counts are integers",
    "integer argument expected": "axes, lengths and counts are integers",
    "integer scalar arrays": "axes, lengths and counts are integers, several of them a tuple such as "
                             "(0, 1)",
    "duplicate value": "name each axis once",
    "repeated axis": "name each axis once",
    "Duplicate axes": "name each axis once",
    "truth value": "each option is one value, not an array",
    "must be a boolean": "write True or False",
    "not iterable": "several values are expected there, as a tuple such as (0, 1)",
    "no attribute": "an array or a Tensor is expected there; make one with np.asarray",
    "cannot be the same": "name two different axes",
    "axes don't match": "give every axis once, or swap two with .swapaxes(i, j)",
    "size not equal to one": "only axes of length 1 can go; use sum or an index for others",
    "same number of elements": "name as many destinations as sources",
    # shapes
    "same number of dimensions": "insert axes with x[None] or x[:, None], or use stack for a new axis",
    "must match exactly": "lengths may differ along axis= only; check axis=, or pad",
    "must have the same shape": "use concatenate to join along an axis that is there, or broadcast_to",
    "at least one array": "the list is empty; check its length first",
    "zero-dimensional arrays": "use stack to join numbers, or reshape each to (1,)",
    "negative dimensions": "lengths and counts must be at least 0",
    "repeats may not": "counts must be at least 0",
    "cannot reshape": "the lengths must multiply to the number of elements; one of them may be -1",
    "one unknown dimension": "leave only one length as -1",
    "could not broadcast input": "each length must stay as it is, unless it is 1; new axes come first",
    "at least two dimensions": "insert an axis with x[:, None]; diag makes a matrix of a vector",
    "must be 1- or 2-d": "use diagonal for the diagonals of more axes",
    # elements
    "integer power": "integers have no negative powers; use .astype(float), or np.float_power",
    "enough dimensions": "numbers are multiplied with *",
    "ufunc 'invert'": "compare first, as in ~(x > 0)",
    "numpy boolean": "booleans are compared with & | ^ and ~; use .astype(float) to compute with them",
    "ufunc 'bitwise": "compare first, as in (x > 0) & (y > 0)",
    "ufunc": "check the dtypes; .astype(int) or .astype(float) converts",
    "no identity": "give initial=, the result where there are no elements, or check .size first",
    "empty sequence": "there is no position among no elements; check .size first",
    "too many indices": "give at most one index for each axis; None makes a new one",
    "boolean index did not match": "a mask needs the lengths of the axes that it stands for",
    "out of bounds for axis": "indices run from minus the size to the size minus 1",
    "out of bounds for size": "indices run from minus the size to the size minus 1",
    "small depth": "insert an axis with x[None], or reshape to (1,)",
    "large depth": "use .reshape(-1), or one call for each row",
    "too deep": "use .reshape(-1), or one call for each row",
    "according to the rule": "convert first, with .astype(int) or .astype(float)",
    # matrices
    "Singular": "use np.linalg.pinv or lstsq, or add a small multiple of np.eye(n)",
    "positive definite": "the matrix must be symmetric with positive eigenvalues; add a multiple of "
                         "np.eye(n), or use eigh",
    "square": "for matrices that are not square there are pinv, svd, qr and lstsq",
    "two-dimensional": "insert an axis with x[:, None] or x[None, :]",
    "converge": "look for NaN or infinity in it",
    "Incompatible dimensions": "both must have the same number of rows",
}


#: What NumPy raises when it is called wrongly.
FAILURES = (ValueError, TypeError, IndexError, ArithmeticError, AttributeError)

#: The class of ours for what NumPy raises; a ValueError is mostly about shapes.
_KINDS: dict[type[Exception], type[TinygradGdError]] = {
    np.linalg.LinAlgError: MatrixError, ArithmeticError: OptionError, TypeError: DTypeError,
    AttributeError: DTypeError, np.exceptions.AxisError: ShapeError, IndexError: IndexingError,
}


def _cured(said: str, error: Exception) -> str:
    """What was said, and what helps: the first cure, since the more special ones come first."""
    cure = next((cure for words, cure in _CURES.items() if words in str(error)), "check the arguments")
    return f"{said}; {cure}"


def _shown(options: dict[str, Any]) -> list[str]:
    """Options as they were written; of an array its form only."""
    return [f"{k}={describe(v)}" if hasattr(v, "shape") else f"{k}={v!r}" for k, v in options.items()]


def _said_by(name: str, error: TinygradGdError) -> TinygradGdError:
    """The error of an operation that ``name`` is made of, with this name in front."""
    said: str = getattr(error, "said", str(error))
    kind = type(error)
    if kind not in _KINDS.values() or said.startswith((f"{name}:", f"{name}(", "np.")):
        return error
    named = kind(f"{name}: {said}")
    named.said = said  # type: ignore[attr-defined]
    return named


def explain_failure(
    primitive: Any, inputs: Any, params: dict[str, Any], error: Exception, target: Any = None
) -> Exception:
    """The exception to raise when ``primitive`` failed on ``inputs`` with NumPy's ``error``."""
    name = primitive.name
    if hasattr(axis := params.get("axis"), "shape"):
        pairs = f"; the {name} of each pair in two arrays is np.{name}imum(x, y)"
        return DTypeError(f"{name}: axis= is an integer or a tuple of them, got {describe(axis)}"
                          f"{pairs if name in ('max', 'min') else ''}")
    if isinstance(error, TinygradGdError):
        ours = primitive.kind != "check" and _raised_inside(error)
        return _said_by(name, error) if ours else error
    what = ", ".join(describe(x, i) for i, x in enumerate(inputs))
    options = "".join(f", {o}" for o in _shown({k: v for k, v in params.items() if v is not None}))
    if primitive.elementwise and isinstance(error, TypeError) and any(x is None for x in inputs):
        return DTypeError(f"{name}: expected numbers, got {what}; a .grad is None until backward() has "
                          "run, and after zero_grad()")
    if target is not None:
        how = "assign" if name == "positive" else f"{name} in place"
        return ShapeError(
            f"{how}: cannot write {what} into {describe(target)}: {error}; the result "
            "must have the shape and a castable dtype of the tensor written to"
        )
    if isinstance(error, IndexError) and not isinstance(error, np.exceptions.AxisError):
        return IndexingError(_cured(f"{name}: {error}; indexed: {describe(inputs[0])}", error))
    if "unexpected keyword argument" in str(error):
        return unknown_option(name, _named_in(error), primitive.parameters)
    if "required positional argument" in str(error):
        missing = str(error).partition("argument")[2].lstrip("s: ")
        called = ", ".join((*primitive.arguments, *primitive.parameters))
        return DTypeError(f"{name}: {missing} is missing; it is called with ({called})")
    if isinstance(error, TypeError):
        return DTypeError(_cured(f"{name}({what}{options}): {error}", error))
    if explained := _shapes_explained(primitive, inputs, what, error):
        return explained
    kind = next((k for builtin, k in _KINDS.items() if isinstance(error, builtin)), ShapeError)
    return kind(_cured(f"{name}({what}{options}): {error}", error))


def _shapes_explained(primitive: Any, inputs: Any, what: str, error: Exception) -> ShapeError | None:
    """What to say of axes that are not there and shapes that do not fit, if that is what is wrong."""
    name, shapes = primitive.name, [np.shape(getattr(x, "_value", x)) for x in inputs]
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
    return None


def unknown_option(operation: str, wrong: str, options: Any) -> DTypeError:
    """The error for a keyword that an operation does not have, as PyTorch's ``dim``."""
    cure = cure_of_option(operation, wrong)
    return DTypeError(f"{operation}: unknown option {wrong}={f', {cure}' if cure else ''}; the options "
                      f"are {', '.join(options) or 'none'}")


def too_many(operation: str, count: int, names: Any) -> DTypeError:
    """The error for more positional arguments than an operation takes, as PyTorch's ``inplace``."""
    cure = cure_of_option(operation, "...")
    return DTypeError(f"{operation}: got {count} arguments; it is called with ({', '.join(names)})"
                      f"{f'; {cure}' if cure else ''}")


def _named_in(error: Exception) -> str:
    return str(error).partition("argument ")[2].partition(".")[0].strip("'")


def explain_call(
    function: Callable[..., Any], args: Any, options: Any, error: Exception
) -> Exception:
    """The exception to raise when a composition failed; what a function of the user's raised stays."""
    if isinstance(error, TinygradGdError):
        return _said_by(function.__name__, error) if _raised_inside(error) else error
    if explained := _wrong_call(function, args, options):
        return explained
    if not _raised_inside(error):
        return error
    kind = next((k for builtin, k in _KINDS.items() if isinstance(error, builtin)), ShapeError)
    what = [*map(describe, args), *_shown(options)]
    return kind(_cured(f"{function.__name__}({', '.join(what)}): {error}", error))


def _raised_inside(error: Exception) -> bool:
    """Whether it comes from this package or NumPy, and not from a function they were given."""
    step = error.__traceback__
    while step is not None:
        module = step.tb_frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in ("tinygrad_gd", "numpy"):
            return False
        step = step.tb_next
    return True


def answering(function: Called) -> Called:
    """``function``, which answers arguments that do not fit with its signature and a cure."""

    @functools.wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except TypeError as error:
            at_the_call = error.__traceback__ is not None and error.__traceback__.tb_next is None
            wrong = _wrong_call(function, args, options) if at_the_call else None
            if wrong is None:
                raise
        raise wrong

    return called  # type: ignore[return-value]


def _wrong_call(function: Callable[..., Any], args: Any, options: Any) -> DTypeError | None:
    """The error for arguments that do not fit a composition's signature; None if they do fit."""
    name = type(args[0]).__name__ if function.__name__ == "__init__" else function.__name__
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions of NumPy tell none
        return None
    try:
        signature.bind(*args, **options)
    except TypeError as error:
        names = signature.parameters
        if "unexpected keyword" in str(error):
            options = [n for n, p in names.items() if p.default is not p.empty]
            return unknown_option(name, _named_in(error), options)
        called = ", ".join(f"{n}=" if p.kind is p.KEYWORD_ONLY else n
                           for n, p in names.items() if n != "self")
        cure = (f"; to compute, make it first and call it then, {name}(...)(x)"
                if name != function.__name__ and any(hasattr(x, "shape") for x in args[1:]) else "")
        return DTypeError(f"{name}: {error}; it is called with ({called}){cure}")
    return None


def _broadcast(shapes: list[tuple[int, ...]]) -> bool:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True
