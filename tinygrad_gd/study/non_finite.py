"""Where NaN or infinity comes from: the first operation, forward or backward, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.graph import Node, nodes_of
from ..engine.tensor import Tensor
from .case import Case, Cause
from .explained import one

_SAFE = "{call} inside of where, so that the branch left out is harmless, too."
_SAFE_CALLS = {"divide": "x / np.where(y != 0, y, 1)", "exp": "np.exp(np.where(x < 700, x, 1))"}
#: What to do about an operation that makes NaN or infinity of finite numbers.
CURES = {
    "log": "Keep its argument above 0: np.log(x + 1e-12) where it may be 0, "
           "np.log(np.maximum(x, 1e-12)) where it may be negative; for log(softmax) use "
           "tg.log_softmax, for probabilities tg.nn.cross_entropy on the logits.",
    "sqrt": "Keep its argument above 0: np.sqrt(x + 1e-12) where it may be 0, "
            "np.sqrt(np.maximum(x, 1e-12)) where it may be negative.",
    "divide": "Keep the divisor away from 0: x / (y + 1e-12).",
    "exp": "Keep its argument below about 700: subtract the maximum first, or use tg.softmax or "
           "tg.logsumexp; where a log follows, tg.log_softmax or tg.nn.cross_entropy.",
    "power": "Keep the base above 0, or use a whole exponent.",
    "norm": "Add a little under the root: np.sqrt((x * x).sum() + 1e-12).",
    "arccos": "Keep its argument inside (-1, 1).", "arcsin": "Keep it inside (-1, 1).",
    "square": "Make the numbers smaller, or the learning rate.",
    "multiply": "Make the numbers smaller, or the learning rate.",
    "matmul": "Make the weights or the learning rate smaller.",
    "linear": "Make the weights or the learning rate smaller.",
}


def causes_of_nan(case: Case) -> Iterator[Cause]:
    """The first NaN or infinity of a pass."""
    if case.root is None or case.root.op is None:
        yield Cause("unknown", "The pass that made it is not known.",
                    cure=f"Ask {case.name(case.tensor)}.why(loss), or run it under tg.study.watch().")
        return
    held = list(_in_data(case))
    meant = [c for c in held if c.kind == "mask"]  # -inf, which softmax knows to leave out
    data = [c for c in held if c.kind != "mask"]
    found = data or list(_forward(case)) or list(_backward(case)) or meant
    yield from found
    if not found:
        yield Cause("earlier", "This pass makes no NaN: it was there before, or a hook or another pass "
                    "added it.", cure="Call zero_grad() before backward().")


def _in_data(case: Case) -> Iterator[Cause]:
    """Leaves and arrays that hold it from the beginning."""
    seen: dict[int, Any] = {}
    for node in nodes_of(case.root) if case.root is not None else ():
        for x in node.inputs:
            if (isinstance(x, Tensor) and x.op is None) or isinstance(x, np.ndarray):
                held = Node(x).value if isinstance(x, Tensor) else x
                bad = _first_bad(held)
                if bad is None or id(x) in seen:
                    continue
                learned = isinstance(x, Tensor) and x.requires_grad
                if learned and any(t.requires_grad for t in seen.values() if isinstance(t, Tensor)):
                    continue  # one is named, for all that the same step has spoilt
                seen[id(x)] = x
                cure = ("A step of the optimizer made it: lower the learning rate "
                        "(tg.advise(loss, params) says how far), or clip gradients."
                        if learned else "Clean the data: x[np.isfinite(x)], or np.nan_to_num.")
                kind = "parameter" if learned else "mask" if _is_mask(held) else "data"
                yield Cause(kind,
                            f"{case.names(x)} itself holds {_written(held, bad)}.", cure=cure,
                            line=case.line(node.tensor), weight=5, at=id(x))


def _forward(case: Case) -> Iterator[Cause]:
    for node in nodes_of(case.root) if case.root is not None else ():
        of_infinite = any(_first_bad(_held(x)) is not None for x in node.inputs)
        bad = _first_bad(node.value, only_nan=of_infinite)
        if bad is not None:
            t = node.tensor
            evidence = _there(case, t, bad)
            if of_infinite:
                yield _of_infinite(case, t, bad, evidence)
                return
            if _is_finite(case.root) and _leaves_out(case, t):
                yield Cause("where", f"{case.names.made(t)} made {_written(node.value, bad)}. where() "
                            "leaves that out of the result, but the reverse pass runs through it all "
                            "the same, and 0 times infinity or NaN is NaN.", evidence=evidence,
                            cure=_safe(node.op.name), line=case.line(t), weight=5, at=t)
                return
            yield Cause("forward", f"{case.names.made(t)} made "
                        f"{_written(node.value, bad)} from finite numbers, and it spoils what follows.",
                        evidence=evidence,
                        cure=CURES.get(node.op.name, "Keep its arguments inside its domain."),
                        line=case.line(t), weight=4, at=t)
            return


def _of_infinite(case: Case, t: Tensor, bad: tuple[int, ...], evidence: str) -> Cause:
    """NaN that comes of infinities which may be meant, as those of a mask are."""
    masked = any(_is_mask(_held(x)) for x in t.inputs)
    says = f"{case.names.made(t)} made {_written(Node(t).value, bad)} of infinite numbers"
    if not masked:
        return Cause("forward", f"{says}, and it spoils what follows.", evidence=evidence, weight=4,
                     at=t, line=case.line(t),
                     cure="Look what made these infinite, and make it smaller.")
    return Cause("masked row", f"{says}: where a whole row is -infinity, softmax divides 0 by 0.",
                 evidence=evidence, line=case.line(t), weight=4, at=t,
                 cure="Leave at least one entry of each row unmasked (a causal mask hides what is "
                      "above the diagonal: np.triu(ones, 1)), or write -1e9 for -inf.")


def _there(case: Case, t: Tensor, bad: tuple[int, ...]) -> str:
    """What went into a number that is not finite: that itself, or the largest of all."""
    op: Any = t.op
    floats = [x for x in t.inputs if isinstance(x, Tensor | np.ndarray) and _held(x).dtype.kind == "f"]
    if not op.elementwise:
        sizes = [f"{case.names.said(x)} to {one(float(np.abs(_held(x)).max()))}" for x in floats
                 if _held(x).size and _first_bad(_held(x)) is None]
        return f"Sizes go up to: {', '.join(sizes)}" if sizes else ""
    given = [f"{case.names.said(x)} = {one(at)}" for x in floats
             if (at := _at(x, bad, t.shape)) is not None]
    return f"There {', '.join(given)}" if given else ""


def _is_mask(x: Any) -> bool:
    """Whether what is not finite is -infinity, as in masks."""
    x = np.asarray(x)
    low = x == -np.inf
    return x.dtype.kind == "f" and bool(low.any() and (np.isfinite(x) | low).all())


def _held(x: Any) -> Any:
    return Node(x).value if isinstance(x, Tensor) else np.asarray(x)


def _backward(case: Case) -> Iterator[Cause]:
    """Finite forward: a slope that is infinite, or 0 times infinity."""
    for step in case.passed.steps:
        bad = _first_bad(step.sent)
        if bad is None:
            continue
        out: Any = step.out
        name, made = case.names.said(step.to), case.names.made(out)
        masked = np.any(np.asarray(step.g) == 0) and _leaves_out(case, out)
        at = _at(step.to, bad, step.to.shape)
        evidence = f"There {name} = {one(at)}" if at is not None else ""
        if masked:
            yield Cause("where", f"where() leaves {case.names.said(out)} out there, but the rule of "
                        f"{out.op.name} runs all the same: its slope is infinite there, and 0 times "
                        "infinity is NaN.",
                        evidence=evidence, line=case.line(out), weight=5, at=out,
                        cure=_safe(out.op.name))
        else:
            yield Cause("backward", f"The value of {made} is finite, but its slope in {name} is not: "
                        f"it sends back {_written(step.sent, bad)}.", evidence=evidence,
                        cure=CURES.get(out.op.name) or "Move its argument away from there: x + 1e-12.",
                        line=case.line(out), weight=4, at=out)
        return


def _is_finite(t: Tensor | None) -> bool:
    return t is not None and bool(np.isfinite(Node(t).value).all())


def _leaves_out(case: Case, t: Tensor) -> bool:
    """Whether there is a `where` further on, which may leave out what is wrong in ``t``."""
    later = case.of(t).downstream
    return any(x.op is not None and x.op.name == "where" for x in later)


def _safe(op: str) -> str:
    call = _SAFE_CALLS.get(op, f"np.{op}(np.where(x > 0, x, 1))")
    return f"Write {_SAFE.format(call=call)}"


def _first_bad(x: Any, only_nan: bool = False) -> tuple[int, ...] | None:
    x = np.asarray(x)
    if x.dtype.kind != "f":
        return None
    bad = np.isnan(x) if only_nan else ~np.isfinite(x)
    if not bad.any():
        return None
    return tuple(int(i) for i in np.argwhere(bad)[0]) if x.ndim else ()


def _written(x: Any, index: tuple[int, ...]) -> str:
    value = float(np.asarray(x)[index])
    word = "NaN" if np.isnan(value) else "infinity" if value > 0 else "-infinity"
    return f"{word} at [{', '.join(map(str, index))}]" if index else word


def _at(x: Any, index: tuple[int, ...], shape: tuple[int, ...]) -> float | None:
    """The element of an input that goes into an element of an elementwise result."""
    held = Node(x).value if isinstance(x, Tensor) else np.asarray(x)
    if held.dtype.kind not in "fiub":
        return None
    try:
        return float(np.broadcast_to(held, shape)[index])
    except ValueError:
        return None
