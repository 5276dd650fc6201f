"""`explain`: the pass that made a Tensor, step by step, forward and backward, with every number.

The steps are those of the engine, in its order and with its bits; the formulas are those of the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import Node, event_of, leaves_of, nodes_of
from ..engine.tensor import Tensor
from ..errors import GradError, OptionError, describe
from ..ground.checks import check_switch
from .naming import Names, as_name, inside
from .reverse import Step, overwritten, receivers, recomputed, seed_for, steps_of
from .rule_text import filled, rule_text
from .step_words import notes_on

Array = np.ndarray[Any, Any]
#: How far a leaf is nudged; and how far, where the result bends on the way.
NUDGE, NEARER = 1e-3, 1e-7
#: So many steps from either end have formulas, which take a thousand times as long as the steps.
FORMULAS = 200


class Made(NamedTuple):
    """A step forward: a value was made."""

    number: int
    name: str
    formula: str
    value: Array
    place: str  # the module and the line, if the run was watched


class Sent(NamedTuple):
    """A step backward: an operation sent a gradient to one of its inputs."""

    number: int
    name: str  # of the input, whose gradient is d_name
    source: str  # of the operation's result
    formula: str
    value: Array
    received: int  # this is the how many-th contribution
    uses: int  # of so many
    total: Array  # of all contributions so far
    leaf: bool
    notes: tuple[str, ...]


class Nudged(NamedTuple):
    """What the result does when an element of a leaf is made a little larger."""

    name: str
    by: float
    change: float
    predicted: float

    @property
    def agrees(self) -> bool:
        """Whether the gradient has said so, but for what a curve may do on the way."""
        apart = abs(self.change - self.predicted)
        return apart <= 0.02 * max(abs(self.predicted), abs(self.change)) + 1e-9 * self.by


class Explanation:
    """A pass, step by step: print it, leave it at the end of a notebook cell, or take `to_dict`.

    Attributes
    ----------
    forward, backward : the steps.
    newer : leaves that were changed after they were used; what is sent back goes by their new values.
    nudges : for each leaf, what the result does when it is made a little larger.
    """

    def __init__(self, root: Tensor, at: str, blank: bool, names: Names) -> None:
        self.name, self.at, self.blank = names(root), at, blank
        self.seed = seed_for(root)
        self.newer = [names(x) for x in overwritten(root)]
        self.forward = list(_forward(root, names))
        self.backward = list(_backward(root, names, len(self.forward) + 1, at))
        self.nudges = list(_nudges(root, names, {s.name: s.total for s in self.backward}))

    def __str__(self) -> str:
        from .explained import text_of

        return text_of(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .explained import html_of

        return html_of(self)

    def to_dict(self) -> dict[str, Any]:
        """All of it as numbers, lists and texts, ready for JSON."""
        return {"name": self.name, "forward": list(map(_plain, self.forward)),
                "backward": list(map(_plain, self.backward)), "nudges": list(map(_plain, self.nudges))}


def _plain(step: Made | Sent | Nudged) -> dict[str, Any]:
    fields = step._asdict().items()
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in fields}


def explain(tensor: Tensor, at: Tensor | str | None = None, blank: bool = False) -> Explanation:
    """How a Tensor was computed, and how its gradients come about, step by step in numbers.

    Parameters
    ----------
    tensor : usually a loss.
    at : a Tensor, or its name: explain only how this one is made, used, and gets its gradient.
    blank : a worksheet: formulas and numbers of the pass backwards are left out, and follow as a key.

    >>> import tinygrad_gd as tg
    >>> a = tg.Tensor(3.0, requires_grad=True, name="a")
    >>> print(explain(a * a, at="a"))
    a is a leaf: it is given, not computed
    a is used, and on the way to the end: a -> t1
      1  t1 = a * a                               9
    <BLANKLINE>
    backward: d_x is short for d t1 / d x, how fast t1 grows with x
      2  d_t1 has arrived                         1
      3  d_a = d_t1 * a                           3
             a was used 2 times: it has received 1 of 2
      4  d_a += d_t1 * a                          3
             a was used 2 times: it has received 2 of 2, together 6; complete: a.grad
    <BLANKLINE>
    check: make a leaf a little larger, and compute t1 again
         a + 0.001 -> t1 +0.00600, the gradient says +0.00600
    """
    if not isinstance(tensor, Tensor) or tensor.op is None:
        raise GradError(f"explain: {describe(tensor)} was not made by a recorded operation, so there "
                        "are no steps; explain a result, usually the loss. If it should have been "
                        "recorded, ask t.why()")
    names = Names([tensor])
    chosen = names(at) if isinstance(at, Tensor) else as_name(at or "")
    if chosen and chosen not in names.tensors:
        raise OptionError(f"explain: {names(tensor)} was not computed from {chosen!r}; it was from "
                          f"{', '.join(names.tensors)}")
    return Explanation(tensor, chosen, check_switch("explain: blank", blank), names)


def _forward(root: Tensor, names: Names) -> Iterator[Made]:
    for number, node in enumerate(nodes_of(root), 1):
        t, event = node.tensor, event_of(node.tensor)
        module = f"{inside(event)} " if event and event.call else ""
        place = f"{module}at {event.place}" if event and event.line else ""
        yield Made(number, names(t), names.call(t), np.asarray(node.value), place)


def _backward(root: Tensor, names: Names, first: int, at: str) -> Iterator[Sent]:
    uses = Counter(x for node in nodes_of(root) for _, x in receivers(node.tensor))
    totals: dict[Tensor, Any] = {}
    arrived: Counter[Tensor] = Counter()
    last = first + uses.total()
    for number, step in enumerate(steps_of(root, totals), first + 1):
        x = step.to
        arrived[x] += 1
        told = min(number - first, last - number) < FORMULAS or names(x) == at
        yield Sent(number, names(x), names(step.out), _formula(step, names) if told else "",
                   np.array(step.sent), arrived[x], uses[x], np.array(totals[x]), x.is_leaf,
                   notes_on(step, names) if told else ())


def _formula(step: Step, names: Names) -> str:
    """What was sent, in the user's names."""
    out = step.out
    known = {"g_": f"d_{names(out)}", "out_": names(out)}
    known |= {f"in{k}_": names(x) for k, x in enumerate(out.inputs)}
    text = filled(rule_text(out, step.position, step.g), known)
    return f"sum({text})" if np.shape(step.raw) != step.to.shape else text


def _nudges(root: Tensor, names: Names, gradients: dict[str, Array]) -> Iterator[Nudged]:
    """Nudge the element of each leaf that matters most, and compute the result again."""
    before = _total(recomputed(root, {}))
    for leaf in leaves_of(root):
        g = gradients.get(names(leaf))
        if g is None or not leaf.size:
            continue
        place = np.unravel_index(int(np.nan_to_num(np.abs(g)).argmax()), g.shape)
        name = f"{names(leaf)}[{', '.join(map(str, place))}]" if place else names(leaf)
        tried = (Nudged(name, by, _nudged(root, leaf, place, by) - before, float(g[place]) * by)
                 for by in (NUDGE, NEARER))
        far = next(tried)
        yield far if far.agrees else next((near for near in tried if near.agrees), far)


def _nudged(root: Tensor, leaf: Tensor, place: Any, by: float) -> float:
    """The result, where one element of a leaf is larger."""
    value = np.array(Node(leaf).value, np.float64)
    value[place] += by
    return _total(recomputed(root, {leaf: value[()]}))


def _total(value: Any) -> float:
    return float(np.sum(value, dtype=np.float64))
