"""What is worth saying of one step of a reverse pass, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.graph import Node
from .reverse import times_read

if TYPE_CHECKING:
    from .naming import Names
    from .reverse import Step

#: What sends one gradient to many.
_SPREADS = {
    "sum": "each element of {x} adds to {out} one for one: each gets the same gradient",
    "mean": "each element of {x} is 1/{n} of the mean: each gets 1/{n} of the gradient",
}


def notes_on(step: Step, names: Names) -> tuple[str, ...]:
    """Sentences on shapes, on sums and on what does not get through."""
    told = (_on_broadcasting, _on_sums, _on_reads, _on_gates)
    return tuple(note for about in told for note in about(step, names))


def _on_broadcasting(step: Step, names: Names) -> Iterator[str]:
    x, out, name = step.to, step.out, names(step.to)
    if np.shape(step.raw) == x.shape:
        return
    times = int(np.size(step.raw) // max(x.size, 1))
    if x.size == 1:
        yield f"{name} is one number used {times} times: its {times} gradients add up"
        return
    extra = out.ndim - x.ndim
    grown = [i for i, n in enumerate(out.shape) if i < extra or x.shape[i - extra] != n]
    axes = f"axis {grown[0]}" if len(grown) == 1 else f"axes {', '.join(map(str, grown))}"
    yield (f"summed over {axes}, because {name} is {x.shape} and {names(out)} {out.shape}: "
           f"each number of {name} was used {times} times")


def _on_sums(step: Step, names: Names) -> Iterator[str]:
    """Products of matrices, whose rules hold the sum over the batch, and what spreads."""
    x, out = step.to, step.out
    op: Any = out.op
    if op.name in _SPREADS and x.size > out.size:
        yield _SPREADS[op.name].format(x=names(x), out=names(out), n=x.size // max(out.size, 1))
    if op.name not in ("matmul", "linear") or step.position == 0 or out.ndim < 2:
        return
    rows = out.size // max(out.shape[-1], 1)
    if rows < 2 or x.ndim > 2:
        return
    if step.position == 1:
        yield (f"each of the {rows} rows of {names(out)} was computed with the same {names(x)}: the "
               f"product adds up their {rows} gradients")
    else:
        yield f"{names(x)} was added to each of the {rows} rows: their gradients add up"


def _on_reads(step: Step, names: Names) -> Iterator[str]:
    """Which rows, or numbers, an index has read, and which of them more than once."""
    op: Any = step.out.op
    if op.name != "getitem" or len(step.out.inputs) < 2 or not step.to.size:
        return
    times = times_read(step)
    what, rows = "numbers", times.reshape(len(times), -1)
    if times.ndim > 1 and (rows == rows[:, :1]).all():
        what, times = "rows", rows[:, 0]
    read, again = np.count_nonzero(times), np.count_nonzero(times > 1)
    if read < times.size:
        others = "the other gets" if read == times.size - 1 else "the others get"
        yield f"{read} of {times.size} {what} of {names(step.to)} were read; {others} 0"
    if again:
        yield (f"{again} of {times.size} {what} of {names(step.to)} were read more than once: what "
               "comes back to each adds up")


def _on_gates(step: Step, names: Names) -> Iterator[str]:
    """How much of a gradient an activation or a choice lets through."""
    op: Any = step.out.op
    size = np.size(step.raw)
    if op.name == "relu":
        positive = int(np.count_nonzero(Node(step.out).value > 0))
        if positive < size:
            yield (f"relu lets the gradient through where {names(step.to)} > 0: {positive} of {size}; "
                   "the rest gets 0")
    elif op.kind == "act" or op.name in ("where", "maximum", "minimum", "clip"):
        if np.shape(step.g) == np.shape(step.raw):
            shut = np.count_nonzero((np.asarray(step.raw) == 0) & (np.asarray(step.g) != 0))
            if shut:
                yield f"{op.name} lets nothing through at {shut} of {size}: the derivative there is 0"
