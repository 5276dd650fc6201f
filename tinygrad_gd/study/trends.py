"""Why gradients shrink or grow on their way back, from layer to layer or from step to step in time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import dropwhile, pairwise, takewhile
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import Node, nodes_of
from ..engine.tensor import Tensor
from .case import RECURRENT, Case, Cause, norm
from .reverse import resent

#: So many layers, or steps in time, are a trend, if the gradient grows by so much in all.
LAYERS, GROWN = 4, 1e2
#: A loss that is so many times what it was at the beginning has run away.
AWAY = 10.0
#: By how much it shrinks before that is told. Six layers of relu, initialised as usual, lose a factor
#: of 100, and train; memory fades in every network, and is lost where float32 does not keep it.
SHRUNK = {"layer": 1e3, "step in time": 1e6}
_CURES = {
    "layer": "Initialise larger (tg.nn.init.kaiming_normal_), normalise between layers, or use "
             "residual connections, x + layer(x).",
    "sigmoid": "Use relu or tanh in place of sigmoid, whose slope is a quarter at most; or normalise "
               "between layers (tg.nn.LayerNorm), or use residual connections, x + layer(x). Larger "
               "initial weights alone do not help.",
    "": "Use an LSTM or GRU in place of a plain RNN, or fewer steps.",
    "rnn": "Use an LSTM or GRU in place of a plain RNN, or fewer steps.",
    "lstm": "Start with forget gates that are open (a bias of 3, say), or use fewer steps.",
    "gru": "Start with update gates that keep the state (a bias of 3, say), or use fewer steps.",
}


class Trend(NamedTuple):
    """Lengths of a gradient from the loss to the beginning."""

    what: str
    by: str  # the operation that runs along all steps, if one does
    norms: list[float]

    @property
    def total(self) -> float:
        """By how much all layers or steps together multiply it."""
        return self.norms[-1] / self.norms[0] if len(self.norms) > LAYERS else 1.0

    @property
    def factor(self) -> float:
        """By how much each layer or step multiplies it."""
        return float(self.total ** (1 / (len(self.norms) - 1)))

    @property
    def stands_out(self) -> bool:
        """Whether that is more than usual."""
        return not 1 / SHRUNK[self.what] < self.total < GROWN


def _trend(what: str, by: str, norms: list[float]) -> Trend:
    """From the first length that is not 0, as the loss may not use the last steps, to underflow or
    overflow.
    """
    used = dropwhile(lambda n: not n, norms)
    return Trend(what, by, list(takewhile(lambda n: n and np.isfinite(n), used)))


def causes_in_time(case: Case) -> Iterator[Cause]:
    """A loss that has grown from step to step, as its passes were watched."""
    if case.run is None or case.root is not case.run.root:
        return
    passes = list(case.run.of("backward"))
    same = [(e.number, e.value) for e in passes if e.value is not None and e.line == passes[-1].line]
    moves = [e.number for e in (*case.run.of("step"), *case.run.of("write")) if not e.within]
    if not all(any(a < n < b for n in moves) for (a, _), (b, _) in pairwise(same)):
        return  # nothing moved in between: it is the loss that has become another one
    losses = [value for _, value in same]
    if len(losses) > 2 and 0 < AWAY * losses[0] < losses[-1] < np.inf:
        yield Cause("diverges", f"{case.names.meant(case.root) or 'the loss'} has grown from "
                    f"{losses[0]:.4g} to {losses[-1]:.4g} in {len(losses)} passes: the steps are too "
                    "long.", line=passes[-1].place, weight=3.5,
                    cure="Use a lower learning rate: tg.advise says which are stable, tg.record and "
                         "`python -m tinygrad_gd replay` where it began.", at="diverges")


def causes_of_depth(case: Case) -> Iterator[Cause]:
    """Gradients that shrink or grow from layer to layer, or from step to step in time."""
    along = [*_in_time(case), *_inside(case)]
    strongest = max(along, key=lambda t: abs(np.log(t.total)), default=None)
    for trend in (strongest, _in_depth(case)):
        if trend is None or not trend.stands_out:
            continue
        shrinks = trend.total < 1
        shown = _some(trend.norms)
        lengths = ", ".join(f"{n:.1e}" for n in shown)
        count = f" ({len(shown)} of {len(trend.norms)})" if len(shown) < len(trend.norms) else ""
        cure = _CURES[_kind(case) if trend.what == "layer" else trend.by] if shrinks else (
            "Clip gradients (tg.nn.utils.clip_grad_norm_), initialise smaller, or normalise.")
        yield Cause("vanishing" if shrinks else "exploding",
                    f"The gradient {'shrinks' if shrinks else 'grows'} on its way back: "
                    f"each {trend.what} multiplies it by about {trend.factor:.2g}, and "
                    f"{len(trend.norms) - 1} of them by {trend.total:.1g}.",
                    evidence=f"lengths, from the loss back{count}: {lengths}", cure=cure, weight=2.5,
                    at=trend.what)


def _kind(case: Case) -> str:
    bent = any(s.out.op is not None and s.out.op.name == "sigmoid" for s in case.passed.steps)
    return "sigmoid" if bent else "layer"


def _some(norms: list[float]) -> list[float]:
    return norms if len(norms) < 9 else [norms[round(i * (len(norms) - 1) / 7)] for i in range(8)]


def _in_depth(case: Case) -> Trend | None:
    """Along the layers: the gradients of the results of those operations that have weights."""
    if case.root is None:
        return None
    layers = [n.tensor for n in nodes_of(case.root) if n.op.name in (
        "linear", "matmul", "contract", "einsum", "conv1d", "conv2d", "conv3d")
        and any(isinstance(x, Tensor) and x.op is None and x.requires_grad for x in n.inputs)]
    weights = [tuple(x for x in t.inputs if isinstance(x, Tensor) and x.op is None and x.requires_grad)
               for t in layers]
    if len(set(weights)) < len(weights):  # the same weights again: that is time
        return None
    totals = case.passed.totals
    return _trend("layer", "", [norm(totals[t]) for t in reversed(layers) if t in totals])


def _in_time(case: Case) -> Iterator[Trend]:
    """Along the uses of one leaf behind one another: what arrives at each of them."""
    between = case.downstream
    uses: dict[Tensor, list[Tensor]] = {}
    for s in case.passed.steps:
        if s.to.op is None and s.out in between:
            uses.setdefault(s.to, []).append(s.out)
    often = [outs for outs in uses.values() if len(outs) > LAYERS]
    own = uses.get(case.tensor, [])
    for outs in [own] if len(own) > LAYERS else often[:1]:
        if all(map(_leads_to, outs, outs[1:])):
            yield _trend("step in time", "", [norm(case.passed.totals[o]) for o in outs])


def _inside(case: Case) -> Iterator[Trend]:
    """Along the steps of layers that are one operation: what each step sends to its input.

    It must shrink or grow by the steps themselves: not because of what the loss sends to each.
    """
    for s in case.passed.steps:
        op: Any = s.out.op
        if op.name in RECURRENT and s.position == 0 and s.out in case.downstream:
            seen, alone = _of_steps(op.name, s.raw), None
            if seen.stands_out:
                alone = _of_steps(op.name, resent(s, {0: _last_alone(s.g, len(s.raw))}))
            if alone is not None and (alone.total < 1) == (seen.total < 1):
                yield alone


def _of_steps(name: str, sent: Any) -> Trend:
    return _trend("step in time", name, [norm(each) for each in reversed(sent)])


def _last_alone(g: Any, steps: int) -> Any:
    """Of the gradients of all states only the last that there is; behind them may be that of a cell."""
    last = max((i for i in range(len(g)) if g[i].any()), default=0)
    alone = np.zeros_like(g)
    alone[min(last, steps - 1):] = g[min(last, steps - 1):]
    return alone


def _leads_to(late: Tensor, early: Tensor) -> bool:
    """Whether one was computed from the other."""
    pending, seen = [late], {late}
    while pending:
        t = pending.pop()
        if t is early:
            return True
        new = [x for x in t.inputs if isinstance(x, Tensor) and x not in seen
               and Node(x).number >= Node(early).number]
        seen.update(new)
        pending += new
    return False
