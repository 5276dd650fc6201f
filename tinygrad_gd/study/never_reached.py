"""Leaves that took part in a run and that no reverse pass has reached: which of them are missed?

A teacher, a target network or a running average is meant to have no gradient: its results are only what
others are compared with or multiplied by. A layer that should learn feeds others that do.
"""

from __future__ import annotations

from collections import defaultdict

from ..engine.graph import Node
from ..engine.tensor import Tensor
from ..engine.watched import Event, Run
from .case import Case

Users = dict[int, list[Event]]


def never_reached(case: Case) -> list[Tensor]:
    """The leaves of a watched run that took part and miss a gradient: no pass of it gave one."""
    run = case.run
    if run is None or case.root is not run.root:
        return []
    reached = {number for e in run.of("backward") for number in e.inputs}
    learned = {number for e in run.of("step") for number in e.inputs}
    users = _users(run)
    leaves = [e for e in run.of("leaf") if e.number in users and e.number not in reached
              and (not learned or e.number in learned)]
    found = [(e, t) for e in leaves if (t := e.tensor) is not None and t.requires_grad and t.op is None
             and Node(t).grad is None and t not in case.passed.totals]
    return [t for e, t in found if not is_average(run, e) and _is_missed(run, e, users)]


def _users(run: Run) -> Users:
    """By the number of what made a Tensor, what was made of it."""
    users: Users = defaultdict(list)
    for e in run.events:
        if e.kind in ("operation", "leaf") and not e.within:
            for number in e.inputs:
                users[number].append(e)
    return users


def is_average(run: Run, leaf: Event) -> bool:
    """Whether a leaf was written to after it was used, and not by an optimizer: it follows others."""
    used = next((e.number for e in run.operations if leaf.number in e.inputs), None)
    return used is not None and any(
        e.number > used and e.inputs[:1] == (leaf.number,) and not e.within for e in run.of("write"))


def _is_missed(run: Run, leaf: Event, users: Users) -> bool:
    """Whether it feeds what learns, or is lost without anybody having said so."""
    pending, seen = [leaf], {leaf.number}
    while pending:
        e = pending.pop()
        after = users.get(e.number, [])
        if e.flows and not after:
            return True
        for user in after:
            if user.flows and not e.flows:
                if _is_layer(run, user):
                    return True
            elif e.flows and not (user.flows or user.kind == "leaf" or not user.recorded):
                return True  # a comparison
            elif user.number not in seen:
                seen.add(user.number)
                pending.append(user)
    return False


def _is_layer(run: Run, e: Event) -> bool:
    """Whether all that learns in an operation are leaves, as a layer's weights are."""
    learning = [x for x in run.inputs_of(e) if x is not None and x.flows]
    return all(x.kind == "leaf" for x in learning)
