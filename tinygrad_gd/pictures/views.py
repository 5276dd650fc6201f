"""Views join the box of their neighbour: what only shows an array another way needs no box."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from .recording import Recording

#: Views of one array that are no more than a word in their neighbour's box.
PURE = frozenset({"reshape", "transpose", "swapaxes", "moveaxis", "expand_dims", "squeeze",
                  "broadcast_to", "astype", "getitem", "pad", "copy", "positive"})


class Units:
    """The operations of a recording that have a box, each with the views that joined it.

    Attributes
    ----------
    hosts : for each operation the one whose box it is in, itself for most.
    joined : all operations of a box that has several, in order.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.hosts = _hosts_of(recording)
        joined: dict[int, list[int]] = {}
        for i, host in enumerate(self.hosts):
            if host != i:
                joined.setdefault(host, [host]).append(i)
        self.joined = {host: sorted(members) for host, members in joined.items()}

    @cached_property
    def shown(self) -> list[int]:
        """The operations that have a box."""
        return [i for i, host in enumerate(self.hosts) if i == host]

    @cached_property
    def sources(self) -> list[tuple[int, ...]]:
        """By operation, what its box takes from outside: leaves, and operations that have a box."""
        found, hosts = self.recording.sources, self.hosts
        if not self.joined:
            return found
        taken = [tuple([hosts[s] if s >= 0 else s for s in sources]) for sources in found]
        for host, members in self.joined.items():
            taken[host] = tuple(s for i in members for s in taken[i] if s != host)
        return taken

    @cached_property
    def labels(self) -> list[int]:
        """Equal numbers for boxes that do the same."""
        labels = self.recording.labels
        if not self.joined:
            return labels
        seen: dict[tuple[int, ...], int] = {}
        taken, start = list(labels), max(labels) + 1
        for host, members in self.joined.items():
            key = tuple(labels[i] for i in members)
            taken[host] = start + seen.setdefault(key, len(seen))
        return taken

    def members(self, host: int) -> list[int]:
        """The operations of a box."""
        return self.joined.get(host) or [host]

    def end(self, host: int) -> int:
        """The operation of a box that is used outside of it."""
        members = self.joined.get(host)
        if members is None:
            return host
        inside = {s for i in members for s in self.recording.sources[i]}
        return next((i for i in reversed(members) if i not in inside), members[-1])

    def ends(self, hosts: Sequence[int]) -> Sequence[int]:
        """The operations of boxes that are used outside of them."""
        return [self.end(host) for host in hosts] if self.joined else hosts


def _hosts_of(recording: Recording) -> list[int]:
    """A view joins what it is a view of, if nobody else uses that; else its only user.

    Where that is a view too, they are a box together.
    """
    hosts = list(range(len(recording.outs)))
    viewing = {p for p in set(recording.primitives) if p.name in PURE or p.kind == "check"}
    views = [i for i, p in enumerate(recording.primitives)
             if p in viewing and len(recording.sources[i]) == 1] if viewing else []
    if not views:
        return hosts
    users, kept = recording.users, set(recording.roots)
    for i in views:
        (source,) = recording.sources[i]
        alone = source >= 0 and users[source] == 1 and source not in kept
        if alone and _together(recording, i, source):
            hosts[i] = hosts[source]
    last = {hosts[i]: i for i in views}  # the end of each box
    user = _only_users(recording)
    for i in reversed(views):
        if hosts[i] == i and (u := user[last[i]]) >= 0 and last[i] not in kept and (
                hosts[u] != i and _together(recording, i, hosts[u])):
            hosts[i] = hosts[u]
    for i in views:  # what joined a view is where that went
        while hosts[hosts[i]] != hosts[i]:
            hosts[i] = hosts[hosts[i]]
    return hosts


def _only_users(recording: Recording) -> list[int]:
    """The operation that uses a result, if there is one only; else a negative number."""
    user = [-1] * len(recording.outs)
    for i, sources in enumerate(recording.sources):
        for place in sources:
            if place >= 0:
                user[place] = i if user[place] in (-1, i) else -2
    return user


def _together(recording: Recording, view: int, other: int) -> bool:
    """Whether the view's module is the other's, or one around it, or does nothing else than view."""
    if not recording.watched:
        return True
    mine, its = recording.notes[view].within, recording.notes[other].within
    flat = mine[:-1] if mine and mine[-1].kind == "Flatten" else mine
    return flat == its[: len(flat)]
