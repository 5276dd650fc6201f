"""TikZ at Graphviz's places, so that a paper's own fonts are used: ``\\\\input{loss.tex}``."""

from __future__ import annotations

import unicodedata

from .letters import spelling
from .shapes import Line, Words, shapes_of

_SPECIAL = {c: rf"\{c}" for c in "#$%&_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "\u00b1": r"$\pm$", "\xa0": "~",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''"}
#: Of the letters before this one LaTeX's usual fonts have all but these.
_FIRST_FOREIGN = 0x180
_LACKED = ("\xab\xbb\xd0\xde\xf0\xfe\u0104\u0105\u0110\u0111\u0118\u0119\u0126\u0127\u012e\u012f\u0138"
           "\u013f\u0140\u0149\u014a\u014b\u0166\u0167\u0172\u0173\u017f")
_GREEK = ("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho "
          "varsigma sigma tau upsilon phi chi psi omega").split()
_UNLIKE_LATIN = "gamma delta theta lambda xi pi sigma upsilon phi psi omega".split()  # as capitals
_SPECIAL |= {chr(0x3B1 + k): rf"$\{name}$" for k, name in enumerate(_GREEK) if name != "omicron"}
_SPECIAL |= {chr(0x391 + _GREEK.index(name)): rf"$\{name.title()}$" for name in _UNLIKE_LATIN}
_ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}


def to_tikz(svg: bytes, title: str) -> str:
    """A tikzpicture; the document needs ``\\usepackage{tikz}`` and nothing else."""
    lines = [f"% {escaped(title)}; needs \\usepackage{{tikz}}",
             r"\begin{tikzpicture}[x=1bp, y=1bp, inner sep=0pt, outer sep=0pt]"]
    for shape in shapes_of(svg):
        lines.append(_line(shape) if isinstance(shape, Line) else _words(shape))
    return "\n".join([*filter(None, lines), r"\end{tikzpicture}", ""])


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is.

    >>> escaped("50% of w_1")
    '50\\\\% of w\\\\_1'
    """
    return "".join(map(_letter, unicodedata.normalize("NFC", text)))


def _letter(c: str) -> str:
    """A letter as any document can write it."""
    if c in _SPECIAL or not c.isprintable():
        return _SPECIAL.get(c, "")
    if ord(c) < _FIRST_FOREIGN and c not in _LACKED:
        return c
    return escaped("".join(x for x in spelling(c) if not unicodedata.combining(x)))


def _line(shape: Line) -> str:
    points = [f"({x:g},{y:g})" for x, y in shape.points]
    options = []
    if shape.fill != "none":
        options.append(f"fill={_color(shape.fill)}")
    if shape.stroke not in ("none", "transparent"):
        options.append(f"draw={_color(shape.stroke)}, line width={shape.width:g}bp"
                       f"{', dotted' if shape.dotted else ''}")
    if not options:
        return ""
    path = " -- ".join(points)
    if shape.curved:
        path = points[0] + "".join(f" .. controls {a} and {b} .. {c}" for a, b, c in zip(
            points[1::3], points[2::3], points[3::3], strict=False))
    return rf"\path[{', '.join(options)}] {path};"


def _words(shape: Words) -> str:
    style = (r"\bfseries " if shape.bold else "") + (r"\ttfamily " if shape.mono else "")
    font = rf"\fontsize{{{shape.size:g}bp}}{{{shape.size * 1.2:g}bp}}\selectfont {style}".rstrip()
    return (rf"\node[anchor={_ANCHORS[shape.anchor]}, text={_color(shape.color)}] at "
            rf"({shape.x:g},{shape.y:g}) {{{font} {escaped(shape.text)}}};")


def _color(color: str) -> str:
    """A colour by its parts, as LaTeX would need a name for six hex digits."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"{{rgb,255:red,{red};green,{green};blue,{blue}}}"
