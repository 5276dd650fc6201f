"""Primitives that combine the elements along some axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import primitive
from .shape import broadcast


def kept(reduced: Any, x: Any, axis: Any) -> Any:
    """``reduced`` with the reduced axes of ``x`` put back as length 1, so that it broadcasts."""
    if axis is None or reduced.ndim == x.ndim:
        return reduced
    axes = axis if isinstance(axis, tuple) else (axis,)
    gone = {a % x.ndim for a in axes}
    return np.reshape(reduced, tuple(1 if i in gone else n for i, n in enumerate(x.shape)))


def spread(g: Any, x: Any, axis: Any) -> Any:
    """The rule of every sum: the cotangent, repeated to the shape of ``x``."""
    return broadcast(kept(g, x, axis), x.shape)


def count(x: Any, axis: Any) -> int:
    """How many elements of ``x`` go into each result."""
    if axis is None:
        return int(x.size)
    axes = axis if isinstance(axis, tuple) else (axis,)
    return int(np.prod([x.shape[a] for a in axes]))


def _sum(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.add.reduce(a, axis=axis, keepdims=keepdims)


def _mean(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.add.reduce(a, axis=axis, keepdims=keepdims) / count(a, axis)


def _max(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.maximum.reduce(a, axis=axis, keepdims=keepdims)


def _min(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.minimum.reduce(a, axis=axis, keepdims=keepdims)


def _share(g: Any, out: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    """To the extreme elements; ties share equally."""
    chosen = (a == kept(out, a, axis)).astype(g.dtype)
    return chosen * kept(g, a, axis) / np.add.reduce(chosen, axis=axis, keepdims=True)


sum = primitive(
    _sum, lambda g, out, a, axis, keepdims: spread(g, a, axis), numpy=np.sum, kind="red")
mean = primitive(
    _mean, lambda g, out, a, axis, keepdims: spread(g / count(a, axis), a, axis), numpy=np.mean,
    kind="red")
max = primitive(_max, _share, numpy=(np.max, np.amax), analytic=False, kind="red")
min = primitive(_min, _share, numpy=(np.min, np.amin), analytic=False, kind="red")


def _logsumexp(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    peak = np.maximum.reduce(a, axis=axis, keepdims=True)
    peak = np.where(np.isfinite(peak), peak, 0)  # all -inf must give -inf, not NaN
    total = np.log(np.add.reduce(np.exp(a - peak), axis=axis, keepdims=True)) + peak
    return total if keepdims else np.reshape(total, np.shape(np.add.reduce(a, axis=axis)))


logsumexp = primitive(
    _logsumexp,
    lambda g, out, a, axis, keepdims: kept(g, a, axis) * np.exp(a - kept(out, a, axis)),
    analytic=False, kind="red")


def _all(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.all(a, axis=axis, keepdims=keepdims)


def _any(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.any(a, axis=axis, keepdims=keepdims)


def _argmax(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.argmax(a, axis=axis, keepdims=keepdims)


def _argmin(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.argmin(a, axis=axis, keepdims=keepdims)


all = primitive(_all, numpy=np.all, kind="red")
any = primitive(_any, numpy=np.any, kind="red")
argmax = primitive(_argmax, numpy=np.argmax, kind="red")
argmin = primitive(_argmin, numpy=np.argmin, kind="red")
