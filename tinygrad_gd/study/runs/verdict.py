"""Where a run went wrong, why, and what helps: from its numbers alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..words import figure
from .run import Array, Run

#: A loss this many times its least one has run away.
AWAY = 4.0
#: Reaches below the first are timid, above the second they cross the bottom; both in the middle.
TIMID, ACROSS = 0.05, 1.2
#: How parallel to the gradient the steps of plain descent are.
PARALLEL = 0.9999


class Verdict(NamedTuple):
    """What became of a run.

    Attributes
    ----------
    kind : "broken" (not finite), "diverges", "slow", "overshoots", "falls" or "stays".
    step : the first one that went wrong, from 0; None where none did.
    why : sentences.
    cures : what helps, each with its numbers.
    """

    kind: str
    step: int | None
    why: str
    cures: tuple[str, ...]


def curvatures(run: Run) -> Array:
    """d·Hd / d·d along each step d: never more than the largest eigenvalue of the Hessian."""
    with np.errstate(all="ignore"):
        return run.reach * run.alike / run.rate


def is_plain(run: Run) -> bool:
    """Whether every step is a learning rate times the gradient."""
    known = run.alike[np.isfinite(run.alike)]
    return len(known) > 0 and bool(known.min() > PARALLEL)


def verdict(run: Run) -> Verdict:
    """Read a run.

    >>> import tempfile, tinygrad_gd as tg
    >>> w = tg.Tensor(1.0, requires_grad=True); path = tempfile.mkdtemp() + "/run.npz"
    >>> optimizer = tg.optim.SGD([w], lr=1.2)
    >>> with tg.record(path):
    ...     for _ in range(9): optimizer.zero_grad(); (w * w).backward(); optimizer.step()
    >>> found = verdict(Run.load(path)); found.kind, found.step, found.cures[0][:48]
    ('diverges', 0, 'lr below 1.0000 (2/curvature): such a step lands')
    """
    bad = np.flatnonzero(~np.isfinite(run.loss) | ~np.isfinite(run.slope))
    end = int(bad[0]) if len(bad) else run.steps
    if (wrong := _runs_away(run, end)) is not None:
        return _diverges(run, wrong, end)
    if len(bad):
        return Verdict("broken", end, f"At step {end + 1} the loss or its gradient is not finite, and "
                       "no step before it went too far.",
                       ("run it inside tg.detect_anomaly(), which stops at the operation and line",))
    middle = _middle(run) if is_plain(run) else math.nan
    if middle < TIMID and run.loss[-1] > run.loss[0] / 10:
        return _slow(run, middle)
    if middle > ACROSS:
        return Verdict("overshoots", None, f"Half of the steps reach {middle:.2f} or further: they "
                       "cross the bottom of the parabola along them and land on its other side, lower "
                       "than they began as long as they reach less than 2.",
                       (f"lr = {_rate(1 / float(np.nanmax(curvatures(run))))} (1/curvature) goes to "
                        "the bottom of the steepest step", _ALL_DIRECTIONS))
    ends = f"from {figure(run.loss[0])} to {figure(run.loss[-1])}"
    if run.loss[-1] < run.loss[0]:
        return Verdict("falls", None, f"The loss falls {ends}, and no step ran away.{_far(run)}", ())
    return Verdict("stays", None, f"The loss goes {ends}: it does not fall, and no step ran away.", (
        "more steps, if the loss is that of small batches and only noisy",
        "loss.backward(), then model.flow(): do gradients arrive at all layers?"))


def _middle(run: Run) -> float:
    """The reach in the middle of those that have a bottom to reach, if most have one."""
    known = run.reach[np.isfinite(run.reach)]
    up = known[known > 0]
    return float(np.median(up)) if len(up) > len(known) / 2 else math.nan


def _far(run: Run) -> str:
    """What became of the steps of a run that ended well which reach beyond 2."""
    far = np.flatnonzero(run.reach[:-1] > 2)
    if not len(far):
        return ""
    furthest = far[np.argmax(run.reach[far])]
    rose = int(np.count_nonzero(run.loss[far + 1] > run.loss[far]))
    counted = "One step reaches" if len(far) == 1 else f"{len(far)} steps reach"
    after = "its loss rose, and came back" if rose == len(far) == 1 else (
        f"after {rose} of them the loss rose, and came back" if rose else
        "all the same the loss fell, as it is no parabola there")
    return (f" {counted} beyond 2 ({reach_of(run.reach[furthest])} at step {furthest + 1}"
            f"{'' if len(far) == 1 else ' is the furthest'}): {after}.")


def reach_of(reach: float) -> str:
    """Two decimals where they say something.

    >>> reach_of(2.366), reach_of(-124357155505477.39)
    ('2.37', '-1.24e+14')
    """
    return f"{reach:.2f}" if abs(reach) < 1e5 else f"{reach:.3g}"


def _runs_away(run: Run, end: int) -> int | None:
    """The first step from which on the loss has only risen to where it is out of reach."""
    loss = run.loss[:end]
    if len(loss) < 2:
        return None
    lowest = int(np.argmin(loss))
    if loss[-1] < AWAY * loss[lowest] or loss[-1] <= loss[0]:
        return None
    far = [k for k in range(lowest, end - 1) if loss[k + 1] > loss[k] and not run.reach[k] <= 2]
    return far[0] if far else lowest


def _diverges(run: Run, wrong: int, end: int) -> Verdict:
    before, after = run.loss[wrong], run.loss[wrong + 1]
    reach = run.reach[wrong]
    beside = f" (lr {_rate(run.rate[wrong])}, curvature along it {figure(curvatures(run)[wrong])})"
    far = (f": it reaches {reach_of(reach)} times as far as the bottom of the parabola along it"
           f"{beside if is_plain(run) else ''}, and above 2 a step lands higher than it began"
           if reach > 2 else "")
    rest = f", and at step {end + 1} it is not finite" if end < run.steps else ""
    why = (f"At step {wrong + 1} the loss rises from {figure(before)} to {figure(after)}{far}. From "
           f"there it grows to {figure(run.loss[end - 1])} at step {end}{rest}.")
    return Verdict("diverges", wrong, why, tuple(_smaller(run, wrong)))


#: What one step cannot tell.
_ALL_DIRECTIONS = ("tg.advise(loss, params) looks in all directions, and says what standardised data "
                   "would do")


def _smaller(run: Run, wrong: int) -> Iterator[str]:
    """Rates that the curvature allows along the steps up to the wrong one; behind it all is astray."""
    found = curvatures(run)[: wrong + 1]
    found = found[np.isfinite(found) & (found > 0)]
    if not len(found):
        yield "a smaller lr; tg.lr_range_test finds one"
        return
    steepest = float(found.max())
    beta = run.options.get("momentum", 0.0)
    times = f"2 (1 + {beta:g})" if beta else "2"
    yield (f"lr below {_rate(2 * (1 + beta) / steepest)} ({times}/curvature): such a step lands lower; "
           f"lr = {_rate(1 / steepest)} (1/curvature) goes to its bottom")
    rate = run.options.get("lr", float(np.nanmedian(run.rate[: wrong + 1])))
    if not beta and is_plain(run) and rate < 3.8 / steepest:
        yield (f"momentum = 0.9 at this lr: the limit is then 2 (1 + 0.9)/curvature = "
               f"{_rate(3.8 / steepest)}, above lr = {_rate(rate)}")
    yield _ALL_DIRECTIONS


def _rate(value: float) -> str:
    """Four digits, as more of them hold for one step only."""
    return figure(float(f"{value:.4g}"))


def _slow(run: Run, middle: float) -> Verdict:
    steepest = float(np.nanmax(curvatures(run)))
    return Verdict("slow", None, f"Half of the steps go {middle:.1%} of the way to the bottom of the "
                   f"parabola along them, or less: the loss only falls from {figure(run.loss[0])} to "
                   f"{figure(run.loss[-1])} in {run.steps} steps.", (
                       f"lr up to {_rate(1 / steepest)} (1/curvature) where it is "
                       f"{_rate(float(np.nanmedian(run.rate)))}",))


def rows_of(run: Run, found: Verdict, most: int = 8) -> list[int | None]:
    """The steps worth a row: the first, those around the wrong one, the last; None for a gap."""
    wrong = found.step or 0
    chosen: set[Any] = {0, 1, 2, *range(wrong - 1, wrong + 3), run.steps - 2, run.steps - 1}
    if run.steps <= most:
        chosen = set(range(run.steps))
    steps = sorted(k for k in chosen if 0 <= k < run.steps)
    rows: list[int | None] = []
    for k in steps:
        if rows and k != steps[steps.index(k) - 1] + 1:
            rows.append(None)
        rows.append(k)
    return rows
