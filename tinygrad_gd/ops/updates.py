"""NumPy's functions that write into an array, as functions that return a changed copy.

``np.put(t, ...)`` itself refuses a Tensor, since nothing could record what it does to it; these have
its name and arguments, and gradients flow to the array and to the new values. `Tensor.at` says the
same with any kind of index.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.registry import implements
from .arrange import resize
from .elementwise import where
from .indexing import At, along_key, fitted, in_range, integer_indices
from .shape import reshape
from .signatures import as_tensor


def _mask(operation: str, a: Tensor, mask: Any) -> Any:
    given = as_tensor(operation, mask)
    if given.shape != a.shape:
        raise ShapeError(f"{operation}: expected a mask of the shape of {describe(a)}, got "
                         f"{describe(given)}")
    return (given != 0).detach()


def _repeated(operation: str, values: Any, shape: Any) -> Tensor:
    """The values in ``shape``, from the start again as often as needed, as NumPy's functions do."""
    values = as_tensor(operation, values)
    if not values.size:
        raise ShapeError(f"{operation}: expected at least one value, got {describe(values)}")
    result: Tensor = values if values.shape == shape else resize(values, shape)
    return result


@implements()
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> Tensor:
    """``a`` with ``v`` at the places ``ind`` of the flattened array; for ``mode`` see `take`.

    >>> import tinygrad_gd as tg
    >>> tg.put(tg.Tensor([[1.0, 2.0], [3.0, 4.0]]), [0, -1], [10.0, 40.0]).tolist()
    [[10.0, 2.0], [3.0, 40.0]]
    """
    x, places = as_tensor("put", a), integer_indices("put", ind)
    if not places.size:
        return x.copy()
    places = in_range("put", places, x.size, mode)
    changed = At(reshape(x, -1), "put")[places].set(_repeated("put", v, places.shape))
    return reshape(changed, x.shape)


@implements()
def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None = -1) -> Tensor:
    """``arr`` with ``values`` at the places that `take_along_axis` would read.

    >>> import tinygrad_gd as tg
    >>> tg.put_along_axis(tg.Tensor([[1.0, 2.0], [3.0, 4.0]]), [[1], [0]], 0.0, axis=1).tolist()
    [[1.0, 0.0], [0.0, 4.0]]
    """
    arr, indices = as_tensor("put_along_axis", arr), integer_indices("put_along_axis", indices)
    a, axis = (reshape(arr, -1), 0) if axis is None else (arr, axis)
    key = along_key("put_along_axis", a, indices, axis)
    return reshape(At(a, "put_along_axis")[key].set(values), arr.shape)


@implements()
def putmask(a: Any, mask: Any, values: Any) -> Tensor:
    """``a`` with ``values`` where the mask holds: the value at the same place, repeated if too few.

    >>> import tinygrad_gd as tg
    >>> tg.putmask(tg.Tensor([1.0, 2.0, 3.0]), [True, False, True], [10.0, 20.0]).tolist()
    [10.0, 2.0, 10.0]
    """
    a = as_tensor("putmask", a)
    new = _repeated("putmask", values, a.shape)
    result: Tensor = where(_mask("putmask", a, mask), fitted("putmask", new, a), a)
    return result


@implements()
def place(arr: Any, mask: Any, vals: Any) -> Tensor:
    """``arr`` with the first of ``vals`` at the first place where the mask holds, and so on.

    >>> import tinygrad_gd as tg
    >>> tg.place(tg.Tensor([1.0, 2.0, 3.0]), [True, False, True], [10.0, 20.0]).tolist()
    [10.0, 2.0, 20.0]
    """
    arr = as_tensor("place", arr)
    chosen, vals = _mask("place", arr, mask), reshape(as_tensor("place", vals), -1)
    if not vals.size:
        raise ShapeError(f"place: expected at least one value, got {describe(vals)}")
    before = reshape(np.cumsum(chosen) - 1, arr.shape)  # chosen places in front of each one
    result: Tensor = where(chosen, fitted("place", vals, arr)[before % vals.size], arr)
    return result


@implements()
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> Tensor:
    """``a`` with ``val`` on the main diagonal: a number, or values for its places in order.

    >>> import tinygrad_gd as tg
    >>> tg.fill_diagonal(tg.Tensor([[1.0, 2.0], [3.0, 4.0]]), [10.0, 40.0]).tolist()
    [[10.0, 2.0], [3.0, 40.0]]
    """
    if wrap:
        raise OptionError("fill_diagonal: wrap= is not supported with Tensors; set the other diagonals "
                          "with t.at[rows, columns].set(values)")
    x = as_tensor("fill_diagonal", a)
    if x.ndim < 2 or (x.ndim > 2 and len(set(x.shape)) > 1):
        raise ShapeError(f"fill_diagonal: expected a matrix, or an array with equal axes, got "
                         f"{describe(x)}")
    places = np.arange(min(x.shape))
    if not places.size:
        return x.copy()
    return At(x, "fill_diagonal")[(places,) * x.ndim].set(_repeated("fill_diagonal", val, places.shape))
