"""Slips: what a reverse pass gives in which one thing is done wrong, in the words of that mistake.

To name a mistake is to search: which single slip gives exactly these numbers?
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..engine.graph import Node
from ..engine.tensor import Tensor
from ..errors import TinygradGdError
from ..ops.indexing import SLOT
from .reverse import Step, fitted, resent

if TYPE_CHECKING:
    from .naming import Names

Array = Any
#: So many other values of the graph are tried in the place of an argument.
OTHERS = 30
FORGOTTEN = "`=` where `+=` belongs, or a path that was forgotten"


class Slip(NamedTuple):
    """A mistake, and what a step sends with it; None if it sends nothing."""

    says: str
    sent: Array | None


def slips_at(step: Step, names: Names, values: list[Tensor]) -> Iterator[Slip]:
    """The slips that somebody may make in one step; ``values`` are mixed up with its own."""
    tries = (_plain, _shapes, _gates, _bent, _pools, _kernels, _reads, _softmax, _misplaced)
    for attempt in tries:
        slips = attempt(step, names, values)
        while True:
            try:
                yield next(slips)
            except StopIteration:
                break
            except (TinygradGdError, ValueError, IndexError, TypeError):  # what does not fit is no slip
                break


def _plain(step: Step, names: Names, _: list[Tensor]) -> Iterator[Slip]:
    op: Any = step.out.op
    made = names.made(step.out)
    yield Slip(f"what comes back through {made} is missing: {FORGOTTEN}", None)
    if op.elementwise or step.to.shape == step.out.shape:
        if op.name not in ("add", "subtract", "negative", "positive"):
            yield Slip(f"the local derivative of {made} is left out: what arrived was passed on as it "
                       "came", fitted(step, step.g))


def _shapes(step: Step, names: Names, _: list[Tensor]) -> Iterator[Slip]:
    made = names.made(step.out)
    if step.sent.ndim == 2 and step.sent.shape[0] == step.sent.shape[1]:
        yield Slip(f"what comes back through {made} is transposed", step.sent.T)
    for k, x in enumerate(step.out.inputs):
        held = Node(x).value if isinstance(x, Tensor) else np.asarray(x)
        if k != step.position and held.ndim == 2 and held.shape[0] == held.shape[1]:
            yield Slip(f"in what comes back through {made}, {names(x)} is taken as it is where its "
                       "transpose belongs, or the other way round", resent(step, {k + 2: held.T}))


def _gates(step: Step, names: Names, _: list[Tensor]) -> Iterator[Slip]:
    op: Any = step.out.op
    gate = op.kind == "act" or op.name in ("where", "clip", "maximum", "minimum")
    if not gate or np.shape(step.raw) != np.shape(step.g):
        return
    if np.all((step.raw == step.g) | (step.raw == 0)):
        yield Slip(f"the mask of {names.made(step.out)} is upside down",
                   fitted(step, step.g - step.raw))


def _bent(step: Step, names: Names, _: list[Tensor]) -> Iterator[Slip]:
    """Halves of the derivatives of tanh and sigmoid."""
    op: Any = step.out.op
    out, made = Node(step.out).value, names(step.out)
    if op.name == "tanh":
        yield Slip(f"the square is missing in 1 - {made} ** 2, the derivative of tanh",
                   step.g * (1 - out))
        yield Slip(f"{made} ** 2 is taken where 1 - {made} ** 2 belongs, the derivative of tanh",
                   step.g * out * out)
    if op.name == "sigmoid":
        yield Slip(f"only {made} is taken where {made} * (1 - {made}) belongs", step.g * out)
        yield Slip(f"only 1 - {made} is taken where {made} * (1 - {made}) belongs", step.g * (1 - out))


def _kernels(step: Step, names: Names, _: list[Tensor]) -> Iterator[Slip]:
    op: Any = step.out.op
    if op.name in ("conv1d", "conv2d", "conv3d") and step.position == 1:
        axes = tuple(range(2, step.sent.ndim))
        yield Slip(f"the gradient of the kernel of {names.made(step.out)} is flipped: windows are "
                   "taken as they are, not turned round", np.flip(step.sent, axes))


def _reads(step: Step, names: Names, _: list[Tensor]) -> Iterator[Slip]:
    """What was read more than once gets only the last of what comes back."""
    op: Any = step.out.op
    if op.name != "getitem":
        return
    arrays = iter(Node(x).value if isinstance(x, Tensor) else x for x in step.out.inputs[1:])
    sent: Array = np.zeros(step.to.shape, step.sent.dtype)
    sent[tuple(next(arrays) if k is SLOT else k for k in step.out.params["key"])] = step.g
    yield Slip(f"what {names.made(step.out)} read more than once keeps only the last of what comes "
               "back: `=` where np.add.at belongs", sent)


def _pools(step: Step, names: Names, _: list[Tensor]) -> Iterator[Slip]:
    """What a window of a pool chose or averaged goes to all of the window alike."""
    op: Any = step.out.op
    if not op.name.startswith(("max_pool", "avg_pool")) or not step.sent.size:
        return
    made = names.made(step.out)
    window, lengths = step.out.params["window"], step.to.shape[-len(step.out.params["window"]):]
    if step.out.params["stride"] != window or any(n % w for n, w in zip(lengths, window, strict=True)):
        return
    whole = step.g
    for axis, times in enumerate(window, step.to.ndim - len(window)):
        whole = np.repeat(whole, times, axis=axis)
    if op.name.startswith("avg"):
        yield Slip(f"{made} is a mean: what comes back is not divided by the {np.prod(window)} numbers "
                   "of each window", whole)
        return
    yield Slip(f"what comes back through {made} goes to all of each window: only the largest gets it",
               whole)
    yield Slip(f"what comes back through {made} is spread over each window as by a mean: only the "
               "largest gets it, and all of it", whole / np.prod(window))


def _softmax(step: Step, names: Names, _: list[Tensor]) -> Iterator[Slip]:
    op: Any = step.out.op
    made = names.made(step.out)
    out = Node(step.out).value
    if op.name == "cross_entropy_of_logits":
        labels = np.asarray(step.out.inputs[1])
        hot = np.zeros(step.to.shape)
        hot[np.arange(len(labels)), labels] = 1
        per_row = step.g / (labels.size if step.out.params["reduction"] == "mean" else 1)
        yield Slip(f"the one-hot of the labels is not subtracted in {made}", step.sent + hot * per_row)
    if op.name == "softmax":
        yield Slip(f"only the diagonal of {made} is there, p * (1 - p): each output depends on all "
                   "inputs", step.g * out * (1 - out))
        axis = step.out.params.get("axis", -1)
        within = (step.g * out).sum(axis=axis, keepdims=True)
        right = f"{names(step.out)} * (d - sum(d * {names(step.out)}))"
        through = f"{right}, which goes through {made}"
        yield Slip(f"the sum is not subtracted in {through}", step.g * out)
        yield Slip(f"the factor in front is missing in {through}", step.g - within)
        yield Slip(f"the sum is of d alone in {through}",
                   out * (step.g - step.g.sum(axis=axis, keepdims=True)))
    if op.name == "log_softmax":
        total = step.g.sum(axis=step.out.params.get("axis", -1), keepdims=True)
        yield Slip(f"in {made} the softmax is not subtracted: d - softmax * (the sum of d)", step.g)
        yield Slip(f"d itself is missing in d - softmax * (the sum of d), which goes through {made}: "
                   "with labels, it is the one-hot that is subtracted", -np.exp(out) * total)
        yield Slip(f"in {made} softmax is not multiplied by the sum of d along its axis",
                   step.g - np.exp(out))
        yield Slip(f"in {made} softmax is multiplied by d, where the sum of d along its axis belongs",
                   step.g * (1 - np.exp(out)))


def _misplaced(step: Step, names: Names, values: list[Tensor]) -> Iterator[Slip]:
    """The rule with another value in the place of one of its own, as the result for the input."""
    op: Any = step.out.op
    if op.variadic or op.kind == "view":
        return
    read = sorted(op.reads) if not isinstance(op.reads, range) else []
    inputs = step.out.inputs
    own = {1: step.out} | {k + 2: x for k, x in enumerate(inputs) if k in read}
    for k, right in own.items():
        held = Node(right).value if isinstance(right, Tensor) else np.asarray(right)
        for base, turned in ((right, False), *_turned(right)):
            for other in _others(base, names, values)[:OTHERS]:
                said = (f"the derivative of {names.made(step.out)} is taken with {names.said(other)} "
                        f"where {names.said(base)} belongs")
                value = Node(other).value
                if turned:
                    value = right.op.run(value, **right.params)
                if value.shape == held.shape:
                    yield from _resent(said, step, {k: value[()]})
    if op.arity == 1 and op.kind != "red":
        with np.errstate(all="ignore"):
            again = op.run(Node(step.out).value, **step.out.params)
        yield from _resent(f"{op.name} is applied twice in its derivative: {names(step.out)} is the "
                           f"{op.name} already", step, {1: again})


def _turned(x: Any) -> list[tuple[Tensor, bool]]:
    """What a value is the transpose of."""
    turned = isinstance(x, Tensor) and x.op is not None and x.op.name in ("transpose", "swapaxes")
    return [(x.inputs[0], True)] if turned else []


def _others(right: Any, names: Names, values: list[Tensor]) -> list[Tensor]:
    """What may be taken for a value: of its shape, each value once, those with names first.

    What is 0 everywhere is none: with that a term is left out, which is told as that.
    """
    held = Node(right).value if isinstance(right, Tensor) else np.asarray(right)
    named = sorted((t for t in values if t.shape == held.shape and t is not right),
                   key=lambda t: names.said(t) != names(t))
    found: list[Tensor] = []
    for t in named:
        value = Node(t).value
        if value.any() and not any(np.array_equal(value, Node(x).value) for x in found):
            if not np.array_equal(value, held):
                found.append(t)
    return found


def _resent(said: str, step: Step, arguments: dict[int, Array]) -> Iterator[Slip]:
    try:
        yield Slip(said, resent(step, arguments))
    except (TinygradGdError, ValueError, TypeError, IndexError):
        return
