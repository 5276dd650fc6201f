"""`latex`: small scalar expressions and their derivatives as formulas."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import CaptureError
from ..program.ir import Input, Instruction, Program, State, Value
from ..program.passes import readable
from .recorded import gradient_program

#: More operations than this make no formula that anybody wants to read.
LIMIT = 40
_FUNCTIONS = {"exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan"}
_BRACKETS = {"sqrt": r"\sqrt{%s}", "absolute": r"\left|%s\right|", "floor": r"\lfloor %s \rfloor",
             "ceil": r"\lceil %s \rceil"}
_OPERATORS = {"add": " + ", "subtract": " - ", "multiply": r" \, ", "matmul": r" \, "}
#: What changes how numbers are kept, and none of them.
_UNSEEN = {"astype", "broadcast_to", "copy"}
SUM, PRODUCT, ATOM = 1, 2, 3
_GREEK = set("alpha beta gamma delta epsilon theta lambda mu nu xi pi rho sigma tau phi chi psi omega"
             .split())


def latex(loss: Tensor, wrt: Sequence[Tensor] | None = None) -> str:
    r"""A scalar expression and its derivatives as aligned LaTeX lines.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True, name="w")
    >>> print(tg.latex(w * tg.exp(w)))
    \begin{aligned}
    L &= w \, \exp\left(w\right) \\
    \frac{\partial L}{\partial w} &= \exp\left(w\right) + w \, \exp\left(w\right)
    \end{aligned}
    """
    program = gradient_program(loss, wrt)
    leaves = list(program.inputs)[: len(program.outputs) - 1]
    program = readable(program)
    if len(program.instructions) > LIMIT:
        raise CaptureError(f"latex: {len(program.instructions)} operations make no readable formula "
                           f"(at most {LIMIT}); use tg.source")
    symbols = _symbols([*leaves, *(given for given in program.inputs if given not in leaves)])
    formulas = _formulas(program, symbols)
    names = ["L", *(rf"\frac{{\partial L}}{{\partial {symbols[i.value]}}}" for i in leaves)]
    lines = [rf"{name} &= {formulas(x)[0]}" for name, x in zip(names, program.outputs, strict=True)]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _symbol(name: str) -> str:
    """A name as a symbol: ``w_1`` and ``w1`` with an index, Greek letters as such."""
    if name in _GREEK:
        return f"\\{name}"
    match = re.fullmatch(r"([A-Za-z])_?(\d+)", name)
    if match:
        return f"{match[1]}_{{{match[2]}}}"
    return name if len(name) == 1 else rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"


def _symbols(inputs: list[Input]) -> dict[Value, str]:
    """A symbol for each input, no two the same; ``p`` and ``c`` with a number for what has no name."""
    found: dict[Value, str] = {}
    for given in inputs:
        learned = isinstance(given, State) and given.tensor.requires_grad
        name = given.value.name or ("p_1" if learned else "c_1")
        stem = name.removesuffix("_1")
        names = (name, *(f"{stem}_{n}" for n in range(2, len(inputs) + 2)))
        found[given.value] = next(s for s in map(_symbol, names) if s not in found.values())
    return found


def _formulas(program: Program, symbols: dict[Value, str]) -> Any:
    """What turns a value of the program into (formula, how tightly it binds)."""
    known: dict[Value, tuple[str, int]] = {value: (symbol, ATOM) for value, symbol in symbols.items()}

    def formula(x: Any) -> tuple[str, int]:
        if isinstance(x, Value):
            return known[x]
        text = f"{float(x):g}" if np.ndim(x) == 0 else r"\mathbf{1}"
        return text, SUM if text.startswith("-") else ATOM

    for i in program.instructions:
        known[i.output] = _formula(i, [formula(x) for x in i.inputs])
    return formula


def _formula(i: Instruction, parts: list[tuple[str, int]]) -> tuple[str, int]:
    name = i.primitive.name
    texts = [text for text, _ in parts]
    if name == "add" and i.inputs[0] is i.inputs[1]:
        return rf"2 \, {_inside(parts[0], PRODUCT)}", PRODUCT
    if name in _UNSEEN:
        return parts[0]
    if name == "multiply" and "1" in texts:
        return parts[texts[0] == "1"]
    if name == "multiply" and texts[0] == "-1":
        return f"-{_inside(parts[1], PRODUCT)}", PRODUCT
    if name in _OPERATORS:
        binds = SUM if name in ("add", "subtract") else PRODUCT
        if name == "multiply" and _is_number(texts[1]):
            if _is_number(texts[0]):
                return rf"{texts[0]} \cdot {texts[1]}", PRODUCT
            parts = parts[::-1]
        second = binds + (name == "subtract")
        joined = _OPERATORS[name].join(
            _inside(p, b) for p, b in zip(parts, (binds, second), strict=True))
        return (_with_powers(joined) if name == "multiply" else joined), binds
    if name == "divide":
        return rf"\frac{{{texts[0]}}}{{{texts[1]}}}", ATOM
    if name == "negative":
        return f"-{_inside(parts[0], PRODUCT)}", SUM
    if name in ("power", "square"):
        exponent = "2" if name == "square" else texts[1]
        return f"{_inside(parts[0], ATOM + 1 if '^' in texts[0] else ATOM)}^{{{exponent}}}", ATOM
    if name in ("sum", "mean"):
        count = "" if name == "sum" else rf"\frac{{1}}{{{int(np.prod(i.inputs[0].shape))}}} "
        return rf"{count}\sum {_inside(parts[0], PRODUCT)}", PRODUCT
    if name == "transpose":
        return f"{_inside(parts[0], ATOM)}^{{\\top}}", ATOM
    if name in _BRACKETS:
        return _BRACKETS[name] % texts[0], ATOM
    command = f"\\{name}" if name in _FUNCTIONS else rf"\operatorname{{{name.replace('_', ' ')}}}"
    return rf"{command}\left({', '.join(texts)}\right)", ATOM


def _is_number(text: str) -> bool:
    return text.replace(".", "").isdigit()


#: A symbol or something in brackets, which may have an exponent.
_FACTOR = r"(\\mathrm\{[^{}]*\}|\\?[A-Za-z]+(?:_\{\d+\})?|\\left\((?:(?!\\left|\\right).)*\\right\))"
_EXPONENT = r"(?:\^\{(\d+)\})?"
_TWICE = re.compile(rf"(?<![\w\\{{^]){_FACTOR}{_EXPONENT} \\, \1{_EXPONENT}(?![\w^{{_(\\])")


def _with_powers(product: str) -> str:
    """A product with neighbours that are equal written as powers."""
    while match := _TWICE.search(product):
        factor, *exponents = match.groups()
        power = f"{factor}^{{{sum(int(n or 1) for n in exponents)}}}"
        product = product[: match.start()] + power + product[match.end() :]
    return product


def _inside(part: tuple[str, int], binds: int) -> str:
    text, mine = part
    return text if mine >= binds else rf"\left({text}\right)"
