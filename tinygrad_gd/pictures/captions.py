"""What is said below a picture: how much there is, what is folded, how to read the numbers."""

from __future__ import annotations

import re
from textwrap import wrap

from .boxes import Box, Graph
from .letters import counted

LONGEST_LINE = 64  # letters

#: What is said below a picture in a form whose fonts lack some of its letters.
SPELLED = "letters that this form's fonts lack are spelled"


def result_of(graph: Graph) -> Box:
    """The box that the picture is about."""
    return next((n for n in graph.nodes if n.kind == "loss"), graph.nodes[-1])


def totals(graph: Graph) -> str:
    """How much was recorded, and what of it is not drawn one by one."""
    parts = [counted(graph.total, "node"), counted(graph.parameters, "parameter")]
    if graph.numbers > graph.parameters:
        parts.append(counted(graph.numbers, "number"))
    folded = f"; {', '.join(graph.folded)} folded: fold=False shows all" if graph.folded else ""
    return ", ".join(parts) + folded


def overwritten(graph: Graph) -> list[str]:
    """Which leaves show newer values than those the graph was computed with."""
    if not graph.newer:
        return []
    others = " and others" if len(graph.newer) > 6 else ""
    return [f"overwritten since this graph was recorded: {', '.join(graph.newer[:6])}{others}; "
            "the new values are shown"]


def reading(graph: Graph) -> list[str]:
    """How the numbers in the boxes are to be read."""
    if not any(n.value for n in graph.nodes):
        return []
    last = result_of(graph).title
    what = "value (mean +- deviation)"
    return [f"{what}; right: d({last})/d(this) (norm)" if any(n.grad for n in graph.nodes) else what]


def caption(graph: Graph) -> list[str]:
    """All lines below a picture, none much longer than others, as a page is as wide as its longest."""
    lines = [totals(graph), *reading(graph), *overwritten(graph), *graph.notes]
    return [line for said in lines for line in _lines_of(said)]


def _lines_of(said: str) -> list[str]:
    """A line as it is, if it is short; else one for what stands before a semicolon."""
    first, semicolon, rest = said.partition("; ")
    if len(said) <= LONGEST_LINE or not semicolon:
        return _even(said)
    return _even(f"{first};") + _lines_of(rest)


def _even(said: str) -> list[str]:
    """As few lines as can be, no last word alone, and no number away from what it counts."""
    said = re.sub(r"(\d) (?=[a-z])", "\\1\xa0", said)
    lines = wrap(said, LONGEST_LINE)
    shortest = len(said) // max(len(lines), 1)
    even = next(even for width in range(max(shortest, 1), LONGEST_LINE + 1)
                if len(even := wrap(said, width)) == len(lines))
    return [line.replace("\xa0", " ") for line in even]


def sentence(graph: Graph) -> str:
    """The picture in a sentence, for those who do not see it."""
    last = result_of(graph)
    ways = [n.title for n in graph.nodes if n is not last][:6]
    through = f" through {', '.join(ways)}" if ways else ""
    more = len(graph.nodes) - 1 - len(ways)
    then = f" and {more} more" if more > 0 else ""
    worth = f", {last.value}" if last.value else ""
    return (f"Computation graph in {len(graph.nodes):,} box{'' if len(graph.nodes) == 1 else 'es'} of "
            f"{last.title}{worth}, computed{through}{then}.")
