"""Calls of NumPy that give the same bits as the plain call in less time, for arrays of certain forms.

Each is chosen when a program is planned. Where the arithmetic is another library's, that the bits are
the same is found by trying both on arrays of the same form, so that it holds on any machine.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...ground.fast import (
    LITTLE_ELEMENTS,
    NARROW_ELEMENTS,
    einsum,
    is_half,
    is_sooner_in_rows,
    is_sooner_turned,
)
from ..ir import EXACT, Instruction, Value

#: Elements up to which trying costs nothing worth mentioning.
TRIED_ELEMENTS = 1 << 16

#: Bytes of the arrays into which masks, and short rows, are copied.
SCRATCH_BYTES, ROWS_BYTES = 1 << 17, 1 << 19

#: Elements of a row that is worth copying.
LONG_ROW_ELEMENTS = 64


def shaped(flat: np.ndarray[Any, Any], value: Value) -> np.ndarray[Any, Any]:
    """The first elements of a flat array in a value's shape and memory order."""
    order = value.axes
    first = flat[: value.size]
    made = first.reshape([value.shape[a] for a in order])
    result: np.ndarray[Any, Any] = made.transpose([order.index(i) for i in range(len(order))])
    return result


def _trial(value: Value) -> np.ndarray[Any, Any]:
    """An array in the form of a value whose sums depend on the order of their terms."""
    return copied(value, np.sin(np.arange(1, value.size + 1)).reshape(value.shape))


def is_dot(i: Instruction) -> bool:
    """Whether the method ``dot`` does the same work as np.matmul, and sooner."""
    if i.primitive.name != "matmul":
        return False
    a, b = i.inputs
    if not (isinstance(a, Value) and isinstance(b, Value) and len(a.shape) == len(b.shape) == 2
            and a.dtype == b.dtype and a.dense and b.dense
            and i.output.axes == (0, 1) and i.output.dtype.kind == "f"):
        return False
    if min(*a.shape, *b.shape) > 1:
        return i.output.size <= LITTLE_ELEMENTS  # both call the same BLAS routine
    if not 0 < i.output.size <= TRIED_ELEMENTS or a.size > TRIED_ELEMENTS:
        return False
    x, y = _trial(a), _trial(b)
    return bool(np.array_equal(np.matmul(x, y), np.dot(x, y)))


def copied_first(i: Instruction) -> tuple[int, Value] | None:
    """Which input is taken sooner once it is copied into an array of another form, and that form."""
    if is_dot(i):
        return _factor_copied_first(i)
    if i.primitive.name == "matmul":
        return _rows_of_factor_copied_first(i)
    if i.primitive.name in ("max", "min"):
        return _rows_copied_first(i)
    return _operand_copied_first(i)


def copied(form: Value, x: Any) -> np.ndarray[Any, Any]:
    """A copy in the form of a value."""
    made = shaped(np.empty(form.size, form.dtype), form)
    made[...] = x
    return made


def places(i: Instruction, *indices: Any) -> Any:
    """Where in its memory an array has the elements that an index picks."""
    form = i.inputs[0]
    return i.primitive.run(shaped(np.arange(form.size), form), *indices, **i.params)


def _rows_copied_first(i: Instruction) -> tuple[int, Value] | None:
    """Short rows by columns, if the extreme of each is found so; `extreme` does, too."""
    x = i.inputs[0]
    last = len(x.shape) - 1
    if (last > 0 and x.in_order and x.dense and i.params.get("axis") in (last, -1)
            and 1 < x.shape[-1] <= NARROW_ELEMENTS <= prod(x.shape[:-1]) and x.nbytes <= ROWS_BYTES):
        return 0, Value(x.shape, x.dtype, axes=(last, *range(last)))
    return None


def _factor_copied_first(i: Instruction) -> tuple[int, Value] | None:
    """Which factor of a small product is worth a copy in the other memory order, and its form then.

    OpenBLAS has other code for small products, which reads two matrices along the same axis slowly.
    """
    a, b = i.inputs
    rows, (inner, columns) = a.shape[0], b.shape
    if (a.axes, b.axes) != ((0, 1), (1, 0)):
        return None
    if is_sooner_turned(rows, inner, columns, a.dtype):
        return 0, Value(a.shape, a.dtype, axes=(1, 0))
    if rows < 48 or not 1024 <= inner * columns <= 8192:
        return None
    x, y = _trial(a), _trial(b)
    same = np.array_equal(np.dot(x, y), np.dot(x, np.ascontiguousarray(y)))
    return (1, Value(b.shape, b.dtype, axes=(0, 1))) if same else None


def _rows_of_factor_copied_first(i: Instruction) -> tuple[int, Value] | None:
    """Many small second factors by columns, if they are sooner by rows; `product` does so, too."""
    a, b = i.inputs
    if not (isinstance(a, Value) and isinstance(b, Value) and a.dtype == b.dtype
            and len(a.shape) > 2 and len(b.shape) in (2, len(a.shape)) and b.dense
            and b.nbytes <= ROWS_BYTES):
        return None
    last, often = len(b.shape) - 1, prod(a.shape[:-2]) if len(b.shape) == 2 else 1
    if (a.axes[-1], b.axes[-1]) == (len(a.shape) - 1, last - 1) and is_sooner_in_rows(
            *a.shape[-2:], b.shape[-1], a.dtype, often):
        return 1, Value(b.shape, b.dtype, axes=tuple(range(len(b.shape))))
    return None


def column_sum(i: Instruction) -> str:
    """What einsum adds up all axes but the last by as np.sum does, but without a call for every row."""
    x, axis = i.inputs[0], i.params.get("axis")
    before = tuple(range(len(x.shape) - 1))
    if (i.primitive.name != "sum" or not before or before not in (axis, (axis,))
            or i.params.get("keepdims") or not x.in_order or not x.dense or x.dtype != i.output.dtype
            or x.dtype.kind != "f" or min(x.shape) < 2 or x.size > TRIED_ELEMENTS):
        return ""
    rows, letters = _trial(x), "abcdefghijklmnopqrstuvwxyz"[: len(x.shape)]
    asked = f"{letters}->{letters[-1]}"
    return asked if np.array_equal(einsum(asked, rows), np.add.reduce(rows, before)) else ""


def is_mean_of_half(i: Instruction) -> bool:
    """Whether a sum is added up in float32, as NumPy does, and divided before it is rounded."""
    return i.primitive.name == "mean" and is_half(i.inputs[0])


def takes_number_as_array(i: Instruction) -> bool:
    """Whether NumPy's loop is several times faster beside an array full of a number than beside it."""
    return i.primitive.name in ("maximum", "minimum") and i.output.nbytes <= 1 << 22 and any(
        (x.shape, x.axes) == (i.output.shape, i.output.axes) for x in i.values)


def _operand_copied_first(i: Instruction) -> tuple[int, Value] | None:
    """Which input of an elementwise operation is worth a copy into an array like the result, if any.

    A mask beside numbers is converted piece by piece; beside a matrix with short rows, a row or a
    column is taken up anew for each of them.
    """
    out = i.output
    if not (i.primitive.function in EXACT and 0 < out.nbytes <= SCRATCH_BYTES
            and out.dtype.kind == "f"):
        return None
    for position, x in enumerate(i.inputs):
        other = i.inputs[1 - position]
        if (isinstance(x, Value) and isinstance(other, Value) and other.form == out.form
                and (x.form == (out.shape, np.dtype(bool), *out.form[2:]) or _is_repeated(x, out))):
            return position, out
    return None


def _is_repeated(x: Value, out: Value) -> bool:
    if len(out.shape) != 2 or out.dtype != x.dtype or min(out.shape) < 2:
        return False
    rows, columns = out.shape
    short = columns <= LONG_ROW_ELEMENTS
    if out.axes == (0, 1):
        return short and x.shape in ((columns,), (rows, 1))
    return x.shape == (columns,) or (short and x.shape == (rows, 1))
