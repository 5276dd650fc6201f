"""Why a gradient is 0, or a part of it: the steps of the reverse pass that sent nothing on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.graph import Node
from ..engine.tensor import Tensor
from .case import RECURRENT, Case, Cause, norm
from .explained import one
from .naming import inside
from .reverse import Step, times_read

#: The share of dead units up to which a network has others enough: deep ones start with that many.
FEW = 0.5
_STEPS = ("sign", "floor", "ceil", "rint", "round", "trunc", "floor_divide", "heaviside")
_GATES = ("where", "clip", "maximum", "minimum", "fmax", "fmin")
_BENT = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}


def causes_of_zero(case: Case) -> Iterator[Cause]:
    """The steps at which a gradient, or a part of it, became 0."""
    if case.root is None or not case.in_graph or not case.tensor.size:
        return
    g = Node(case.tensor).grad
    total = case.passed.totals[case.tensor]
    whole = not np.any(total)
    if case.stale and g is not None:
        total, whole = g, not g.any()
    if g is not None and not g.any() and np.any(total):
        yield Cause("overwritten", "This loss has another gradient: .grad was set, or is of another "
                    "pass.", cure="Call backward() on this loss.")
        return
    if not whole and np.count_nonzero(total) == np.size(total):
        return
    between = case.downstream
    own = [s for s in case.passed.steps if s.out in between and s.to in {case.tensor, *between}]
    found = [c for s in own if (c := _at_step(case, s, whole)) is not None]
    if not whole and (unread := _unread(case, own, total)):
        yield unread
        return
    yield from found[:3] if whole else [c._replace(weight=0.5 * c.weight) for c in found[:3]]
    if whole and not found:
        yield from _cancelled(case, own)


def _unread(case: Case, own: list[Step], total: Any) -> Cause | None:
    """That no index has read the elements whose gradient is 0, as of words that are in no sentence."""
    uses: list[tuple[Step, Any]] = [(s, s.out.op) for s in own if s.to is case.tensor]
    if not uses or any(not op.name.startswith("getitem") for _, op in uses):
        return None
    read = sum(times_read(s) for s, _ in uses) > 0
    if ((np.asarray(total) != 0) != read).any():
        return None
    by_row = read.reshape(len(read), -1)
    whole = read.ndim > 1 and (by_row == by_row[:, :1]).all()
    counted, what = (by_row[:, 0], "rows") if whole else (read.ravel(), "numbers")
    left, name = int(np.count_nonzero(~counted)), case.name(case.tensor)
    were = f"{'was' if left == 1 else 'were'} not read"
    return Cause("unread", f"{left} of {len(counted)} {what} of {name} {were}, and got 0, as it should "
                 "be.", weight=1, line=case.line(uses[0][0].out),
                 at="unread " + name)


def _at_step(case: Case, s: Step, whole: bool) -> Cause | None:
    """Why what a step sent is 0 where what it was given is not."""
    op: Any = s.out.op
    g, sent = np.asarray(s.g), np.asarray(s.raw)
    dead = not sent.any()
    if not g.any() or (not dead and (whole or sent.shape != g.shape)):
        return None
    share = 1 - np.count_nonzero(sent) / max(sent.size, 1)
    if op.kind == "act" and op.name not in _BENT and (dead or share > 0.5):
        return _relu(case, s, share)
    if op.name in _BENT and dead:
        return _saturated(case, s)
    if not dead:
        return None
    name, made, line = case.names.said(s.to), case.names.made(s.out), case.line(s.out)
    if op.name in _STEPS:
        return Cause("step", f"{op.name} moves in steps, and its slope is 0 everywhere: "
                     f"{made}.",
                     cure="Use something smooth, or leave the rounding out of the loss.",
                     line=line, weight=4, at=s.out)
    if op.name in _GATES:
        return Cause("masked", f"{made} takes none of {name}: the other side was "
                     f"chosen everywhere.", evidence=_range(case, s.to), line=line, weight=4, at=s.out,
                     cure="Look at the mask or the bounds.")
    if op.name in ("multiply", "matmul", "linear", "einsum", "contract", "divide"):
        others = [x for k, x in enumerate(s.out.inputs) if k != s.position and not np.any(_held(x))]
        if others:
            computed = isinstance(others[0], Tensor) and others[0].op is not None
            other = case.names.said(others[0])
            return Cause("zero factor", f"{name} is multiplied by {other}, "
                         "which is 0 everywhere.", line=line, weight=4, at=(s.out, s.position),
                         cure=f"Look what made {other} 0." if computed else
                         "Is it a weight that was initialised with zeros? Draw it at random.")
    return _flat(case, s, name, made)


def _flat(case: Case, s: Step, name: str, made: str) -> Cause:
    op: Any = s.out.op
    line = case.line(s.out)
    if op.name in ("absolute", "norm", "square", "integer_power", "power", "mse"):
        return Cause("flat", f"{made} is flat there: its slope is 0 at this {name}.", line=line,
                     evidence=_range(case, s.to), weight=3, at=s.out,
                     cure="It is a minimum, or a kink, where the slope is 0 by convention: start "
                          "elsewhere.")
    if op.name in RECURRENT and not np.any(s.g[1:]):
        return Cause("first step", f"The loss uses only the first step of {op.name}, and {name} takes "
                     "no part in it: the state before is 0.", line=line, weight=4, at=s.out,
                     cure="Use its last states, the second result: of a bidirectional layer out[-1] "
                          "is the first step of the way back." if name.endswith("_reverse") else
                          "Use the last step, out[-1].")
    return Cause("flat", f"{made} sends nothing back to {name}.", line=line,
                 evidence=_range(case, s.to), at=s.out)


def _relu(case: Case, s: Step, share: float) -> Cause | None:
    op: Any = s.out.op
    values = _held(s.to)
    where = _where(s.out)
    rows = np.moveaxis(values, 1 if values.ndim > 3 else -1, -1) if values.ndim else values.reshape(1)
    rows = rows.reshape(-1, rows.shape[-1])
    dead = int(np.count_nonzero((rows <= 0).all(0)))
    if share < 1 and dead <= FEW * rows.shape[1]:
        return None  # half of the input is usual
    units = (f"{dead} of {rows.shape[1]} units are 0 for all {rows.shape[0]} rows" if len(rows) > 1
             else f"{dead} of {rows.shape[1]} results are 0")
    zero = "exactly 0, where its slope is 0 by convention" if not values.any() else "not above 0"
    return Cause("dead relu", f"{op.name}{where} lets nothing back through where its input is {zero}: "
                 f"that is {share:.0%} of it.", evidence=f"{units}. {_range(case, s.to)}",
                 cure="Use tg.leaky_relu, which has a slope on both sides; or bring the input above 0: "
                      "other initial weights and biases, a lower learning rate.",
                 line=case.line(s.out), weight=4, at=s.out)


def causes_of_saturation(case: Case) -> Iterator[Cause]:
    """The sigmoids and tanhs on the way that are flat nearly everywhere, though not quite."""
    between = case.downstream
    for s in case.passed.steps:
        op: Any = s.out.op
        if op.name in _BENT and s.out in between and np.any(s.raw) and _stuck(s):
            yield _saturated(case, s)


def _stuck(s: Step) -> bool:
    """Whether nearly all results are at their limits, and many of them should go back.

    A classifier that is sure, and right, is at its limits, too: it is pulled still further out.
    """
    op: Any = s.out.op
    at_low, at_high = _at_limits(op.name, _held(s.out))
    back = np.where(at_low, s.g < 0, at_high & (s.g > 0))
    return bool(np.mean(at_low | at_high) > 0.9 and np.mean(back) > 0.25)


def _at_limits(name: str, out: Any) -> tuple[Any, Any]:
    low, high = _BENT[name]
    return out - low < 1e-3, high - out < 1e-3


def _saturated(case: Case, s: Step) -> Cause:
    op: Any = s.out.op
    low, high = _BENT[op.name]
    near = np.mean(np.logical_or(*_at_limits(op.name, _held(s.out))))
    return Cause("saturated", f"{op.name}{_where(s.out)} is saturated: {near:.0%} of its results "
                 f"are within 0.001 of {low:g} or {high:g}, where it is flat.",
                 evidence=_range(case, s.to), cure="Make its input smaller: scale the data, initialise "
                 "smaller, or normalise first.",
                 line=case.line(s.out), weight=4, at=s.out)


def _where(t: Tensor) -> str:
    """The module that an activation is in, if that was watched."""
    found = inside(Node(t).event)
    return f" {found}" if found else ""


def _cancelled(case: Case, own: list[Step]) -> Iterator[Cause]:
    """No step lost the gradient: what came from several of them adds up to 0."""
    for t in dict.fromkeys(s.to for s in own):
        sent = [s for s in own if s.to is t]
        if len(sent) > 1 and any(np.any(s.sent) for s in sent) and not np.any(case.passed.totals[t]):
            parts = [f"by {case.names.said(s.out)} {one(norm(s.sent))}" for s in sent[:4]]
            yield Cause("cancels", f"{case.names.said(t)} is used {len(sent)} times, and what comes "
                        "back adds up to 0.", evidence=f"Lengths: {', '.join(parts)}",
                        cure="Is something subtracted from itself?", line=case.line(sent[0].out))
            return
    lost = next((s for s in own if np.any(s.raw) and not np.any(s.sent)), None)
    if lost is not None:
        yield Cause("cancels", f"What comes back to {case.names.said(lost.to)} adds up to 0 over the "
                    "elements that it was spread to.", line=case.line(lost.out), weight=3,
                    cure="It may be a minimum; or a constant that cancels, as a bias before a "
                         "normalisation or a softmax.")
        return
    loss = case.name(case.tensor if case.root is None else case.root)
    yield Cause("minimum", f"All that flows back is 0 from the beginning: {loss} is flat here, as at a "
                "minimum.", cure="Is the loss already 0? Then nothing is left to learn.")


def _range(case: Case, t: Tensor) -> str:
    held = _held(t)
    if not held.size:
        return ""
    low, high = one(float(held.min())), one(float(held.max()))
    return f"Its input is {low} everywhere" if low == high else f"Its input goes from {low} to {high}"


def _held(x: Any) -> Any:
    return Node(x).value if isinstance(x, Tensor) else np.asarray(x)
