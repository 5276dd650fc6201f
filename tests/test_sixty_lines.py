"""The engine in sixty lines is one, has the real engine's rules, and its comparison sees every fault."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
TEXT = (HOUSE / "examples" / "00_engine_in_60_lines.py").read_text()
ENGINE = TEXT.partition("# -- That is all.")[0]
ROWS = [line for line in ENGINE.splitlines() if line.startswith("primitive(")]


def rules_of(source: str) -> dict[str, list[str]]:
    """Of each ufunc that is made a primitive, the rules as text."""
    return {ast.unparse(call.args[0]): [ast.unparse(rule) for rule in call.args[1:]]
            for call in ast.walk(ast.parse(source)) if isinstance(call, ast.Call)
            and ast.unparse(call.func) == "primitive"}


def test_it_has_sixty_lines_of_its_own() -> None:
    assert TEXT != ENGINE and len(ENGINE.rstrip().splitlines()) <= 60 and len(ROWS) >= 10
    scope: dict[str, object] = {}
    exec(ENGINE, scope)
    assert "tinygrad_gd" not in {getattr(value, "__name__", "") for value in scope.values()}
    assert "tinygrad_gd" not in ENGINE


def test_its_elementwise_rules_are_the_engine_s_word_for_word() -> None:
    mine = rules_of(ENGINE)
    real = rules_of((HOUSE / "tinygrad_gd" / "ops" / "elementwise.py").read_text())
    shared = mine.keys() & real.keys()
    assert len(shared) >= 7
    assert {f: mine[f] for f in shared} == {f: real[f] for f in shared}


def test_it_agrees_with_the_real_engine(capsys: pytest.CaptureFixture[str]) -> None:
    exec(TEXT, {})
    assert len(capsys.readouterr().out.splitlines()) == 6


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.partition(",")[0].partition("(")[2])
def test_a_wrong_rule_is_noticed(row: str) -> None:
    """Each rule of each row in turn is made wrong by a factor."""
    for body in re.finditer("(?<=: )", row):
        wrong = f"{row[:body.start()]}1.5 * {row[body.start():]}"
        with pytest.raises(AssertionError):
            exec(TEXT.replace(row, wrong), {})
