"""The reverse pass: from one tensor's cotangent to the gradients of all leaves.

Operations are visited from the youngest to the oldest, so that a tensor's cotangent is complete
before it is used. Cotangents live in a dict of this pass only. First-order passes run the rules on
plain arrays; with ``create_graph`` the same rules run on Tensors and record themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from .errors import GradError, ShapeError, describe
from .hooks import accumulate, run_hooks, unwrap, wrap
from .modes import current_mode
from .observing import reverse_pass
from .rows import add_rows
from .tensor import Tensor, constant


def backward(root: Tensor, gradient: Any = None, create_graph: bool = False) -> None:
    """Accumulate d(root)/d(leaf) in ``.grad`` of every leaf; see `Tensor.backward`."""
    seed = _seed(root, gradient)
    if create_graph or current_mode().observer is not None:
        with reverse_pass(root, seed, create_graph):
            given: set[Any] = set()
            for leaf, g in cotangents_of([root], [seed], create_graph).items():
                accumulate(leaf, g.copy() if isinstance(g, Tensor) and g in given else g)  # one owner
                given.add(leaf._grad)
    else:
        for leaf, g in cotangents_of([root], [seed]).items():
            if leaf._grad is None:
                leaf._grad = constant(g)
            else:
                accumulate(leaf, g)


def _seed(root: Tensor, gradient: Any) -> Any:
    if not root._requires_grad:
        raise GradError(
            f"backward: {describe(root)} records nothing, because no tensor it was computed from "
            "requires a gradient; make one with requires_grad=True, and compute outside tg.no_grad()"
        )
    if gradient is None:
        if root._data.size != 1:
            raise GradError(f"backward: expected a tensor with one element, got {describe(root)}; "
                            "reduce it with .sum() or .mean(), or pass gradient=")
        return root._data.dtype.type(1) if root._data.ndim == 0 else np.ones_like(root._data)
    keep = isinstance(gradient, Tensor) and gradient._requires_grad
    seed = gradient if keep else Tensor(gradient)  # a copy: a leaf may end up owning it
    if seed.shape != root.shape:
        raise ShapeError(f"backward: gradient has shape {seed.shape}, expected {root.shape}, "
                         f"the shape of {describe(root)}")
    return seed if seed.dtype == root.dtype else seed.astype(root.dtype)


def cotangents_of(
    roots: Sequence[Tensor],
    seeds: Sequence[Any],
    create_graph: bool = False,
    targets: Sequence[Tensor] | None = None,
    since: int = 0,
) -> dict[Tensor, Any]:
    """Walk the graph backwards and return the cotangents of ``targets`` (default: all leaves).

    The values are arrays, or Tensors with ``create_graph``. What was made before the clock showed
    ``since`` is not visited: no path to the targets goes through it.
    """
    observer = current_mode().observer
    as_tensors = create_graph or (observer is not None and observer.wants_tensors)
    wanted = None if targets is None else set(targets)
    cotangents: dict[Tensor, Any] = {}
    result: dict[Tensor, Any] = {}
    pending: list[tuple[int, Tensor]] = []  # a heap: the youngest tensor first
    for root, seed in zip(roots, seeds, strict=True):
        seed = wrap(seed) if as_tensors else unwrap(seed)
        ends = root._primitive is None if wanted is None else root in wanted
        table = result if ends else cotangents
        if root in table:
            table[root] = table[root] + seed
            continue
        table[root] = seed
        if not ends:
            heappush(pending, (-root._seq, root))
    while pending:
        tensor = heappop(pending)[1]
        g = cotangents.pop(tensor)
        if tensor._hooks is not None:
            g = run_hooks(tensor, g, as_tensors)
        primitive, params, made = tensor._primitive, tensor._params, tensor._seq
        out, values = (tensor, tensor._inputs) if as_tensors else (tensor._data, tensor._values)
        for i, x in enumerate(tensor._inputs):
            if not isinstance(x, Tensor):
                continue
            seq = x._seq
            if seq > made:
                _check_overwritten(tensor, x, i)
            if not x._requires_grad or seq < since or (rule := primitive.vjps[i]) is None:
                continue
            gx = rule(g, out, *values, **params) if params else rule(g, out, *values)
            value = x._data
            try:
                fits = gx.dtype is value.dtype and gx.shape == value.shape
            except AttributeError:  # None, or a number of Python
                fits = False
            if not fits:
                gx = _fit(gx, x, tensor, i)
            if observer is not None:
                observer.backward(tensor, i, g, gx)
            if x._primitive is None if wanted is None else x in wanted:
                if x in result:
                    gx = result[x] + gx
                elif not as_tensors and (gx is g or gx.base is not None):
                    gx = gx.copy()  # a leaf's gradient owns its memory
                result[x] = gx
            elif x in cotangents:
                cotangents[x] = cotangents[x] + gx
            else:
                cotangents[x] = gx
                heappush(pending, (-seq, x))
    for tensor, g in result.items():
        if tensor._hooks is not None:
            result[tensor] = run_hooks(tensor, g, as_tensors)
    return result


_sum = np.add.reduce


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``g`` over the axes along which an array of ``shape`` was broadcast.

    >>> unbroadcast(np.ones((4, 3)), (1, 3))
    array([[4., 4., 4.]])
    """
    if not shape:
        return _sum(g, None)
    extra = g.ndim - len(shape)
    if extra == 1 and g.shape[1:] == shape:  # a bias under a batch
        return add_rows(g)
    grown = tuple(i + extra for i, n in enumerate(shape) if n == 1 != g.shape[i + extra])
    return _sum(g, tuple(range(extra)) + grown).reshape(shape)


def _fit(g: Any, x: Tensor, made: Tensor, position: int) -> Any:
    """Undo broadcasting and promotion; anything else that does not fit is a wrong rule."""
    primitive, value = made._primitive, x._data
    shape, dtype = value.shape, value.dtype
    if not hasattr(g, "dtype"):
        raise GradError(
            f"{primitive.name}: the rule for argument {position} returned {describe(g)} for "
            f"{describe(x, position)}; a rule must return an array of the shape and dtype of its "
            "argument; give None instead of a rule where there is no derivative")
    if primitive.elementwise and shape != g.shape == made._data.shape:
        g = unbroadcast(g, shape)
    if g.dtype is not dtype and (primitive.elementwise or made.dtype != dtype):
        g = g.astype(dtype)
    if g.shape != shape or g.dtype != dtype:
        raise GradError(
            f"{primitive.name}: the rule for argument {position} returned a cotangent of shape "
            f"{g.shape} and dtype {g.dtype} for {describe(x, position)}; a rule must return the "
            "shape and dtype of its argument"
        )
    return g


def _check_overwritten(made: Tensor, x: Tensor, position: int) -> None:
    """Refuse a graph whose recorded values are gone; constants no rule reads may change."""
    primitive = made._primitive
    extra = position >= len(primitive.arguments)  # index arrays, or any of a variable number
    if x._requires_grad or extra or position in primitive.reads or primitive.variadic:
        raise GradError(
            f"backward: {describe(x, position)} was overwritten after {primitive.name} used it, so "
            "this graph is stale and its gradients would be wrong. Compute the loss again after the "
            "update, or call backward() before changing values"
        )
