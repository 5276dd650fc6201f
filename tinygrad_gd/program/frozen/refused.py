"""`Refused`: why a function's Python cannot be skipped."""

from __future__ import annotations

from ...ground.user_code import UNKNOWN


class Refused(Exception):
    """Why, and at which line."""

    def __init__(self, problem: str, line: tuple[str, int] = UNKNOWN) -> None:
        super().__init__(problem)
        self.line = line
