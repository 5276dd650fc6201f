"""Sorting and searching. Sorted values carry gradients; positions and counts have none."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import primitive
from ..registry import implements
from ..tensor import Tensor
from .indexing import getitem, plain_key, take_along_axis
from .shape import reshape
from .signatures import as_tensor


def _argsort(a: Any, /, axis: int | None = -1, kind: Any = "stable") -> Any:
    return np.argsort(a, axis=axis, kind=kind)


def _argpartition(a: Any, /, kth: Any, axis: int | None = -1) -> Any:
    return np.argpartition(a, kth, axis=axis)


def _searchsorted(a: Any, v: Any, /, side: str = "left") -> Any:
    return np.searchsorted(a, v, side=side)  # type: ignore[call-overload]


def _digitize(x: Any, bins: Any, /, right: bool = False) -> Any:
    return np.digitize(x, bins, right=right)


argsort = primitive(_argsort, numpy=np.argsort)
argpartition = primitive(_argpartition, numpy=np.argpartition)
searchsorted = primitive(_searchsorted, numpy=np.searchsorted)
digitize = primitive(_digitize, numpy=np.digitize)


@implements(np.sort)
def sort(a: Any, axis: int | None = -1, kind: Any = "stable") -> Tensor:
    """The elements in ascending order along ``axis``; each gradient goes back to its element.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([3.0, 1.0, 2.0], requires_grad=True)
    >>> (tg.sort(x) * [1.0, 10.0, 100.0]).sum().backward(); x.grad.tolist()
    [100.0, 1.0, 10.0]
    """
    a = as_tensor("sort", a)
    if axis is None:
        a, axis = reshape(a, -1), 0
    result: Tensor = take_along_axis(a, argsort(a.detach(), axis=axis, kind=kind), axis)
    return result


@implements(np.partition)
def partition(a: Any, kth: Any, axis: int | None = -1) -> Tensor:
    """The elements along ``axis`` with the ``kth`` in its sorted place, smaller ones before it."""
    a = as_tensor("partition", a)
    if axis is None:
        a, axis = reshape(a, -1), 0
    result: Tensor = take_along_axis(a, argpartition(a.detach(), kth=kth, axis=axis), axis)
    return result


@implements(np.unique)
def unique(ar: Any, return_index: bool = False, return_inverse: bool = False,
           return_counts: bool = False) -> Any:
    """The different values, sorted; the gradient of each goes to its first occurrence.

    >>> import tinygrad_gd as tg
    >>> tg.unique(tg.Tensor([2.0, 1.0, 2.0]), return_counts=True)
    (Tensor([1., 2.], shape=(2,), dtype=float64), array([1, 2]))
    """
    ar = as_tensor("unique", ar)
    _, index, inverse, counts = np.unique(plain_key(ar), True, True, True)
    values = getitem(reshape(ar, -1), index)
    asked = ((return_index, index), (return_inverse, inverse), (return_counts, counts))
    extra = tuple(part for wanted, part in asked if wanted)
    return (values, *extra) if extra else values
