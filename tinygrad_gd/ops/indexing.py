"""Reading and scattering by index: basic, integer, boolean and mixed, as NumPy defines them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import IndexingError, describe
from ..primitive import apply, primitive
from ..tensor import Tensor


class _Slot:
    """Marks the place of an index array in a key; the array itself is an input of the primitive."""

    def __repr__(self) -> str:
        return "array"


SLOT = _Slot()


def _fill(key: tuple[Any, ...], indices: tuple[Any, ...]) -> tuple[Any, ...]:
    if not indices:
        return key
    arrays = iter(indices)
    return tuple(next(arrays) if k is SLOT else k for k in key)


def _getitem(x: Any, /, *indices: Any, key: tuple[Any, ...]) -> Any:
    return x[_fill(key, indices)]


def _scatter(g: Any, /, *indices: Any, key: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, g.dtype)
    if indices and any(i.dtype != bool for i in indices):
        np.add.at(out, _fill(key, indices), g)  # repeated indices accumulate
    else:
        out[_fill(key, indices)] = g
    return out


scatter = primitive(
    _scatter, lambda g, out, x, *indices, key, shape: _read(g, indices, key), name="scatter",
    kind="view", atomic=True)
_getitem_primitive = primitive(
    _getitem,
    lambda g, out, x, *indices, key: apply_scatter(g, indices, key, x.shape),
    name="getitem", kind="view", atomic=True)


def _read(x: Any, indices: Any, key: tuple[Any, ...]) -> Any:
    return x[_fill(key, indices)]


def apply_scatter(g: Any, indices: Any, key: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """The rule of reading by index, on arrays and on Tensors."""
    if isinstance(g, Tensor):
        return apply(scatter, (g, *indices), {"key": key, "shape": shape})
    return _scatter(g, *indices, key=key, shape=shape)


def plain_key(key: Any) -> Any:
    """The key with Tensors replaced by their values."""
    if isinstance(key, tuple):
        return tuple(plain_key(k) for k in key)
    return key.numpy() if isinstance(key, Tensor) else key


def getitem(x: Tensor, key: Any) -> Tensor:
    """``x[key]``, with every kind of index NumPy has.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> x[[0, 0, 2]].sum().backward(); x.grad.tolist()
    [2.0, 0.0, 1.0]
    """
    parts, indices = [], []
    for k in key if isinstance(key, tuple) else (key,):
        if isinstance(k, list):
            k = np.array(k, dtype=int) if not k else np.asarray(k)
        if isinstance(k, Tensor) and not k.ndim and k.dtype.kind in "iu":
            k = int(k)
        if isinstance(k, np.ndarray | Tensor):
            if k.dtype.kind not in "iub":
                raise IndexingError(f"getitem: {describe(x)} was indexed with {describe(k)}; "
                                    "indices are integers or booleans, use .astype(int)")
            indices.append(k if isinstance(k, Tensor) else k.copy())
            k = SLOT
        elif isinstance(k, float | str):
            raise IndexingError(f"getitem: {describe(x)} was indexed with {k!r}; indices are "
                                "integers, slices, None, ... or arrays of them")
        parts.append(k)
    return apply(_getitem_primitive, (x, *indices), {"key": tuple(parts)})
