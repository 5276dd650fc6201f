"""What repeats is drawn once: of equal modules or steps the first, the last, and how many between.

Equal is what does the same operations on the same shapes in the same order. Loops are found by their
rhythm alone; one turn ends where the fewest values go over to the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .tree import Region, regions_of
from .views import Units

#: So many distances between equal pairs are tried as the length of a turn.
CANDIDATES = 12
#: So many different loops one region may have.
ROUNDS = 12
LEAST, LEAST_CHAIN = 4, 3
#: Of turns that are so long two are worth it.
LONG = 12

#: Where it begins among the children, its period, and how often it comes.
Run = tuple[int, int, int]


def fold_repeats(units: Units, root: Region) -> None:
    """Put what repeats into regions: the first, the others, the last."""
    for region, labels in reversed(list(_labelled(units, root))):
        _fold(units, region, labels)


def open_once(units: Units, root: Region) -> None:
    """Close what is equal to an open module or turn before it."""
    own = {id(region): (region.word, *labels) for region, labels in _labelled(units, root)}
    seen: set[Any] = set()
    pending = [root]
    while pending:
        region = pending.pop()
        region.closed = region.closed or own[id(region)] in seen
        if not region.closed:
            seen.add(own[id(region)])
            pending += [child for child in reversed(region.children) if isinstance(child, Region)]


def _labelled(units: Units, root: Region) -> Iterator[tuple[Region, list[int]]]:
    """Every region after those within, and for each of its children a number that equal ones share."""
    seen: dict[Any, int] = {}
    known: dict[int, int] = {}
    start = len(units.labels)
    for _, region in reversed(list(regions_of(root))):
        labels = [units.labels[c] if isinstance(c, int) else known[id(c)] for c in region.children]
        known[id(region)] = start + seen.setdefault((region.word, *labels), len(seen))
        yield region, labels


def _fold(units: Units, region: Region, labels: list[int]) -> None:
    """Fold the longest repetition among the children, then the next."""
    fresh = -1
    for _ in range(ROUNDS):
        for run in runs_of(labels):
            start, period, turns = _aligned(units, region, run, labels)
            if turns >= _least(period) and _is_repetition(units, region, start, period, turns):
                break
        else:
            return
        stop = start + period * turns
        made = _turns(units, region.children[start:stop], period)
        region.children[start:stop] = made
        labels[start:stop] = [fresh := fresh - 1 for _ in made]


def _least(period: int) -> int:
    return LEAST_CHAIN if period == 1 else LEAST if period < LONG else 2


def runs_of(labels: Sequence[int]) -> list[Run]:
    """Where repetitions begin, their period and how often they come, those that save most first.

    >>> runs_of([9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 7])
    [(1, 3, 4)]
    """
    array = np.asarray(labels)
    found: list[Run] = []
    for period in _periods(array) if len(array) >= LEAST_CHAIN else ():
        same = np.concatenate(([False], array[:-period] == array[period:], [False]))
        ends = np.flatnonzero(same[1:] != same[:-1]).reshape(-1, 2)
        longest = np.argsort(ends[:, 0] - ends[:, 1], kind="stable")[:CANDIDATES]
        found += [(int(start), period, int(stop - start) // period + 1)
                  for start, stop in ends[longest]]
    enough = [run for run in found if run[2] >= _least(run[1])]
    return sorted(enough, key=lambda run: ((1 - run[2]) * run[1], run[1], run[0]))[:CANDIDATES]


def _is_repetition(units: Units, region: Region, start: int, period: int, turns: int) -> bool:
    """Whether these are calls of modules, or each turn takes something from the one before."""
    children = region.children[start : start + period * turns]
    if period == 1 and isinstance(children[0], Region):
        return True
    if period == 1:
        only = [c for c in children if isinstance(c, int)]
        return all(before in units.sources[i] for before, i in pairwise(only))
    turn = {i: k // period for k, those in enumerate(_operations(children)) for i in those}
    carried = {k for i, k in turn.items() for s in units.sources[i] if turn.get(s) == k - 1}
    return len(carried) == turns - 1


def _operations(children: Sequence[int | Region]) -> list[Sequence[int]]:
    """The operations of each child."""
    return [child.operations if isinstance(child, Region) else (child,) for child in children]


def _periods(array: Any) -> list[int]:
    """The usual distances from a pair of neighbours to the next equal pair."""
    pairs = array[:-1] * (int(array.max()) + 2) + array[1:]
    order = np.argsort(pairs, kind="stable")
    distances = np.diff(order)[pairs[order][1:] == pairs[order][:-1]]
    values, counts = np.unique(distances, return_counts=True)
    return [int(p) for p in values[np.argsort(-counts, kind="stable")][:CANDIDATES]]


def _aligned(units: Units, region: Region, run: Run, labels: list[int]) -> Run:
    """The run from where fewest values are handed from turn to turn, and each is of one module."""
    start, period, turns = run
    if period == 1:
        return run
    stop = start + period * turns
    while stop < len(labels) and labels[stop] == labels[stop - period]:
        stop += 1
    middle = start + period * (turns // 2)
    crossing = _crossings(units, region, middle, middle + period)
    fewest = min(crossing[middle : middle + period])
    shifts = [r for r in range(period) if crossing[middle + r] == fewest][:20]

    def worse(r: int) -> tuple[int, int, int]:
        turn = region.children[middle + r : middle + r + period]
        return len(_stems(units, turn)), -((stop - start - r) // period), r

    shift = min(shifts, key=worse)
    return start + shift, period, (stop - start - shift) // period


def _stems(units: Units, children: Sequence[int | Region]) -> list[str]:
    """The modules in lists, such as ``blocks.0``, that parameters belong to by their names."""
    names = (units.recording.names.get(s, "") for those in _operations(children) for i in those
             for s in units.sources[i] if s < 0)
    found = (re.match(r"(.*?\b\d+)\.", name) for name in names)
    return list(dict.fromkeys(match[1] for match in found if match))


def _crossings(units: Units, region: Region, begin: int, end: int) -> Any:
    """Before each child from ``begin`` to ``end``: how many values from before it are used later."""
    operations = _operations(region.children)
    place = {i: k for k, those in enumerate(operations[:end]) for i in those}
    last: dict[int, int] = {}
    for k, those in enumerate(operations[begin:], begin):
        for i in those:
            for source in units.sources[i]:
                if source in place and place[source] != k:
                    last[source] = k
    steps = np.zeros(len(region.children) + 1, int)
    for source, k in last.items():
        steps[place[source] + 1] += 1
        steps[k + 1 if k + 1 <= len(region.children) else k] -= 1
    return np.cumsum(steps)


def _turns(units: Units, children: list[int | Region], period: int) -> list[int | Region]:
    """The first turn, a region for all between, the last turn; a region for each of few, or a chain."""
    count, first = len(children) // period, children[0]
    if period == 1 and not isinstance(first, Region):
        return [Region("chain", children=children, times=count, closed=True)]
    if isinstance(first, Region) and period == 1:
        if count < LEAST:
            return list(children)
        titles = [child.title for child in children if isinstance(child, Region)]
        ends, word = [first, children[-1]], first.word
    else:
        titles = _titles(units, children, period)
        if count < LEAST:
            parts = [children[k * period : (k + 1) * period] for k in range(count)]
            return [Region("step", title, children=part, closed=part is not parts[0])
                    for title, part in zip(titles, parts, strict=True)]
        ends = [Region("step", titles[0], children=children[:period]),
                Region("step", titles[-1], children=children[-period:])]
        word = ""
    between = children[period:-period]
    title = f"{count - 2} more {word}" if word else f"x {count - 2}"
    steps = _range(titles[1], titles[-2])
    return [ends[0], Region("many", title, steps, children=between, times=count - 2, turn=period,
                            closed=True), ends[1]]


def _titles(units: Units, children: list[int | Region], period: int) -> list[str]:
    """What turns are called: the modules they are, or, of the two at each end, numbers."""
    count = len(children) // period
    first, second = (_stems(units, children[k : k + period]) for k in (0, period))
    stems = [_stems(units, children[k : k + period]) for k in range(0, count * period, period)] if (
        len(first) == 1 and first != second) else []  # mostly none of very many
    own = bool(stems) and all(len(stem) == 1 for stem in stems)
    return [stem[0] for stem in stems] if own else [
        f"step {k}" for k in sorted({0, 1, count - 2, count - 1})]


def _range(first: str, last: str) -> str:
    """From one title to another."""
    if first.startswith("step "):
        return f"steps {first[5:]} .. {last[5:]}"
    return first if first == last else f"{first} .. {last}"
