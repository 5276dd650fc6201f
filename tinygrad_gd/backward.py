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
from .tensor import Tensor


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
        if root in cotangents:
            cotangents[root] = cotangents[root] + seed
        else:
            cotangents[root] = seed
            heappush(pending, (-root._seq, root))
    while pending:
        tensor = heappop(pending)[1]
        g = cotangents.pop(tensor)
        if tensor._hooks is not None:
            g = run_hooks(tensor, g, as_tensors)
        primitive = tensor._primitive
        if primitive is None if wanted is None else tensor in wanted:
            result[tensor] = g
            continue
        made, inputs, params = tensor._seq, tensor._inputs, tensor._params
        out, values = (tensor, inputs) if as_tensors else (tensor._data, tensor._values)
        for i, x in enumerate(inputs):
            if not isinstance(x, Tensor):
                continue
            if x._seq > made:
                _check_overwritten(tensor, x, i)
            if not x._requires_grad or x._seq < since or (rule := primitive.vjps[i]) is None:
                continue
            gx = rule(g, out, *values, **params) if params else rule(g, out, *values)
            value = x._data
            if gx.dtype is not value.dtype or gx.shape != value.shape:
                gx = _fit(gx, x, tensor, i)
            if observer is not None:
                observer.backward(tensor, i, g, gx)
            if x in cotangents:
                cotangents[x] = cotangents[x] + gx
                continue
            if x._primitive is None and not as_tensors and (gx is g or gx.base is not None):
                gx = gx.copy()  # a leaf's gradient owns its memory
            cotangents[x] = gx
            heappush(pending, (-x._seq, x))
    return result


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``g`` over the axes along which an array of ``shape`` was broadcast.

    >>> unbroadcast(np.ones((4, 3)), (1, 3))
    array([[4., 4., 4.]])
    """
    if not shape:
        return np.add.reduce(g, axis=None)
    extra = g.ndim - len(shape)
    if extra == 1 and g.shape[1:] == shape:  # a bias under a batch
        return np.add.reduce(g, axis=0)
    grown = tuple(i + extra for i, n in enumerate(shape) if n == 1 != g.shape[i + extra])
    return np.add.reduce(g, axis=tuple(range(extra)) + grown).reshape(shape)


def _fit(g: Any, x: Tensor, made: Tensor, position: int) -> Any:
    """Undo broadcasting and promotion; anything else that does not fit is a wrong rule."""
    primitive, value = made._primitive, x._data
    if primitive.elementwise and value.shape != g.shape == made._data.shape:
        g = unbroadcast(g, value.shape)
    if g.dtype is not value.dtype and (primitive.elementwise or made.dtype != value.dtype):
        g = g.astype(value.dtype)
    if g.shape != value.shape or g.dtype != value.dtype:
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
