"""The finished SVG in Graphviz's language of drawings: what an engine makes pixels of, in order."""

from __future__ import annotations

from .render import size_of
from .shapes import Line, Words, shapes_of

_ANCHORS = {"start": -1, "middle": 0, "end": 1}
_RAISED = 0.1  # of a letter's height: by so much engines raise a text outside of a label


def to_xdot(svg: bytes) -> str:
    """A graph without nodes that has the picture as its background."""
    width, height = size_of(svg)
    shapes = list(shapes_of(svg))
    page = next(shape.fill for shape in shapes if isinstance(shape, Line))
    drawn: list[str] = []
    kept: dict[str, str] = {}
    for shape in shapes:
        pens, stroke = _line(shape) if isinstance(shape, Line) else _words(shape)
        # engines take time for each operation, and again for all that follow
        drawn += [pen for kind, pen in pens.items() if kept.get(kind) != pen] + [stroke]
        kept |= pens
    background = " ".join(drawn).replace('"', '\\"')
    return (f'digraph {{ graph [layout=nop2, pad=0, bb="0,0,{width:g},{height:g}", bgcolor="{page}", '
            f'_background="{background}"] }}\n')


def _line(shape: Line) -> tuple[dict[str, str], str]:
    filled = shape.fill not in ("none", "transparent")
    pens = {"style": f"S {_text('dotted' if shape.dotted else 'solid')}",
            "width": f"S {_text(f'setlinewidth({shape.width:g})')}",
            "pen": f"c {_text('transparent' if shape.stroke == 'none' else shape.stroke)}"}
    if filled:
        pens["fill"] = f"C {_text(shape.fill)}"
    closed = not shape.curved and shape.points[0] == shape.points[-1]
    letter = "Bb" if shape.curved else "pP" if closed else "LL"
    points = shape.points[: len(shape.points) - closed]
    places = " ".join(f"{x:g} {y:g}" for x, y in points)
    return pens, f"{letter[filled]} {len(points)} {places}"


def _words(shape: Words) -> tuple[dict[str, str], str]:
    face = ("Courier" if shape.mono else "Helvetica") + ("-Bold" if shape.bold else "")
    pens = {"pen": f"c {_text(shape.color)}", "font": f"F {shape.size:g} {_text(face)}"}
    return pens, (f"T {shape.x:g} {shape.y - _RAISED * shape.size:g} {_ANCHORS[shape.anchor]} 0 "
                  f"{_text(shape.text)}")


def _text(text: str) -> str:
    """A text after its length, in which some engines count a backslash and some do not.

    So each is followed by spaces that either are counted or stand between this and the next. A quote
    cannot follow a backslash in Graphviz's strings.
    """
    text = text.replace('\\"', "\\''")
    return f"{len(text.encode())} -{text}{' ' * text.count(chr(92))}"
