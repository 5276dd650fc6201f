"""`check_backward`: somebody's own gradients against the engine's, and the mistakes named.

The walk goes from the loss backwards. After a mistake it goes on from the wrong value, so that what
follows from a mistake is not called one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import Node, nodes_of
from ..engine.tensor import Tensor
from ..errors import DTypeError, GradError, describe
from .closeness import blur_of, noise_in, ratio, same
from .explained import one
from .naming import Names
from .reverse import Step, overwritten, receivers, resent, steps_of
from .slips import FORGOTTEN, slips_at
from .slips_in_time import slips_in_time
from .wrong_shapes import about_shape

Array = Any
WIDTH = 100
#: So many uses of one Tensor are looked at, the first and the last.
USES = 60
#: So many rules may be run to find a mistake that lies several steps away.
PATIENCE = 100_000
#: So many places where paths meet are looked at, two at a time.
FORKS = 30


class Verdict(NamedTuple):
    """What is to be said of one gradient."""

    name: str
    shape: tuple[int, ...]
    status: str  # right, WRONG, or follows
    says: str = ""


class Checked:
    """The verdicts, from the loss backwards; true if all are right. Print it.

    Attributes
    ----------
    verdicts : one for each gradient.
    """

    def __init__(self, verdicts: list[Verdict]) -> None:
        self.verdicts = verdicts

    def __bool__(self) -> bool:
        return all(v.status == "right" for v in self.verdicts)

    def __str__(self) -> str:
        width = max((len(v.name) + 2 for v in self.verdicts), default=0)
        shape = max((len(str(v.shape)) for v in self.verdicts), default=0)
        lines = []
        for v in self.verdicts:
            start = f"{f'd_{v.name}':<{width}}  {v.shape!s:<{shape}}  "
            said = f"{v.status}{': ' if v.says else ''}{v.says}"
            lines.append(fill(said, WIDTH, initial_indent=start, break_long_words=False,
                              subsequent_indent=" " * min(len(start) + 2, 30), break_on_hyphens=False))
        counts = {s: sum(v.status == s for v in self.verdicts) for s in ("right", "WRONG", "follows")}
        told = ", ".join(f"{n} {s.lower()}" for s, n in counts.items() if n)
        plural = "s" * (len(self.verdicts) != 1)
        return "\n".join([*lines, f"{len(self.verdicts)} gradient{plural}: {told}"])

    __repr__ = __str__


def check_backward(loss: Tensor, gradients: Mapping[Tensor, Any]) -> Checked:
    """Compare gradients that you derived with those of the engine, and name the mistakes.

    Parameters
    ----------
    loss : one number, with the graph that it was computed by.
    gradients : your derivative of the loss by each of these Tensors; by as many as you like. The more
        of those in between are given, the nearer is a mistake pinned down.

    >>> import numpy as np, tinygrad_gd as tg
    >>> w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> h = np.tanh(w); h.name = "h"; loss = (h * h).sum()
    >>> d_h = 2 * h.numpy()
    >>> print(check_backward(loss, {h: d_h, w: d_h}))
    d_h  (2,)  right
    d_w  (2,)  WRONG: the local derivative of h = tanh(w) is left out: what arrived was passed on as it
                 came
    2 gradients: 1 right, 1 wrong
    """
    given = _checked(loss, gradients)
    names = Names([loss], given)
    truth: dict[Tensor, Array] = {}
    noise = noise_in(list(steps_of(loss, truth)))
    blurs = {x: blur_of(Node(g).value if isinstance(g, Tensor) else g) for x, g in gradients.items()}
    known: dict[Tensor, Array] = {}
    blurred = 0.0  # how much what goes on from a mistake is rounded, as a share
    verdicts = []
    for x in sorted(given, key=_completed(loss), reverse=True):
        mine, off = given[x], noise.get(x, 0.0) + blurs[x]
        if same(mine, truth[x], off):
            verdicts.append(Verdict(names(x), x.shape, "right"))
            mine = np.asarray(truth[x])  # so that its rounding does not go on
        else:
            arrived: dict[Tensor, Array] = {}
            steps = list(steps_of(loss, arrived, known))
            off += blurred * float(np.abs(arrived[x]).max(initial=0.0))
            if same(mine, arrived[x], off):
                verdicts.append(Verdict(names(x), x.shape, "follows",
                                        "it is right but for the mistake above; nothing to mend here"))
            else:
                said = _Search(loss, x, mine, known, steps, arrived, names, blurs[x]).words()
                verdicts.append(Verdict(names(x), x.shape, "WRONG", said))
            if size := float(np.abs(mine).max(initial=0.0)):
                blurred = max(blurred, min(10 * blurs[x] / size, 1e-2))
        if mine.shape == x.shape:
            known[x] = mine.astype(x.dtype)[()]
    return Checked(verdicts)


def _checked(loss: Any, gradients: Any) -> dict[Tensor, Array]:
    """The gradients as arrays, if they are of Tensors that the loss depends on."""
    if not isinstance(loss, Tensor) or not loss.requires_grad or loss.op is None or loss.size != 1:
        raise GradError(f"check_backward: expected a loss, one number that was recorded, got "
                        f"{describe(loss)}")
    if not isinstance(gradients, Mapping) or not all(isinstance(t, Tensor) for t in gradients):
        raise DTypeError("check_backward: expected a dict from Tensors to your gradients, as in "
                         f"check_backward(loss, {{w: dw}}), got {describe(gradients)}")
    if changed := overwritten(loss):
        raise GradError(f"check_backward: {describe(changed[0])} was changed after the loss was "
                        "computed; check before the update, or compute the loss again")
    reached: dict[Tensor, Array] = {}
    for _ in steps_of(loss, reached):
        pass
    for t in gradients:
        if t not in reached:
            name = Names([loss], [t])(t)
            raise GradError(f"check_backward: no gradient of the loss flows to {name}; "
                            f"{name}.why(loss) says why")
    return {t: np.asarray(Node(g).value if isinstance(g, Tensor) else g, np.float64)
            for t, g in gradients.items()}


def _completed(loss: Tensor) -> Any:
    """When the gradient of a Tensor is complete: the later, the smaller."""
    numbers: dict[Tensor, float] = {}
    for node in nodes_of(loss):
        numbers[node.tensor] = node.number
        for _, x in receivers(node.tensor):
            numbers.setdefault(x, node.number - 0.5)  # a leaf; the oldest that used it comes first
    return numbers.__getitem__


class _Search:
    """Looks for the slips that give exactly somebody's numbers."""

    def __init__(self, loss: Tensor, x: Tensor, mine: Array, known: dict[Tensor, Array],
                 steps: list[Step], arrived: dict[Tensor, Array], names: Names, blur: float) -> None:
        self.loss, self.x, self.mine, self.known = loss, x, mine, known
        self.arrived = arrived
        self.names, self.right, self.blur = names, np.asarray(arrived[x]), blur
        largest = float(np.abs(mine).max(initial=0.0))
        self.near = max(1e-9, 2 * blur / largest if largest else 0.0)  # of factors
        self.steps = [s for s in steps if s.to is x or (s.to not in known and s.to.op is not None)]
        self.values = [node.tensor for node in nodes_of(loss)]
        self.values += [x for node in nodes_of(loss) for x in node.inputs if isinstance(x, Tensor)]
        self.values = list(dict.fromkeys(self.values))

    def words(self) -> str:
        """The mistake, or the mistakes that these numbers could be."""
        if self.mine.shape != self.x.shape:
            return about_shape(self.mine, self.right, self.names, self.x)
        found: list[str] = []
        for attempt in (self._slips, self._in_time, self._further, self._taken_for, self._two_paths):
            found = found or list(dict.fromkeys(attempt()))
        if (whole := self._whole()) and not found:
            found = [whole]
        if not found:
            return self._difference()
        if len(found) == 1:
            return found[0]
        return "these numbers fit more than one mistake: " + "; or ".join(found[:3])

    def _whole(self) -> str:
        """Right but for a factor, the order of axes, or a one-hot."""
        times = ratio(self.mine, self.right, self.blur)
        if times is not None:
            return f"it is right but for {self._factor(times)}"
        if self.mine.ndim == 2 and same(self.mine.T, self.right, self.blur):
            return "it is transposed"
        off = self.mine - self.right
        wrong = np.abs(off) > 1e-9 * max(np.abs(self.right).max(), 1e-300) + 2 * self.blur
        if off.ndim == 2 and off.shape[1] > 1 and (wrong.sum(1) == 1).all():
            parts = off[wrong]
            if np.allclose(parts, parts[0], atol=1e-8 + 2 * self.blur):
                columns = np.argmax(wrong, 1)[:8].tolist()
                return (f"one number in each row is off by {one(float(parts[0]))}, in the columns "
                        f"{columns}: is the one-hot of the labels not subtracted?")
        return ""

    def _factor(self, times: float) -> str:
        """A factor in words, with what it may come from."""
        near, loose = self.near, max(1e-6, self.near)
        if abs(times + 1) < near:
            return "the sign"
        lengths = {n for t in self.values for n in (*t.shape, t.size) if n > 1}
        lengths |= {np.size(s.raw) // max(self.x.size, 1) for s in self.steps if s.to is self.x}
        lengths -= {0, 1}
        users = [s.out.op for s in self.steps if s.to is self.x]
        squares = any(op is not None and op.name in ("square", "mse") for op in users)
        reasons = []
        for n in sorted(lengths):
            if abs(times - n) < loose * n:
                reasons.append(f"a mean divides by {n}, which is missing (a sum was taken)")
            if abs(times * n - 1) < loose:
                reasons.append(f"it is divided by {n} once too often (a mean for a sum)")
            if n > 2 and min(abs(times - n / (n - 1)), abs(times - (n - 1) / n)) < near:
                reasons.append(f"{n} and {n - 1} are mixed up")
        if abs(times - 0.5) < near and squares:
            reasons.insert(0, "the 2 in the derivative of a square is missing")
        if abs(times - 2) < near:
            reasons.insert(0, "something is counted twice, or the 2 of a square's derivative is")
        shown = next((f"1/{n}" for n in sorted(lengths) if abs(times * n - 1) < loose), f"{times:.6g}")
        return f"a factor {shown}{': ' if reasons else ''}{', or '.join(reasons[:2])}"

    def _slips(self) -> Iterator[str]:
        uses: dict[Tensor, list[Step]] = {}
        for s in self.steps:
            if s.to is self.x:
                uses.setdefault(s.out, []).append(s)
        ends = [*uses][: USES // 2] + [*uses][USES // 2 :][-USES // 2 :]
        for out in ends:
            own = uses[out]
            if len(uses) > 1:
                yield from self._of_one_use(own)
            for s in own:
                for slip in slips_at(s, self.names, self.values):
                    if slip.sent is not None and self._fits(self.right - s.sent + slip.sent):
                        yield slip.says
        if len(uses) > 2:
            yield from self._of_some_uses(uses)

    def _of_some_uses(self, uses: dict[Tensor, list[Step]]) -> Iterator[str]:
        """Only the first or the last of many uses, as in a loop that ends too early."""
        parts = {out: sum(s.sent for s in own) for out, own in uses.items()}
        for outs in ([*uses], [*uses][::-1]):
            total: Array = 0
            for k, out in enumerate(outs[:-2], 1):  # all but one are told as one that is missing
                total = total + parts[out]
                if self._fits(np.asarray(total)):
                    there = ", ".join(map(self.names.said, outs[:k][:3]))
                    more = f" and {k - 3} more" if k > 3 else ""
                    yield (f"only what comes back through {there}{more} is there, of {len(uses)} uses: "
                           "`=` where `+=` belongs, or a loop that ends too early")

    def _of_one_use(self, own: list[Step]) -> Iterator[str]:
        """What one of several operations sends back is missing, or off by a factor."""
        made = self.names.made(own[0].out)
        part = np.asarray(sum(s.sent for s in own))
        others = self.right - part
        times = ratio(self.mine - others, part, self.blur)
        if self._fits(others):
            yield f"what comes back through {made} is missing: {FORGOTTEN}"
        elif times is not None and not same(self.mine, self.right, self.blur):
            share = f"off by {self._factor(times)}"
            if abs(times + 1) < self.near:
                yield f"the sign of what comes back through {made} is wrong"
                return
            if abs(times - 2) < self.near:
                share = "counted twice"
            elif len(own) > 1 and abs(times * len(own) - 1) < self.near:
                share = f"counted once, where {self.names(self.x)} is used {len(own)} times in it"
            yield f"what comes back through {made} is {share}"

    def _taken_for(self) -> Iterator[str]:
        """The gradient of another Tensor where that of a result belongs."""
        for s in self.steps:
            for other, g in self.arrived.items() if s.to is self.x else ():
                if other is s.out or np.shape(g) != np.shape(s.g) or np.array_equal(g, s.g):
                    continue
                if self._fits(self.right - s.sent + resent(s, {0: np.asarray(g)[()]})):
                    name = self.names(s.out)
                    yield (f"the gradient of {self.names.said(other)} is taken where that of "
                           f"{self.names.said(s.out)} belongs, d_{self.names(other)} for d_{name}")
                    return

    def _in_time(self) -> Iterator[str]:
        own = [s for s in self.steps if s.to is self.x]
        if 2 < len(own) <= USES:
            rest = self.right - sum(s.sent for s in own)
            yield from (says for says, sent in slips_in_time(own, self.names, self.values)
                        if self._fits(np.asarray(rest + sent)))

    def _two_paths(self) -> Iterator[str]:
        """Two of several paths are missing, as where mean and variance are taken for constants."""
        ways_in: dict[tuple[Tensor, Tensor], list[Step]] = {}
        for s in self.steps:
            ways_in.setdefault((s.to, s.out), []).append(s)
        users = Counter(to for to, _ in ways_in)
        forks = [way for way in ways_in if users[way[0]] > 1][:FORKS]
        for pair in combinations(forks, 2):
            if self._fits(self._with([(s, None) for way in pair for s in ways_in[way]])):
                ways = " and through ".join(self.names.made(out) for _, out in pair)
                yield f"two paths are missing, what comes back through {ways}"
                return

    def _further(self) -> Iterator[str]:
        """Slips in steps whose results were not given, so that they come through."""
        patience = PATIENCE // max(len(self.steps), 1)
        missing: list[tuple[Step, str]] = []
        for s in self.steps:
            if s.to is self.x:
                continue
            for slip in slips_at(s, self.names, self.values):
                patience -= 1
                if patience < 0:
                    break
                if not self._fits(self._with([(s, slip.sent)])):
                    continue
                if slip.sent is None:
                    missing.append((s, slip.says))
                else:
                    yield slip.says
        ends = {s.out for s, _ in missing}  # of one way the step that is nearest is told
        yield from (says for s, says in missing if s.to not in ends)

    def _with(self, other: list[tuple[Step, Array | None]]) -> Array | None:
        """The gradient, if some steps had sent something else."""
        def change(s: Step) -> Step | None:
            for at, sent in other:
                if s.out is at.out and s.position == at.position:
                    return None if sent is None else s._replace(sent=sent)
            return s

        totals: dict[Tensor, Array] = {}
        for _ in steps_of(self.loss, totals, self.known, change):
            pass
        return totals.get(self.x)

    def _fits(self, value: Array | None) -> bool:
        if value is None or not np.shape(value) == self.mine.shape:
            return False
        return same(self.mine, value, self.blur) and not same(value, self.right, self.blur)

    def _difference(self) -> str:
        """No single slip gives these numbers: where they differ."""
        wrong = np.abs(self.mine - self.right) > 1e-6 * max(float(np.abs(self.right).max()), 1e-300)
        most = np.argmax(wrong) if wrong.any() else np.argmax(np.abs(self.mine - self.right))
        first = tuple(map(int, np.unravel_index(int(most), wrong.shape))) if wrong.ndim else ()
        place = f" at {list(first)}" if first else ""
        yours, right = float(self.mine[first]), float(self.right[first])
        count = f"{np.count_nonzero(wrong)} of {self.right.size} numbers differ; " if place else ""
        return (f"{count}yours{place} is {one(yours)}, backprop's {one(right)}. No single mistake that "
                "is known gives these numbers")
