"""The reverse pass: from one tensor's cotangent to the gradients of all leaves.

Operations are visited from the youngest to the oldest, so that a tensor's cotangent is complete
before it is used. Cotangents live in a dict of this pass only. Here the rules run on plain arrays;
`cotangents` has the same pass with all choices, in which they may run on Tensors and record themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush, heappushpop
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import GradError, ShapeError, describe
from ..ground.fast import HALF, add_rows, is_half
from ..ground.live import Live
from ..ground.threads import end_turn, take_turn
from .hooks import accumulate, run_hooks
from .kept import is_due, note
from .tensor import ALL, Tensor, constant

if TYPE_CHECKING:
    from .primitive import Primitive


def backward(root: Tensor, gradient: Any = None) -> None:
    """Accumulate d(root)/d(leaf) in ``.grad`` of every leaf; see `Tensor.backward`."""
    seed = seed_of(root, gradient)
    gradients = gradients_of(root, seed._value if isinstance(seed, Tensor) else seed)
    take_turn()
    try:
        for leaf, g in gradients.items():
            if leaf._grad is None:
                leaf._grad = constant(g)
            else:
                accumulate(leaf, g)
    finally:
        end_turn()
    if is_due():
        note(root)


#: What the pass from a number starts with: a look-up takes a fifth of the time of making it.
_ONE: dict[Any, Any] = {np.float64: np.float64(1), np.float32: np.float32(1)}


def seed_of(root: Tensor, gradient: Any) -> Any:
    """What the pass starts with: ``gradient``, or one."""
    if not root._requires_grad:
        raise GradError(
            f"backward: {describe(root)} records nothing, because no tensor it was computed from "
            "requires a gradient; make one with requires_grad=True, and compute outside tg.no_grad(). "
            "A gradient is recorded only by backward(create_graph=True). See .why() of this tensor"
        )
    if gradient is None:
        if (one := _ONE.get(type(root._value))) is not None:
            return one
        if root._value.size != 1:
            raise GradError(f"backward: expected a tensor with one element, got {describe(root)}; "
                            "reduce it with .sum() or .mean(), or pass gradient=")
        return root._value.dtype.type(1) if root._value.ndim == 0 else np.ones_like(root._value)
    keep = isinstance(gradient, Tensor) and gradient._requires_grad
    seed = gradient if keep else Tensor(gradient)  # a copy: a leaf may end up owning it
    if seed.shape != root.shape:
        raise ShapeError(f"backward: gradient has shape {seed.shape}, expected {root.shape}, "
                         f"the shape of {describe(root)}")
    return seed if seed.dtype == root.dtype else seed.astype(root.dtype)


def gradients_of(root: Tensor, seed: Any) -> dict[Tensor, Any]:
    """Walk the graph backwards from ``root`` and return the gradients of all leaves, as arrays."""
    gradients: dict[Tensor, Any] = {}
    cotangents: dict[Tensor, Any] = {root: seed}
    pending: list[tuple[int, Tensor]] = []  # a heap, the youngest first, of all but what was met last,
    following: Any = (-root._seq, root)  # which in a chain is the next
    half = seed.dtype is HALF  # whether float16 was met: there only the root, and `fit`, leads to
    while following is not None:
        tensor, following = following[1], None
        g = cotangents.pop(tensor)
        if tensor._hooks is not None:
            g = run_hooks(tensor, g, False)
        primitive, params, made = tensor._primitive, tensor._params, tensor._seq
        # Tensor.inputs and operands.values_of, written out: a call each is felt in small models
        inputs = tensor._first if tensor._second is ALL else (tensor._first, tensor._second)
        arguments = [g, tensor._value]
        for x in inputs:
            arguments.append(x._value if isinstance(x, Tensor) else x.value if type(x) is Live else x)
        if half and g.dtype is HALF:
            arguments = in_single(primitive, arguments)
        rules = primitive.vjps
        if primitive.variadic and len(inputs) > 2:
            rules, arguments, params = rules.of_all(arguments, params), [], {}
        for i, x in enumerate(inputs):
            if not isinstance(x, Tensor):
                continue
            seq = x._seq
            if seq > made:
                check_overwritten(tensor, x, i)
            if not x._requires_grad or (rule := rules[i]) is None:
                continue
            gx = rule(*arguments, **params) if params else rule(*arguments)
            value = x._value
            try:
                fits = gx.shape == value.shape and gx.dtype is value.dtype
            except AttributeError:  # None, or a number of Python
                fits = False
            if not fits:
                gx = fit(gx, x, tensor, i)
                half = half or gx.dtype is HALF
            if x._primitive is None:
                if x in gradients:
                    gx = gradients[x] + gx
                elif gx is g or gx is value or gx.base is not None:
                    gx = gx.copy()  # a leaf's gradient owns its memory
                gradients[x] = gx
            elif x in cotangents:
                cotangents[x] = cotangents[x] + gx
            else:
                cotangents[x] = gx
                if following is not None:
                    heappush(pending, following)
                following = (-seq, x)
        if pending:
            following = heappop(pending) if following is None else heappushpop(pending, following)
    for leaf, g in gradients.items():
        if leaf._hooks is not None:
            gradients[leaf] = run_hooks(leaf, g, False)
    return gradients


def in_single(primitive: Primitive, arguments: Sequence[Any]) -> list[Any]:
    """The arguments of float16 rules in float32, so that a sum neither overflows nor stops at 2048."""
    read = primitive.reads

    def single(k: int, x: Any) -> Any:
        return x.astype(np.float32) if (k < 2 or k - 2 in read) and is_half(x) else x

    return [single(k, x) for k, x in enumerate(arguments)]


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


def fit(g: Any, x: Tensor, made: Tensor, position: int) -> Any:
    """Undo broadcasting and promotion; anything else that does not fit is a wrong rule."""
    primitive, value = made._primitive, x._value
    shape, dtype = value.shape, value.dtype
    if not hasattr(g, "dtype"):
        raise GradError(
            f"{primitive.name}: the rule for argument {position} returned {describe(g)} for "
            f"{describe(x, position)}; a rule must return an array of the shape and dtype of its "
            "argument; give None instead of a rule where there is no derivative")
    fits = g.shape == shape
    if not fits and primitive.elementwise and g.shape == made._value.shape:
        g, fits = unbroadcast(g, shape), True
    if g.dtype is not dtype:
        if primitive.elementwise or made.dtype != dtype or dtype == HALF:
            g = g.astype(dtype)
        fits = fits and g.dtype == dtype
    if not fits:
        raise GradError(
            f"{primitive.name}: the rule for argument {position} returned a cotangent of shape "
            f"{g.shape} and dtype {g.dtype} for {describe(x, position)}; a rule must return the "
            "shape and dtype of its argument"
        )
    return g


def check_overwritten(made: Tensor, x: Tensor, position: int) -> None:
    """Refuse a graph whose recorded values are gone; constants no rule reads may change."""
    if x._requires_grad or reads(made._primitive, position):
        raise stale(made._primitive, x, position)


def reads(primitive: Primitive, position: int) -> bool:
    """Whether a rule may look at the value of an argument."""
    extra = position >= len(primitive.arguments)  # index arrays, or any of a variable number
    return extra or position in primitive.reads or primitive.variadic


def stale(primitive: Primitive, x: Tensor, position: int) -> GradError:
    """What to say of a graph whose recorded values are gone."""
    return GradError(
        f"backward: {describe(x, position)} was overwritten after {primitive.name} used it, so "
        "this graph is stale and its gradients would be wrong. Compute the loss again after the "
        "update, or call backward() before changing values")
