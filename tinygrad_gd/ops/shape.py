"""Primitives that move or repeat elements without computing with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backward import unbroadcast
from ..primitive import Every, primitive
from ..tensor import Tensor


def _broadcast_to(array: Any, /, shape: Any) -> Any:
    # ten times faster than np.broadcast_to on small arrays, and the result may be written to
    out = np.empty(shape, array.dtype)
    out[...] = array
    return out


broadcast_to = primitive(
    _broadcast_to, lambda g, out, array, shape: unbroadcast(g, array.shape),
    numpy=np.broadcast_to, kind="view")


def broadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """``np.broadcast_to`` for rules: the fast function on arrays, recorded on Tensors."""
    return broadcast_to(g, shape) if isinstance(g, Tensor) else _broadcast_to(g, shape)


def _reshape(a: Any, /, shape: Any, order: Any = "C") -> Any:
    return np.reshape(a, shape, order)


reshape = primitive(
    _reshape, lambda g, out, a, shape, order: np.reshape(g, a.shape, order),
    numpy=np.reshape, kind="view")


def _transpose(a: Any, /, axes: Any = None) -> Any:
    return a.transpose(axes)


def _transpose_back(g: Any, out: Any, a: Any, axes: Any) -> Any:
    if axes is None:
        return g.transpose()
    order = [axis % g.ndim for axis in axes]
    return g.transpose([order.index(i) for i in range(g.ndim)])


transpose = primitive(_transpose, _transpose_back, numpy=np.transpose, kind="view")


def _swapaxes(a: Any, /, axis1: int, axis2: int) -> Any:
    return np.swapaxes(a, axis1, axis2)


swapaxes = primitive(
    _swapaxes, lambda g, out, a, axis1, axis2: np.swapaxes(g, axis1, axis2),
    numpy=np.swapaxes, kind="view")


def _squeeze(a: Any, /, axis: Any = None) -> Any:
    return np.squeeze(a, axis)


squeeze = primitive(
    _squeeze, lambda g, out, a, axis: np.reshape(g, a.shape), numpy=np.squeeze, kind="view")


def _expand_dims(a: Any, /, axis: Any) -> Any:
    return np.expand_dims(a, axis)


expand_dims = primitive(
    _expand_dims, lambda g, out, a, axis: np.reshape(g, a.shape),
    numpy=np.expand_dims, kind="view")


def _concatenate(*arrays: Any, axis: int | None = 0) -> Any:
    return np.concatenate(arrays, axis)


def _part(position: int, g: Any, out: Any, *arrays: Any, axis: int | None) -> Any:
    """The slice of ``g`` that came from the array at ``position``."""
    mine = arrays[position]
    if axis is None:
        start = sum(np.size(a) for a in arrays[:position])
        return np.reshape(g[start : start + mine.size], mine.shape)
    start = sum(np.shape(a)[axis] for a in arrays[:position])
    key = [slice(None)] * g.ndim
    key[axis] = slice(start, start + mine.shape[axis])
    return g[tuple(key)]


concatenate = primitive(_concatenate, Every(_part), numpy=np.concatenate, kind="view")


def _stack(*arrays: Any, axis: int = 0) -> Any:
    return np.stack(arrays, axis)


stack = primitive(
    _stack, Every(lambda position, g, out, *arrays, axis: np.moveaxis(g, axis, 0)[position]),
    numpy=np.stack, kind="view")


def _moveaxis(a: Any, /, source: Any, destination: Any) -> Any:
    return np.moveaxis(a, source, destination)


moveaxis = primitive(
    _moveaxis, lambda g, out, a, source, destination: np.moveaxis(g, destination, source),
    numpy=np.moveaxis, kind="view")


def _copy(a: Any, /, order: Any = "K") -> Any:
    return np.array(a, order=order)


copy = primitive(_copy, lambda g, out, a, order: g, numpy=np.copy, kind="view")


def _astype(x: Any, /, dtype: Any) -> Any:
    return x.astype(dtype)


astype = primitive(
    _astype, lambda g, out, x, dtype: g.astype(x.dtype), numpy=np.astype, kind="view",
    analytic=False)
