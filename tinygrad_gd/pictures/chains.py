"""Chains: operations of which each is used by the next one only become one box.

They are what is folded last, where nothing repeats and the page is still too small.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .tree import Region
from .views import Units
from .words import word_of

#: Chains longer than this are folded first, then those longer than the next.
LENGTHS = (16, 8, 4, 2)


def fold_chains(units: Units, root: Region) -> Iterator[Region]:
    """The same picture with its longest chains in one box each, then with shorter ones, too."""
    chains = _chains(units, [c for c in root.children if not isinstance(c, Region)])
    for length in LENGTHS:
        folded = {chain[-1]: _region(units, chain) for chain in chains if len(chain) > length}
        inside = {i for region in folded.values() for i in region.operations} - set(folded)
        if folded:  # a box stands where its last operation was: all that it takes comes before
            yield Region("all", children=[c if isinstance(c, Region) else folded.get(c, c)
                                          for c in root.children if c not in inside])


def _chains(units: Units, operations: list[int]) -> list[list[int]]:
    """The chains among operations, of which the results of the graph are no part."""
    users = Counter(s for i in units.shown for s in set(units.sources[i]))
    results = {units.hosts[r] for r in units.recording.roots if r >= 0}
    length: dict[int, int] = {}
    before: dict[int, int] = {}
    for i in operations:
        if i not in results:
            alone = [s for s in units.sources[i] if s in length and users[s] == 1]
            before[i] = max(alone, key=length.__getitem__, default=-1)
            length[i] = 1 + length.get(before[i], 0)
    chains, taken = [], set[int]()
    for i in sorted(length, key=lambda i: -length[i]):
        chain = []
        while i >= 0 and i not in taken:
            chain.append(i)
            i = before[i]
        taken.update(chain)
        chains.append(chain[::-1])
    return chains


def _region(units: Units, chain: list[int]) -> Region:
    first, last = (word_of(units.recording.primitives[i]) for i in (chain[0], chain[-1]))
    return Region("way", f"{len(chain)} operations", f"{first} .. {last}", f"{first} .. {last}",
                  children=[*chain], closed=True)
