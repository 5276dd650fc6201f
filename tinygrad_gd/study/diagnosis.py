"""`why`: what is wrong with a gradient, and what to do: causes with evidence, the likeliest first.

A `Case` is what is known: the Tensor, the loss, the steps of its reverse pass and, if it was watched,
the run. `broken_chain` says why there is no gradient, `never_reached` which leaves miss one,
`non_finite` where NaN comes from, `vanished` why a gradient is 0, `trends` why it shrinks or grows on
its way, `too_large` why it is more than expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from textwrap import fill
from typing import Any

import numpy as np

from ..engine.graph import Node, event_of, leaves_of
from ..engine.tensor import Tensor
from ..engine.watched import latest
from ..errors import DTypeError, GradError, describe
from .broken_chain import causes_of_none, kept_of_leaves_only, nothing_known, replaced
from .case import Case, Cause
from .never_reached import is_average, never_reached
from .non_finite import causes_of_nan
from .too_large import causes_of_size
from .trends import causes_in_time, causes_of_depth
from .vanished import causes_of_saturation, causes_of_zero

WIDTH = 100
#: How it stands with a gradient, the worst first.
STATES = ("None", "NaN", "infinite", "0", "0 in part", "there")
#: The weight from which on a cause is no mere remark.
MISTAKE = 1.4


class Diagnosis:
    """What was found: print it, or look at its causes.

    Attributes
    ----------
    about : what is asked about, and how it stands with its gradient.
    causes : the likeliest first; empty if nothing is wrong.
    """

    def __init__(self, about: str, causes: Iterable[Cause]) -> None:
        self.about = about
        self.causes = sorted({c.says: c for c in causes}.values(), key=lambda c: -c.weight)

    def __str__(self) -> str:
        lines, remarks = [self.about], [c for c in self.causes if c.weight < MISTAKE]
        if len(remarks) == len(self.causes):
            lines.append("Nothing wrong was found.")
        for number, cause in enumerate(self.causes, 1):
            if remarks and cause is remarks[0]:
                lines[-1] += " Worth knowing:" if number == 1 else "\nWorth knowing:"
            line = f" ({cause.line})" if cause.line else ""
            lines.append(_wrapped(f"{number}. ", f"{cause.says}{line}"))
            lines += [_wrapped("   evidence: ", cause.evidence)] if cause.evidence else []
            lines += [_wrapped("   cure: ", cause.cure)] if cause.cure else []
        return "\n".join(lines)

    __repr__ = __str__


def _wrapped(start: str, text: str) -> str:
    indent = " " * (5 if start[0] == " " else 3)
    return fill(text, WIDTH, initial_indent=start, subsequent_indent=indent, break_long_words=False,
                break_on_hyphens=False)


def why(tensor: Tensor, loss: Tensor | None = None) -> Diagnosis:
    """Why a gradient is None, 0, NaN, or larger than expected: causes, evidence and cures.

    Parameters
    ----------
    tensor : a leaf, to ask about its gradient; or a loss, to ask about all gradients of it.
    loss : what was derived; known without if the run was watched: ``with tg.study.watch():``.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(2.0, requires_grad=True, name="w")
    >>> loss = w.detach() * tg.Tensor(1.0, requires_grad=True, name="b")
    >>> print(w.why(loss))
    w.grad is None.
    1. The values of w are in the loss, but as a copy without history.
       cure: Leave out .detach(), .numpy() or Tensor(...), and compute with w itself. Run it under
         tg.study.watch() to be told the line.
    """
    if not isinstance(tensor, Tensor):
        raise DTypeError(f"why: expected a Tensor, got {describe(tensor)}; ask about a parameter or a "
                         "loss")
    case = Case(tensor, _checked(loss), latest())
    if case.asks_about_all:
        return Diagnosis(*_about_loss(case))
    name = case.names.meant(tensor) if replaced(case) else case.name(tensor)
    return Diagnosis(f"{name}.grad is {_state(tensor)}.", _causes(case))


def why_of_model(model: Any, loss: Tensor | None = None) -> Diagnosis:
    """Why the gradients of a model's parameters are not what they should be."""
    params = list(model.parameters())
    if not params:
        raise GradError(f"why: {type(model).__name__} has no parameters")
    first, *others = [p for p in params if _learns(p)] or params
    case = Case(first, _checked(loss), latest(), others)
    return Diagnosis(*_about(case, [first, *others], type(model).__name__))


def _learns(parameter: Tensor) -> bool:
    """Whether it is meant to have a gradient: it is not frozen, and no average of others."""
    event = event_of(parameter)
    return parameter.requires_grad and not (event and event.run and is_average(event.run, event))


def _checked(loss: Any) -> Tensor | None:
    if loss is None or isinstance(loss, Tensor):
        return loss
    raise DTypeError(f"why: expected the loss, a Tensor, got {describe(loss)}; give what backward() "
                     "was called on")


def _about_loss(case: Case) -> tuple[str, list[Cause]]:
    root = case.tensor
    if not root.requires_grad:
        return f"{case.name(root)} requires no gradient.", list(causes_of_none(case))
    if new := replaced(case):
        return f"{case.names.meant(root)}.grad is None.", [new]
    if root.op is None:
        return f"{case.name(root)} was not computed from any Tensor.", list(causes_of_none(case))
    title, causes = _about(case, [*leaves_of(root), *never_reached(case)], case.name(root))
    if root.size > 1:
        causes.append(kept_of_leaves_only(case)._replace(weight=1))
    return title, causes


def _about(case: Case, leaves: list[Tensor], title: str) -> tuple[str, list[Cause]]:
    """What stands out of many gradients, each cause once, with those whom it hits."""
    states = [_state(x) for x in leaves]
    counts = {s: states.count(s) for s in STATES if s in states}
    told = [f"{n} {'is' if n == 1 else 'are'} {s}" for s, n in counts.items()]
    hit: dict[Any, dict[str, None]] = {}
    found: dict[Any, Cause] = {}
    for leaf in leaves:
        for cause in (c for c in _causes(case.of(leaf)) if c.kind != "used"):
            key = cause.kind, cause.line, cause.at
            found.setdefault(key, cause)
            hit.setdefault(key, {})[case.name(leaf)] = None
    causes = []
    if len([c for c in found.values() if c.kind == "unknown"]) > 1:  # of None is said more
        found = {key: c for key, c in found.items() if c.at != "unknown"}
    for key, cause in found.items():
        hits = "" if isinstance(cause.at, str) else _hits(list(hit[key]), len(leaves), cause.says)
        causes.append(cause._replace(weight=cause.weight + len(hit[key]) / 1000,
                                     evidence=". ".join(filter(None, [cause.evidence, hits]))))
    if len(leaves) == 1:
        return f"{title}: the gradient of {case.name(leaves[0])} is {states[0]}.", causes
    if len(counts) == 1:
        all_of_them = "both" if len(leaves) == 2 else f"all {len(leaves)}"
        return f"{title}: {all_of_them} gradients are {states[0]}.", causes
    return f"{title}: of {len(leaves)} gradients, {', '.join(told)}.", causes


def _hits(names: list[str], of: int, says: str) -> str:
    """Whom a cause hits, where it does not say that itself."""
    said = rf"(^|[a-z] ){re.escape(names[0])}( [a-z]|$)"  # by itself, not within a formula
    if of == 1 or (len(names) == 1 and re.search(said, says)):
        return ""
    if len(names) == of > 4:
        return f"It hits all {of}"
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return f"It hits {shown}"


def _state(tensor: Tensor) -> str:
    """How it stands with a gradient, in words."""
    g = Node(tensor).grad
    if g is None:
        return "None"
    if not np.isfinite(g).all():
        return "NaN" if np.isnan(g).any() else "infinite"
    zeros = g.size - np.count_nonzero(g)
    return "0" if zeros == g.size > 0 else "0 in part" if zeros else "there"


def _causes(case: Case) -> Iterator[Cause]:
    """The causes of how it stands with one gradient."""
    g = Node(case.tensor).grad
    questions: list[Callable[[Case], Iterator[Cause]]]
    questions = [causes_in_time, causes_of_zero, causes_of_saturation, causes_of_size, causes_of_depth]
    if g is None:
        questions = [causes_of_none]
    elif case.root is None:
        questions = [nothing_known]
    elif not np.isfinite(g).all():
        questions = [causes_of_nan, causes_of_depth]
    if case.root is not None and case.in_graph and not np.isfinite(Node(case.root).value).all():
        questions = [causes_of_nan, *questions]
    for question in questions:
        yield from question(case)
