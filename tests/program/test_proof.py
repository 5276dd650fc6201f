"""A plan that is wrong is found before it runs, whichever way it is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program import witness
from tests.program.frozen import frozen
from tinygrad_gd.program.lockstep.segments import Segment
from tinygrad_gd.program.replay import planner
from tinygrad_gd.program.replay.proof import prove
from tinygrad_gd.program.replay.replay import Replay
from tinygrad_gd.program.replay.statements import Statements


def step() -> Any:
    """Updates two parameters side by side, has views, a copied operand and two results."""
    rng = np.random.default_rng(0)
    w, v = (tg.Tensor(rng.normal(size=(6, 6)), requires_grad=True) for _ in range(2))
    optimizer = tg.optim.SGD([w, v], lr=1e-3, momentum=0.9)

    def run(x: Any) -> Any:
        hidden = tg.tanh(x @ w) * (x @ v.T)
        loss = (tg.tanh(hidden) * hidden).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, x + 1, hidden.T

    compiled = frozen(run, strict=True)
    for _ in range(3):
        compiled(np.ones((4, 6)))
    return compiled


def proved(replay: Any) -> None:
    """All results are given away as they are, without copies."""
    prove(replay.text, range(len(replay.program.outputs)))


def replaced(text: Statements, pattern: str, by: str) -> None:
    """The text with its first match replaced; the numbers of its lines stay."""
    changed, n = re.subn(pattern, by, text.source, count=1)
    assert n == 1, text.source
    text.source = changed


def a_buffer_for_another(text: Statements) -> None:
    """The last statement that reads a buffer reads another one."""
    last = re.findall(r"multiply\(\w+, (buffer\d+), buffer\d+\)", text.source)[-1]
    other = next(b for b in re.findall(r"buffer\d+", text.source) if b != last)
    replaced(text, rf"(?s)(.*multiply\(\w+, ){last}, ", rf"\g<1>{other}, ")


def two_buffers_in_one(text: Statements) -> None:
    """All buffers of one form are the same memory."""
    by_form: dict[Any, Any] = {}
    for name in sorted(n for n in text.space if re.fullmatch(r"buffer\d+", n)):
        x = text.space[name]
        text.space[name] = by_form.setdefault((x.shape, x.dtype), x)


def no_copy_of_a_result(text: Statements) -> None:
    replaced(text, r"(return .*)\b(\w+)$", r"\1buffer0")


def a_parameter_as_a_result(text: Statements) -> None:
    state = next(text.names[i.value] for i, _ in text.seats)
    replaced(text, r"return \w+", f"return {state}")


def a_result_twice(text: Statements) -> None:
    replaced(text, r"return (\w+), (\w+), \w+", r"return \1, \2, \2")


def an_update_too_soon(text: Statements) -> None:
    """The parameter is written by the first statement that fills a buffer of its form."""
    state = next(text.names[i.value] for i, _ in text.seats)
    buffer = next(n for n in text.space if re.fullmatch(r"buffer\d+", n) and text.space[n].shape == (6, 6))
    text.space[buffer] = text.space[state]


@pytest.mark.parametrize("plant,problem", [
    (a_buffer_for_another, "any more"), (two_buffers_in_one, "any more"),
    (no_copy_of_a_result, "memory of somebody else"), (a_parameter_as_a_result, "memory of somebody"),
    (a_result_twice, "is two results"), (an_update_too_soon, "any more"),
])
def test_a_planted_fault_is_found(plant: Callable[[Statements], None], problem: str) -> None:
    replay = Replay(step().program, 1)
    proved(replay)
    plant(replay.text)
    with pytest.raises(tg.CaptureError, match=f"{problem}.*the plan of the replay is wrong"):
        proved(replay)


def too_soon(self: Any) -> None:
    """Buffers are given up one instruction before their values are read for the last time."""
    self.last_use = {v: max(n - 1, self._position.get(v, 0)) for v, n in self.last_use.items()}
    assign(self)


assign = planner.Planner._assign


def test_buffers_given_up_too_soon_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    program = step().program
    monkeypatch.setattr(planner.Planner, "_assign", too_soon)
    with pytest.raises(tg.CaptureError, match=r"any more.*the plan of the replay is wrong"):
        prove(Replay(program, 1).text)


def test_updates_in_place_too_soon_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    w = tg.Tensor(np.ones(3))

    def run() -> Any:
        old = w.detach()
        w.assign(w * 2)
        return old * 3

    compiled = frozen(run, strict=True)
    for _ in range(3):
        compiled()
    monkeypatch.setattr(planner.Planner, "in_place", lambda self, i: i.target is not None)
    with pytest.raises(tg.CaptureError, match=r"any more.*the plan of the replay is wrong"):
        prove(Replay(compiled.program).text)


def test_a_result_that_shows_what_is_written_to_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def build() -> Any:
        norm = tg.nn.BatchNorm1d(3)

        def run(x: Any) -> Any:
            norm(x)
            part = norm.running_mean[1:]
            norm(x * 2)
            return part

        return run

    x = np.arange(12.0).reshape(4, 3)
    plain, step = build(), tg.compile(build(), strict=True)
    assert [step(x).tolist() for _ in range(4)] == [plain(x).tolist() for _ in range(4)]
    monkeypatch.setattr(Statements, "_is_written", lambda self, x: any(
        state.value is self.plan.base(x) for state, _ in self.program.writes))
    step = tg.compile(build(), strict=True)
    step(x)
    with pytest.raises(tg.CaptureError, match=r"any more.*the plan of the replay is wrong"):
        step(x)


def test_only_strict_programs_are_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(a: Any, x: Any) -> Any:
        return a * (a * x)

    monkeypatch.setattr(Segment, "__init__", Segment.__init__.__wrapped__)  # type: ignore[attr-defined]
    monkeypatch.setattr(planner.Planner, "_assign", too_soon)
    for strict in (False, True):
        run = frozen(lambda x: twice(tg.tanh(x), x).sum(), strict=strict)
        run(np.ones(3))
        if strict:
            with pytest.raises(tg.CaptureError, match="any more"):
                run(np.ones(3))
        else:
            run(np.ones(3))


def test_in_these_tests_what_shows_memory_must_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness, "Planner", type("Blind", (planner.Planner,), {
        "base": lambda self, value: value}))
    run = frozen(lambda x: x.T @ x)
    run(np.ones((2, 3)))
    with pytest.raises(tg.CaptureError, match="which the plan does not know"):
        run(np.ones((2, 3)))
