"""The reverse pass step by step, as the engine walks it, with changes; and the forward pass again.

>>> import tinygrad_gd as tg
>>> w = tg.Tensor(3.0, requires_grad=True)
>>> for step in steps_of(w * w + 1.0): print(step.out.op.name, step.position, step.g, step.sent)
add 0 1.0 1.0
multiply 0 1.0 3.0
multiply 1 1.0 3.0
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..engine.backward import fit, in_single
from ..engine.graph import Node, nodes_of
from ..engine.operands import values_of
from ..engine.tensor import Tensor
from ..ground.fast import is_half
from ..ground.modes import no_grad

Array = Any


class Step(NamedTuple):
    """What one rule did: of the gradient ``g`` of a result it made what it ``sent`` to an input."""

    out: Tensor
    position: int
    to: Tensor
    g: Array
    raw: Array  # before it was summed to the input's shape
    sent: Array


#: Makes of a step what is sent instead, or None where nothing is.
Change = Callable[[Step], "Step | None"]


def seed_for(root: Tensor) -> Array:
    """What a pass starts with: ones of the root's shape."""
    return np.ones(root.shape, root.dtype)[()]


def steps_of(
    root: Tensor, totals: dict[Tensor, Array] | None = None,
    given: Mapping[Tensor, Array] | None = None, change: Change | None = None,
) -> Iterator[Step]:
    """The steps of the pass from ``root``, in the order of the engine, with its bits.

    Parameters
    ----------
    totals : filled with the gradient of each tensor, complete when the pass is over.
    given : gradients that take the place of what has arrived, for the steps that follow.
    change : what to send in place of a step.
    """
    totals = {} if totals is None else totals
    totals[root] = seed_for(root)
    with no_grad(), np.errstate(all="ignore"):
        for node in reversed(nodes_of(root)):
            out = node.tensor
            if given and out in given:
                totals[out] = given[out]
            if out not in totals:
                continue
            for step in _steps_at(out, totals[out]):
                sent = step if change is None else change(step)
                if sent is not None:
                    x = sent.to
                    totals[x] = totals[x] + sent.sent if x in totals else sent.sent
                    yield sent


def overwritten(root: Tensor) -> list[Tensor]:
    """The leaves that were written to after they were used; what comes back goes by the new values."""
    found = (x for node in nodes_of(root) for x in node.inputs
             if isinstance(x, Tensor) and Node(x).number > node.number)
    return list(dict.fromkeys(found))


def receivers(out: Tensor) -> list[tuple[int, Tensor]]:
    """The inputs of an operation that gradients flow to, with their positions."""
    rules = out.op.vjps if out.op else ()
    return [(i, x) for i, x in enumerate(out.inputs)
            if isinstance(x, Tensor) and x.requires_grad and rules[i] is not None]


def resent(step: Step, arguments: Mapping[int, Array]) -> Array:
    """What a step would have sent with other arguments of its rule: of g, the result and the inputs."""
    op: Any = step.out.op
    given = [step.g, _held(step.out), *values_of(step.out.inputs)]
    for k, value in arguments.items():
        given[k] = value
    with no_grad(), np.errstate(all="ignore"):
        return fitted(step, op.vjps[step.position](*given, **step.out.params))


def times_read(step: Step) -> Array:
    """How often each element of the input was read, where a step goes back through an index."""
    return np.asarray(resent(step, {0: np.ones(step.out.shape, step.out.dtype)[()]}))


def fitted(step: Step, raw: Array) -> Array:
    """What is sent, brought to the shape of the input, as the engine does."""
    return fit(np.asarray(raw)[()], step.to, step.out, step.position)


def _steps_at(out: Tensor, g: Array) -> Iterator[Step]:
    op: Any = out.op
    arguments = [g, _held(out), *values_of(out.inputs)]
    if is_half(g):
        arguments = in_single(op, arguments)
    rules, params = op.vjps, dict(out.params)
    if len(out.inputs) > 2 and op.variadic:
        rules, arguments, params = rules.of_all(arguments, params), [], {}
    for i, x in receivers(out):
        raw = rules[i](*arguments, **params)
        yield Step(out, i, x, g, raw, fit(raw, x, out, i))


def _held(t: Tensor) -> Array:
    """The values as the engine holds them: a NumPy scalar where there is one element and no axis."""
    return Node(t).value[()]


def recomputed(root: Tensor, changed: Mapping[Tensor, Array]) -> Array:
    """What ``root`` would be if leaves had other values; in float64, so that small changes show."""
    known: dict[Tensor, Array] = dict(changed)
    with np.errstate(all="ignore"):
        for node in nodes_of(root):
            given = tuple(known.get(x, x) if isinstance(x, Tensor) else x for x in node.inputs)
            known[node.tensor] = node.op.run(*map(_in_double, values_of(given)), **node.params)
    return known.get(root, _held(root))


def _in_double(x: Array) -> Array:
    floats = isinstance(x, np.ndarray | np.floating) and x.dtype.kind == "f"
    return x.astype(np.float64) if floats else x
