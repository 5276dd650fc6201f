"""The README's code runs and prints what it says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_list_of_functions_is_that_of_the_registry() -> None:
    from tests.readme_functions import updated

    assert updated(README.read_text()) == README.read_text(), "run python -m tests.readme_functions"


def test_readme_blocks() -> None:
    text = README.read_text()
    assert "no part of the project named tinygrad" in text.splitlines()[0]
    blocks = re.findall(r"```(python|output)\n(.*?)```", text, re.S)
    scope: dict[str, object] = {}
    printed, outputs = "", 0
    for kind, body in blocks:
        if kind == "output":
            assert printed == body, f"expected {body!r}, printed {printed!r}"
            outputs += 1
            continue
        stream = io.StringIO()
        with contextlib.redirect_stdout(stream):
            exec(compile(body, "script.py", "exec"), scope)
        printed = stream.getvalue()
    assert outputs >= 4
