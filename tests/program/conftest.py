"""Every program that a test makes is checked after each pass, its plan proved, and its text run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import pytest

import tinygrad_gd as tg
from tests.program.checks import check
from tests.program.texts import assert_text_computes
from tests.program.witness import witnessed
from tinygrad_gd.program.lockstep import segments
from tinygrad_gd.program.passes import PASSES

#: Every program goes through it, as it was captured and as it is read.
FIRST = next(iter(PASSES))
#: Where faults are planted, or parameters lie in Fortran order, which a text does not keep.
NO_TEXT = {"test_proof.py", "test_shared.py", "test_random_steps.py"}


def checked(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda program: check(run(check(program)))


def noting(run: Callable[[Any], Any], made: list[Any]) -> Callable[[Any], Any]:
    return lambda program: made.append(program) or run(program)


def told(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """With an error that nothing computes as usual after."""
    def telling(program: Any) -> Any:
        try:
            return run(program)
        except AssertionError as error:
            raise tg.CaptureError(str(error)) from error

    return telling


@pytest.fixture(autouse=True)
def programs_are_checked_after_each_pass(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[None]:
    made: list[Any] = []
    for name, run in PASSES.items():
        monkeypatch.setitem(PASSES, name, checked(noting(run, made) if name == FIRST else run))
    yield
    monkeypatch.undo()
    if request.node.path.name not in NO_TEXT:
        for program in made:
            assert_text_computes(program)


@pytest.fixture(autouse=True)
def plans_are_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "optimized", told(witnessed))
    make = segments.Segment.__init__

    @wraps(make)
    def proving(self: Any, at: Any, alive: Any, strict: bool, stands: Any = None) -> None:
        make(self, at, alive, True, stands)

    monkeypatch.setattr(segments.Segment, "__init__", proving)
