"""Reading, writing and choosing by index, as NumPy defines it.

Keys are basic, integer, boolean or mixed. A repeated index reads one element several times, so its
gradients add up. Indices themselves have no gradient.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from ..engine.backward import unbroadcast
from ..engine.pairs import check_pair
from ..engine.primitive import Primitive, apply, primitive
from ..engine.tensor import Tensor
from ..errors import DTypeError, GradError, IndexingError, OptionError, ShapeError, describe
from ..ground.registry import explaining, implements
from ..ground.storage import NUMERIC_KINDS, plain
from .in_rules import in_rule
from .shape import broadcast_to, concatenate, cut, reshape
from .signatures import as_tensor, refuse


class _Slot:
    """Marks the place of an index array in a key; the array itself is an input of the primitive."""

    def __repr__(self) -> str:
        return "array"

    def __reduce__(self) -> str:
        return "SLOT"  # there is one, also in copies and pickles of a key


SLOT = _Slot()

# -- the primitives: read, scatter, set --------------------------------------------------------------


def fill(key: tuple[Any, ...], indices: Sequence[Any]) -> tuple[Any, ...]:
    """A key with arrays, or what stands for them, in its slots."""
    if not indices:
        return key
    arrays = iter(indices)
    return tuple(next(arrays) if k is SLOT else k for k in key)


def _getitem(x: Any, /, *indices: Any, key: tuple[Any, ...]) -> Any:
    return x[fill(key, indices)] if indices else x[key]


def _scatter(g: Any, /, *indices: Any, key: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    if indices and any(i.dtype != bool for i in indices):
        return added(g, places_of(*indices, key=key, shape=shape), shape)
    out = np.zeros(shape, g.dtype)
    out[fill(key, indices)] = g
    return out


def places_of(*indices: Any, key: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Where in the memory of an array the elements are that an index picks."""
    return np.arange(prod(shape)).reshape(shape)[fill(key, indices)]


def added(g: Any, where: Any, shape: tuple[int, ...]) -> Any:
    """Zeros, to which the elements of ``g`` are added in these places; those of one place add up."""
    out = np.zeros(shape, g.dtype)
    g = g if g.shape == where.shape else np.broadcast_to(g, where.shape)
    np.add.at(out.reshape(-1), where.reshape(-1), g.reshape(-1))  # several times as fast with one index
    return out


def _set_elements(x: Any, values: Any, /, *indices: Any, key: tuple[Any, ...]) -> Any:
    out = np.array(x)
    out[fill(key, indices)] = values
    return out


def _last_writes(x: Any, /, *indices: Any, key: tuple[Any, ...]) -> Any:
    # where the same element is written several times, the last write stays
    places = np.arange(x.size).reshape(x.shape)[fill(key, indices)]
    order = np.arange(places.size).reshape(places.shape)
    owner = np.zeros(x.shape, int)
    owner[fill(key, indices)] = order
    return owner[fill(key, indices)] == order


scatter = primitive(
    _scatter, lambda g, out, x, *indices, key, shape: g[fill(key, indices)], name="scatter",
    kind="view", atomic=True, internal=True)
_getitem_primitive = primitive(
    _getitem,
    lambda g, out, x, *indices, key: apply_scatter(g, indices, key, x.shape),
    name="getitem", kind="view", atomic=True, internal=True)
last_writes = primitive(_last_writes, name="last_writes", atomic=True, internal=True)


def _set_values(g: Any, out: Any, x: Any, values: Any, *indices: Any, key: Any) -> Any:
    won = _last_writes_in_rule(out, *indices, key=key)
    return unbroadcast(np.where(won, g[fill(key, indices)], 0), np.shape(values))


set_elements: Primitive = primitive(
    _set_elements, lambda g, out, x, values, *indices, key: _set_in_rule(g, 0, *indices, key=key),
    _set_values, kind="view", atomic=True, internal=True)
_set_in_rule: Callable[..., Any] = in_rule(set_elements)
_last_writes_in_rule = in_rule(last_writes)


def apply_scatter(g: Any, indices: Any, key: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """The rule of reading by index, on arrays and on Tensors."""
    if isinstance(g, Tensor):
        return apply(scatter, (g, *indices), {"key": key, "shape": shape})
    return _scatter(g, *indices, key=key, shape=shape)


def _choose_elements(x: Any, values: Any, /, *indices: Any, key: tuple[Any, ...], largest: bool) -> Any:
    out = np.array(x, order="C")
    places = np.arange(x.size).reshape(x.shape)[fill(key, indices)]
    chosen = np.maximum if largest else np.minimum
    chosen.at(out.reshape(-1), places.reshape(-1), np.broadcast_to(values, places.shape).reshape(-1))
    return out


def _shared(g: Any, out: Any, x: Any, values: Any, indices: Any, key: Any) -> tuple[Any, Any, Any]:
    """The cotangent in equal parts, and which of the old and of the new elements get one."""
    mine, theirs = x == out, values == out[fill(key, indices)]
    number = mine + apply_scatter(theirs.astype(g.dtype), indices, key, x.shape)
    return g / np.where(number == 0, 1, number), mine, theirs


def _choose_x(g: Any, out: Any, x: Any, values: Any, *indices: Any, key: Any, largest: bool) -> Any:
    part, mine, _ = _shared(g, out, x, values, indices, key)
    return np.where(mine, part, 0)


def _choose_values(g: Any, out: Any, x: Any, values: Any, *indices: Any, key: Any,
                   largest: bool) -> Any:
    part, _, theirs = _shared(g, out, x, values, indices, key)
    return unbroadcast(np.where(theirs, part[fill(key, indices)], 0), np.shape(values))


choose_elements = primitive(
    _choose_elements, _choose_x, _choose_values, analytic=False, kind="view", atomic=True,
    internal=True)


def changed_at(places: Any) -> Any:
    """The places, each once; those that are named most often come first."""
    names, counts = np.unique(places, return_counts=True)
    return names[np.argsort(-counts, kind="stable")]


def multiplied(x: Tensor, places: Any, values: Tensor) -> Tensor:
    """The elements ``x`` of `changed_at` times all ``values`` that are for their places, in order.

    In rounds: the first value of every place, then the second of those that have two. What has got
    all of its values is put aside, so that a round takes no longer than it has values.
    """
    _, first, counts = np.unique(np.sort(places, axis=None), return_index=True, return_counts=True)
    often = np.argsort(-counts, kind="stable")
    order, first, counts = np.argsort(places, axis=None, kind="stable"), first[often], counts[often]
    lefts = [int(np.searchsorted(-counts, -turn)) for turn in range(counts[0] if counts.size else 0)]
    turns = [order[first[:left] + turn] for turn, left in enumerate(lefts)]
    done = []
    ordered = values[np.concatenate(turns)] if turns else values
    for left, factor in zip(lefts, cut(ordered, 0, [0, *accumulate(lefts)]), strict=True):
        if left < x.size:
            done.append(x[left:])
            x = x[:left]
        x = x * factor
    return concatenate([x, *reversed(done)], axis=0) if done else x


def fitted(operation: str, values: Tensor, x: Tensor) -> Tensor:
    """New values in the dtype of ``x``, which must not lose their gradient by that."""
    if values.requires_grad and x.dtype.kind != "f":
        raise GradError(f"{operation}: the gradient of {describe(values)} would be lost in "
                        f"{describe(x)}; convert that first, with .astype(float)")
    result: Tensor = values if values.dtype == x.dtype else values.astype(x.dtype)
    return result


# -- keys --------------------------------------------------------------------------------------------

_BASIC = {int, slice, type(None), type(Ellipsis)}


def plain_key(key: Any) -> Any:
    """The key with Tensors replaced by their values."""
    if isinstance(key, tuple):
        return tuple(plain_key(k) for k in key)
    return key.numpy() if isinstance(key, Tensor) else plain(key)


def split_key(
    x: Tensor, key: Any, operation: str = "getitem"
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The key with slots for its arrays, and the arrays."""
    if not isinstance(key, tuple):
        key = (key,)
    parts, indices = [], []
    for k in key:
        if type(k) in _BASIC:
            parts.append(k)
            continue
        if not hasattr(k, "dtype") and isinstance(k, Sequence) and not isinstance(k, str):
            k = _rectangular(operation, x, k)
        if hasattr(k, "to_numpy"):  # a mask or row numbers from a table
            k = k.to_numpy()
        if isinstance(k, np.ndarray | Tensor):
            if k.dtype.kind not in "iub":
                raise IndexingError(f"{operation}: {describe(x)} was indexed with {describe(k)}; "
                                    "indices are integers or booleans, use .astype(int)")
            indices.append(k if isinstance(k, Tensor) else np.array(k))
            k = SLOT
        elif not isinstance(k, bool | np.bool_):
            k = _integer(operation, x, k)
        parts.append(k)
    return tuple(parts), tuple(indices)


def _rectangular(operation: str, x: Tensor, k: Any) -> Any:
    try:
        places = np.asarray(k)
    except ValueError as error:
        raise IndexingError(f"{operation}: {describe(x)} was indexed with a list whose rows have "
                            "different lengths; give each axis a list of its own, x[rows, columns]"
                            ) from error
    return places if places.size else places.astype(int)


def _integer(operation: str, x: Tensor, k: Any) -> Any:
    if isinstance(k, slice):
        return k
    try:
        return operator.index(k)
    except TypeError:
        raise IndexingError(f"{operation}: {describe(x)} was indexed with {k!r}; indices are "
                            "integers, slices, None, ... or arrays of them") from None


def getitem(x: Tensor, key: Any) -> Tensor:
    """``x[key]``, with every kind of index NumPy has.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> x[[0, 0, 2]].sum().backward(); x.grad.tolist()
    [2.0, 0.0, 1.0]
    """
    if type(key) in _BASIC:
        if type(key) is int and 0 <= key < 2:
            check_pair(x, key)
        return apply(_getitem_primitive, (x,), {"key": (key,)})
    parts, indices = split_key(x, key)
    return apply(_getitem_primitive, (x, *indices), {"key": parts})


@explaining
def write_item(x: Tensor, key: Any, value: Any) -> None:
    """``x[key] = value`` in place, of a tensor into which may be written."""
    x.data[plain_key(key)] = value


# -- new tensors with some elements changed ----------------------------------------------------------


class At:
    """``x.at``: give it a key, then say what happens to those elements; ``x`` stays as it is.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> x.at[1:].set(0.0).tolist(), x.at[[0, 0]].add(1.0).tolist()
    ([1.0, 0.0, 0.0], [3.0, 2.0, 3.0])
    """

    __slots__ = ("_operation", "_x")

    def __init__(self, x: Tensor, operation: str = "at") -> None:
        self._x, self._operation = x, operation

    def __getitem__(self, key: Any) -> Place:
        return Place(self._x, key, self._operation)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise DTypeError("at: nothing is changed in place; write t = t.at[key].set(values)")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"at: there is no {name}; give it a key first, t.at[key].set(values)")


@implements()
def at(x: Any) -> At:
    """`Tensor.at` as a function."""
    return At(as_tensor("at", x))


class Place:
    """The elements of a tensor that a key names; where a key repeats one, it changes repeatedly.

    Errors speak of the ``operation`` that makes use of it.
    """

    __slots__ = ("_indices", "_key", "_operation", "_x")

    def __init__(self, x: Tensor, key: Any, operation: str) -> None:
        self._x, self._operation = x, operation
        self._key, self._indices = split_key(x, key, operation)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"at: there is no {name}; after the key come get, set, add, multiply, min "
                             "and max, other changes are written t.at[key].set(f(t[key]))")

    def get(self) -> Tensor:
        """``x[key]``."""
        try:
            return apply(_getitem_primitive, (self._x, *self._indices), {"key": self._key})
        except IndexingError as error:
            raise IndexingError(str(error).replace("getitem", self._operation, 1)) from error

    def set(self, values: Any) -> Tensor:
        """``x`` with ``values`` there; of several values for one element the last stays."""
        return apply(set_elements, (self._x, self._fitting(values), *self._indices), {"key": self._key})

    def add(self, values: Any) -> Tensor:
        """``x`` with ``values`` added there."""
        x, values = self._x, self._fitting(values)
        spread = broadcast_to(values, self.get().shape)
        result: Tensor = x + apply_scatter(spread, self._indices, self._key, x.shape)
        return result

    def multiply(self, values: Any) -> Tensor:
        """``x`` with those elements multiplied by ``values``."""
        x, values = self._x, self._fitting(values)
        places = np.arange(x.size).reshape(x.shape)[fill(self._key, plain_key(self._indices))]
        values = reshape(broadcast_to(values, places.shape), -1)
        own = At(reshape(x, -1))[changed_at(places)]
        return reshape(own.set(multiplied(own.get(), places, values)), x.shape)

    def min(self, values: Any) -> Tensor:
        """``x`` with those elements no larger than ``values``; equal ones share the gradient."""
        return self._chosen(values, largest=False)

    def max(self, values: Any) -> Tensor:
        """``x`` with those elements no smaller than ``values``; equal ones share the gradient."""
        return self._chosen(values, largest=True)

    def _chosen(self, values: Any, largest: bool) -> Tensor:
        inputs = self._x, self._fitting(values), *self._indices
        return apply(choose_elements, inputs, {"key": self._key, "largest": largest})

    def _fitting(self, values: Any) -> Tensor:
        x, shape = self._x, self.get().shape
        values = as_tensor(self._operation, values)
        try:
            fits = np.broadcast_shapes(values.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            named = "the key names" if self._operation == "at" else "the indices name"
            raise ShapeError(f"{self._operation}: {named} elements of shape {shape} of {describe(x)}, "
                             f"and {describe(values)} does not broadcast to that; reshape the values")
        return fitted(self._operation, values, x)


@implements()
def scatter_add(a: Any, indices: Any, values: Any, axis: int = -1) -> Tensor:
    """``a`` with ``values`` added where ``indices`` say along ``axis``, as in `take_along_axis`.

    >>> import tinygrad_gd as tg
    >>> tg.scatter_add(tg.Tensor([0.0, 0.0]), [1, 1, 0], [1.0, 2.0, 5.0]).tolist()
    [5.0, 3.0]
    """
    if np.ndim(axis) or not np.ndim(indices):
        raise OptionError("scatter_add: it is called with (a, indices, values, axis); PyTorch's order "
                          "is (a, axis, indices, values)")
    a, indices = as_tensor("scatter_add", a), integer_indices("scatter_add", indices)
    return At(a, "scatter_add")[along_key("scatter_add", a, indices, axis)].add(values)


# -- reading along an axis ---------------------------------------------------------------------------


def integer_indices(operation: str, indices: Any) -> Any:
    """``indices`` as an array or Tensor of integers; anything else is refused by name."""
    given = indices if isinstance(indices, np.ndarray | Tensor) else np.asarray(indices)
    if not given.size and not isinstance(indices, np.ndarray | Tensor):
        given = np.empty(given.shape, int)
    if given.dtype.kind not in "iu":
        raise IndexingError(f"{operation}: indices must be integers, got {describe(given)}; "
                            "use .astype(int)")
    return given


def _axis(operation: str, a: Any, axis: int) -> int:
    axis = operator.index(axis)
    if not -a.ndim <= axis < a.ndim:
        raise ShapeError(f"{operation}: axis {axis} is out of bounds for {describe(a)}, whose axes "
                         f"run from {-a.ndim} to {a.ndim - 1}")
    return axis % int(a.ndim)


def in_range(operation: str, indices: Any, length: int, mode: str) -> Any:
    """Indices after ``mode=``: refused, wrapped around or clipped where they leave the array."""
    if mode not in ("raise", "wrap", "clip"):
        raise OptionError(f"{operation}: mode= must be 'raise', 'wrap' or 'clip', got {mode!r}")
    if mode == "wrap":
        return np.remainder(indices, length)
    return np.clip(indices, 0, length - 1) if mode == "clip" else indices


@implements(np.take)
def take(a: Any, indices: Any, axis: int | None = None, out: Any = None,
         mode: str = "raise") -> Tensor:
    """The elements at ``indices`` along ``axis`` (None: of the flattened array).

    >>> import tinygrad_gd as tg
    >>> tg.take(tg.Tensor([[1.0, 2.0, 3.0]]), [0, 4], axis=1, mode="wrap").tolist()
    [[1.0, 2.0]]
    """
    refuse("take", "use the returned Tensor", out=out)
    a, indices = as_tensor("take", a), integer_indices("take", indices)
    if axis is None:
        a, axis = a if a.ndim == 1 else reshape(a, -1), 0
    axis = _axis("take", a, axis)
    indices = in_range("take", indices, a.shape[axis], mode)
    return At(a, "take")[(slice(None),) * axis + (indices,)].get()


def along_key(operation: str, a: Tensor, indices: Any, axis: int) -> tuple[Any, ...]:
    """The key that `take_along_axis` reads with: every other axis goes along."""
    if indices.ndim != a.ndim:
        raise ShapeError(f"{operation}: {describe(a)} needs indices with {a.ndim} axes, got "
                         f"{describe(indices)}; insert axes with indices[:, None]")
    axis = _axis(operation, a, axis)
    grid = [np.arange(n).reshape(-1, *(1,) * (a.ndim - 1 - i)) for i, n in enumerate(a.shape)]
    return (*grid[:axis], indices, *grid[axis + 1 :])


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Tensor:
    """One element per index, from the place along ``axis`` that the index says.

    >>> import tinygrad_gd as tg
    >>> tg.take_along_axis(tg.Tensor([[1.0, 2.0], [3.0, 4.0]]), [[1], [0]], axis=1).tolist()
    [[2.0], [3.0]]
    """
    arr, indices = as_tensor("take_along_axis", arr), integer_indices("take_along_axis", indices)
    if axis is None:
        arr, axis = reshape(arr, -1), 0
    return At(arr, "take_along_axis")[along_key("take_along_axis", arr, indices, axis)].get()


@implements(np.compress)
def compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Tensor:
    """The slices along ``axis`` for which ``condition`` holds."""
    given = np.asarray(plain_key(condition))
    if given.ndim != 1 or given.dtype.kind not in NUMERIC_KINDS:
        raise (ShapeError if given.dtype.kind in NUMERIC_KINDS else DTypeError)(
            f"compress: expected a vector of booleans as the condition, got {describe(condition)}; "
            "make one with a comparison such as x > 0, or use extract for all elements")
    result: Tensor = take(a, np.flatnonzero(given), axis, out)
    return result


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Tensor:
    """The elements for which ``condition`` holds, in one dimension."""
    result: Tensor = compress(np.ravel(plain_key(condition)), arr)
    return result
