"""What of a large graph is folded: no more than a page needs.

In this order: modules and loops that repeat, and of equal modules and turns all but the first are
closed; then the update of a step, which does the same for each parameter; then other modules, the
innermost first, and last the passes; then equal operations become one box, and chains of operations;
and where that is not enough the last operations are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..errors import OptionError
from .cells import Cells, cells_of
from .chains import fold_chains
from .repeats import fold_repeats, open_once
from .siblings import fold_siblings
from .tree import Region, regions_of, tree_of
from .views import Units

PAGE = (900.0, 2400.0)
#: No layout engine is asked to place more boxes than this.
LIMIT = 2_000
#: More boxes than this are on no page, so their places need not be estimated.
CROWD = 600
LAST = 50


class Wish(NamedTuple):
    """What the user wants to be folded.

    Attributes
    ----------
    page : width and height in points that a picture should fit.
    fold : False for nothing; names of modules to close; None for what the page needs.
    depth : how many levels of modules are open.
    last : draw only so many operations, the last ones.
    places : draw only these operations.
    downwards : whether the picture is read from top to bottom.
    """

    page: tuple[float, float] = PAGE
    fold: Any = None
    depth: int | None = None
    last: int | None = None
    places: frozenset[int] | None = None
    downwards: bool = True


def folded(units: Units, wish: Wish, fits: Callable[[Cells], bool]) -> Cells:
    """The cells that fit the page, or the fewest."""
    if wish.places is not None:
        return cells_of(units, Region("all", children=[i for i in units.shown if i in wish.places]))
    if wish.last is not None and wish.last < len(units.shown):
        return cells_of(units, _last(units, wish.last))
    smallest = None
    for root in _attempts(units, wish):
        drawn = cells_of(units, root)
        if smallest is None or len(drawn.cells) < len(smallest.cells):
            smallest = drawn
        if wish.fold is False or (len(drawn.cells) <= CROWD and fits(drawn)):
            return drawn
    assert smallest is not None
    return smallest if len(smallest.cells) <= LIMIT else cells_of(units, _last(units, LAST))


def _attempts(units: Units, wish: Wish) -> Iterator[Region]:
    """The graph, more folded each time."""
    root = tree_of(units)
    _close(root, wish)
    if wish.fold is False or len(units.shown) <= CROWD or units.recording.watched:
        yield root
    if wish.fold is False:
        return
    fold_repeats(units, root)
    open_once(units, root)
    yield root
    while regions := _next(root):
        for region in regions:
            region.closed = True
        yield root
    few = len(units.shown) <= CROWD
    if few:
        yield from fold_chains(units, root)
    for mixed in (False, True):
        equal = fold_siblings(units, mixed)
        yield equal
        yield from fold_chains(units, equal)
    if not few:  # what is equal says more of many
        yield from fold_chains(units, root)


def _next(root: Region) -> list[Region]:
    """What is closed next: a pass of no modules; the innermost open regions; the last open pass."""
    open_ones = [(depth, region) for depth, region in _open(root) if depth]
    passes = [region for _, region in open_ones if region.kind == "pass"]
    plain = [region for region in passes if all(isinstance(c, int) for c in region.children)]
    most = max((depth for depth, region in open_ones if region.kind != "pass"), default=0)
    innermost = [region for depth, region in open_ones if depth == most]
    return plain[:1] or innermost or passes[:1]  # the last is found first


def _open(root: Region) -> Iterator[tuple[int, Region]]:
    pending = [(0, root)]
    while pending:
        depth, region = pending.pop()
        if not region.closed:
            yield depth, region
            pending.extend((depth + 1, c) for c in region.children if isinstance(c, Region))


def _close(root: Region, wish: Wish) -> None:
    """Close what the user wants to be closed."""
    names = {wish.fold} if isinstance(wish.fold, str) else set(wish.fold or ())
    known: dict[str, Region] = {}
    for depth, region in regions_of(root):
        known |= dict.fromkeys((region.path, region.word, region.title), region)
        if (wish.depth is not None and depth > wish.depth) or names & {region.path, region.word}:
            region.closed = region.kind != "all"
    if missing := names - set(known):
        there = ", ".join(sorted(name for name in known if name)[:20]) or "none, as nobody watched"
        raise OptionError(f"draw: fold: there is no module {min(missing)!r}; there are {there}")


def _last(units: Units, count: int) -> Region:
    """The last operations; all before them are one box."""
    before, after = units.shown[:-count], units.shown[-count:]
    hidden = Region("hidden", f"{len(before):,} earlier operation{'s' if len(before) > 1 else ''}",
                    children=list(before), times=len(before), closed=True)
    return Region("all", children=[hidden, *after])
