"""`Tensor.memory`: what a graph holds, by operation and by line, and what checkpoints would save."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import Node, leaves_of, nodes_of, walk
from ..engine.tensor import Tensor
from ..errors import DTypeError, GradError, describe
from ..pictures.words import word_of
from .bars import bar
from .words import WIDTH

#: In so many parts at most a graph is cut.
PARTS = 32
#: Checkpoints are spoken of where they save this share.
WORTH = 0.3
_ROWS, _BAR = 8, 20


class Held(NamedTuple):
    """What one operation, or all of one line, keeps for the backward pass."""

    name: str
    times: int
    bytes: int


class Cut(NamedTuple):
    """The graph in ``parts``, each inside `checkpoint`.

    Attributes
    ----------
    kept : bytes between the parts, which stay until the backward pass.
    again : bytes of the largest part, which the backward pass computes once more.
    after : the operations, by their number from 0, that the parts end with.
    """

    parts: int
    kept: int
    again: int
    after: tuple[int, ...]


class Memory(NamedTuple):
    """What the graph of a Tensor holds. Printed, it is a table.

    Attributes
    ----------
    bytes : of all values that operations made, memory that is shared once.
    operations : how many there are.
    leaves : bytes of the parameters and data, which are there with or without a graph.
    by_operation, by_line : the same bytes in parts, the largest first.
    cut : the best checkpoints, None where they would save little.
    """

    bytes: int
    operations: int
    leaves: int
    by_operation: tuple[Held, ...]
    by_line: tuple[Held, ...]
    cut: Cut | None

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def memory(tensor: Tensor) -> Memory:
    """The bytes that the graph of ``tensor`` keeps for its backward pass.

    Every value that an operation made stays until the graph is let go, together with ``tensor``.

    >>> import numpy as np, tinygrad_gd as tg
    >>> w = tg.Tensor(np.ones(1000), requires_grad=True)
    >>> held = memory((w.exp() * 2).sum())
    >>> held.bytes, held.by_operation[0]
    (16008, Held(name='exp', times=1, bytes=8000))
    """
    if not isinstance(tensor, Tensor):
        raise DTypeError(f"memory: expected a Tensor, got {describe(tensor)}")
    if tensor.op is None:
        raise GradError(f"memory: {describe(tensor)} was not recorded, so it holds no graph; ask the "
                        "loss, before it is let go")
    nodes = nodes_of(tensor)
    outside = {id(_owner(Node(t).value)): _owner(Node(t).value) for t in walk([tensor]) if t.op is None}
    made = _made(nodes, outside)
    sizes = [sum(owner.nbytes for owner in owners) for owners in made]
    return Memory(
        sum(sizes), len(nodes), sum(owner.nbytes for owner in outside.values()),
        _grouped((word_of(node.op) for node in nodes), sizes),
        _grouped((_place(node) for node in nodes), sizes) if any(n.line for n in nodes) else (),
        _best_cut(nodes, made, sizes, bool(leaves_of(tensor))))


def _owner(value: Any) -> Any:
    """The array whose memory a value shows."""
    value = value if isinstance(value, np.ndarray) else np.asarray(value)
    while isinstance(value.base, np.ndarray):
        value = value.base
    return value


def _arrays(node: Node) -> Iterator[Any]:
    """What one operation holds: its value, copies of arrays that its rules read, arrays in options."""
    yield node.value
    yield from (x for x in (*node.inputs, *node.params.values()) if isinstance(x, np.ndarray))


def _made(nodes: list[Node], outside: dict[int, Any]) -> list[list[Any]]:
    """For each operation the memory that nothing before it holds."""
    known, made = dict(outside), []
    for node in nodes:
        owners = {id(_owner(x)): _owner(x) for x in _arrays(node)}
        made.append([owner for key, owner in owners.items() if key not in known])
        known |= owners
    return made


def _grouped(names: Iterable[str], sizes: list[int]) -> tuple[Held, ...]:
    found: dict[str, list[int]] = {}
    for name, size in zip(names, sizes, strict=True):
        found.setdefault(name, []).append(size)
    held = (Held(name, len(parts), sum(parts)) for name, parts in found.items())
    return tuple(sorted(held, key=lambda h: -h.bytes))


def _place(node: Node) -> str:
    file, _, line = (node.line or "").rpartition(":")
    return f"{os.path.basename(file)}:{line}" if file else "(before watching began)"


# -- checkpoints -------------------------------------------------------------------------------------


def _best_cut(nodes: list[Node], made: list[list[Any]], sizes: list[int], learns: bool) -> Cut | None:
    """The number of parts that leaves the least memory in use at any time."""
    total = sum(sizes)
    crossing = _crossing(nodes, made)
    cuts = [_cut(parts, crossing, sizes) for parts in range(2, min(PARTS, len(nodes) // 2) + 1)]
    best = min(cuts, key=lambda c: (c.kept + c.again, c.parts), default=None)
    saves = best is not None and learns and best.kept + best.again <= (1 - WORTH) * total
    return best if saves else None


def _crossing(nodes: list[Node], made: list[list[Any]]) -> list[int]:
    """For each operation the bytes made up to it that are used after it."""
    last: dict[int, int] = {}
    for i, node in enumerate(nodes):
        for x in node.inputs:
            if isinstance(x, Tensor):
                last[id(_owner(Node(x).value))] = i
    change = np.zeros(len(nodes) + 1, int)
    for i, owners in enumerate(made):
        for owner in owners:
            change[i] += owner.nbytes
            change[max(i, last.get(id(owner), i))] -= owner.nbytes
    return np.cumsum(change)[:-1].tolist()  # type: ignore[no-any-return]


def _cut(parts: int, crossing: list[int], sizes: list[int]) -> Cut:
    """Parts of about equal size, cut where little is carried over."""
    filled = np.cumsum(sizes)
    width = max(1, len(sizes) // (2 * parts))
    after: list[int] = []
    for j in range(1, parts):
        middle = int(np.searchsorted(filled, filled[-1] * j / parts))
        near = range(max(0, middle - width), min(len(sizes) - 1, middle + width))
        after.append(min(near, key=lambda i: (crossing[i], abs(i - middle)), default=middle))
    after = sorted(set(after))
    pieces = np.split(np.asarray(sizes), [i + 1 for i in after])
    kept = sum(crossing[i] for i in after)
    return Cut(len(pieces), kept, max(int(piece.sum()) for piece in pieces), tuple(after))


# -- words -------------------------------------------------------------------------------------------


def size_of(count: int) -> str:
    """Bytes in the largest unit that they fill.

    >>> size_of(800), size_of(16_008), size_of(5_200_000)
    ('800 bytes', '16.0 kB', '5.2 MB')
    """
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"


def _lines(held: Memory) -> Iterator[str]:
    yield fill(f"The graph holds {size_of(held.bytes)} in {held.operations:,} operations, until the "
               "backward pass is done and the loss is let go. The parameters and data that it was "
               f"computed from are {size_of(held.leaves)} beside that.", WIDTH)
    yield from _rows("operation", held.by_operation, held.bytes)
    if held.by_line:
        yield from _rows("line", held.by_line, held.bytes)
    if not held.by_line or held.cut is not None:
        yield ""
    if not held.by_line:
        yield "Which of your lines made them is known when they run under tg.study.watch()."
    if held.cut is not None:
        yield fill(
            f"In {held.cut.parts} parts, each computed by tg.checkpoint(f)(x), it would hold "
            f"{size_of(held.cut.kept)} between them, and {size_of(held.cut.again)} more while the "
            f"backward pass computes a part again: {size_of(held.cut.kept + held.cut.again)} in place "
            f"of {size_of(held.bytes)}, for one more forward pass.", WIDTH)


def _rows(head: str, held: tuple[Held, ...], total: int) -> Iterator[str]:
    shown = held if len(held) == _ROWS + 1 else held[:_ROWS]
    rest = held[len(shown):]
    if rest:
        others = Held(f"{len(rest)} others", sum(h.times for h in rest), sum(h.bytes for h in rest))
        shown = (*shown, others)
    width = max(len(head), *(len(h.name) for h in shown))
    yield ""
    yield f"{head.ljust(width)}  times      memory"
    for h in shown:
        share = h.bytes / total if total else 0
        yield (f"{h.name.ljust(width)}  {h.times:5,}  {size_of(h.bytes).rjust(10)}  {share:4.0%}  "
               f"{bar(share, _BAR)}").rstrip()
