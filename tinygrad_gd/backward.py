"""The reverse pass: from one tensor's cotangent to the gradients of all leaves.

Operations are visited from the youngest to the oldest, so that a tensor's cotangent is complete
before it is used. Cotangents live in a dict of this pass only. First-order passes run the rules on
plain arrays; with ``create_graph`` the same rules run on Tensors and record themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from .errors import GradError, ShapeError, describe
from .modes import current_mode, using
from .storage import tick
from .tensor import Tensor


def backward(root: Tensor, gradient: Any = None, create_graph: bool = False) -> None:
    """Accumulate d(root)/d(leaf) in ``.grad`` of every leaf; see `Tensor.backward`."""
    seed = _seed(root, gradient)
    with using(grad=create_graph):
        leaves = cotangents_of([root], [seed], create_graph)
        given: set[int] = {id(seed)}
        for leaf, g in leaves.items():
            _accumulate(leaf, g, given)


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
        return np.ones(root.shape, root.dtype)[()]
    seed = gradient if isinstance(gradient, Tensor) else Tensor(gradient)
    if seed.shape != root.shape:
        raise ShapeError(f"backward: gradient has shape {seed.shape}, expected {root.shape}, "
                         f"the shape of {describe(root)}")
    return seed if seed.dtype == root.dtype else seed.astype(root.dtype)


def cotangents_of(
    roots: Sequence[Tensor],
    seeds: Sequence[Any],
    create_graph: bool,
    targets: Sequence[Tensor] | None = None,
) -> dict[Tensor, Any]:
    """Walk the graph backwards and return the cotangents of ``targets`` (default: all leaves).

    The values are arrays, or Tensors with ``create_graph``.
    """
    observer = current_mode().observer
    as_tensors = create_graph or observer is not None and observer.wants_tensors
    wanted = None if targets is None else set(targets)
    oldest = 0 if wanted is None else min(t._seq for t in targets)  # type: ignore[union-attr]
    cotangents: dict[Tensor, Any] = {}
    result: dict[Tensor, Any] = {}
    pending: list[tuple[int, Tensor]] = []

    def give(x: Tensor, g: Any) -> None:
        earlier = cotangents.get(x)
        if earlier is not None:
            cotangents[x] = earlier + g
        else:
            cotangents[x] = g
            heappush(pending, (-x._seq, x))

    for root, seed in zip(roots, seeds, strict=True):
        give(root, _wrap(seed) if as_tensors else _unwrap(seed))
    while pending:
        tensor = heappop(pending)[1]
        g = cotangents.pop(tensor)
        if tensor._hooks is not None:
            g = _run_hooks(tensor, g, as_tensors)
        primitive = tensor._primitive
        if primitive is None if wanted is None else tensor in wanted:
            result[tensor] = g
            continue
        if primitive is None:
            continue
        inputs, params, made = tensor._inputs, tensor._params, tensor._seq
        if as_tensors:
            out, values = tensor, inputs
        else:
            out = tensor._data
            values = [x._data if isinstance(x, Tensor) else x for x in inputs]
        for i, x in enumerate(inputs):
            if not isinstance(x, Tensor):
                continue
            if x._seq > made:
                _check_overwritten(tensor, x, i)
            if x._requires_grad and x._seq >= oldest and (rule := primitive.vjps[i]) is not None:
                gx = rule(g, out, *values, **params)
                value = x._data
                if gx.shape != value.shape or gx.dtype is not value.dtype:
                    gx = _fit(gx, x, tensor, i)
                if observer is not None:
                    observer.backward(tensor, i, g, gx)
                give(x, gx)
    return result


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``g`` over the axes along which an array of ``shape`` was broadcast.

    >>> unbroadcast(np.ones((4, 3)), (1, 3))
    array([[4., 4., 4.]])
    """
    if not shape:
        return np.add.reduce(g, axis=None)
    extra = g.ndim - len(shape)
    grown = tuple(i + extra for i, n in enumerate(shape) if n == 1 != g.shape[i + extra])
    return np.add.reduce(g, axis=tuple(range(extra)) + grown).reshape(shape)


def _fit(g: Any, x: Tensor, made: Tensor, position: int) -> Any:
    """Undo broadcasting and promotion; anything else that does not fit is a wrong rule."""
    primitive = made._primitive
    if primitive.elementwise and g.shape != x.shape:
        try:
            g = unbroadcast(g, x.shape)
        except (ValueError, IndexError):
            pass
    promoted = primitive.elementwise or made.dtype != x.dtype
    if g.dtype != x.dtype and promoted:
        g = g.astype(x.dtype)
    if g.shape != x.shape or g.dtype != x.dtype:
        raise GradError(
            f"{primitive.name}: the rule for argument {position} returned a cotangent of shape "
            f"{g.shape} and dtype {g.dtype} for {describe(x, position)}; a rule must return the "
            "shape and dtype of its argument"
        )
    return g


def _check_overwritten(made: Tensor, x: Tensor, position: int) -> None:
    """Refuse a graph whose recorded values are gone; constants no rule reads may change."""
    primitive = made._primitive
    if x._requires_grad or position in primitive.reads or primitive.variadic:
        raise GradError(
            f"backward: {describe(x, position)} was overwritten after {primitive.name} used it, so "
            "this graph is stale and its gradients would be wrong. Compute the loss again after the "
            "update, or call backward() before changing values"
        )


def _wrap(g: Any) -> Tensor:
    """A Tensor that shares the array of a cotangent."""
    if isinstance(g, Tensor):
        return g
    tensor = Tensor.__new__(Tensor)
    tensor._data, tensor._requires_grad, tensor._primitive = g, False, None
    tensor._inputs, tensor._params, tensor._seq = (), {}, tick()
    tensor._grad = tensor._hooks = tensor._name = None
    return tensor


def _unwrap(g: Any) -> Any:
    return g._data if isinstance(g, Tensor) else g


def retain(gradient: Tensor) -> None:
    """The hook of `Tensor.retain_grad`; the pass itself stores the gradient."""


def _run_hooks(tensor: Tensor, g: Any, as_tensors: bool) -> Any:
    hooks: list[Callable[[Tensor], Any]] = tensor._hooks or []
    for hook in hooks:
        if hook is retain:
            continue
        replacement = hook(_wrap(g))
        if replacement is not None:
            new = replacement if isinstance(replacement, Tensor) else Tensor(replacement)
            if new.shape != tensor.shape:
                raise ShapeError(f"hook: returned shape {new.shape} for the gradient of "
                                 f"{describe(tensor)}; return the same shape or None")
            g = new if as_tensors else new._data
    if retain in hooks and tensor._primitive is not None:
        _accumulate(tensor, g, set())
    return g


def _accumulate(leaf: Tensor, g: Any, given: set[int]) -> None:
    """Add to ``leaf.grad``, which must own its memory: two leaves never share an array."""
    if leaf._grad is not None:
        leaf._grad = _wrap(leaf._grad + _wrap(g))
        return
    array = _unwrap(g)
    if not isinstance(g, Tensor) and isinstance(array, np.ndarray):
        if array.base is not None or id(array) in given:
            g = array = array.copy()
        given.add(id(array))
    leaf._grad = _wrap(g)
