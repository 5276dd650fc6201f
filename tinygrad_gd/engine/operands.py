"""What may stand beside a Tensor in an operation: scalars, arrays, lists; and what may not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import BroadcastWarning, DTypeError, PrecisionWarning, ShapeError, describe
from ..ground.live import Live
from ..ground.storage import NUMERIC_KINDS, LentArray, plain
from ..ground.user_code import user_line, user_stacklevel
from .tensor import Tensor

#: Types that reach NumPy untouched, so that Python scalars stay weak (float32 * 2.0 is float32).
SCALARS: frozenset[Any] = frozenset({float, int, bool, type(None)}) | {
    t for t in np.sctypeDict.values()
    if isinstance(t, type) and issubclass(t, np.floating | np.integer | np.bool_)
    and t is not np.timedelta64
}

#: NumPy has one object for each of its own dtypes.
SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)

#: Primitives that know what to make of another library's containers; they answer None for others.
FOREIGN: dict[str, Callable[[tuple[Any, ...]], Tensor | None]] = {}


def operand(operation: str, x: Any) -> Any:
    """Lists become arrays, lent arrays plain ones; what is not a number is refused."""
    if isinstance(x, Tensor) or type(x) in SCALARS:
        return x
    if isinstance(x, np.ndarray) and x.dtype.kind in NUMERIC_KINDS:
        return plain(x) if isinstance(x, LentArray) else np.array(plain(x))
    if hasattr(x, "to_numpy"):
        return operand(operation, plain(x))
    if hasattr(x, "tocsr"):
        raise DTypeError(f"{operation}: a sparse matrix takes part in products with Tensors only, as "
                         "in tg.matmul(S, t) or t @ S; S.toarray() makes it dense")
    if isinstance(x, int):  # of a subclass, as ``t.size`` is
        return int(x)
    if isinstance(x, list | tuple):
        stacked = _rectangular(operation, x)
        return stacked if isinstance(stacked, Tensor) else operand(operation, stacked)
    raise DTypeError(
        f"{operation}: expected a Tensor, an array or a number, got {describe(x)}; "
        "convert it with np.asarray(values, dtype=float) first"
    )


def values_of(inputs: tuple[Any, ...]) -> list[Any]:
    """What a primitive's function and rules read when they run on arrays."""
    return [x._value if isinstance(x, Tensor) else x.value if type(x) is Live else x for x in inputs]


def frozen(operation: str, option: str, value: Any) -> Any:
    """The value of an option, safe from later changes; a Tensor of floats would lose its gradient."""
    if isinstance(value, list):
        return tuple(frozen(operation, option, v) for v in value)
    if isinstance(value, Tensor):
        if value.dtype.kind == "f":
            raise DTypeError(f"{operation}: {option}= is a plain number, through which no gradient "
                             f"flows, got {describe(value)}; write .item(), or the formula with "
                             "functions of Tensors")
        return frozen(operation, option, value.tolist())
    return value.copy() if type(value) is np.ndarray else value


def _rectangular(operation: str, rows: Any) -> Any:
    try:
        stacked = stack_of_values(rows, keep_graph=True)
        return stacked if isinstance(stacked, Tensor) else np.array(stacked)
    except ValueError as error:
        if isinstance(rows, tuple) and isinstance(rows[0], Tensor):
            raise ShapeError(f"{operation}: got a tuple of parts that differ in shape, the first "
                             f"{describe(rows[0])}; if a layer gave it, as recurrent layers and "
                             "attention do, take the part that is meant: out, _ = layer(x)") from error
        if isinstance(error, ShapeError):
            raise
        raise ShapeError(f"{operation}: expected a rectangular nested list, got rows of different "
                         "lengths; pad them, or use one Tensor per row") from error


def stack_of_values(items: Any, keep_graph: bool = False) -> Any:
    """A nested list in which Tensors are replaced by their values, or recorded as a stack.

    Without ``keep_graph`` a Tensor that requires a gradient is refused: copying only its values
    would cut it off from the graph without a word.
    """
    if not any(isinstance(x, Tensor | list | tuple) for x in items):
        return items
    parts = [stack_of_values(x, keep_graph) if isinstance(x, list | tuple) else x for x in items]
    recorded = next((x for x in parts if isinstance(x, Tensor) and x._requires_grad), None)
    if recorded is None:
        return [x.numpy() if isinstance(x, Tensor) else x for x in parts]
    if keep_graph:
        from ..ops import stack

        return stack(parts)
    raise DTypeError(f"Tensor: the list holds {describe(recorded)}, which requires a gradient that "
                     "would be lost; use tg.stack(list) to keep it, or .detach() to drop it")


#: Marks a leaf that is the copy of a view with an inserted axis.
INSERTED: dict[str, Any] = {"inserted": True}


def inserts_axis(made: str, view: Any) -> bool:
    """Whether an axis of a view was inserted: by None in an index, which NumPy gives the stride 0."""
    return made == "expand_dims" or 0 in view.strides


def _has_new_axis(x: Any, value: Any) -> bool:
    if not isinstance(x, Tensor):
        return 0 in getattr(value, "strides", ())
    return x._params is INSERTED or inserts_axis(x._primitive.name if x._primitive else "", value)


def check_expansion(operation: str, inputs: Any, values: list[Any], value: Any) -> None:
    """Warn, once per user line, when operands of different ndim are all expanded.

    Not for an axis that was inserted on purpose, as in ``rows * columns[:, None]``.
    """
    size, arrays = value.size, []
    for x in values:
        if getattr(x, "ndim", 0):
            if x.size == size:
                return
            arrays.append(x)
    if len({x.ndim for x in arrays}) < 2 or any(map(_has_new_axis, inputs, values)):
        return
    shapes = [x.shape for x in arrays]
    same = f"give them the same shape, for example {describe(inputs[0], 0)} with .reshape({shapes[1]})"
    alike = len(arrays) == len(inputs) == 2 and arrays[0].size == arrays[1].size
    warnings.warn(
        f"{operation}: {'both' if len(shapes) == 2 else 'all'} operands are expanded, "
        f"{' and '.join(map(str, shapes))} to {value.shape} ({user_line()}); if that is not meant, "
        f"{same if alike else 'give them the same shape'}; if it is, insert the axis with [:, None]",
        BroadcastWarning,
        stacklevel=user_stacklevel(),
    )


def check_widening(
    primitive: Any, inputs: Any, params: dict[str, Any], recorded: Tensor, value: Any
) -> None:
    """Warn, once per user line, where float64 data make float64 of what a float32 parameter computes.

    NumPy's promotion decides, and here its effect on speed and memory goes on to the loss and back.
    """
    if primitive.name == "astype":
        return

    def widens(x: Any) -> bool:
        dtype = getattr(x, "dtype", None)
        return (isinstance(dtype, np.dtype) and dtype != recorded.dtype
                and np.result_type(recorded.dtype, dtype) == value.dtype)

    wide = next(filter(widens, (*inputs, *params.values())), None)
    if wide is not None:
        warnings.warn(
            f"{primitive.name}: {describe(recorded)} with {describe(wide)} gives {value.dtype}, in "
            f"which all that follows is computed, too ({user_line()}); if that is not meant, convert "
            f"the data once, x.astype(np.{recorded.dtype}), or write a number as float(x)",
            PrecisionWarning, stacklevel=user_stacklevel())
