"""An `Explanation` as text for a terminal, and as HTML for notebooks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import accumulate
from textwrap import wrap
from typing import TypeVar

import numpy as np

from ..pictures.figures import gradient_summary, value_summary
from .explaining import NUDGE, Array, Explanation, Made, Nudged, Sent

AnyStep = TypeVar("AnyStep")

#: Columns of the formula, and of a line.
COLUMN, WIDTH = 46, 100
#: Lines that both passes have room for, and the one forward at least. Of a pass that takes more the
#: first and the last steps are shown.
PAGE, FORWARD = 36, 16
#: So many gradients of leaves that are not among these steps, and so many nudges are listed.
LISTED = 6
#: Arrays up to this size are written out, if there is room.
FEW = 6
BLANK = "_" * 12


def figures(value: Array, gradient: bool = False) -> str:
    """A number, a few of them, or what there is to say of many.

    >>> figures(np.array(2.5)), figures(np.array([1.0, -0.25])), figures(np.ones((3, 4)), True)
    ('2.5', '[1, -0.25]', '(3, 4), norm 3.4641')
    >>> figures(np.zeros((3, 4))), figures(np.array([[0.0, -np.inf]] * 4))
    ('(3, 4), all 0', '(4, 2), 4 of 8 are -inf')
    """
    if value.ndim == 0:
        return one(value.item())
    if value.size <= FEW:
        start = "" if value.ndim < 3 else f"{value.shape}, "
        shown = value if value.ndim < 3 else value.ravel()
        written = (start + _nested(shown, digits) for digits in (5, 4, 3))
        if short := next((text for text in written if len(text) <= WIDTH - COLUMN), ""):
            return short
    return f"{value.shape}, {_of_many(value, gradient)}"


def _of_many(value: Array, gradient: bool) -> str:
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        kinds = {"NaN": np.isnan(value), "inf": value == np.inf, "-inf": value == -np.inf}
        counts = {name: np.count_nonzero(found) for name, found in kinds.items()}
        return ", ".join(f"{n} of {value.size} are {name}" for name, n in counts.items() if n)
    if value.size and not value.any():
        return "all 0"
    return f"norm {gradient_summary(value)}" if gradient else value_summary(value.ravel())


def one(x: float, digits: int = 5) -> str:
    """A number in up to five digits."""
    return f"{x:.{digits}g}" if isinstance(x, float) else f"{x}"


def _nested(value: Array, digits: int) -> str:
    if value.ndim == 0:
        return one(value.item(), digits)
    return f"[{', '.join(_nested(x, digits) for x in value)}]"


def text_of(e: Explanation) -> str:
    """The explanation for a terminal."""
    lines = [*_summary(e), *_forward(e)] if not e.at else list(_about(e))
    lines += ["", *_heading(e), *_steps(e, e.blank)]
    if e.blank:
        lines += ["", "answers", *_steps(e, False)]
    return "\n".join([*lines, *_grown(e), *_checks(e)])


def _summary(e: Explanation) -> Iterator[str]:
    """What there is to see, where it is more than a page."""
    if not any(tail for _, tail in _shown(e)):
        return
    leaves = list(dict.fromkeys(s.name for s in e.backward if s.leaf))
    counted = "1 leaf" if len(leaves) == 1 else f"{len(leaves)} leaves"
    value = f" = {figures(e.forward[-1].value)}" if not e.seed.shape else ""
    yield from _wrapped(
        f"{len(e.forward)} steps forward compute {e.name}{value}, {len(e.backward)} steps back give "
        f"the gradients of {counted} (what is given, not computed). Of long passes both ends are "
        f'shown; explain(at="{leaves[-1]}") tells of {leaves[-1]} alone.', 0)
    yield ""


def _heading(e: Explanation) -> Iterator[str]:
    short = f"d_x is short for d {e.name} / d x, how fast {e.name} grows with x"
    yield f"backward: {short}" if e.at else f"backward, from the end: {short}"
    if any("norm" in figures(s.value, True) for s in _chosen(e)):
        yield ("     (of larger arrays, write the shape)" if e.blank else "     (of larger arrays: the "
               "shape, and the norm, which is the length of all its numbers)")
    if e.newer:
        others = f" and {len(e.newer) - 3} others" if len(e.newer) > 3 else ""
        yield (f"     {', '.join(e.newer[:3])}{others} changed after the pass forward: these numbers "
               "go by the new values")
    if e.at:
        return
    start = "1" if not e.seed.shape else f"ones {e.seed.shape}"
    all_of_it = f"what is derived is the sum of {e.name}"
    why = "every pass starts with 1" if e.seed.size == 1 else all_of_it
    yield from _row(len(e.forward) + 1, f"d_{e.name} = {start}", why)


def _forward(e: Explanation) -> Iterator[str]:
    yield "forward"
    yield from (f"     {line}" for line in _legend(e))
    yield from _folded(e.forward, _forward_rows_of, *_shown(e)[0])


def _forward_rows_of() -> Callable[[Made], list[str]]:
    """Tells the steps one after another: the place of each, where it is a new one, and its row."""
    place = ""

    def tell(made: Made) -> list[str]:
        nonlocal place
        new = [f"     {made.place}"] if made.place not in ("", place) else []
        place = made.place
        return [*new, *_row(made.number, f"{made.name} = {made.formula}", figures(made.value))]

    return tell


def _legend(e: Explanation) -> list[str]:
    """How larger arrays are told, if there are any."""
    if not any("+-" in figures(made.value) for made in e.forward):
        return []
    return ["(of larger arrays: the shape, the mean +- the standard deviation)"]


def _about(e: Explanation) -> Iterator[str]:
    """Where one Tensor is made and used."""
    own = [made for made in e.forward if made.name == e.at]
    users = {s.source for s in e.backward if s.name == e.at}
    yield f"{e.at} is made" if own else f"{e.at} is a leaf: it is given, not computed"
    tell = _forward_rows_of()
    yield from (line for m in own for line in tell(m._replace(place="")))
    if users:
        way = [e.at]
        while way[-1] != e.name:
            way.append(next(s.source for s in reversed(e.backward) if s.name == way[-1]))
        shown = way if len(way) < 9 else [*way[:4], "...", *way[-3:]]
        yield from _wrapped(f"{e.at} is used, and on the way to the end: {' -> '.join(shown)}", 5)
        used = [m._replace(place="") for m in e.forward if m.name in users]
        ends = _ends(_lengths(used, _forward_rows_of), FORWARD)
        yield from _folded(used, _forward_rows_of, *ends)


def _chosen(e: Explanation) -> list[Sent]:
    return [s for s in e.backward if not e.at or s.name == e.at]


def _steps(e: Explanation, blank: bool) -> Iterator[str]:
    chosen: list[Sent | tuple[int, str]] = [*_chosen(e)]
    if e.at and not blank:
        chosen = sorted([*chosen, *_arrived(e)], key=lambda step: step[0])
    ends = _ends(_lengths(chosen, _backward_rows_of(False)), PAGE) if e.at else _shown(e)[1]
    yield from _folded(chosen, _backward_rows_of(blank), *ends)


def _backward_rows_of(blank: bool) -> Callable[[], Callable[[Sent | tuple[int, str]], list[str]]]:
    """Makes what tells the steps one after another: the row of each, and what is to be said of it."""
    def teller() -> Callable[[Sent | tuple[int, str]], list[str]]:
        told = set[str]()

        def tell(step: Sent | tuple[int, str]) -> list[str]:
            if not isinstance(step, Sent):
                return [step[1]]
            start = f"d_{step.name} {'=' if step.received == 1 else '+='} "
            if blank:
                return _row(step.number, f"{start}{BLANK}{BLANK}", f"= {BLANK}")
            notes = "; ".join([*_new(step, told), *_counted(step)])
            return [*_row(step.number, f"{start}{step.formula}", figures(step.value, True)),
                    *(f"{'':9}{line}" for line in wrap(notes, WIDTH - 9))]

        return tell

    return teller


def _new(sent: Sent, told: set[str]) -> Iterator[str]:
    """The notes of a step; reasons that were told of another step are left out, counts are not."""
    for note in sent.notes:
        kind = note
        for name in (sent.source, sent.name):
            kind = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", "_", kind)
        kind = re.sub(r"[\d,() ]+", "", kind)
        if kind not in told or re.search(r"\d of \d| is one number ", note):
            yield note
        told.add(kind)


def _wrapped(text: str, indent: int) -> list[str]:
    return wrap(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False,
                break_on_hyphens=False)


def _arrived(e: Explanation) -> Iterator[tuple[int, str]]:
    """The gradients that the steps of one Tensor begin with."""
    names = {s.source for s in _chosen(e)}
    last: dict[str, Sent] = {s.name: s for s in e.backward if s.name in names}
    found = [(s.number, name, s.total) for name, s in last.items()]
    found += [(len(e.forward) + 1, e.name, np.asarray(e.seed))] if e.name in names else []
    for number, name, total in found:
        yield number, "\n".join(_row(number, f"d_{name} has arrived", figures(total, True)))


def _counted(sent: Sent) -> Iterator[str]:
    """How much of what a Tensor is to receive has come."""
    done = sent.received == sent.uses
    if sent.uses > 1:
        total = f", together {figures(sent.total, True)}" if sent.received > 1 else ""
        so_far = f"it has received {sent.received} of {sent.uses}{total}"
        yield f"{sent.name} was used {sent.uses} times: {so_far}"
    if sent.leaf and done:
        yield f"complete: {sent.name}.grad"


def _hidden(e: Explanation) -> list[Sent]:
    """What completes the gradients of leaves, of a longer pass, in steps that are left out."""
    if e.at:
        return []
    _, (head, tail) = _shown(e)
    left_out = {s.number for s in e.backward[head : len(e.backward) - tail]}
    last = {s.name: s for s in e.backward if s.leaf}
    return [s for s in last.values() if s.number in left_out]


def _grown(e: Explanation) -> Iterator[str]:
    """The gradients of leaves that are complete in steps that are left out."""
    if hidden := _hidden(e):
        yield from ["", "gradients of leaves that are complete in the steps left out"]
        for s in hidden[:LISTED]:
            yield from _row(s.number, f"d_{s.name}", figures(s.total, True))
        if len(hidden) > LISTED:
            yield f"     ... and of {len(hidden) - LISTED} more"


def _checks(e: Explanation) -> Iterator[str]:
    chosen = [n for n in e.nudges if not e.at or n.name.partition("[")[0] == e.at]
    if not chosen:
        return
    yield from ["", f"check: make a leaf a little larger, and compute {e.name} again"]
    shown = [*chosen[:LISTED], *(n for n in chosen[LISTED:] if not n.agrees)][: 2 * LISTED]
    for n in shown:
        yield from _wrapped(f"     {_nudge(e, n)}", 9)
    if left := [n for n in chosen if n not in shown]:
        some = "all" if all(n.agrees for n in left) else "not all"
        yield f"     ... and {len(left)} more, {some} of which agree with the gradient"


def _nudge(e: Explanation, n: Nudged) -> str:
    form = "+.5f" if 1e-3 <= abs(n.predicted) < 1e5 else "+.3e"
    said = f"{n.name} + {n.by:g} -> {e.name} {n.change:{form}}, the gradient says {n.predicted:{form}}"
    if n.agrees:
        return said if n.by == NUDGE else f"{said} ({NUDGE:g} is too far: {e.name} bends on the way)"
    if abs(n.predicted) < 1e-12 * abs(float(np.sum(e.forward[-1].value))):
        return f"{said} (too little to be seen beside {e.name})"
    return f"{said} ({e.name} is curved here, or has a kink)"


def _folded(steps: Sequence[AnyStep], teller: Callable[[], Callable[[AnyStep], list[str]]],
            head: int, tail: int) -> Iterator[str]:
    """The first and the last steps in lines, each told after those before it."""
    tell = teller()
    for step in steps[:head]:
        yield from tell(step)
    if left := len(steps) - head - tail:
        yield f"     ... {left} more; explain(at=name) shows one of them"
    for step in steps[len(steps) - tail:]:
        yield from tell(step)


def _lengths(steps: Sequence[AnyStep], teller: Callable[[], Callable[[AnyStep], list[str]]]
             ) -> list[int]:
    return list(map(len, map(teller(), steps)))


def _shown(e: Explanation) -> tuple[tuple[int, int], tuple[int, int]]:
    """How many steps from the beginning and from the end of each pass there is room for.

    One pass gets the lines that the other leaves; those backward count with what is said of them.
    """
    forward = _lengths(e.forward, _forward_rows_of)
    backward = _lengths(e.backward, _backward_rows_of(False))
    room = min(sum(forward), max(FORWARD, PAGE - sum(backward)))
    return _ends(forward, room), _ends(backward, PAGE - room)


def _ends(lengths: Sequence[int], room: int) -> tuple[int, int]:
    """How many steps from the beginning and from the end there is room for.

    >>> _ends([1, 2, 1], 4), _ends([1, 1, 2, 1, 1], 4), _ends([9, 9], 4)
    ((3, 0), (2, 2), (1, 1))
    """
    if sum(lengths) <= room:
        return len(lengths), 0
    half = max(1, sum(used <= room // 2 for used in accumulate(lengths)))
    return half, max(1, sum(used <= room // 2 for used in accumulate(reversed(lengths))))


def _row(number: int, formula: str, value: str) -> list[str]:
    start = _wrapped(f"{number:3d}  {formula}", 9)
    first, *more = wrap(value, WIDTH - COLUMN, break_long_words=False) or [""]
    below = [f"{'':{COLUMN}}{line}" for line in more]
    if len(start) > 1 or len(start[0]) >= COLUMN:
        return [*start, f"{'':{COLUMN}}{first}", *below]
    return [f"{start[0]:<{COLUMN}}{first}", *below]


#: How cells look: formulas and numbers, and what is said of them.
SAID = "text-align:left;vertical-align:top;padding:2px 12px 2px 0"
CODE = f"{SAID};font-family:monospace;overflow-wrap:break-word"


def html_of(e: Explanation) -> str:
    """The explanation for a notebook: a table of each pass, and the checks."""
    if e.blank or e.at:
        return f'<pre style="overflow-x:auto">{escape(text_of(e))}</pre>'
    start, *others = _heading(e)
    legends = [line.strip() for line in others if line.startswith("     ")]
    checks = "".join(f"<li>{escape(_nudge(e, n))}</li>" for n in e.nudges)
    check = f"check: make a leaf a little larger, and compute {e.name} again"
    forward = _table("forward", _legend(e), _forward_rows(e))
    backward = _table(start, legends, _backward_rows(e))
    told = f"{forward}{backward}<p><b>{escape(check)}</b></p><ul>{checks}</ul>"
    return told.replace(" +- ", " \u00b1 ")


#: Number, formula and figures; or one text that stands across the table.
Row = tuple[str, str, str] | tuple[str]


def _forward_rows(e: Explanation) -> Iterator[Row]:
    place = ""
    for m in e.forward:
        if m.place != place and m.place:
            yield (m.place,)
        place = m.place
        yield str(m.number), f"{m.name} = {m.formula}", figures(m.value)


def _backward_rows(e: Explanation) -> Iterator[Row]:
    seed, told = "1" if not e.seed.shape else f"ones {e.seed.shape}", set[str]()
    yield str(len(e.forward) + 1), f"d_{e.name} = {seed}", "every pass starts with 1"
    for s in e.backward:
        sign = "=" if s.received == 1 else "+="
        yield str(s.number), f"d_{s.name} {sign} {s.formula}", figures(s.value, True)
        if notes := [*_new(s, told), *_counted(s)]:
            yield ("; ".join(notes),)


def _table(title: str, legends: Sequence[str], rows: Iterator[Row]) -> str:
    """Steps with their numbers, formulas and figures, and below each what is said of it."""
    def written(row: Row) -> str:
        if len(row) == 1:
            return f'<td></td><td colspan="2" style="{SAID};opacity:0.75">{escape(row[0])}</td>'
        number, *cells = (escape(cell) for cell in row)
        code = "".join(f'<td style="{CODE}">{cell}</td>' for cell in cells)
        return f'<td style="{SAID};font-family:monospace">{number}</td>{code}'

    head = "".join(f"<p>{escape(line)}</p>" for line in legends)
    body = "".join(f"<tr>{written(row)}</tr>" for row in rows)
    return f"<p><b>{escape(title)}</b></p>{head}<table>{body}</table>"
