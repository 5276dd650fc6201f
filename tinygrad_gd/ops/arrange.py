"""Joining, splitting and turning arrays: compositions of the primitives in `shape`."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, IndexingError, OptionError, ShapeError, describe
from ..ground.registry import implements
from .indexing import fitted, plain_key
from .reductions import sum as sum_of
from .shape import (
    FEW_PARTS,
    along,
    axis_of,
    broadcast_to,
    concatenate,
    cut,
    diag,
    diagonal,
    expand_dims,
    flip,
    moveaxis,
    reshape,
    stack,
    swapaxes,
)
from .signatures import as_tensor


def _all_tensors(operation: str, arrays: Any) -> list[Tensor]:
    return [as_tensor(operation, a) for a in arrays]


# -- as many axes as needed ------------------------------------------------------------------------


def _grown(operation: str, arrays: Any, shape_of: Callable[[tuple[int, ...]], Any]) -> Any:
    grown = []
    for a in _all_tensors(operation, arrays):
        shape = shape_of(a.shape)
        grown.append(a if shape == a.shape else reshape(a, shape))
    return grown[0] if len(grown) == 1 else tuple(grown)


@implements(np.atleast_1d)
def atleast_1d(*arrays: Any) -> Tensor | Any:
    """The arrays with at least one axis; several give a tuple."""
    return _grown("atleast_1d", arrays, lambda shape: shape or (1,))


@implements(np.atleast_2d)
def atleast_2d(*arrays: Any) -> Tensor | Any:
    """The arrays with at least two axes, new ones in front."""
    return _grown("atleast_2d", arrays, lambda shape: (1,) * (2 - len(shape)) + shape)


@implements(np.atleast_3d)
def atleast_3d(*arrays: Any) -> Tensor | Any:
    """The arrays with at least three axes: (n,) becomes (1, n, 1), (m, n) becomes (m, n, 1)."""
    forms: dict[int, Callable[[tuple[int, ...]], Any]] = {
        0: lambda s: (1, 1, 1), 1: lambda s: (1, *s, 1), 2: lambda s: (*s, 1)}
    return _grown("atleast_3d", arrays, lambda s: forms.get(len(s), tuple)(s))


@implements(np.ravel)
def ravel(a: Any, order: Any = "C") -> Tensor:
    """All elements along one axis."""
    return reshape(a, -1, order)


@implements(np.broadcast_arrays)
def broadcast_arrays(*arrays: Any) -> tuple[Tensor, ...]:
    """The arrays, repeated to their common shape."""
    tensors = _all_tensors("broadcast_arrays", arrays)
    try:
        shape = np.broadcast_shapes(*(t.shape for t in tensors))
    except ValueError as error:
        raise ShapeError("broadcast_arrays: shapes do not broadcast: "
                         f"{', '.join(map(describe, tensors))}") from error
    return tuple(t if t.shape == shape else broadcast_to(t, shape) for t in tensors)


@implements(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False,
             indexing: str = "xy") -> tuple[Tensor, ...]:
    """Coordinate arrays of the grid that the vectors ``xi`` span."""
    if indexing not in ("xy", "ij"):
        raise OptionError(f"meshgrid: indexing= must be 'xy' or 'ij', got {indexing!r}")
    n, vectors = len(xi), _all_tensors("meshgrid", xi)
    place = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    grids = [reshape(x, (1,) * k + (-1,) + (1,) * (n - 1 - k))
             for k, x in zip(place, vectors, strict=True)]
    return tuple(grids) if sparse else broadcast_arrays(*grids)


# -- other orders of the axes ----------------------------------------------------------------------


@implements(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Tensor:
    """``axis`` moved back until it lies before ``start``."""
    a = as_tensor("rollaxis", a)
    axis = axis_of("rollaxis", a, axis)
    start = axis_of("rollaxis", a, start, extra=1) if start >= 0 else start + a.ndim
    return moveaxis(a, axis, start - 1 if axis < start else start)


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Any) -> Tensor:
    """The last two axes swapped."""
    return swapaxes(x, -1, -2)


@implements(np.fliplr)
def fliplr(m: Any) -> Tensor:
    """The columns (axis 1) in reverse."""
    return flip(m, 1)


@implements(np.flipud)
def flipud(m: Any) -> Tensor:
    """The rows (axis 0) in reverse."""
    return flip(m, 0)


@implements(np.rot90)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Tensor:
    """``m`` turned by 90 degrees ``k`` times, from the first of ``axes`` toward the second."""
    m, k = as_tensor("rot90", m), index(k)
    first, second = (axis_of("rot90", m, axis) for axis in axes)
    if first == second:
        raise ShapeError(f"rot90: axes= must be two different axes, got {axes}")
    if k % 4 == 2:
        return flip(m, (first, second))
    if k % 4 == 1:
        return swapaxes(flip(m, second), first, second)
    return flip(swapaxes(m, first, second), second) if k % 4 == 3 else m.copy()


# -- joining ---------------------------------------------------------------------------------------


def _joined(arrays: list[Tensor], axis: Any) -> Tensor:
    return concatenate(arrays, axis=axis)


def _cast(operation: str, arrays: list[Tensor], dtype: Any, casting: Any) -> list[Tensor]:
    """The arrays in ``dtype``, if ``casting`` allows for that."""
    if casting not in ("no", "equiv", "safe", "same_kind", "unsafe"):
        raise OptionError(f"{operation}: casting= must be 'no', 'equiv', 'safe', 'same_kind' or "
                          f"'unsafe', got {casting!r}")
    if dtype is None:
        return arrays
    for k, a in enumerate(arrays):
        if not np.can_cast(a.dtype, dtype, casting):
            raise DTypeError(f"{operation}: cannot cast {describe(a, k)} to {np.dtype(dtype)}, which "
                             f"is not {casting!r}; leave dtype= out, or give casting='unsafe'")
    return [a.astype(dtype) for a in arrays]


@implements(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Tensor:
    """Side by side: joined along axis 1, vectors along their only axis."""
    arrays = [atleast_1d(a) for a in tup]
    arrays = _cast("hstack", arrays, dtype, casting)
    return _joined(arrays, 0 if arrays and arrays[0].ndim == 1 else 1)


@implements(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Tensor:
    """On top of each other: joined along axis 0, vectors as rows."""
    return _joined(_cast("vstack", [atleast_2d(a) for a in tup], dtype, casting), 0)


@implements(np.dstack)
def dstack(tup: Any) -> Tensor:
    """Behind each other: joined along axis 2."""
    return _joined([atleast_3d(a) for a in tup], 2)


@implements(np.column_stack)
def column_stack(tup: Any) -> Tensor:
    """Vectors as the columns of a matrix."""
    arrays = _all_tensors("column_stack", tup)
    return _joined([reshape(a, (-1, 1)) if a.ndim < 2 else a for a in arrays], 1)


@implements(np.block)
def block(arrays: Any) -> Tensor:
    """A matrix from nested lists of blocks, the innermost lists joined along the last axis."""
    ndim = max(_depth(arrays), _widest(arrays))
    return _block(arrays, _depth(arrays), ndim)


def _depth(arrays: Any) -> int:
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(a) for a in arrays}
    if len(depths) != 1:
        raise ShapeError("block: expected lists nested equally deep and not empty, got depths "
                         f"{sorted(depths)}")
    return 1 + depths.pop()


def _widest(arrays: Any) -> int:
    return max(map(_widest, arrays)) if isinstance(arrays, list) else np.ndim(arrays)


def _block(arrays: Any, depth: int, ndim: int) -> Tensor:
    if depth:
        return _joined([_block(a, depth - 1, ndim) for a in arrays], -depth)
    a = as_tensor("block", arrays)
    return a if a.ndim == ndim else reshape(a, (1,) * (ndim - a.ndim) + a.shape)


@implements(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Tensor:
    """``values`` after ``arr``; both flattened without ``axis``."""
    return _joined(_all_tensors("append", (arr, values)), axis)


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Tensor:
    """``values`` before the positions ``obj`` (an integer, a slice or a list) along ``axis``."""
    a, new = _all_tensors("insert", (arr, values))
    if axis is None:
        a, axis = reshape(a, -1), 0
    axis = axis_of("insert", a, axis)
    n = a.shape[axis]
    indices = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj)
    if not indices.size:
        indices = indices.astype(int)  # the empty list
    new = reshape(new, (1,) * (a.ndim - new.ndim) + new.shape)
    if indices.ndim == 0:
        new = moveaxis(new, 0, axis)
    size = new.shape[axis] if indices.size == 1 else indices.size
    new = broadcast_to(fitted("insert", new, a), (*a.shape[:axis], size, *a.shape[axis + 1 :]))
    places = _places("insert", a, np.insert, np.arange(n), indices, np.arange(n, n + size))
    return along(_joined([a, new], axis), axis, places)


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: int | None = None) -> Tensor:
    """``arr`` without the positions ``obj`` (an integer, a slice, a list or a mask) along ``axis``."""
    a = as_tensor("delete", arr)
    if axis is None:
        a, axis = reshape(a, -1), 0
    axis = axis_of("delete", a, axis)
    places = _places("delete", a, np.delete, np.arange(a.shape[axis]), obj)
    return along(a, axis, places)


def _places(operation: str, a: Tensor, function: Callable[..., Any], *args: Any) -> Any:
    """Where the elements of the result come from, as NumPy itself says."""
    try:
        return function(*map(plain_key, args))
    except (IndexError, ValueError) as error:
        raise IndexingError(f"{operation}: {error}; the array is {describe(a)}") from error


# -- splitting -------------------------------------------------------------------------------------


@implements(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Parts along ``axis``: about equal ones for a number, cut at the given indices for a list."""
    a = as_tensor("array_split", ary)
    axis = axis_of("array_split", a, axis)
    n = a.shape[axis]
    if np.ndim(indices_or_sections):
        cuts = [index(i) for i in indices_or_sections]
    else:
        parts = index(indices_or_sections)
        if parts < 1:
            raise OptionError(f"array_split: the number of parts must be at least 1, got {parts}")
        small, larger = divmod(n, parts)
        cuts = [i * small + min(i, larger) for i in range(1, parts)]
    return cut(a, axis, [0, *cuts, n])


@implements(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Equal parts along ``axis``, or parts cut at the given indices.

    >>> import numpy as np, tinygrad_gd as tg
    >>> first, second = np.split(tg.Tensor([1.0, 2.0, 3.0, 4.0]), 2)
    >>> second.tolist()
    [3.0, 4.0]
    """
    a = as_tensor("split", ary)
    n = a.shape[axis_of("split", a, axis)]
    if not np.ndim(indices_or_sections) and indices_or_sections and n % indices_or_sections:
        raise ShapeError(f"split: axis {axis} of {describe(a)} has length {n}, which does not divide "
                         f"into {indices_or_sections} equal parts; use array_split for unequal ones")
    return array_split(a, indices_or_sections, axis)


def _split_along(name: str, a: Any, parts: Any, axis: int, least: int) -> list[Tensor]:
    a = as_tensor(name, a)
    if a.ndim < least:
        raise ShapeError(f"{name}: expected at least {least} axes, got {describe(a)}; use "
                         "split with axis=")
    result: list[Tensor] = split(a, parts, axis)
    return result


@implements(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Tensor]:
    """`split` along axis 1 (a vector along its only axis)."""
    return _split_along("hsplit", ary, indices_or_sections, int(np.ndim(ary) > 1), least=1)


@implements(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Tensor]:
    """`split` along axis 0 of at least two."""
    return _split_along("vsplit", ary, indices_or_sections, 0, least=2)


@implements(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Tensor]:
    """`split` along axis 2 of at least three."""
    return _split_along("dsplit", ary, indices_or_sections, 2, least=3)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts along ``axis``, which is gone from each: the inverse of `stack`."""
    x = as_tensor("unstack", x)
    axis = axis_of("unstack", x, axis)
    n = x.shape[axis]
    if n <= FEW_PARTS:
        return tuple(along(x, axis, i) for i in range(n))
    ends = [*range(0, n, FEW_PARTS), n]
    return tuple(along(part, axis, i) for part in cut(x, axis, ends) for i in range(part.shape[axis]))


implements(*(f for f in [getattr(np, "unstack", None)] if f))(unstack)  # new in NumPy 2.1


# -- repeating -------------------------------------------------------------------------------------


@implements(np.tile)
def tile(A: Any, reps: Any) -> Tensor:
    """``A`` laid side by side ``reps`` times along each axis."""
    a = as_tensor("tile", A)
    times = (reps,) if isinstance(reps, int) else tuple(map(index, np.atleast_1d(reps)))
    times = (1,) * (a.ndim - len(times)) + times
    shape = (1,) * (len(times) - a.ndim) + a.shape
    pairs = list(zip(times, shape, strict=True))
    blocks = broadcast_to(reshape(a, [m for n in shape for m in (1, n)]),
                          [m for pair in pairs for m in pair])
    return reshape(blocks, [r * n for r, n in pairs])


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Tensor:
    """The elements of ``a``, from the start again as often as needed, in ``new_shape``."""
    a = as_tensor("resize", a)
    size = int(np.prod(new_shape))
    if np.min(new_shape, initial=0) < 0:
        raise ShapeError(f"resize: cannot give {describe(a)} the shape {new_shape}; lengths must be at "
                         "least 0")
    if not a.size:  # as in NumPy
        return Tensor(np.zeros(new_shape, a.dtype))
    return reshape(reshape(a, -1)[np.arange(size) % a.size], new_shape)


# -- functions along axes --------------------------------------------------------------------------


@implements(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Tensor:
    """A function of vectors applied to every vector along ``axis``, one after the other.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.apply_along_axis(lambda v: v[0] * v, 0, tg.Tensor([[2.0, 3.0], [4.0, 5.0]])).tolist()
    [[4.0, 9.0], [8.0, 15.0]]
    """
    a = as_tensor("apply_along_axis", arr)
    axis = axis_of("apply_along_axis", a, axis)
    rest = (*a.shape[:axis], *a.shape[axis + 1 :])
    if 0 in rest:
        raise ShapeError(f"apply_along_axis: {describe(a)} has no vectors along axis {axis}")
    vectors = reshape(moveaxis(a, axis, -1), (-1, a.shape[axis]))
    results = [as_tensor("apply_along_axis", func1d(v, *args, **kwargs)) for v in vectors]
    joined = reshape(stack(results), (*rest, *results[0].shape))
    places = range(len(rest), joined.ndim)
    return moveaxis(joined, tuple(places), tuple(range(axis, axis + len(places))))


@implements(np.apply_over_axes)
def apply_over_axes(func: Any, a: Any, axes: Any) -> Tensor:
    """``func(a, axis)`` for one axis after the other; axes that it takes away are put back."""
    result = as_tensor("apply_over_axes", a)
    for axis in np.atleast_1d(axes):
        axis, ndim = axis_of("apply_over_axes", result, index(axis)), result.ndim
        result = as_tensor("apply_over_axes", func(result, axis))
        if result.ndim < ndim:
            result = expand_dims(result, axis)
    return result


# -- diagonals -------------------------------------------------------------------------------------


@implements(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Tensor:
    """A square matrix with all elements of ``v`` on its ``k``-th diagonal."""
    return diag(reshape(v, -1), k)


@implements(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None,
          out: Any = None) -> Tensor:
    """Sum of a diagonal.

    >>> import numpy as np, tinygrad_gd as tg
    >>> m = tg.Tensor(np.ones((2, 2)), requires_grad=True)
    >>> np.trace(m).backward(); m.grad.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return sum_of(diagonal(a, offset, axis1, axis2), -1, dtype, out)
