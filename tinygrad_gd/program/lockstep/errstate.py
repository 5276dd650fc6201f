"""What becomes of numerical errors and warnings, when computing comes later than the operation.

`np.errstate` and `warnings.catch_warnings` say it for the lines in them. Operations there are computed
at once; those from before them as the call began.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from ...errors import OptionError


def began_with(call: Any) -> dict[str, Any]:
    """What held when a call began."""
    run = call.context.run
    return {**run(np.geterr), "call": run(np.geterrcall), "filters": True}


def now(call: Any) -> dict[str, Any]:
    """What holds now; of filters, whether they are those of the beginning."""
    return {**np.geterr(), "call": np.geterrcall(), "filters": warnings.filters is call.filters}


@contextmanager
def as_it_began(call: Any) -> Iterator[None]:
    """Let hold what held when a call began."""
    errors = began_with(call)
    del errors["filters"]
    with ExitStack() as stack:
        stack.enter_context(np.errstate(**errors))
        if warnings.filters is not call.filters:
            stack.enter_context(warnings.catch_warnings())
            warnings.resetwarnings()
            warnings.filters = [*call.filters]
        yield


@contextmanager
def raised(phase: str) -> Iterator[None]:
    """Raise NumPy's own errors in a reverse pass: rules run on Tensors only to be recorded."""
    try:
        yield
    except OptionError as error:
        if phase == "backward" and isinstance(error.__cause__, FloatingPointError):
            raise error.__cause__ from None
        raise
