"""Equal siblings are one box: the same operation on the same shapes, whose inputs are equal too.

What is left is shorter by chains: a sum of many terms is one box and not one for each. Where that is
not enough, a sum of terms of several kinds is one box, too.
"""

from __future__ import annotations

from collections import Counter

from .tree import Region
from .views import Units


def fold_siblings(units: Units, mixed: bool = False) -> Region:
    """A region for each class of equal operations; ``mixed`` chains may take what differs by turn."""
    classes = _classes(units)
    members: dict[int, list[int]] = {}
    for i in units.shown:
        members.setdefault(classes[i], []).append(i)
    merged = _chains(units, classes, members, mixed)
    groups: dict[int, list[int]] = {}
    longest: dict[int, int] = {}
    for c, those in members.items():
        groups.setdefault(merged[c], []).extend(those)
        longest[merged[c]] = longest.get(merged[c], 0) + 1
    root = Region("all")
    for c, those in groups.items():
        if len(those) == 1:
            root.children.append(those[0])
            continue
        chain = f"in {'a chain' if longest[c] == len(those) else 'chains'} of {longest[c]}"
        root.children.append(Region("equal", word=chain if longest[c] > 1 else "", times=len(those),
                                    children=[*sorted(those)], closed=True))
    root.children.sort(key=lambda child: child.first if isinstance(child, Region) else child)
    return root


def _classes(units: Units) -> dict[int, int]:
    """Equal numbers for operations of equal label whose inputs are of equal classes."""
    recording = units.recording
    seen: dict[tuple[object, ...], int] = {}
    of_leaf: dict[int, int] = {}
    for k, leaf in enumerate(recording.leaves):
        of_leaf[~k] = seen.setdefault((recording.kind(~k), leaf.shape), len(seen))
    classes: dict[int, int] = {}
    for i in units.shown:
        inputs = tuple(of_leaf[s] if s < 0 else classes[s] for s in units.sources[i])
        own = i if i in recording.roots else -1
        classes[i] = seen.setdefault((units.labels[i], own, inputs), len(seen))
    return classes


def _chains(units: Units, classes: dict[int, int], members: dict[int, list[int]],
            mixed: bool) -> dict[int, int]:
    """For each class the one it is drawn as: an earlier one, if it is another turn of its chain.

    What else uses a turn might lead to the next: then such turns are no ``mixed`` chain.
    """
    label = {c: units.labels[those[0]] for c, those in members.items()}
    before = {c: [classes.get(s, -1) for s in units.sources[those[0]] if s >= 0]
              for c, those in members.items()}
    users = Counter(p for inputs in before.values() for p in set(inputs))
    merged = {c: c for c in members}
    for c in members:
        kinds = sorted(label[p] for p in before[c])
        for p in before[c]:
            alike = kinds == sorted(label[q] for q in before[p]) or (mixed and users[p] == 1)
            if label[p] == label[c] and alike:
                merged[c] = merged[p]
                break
    return merged
