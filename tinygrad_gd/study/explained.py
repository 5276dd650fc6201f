"""An `Explanation` as text for a terminal, and as HTML for notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..pictures.figures import gradient_summary, value_summary

if TYPE_CHECKING:
    from .explaining import Array, Explanation, Nudged, Sent

AnyStep = TypeVar("AnyStep")

#: Columns of the formula, and of a line.
COLUMN, WIDTH = 46, 100
#: Of a longer pass the first and the last steps are shown.
SHOWN = 24
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
        written = (start + _nested(shown, digits) for digits in (5, 3))
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
    lines = list(_forward(e)) if not e.at else list(_about(e))
    lines += ["", *_heading(e), *_steps(e, e.blank), *_grown(e)]
    if not e.blank:
        lines += _checks(e)
    else:
        lines += ["", "answers", *_steps(e, False), *_checks(e)]
    return "\n".join(lines)


def _heading(e: Explanation) -> Iterator[str]:
    short = f"d_x is short for d {e.name} / d x, how fast {e.name} grows with x"
    yield f"backward: {short}" if e.at else f"backward, from the end: {short}"
    if any("norm" in figures(s.value, True) for s in _chosen(e)) and not e.blank:
        yield "     (of larger arrays: the shape, and the norm, which is the length of all its numbers)"
    if e.newer:
        others = f" and {len(e.newer) - 3} others" if len(e.newer) > 3 else ""
        yield (f"     {', '.join(e.newer[:3])}{others} changed after the pass forward: these numbers "
               "go by the new values")
    if e.at:
        return
    start = "1" if not e.seed.shape else f"ones {e.seed.shape}"
    all_of_it = f"what is derived is the sum of {e.name}"
    why = "every pass starts with 1" if e.seed.size == 1 else all_of_it
    yield _row(len(e.forward) + 1, f"d_{e.name} = {start}", why)


def _forward(e: Explanation) -> Iterator[str]:
    yield "forward"
    yield from (f"     {line}" for line in _legend(e))
    place = ""
    for made in _ends(e.forward):
        if made is None:
            yield f"     ... {len(e.forward) - SHOWN} more; explain(at=name) shows one of them"
            continue
        if made.place != place and made.place:
            yield f"     {made.place}"
        place = made.place
        yield _row(made.number, f"{made.name} = {made.formula}", figures(made.value))


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
    yield from (_row(m.number, f"{m.name} = {m.formula}", figures(m.value)) for m in own)
    if users:
        way = [e.at]
        while way[-1] != e.name:
            way.append(next(s.source for s in reversed(e.backward) if s.name == way[-1]))
        shown = way if len(way) < 9 else [*way[:4], "...", *way[-3:]]
        yield from _wrapped(f"{e.at} is used, and on the way to the end: {' -> '.join(shown)}", 5)
        yield from (_row(m.number, f"{m.name} = {m.formula}", figures(m.value))
                    for m in e.forward if m.name in users)


def _chosen(e: Explanation) -> list[Sent]:
    return [s for s in e.backward if not e.at or s.name == e.at]


def _steps(e: Explanation, blank: bool) -> Iterator[str]:
    chosen, told = _chosen(e), set[str]()
    if e.at and not blank:
        yield from _arrived(e, {s.source for s in chosen})
    for sent in _ends(chosen):
        if sent is None:
            yield f"     ... {len(chosen) - SHOWN} more; explain(at=name) shows one of them"
            continue
        sign = "=" if sent.received == 1 else "+="
        start = f"d_{sent.name} {sign} "
        if blank:
            yield _row(sent.number, f"{start}{BLANK}{BLANK}", f"= {BLANK}")
            continue
        yield _row(sent.number, f"{start}{sent.formula}", figures(sent.value, True))
        if notes := [*_new(sent, told), *_counted(sent)]:
            yield from (f"{'':9}{line}" for line in wrap("; ".join(notes), WIDTH - 9))


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


def _arrived(e: Explanation, names: set[str]) -> Iterator[str]:
    """The gradients that the steps of one Tensor begin with."""
    last: dict[str, Sent] = {s.name: s for s in e.backward if s.name in names}
    yield from (_row(s.number, f"d_{name} has arrived", figures(s.total, True))
                for name, s in last.items())
    if e.name in names:
        yield _row(len(e.forward) + 1, f"d_{e.name} has arrived", figures(np.asarray(e.seed), True))


def _counted(sent: Sent) -> Iterator[str]:
    """How much of what a Tensor is to receive has come."""
    done = sent.received == sent.uses
    if sent.uses > 1:
        total = f", together {figures(sent.total, True)}" if sent.received > 1 else ""
        so_far = f"it has received {sent.received} of {sent.uses}{total}"
        yield f"{sent.name} was used {sent.uses} times: {so_far}"
    if sent.leaf and done:
        yield f"complete: {sent.name}.grad"


def _grown(e: Explanation) -> Iterator[str]:
    """The gradients of leaves, where so many steps were left out that they may be among these."""
    if len(e.backward) > SHOWN and not e.at and not e.blank:
        yield "gradients of the leaves"
        last: dict[str, Sent] = {s.name: s for s in e.backward if s.leaf}
        yield from (_row(s.number, f"d_{s.name}", figures(s.total, True)) for s in last.values())


def _checks(e: Explanation) -> Iterator[str]:
    chosen = [n for n in e.nudges if not e.at or n.name.partition("[")[0] == e.at]
    if chosen:
        yield ""
        yield f"check: make a leaf a little larger, and compute {e.name} again"
        for n in _ends(chosen):
            yield from _wrapped(f"     {_nudge(e, n)}" if n else "     ...", 9)


def _nudge(e: Explanation, n: Nudged) -> str:
    form = "+.5f" if 1e-3 <= abs(n.predicted) < 1e5 else "+.3e"
    said = f"{n.name} + {n.by:g} -> {e.name} {n.change:{form}}, the gradient says {n.predicted:{form}}"
    apart = abs(n.change - n.predicted)
    if apart <= 0.02 * max(abs(n.predicted), abs(n.change)) + 1e-12:
        return said
    if abs(n.predicted) < 1e-12 * abs(float(np.sum(e.forward[-1].value))):
        return f"{said} (too little to be seen beside {e.name})"
    return f"{said} ({e.name} is curved here, or has a kink)"


def _ends(steps: Sequence[AnyStep]) -> Iterator[AnyStep | None]:
    """The steps, or of many the first and the last, with None between."""
    if len(steps) <= SHOWN:
        yield from steps
        return
    yield from steps[: SHOWN // 2]
    yield None
    yield from steps[-(SHOWN // 2):]


def _row(number: int, formula: str, value: str) -> str:
    start = f"{number:3d}  {formula}"
    if len(start) >= COLUMN:
        return f"{start}\n{'':{COLUMN}}{value}"
    return f"{start:<{COLUMN}}{value}"


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
