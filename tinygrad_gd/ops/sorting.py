"""Sorting, searching and counting. Sorted values carry gradients; positions and counts have none.

Of equal elements the one that stands first counts as the smaller (`sort`), as the one that is there
(`unique`). Positions that are asked for by themselves come as integer Tensors from what has a
fixed number of results (`argsort`, `searchsorted` ...), else as plain arrays (`nonzero` ...).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..engine.primitive import apply, primitive
from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, ShapeError, describe
from ..ground.elsewhere import cure_of_option
from ..ground.registry import implements
from .indexing import At, getitem, plain_key, take_along_axis
from .shape import along, reshape
from .signatures import as_tensor, called_like, refuse

# -- positions -------------------------------------------------------------------------------------


def _argsort(a: Any, /, axis: int | None = -1, kind: Any = "stable") -> Any:
    return np.argsort(a, axis=axis, kind=kind)


def _argpartition(a: Any, /, kth: Any, axis: int | None = -1) -> Any:
    return np.argpartition(a, kth, axis=axis)


def _searchsorted(a: Any, v: Any, /, side: str = "left") -> Any:
    return np.searchsorted(a, v, side=side)  # type: ignore[call-overload]


def _digitize(x: Any, bins: Any, /, right: bool = False) -> Any:
    """Between which of the ordered edges ``bins`` each element lies, by the number of the bin."""
    return np.digitize(x, bins, right=right)


def _check_kind(operation: str, kind: Any) -> None:
    """Refuse PyTorch's ``sort(x, 1, True)``."""
    if isinstance(kind, bool):
        raise OptionError(f"{operation}: got {kind} for kind=, which comes after axis= as in NumPy; in "
                          f"descending order, {cure_of_option(operation, 'descending')}")


@called_like(np.argsort, _argsort, kind="op")
def argsort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *,
            stable: Any = None) -> Tensor:
    """The positions that put the elements along ``axis`` in ascending order, equals as they stand."""
    refuse("argsort", "Tensors have no fields", order=order)
    _check_kind("argsort", kind)
    return apply(argsort, (a,), {"axis": axis, "kind": kind or "stable"})


@called_like(np.argpartition, _argpartition, kind="op")
def argpartition(a: Any, kth: Any, axis: int | None = -1, kind: Any = "introselect",
                 order: Any = None) -> Tensor:
    """The positions that bring the ``kth`` element along ``axis`` to its sorted place."""
    refuse("argpartition", "Tensors have no fields", order=order)
    if kind != "introselect":
        raise OptionError(f"argpartition: kind= must be 'introselect', got {kind!r}; leave it out")
    return apply(argpartition, (a,), {"kth": kth, "axis": axis})


@called_like(np.searchsorted, _searchsorted, kind="op")
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Tensor:
    """Where the elements of ``v`` belong in the sorted vector ``a``."""
    if sorter is not None:
        a, order = as_tensor("searchsorted", a), plain_key(sorter)
        if np.shape(order) != (a.size,) or np.asarray(order).dtype.kind not in "iu":
            kind = ShapeError if isinstance(order, list | np.ndarray) else DTypeError
            raise kind(f"searchsorted: sorter= must be {a.size} integers, got {describe(order)}; make "
                       "it with argsort")
        a = a[order]
    return apply(searchsorted, (a, v), {"side": side})


digitize = primitive(_digitize, numpy=np.digitize)

# -- values in order -------------------------------------------------------------------------------


@implements(np.sort)
def sort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *,
         stable: Any = None) -> Tensor:
    """The elements in ascending order along ``axis``; each gradient goes back to its element.

    There is no method ``t.sort()``: NumPy's sorts in place, and PyTorch's returns the positions, too.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([3.0, 1.0, 2.0], requires_grad=True)
    >>> (tg.sort(x) * [1.0, 10.0, 100.0]).sum().backward(); x.grad.tolist()
    [100.0, 1.0, 10.0]
    """
    a = as_tensor("sort", a)
    _check_kind("sort", kind)
    if axis is None:
        a, axis = reshape(a, -1), 0
    places = argsort(a.detach(), axis, kind, order)
    result: Tensor = take_along_axis(a, places, axis)
    return result


@implements(np.partition)
def partition(a: Any, kth: Any, axis: int | None = -1, kind: Any = "introselect",
              order: Any = None) -> Tensor:
    """The elements along ``axis`` with the ``kth`` in its sorted place, smaller ones before it."""
    a = as_tensor("partition", a)
    if axis is None:
        a, axis = reshape(a, -1), 0
    result: Tensor = take_along_axis(a, argpartition(a.detach(), kth, axis, kind, order), axis)
    return result


# -- different values ------------------------------------------------------------------------------


class UniqueCounts(NamedTuple):
    """The different values, and how often each occurs."""

    values: Tensor
    counts: Any


class UniqueInverse(NamedTuple):
    """The different values, and which of them stands at each place."""

    values: Tensor
    inverse_indices: Any


class UniqueAll(NamedTuple):
    """The different values, where each is first, which stands at each place, and how often."""

    values: Tensor
    indices: Any
    inverse_indices: Any
    counts: Any


@implements(np.unique)
def unique(ar: Any, return_index: bool = False, return_inverse: bool = False,
           return_counts: bool = False, axis: int | None = None, *, equal_nan: bool = True,
           sorted: bool = True) -> Tensor | Any:
    """The different values (or slices along ``axis``), sorted; gradients go to first occurrences.

    >>> import tinygrad_gd as tg
    >>> tg.unique(tg.Tensor([2.0, 1.0, 2.0]), return_counts=True)
    (Tensor([1., 2.], shape=(2,), dtype=float64), array([1, 2]))
    """
    ar = as_tensor("unique", ar)
    found: Any = np.unique(plain_key(ar), True, True, True, axis, equal_nan=equal_nan)
    values = getitem(reshape(ar, -1), found[1]) if axis is None else along(ar, axis, found[1])
    asked = (return_index, return_inverse, return_counts)
    extra = tuple(part for wanted, part in zip(asked, found[1:], strict=True) if wanted)
    return (values, *extra) if extra else values


@implements(np.unique_values)
def unique_values(x: Any, /) -> Tensor:
    """`unique` values; every NaN is one of its own."""
    result: Tensor = unique(x, equal_nan=False)
    return result


@implements(np.unique_counts)
def unique_counts(x: Any, /) -> UniqueCounts:
    """`unique_values`, and how often each occurs."""
    return UniqueCounts(*unique(x, return_counts=True, equal_nan=False))


@implements(np.unique_inverse)
def unique_inverse(x: Any, /) -> UniqueInverse:
    """`unique_values`, and which of them stands at each place of ``x``."""
    return UniqueInverse(*unique(x, return_inverse=True, equal_nan=False))


@implements(np.unique_all)
def unique_all(x: Any, /) -> UniqueAll:
    """All that `unique` can tell."""
    return UniqueAll(*unique(x, True, True, True, equal_nan=False))


# -- counting --------------------------------------------------------------------------------------


@implements(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2 ... occurs in ``x``, or the sum of its ``weights`` (differentiable).

    Sums of float32 are float32 here, as in all operations, and float64 in NumPy.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor([0.5, 1.0, 2.0], requires_grad=True)
    >>> tg.bincount([1, 0, 1], w).tolist()
    [1.0, 2.5]
    """
    places = plain_key(as_tensor("bincount", x))
    counts = np.bincount(places, minlength=minlength)
    if weights is None:
        return Tensor(counts)
    weights = as_tensor("bincount", weights)
    if weights.shape != places.shape:
        raise ShapeError(f"bincount: expected one weight for each of {places.size} integers, got "
                         f"{describe(weights)}")
    floating = weights if weights.dtype.kind == "f" else weights.astype(float)
    return At(Tensor(np.zeros(counts.shape, floating.dtype)))[places].add(floating)


@implements(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None,
              weights: Any = None) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Counts in ``bins`` and the edges of these, as plain arrays; there is no derivative."""
    if isinstance(weights, Tensor) and weights.requires_grad:
        raise OptionError(f"histogram: not differentiable in weights=, which is {describe(weights)}; "
                          "detach() it, or sum with bincount(np.digitize(a, edges), weights)")
    samples, edges, limits = (plain_key(x) for x in (a, bins, range))
    return np.histogram(samples, edges, limits, density=density, weights=plain_key(weights))
