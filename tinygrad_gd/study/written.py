"""The instructions of a program as parts of LaTeX formulas."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np

from ..program.ir import Instruction, Program, Value

SUM, ODOT, PRODUCT, ATOM = 1, 2, 3, 4
#: A formula, and how tightly it binds.
Part = tuple[str, int]

_FUNCTIONS = {"exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan"}
_BRACKETS = {"sqrt": r"\sqrt{%s}", "absolute": r"\left|%s\right|", "floor": r"\lfloor %s \rfloor",
             "ceil": r"\lceil %s \rceil"}
_OPERATORS = {"add": " + ", "subtract": " - ", "multiply": r" \, ", "matmul": r" \, "}
#: Comparisons are 1 where they hold and 0 elsewhere, in square brackets.
_RELATIONS = {"equal": "=", "not_equal": r"\neq", "less": "<", "less_equal": r"\leq", "greater": ">",
              "greater_equal": r"\geq"}
_CHOICES = {"maximum": "max", "minimum": "min", "max": "max", "min": "min"}
#: What changes how numbers are kept or laid out, and none of them.
_UNSEEN = {"astype", "broadcast_to", "copy", "reshape", "expand_dims", "squeeze"}
#: What the parts of convolutions and pools are called, which the user has not written.
_WORDS = {"im2col": "windows", "col2im": "add windows", "to_largest": "to largest of windows",
          "from_largest": "largest of windows", "max_pool1d": "max pool", "max_pool2d": "max pool",
          "max_pool3d": "max pool", "avg_pool1d": "mean pool", "avg_pool2d": "mean pool",
          "avg_pool3d": "mean pool", "scatter": "put", "standardize": "normalize"}
_TOP = r"^{\top}"
#: Names of indices by axis.
_INDICES = "ijkl"


class Writer:
    """Writes the values of a program, one after the other.

    Attributes
    ----------
    known : the formulas so far.
    """

    def __init__(self, program: Program, symbols: dict[Value, str]) -> None:
        self.known: dict[Value, Part] = {value: (symbol, ATOM) for value, symbol in symbols.items()}
        self._made = {i.output: i for i in program.instructions}
        self._arrays = {g.value: g for g in program.inputs}

    def formula(self, x: Any) -> Part:
        """A value of the program, or a constant."""
        if isinstance(x, Value):
            return self.known[x]
        text = number(float(x)) if np.ndim(x) == 0 else r"\mathbf{1}"
        return text, SUM if text.startswith("-") else ATOM

    def write(self, i: Instruction) -> None:
        """Write the result of an instruction."""
        parts = [self.formula(x) for x in i.inputs]
        self.known[i.output] = self._known_shape(i) or self._formula(i, parts)

    # -- what has a name of its own ------------------------------------------------------------------

    def _known_shape(self, i: Instruction) -> Part | None:
        """Softmax, one-hot vectors and chosen elements, which are computed in several steps."""
        name = i.primitive.name
        if name == "divide" and (inside := self._softmax(i)):
            return rf"\operatorname{{softmax}}\left({inside}\right)", ATOM
        if name == "divide" and (moment := self._moment(i)):
            return moment, ATOM
        if name == "multiply" and (normal := self._normal(i)):
            return normal, ATOM
        if name == "subtract" and (chosen := self._negative_log(i)):
            return chosen, SUM
        if name == "equal" and (labels := self._one_hot(i)):
            return rf"\operatorname{{onehot}}\left({labels}\right)", ATOM
        if name == "getitem" and len(i.inputs) == 3 and self._counts(i.inputs[1]):
            whole = inside_of(self.formula(i.inputs[0]), ATOM)
            return f"{whole}_{{i, {self._of_row(i.inputs[2])}}}", ATOM
        return None

    def _negative_log(self, i: Instruction) -> str:
        """Of log(sum(exp(s))) - s[rows, labels], with s = z - max(z): -log softmax(z)[rows, labels]."""
        log, chosen = map(self._seen, i.inputs)
        if log is None or chosen is None or log.primitive.name != "log":
            return ""
        total = self._seen(log.inputs[0])
        powers = self._seen(total.inputs[0]) if total and total.primitive.name == "sum" else None
        if not powers or powers.primitive.name != "exp" or chosen.primitive.name != "getitem":
            return ""
        if len(chosen.inputs) != 3 or chosen.inputs[0] is not powers.inputs[0]:
            return ""
        place = f"i, {self._of_row(chosen.inputs[2])}"
        return rf"-\log \operatorname{{softmax}}\left({self._unshifted(powers)}\right)_{{{place}}}"

    def _of_row(self, labels: Any) -> str:
        """The label of row i; a symbol that has an index takes a second one in braces only."""
        symbol = self.formula(labels)[0]
        return f"{{{symbol}}}_i" if "_" in symbol else f"{symbol}_i"

    def _moment(self, i: Instruction) -> str:
        """Of sums along the last axis, as products, divided by its length: means and variances."""
        total, length = self._seen(i.inputs[0]), i.inputs[1]
        if (x := self._averaged(i)) is not None:
            return rf"\operatorname{{mean}}\left({self.formula(x)[0]}\right)"
        if total is None or total.primitive.name != "vecdot" or length != total.inputs[0].shape[-1]:
            return ""
        a, b = total.inputs
        centred = self._made.get(a) if a is b else None
        if centred is not None and centred.primitive.name == "subtract":
            mean = self._seen(centred.inputs[1])
            if mean is not None and self._averaged(mean) is centred.inputs[0]:
                return rf"\operatorname{{var}}\left({self.formula(centred.inputs[0])[0]}\right)"
        first, second = (inside_of(self.formula(x), ODOT) for x in (a, b))
        return rf"\operatorname{{mean}}\left({_with_powers(f'{first} {chr(92)}odot {second}')}\right)"

    def _averaged(self, i: Instruction) -> Value | None:
        """Of (x @ ones) / n: x."""
        total, length = self._seen(i.inputs[0]), i.inputs[-1]
        if i.primitive.name != "divide" or total is None or total.primitive.name != "matmul":
            return None
        x, ones = total.inputs
        held = getattr(self._arrays.get(ones), "array", None)
        alone = isinstance(held, np.ndarray) and held.shape == (length,) and bool((held == 1).all())
        return x if alone else None

    def _normal(self, i: Instruction) -> str:
        """The normal distribution, 0.5 erfc(-x / sqrt(2)), its slope, and gelu: x times the first."""
        factor, tail = i.inputs[0], self._seen(i.inputs[1])
        known = tail and tail.primitive.name in ("erfc", "exp")
        scaled = self._times(tail.inputs[0]) if tail and known else None
        if tail is None or scaled is None:
            return ""
        x = scaled[1]
        if tail.primitive.name == "exp":
            half = self._times(scaled[0])
            slope = half and half[0] == -0.5 and half[1] is x and factor == 1 / np.sqrt(2 * np.pi)
            return rf"\varphi\left({self.formula(x)[0]}\right)" if slope else ""
        if scaled[0] != -np.sqrt(0.5):
            return ""
        half = self._times(factor)
        bounded = self._seen(half[1]) if half and half[0] == 0.5 else None
        gelu = bounded and bounded.primitive.name == "maximum" and bounded.inputs[0] is x
        word = r"\operatorname{gelu}" if gelu else r"\Phi" if factor == 0.5 else ""
        return word and rf"{word}\left({self.formula(x)[0]}\right)"

    def _times(self, x: Any) -> tuple[Any, Any] | None:
        """The two factors of a product element by element."""
        made = self._seen(x)
        return made.inputs if made and made.primitive.name == "multiply" else None

    def _seen(self, x: Any) -> Instruction | None:
        """What made a value, apart from how it is laid out."""
        made = self._made.get(x) if isinstance(x, Value) else None
        while made is not None and _lays_out(made):
            made = self._made.get(made.inputs[0]) if isinstance(made.inputs[0], Value) else None
        return made

    def _softmax(self, i: Instruction) -> str:
        """Of exp(z) / sum(exp(z)), perhaps with a maximum subtracted before: z."""
        powers, total = (self._made.get(x) if isinstance(x, Value) else None for x in i.inputs)
        if powers is None or total is None or powers.primitive.name != "exp":
            return ""
        if total.primitive.name != "sum" or total.inputs[0] is not powers.output:
            return ""
        return self._unshifted(powers)

    def _unshifted(self, powers: Instruction) -> str:
        """What exponents are computed of, without the maximum that was subtracted for safety."""
        shifted = self._made.get(powers.inputs[0])
        if shifted is not None and shifted.primitive.name == "subtract":
            largest = self._made.get(shifted.inputs[1])
            if largest is not None and largest.primitive.name == "max":
                return self.formula(shifted.inputs[0])[0]
        return self.formula(powers.inputs[0])[0]

    def _one_hot(self, i: Instruction) -> str:
        """Of labels[:, None] == arange(n): the labels."""
        labels, classes = i.inputs
        made = self._made.get(labels) if isinstance(labels, Value) else None
        if not self._counts(classes) or made is None or made.primitive.name != "getitem":
            return ""
        return self.formula(made.inputs[0])[0]

    def _counts(self, x: Any) -> bool:
        """Whether an array is 0, 1, 2, ..."""
        array = getattr(self._arrays.get(x), "array", None) if isinstance(x, Value) else x
        return isinstance(array, np.ndarray) and array.ndim == 1 and np.array_equal(
            array, np.arange(len(array)))

    # -- one instruction -----------------------------------------------------------------------------

    def _formula(self, i: Instruction, parts: list[Part]) -> Part:
        name = i.primitive.name
        if name in _OPERATORS:
            return _operation(i, parts)
        if name == "divide" and is_number(parts[1][0]) and parts[0][0].startswith(r"\sum"):
            return rf"\frac{{1}}{{{parts[1][0]}}} {parts[0][0]}", PRODUCT
        if name == "divide":
            return rf"\frac{{{parts[0][0]}}}{{{parts[1][0]}}}", ATOM
        if name == "negative":
            return f"-{inside_of(parts[0], ODOT)}", SUM
        if name in ("power", "square"):
            return _power(parts[0], "2" if name == "square" else parts[1][0]), ATOM
        if name in ("sum", "mean"):
            count = "" if name == "sum" else rf"\frac{{1}}{{{int(np.prod(i.inputs[0].shape))}}} "
            return rf"{count}\sum{_over(i)} {inside_of(parts[0], ODOT)}", PRODUCT
        if name == "transpose" or _turns(i):
            return self._turned(i, parts[0])
        return _call(i, parts)

    def _turned(self, i: Instruction, part: Part) -> Part:
        """A transpose; that of a product with a transpose is the product the other way round."""
        if len(i.output.shape) > 2 and not _turns(i):
            return part  # only another layout, as of images: no transpose of matrices
        made = self._seen(i.inputs[0])
        if made is not None and made.primitive.name == "matmul" and part[1] == PRODUCT:
            first, second = map(self.formula, made.inputs)
            if any(text.endswith(_TOP) and binds == ATOM for text, binds in (first, second)):
                return rf"{_transposed(second)} \, {_transposed(first)}", PRODUCT
        return _transposed(part), ATOM


def _transposed(part: Part) -> str:
    r"""The transpose; of one that is one already the matrix itself.

    >>> _transposed((r"W^{\top}", ATOM)), _transposed(("h^{2}", ATOM))
    ('W', '\\left(h^{2}\\right)^{\\top}')
    """
    if part[0].endswith(_TOP) and part[1] == ATOM:
        return part[0].removesuffix(_TOP)
    high = part[0].startswith(r"\frac") or re.search(r"\^\{\w+\}$", part[0])
    brackets = ATOM + 1 if high else ATOM
    return f"{inside_of(part, brackets)}{_TOP}"


def _operation(i: Instruction, parts: list[Part]) -> Part:
    """A sum, a difference or a product; products element by element have a sign of their own."""
    name, texts = i.primitive.name, [text for text, _ in parts]
    same = isinstance(i.inputs[0], Value) and i.inputs[0] is i.inputs[1]
    if name == "add" and same:
        times = r"\cdot" if texts[0][0].isdigit() else r"\,"
        return rf"2 {times} {inside_of(parts[0], ODOT)}", min(parts[0][1], PRODUCT)
    by_element = name == "multiply" and all(map(_is_array, i.inputs))
    if name == "multiply":
        if "1" in texts:
            return parts[texts[0] == "1"]
        if texts[0] == "-1":
            return f"-{inside_of(parts[1], ODOT)}", PRODUCT
        if same and parts[0][1] == ATOM and "^" not in texts[0]:
            return _power(parts[0], "2"), ATOM
        if is_number(texts[1]):
            if is_number(texts[0]):
                return rf"{texts[0]} \cdot {texts[1]}", PRODUCT
            parts = parts[::-1]
    if name == "multiply":
        lowest = ODOT if by_element or min(b for _, b in parts) == ODOT else PRODUCT
        symbol = r" \odot " if by_element else _OPERATORS[name]
        return _with_powers(symbol.join(inside_of(p, lowest) for p in parts)), lowest
    binds = PRODUCT if name == "matmul" else SUM
    second = binds + (name == "subtract")
    joined = [inside_of(p, b) for p, b in zip(parts, (binds, second), strict=True)]
    return _OPERATORS[name].join(joined), binds


def _call(i: Instruction, parts: list[Part]) -> Part:
    """What is written as a function."""
    name, texts = i.primitive.name, [text for text, _ in parts]
    if _lays_out(i):
        return parts[0]
    if name in _RELATIONS:
        return rf"\left[{texts[0]} {_RELATIONS[name]} {texts[1]}\right]", ATOM
    if name == "getitem" and len(parts) == 2 and len(i.params["key"]) == 1:
        return f"{inside_of(parts[0], ATOM)}_{{{texts[1]}}}", ATOM
    if name == "swapaxes":
        axes = sorted(i.params[a] % len(i.output.shape) for a in ("axis1", "axis2"))
        names = "".join(_INDICES[a] for a in axes)
        return rf"\operatorname{{swap}}_{{{names}}}\left({texts[0]}\right)", ATOM
    if name == "where":
        return rf"\left({texts[1]} \text{{ if }} {texts[0]} \text{{ else }} {texts[2]}\right)", ATOM
    if name in _CHOICES:
        return rf"\{_CHOICES[name]}{_over(i)}\left({', '.join(texts)}\right)", ATOM
    if name in _BRACKETS:
        return _BRACKETS[name] % texts[0], ATOM
    word = _WORDS.get(name, name.replace("_", " ")).replace(" ", r"\ ")
    command = f"\\{name}" if name in _FUNCTIONS else rf"\operatorname{{{word}}}"
    return rf"{command}\left({', '.join(texts)}\right)", ATOM


def _lays_out(i: Instruction) -> bool:
    """Whether a value only changes how its numbers lie, or gets axes of length one."""
    if i.primitive.name == "getitem" and len(i.inputs) == 1:
        return all(k is None or k is ... or k == slice(None) for k in i.params["key"])
    return i.primitive.name in _UNSEEN


def _turns(i: Instruction) -> bool:
    """Whether the last two axes change places, which makes matrices of their transposes."""
    ndim = len(i.output.shape)
    axes = {i.params[a] % ndim for a in ("axis1", "axis2")} if i.primitive.name == "swapaxes" else set()
    return bool(axes) and axes == {ndim - 1, ndim - 2}


def _over(i: Instruction) -> str:
    """The indices that a sum or a choice goes over, if it is not all."""
    axis = i.params.get("axis")
    shape = getattr(i.inputs[0], "shape", ())
    axes = [a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,)) if a is not None]
    if not axes or len(axes) == len(shape) or max(axes) >= len(_INDICES):
        return ""
    return f"_{{{''.join(_INDICES[a] for a in sorted(axes))}}}"


def _is_array(x: Any) -> bool:
    return len(getattr(x, "shape", ())) > 0


def number(x: float) -> str:
    """A number in a few digits, or as a fraction or root where these do not end.

    >>> number(0.25), number(2 / 3), number(-1 / 7), number(3.14159265)
    ('0.25', '\\\\frac{2}{3}', '-\\\\frac{1}{7}', '3.14159')
    >>> number(2**0.5), number(1e-5), number(-np.inf)
    ('\\\\sqrt{2}', '10^{-5}', '-\\\\infty')
    """
    text = f"{x:g}"
    if np.isinf(x):
        return text.replace("inf", r"\infty")
    if "e" in text:
        digits, _, exponent = text.partition("e")
        return rf"{digits} \cdot 10^{{{int(exponent)}}}".replace(r"1 \cdot ", "")
    square = round(x * x)
    if float(text) != x and 1 < square < 1000 and abs(x * x - square) < 1e-14 * square:
        return rf"{'-' if x < 0 else ''}\sqrt{{{square}}}"
    near = Fraction(x).limit_denominator(1000) if np.isfinite(x) else Fraction(0)
    if float(text) != x and near.denominator > 1 and abs(float(near) - x) < 1e-14 * abs(x) * 10:
        sign = "-" if x < 0 else ""
        return rf"{sign}\frac{{{abs(near.numerator)}}}{{{near.denominator}}}"
    return text


def is_number(text: str) -> bool:
    """Whether a formula is a number."""
    return text.replace(".", "").isdigit() or re.fullmatch(r"\\frac\{\d+\}\{\d+\}", text) is not None


def _power(base: Part, exponent: str) -> str:
    return f"{inside_of(base, ATOM + 1 if '^' in base[0] else ATOM)}^{{{exponent}}}"


#: A symbol or something in brackets, which may have an exponent.
_FACTOR = r"(\\mathrm\{[^{}]*\}|\\?[A-Za-z]+(?:_\{\d+\})?|\\left\((?:(?!\\left|\\right).)*\\right\))"
_EXPONENT = r"(?:\^\{(\d+)\})?"
_TWICE = re.compile(
    rf"(?<![\w\\{{^]){_FACTOR}{_EXPONENT} \\(?:,|odot) \1{_EXPONENT}(?![\w^{{_(\\])")


def _with_powers(product: str) -> str:
    """A product with neighbours that are equal written as powers."""
    while match := _TWICE.search(product):
        factor, *exponents = match.groups()
        power = f"{factor}^{{{sum(int(n or 1) for n in exponents)}}}"
        product = product[: match.start()] + power + product[match.end() :]
    return product


def inside_of(part: Part, binds: int) -> str:
    """A part of something that binds as tightly, in brackets if it does not itself."""
    text, mine = part
    return text if mine >= binds else rf"\left({text}\right)"
