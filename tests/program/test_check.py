"""A program that a pass has broken is found, whichever way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.checks import check
from tests.program.conftest import checked
from tinygrad_gd.program.ir import Program, State, Value
from tinygrad_gd.program.passes import PASSES
from tinygrad_gd.study.recorded import gradient_program


def program() -> Program:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    return gradient_program(((w * 3.0 + 1.0) ** 2).sum(), [w])


def shaped(value: Value, *shape: int) -> Value:
    return Value(shape, value.dtype)


def reordered(p: Program) -> Program:
    first, second, *rest = p.instructions
    return p.with_(instructions=(second, first, *rest))


def doubled(p: Program) -> Program:
    return p.with_(instructions=(*p.instructions, p.instructions[-1]))


def cut(p: Program) -> Program:
    return p.with_(instructions=p.instructions[:-1])


def misshapen(p: Program) -> Program:
    first = p.instructions[0]
    return p.with_(instructions=(replace(first, output=shaped(first.output, 3)), *p.instructions[1:]))


def mistyped(p: Program) -> Program:
    first = p.instructions[0]
    output = Value(first.output.shape, np.dtype(np.float32))
    return p.with_(instructions=(replace(first, output=output), *p.instructions[1:]))


def misplaced(p: Program) -> Program:
    """The loss as the gradient of a parameter."""
    (given,) = p.inputs
    assert isinstance(given, State)
    return p.with_(gradients=((given.tensor, p.outputs[0]),))


@pytest.mark.parametrize("break_it,problem", [
    (reordered, "before it is made"), (doubled, "a second time"), (cut, "is never made"),
    (misshapen, r"makes the shape \(2,\)"), (mistyped, "makes the dtype float64"), (misplaced, "the gradient of .* would be"),
])
def test_broken_programs_are_found(break_it: Any, problem: str) -> None:
    whole = program()
    assert check(whole) is whole
    with pytest.raises(tg.CaptureError, match=f"gradient: .*{problem}.*a pass has made a mistake"):
        check(break_it(whole))


def test_in_these_tests_every_pass_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PASSES, "drop_neutral", checked(doubled))
    w = tg.Tensor(np.ones(2), requires_grad=True)
    with pytest.raises(tg.CaptureError, match="a second time"):
        tg.source((w * 2.0).sum())
    assert all(run.__qualname__.startswith("checked.") for run in PASSES.values())
