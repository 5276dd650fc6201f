"""Why a gradient is larger than expected: passes or uses that add up, sums in place of means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.graph import Node, event_of, nodes_of
from ..engine.tensor import Tensor
from .case import Case, Cause, norm
from .explained import one
from .reverse import Step

#: So many uses are named, and of more so many are listed.
NAMED, LISTED = 4, 8


def causes_of_size(case: Case) -> Iterator[Cause]:
    """What makes a gradient larger than one pass over one use would."""
    if case.root is None or not case.in_graph:
        return
    yield from _passes(case)
    yield from _sums(case)
    yield from _uses(case)


def _passes(case: Case) -> Iterator[Cause]:
    """More than one backward pass since the last zero_grad."""
    g, once = Node(case.tensor).grad, np.asarray(case.passed.totals[case.tensor])
    if g is None or np.array_equal(g, once):
        return
    count, lines = _since_zeroed(case)
    times = None if case.stale else _ratio(g, once)
    name = case.name(case.tensor)
    if case.stale and count < 2:
        if not count:
            yield Cause("stale", "A step changed the parameters since: whether their gradients are of "
                        "one pass alone, or of several that were added, cannot be told.", weight=1,
                        cure="Ask before optimizer.step(), or run it under tg.study.watch().")
        return
    if count < 2 and times is None:
        yield Cause("other pass", f"{name}.grad is not the gradient of this loss alone: another pass, "
                    "a hook or clipping changed it.", cure="Call zero_grad() before backward().",
                    weight=2, evidence=f"length {one(norm(g))}, of this loss alone {one(norm(once))}")
        return
    if count < 2 and times is not None and not (times > 1 and abs(times - round(times)) < 1e-6):
        yield Cause("scaled", f"{name}.grad is {times:.4g} times the gradient of this loss: a hook or "
                    "clipping changed it.", weight=2)
        return
    n = count if count > 1 else round(times or 2)
    evidence = f".grad is {times:.4g} times the gradient of this loss" if times is not None else ""
    yield Cause("accumulates", f"backward() has run {n} times since the last zero_grad(), and each "
                f"pass adds to {name}.grad.", evidence=evidence, line=", ".join(lines[-3:]), weight=4,
                cure="Call optimizer.zero_grad() before each backward(), unless the sum is meant.")


def _ratio(g: Any, once: Any) -> float | None:
    """By how much one is the other, if it is a multiple."""
    size = float(np.vdot(once, once))
    times = float(np.vdot(once, g)) / size if size else 0.0
    return times if size and np.allclose(g, times * once, rtol=1e-5, atol=1e-12) else None


def _since_zeroed(case: Case) -> tuple[int, list[str]]:
    """How many passes reached the Tensor since its gradient was forgotten, and their lines."""
    event = event_of(case.tensor)
    if case.run is None or event is None or event.run is not case.run:
        return 0, []
    passes: list[str] = []
    for e in case.run.events:
        if e.kind == "zero_grad" and event.number in e.inputs:
            passes = []
        elif e.kind == "backward" and event.number in e.inputs[1:]:
            passes.append(e.place)
    return len(passes), list(dict.fromkeys(passes))


def _sums(case: Case) -> Iterator[Cause]:
    """A sum over the batch at the end, where a mean is usual."""
    root = case.root
    assert root is not None
    for node in reversed(nodes_of(root)[-3:]):
        x = node.inputs[0]
        summed = node.op.name == "sum" or node.params.get("reduction") == "sum"
        if summed and isinstance(x, Tensor) and x.size > node.tensor.size and node.shape == ():
            n = len(Node(x).value)
            if not _are_data(case, n):
                return
            made = case.names.made(node.tensor)
            yield Cause("sum", f"{made} is a sum over {n} rows: the gradient is {n} times that of "
                        "their mean, and grows with the batch.",
                        cure=f"Use .mean(), or divide the learning rate by {n}.",
                        line=case.line(node.tensor), weight=1.2, at=node.tensor)
            return


def _are_data(case: Case, rows: int) -> bool:
    """Whether rows may be those of a batch: data have as many. A penalty sums over weights alone."""
    given = {id(x): x for node in nodes_of(case.root) for x in node.inputs} if case.root else {}
    return any(np.shape(x)[:1] == (rows,) for x in given.values()
               if not (isinstance(x, Tensor) and (x.op is not None or x.requires_grad)))


def _uses(case: Case) -> Iterator[Cause]:
    t, name = case.tensor, case.name(case.tensor)
    sent = [s for s in case.passed.steps if s.to is t]
    if not np.any(case.passed.totals[t]):
        return
    if len(sent) > 1:
        yield Cause("used", f"{name} is used {len(sent)} times, and its gradient is the sum of what "
                    "comes back from each, as it should be.", weight=1,
                    evidence=_parts(case, sent),
                    line=case.line(sent[0].out), at=t)
        return
    spread = next((s for s in sent if np.size(s.raw) > max(t.size, 1)), None)
    if spread is not None:
        times = np.size(spread.raw) // max(t.size, 1)
        made = case.names.made(spread.out)
        yield Cause("used", f"Each number of {name} is used {times} times by broadcasting in {made}, "
                    "and what comes back adds up, as it should.", weight=0.5,
                    line=case.line(spread.out), at=t)


def _parts(case: Case, sent: list[Step]) -> str:
    """How long the gradients are that come back from each use."""
    norms = [one(norm(s.sent)) for s in sent]
    if len(set(norms)) == 1:
        return f"each of these has the length {norms[0]}"
    if len(sent) <= NAMED:
        norms = [f"{case.names.said(s.out)} {n}" for s, n in zip(sent, norms, strict=True)]
    count = f" (the first {LISTED} of {len(sent)})" if len(sent) > LISTED else ""
    return f"lengths of these, from the loss back{count}: {', '.join(norms[:LISTED])}"
