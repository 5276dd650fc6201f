"""What `draw` does with what it is given."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import truediv
from typing import Any, NamedTuple

from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, describe
from ..ground.checks import check_integer
from ..program.ir import Program
from ..program.lockstep.function import Compiled
from .boxes import Graph, graph_of
from .colours import colour
from .drawing import Drawing
from .folding import PAGE, Wish
from .letters import counted, either
from .recording import Recording, recording_of
from .running import program_of, run_of
from .themes import THEMES
from .views import Units

#: So many operations, all on scalars, are drawn from left to right, where that needs no more points.
SCALARS, SIDEWAYS = 30, 600
#: Estimates across the way of reading are often too large by so much. Where one is more than CLOSE of
#: a page, it is seen how large the layout is, at most so often.
HOPE, CLOSE, TRIES = 1.3, 0.5, 5
#: How far from ``focus`` operations are drawn.
NEAR = 3


class Options(NamedTuple):
    """The options of `draw`."""

    values: bool
    rankdir: str | None
    theme: str
    fold: Any
    depth: int | None
    page: tuple[float, float] | None
    focus: Any
    last: int | None
    label: Callable[[Any], Any] | None
    color_by: Any


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector, which would walk the records of a large graph again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@_uncollected()
def drawing_of(what: Any, inputs: tuple[Any, ...], options: Options) -> Drawing:
    """What `draw` does."""
    _check(options)
    recording = _recorded(what, inputs)
    places = None if options.focus is None else _near(recording, options.focus)
    downwards = options.rankdir not in ("LR", "RL")
    page = options.page or (PAGE if downwards else PAGE[::-1])
    wish = Wish(page, options.fold, options.depth, options.last, places, downwards)
    rankdir = options.rankdir or rankdir_of(recording, wish)
    graph = _fitted(recording, wish._replace(downwards=rankdir in ("TB", "BT")), rankdir, options)
    if places is not None:
        away = len(recording.outs) - sum(len(graph.units.members(i)) for i in places)
        graph.notes.append(f"{counted(away, 'operation')} further away "
                           f"{'is' if away == 1 else 'are'} not drawn")
    if options.color_by is not None:
        colour(graph, options.color_by)
    return Drawing(graph, rankdir, options.theme)


def _fitted(recording: Recording, wish: Wish, rankdir: str, options: Options) -> Graph:
    """The graph, folded until it fits the page as it is laid out; without an engine, as is thought."""
    width, height = wish.page
    page = (HOPE * width, height) if wish.downwards else (width, HOPE * height)
    for _ in range(TRIES):
        graph = graph_of(recording, wish._replace(page=page), options.label, options.values)
        thought = graph.extent
        if thought is None or max(map(truediv, thought, wish.page)) < CLOSE:
            break
        size = Drawing(graph, rankdir).size
        if size is None:
            return graph_of(recording, wish, options.label, options.values)
        if max(map(truediv, size, wish.page)) <= 1:
            break
        width, height = (guess * most / side - 1 if side > most else now for guess, most, side, now
                         in zip(thought, wish.page, size, page, strict=True))
        page = (width, height)  # what is laid out too large does not fit it
    return graph


def _check(options: Options) -> None:
    for option, value, known in (("rankdir", options.rankdir, ("TB", "LR", "BT", "RL")),
                                 ("theme", options.theme, tuple(THEMES))):
        if value is not None and value not in known:
            raise OptionError(f"draw: {option} is one of {', '.join(known)}; got {value!r}")
    for name, number in (("last", options.last), ("depth", options.depth)):
        if number is not None:
            check_integer(f"draw: {name}", number, 1, wrong_type=OptionError)
    fold = options.fold
    names = isinstance(fold, str) or (isinstance(fold, list | tuple | set)
                                      and all(isinstance(name, str) for name in fold))
    if not (fold is None or fold is False or names):
        raise OptionError("draw: fold is False to show everything, or names of modules to close, got "
                          f"{describe(fold)}")
    page = options.page
    if page is not None and not (isinstance(page, tuple) and len(page) == 2
                                 and all(isinstance(side, int | float) and side > 0 for side in page)):
        raise OptionError("draw: page is a width and a height in points, such as (900, 2400), got "
                          f"{page!r}")
    if options.label is not None and not callable(options.label):
        raise OptionError(f"draw: label is a function of a node, got {describe(options.label)}")


def _recorded(what: Any, inputs: tuple[Any, ...]) -> Recording:
    """What is to be drawn: a tensor's graph, a run of a function, or a program."""
    if isinstance(what, Tensor):
        if inputs:
            raise OptionError("draw: a Tensor is drawn as it was computed; only functions and models "
                              f"take inputs, got {describe(inputs[0])}")
        return recording_of(what)
    if isinstance(what, Program) or (isinstance(what, Compiled) and not inputs):
        return program_of(what)
    if callable(what):
        return run_of(what, inputs)
    raise DTypeError("draw: expected a Tensor, a function or a model, or a compiled step, got "
                     f"{describe(what)}")


def rankdir_of(recording: Recording, wish: Wish) -> str:
    """Small graphs of scalars are read from left to right where they are short, others downwards."""
    if len(recording.outs) > SCALARS or any(out.shape for out in recording.outs):
        return "TB"
    width, height = wish.page
    graph = graph_of(recording, wish._replace(page=(min(width, SIDEWAYS), height), downwards=False))
    return "TB" if graph.folded else "LR"


def _near(recording: Recording, tensor: Any) -> frozenset[int]:
    """The operations that are a few steps from one, in both directions."""
    place = recording.place.get(tensor) if isinstance(tensor, Tensor) else None
    if place is None:
        names = sorted(set(recording.names.values()))[:20]
        raise OptionError(f"draw: focus is a Tensor in the graph, got {describe(tensor)}"
                          + (f"; there are {either(names)}" if names else ""))
    units = Units(recording)
    users: dict[int, list[int]] = {}
    for i in units.shown:
        for source in units.sources[i]:
            users.setdefault(source, []).append(i)
    start = place if place < 0 else units.hosts[place]
    near = {start}
    for direction in (lambda i: units.sources[i] if i >= 0 else (), lambda i: users.get(i, ())):
        front = {start}
        for _ in range(NEAR):
            front = {k for i in front for k in direction(i)}
            near |= front
    return frozenset(i for i in near if i >= 0)
