"""Derivative rules of one's own, recomputation instead of memory, and stopping gradients."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import update_wrapper, wraps
from typing import Any

import numpy as np

from ..engine.cotangents import cotangents_of
from ..engine.hooks import unwrap, wrap
from ..engine.primitive import Primitive, apply
from ..engine.tensor import Tensor, constant
from ..errors import DTypeError, GradError, describe
from ..ground.modes import current_mode, get_default_dtype, using
from ..ground.pytree import flatten, flatten_like, tree_map
from ..ground.rng import generator
from ..ground.storage import tick
from ..ops.elementwise import positive
from ..ops.shape import concatenate
from ..ops.unnamed import graft
from .recording import name_of, outside, seed_for, stopped, zeros


def stop_gradient(tree: Any) -> Any:
    """The same values as constants for every derivative; of nested lists, tuples and dicts, too.

    >>> import tinygrad_gd as tg
    >>> tg.grad(lambda x: x * tg.stop_gradient(x))(3.0).item()
    3.0
    """
    return tree_map(stopped, tree)


class custom_vjp:
    """A function with a derivative rule of its own, in JAX's words.

    ``f.defvjp(fwd, bwd)``: ``fwd(*args)`` returns ``(out, residuals)``, ``bwd(residuals, g)`` a tuple
    with the cotangent of each argument (None for zeros), from ``g``, the cotangent of ``out``.
    Higher derivatives differentiate ``bwd`` and the residuals of ``fwd``. That of ``out`` is the rule
    in all of them, as in PyTorch; JAX differentiates what ``fwd`` computes. For rules of one array
    function, `primitive` is shorter.

    >>> import numpy as np, tinygrad_gd as tg
    >>> @tg.custom_vjp
    ... def softplus(x): return np.log1p(np.exp(x))
    >>> def fwd(x): return softplus(x), x
    >>> def bwd(x, g): return (g / (1 + np.exp(-x)),)
    >>> softplus.defvjp(fwd, bwd)
    >>> tg.grad(softplus)(0.0).item(), tg.grad(tg.grad(softplus))(0.0).item()
    (0.5, 0.25)
    """

    __name__: str

    def __init__(self, f: Callable[..., Any]) -> None:
        if not callable(f):
            raise DTypeError(f"custom_vjp: expected a function, got {describe(f)}; use it as "
                             "@tg.custom_vjp above a def")
        update_wrapper(self, f)
        self._f, self._node = f, graft(getattr(f, "__name__", type(f).__name__))
        try:
            self._signature = inspect.signature(f)
        except ValueError:
            raise DTypeError(f"custom_vjp: expected a function that tells its arguments, got "
                             f"{describe(f)}; wrap it, as in lambda x: f(x)") from None
        self._fwd: Any = None
        self._bwd: Any = None

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Set the rule; see the class."""
        for given in (fwd, bwd):
            if not callable(given):
                raise DTypeError(f"defvjp: expected two functions, fwd and bwd, got {describe(given)}")
        self._fwd, self._bwd = fwd, bwd

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's value, recorded as one operation with its own rule."""
        if self._bwd is None:
            raise GradError(f"custom_vjp: {self.__name__} has no rule yet; "
                            f"call {self.__name__}.defvjp(fwd, bwd) after its definition")
        if len(args) != len(self._signature.parameters):
            try:
                bound = self._signature.bind(*args, **kwargs)
            except TypeError as error:
                raise DTypeError(f"custom_vjp: {self.__name__}: {error}; it is called with "
                                 f"({', '.join(self._signature.parameters)})") from None
            bound.apply_defaults()  # fwd gets every argument by position
            if bound.kwargs:
                raise DTypeError(f"custom_vjp: {self.__name__} has keyword-only arguments "
                                 f"({', '.join(bound.kwargs)}), which fwd cannot get; leave out the *")
            args = bound.args
        if not current_mode().grad or not any(map(_recorded, flatten(args))):
            return self._f(*args)
        args = tree_map(_kept, args)
        constants, since, again = tree_map(_constant, args), tick(), _repeating()
        out, residuals = self._forward(constants)
        leaves = [x for x in flatten(out) if _floating(x)]
        self._check_closure(leaves)

        def cotangents(g: Any, create_graph: bool) -> list[Any]:
            if not create_graph:
                return self._pull(residuals, _spread(out, leaves, g), args, False)
            with again():
                recorded = self._forward(args)[1]
            return self._pull(recorded, _spread(out, leaves, g), args, True)

        inputs = [x for x in flatten(args) if isinstance(x, Tensor)]
        return _grafted(self._node, out, leaves, inputs, cotangents, since)

    def _forward(self, args: Any) -> tuple[Any, Any]:
        with using(grad=True):
            pair = self._fwd(*args)
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise GradError(f"custom_vjp: fwd of {self.__name__} must return (out, residuals), "
                            f"got {describe(pair)}")
        out = tree_map(_as_output, pair[0])
        if not any(map(_floating, flatten(out))):
            raise GradError(f"custom_vjp: fwd of {self.__name__} must return floating values as out, "
                            f"got {describe(pair[0])}; leave the decorator out")
        return out, pair[1]

    def _check_closure(self, leaves: Sequence[Tensor]) -> None:
        for x in outside(leaves, (), 0):
            raise GradError(f"custom_vjp: {self.__name__} uses {describe(x)}, which requires a "
                            "gradient, but is no argument, so the rule cannot give it one; make it an "
                            "argument, or use tg.stop_gradient on it")

    def _pull(self, residuals: Any, g: Any, args: Any, create_graph: bool) -> list[Any]:
        what = f"custom_vjp: bwd of {self.__name__}"
        with using(grad=create_graph):
            result = self._bwd(residuals, g)
            if not isinstance(result, tuple) or len(result) != len(args):
                raise GradError(f"{what} must return a tuple of {len(args)} cotangent(s), one per "
                                f"argument, got {describe(result)}")
            given = flatten_like(args, result, what)
            return [seed_for(x, c, what) if x._requires_grad else None
                    for x, c in zip(flatten(args), given, strict=True) if isinstance(x, Tensor)]


def checkpoint(f: Callable[..., Any], *args: Any) -> Callable[..., Any]:
    """``f``, but its intermediate values are forgotten and computed again in the backward pass.

    Memory for time: a chain of checkpointed layers keeps one array per layer. Gradients also reach
    Tensors that ``f`` closes over, such as the parameters of a layer; random draws repeat
    themselves. ``f`` must compute the same when run again. Compiled programs plan their memory
    themselves and do not recompute.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = tg.Tensor(0.5, requires_grad=True)
    >>> layer = tg.checkpoint(lambda x: np.sin(np.exp(x)))
    >>> layer(layer(x)).backward(); round(x.grad.item(), 4)
    0.3159
    """
    if not callable(f):
        raise DTypeError(f"checkpoint: expected a function, got {describe(f)}; use it as "
                         "tg.checkpoint(layer)(x)")
    if args:
        raise DTypeError(f"checkpoint: expected only a function, which it changes; write "
                         f"tg.checkpoint({getattr(f, '__name__', 'f')})(x)")
    node = graft("checkpoint")

    @wraps(f, updated=())
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        mode = current_mode()
        if not mode.grad or (mode.lockstep is not None and mode.lockstep.active) or (
                mode.observer is not None and mode.observer.wants_tensors):
            return f(*args, **kwargs)
        args, kwargs = tree_map(_kept, (args, kwargs))
        again, since = _repeating(), tick()
        out = f(*args, **kwargs)
        leaves = [x for x in flatten(out) if _floating(x)]
        inputs = list(outside(leaves, (), since))
        if not any(map(_recorded, inputs)):
            return out
        values: list[Any] = []

        def cotangents(g: Any, create_graph: bool) -> list[Any]:
            with again():
                roots = [x for x in flatten(f(*args, **kwargs)) if _floating(x)]
            if len(roots) != len(values) or not all(map(_same, roots, values)):
                raise GradError(f"checkpoint: {name_of(f)} returned something else when it was "
                                "computed again, so its gradient would be wrong; it must do the same "
                                "every time, and arrays that it closes over must not be written to")
            return _cotangents_of(roots, _split(g, roots), inputs, create_graph)

        result = _grafted(node, out, leaves, inputs, cotangents, tick())
        values += [x._value for x in flatten(result) if _floating(x)]
        return result

    return recomputed


def _same(root: Tensor, value: Any) -> bool:
    """Whether what was computed again is what it was, but for the last bits."""
    return root.shape == value.shape and np.allclose(root._value, value, 1e-4, 1e-30, equal_nan=True)


def _cotangents_of(
    roots: Sequence[Tensor], seeds: Sequence[Any], inputs: Sequence[Tensor], create_graph: bool
) -> list[Any]:
    """The cotangent of each input that requires a gradient, None for the others."""
    live = [i for i, root in enumerate(roots) if root._requires_grad]
    targets = [x for x in inputs if x._requires_grad]
    with using(grad=create_graph):
        found = cotangents_of([roots[i] for i in live], [seeds[i] for i in live], create_graph, targets,
                              complete=False)
    return [found.get(x, zeros(x)) if x._requires_grad else None for x in inputs]


def _repeating() -> Callable[[], AbstractContextManager[None]]:
    """Contexts in which what runs now is run again: random draws repeat themselves, as do defaults."""
    state, dtype = generator().bit_generator.state, get_default_dtype()

    @contextmanager
    def again() -> Iterator[None]:
        bits = generator().bit_generator
        present, bits.state = bits.state, state
        try:
            with using(grad=True, default_dtype=dtype):
                yield
        finally:  # afterwards all goes on as if nothing was
            bits.state = present

    return again


# -- nodes whose backward is one function for all inputs -------------------------------------------


class _Cotangents:
    """All cotangents of a node, computed once per pass and handed out as the engine asks for them."""

    def __init__(self, compute: Callable[[Any, bool], list[Any]], value: Any) -> None:
        self._compute = compute
        self.value = value  # of the node, unless an input holds it
        self._g: Any = None
        self._found: dict[int, Any] = {}

    def of(self, position: int, g: Any) -> Any:
        if self._g is not g or position not in self._found:
            as_tensors = isinstance(g, Tensor)
            found = self._compute(g, as_tensors and current_mode().grad)
            change = wrap if as_tensors else unwrap
            self._g = g
            self._found = {i: change(c) for i, c in enumerate(found) if c is not None}
        cotangent = self._found.pop(position)
        if not self._found:
            self._g = None
        return cotangent


def _grafted(
    node: Primitive, out: Any, leaves: Sequence[Tensor], inputs: Sequence[Tensor],
    compute: Callable[[Any, bool], list[Any]], since: int,
) -> Any:
    """``out`` with the history of its floating leaves replaced by one node over ``inputs``."""
    with using(grad=False):
        own = [positive(x) if x._requires_grad or x._seq < since else x for x in leaves]
        value = own[0] if len(own) == 1 else concatenate([x.reshape(-1) for x in own])
    seen = current_mode().observer is not None  # then it must be seen where the value comes from
    cotangents = _Cotangents(compute, None if seen else value._value)
    joined = apply(node, (*inputs, value) if seen else tuple(inputs), {"cotangents": cotangents})
    return _spread(out, leaves, joined)


def _split(joined: Any, leaves: Sequence[Tensor]) -> list[Any]:
    """The parts of an array that holds the values of ``leaves`` one after the other."""
    if len(leaves) == 1:
        return [joined]
    parts, start = [], 0
    for x in leaves:
        part = joined[start : start + x.size].reshape(x.shape)
        parts.append(part if part.dtype == x.dtype else part.astype(x.dtype))
        start += x.size
    return parts


def _spread(out: Any, leaves: Sequence[Tensor], joined: Any) -> Any:
    """A tree like ``out`` with its floating leaves taken from ``joined``, the others as they are."""
    parts = iter(_split(wrap(joined), leaves))
    return tree_map(lambda leaf: next(parts) if _floating(leaf) else leaf, out)


def _floating(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) and leaf.dtype.kind == "f"


def _as_output(leaf: Any) -> Any:
    """What other libraries computed, an array or a NumPy number, as a Tensor."""
    return Tensor(leaf) if isinstance(leaf, np.ndarray | np.generic) else leaf


def _recorded(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) and leaf._requires_grad


def _kept(leaf: Any) -> Any:
    """An array is copied: what the user writes into it later must not be seen in the backward pass."""
    return np.array(leaf) if isinstance(leaf, np.ndarray) and not isinstance(leaf, Tensor) else leaf


def _constant(leaf: Any) -> Any:
    if not _recorded(leaf):
        return leaf
    if current_mode().observer is not None:
        return stopped(leaf)
    held = constant(leaf._value)
    held._name = leaf._name
    return held
