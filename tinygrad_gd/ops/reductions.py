"""Primitives that combine the elements along some axes.

Conventions where a derivative has to choose: ties in max and min share the gradient equally;
prod is right where elements are zero; the gradient of std at 0 is 0, its second one NaN.
"""

from __future__ import annotations

import builtins
from math import prod as prod_of
from operator import index
from typing import Any

import numpy as np

from ..engine.operands import SCALARS
from ..engine.primitive import apply, primitive
from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, ShapeError, describe
from ..ground.fast import HALF, extreme, is_half
from ..ground.registry import also, implements
from .in_rules import by_convention
from .shape import broadcast
from .signatures import as_tensor, called_like, refuse, refuse_switch

# -- axes ------------------------------------------------------------------------------------------


def kept(reduced: Any, x: Any, axis: Any) -> Any:
    """``reduced`` with the reduced axes of ``x`` put back as length 1, so that it broadcasts."""
    if axis is None or reduced.ndim == x.ndim:
        return reduced
    axes = axis if isinstance(axis, tuple) else (axis,)
    gone = {index(a) % x.ndim for a in axes}
    return reduced.reshape(tuple([1 if i in gone else n for i, n in enumerate(x.shape)]))


def spread(g: Any, x: Any, axis: Any) -> Any:
    """The rule of every sum: the cotangent, repeated to the shape of ``x``."""
    return broadcast(g if axis is None else kept(g, x, axis), x.shape)


def count(x: Any, axis: Any) -> int:
    """How many elements of ``x`` go into each result."""
    if axis is None:
        return x.size  # type: ignore[no-any-return]
    try:
        return prod_of(x.shape[a] for a in axis) if isinstance(axis, tuple) else int(x.shape[axis])
    except IndexError:
        raise np.exceptions.AxisError(axis, x.ndim) from None


def to_last(x: Any, axis: Any) -> Any:
    """The reduced axes of ``x`` as one last axis."""
    if axis is None or not x.ndim:
        return np.reshape(x, -1)
    if not isinstance(axis, tuple):
        return np.moveaxis(x, axis, -1)
    moved = np.moveaxis(x, axis, tuple(range(-len(axis), 0)))
    return np.reshape(moved, (*moved.shape[: x.ndim - len(axis)], count(x, axis)))


def from_last(y: Any, x: Any, axis: Any) -> Any:
    """The inverse of `to_last`: ``y`` in the shape of ``x``."""
    if axis is None or not x.ndim:
        return np.reshape(y, x.shape)
    if not isinstance(axis, tuple):
        return np.moveaxis(y, -1, axis)
    split = (*y.shape[:-1], *(x.shape[a] for a in axis))
    return np.moveaxis(np.reshape(y, split), tuple(range(-len(axis), 0)), axis)


# -- the options that only prepare the input -------------------------------------------------------


def chosen(operation: str, a: Any, where: Any, neutral: Any) -> Any:
    """``a`` with ``neutral`` where the mask says that an element does not take part."""
    if where is True:
        return a
    mask = where if hasattr(where, "shape") else np.asarray(where)
    if mask.dtype != bool:
        raise OptionError(f"{operation}: where= must be a mask of booleans, got {describe(mask)}; "
                          "make one with a comparison such as x > 0")
    try:
        fits = np.broadcast_shapes(mask.shape, a.shape) == a.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"{operation}: where= has shape {mask.shape}, which does not broadcast to "
                         f"the shape of {describe(a)}")
    return np.where(mask, a, neutral)


def floating(operation: str, dtype: Any) -> Any:
    """``dtype``, which must be floating: in integers there is neither a mean nor a gradient."""
    refuse_switch(operation, dtype=dtype)
    if dtype is not None and np.dtype(dtype).kind != "f":
        raise DTypeError(f"{operation}: dtype= must be floating, got {np.dtype(dtype)}; leave it out, "
                         "or convert the result")
    return dtype


def one_number(operation: str, option: str, value: Any) -> Any:
    """The value of an option that is a number; an array would broadcast to another result."""
    if np.ndim(value):
        raise ShapeError(f"{operation}: {option}= must be one number, got {describe(value)}")
    if type(value) not in SCALARS and not hasattr(value, "shape"):
        raise DTypeError(f"{operation}: {option}= must be one number, got {describe(value)}")
    return value


def prepared(operation: str, a: Any, dtype: Any, out: Any, where: Any, neutral: Any) -> Any:
    """The input after ``dtype=`` and ``where=`` of NumPy's signature."""
    refuse(operation, "use the returned Tensor", out=out)
    refuse_switch(operation, dtype=dtype)
    a = as_tensor(operation, a)
    return chosen(operation, a if dtype is None else a.astype(dtype), where, neutral)


def in_dtype(result: Tensor, dtype: Any) -> Tensor:
    """A sum or product in the ``dtype`` asked for; integers keep their last bits, as in NumPy."""
    if dtype is None or result.dtype == dtype:
        return result
    return result.astype(dtype)


# -- sums --------------------------------------------------------------------------------------------


_add_up: Any = np.add.reduce  # called by position: NumPy takes a fifth longer over keywords


def _sum(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return _add_up(a, axis, None, None, keepdims)


@called_like(np.sum, _sum, lambda g, out, a, axis, keepdims: spread(g, a, axis))
def sum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
        initial: Any = None, where: Any = True) -> Tensor:
    """Sum of the elements along ``axis`` (an int, a tuple or None for all).

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = tg.Tensor([[1.0, 2.0], [3.0, np.nan]], requires_grad=True)
    >>> tg.sum(x, axis=1, where=x == x).tolist()
    [3.0, 3.0]
    """
    if dtype is out is initial is None and where is True:
        whole = axis is None and keepdims is False  # one dict, which a compiled step knows at a glance
        return apply(sum, (a,), sum.defaults if whole else {"axis": axis, "keepdims": keepdims})
    a = prepared("sum", a, dtype, out, where, 0)
    result = apply(sum, (a,), {"axis": axis, "keepdims": keepdims})
    if initial is not None:
        result = result + one_number("sum", "initial", initial)
    return in_dtype(result, dtype)


def _mean(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    if a.dtype is HALF:  # NumPy adds up float16 in float32
        return np.mean(a, axis, keepdims=keepdims)
    return _add_up(a, axis, None, None, keepdims) / (a.size if axis is None else count(a, axis))


@called_like(np.mean, _mean, lambda g, out, a, axis, keepdims: spread(
    g / (a.size if axis is None else count(a, axis)), a, axis))
def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *,
         where: Any = True) -> Tensor:
    """Arithmetic mean of the elements along ``axis``; with ``where``, of those it marks."""
    if dtype is out is None and where is True:
        whole = axis is None and keepdims is False
        return apply(mean, (a,), mean.defaults if whole else {"axis": axis, "keepdims": keepdims})
    if dtype is None and is_half(a):  # as without where=
        return mean(a, axis, np.float32, out, keepdims, where=where).astype(np.float16)
    a = prepared("mean", a, dtype, out, True, 0)
    if where is True and (dtype is None or np.dtype(dtype).char in "fdg"):
        return apply(mean, (a,), {"axis": axis, "keepdims": keepdims})
    total = sum(a, axis, dtype, keepdims=keepdims, where=where)
    return in_dtype(divided(total, counted(a, axis, keepdims, where)), dtype)


def counted(a: Any, axis: Any, keepdims: Any, where: Any) -> Any:
    """How many elements the mask marks, for each result."""
    marked = np.broadcast_to(where, a.shape).astype(a.dtype if a.dtype.char in "fdg" else int)
    return np.add.reduce(marked, axis=axis, keepdims=keepdims)


def divided(total: Tensor, number: Any) -> Tensor:
    """``total / number``; float16 stays float16, which cannot hold every number itself."""
    mean: Tensor = total / number
    return mean.astype(np.float16) if is_half(total) else mean


def _var(a: Any, /, axis: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    if is_half(a):
        return np.var(a, axis, ddof=ddof, keepdims=keepdims)
    n = count(a, axis)
    deviation = a - np.add.reduce(a, axis=axis, keepdims=True) / n
    total = np.add.reduce(deviation * deviation, axis=axis, keepdims=keepdims)
    return total / builtins.max(n - ddof, 0)


def _toward_mean(g: Any, a: Any, axis: Any, ddof: Any) -> Any:
    n = count(a, axis)
    deviation = a - np.add.reduce(a, axis=axis, keepdims=True) / n
    return kept(g, a, axis) * deviation / builtins.max(n - ddof, 0)


def _degrees(operation: str, ddof: Any, correction: Any, mean: Any, out: Any) -> Any:
    """``ddof``, which may also be called ``correction``."""
    refuse(operation, "leave it out", mean=mean)
    refuse(operation, "use the returned Tensor", out=out)
    if ddof and correction is not None:
        raise OptionError(f"{operation}: ddof= and correction= are the same option; give one")
    less = ddof if correction is None else correction
    if type(less) not in SCALARS or less is None:
        raise DTypeError(f"{operation}: {'ddof' if correction is None else 'correction'}= must be a "
                         f"number, got {describe(less)}; use .item(), or var times n / (n - ddof)")
    return less


@called_like(np.var, _var, lambda g, out, a, axis, ddof, keepdims: _toward_mean(2 * g, a, axis, ddof))
def var(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
        keepdims: Any = False, *, where: Any = True, mean: Any = None,
        correction: Any = None) -> Tensor:
    """Variance: the mean of ``(a - mean)**2``, divided by ``n - ddof`` instead of ``n``.

    >>> import tinygrad_gd as tg
    >>> tg.var(tg.Tensor([1.0, 2.0, 3.0]), ddof=1).item()
    1.0
    """
    ddof = _degrees("var", ddof, correction, mean, out)
    if dtype is not None:
        a = prepared("var", a, floating("var", dtype), None, True, 0)
    if where is True:
        return apply(var, (a,), {"axis": axis, "ddof": ddof, "keepdims": keepdims})
    a = as_tensor("var", a)
    center = divided(sum(a, axis, keepdims=True, where=where), counted(a, axis, True, where))
    deviation = chosen("var", a - center, where, 0)
    total = sum(deviation * deviation, axis, keepdims=keepdims)
    return divided(total, np.maximum(counted(a, axis, keepdims, where) - ddof, 0))


def _std(a: Any, /, axis: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    return np.sqrt(_var(a, axis, ddof, keepdims))


def _std_back(g: Any, out: Any, a: Any, axis: Any, ddof: Any, keepdims: Any) -> Any:
    flat = out == 0
    return _toward_mean(g / np.where(flat, 1, out), by_convention(kept(flat, a, axis), a), axis, ddof)


@called_like(np.std, _std, _std_back)
def std(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
        keepdims: Any = False, *, where: Any = True, mean: Any = None,
        correction: Any = None) -> Tensor:
    """Standard deviation, the root of `var`; where it is 0, so is its gradient."""
    ddof = _degrees("std", ddof, correction, mean, out)
    if dtype is not None:
        a = prepared("std", a, floating("std", dtype), None, True, 0)
    if where is True:
        return apply(std, (a,), {"axis": axis, "ddof": ddof, "keepdims": keepdims})
    return apply(root, (var(a, axis, ddof=ddof, keepdims=keepdims, where=where),))


def _root(x: Any, /) -> Any:
    return np.sqrt(x)


root = primitive(
    _root, lambda g, out, x: g * 0.5 / np.where(out == 0, np.inf, by_convention(out == 0, out)),
    elementwise=True, internal=True)


# -- extremes ----------------------------------------------------------------------------------------


def _max(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return extreme(np.maximum, a, axis, keepdims)


def _min(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return extreme(np.minimum, a, axis, keepdims)


def share(g: Any, a: Any, level: Any, axis: Any) -> Any:
    """The cotangent, in equal parts to the elements of ``a`` that equal ``level``."""
    mine = (a == kept(level, a, axis)).astype(g.dtype)
    return mine * kept(g, a, axis) / np.add.reduce(mine, axis=axis, keepdims=True)


def _extreme(row: Any, pair: Any, a: Any, axis: Any, out: Any, keepdims: Any, initial: Any,
             where: Any) -> Tensor:
    """max and min with the options that only prepare the input."""
    if initial is None and where is not True:
        raise OptionError(f"{row.name}: where= needs initial=, the result where the mask marks nothing")
    initial = one_number(row.name, "initial", initial)
    a = prepared(row.name, a, None, out, where, initial)
    if a.size or initial is None:
        result = apply(row, (a,), {"axis": axis, "keepdims": keepdims})
        return result if initial is None else pair(result, initial)
    if a.dtype.kind == "f":
        recorded: Tensor = sum(a, axis, keepdims=keepdims) + initial
        return recorded
    nothing = np.zeros(a.shape, a.dtype)
    return as_tensor(row.name, np.maximum.reduce(nothing, axis, keepdims=keepdims, initial=initial))


def check_some(operation: str, a: Any, axis: Any) -> None:
    """Refuse to look for the smallest or largest of no elements, in what takes no ``initial=``."""
    if not a.size and np.add.reduce(np.empty(a.shape), axis=axis).size:
        along = "" if axis is None else f" along axis={axis}"
        raise ShapeError(f"{operation}: expected elements{along} in {describe(a)}; check .size first")


@called_like((np.max, np.amax), _max, lambda g, out, a, axis, keepdims: share(g, a, out, axis),
             analytic=False)
def max(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
        where: Any = True) -> Tensor:
    """Largest element along ``axis``; equal ones share the gradient equally.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([1.0, 3.0, 3.0], requires_grad=True)
    >>> tg.max(x).backward(); x.grad.tolist()
    [0.0, 0.5, 0.5]
    """
    if out is initial is None and where is True:
        return apply(max, (a,), {"axis": axis, "keepdims": keepdims})
    return _extreme(max, np.maximum, a, axis, out, keepdims, initial, where)


@called_like((np.min, np.amin), _min, lambda g, out, a, axis, keepdims: share(g, a, out, axis),
             analytic=False)
def min(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
        where: Any = True) -> Tensor:
    """Smallest element along ``axis``; equal ones share the gradient equally."""
    if out is initial is None and where is True:
        return apply(min, (a,), {"axis": axis, "keepdims": keepdims})
    return _extreme(min, np.minimum, a, axis, out, keepdims, initial, where)


also({"amax": max, "amin": min})


@implements(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Tensor:
    """Peak to peak: max - min."""
    a = as_tensor("ptp", a)
    check_some("ptp", a, axis)
    return max(a, axis, out, keepdims) - min(a, axis, out, keepdims)


def _logsumexp(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    """``log(sum(exp(a)))`` along ``axis``, without overflow; its gradient is the softmax."""
    if is_half(a):
        return _logsumexp(a.astype(np.float32), axis, keepdims).astype(np.float16)
    peak = (extreme(np.maximum, a, axis, keepdims=True) if a.size
            else np.add.reduce(a, axis=axis, keepdims=True))
    peak = np.where(np.isfinite(peak), peak, 0)
    total = np.add.reduce(np.exp(a - peak), axis=axis, keepdims=True)
    nothing = total == 0  # all were -inf: so is the result, not NaN
    result = np.log(np.where(nothing, 1, total)) + np.where(nothing, -np.inf, peak)
    return result if keepdims else np.squeeze(result, axis)


def _softmax_times(g: Any, out: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    level, infinite = kept(out, a, axis), a == np.inf
    nothing, several = level == -np.inf, np.add.reduce(infinite, axis=axis, keepdims=True) > 1
    # one infinite element gets all, of several nobody can say; where all are -inf, none gets anything
    top = by_convention(nothing, np.where(infinite & several, np.nan, np.where(infinite, 0, a)))
    return kept(g, a, axis) * np.exp(top - np.where(infinite | nothing, 0, level))


logsumexp = primitive(_logsumexp, _softmax_times, analytic=False, kind="red")

# -- products ----------------------------------------------------------------------------------------


def _prod(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.multiply.reduce(a, axis=axis, keepdims=keepdims)


def product_of_others(a: Any) -> Any:
    """Along the last axis, the product of all elements but this one, without dividing.

    Neighbours are multiplied in pairs, and the pairs in pairs; on the way back each half gets the
    product of the other one. Exact where elements are 0, to any order of derivative.
    """
    n = a.shape[-1]
    if n < 2:
        return np.ones_like(a)
    if n == 2:
        return a[..., ::-1]
    if n % 2:
        a = np.concatenate([a, np.ones((*a.shape[:-1], 1), a.dtype)], axis=-1)
    pairs = np.reshape(a, (*a.shape[:-1], a.shape[-1] // 2, 2))
    others = product_of_others(pairs[..., 0] * pairs[..., 1])[..., None] * pairs[..., ::-1]
    others = np.reshape(others, a.shape)
    return others[..., :n] if n % 2 else others


def _prod_back(g: Any, out: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    return kept(g, a, axis) * from_last(product_of_others(to_last(a, axis)), a, axis)


@called_like(np.prod, _prod, _prod_back)
def prod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
         initial: Any = None, where: Any = True) -> Tensor:
    """Product of the elements along ``axis``; the gradient is right where some are 0.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([2.0, 0.0, 3.0], requires_grad=True)
    >>> tg.prod(x).backward(); x.grad.tolist()
    [0.0, 6.0, 0.0]
    """
    if dtype is out is initial is None and where is True:
        return apply(prod, (a,), {"axis": axis, "keepdims": keepdims})
    a = prepared("prod", a, dtype, out, where, 1)
    result = apply(prod, (a,), {"axis": axis, "keepdims": keepdims})
    if initial is not None:
        result = result * one_number("prod", "initial", initial)
    return in_dtype(result, dtype)


# -- without a derivative ------------------------------------------------------------------------------


def _all(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.logical_and.reduce(a, axis=axis, keepdims=keepdims)


def _any(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.logical_or.reduce(a, axis=axis, keepdims=keepdims)


@called_like(np.all, _all)
def all(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *,
        where: Any = True) -> Tensor:
    """Whether all elements along ``axis`` are true (not 0)."""
    if not (out is None and where is True):
        a = prepared("all", a, None, out, where, True)
    return apply(all, (a,), {"axis": axis, "keepdims": keepdims})


@called_like(np.any, _any)
def any(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *,
        where: Any = True) -> Tensor:
    """Whether any element along ``axis`` is true (not 0)."""
    if not (out is None and where is True):
        a = prepared("any", a, None, out, where, False)
    return apply(any, (a,), {"axis": axis, "keepdims": keepdims})


def _argmax(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.argmax(a, axis=axis, keepdims=keepdims)


def _argmin(a: Any, /, axis: Any = None, keepdims: Any = False) -> Any:
    return np.argmin(a, axis=axis, keepdims=keepdims)


def _count_nonzero(a: Any, /, axis: Any = None, *, keepdims: Any = False) -> Any:
    """How many elements along ``axis`` are not 0."""
    return np.asarray(np.count_nonzero(a, axis=axis, keepdims=keepdims))[()]


@called_like(np.argmax, _argmax)
def argmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Tensor:
    """Position of the largest element along ``axis``, of the first one on a tie."""
    refuse("argmax", "use the returned Tensor", out=out)
    return apply(argmax, (a,), {"axis": axis, "keepdims": keepdims})


@called_like(np.argmin, _argmin)
def argmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Tensor:
    """Position of the smallest element along ``axis``, of the first one on a tie."""
    refuse("argmin", "use the returned Tensor", out=out)
    return apply(argmin, (a,), {"axis": axis, "keepdims": keepdims})


count_nonzero = primitive(_count_nonzero, numpy=np.count_nonzero, kind="red")
