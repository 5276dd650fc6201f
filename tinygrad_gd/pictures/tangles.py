"""Regions that need each other's results: closed, they would be boxes in a circle.

A step that updates twice has a forward pass that needs the first update; a module that is called twice
may need what another made of its first result. Such a region is cut where another comes between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import groupby


def in_order(sources: Sequence[tuple[int, ...]], parts: Sequence[Sequence[int]]
             ) -> tuple[list[int], list[list[int]]]:
    """An order of parts, by their numbers, in which each comes after what its operations need.

    And of what has none, as it goes in circles, the runs of operations between which no other comes.
    """
    of = {i: k for k, part in enumerate(parts) for i in part}
    needed: list[set[int]] = [set() for _ in parts]
    for i, k in of.items():
        needed[k].update(of[s] for s in sources[i] if s in of)
        needed[k].discard(k)
    order, rest = _sorted(dict(enumerate(needed)))
    users: dict[int, set[int]] = {k: set() for k in rest}
    for k in rest:
        for before in needed[k] & rest:
            users[before].add(k)
    _, circle = _sorted(users)
    return order, [list(run) for _, run in groupby(sorted(i for i, k in of.items() if k in circle),
                                                   of.get)]


def _sorted(needed: Mapping[int, set[int]]) -> tuple[list[int], set[int]]:
    """Those of which all that is needed comes before, the first ones first; and the rest."""
    missing = {k: sum(before in needed for before in those) for k, those in needed.items()}
    users: dict[int, list[int]] = {}
    for k, those in needed.items():
        for before in those:
            users.setdefault(before, []).append(k)
    ready, order = [k for k, count in missing.items() if not count], list[int]()
    heapify(ready)
    while ready:
        order.append(k := heappop(ready))
        for user in users.get(k, ()):
            missing[user] -= 1
            if not missing[user]:
                heappush(ready, user)
    return order, set(needed).difference(order)
