"""One evaluation of a function at fresh variables, and reverse passes over it.

Every transform is made of these two. The variables are new at each level of nesting (a Tensor
argument is copied by a recorded operation), so that an inner derivative cannot be taken for an
outer one. A reverse pass is recorded exactly when something outside the function could be
differentiated through it: a Tensor argument or a closed-over Tensor that requires a gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..engine.cotangents import cotangents_of
from ..engine.graph import walk
from ..engine.hooks import wrap
from ..engine.primitive import apply
from ..engine.tensor import Tensor, constant
from ..errors import DTypeError, GradError, OptionError, ShapeError, describe
from ..ground.modes import current_mode, using
from ..ground.observer import reverse_pass
from ..ground.pytree import flatten, places, tree_map, unflatten
from ..ground.storage import tick
from ..ops.elementwise import positive

#: Marks the leaves made here: nobody outside the function can differentiate by them.
_VARIABLE: dict[str, Any] = {}


class Recording:
    """What ``f(*args, **kwargs)`` returned, with the variables that took the arguments' places.

    Attributes
    ----------
    variables : one Tensor per leaf of the arguments chosen by ``argnums``.
    out, aux : what the function returned; ``aux`` is None without ``has_aux``.
    outputs : the leaves of ``out``, all floating Tensors.
    """

    def __init__(
        self, transform: str, f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any],
        argnums: Sequence[int], has_aux: bool = False,
    ) -> None:
        self.since = tick()
        self.variables: list[Tensor] = []
        replaced = list(args)
        for i in argnums:
            fresh = _copies(transform, args[i], f"argument {i}")
            self.variables += fresh
            replaced[i] = unflatten(args[i], fresh)
        self._own = [variable(x) for x in self.variables if not x._requires_grad]
        with using(grad=True, deriving=True):
            out = f(*replaced, **kwargs)
        self.aux: Any = None
        self.out = out
        if has_aux:
            self.out, self.aux = _split(transform, f, out)
        self.outputs = _outputs(transform, f, self.out)
        self._connected: bool | None = None

    @property
    def connected(self) -> bool:
        """Whether something outside could be differentiated through the outputs."""
        if self._connected is None:
            self._connected = self._reaches_outside(self.outputs)
        return self._connected and current_mode().grad

    def _reaches_outside(self, tensors: Iterable[Tensor]) -> bool:
        if len(self._own) < len(self.variables):  # an argument is differentiated elsewhere
            return True
        tensors, lockstep = list(tensors), current_mode().lockstep

        def reach() -> bool:
            return any(t._requires_grad for t in outside(tensors, self.variables, self.since))

        if lockstep is not None and lockstep.active:
            return bool(lockstep.asks("reaches outside", (*tensors, *self.variables), reach))
        return reach()

    def pull(self, seeds: Sequence[Any], create_graph: bool | None = None) -> list[Tensor]:
        """The cotangents of the variables, from those of the outputs."""
        if create_graph is None:
            create_graph = self.connected
        return pull(self.outputs, seeds, self.variables, self.since, create_graph)

    def handed_out(self, tree: Any) -> Any:
        """The Tensors of a returned tree, without history unless that is of use outside."""

        def given(leaf: Any) -> Any:
            if not isinstance(leaf, Tensor) or not leaf._requires_grad:
                return leaf
            return leaf if current_mode().grad and self._reaches_outside([leaf]) else stopped(leaf)

        return tree_map(given, tree)

    def value(self) -> Any:
        """The outputs as the transform returns them."""
        if len(self.outputs) > 1:
            return unflatten(self.out, map(self.handed_out, self.outputs))
        return unflatten(self.out, self.outputs if self.connected else map(stopped, self.outputs))

    def close(self) -> None:
        """Nothing can be differentiated by the variables any more."""
        for v in self._own:
            v._requires_grad = False


def pull(
    roots: Sequence[Tensor], seeds: Sequence[Any], targets: Sequence[Tensor], since: int,
    create_graph: bool,
) -> list[Tensor]:
    """The cotangents of ``targets`` as Tensors; zeros where the roots do not depend on them."""
    if (lockstep := current_mode().lockstep) is not None and lockstep.active:
        return lockstep.pull(  # type: ignore[no-any-return]
            roots, seeds, targets, since, create_graph, pull)
    live = [(root, seed) for root, seed in zip(roots, seeds, strict=True) if root._requires_grad]
    found: dict[Tensor, Any] = {}
    if live:
        heads, cotangents = zip(*live, strict=True)
        if create_graph or current_mode().observer is not None:
            with reverse_pass(heads[0], cotangents[0], create_graph):
                found = cotangents_of(heads, cotangents, create_graph, targets, since)
        else:
            found = cotangents_of(heads, cotangents, False, targets, since)
    return [wrap(found[t]) if t in found else zeros(t) for t in targets]


def outside(tensors: Iterable[Tensor], own: Sequence[Tensor], since: int) -> Iterator[Tensor]:
    """What the graph of ``tensors`` took from outside a recording, each Tensor once."""
    mine = set(own)
    for t in walk((t for t in tensors if t._requires_grad), lambda t: t._seq < since or t in mine):
        given = t._primitive is None and t._requires_grad and t._params is not _VARIABLE
        if (t._seq < since or given) and t not in mine:
            yield t


def stopped(leaf: Any) -> Any:
    """The same values without history; what is no Tensor or has none is returned as it is."""
    if not isinstance(leaf, Tensor) or not leaf._requires_grad:
        return leaf
    if (mode := current_mode()).observer is None and mode.lockstep is None:
        return constant(positive.run(leaf._value))
    with using(grad=False):  # through the door, so that the observer sees where the values come from
        return apply(positive, (leaf,))


def zeros(like: Tensor) -> Tensor:
    """A constant of the shape and dtype of ``like``."""
    return constant(np.zeros(like.shape, like.dtype) if like.ndim else like.dtype.type(0))


def seed_for(output: Tensor, value: Any, what: str) -> Tensor:
    """A cotangent or tangent given by the user, fit for ``output``; None stands for zeros."""
    if value is None:
        return zeros(output)
    seed = apply(positive, (value,)) if isinstance(value, Tensor) else _numbers(what, value)
    if seed.shape != output.shape or seed.dtype.kind not in "fiub":
        raise ShapeError(f"{what}: expected shape {output.shape} as of {describe(output)}, "
                         f"got {describe(seed)}")
    return seed if seed.dtype == output.dtype else seed.astype(output.dtype)


def _numbers(what: str, leaf: Any) -> Tensor:
    try:
        return Tensor(leaf)
    except DTypeError as error:
        raise DTypeError(f"{what}: {str(error).removeprefix('Tensor: ')}") from error


def _copies(transform: str, tree: Any, what: str) -> list[Tensor]:
    """A fresh Tensor for each leaf of an argument."""
    fresh = []
    for i, leaf in enumerate(flatten(tree)):
        place = f"{transform}: {what}"
        x = leaf if isinstance(leaf, Tensor) else _numbers(place, leaf)
        if x.dtype.kind != "f":
            raise DTypeError(
                f"{transform}: can only differentiate by floating values, but {what}{places(tree)[i]} "
                f"is {describe(leaf)}; pass floats, or leave it out of argnums or close over it")
        if x is leaf:
            x = apply(positive, (x,))
            x._name = leaf._name
        fresh.append(x)
    return fresh


def variable(leaf: Tensor) -> Tensor:
    """Let a new leaf be differentiated by, here and nowhere else."""
    leaf._requires_grad = True
    lockstep = current_mode().lockstep
    if lockstep is None or not lockstep.answered(leaf):
        leaf._params = _VARIABLE
    return leaf


def _split(transform: str, f: Callable[..., Any], out: Any) -> tuple[Any, Any]:
    if not isinstance(out, tuple) or len(out) != 2:
        raise GradError(f"{transform}: with has_aux=True {name_of(f)} must return (output, aux), "
                        f"got {describe(out)}")
    return out


def _outputs(transform: str, f: Callable[..., Any], out: Any) -> list[Tensor]:
    """The leaves of what a function returned, as floating Tensors."""
    leaves = flatten(out)
    if not leaves:
        raise GradError(f"{transform}: {name_of(f)} returned {out!r}, nothing to differentiate; "
                        "is a `return` missing?")
    outputs = []
    for i, leaf in enumerate(leaves):
        place = f"{transform}: the result of {name_of(f)}"
        x = leaf if isinstance(leaf, Tensor) else _numbers(place, leaf)
        if x.dtype.kind != "f":
            raise DTypeError(
                f"{transform}: expected {name_of(f)} to return floating values, but its result"
                f"{places(out)[i]} is {describe(leaf)}; return it beside the output with has_aux=True")
        outputs.append(x)
    return outputs


def name_of(f: Any) -> str:
    """How errors call a function."""
    return f"{getattr(f, '__name__', type(f).__name__)}()"


def positions(transform: str, argnums: Any, args: Sequence[Any]) -> tuple[int, ...]:
    """``argnums`` as positions among ``args``."""
    n = len(args)
    if isinstance(argnums, int) and -n <= argnums < n:
        return (argnums % n,)
    chosen = argnums if isinstance(argnums, tuple | list) else (argnums,)
    for i in chosen:
        if not -n <= i < n:
            raise OptionError(
                f"{transform}: argnums names argument {i}, but the function was called with {n} "
                "positional arguments; pass by position what is to be differentiated")
    found = tuple(i % n for i in chosen)
    if len(set(found)) < len(found):
        raise OptionError(f"{transform}: argnums={argnums!r} names an argument twice")
    return found
