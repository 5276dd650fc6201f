"""The formula of a derivative rule, from the rule itself: it runs on Tensors and is written down.

>>> w = Tensor(3.0, requires_grad=True); h = w * 2.0; y = np.tanh(h)
>>> rule_text(y, 0, np.float64(1.0)), rule_text(h, 0, np.float64(1.0))
('g_ * (1 - out_ * out_)', 'g_ * 2')
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..engine.graph import Node
from ..engine.hooks import wrap
from ..engine.tensor import Tensor
from ..ground.modes import using
from ..program.capture.capture import Capture
from ..program.passes import readable
from ..program.text.source import source_of

#: Longer texts, and those of several lines, are no formulas that anybody wants to read.
LONGEST = 76

_POOL = "each g_ to the largest of its window (the first of equals)"
_MEAN = "each g_, divided by the size of its window, to all of that window"
_CHOSEN = "g_ where it is the value that was chosen, 0 elsewhere (equal ones share it)"
_SOFTMAX = "out_ * (g_ - sum(g_ * out_, axis=-1, keepdims=True))"
_ORDER = "g_ to the values that the result lies between, each its share"
_TO_IMAGE = "in1_ * g_ for each window, added up where windows overlap"
_TO_KERNEL = "windows of in0_ * g_, added up over all places and the batch"
_TIME = "g_ sent back in time, from the last step to the first, added up"
#: What the rules amount to whose own text is long, because it guards against infinities, works in
#: windows or calls LAPACK; by the primitive, for each input.
BY_HAND: dict[str, tuple[str, ...]] = {
    "log_sigmoid": ("g_ * sigmoid(-in0_)",), "softplus": ("g_ * sigmoid(in0_)",),
    "selu": ("g_ * 1.0507 * where(in0_ > 0, 1, 1.6733 * exp(in0_))",),
    "elu": ("where(in0_ > 0, g_, {alpha:g} * g_ * exp(in0_))",),
    "celu": ("where(in0_ > 0, g_, g_ * exp(in0_ / {alpha:g}))",),
    "attention_weights": (_SOFTMAX, f"{_SOFTMAX}, summed to the shape of in1_"),
    "softsign": ("g_ / (1 + abs(in0_)) ** 2",),
    "silu": ("g_ * s * (1 + in0_ * (1 - s)), where s = sigmoid(in0_)",),
    "mish": ("g_ * (t + in0_ * sigmoid(in0_) * (1 - t * t)), where t = tanh(softplus(in0_))",),
    "gelu": ("g_ * (P + in0_ * p), where P, p = normal distribution and its slope at in0_",),
    "hypot": ("g_ * in0_ / out_", "g_ * in1_ / out_"),
    "power": ("g_ * in1_ * in0_ ** (in1_ - 1)", "g_ * out_ * log(in0_)"),
    "power_log": ("g_ * d(out_)/d(in0_)", "g_ * out_ * log(in0_)"),
    "arctan2": ("g_ * in1_ / (in0_ ** 2 + in1_ ** 2)", "-g_ * in0_ / (in0_ ** 2 + in1_ ** 2)"),
    "logaddexp": ("g_ * exp(in0_ - out_)", "g_ * exp(in1_ - out_)"),
    "logaddexp2": ("g_ * 2 ** (in0_ - out_)", "g_ * 2 ** (in1_ - out_)"),
    "logsumexp": ("g_ * exp(in0_ - out_), which is g_ * softmax(in0_)",),
    "binary_nll": ("g_ * (in0_ - in1_) / (in0_ * (1 - in0_))", "g_ * (log(1 - in0_) - log(in0_))"),
    "cross_entropy_of_logits": ("(softmax(in0_) - onehot(in1_)) * g_{per_row}",),
    "max": ("g_ where in0_ == out_ (equal ones share it), 0 elsewhere",),
    "min": ("g_ where in0_ == out_ (equal ones share it), 0 elsewhere",),
    "cumprod": ("what later results ask for, g_ * out_ added up from the end, / in0_",),
    "choose_elements": (_CHOSEN, _CHOSEN), "prod": ("g_ * out_ / in0_",),
    "std": ("g_ * (in0_ - mean(in0_)) / (out_ * n), where n = number of values",),
    "norm": ("g_ * in0_ / out_ (for the usual norm)",),
    "median": (_ORDER,), "quantile": (_ORDER,), "nanmedian": (_ORDER,), "nanquantile": (_ORDER,),
    "standardize": ("(g_ - mean(g_) - out_ * mean(g_ * out_)) / std(in0_), row by row",),
    "diagonal": ("g_ on the diagonal, 0 elsewhere",),
    "solve": ("-solve(in0_.T, g_) @ out_.T", "solve(in0_.T, g_)"),
    "pinv": ("through out_ = pinv(in0_): -out_.T @ g_ @ out_.T, and two terms for the rest",),
    "lstsq_solution": ("through pinv(in0_), and the residuals", "pinv(in0_).T @ g_"),
    "cholesky": ("half of L^-T (t + t.T) L^-1, where L = out_, t = lower half of L.T @ g_",),
    "eigvalsh": ("V * g_ @ V.T, where V = eigenvectors of in0_",),
    "eigh": ("through the eigenvectors: V @ (...) @ V.T, divided by differences of eigenvalues",),
    "svdvals": ("U * g_ @ Vh, where U, Vh = singular vectors of in0_",),
    "svd": ("through the singular vectors, divided by differences of squared singular values",),
    "sparse_product": ("S.T @ g_, where S is the sparse matrix",),
    "qr": ("through Q and R: a triangular system with R",),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), (_POOL,)),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "avg_pool3d"), (_MEAN,)),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), (_TO_IMAGE, _TO_KERNEL)),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
                    ("in1_ * the windows of g_, added up", "in0_ * the windows of g_, added up")),
    "im2col": ("g_ added up at each element, over all windows that it lies in",),
    "col2im": ("g_ at each window's elements",),
    "to_largest": ("g_ at the largest of each window",), "from_largest": (_POOL,),
    **dict.fromkeys(("lstm", "gru", "rnn"), (_TIME,) * 5),
}  # fmt: skip


def rule_text(out: Tensor, position: int, g: Any) -> str:
    """What the rule of an input computes, in placeholders: ``g_``, ``out_``, ``in0_``, ``in1_``..."""
    op: Any = out.op
    if op.name in BY_HAND:
        rows = out.inputs[1].size if op.name == "cross_entropy_of_logits" else 1
        per_row = f" / {rows}" if rows > 1 and out.params.get("reduction") == "mean" else ""
        return BY_HAND[op.name][position].replace("{per_row}", per_row).format(**out.params)
    try:
        *steps, last = lines_of(out, position, g)
    except Exception:  # a rule of the user's, which may do anything, and perhaps only on arrays
        return f"what the rule of {op.name} makes of g_"
    if op.name == "getitem" and steps:
        return "g_ where it was read, 0 elsewhere"
    text = tidied(last)
    if steps and all(re.match(r"t(_\d+)? = ", step) for step in steps):
        text = f"{text}, where {', '.join(map(tidied, steps))}"
    fits = len(text) <= (2 * LONGEST if steps else LONGEST) and len(steps) < 3
    return text if fits else f"what the rule of {op.name} makes of g_"


def lines_of(out: Tensor, position: int, g: Any) -> list[str]:
    """The lines of Python that a rule amounts to; the last is its result."""
    op: Any = out.op
    names: dict[Tensor, str] = {}

    def named(value: Any, name: str) -> Tensor:
        made = Tensor(value)
        names[made] = name
        return made

    given = [named(g, "g_"), named(Node(out).value, "out_")]
    given += [named(Node(x).value, f"in{k}_") if isinstance(x, Tensor) else
              named(x, f"in{k}_") if isinstance(x, np.ndarray) else x for k, x in enumerate(out.inputs)]
    capture = Capture(locate=False)  # after its inputs, which would be constants else
    for tensor in names:
        capture.reference(tensor)
    with using(observer=capture, grad=False), np.errstate(all="ignore"):
        capture.starts_backward(out, None)
        made = op.vjps[position](*given, **out.params)
        program = capture.program("rule", [wrap(made)])
    capture.name_all(names, {})
    text = source_of(readable(program))
    body = text.partition("def rule(")[2].split("\n\n")[0].splitlines()[1:]
    lines = [x.strip() for x in body if x.strip() and not x.strip().startswith(("#", "assert"))]
    last = lines.pop().removeprefix("return ")
    if lines and lines[-1].startswith(f"{last} = "):
        last = lines.pop().removeprefix(f"{last} = ")
    return [*lines, last]


def tidied(text: str) -> str:
    """A line of NumPy as a formula is written: without ``np.``, with few digits."""
    text = re.sub(r"\bnp\.", "", text)
    text = re.sub(r"\((\w+)\.T @ (\w+)\.T\)\.T", r"\2 @ \1", text)
    text = re.sub(r"broadcast_to\((.*?), shape=\([^()]*\)\)", r"spread(\1)", text)
    text = re.sub(r"sum\((.*), axis=\(\)\)", r"\1", text)
    text = re.sub(r"float\('(-?\w+)'\)", r"\1", text)
    return re.sub(r"\d+\.\d+(e-?\d+)?", lambda m: f"{float(m[0]):.4g}", text)


def filled(text: str, names: dict[str, str]) -> str:
    """A formula with names in the place of its placeholders."""
    return re.sub(r"\b(g_|out_|in\d+_)", lambda m: names[m[1]], text)
