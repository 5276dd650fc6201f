"""Operations as the user would write them, with the options that matter: ``k.swapaxes(1, 2)``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..pictures.words import bracketed, called, index_text, options_of

Options = Mapping[str, Any]

#: Options that say nothing: what follows from shapes, and what most calls have.
_USUAL = re.compile(r"(counts|shape|divisor)=.*|eps=1e-05|(stride|dilation|groups)=1|"
                    r"reduction='mean'|nonlinearity='tanh'")
#: More arguments than this are not all shown.
MANY = 4


def call_of(primitive: Any, given: Sequence[str], params: Options) -> str:
    """The call of a primitive with its inputs called as ``given``.

    >>> from tinygrad_gd.ground.registry import by_name
    >>> call_of(by_name("swapaxes"), ["a + b"], {"axis1": 1, "axis2": 2})
    '(a + b).swapaxes(1, 2)'
    >>> call_of(by_name("mean"), ["x"], {"axis": 0, "keepdims": False})
    'mean(x, axis=0)'
    """
    form = _FORMS.get(primitive.name)
    if form is not None:
        return form(list(given), params)
    shown = given if len(given) <= MANY else [*given[:2], "...", given[-1]]
    options = [o for o in options_of(primitive, params, quoted=True).split() if not _USUAL.fullmatch(o)]
    return called(primitive, [*shown, *options], {})


def part(text: str) -> str:
    """A formula in front of a dot or a bracket.

    >>> part("w"), part("w + 1"), part("...")
    ('w', '(w + 1)', '(...)')
    """
    return "(...)" if text == "..." else bracketed(text, 9)


def _method(name: str, *options: str) -> Callable[[list[str], Options], str]:
    """A method of the first input, with these options in brackets."""
    def written(given: list[str], params: Options) -> str:
        values = [params[o] for o in options]
        if len(values) == 1 and isinstance(values[0], tuple):
            values = list(values[0])
        return f"{part(given[0])}.{name}({', '.join(map(_plain, values))})"

    return written


def _plain(value: Any) -> str:
    return np.dtype(value).name if isinstance(value, type | np.dtype) else str(value)


def _transpose(given: list[str], params: Options) -> str:
    axes = params["axes"]
    if axes is None or tuple(axes) == (1, 0):
        return f"{part(given[0])}.T"
    return _method("transpose", "axes")(given, params)


def _linear(given: list[str], params: Options) -> str:
    return " + ".join([f"{bracketed(given[0], 6)} @ {part(given[1])}.T", *given[2:]])


def _power(given: list[str], params: Options) -> str:
    return f"{part(given[0])} ** {params.get('n', 2)}"


def _einsum(given: list[str], params: Options) -> str:
    return f"einsum({', '.join([repr(params['subscripts']), *given])})"


def _listed(name: str) -> Callable[[list[str], Options], str]:
    """A call with a list of inputs."""
    def written(given: list[str], params: Options) -> str:
        shown = given if len(given) <= MANY else [*given[:2], "...", given[-1]]
        axis = f", axis={params['axis']}" if params.get("axis") else ""
        return f"{name}([{', '.join(shown)}]{axis})"

    return written


def _pad(given: list[str], params: Options) -> str:
    widths = params["pad_width"]
    one = widths[0] if len(set(widths)) == 1 else widths
    width = one[0] if len(set(one)) == 1 else one
    value = params.get("constant_values", 0)
    filled = f", constant_values={value:g}" if isinstance(value, int | float) and value else ""
    mode = params.get("mode", "constant")
    return f"pad({given[0]}, {width}{filled}{f', mode={mode!r}' if mode != 'constant' else ''})"


def keyed(key: Any, arrays: Sequence[str]) -> str:
    """A key in brackets, with the names of its arrays."""
    left = iter(arrays)
    return re.sub(r"\b_\b", lambda m: next(left, m[0]), index_text(key))


def _indexed(given: list[str], params: Options) -> str:
    return f"{part(given[0])}{keyed(params['key'], given[1:])}"


def _at(method: str) -> Callable[[list[str], Options], str]:
    """What writes to some elements: ``x.at[key].set(value)``."""
    def written(given: list[str], params: Options) -> str:
        chosen = method or ("max" if params["largest"] else "min")
        return f"{part(given[0])}.at{keyed(params['key'], given[2:])}.{chosen}({given[1]})"

    return written


def _scatter(given: list[str], params: Options) -> str:
    return f"zeros({params['shape']}).at{keyed(params['key'], given[1:])}.add({given[0]})"


_FORMS: dict[str, Callable[[list[str], Options], str]] = {
    "linear": _linear, "square": _power, "integer_power": _power, "transpose": _transpose,
    "negative": lambda given, _: f"-{bracketed(given[0], 6)}",
    "swapaxes": _method("swapaxes", "axis1", "axis2"), "reshape": _method("reshape", "shape"),
    "astype": _method("astype", "dtype"), "getitem": _indexed, "getitem_basic": _indexed,
    "diagonal": _method("diagonal", "offset", "axis1", "axis2"),
    "moveaxis": lambda given, p: f"moveaxis({given[0]}, {p['source']}, {p['destination']})",
    "broadcast_to": lambda given, p: f"broadcast_to({given[0]}, {p['shape']})",
    "repeat": lambda given, p: f"repeat({given[0]}, {p['repeats']}{_axis(p)})",
    "roll": lambda given, p: f"roll({given[0]}, {p['shift']}{_axis(p)})",
    "tensordot": lambda given, p: f"tensordot({given[0]}, {given[1]}, axes={p['axes']})",
    "polygamma": lambda given, p: f"polygamma({p['n']}, {given[0]})",
    "attention_scores": lambda given, _: (
        f"{bracketed(given[0], 6)} @ {part(given[1])}.swapaxes(-1, -2)"),
    "attention_weights": lambda given, _: f"softmax({' + '.join(given)})",
    "einsum": _einsum, "contract": _einsum, "concatenate": _listed("concatenate"),
    "stack": _listed("stack"), "pad": _pad, "set_elements": _at("set"), "choose_elements": _at(""),
    "scatter": _scatter,
}  # fmt: skip


def _axis(params: Options) -> str:
    return "" if params.get("axis") is None else f", axis={params['axis']}"
