"""Programs that skip Python: what the tests of `guards`, plans and the like look at."""

from __future__ import annotations

from typing import Any

import tinygrad_gd as tg


def frozen(function: Any = None, **options: Any) -> Any:
    """``tg.compile(..., frozen=True)``."""
    return tg.compile(function, frozen=True, **options)
