"""Text of any kind made fit for a picture: short, in one line, harmless, and of known width."""

from __future__ import annotations

import unicodedata
from functools import cache
from html import escape

LONGEST = 40

#: Letters by their width in ems in Verdana and DejaVu Sans, the widest fonts in Helvetica's place.
_LETTERS = {
    0.36: " '.,:;/\\ijl", 0.46: "()[]-IJfrt", 0.56: "!\"*?_`|sz", 0.8: "ABCDGHKNOQRUVXZ&",
    0.89: "#+<=>^~wM\xac\xb1\xd7\xf7\u018a\u0221\u0235",
    1.0: "mW@%\xc6\xe6\u0126\u0195\u019c\u01a2\u01a3\u0238\u0239", 1.1: "\u0152\u0153",
    1.3: "\u01f6\u02a3\u02a4\u02a5"  # then those of Cyrillic, as in Zhe and Shcha
         "\u0409\u040a\u0416\u0428\u0429\u042e\u0468\u0469\u046c\u0478\u047c\u047d\u0496\u04a4\u04a6"
         "\u0502\u0508\u050a\u0514\u0518\u0520\u0522"}
_EMS = {letter: em for em, letters in _LETTERS.items() for letter in letters}
#: Letters before these by their width: ASCII, Latin, then Greek, Cyrillic, Armenian and Hebrew.
_OTHERS = {0x80: 0.65, 0x250: 0.8, 0x600: 1.0}
_WIDEST = 1.4  # emoji, and what few fonts have
_ACCENT = 0.14  # may stand beside its letter, or be drawn without one


def shorten(text: str, longest: int = LONGEST) -> str:
    """One line without control characters, and not endless: the middle goes, as paths end in a name.

    >>> shorten("a\\x01b"), shorten("encoder.layers.11.attention.weight", 20)
    ('a b', 'encoder....on.weight')
    """
    text = "".join(c if c.isprintable() else " " for c in text)
    half = (longest - 3) // 2
    return text if len(text) <= longest else f"{text[:half]}...{text[half + 3 - longest:]}"


def whole_words(text: str, longest: int = LONGEST) -> str:
    """As many words as fit, and dots for the others.

    >>> whole_words("stride=2 dilation=3 groups=1", 24)
    'stride=2 dilation=3 ...'
    """
    if len(text) <= longest:
        return text
    words = text[: longest - 3].rpartition(" ")[0]
    return f"{words} ..." if words else shorten(text, longest)


def clean(text: str, longest: int = LONGEST) -> str:
    """Safe inside an HTML label.

    >>> clean("<b>")
    '&lt;b&gt;'
    """
    text = escape(shorten(text, longest))
    return text.replace("\\", "\\\\")  # Graphviz takes \N for the node's id


def tip(text: str) -> str:
    """The same for a tooltip, in which Graphviz reads escapes twice."""
    return clean(text, 400).replace("\\", "\\\\")


def width(text: str, face: str, size: int, bold: bool = False) -> float:
    """Points that a text needs in whatever font a reader has for that face.

    >>> width("will", "Helvetica", 10) < width("mmmm", "Helvetica", 10)
    True
    """
    ems = sum(_em(letter, face) for letter in text)
    return ems * size * (1.12 if bold else 1)


@cache
def _em(letter: str, face: str) -> float:
    columns = columns_of(letter)
    if columns == 0:
        return _ACCENT
    if unicodedata.category(letter) == "So":
        return _WIDEST
    if columns == 2:
        return 1.05
    other = next((em for first, em in _OTHERS.items() if ord(letter) < first), _WIDEST)
    for form in ("NFD", "NFKD"):  # a letter and its accents; then ligatures and styles
        parts = unicodedata.normalize(form, letter)
        if parts != letter:
            return max(sum(_em(part, face) for part in parts), other if form == "NFKD" else 0)
    return 0.602 if face == "Courier" and other < _WIDEST else _EMS.get(letter, other)


def columns_of(text: str) -> int:
    """Columns in a terminal: two for each wide letter, as in Chinese."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1
               for c in text)


def spelled(text: str) -> str:
    """Text in letters that every font has: others by their plain form, name or number.

    >>> spelled("e\u0301t\u00e9 \u6743 \U0001f600")
    '\xe9t\xe9 U+6743 (grinning face)'
    """
    text = unicodedata.normalize("NFC", text)
    return "".join(c if ord(c) < _FIRST_RARE else spelling(c) for c in text)


_FIRST_RARE = 0x400  # Latin and Greek letters come before


def spelling(c: str) -> str:
    """A letter's plain form, name or number."""
    plain = unicodedata.normalize("NFKD", c)
    if plain != c and all(ord(x) < _FIRST_RARE for x in plain):
        return plain
    name = unicodedata.name(c, "").lower()
    return f"({name})" if unicodedata.category(c)[0] == "S" and name else f"U+{ord(c):04X}"


def either(words: list[str]) -> str:
    """``a, b or c``."""
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def counted(count: int, what: str) -> str:
    """``1 node``, ``2 nodes``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
