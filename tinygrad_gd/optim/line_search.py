"""A point on a line where loss and slope have both become small enough: the Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

#: The loss must fall by this share of what the slope promises; the slope, to this share of itself.
FALL, FLATTER = 1e-4, 0.9


class Point(NamedTuple):
    """A point on the line.

    Attributes
    ----------
    t : how far along the direction.
    loss, g : the loss and its gradient there.
    slope : the gradient along the line.
    """

    t: float
    loss: float
    g: Any
    slope: float


def strong_wolfe(
    look: Callable[[float], Point], start: Point, t: float, length: float, least: float, most: int
) -> tuple[Point, int]:
    """A point that meets the strong Wolfe conditions, and how often it was looked.

    Parameters
    ----------
    look : gives the point at a distance.
    start, t : the point at 0, and the distance that is tried first.
    length, least : the largest element of the direction; a change smaller than ``least`` is none.
    most : how many distances are tried after the first.
    """
    before, now, tries = start, look(t), 0
    ends: tuple[Point, Point] | None = None
    while tries < most:
        if _too_high(now, start) or (tries > 1 and now.loss >= before.loss):
            ends = before, now
            break
        if _is_flat(now, start):
            return now, tries + 1
        if now.slope >= 0:
            ends = before, now
            break
        further = _interpolated(before, now, now.t + 0.01 * (now.t - before.t), now.t * 10)
        before, now, tries = now, look(further), tries + 1
    if ends is None:
        ends = start, now
    return _zoomed(look, start, ends, length, least, most, tries)


def _zoomed(look: Callable[[float], Point], start: Point, ends: tuple[Point, Point], length: float,
            least: float, most: int, tries: int) -> tuple[Point, int]:
    """The best point between two ends, one of which is too far."""
    pair, low, stuck = list(ends), int(ends[0].loss > ends[1].loss), False
    while tries < most and abs(pair[1].t - pair[0].t) * length >= least:
        left, right = sorted(p.t for p in pair)
        t, edge = _interpolated(pair[0], pair[1], left, right), 0.1 * (right - left)
        near = min(right - t, t - left) < edge
        if near and (stuck or t >= right or t <= left):  # not again beside an end
            t, near = (right - edge if abs(t - right) < abs(t - left) else left + edge), False
        stuck = near
        now, tries = look(t), tries + 1
        if _too_high(now, start) or now.loss >= pair[low].loss:
            pair[1 - low] = now
            low = int(pair[0].loss > pair[1].loss)
            continue
        if _is_flat(now, start):
            return now, tries + 1
        if now.slope * (pair[1 - low].t - pair[low].t) >= 0:
            pair[1 - low] = pair[low]
        pair[low] = now
    return pair[low], tries + 1


def _too_high(now: Point, start: Point) -> bool:
    return now.loss > start.loss + FALL * now.t * start.slope


def _is_flat(now: Point, start: Point) -> bool:
    return abs(now.slope) <= -FLATTER * start.slope


def _interpolated(a: Point, b: Point, low: float, high: float) -> float:
    """The minimum of the cubic through two points with their slopes, within bounds; or their middle."""
    a, b = (a, b) if a.t <= b.t else (b, a)
    rise = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t) if a.t != b.t else math.nan
    square = rise * rise - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    root = math.sqrt(square)
    width = b.slope - a.slope + 2 * root
    return min(max(b.t - (b.t - a.t) * ((b.slope + root - rise) / width), low), high) if width else (
        low + high) / 2
