"""Operations as the user wrote or would write them: ``_ ** 3``, ``cross_entropy``, ``pad 1``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..program.ir import INFIX

#: What a primitive is called where that is not its name.
WORDS = {"cross_entropy_of_logits": "cross_entropy", "integer_power": "power", "getitem": "index",
         "getitem_basic": "index", "attention_scores": "scores", "attention_weights": "softmax",
         "standardize": "normalize", "binary_nll": "binary_cross_entropy"}
#: Options that say how something is computed, not what was asked for.
INTERNAL = frozenset({"counts", "order", "n", "key", "pad_width", "axes", "axis1", "axis2"})
#: What an option is where the user need not have given it.
USUAL = {"stride": 1, "dilation": 1, "padding": 0, "groups": 1, "reduction": "mean",
         "constant_values": 0, "mode": "constant"}
#: Views that an expression does not show, as the shape beside it does.
SILENT = frozenset({"reshape", "broadcast_to", "expand_dims", "squeeze", "astype", "copy", "positive"})
#: Operators of which ``a - b - c`` means the left one first.
_LEFT = frozenset("+ - * / // % @ & |".split())
_RENAMED = {"window": "kernel_size"}
_LONGEST = 24


def word_of(primitive: Any) -> str:
    """The name of an operation."""
    return WORDS.get(primitive.name, str(primitive.name))


def literal(x: Any) -> str:
    """A plain number among the inputs, in a few digits: ``2.0``, ``2.828``, ``-1e+09``."""
    return f"{x}" if len(f"{x}") <= 8 else f"{x:.4g}" if isinstance(x, float) else f"{x:,}"


def called(primitive: Any, arguments: list[str], params: Mapping[str, Any], loose: bool = False) -> str:
    """The call as Python, with the arguments written out; ``loose`` without spaces around products.

    >>> from tinygrad_gd.ops import divide
    >>> called(divide, ["x", "2.0"], {})
    'x / 2.0'
    """
    name = primitive.name
    if name in ("integer_power", "square") or (name == "power" and arguments[1:] == ["2"]):
        power = params.get("n", 2)
        return f"{bracketed(arguments[0], 9)}**{power}" if loose else f"{arguments[0]} ** {power}"
    if name == "negative" and loose:
        return f"-{bracketed(arguments[0], 7)}"
    if name in INFIX and len(arguments) == 2:
        sign, rank = INFIX[name]
        space = "" if loose and rank > 5 else " "
        left = bracketed(arguments[0], rank + (sign not in _LEFT))
        return f"{left}{space}{sign}{space}{bracketed(arguments[1], rank + 1)}"
    if name.startswith("getitem") and "key" in params:
        return f"{bracketed(arguments[0], 9)}{index_text(params['key'])}"
    if name in ("transpose", "swapaxes") and loose:
        return f"{bracketed(arguments[0], 9)}.{_exchanged(name, params) or 'T'}"
    options = options_of(primitive, params).split()
    return f"{word_of(primitive)}({', '.join([*arguments, *options])})"


def joined_names(arguments: list[str]) -> list[str]:
    """Parameters of one module as one argument.

    >>> joined_names(["x", "up.weight", "up.bias"])
    ['x', 'up.*']
    """
    stems = [x.rpartition(".")[0] if re.fullmatch(r"[\w.\[\]]+", x) else "" for x in arguments]
    names = [f"{stem}.*" if stem and stems.count(stem) > 1 else x
             for stem, x in zip(stems, arguments, strict=True)]
    return list(dict.fromkeys(names)) if names != arguments else names


def bracketed(text: str, rank: int) -> str:
    """An operand in brackets, if its own operation binds less than ``rank``.

    >>> bracketed("a + b", 6), bracketed("a == b", 6), bracketed("f(a + b)", 6)
    ('(a + b)', '(a == b)', 'f(a + b)')
    """
    return f"({text})" if rank > _weakest(text) else text


def _weakest(text: str) -> int:
    """How strongly the loosest operator outside brackets binds."""
    depth, weakest, ranks = 0, 10, {sign: rank for sign, rank in INFIX.values()}
    previous = ""
    for i, c in enumerate(text):
        depth += (c in "([") - (c in ")]")
        sign = text[i : i + 2] if text[i : i + 2] in ranks else c
        if depth == 0 and sign in ranks and i and previous != "e":
            weakest = min(weakest, 8 if "*" in (sign[1:], previous) else ranks[sign])
        previous = c
    return min(weakest, 6) if text.startswith("-") else weakest


def title_of(primitive: Any, plain: list[str], params: Mapping[str, Any]) -> str:
    """The head of a box: the operation, with its plain numbers where they stand.

    ``plain`` holds the numbers among the inputs, and ``_`` for all others.
    """
    name = primitive.name
    if name in ("integer_power", "square"):
        return called(primitive, ["_"], params)
    if name in ("pad", "getitem") and (short := _short_view(name, params)):
        return f"_{short}" if name == "getitem" else short
    if any(x != "_" for x in plain):
        return called(primitive, plain, {}) if name in INFIX else (
            f"{word_of(primitive)}({', '.join(plain)})")
    return word_of(primitive)


def view_text(primitive: Any, params: Mapping[str, Any]) -> str:
    """A view in a few letters, as ``[:, 1]`` or ``pad 1``; nothing for one that changes nothing."""
    name = primitive.name
    if name in ("pad", "getitem"):
        return _short_view(name, params)
    return "" if primitive.kind == "check" or name == "positive" else word_of(primitive)


def _exchanged(name: str, params: Mapping[str, Any]) -> str:
    """Which axes change places, unless it is the last two, or all of them in reverse: as a method."""
    axes = (params["axis1"], params["axis2"]) if name == "swapaxes" else params.get("axes")
    if axes is None or tuple(axes) in ((1, 0), (-1, -2), (-2, -1)):
        return ""
    return f"{name}({', '.join(map(str, axes))})"


def _short_view(name: str, params: Mapping[str, Any]) -> str:
    if name == "getitem":
        return index_text(params["key"]) if "key" in params else "index"
    widths = {w for pair in params.get("pad_width", ()) for w in pair} - {0}
    return f"pad {widths.pop()}" if len(widths) == 1 else "pad" if widths else ""


def options_of(primitive: Any, params: Mapping[str, Any], quoted: bool = False) -> str:
    """The options that are not what they usually are, as in ``axis=1 keepdims=True``."""
    defaults = primitive.defaults
    return " ".join(f"{_RENAMED.get(k, k)}={_short(repr(v) if quoted and isinstance(v, str) else v)}"
                    for k, v in params.items()
                    if isinstance(v, int | float | str | tuple) and k not in INTERNAL
                    and not _same(v, defaults.get(k)) and not _same(_one(v), USUAL.get(k))
                    and not (k == "stride" and v == params.get("window"))
                    and not (k == "shape" and primitive.kind == "view"))


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def _short(value: Any) -> str:
    """A value in a few letters; of equal numbers for each axis one is enough."""
    text = "".join(str(_one(value) if isinstance(value, tuple) else value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _one(value: Any) -> Any:
    """The number that a tuple, perhaps of tuples, has for each axis, if it is the same."""
    while isinstance(value, tuple) and value and len(set(map(str, value))) == 1:
        value = value[0]
    return value


def index_text(key: Any) -> str:
    """A key as it stands in brackets.

    >>> index_text((slice(None), slice(0, 6, 2))), index_text((3, ..., "an array"))
    ('[:, 0:6:2]', '[3, ..., _]')
    """
    parts = key if isinstance(key, tuple) else (key,)
    text = ", ".join(_slice(k) if isinstance(k, slice) else "..." if k is ... else
                     str(k) if isinstance(k, int | None) else "_" for k in parts)
    return f"[{text if len(text) <= _LONGEST else text[: _LONGEST - 3] + '...'}]"


def _slice(s: slice) -> str:
    start, stop, step = ("" if x is None else str(x) for x in (s.start, s.stop, s.step))
    return f"{start}:{stop}{':' + step if step else ''}"
