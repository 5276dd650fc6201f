"""`latex`: small expressions and their derivatives as formulas, in one line each or in steps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import count

import numpy as np

from ..engine.graph import Node
from ..engine.tensor import Tensor
from ..errors import CaptureError
from ..ground.checks import check_switch
from ..program.ir import Array, Input, Program, State, Value
from ..program.passes import readable
from .recorded import gradient_program
from .written import ATOM, Writer

#: More operations than this make no formula that anybody wants to read; in steps, more lines.
LIMIT, LINES = 40, 150
#: More lines than this go over pages, which `aligned` cannot.
PAGE = 25
#: In steps, what has more letters has a line of its own: if it is used twice, and for a page.
LONG, WIDE = 16, 75
_OTHER_WAYS = ("ask for a part, as latex(layer(x).sum(), steps=True), or use tg.source, which writes "
               "NumPy")
_GREEK = set("alpha beta gamma delta epsilon theta lambda mu nu xi pi rho sigma tau phi chi psi omega"
             .split())


def latex(loss: Tensor, wrt: Sequence[Tensor] | None = None, steps: bool = False) -> str:
    r"""A scalar expression and its derivatives as aligned LaTeX lines.

    Parameters
    ----------
    loss : one number that was recorded.
    wrt : the tensors to derive by; by default all leaves that require a gradient.
    steps : give each result that has a name, its own or that of a variable, a line of its own, and its
        derivative another one. What is longer than a page is an ``align*``, which stands alone.

    >>> import numpy as np, tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True, name="w")
    >>> print(tg.latex(w * tg.exp(w)))
    \begin{aligned}
    L &= w \, \exp\left(w\right) \\
    \frac{\partial L}{\partial w} &= \exp\left(w\right) + w \, \exp\left(w\right)
    \end{aligned}
    >>> h = np.tanh(w); h.name = "h"
    >>> print(tg.latex(h * h + h, steps=True))
    \begin{aligned}
    h &= \tanh\left(w\right) \\
    L &= h^{2} + h \\
    \frac{\partial L}{\partial h} &= 1 + h + h \\
    \frac{\partial L}{\partial w} &= \frac{\partial L}{\partial h} \, \left(1 - h^{2}\right)
    \end{aligned}
    """
    steps = check_switch("latex: steps", steps)
    program = gradient_program(loss, wrt, "latex")
    leaves = list(program.inputs)[: len(program.outputs) - 1]
    program = readable(program)
    if not steps and len(program.instructions) > LIMIT:
        raise CaptureError(f"latex: {len(program.instructions)} operations make no readable formula "
                           f"(at most {LIMIT}); give steps=True, {_OTHER_WAYS}")
    symbols = _symbols([*leaves, *(given for given in program.inputs if given not in leaves)])
    results = {program.outputs[0]: "L"}
    for leaf, gradient in zip(leaves, program.outputs[1:], strict=True):
        results.setdefault(gradient, _derivative(symbols[leaf.value]))
    lines = _lines(program, symbols, results, leaves, steps)
    if len(lines) > LINES:
        raise CaptureError(f"latex: in steps this takes {len(lines)} lines (at most {LINES}); take "
                           f"fewer layers, whose formulas are the same, {_OTHER_WAYS}")
    inside = " \\\\\n".join(map(_broken, lines) if steps else lines)
    if len(lines) > PAGE:
        hint = "% \\allowdisplaybreaks lets it go over pages"
        return f"{hint}\n\\begin{{align*}}\n{inside}\n\\end{{align*}}"
    return f"\\begin{{aligned}}\n{inside}\n\\end{{aligned}}"


def _lines(program: Program, symbols: dict[Value, str], results: dict[Value, str],
           leaves: list[Input], steps: bool) -> list[str]:
    """The steps that have lines of their own, then the loss and the derivatives."""
    writer = Writer(program, symbols)
    named = _named(program, results, set(symbols.values())) if steps else {}
    uses = Counter(x for i in program.instructions for x in i.inputs if isinstance(x, Value))
    taken = {*symbols.values(), *named.values()}
    own_names = (name for n in count(1) if (name := f"t_{{{n}}}") not in taken)
    lines, helpers = [], set[str]()
    for i in program.instructions:
        writer.write(i)
        own = named.get(i.output)
        most = LONG if uses[i.output] > 1 else WIDE
        if not own and steps and letters(writer.formula(i.output)[0]) > most:
            own = next(own_names)
            helpers.add(own)
        if own:
            lines.append(f"{own} &= {writer.formula(i.output)[0]}")
            writer.known[i.output] = own, ATOM
    derivatives = [_derivative(symbols[leaf.value]) for leaf in leaves]
    last = zip(["L", *derivatives], program.outputs, strict=True)
    rest = [f"{name} &= {writer.formula(x)[0]}" for name, x in last if named.get(x) != name]
    return _numbered(_needed([*lines, *rest], helpers), helpers)


def _needed(lines: list[str], helpers: set[str]) -> list[str]:
    """The lines without those helpers that no line mentions, as one inside of a softmax."""
    kept = [line for line in lines if (own := line.partition(" &")[0]) not in helpers
            or any(own in other for other in lines if other is not line)]
    return kept if len(kept) == len(lines) else _needed(kept, helpers)


def letters(formula: str) -> int:
    r"""About how many letters wide a formula is.

    >>> letters(r"\mathrm{loss} \, \left(x^{2} + \sigma\right)")
    10
    """
    plain = formula.replace(r"\_", "-")
    bare = re.sub(r"\\(left|right|mathrm|operatorname|frac|text)(?![a-z])|\\,|[{}^_]", "", plain)
    return len(re.sub(r"\\[A-Za-z]+", "x", bare).replace(" ", ""))


def _broken(line: str) -> str:
    """What is too wide, in several lines, that begin with a sign outside of all brackets."""
    terms, depth, start = list[str](), 0, 0
    for found in re.finditer(r"[{}]|\\left|\\right| [+-] ", line):
        depth += {"{": 1, "\\left": 1, "}": -1, "\\right": -1}.get(found[0], 0)
        if found[0] in (" + ", " - ") and not depth:
            terms.append(line[start : found.start()])
            start = found.start()
    rows = [""]
    for term in (*terms, line[start:]):
        if rows[-1] and letters(rows[-1] + term) > WIDE:
            rows.append("")
        rows[-1] += term
    return " \\\\\n&\\qquad".join(rows)


def _numbered(lines: list[str], helpers: set[str]) -> list[str]:
    """With the helpers counted without gaps, those of the user's names left out."""
    kept = [own for line in lines if (own := line.partition(" &")[0]) in helpers]
    new = dict(zip(kept, sorted(helpers, key=lambda own: int(own[3:-1])), strict=False))
    return [re.sub(r"(?<![A-Za-z])t_\{\d+\}", lambda found: new.get(found[0], found[0]), line)
            for line in lines]


def _named(program: Program, results: dict[Value, str], taken: set[str]) -> dict[Value, str]:
    """What has a name, and its symbol: results of the user's, and the derivatives by these."""
    found: dict[Value, str] = {}
    complete = {i.output.name: i.output for i in program.instructions}  # contributions come before it
    often = Counter(x.name for x in (*(given.value for given in program.inputs),
                                     *(i.output for i in program.instructions)))
    for i in program.instructions:
        name = i.output.name
        if i.output in results:
            found[i.output] = results[i.output]
        elif name.startswith("d_") and i.phase == "backward":
            own = _derivative(symbol(name[2:]))
            if complete[name] is i.output and often[name[2:]] == 1 and own not in results.values():
                found[i.output] = own
        elif name:
            others = (f"{name}_{n}" for n in range(2, len(program.instructions) + 2))
            own = next(s for s in map(symbol, (name, *others)) if s not in taken)
            found[i.output] = own
            taken.add(own)
    return found


def _derivative(by: str) -> str:
    return rf"\frac{{\partial L}}{{\partial {by}}}"


def symbol(name: str) -> str:
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
        if not given.value.name and (known := _known_array(given)):
            found[given.value] = known
            continue
        learned = isinstance(given, State) and given.tensor.requires_grad
        name = given.value.name or ("p_1" if learned else "c_1")
        stem = name.removesuffix("_1")
        names = (name, *(f"{stem}_{n}" for n in range(2, len(inputs) + 2)))
        found[given.value] = next(s for s in map(symbol, names) if s not in found.values())
    return found


def _known_array(given: Input) -> str:
    """What an array without a name is called by its numbers: ones, or 0, 1, 2, ..."""
    array = given.array if isinstance(given, Array) else np.zeros(())
    if isinstance(given, State) and not given.tensor.requires_grad:
        array = Node(given.tensor).value
    if array.ndim == 1 and np.array_equal(array, np.arange(len(array))) and len(array) > 1:
        return rf"0 \ldots {len(array) - 1}"
    return r"\mathbf{1}" if array.ndim and (array == 1).all() else ""
