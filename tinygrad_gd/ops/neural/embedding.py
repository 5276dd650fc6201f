"""The check of row numbers that `nn.functional.embedding` and `one_hot` make."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.primitive import apply, primitive
from ...engine.tensor import Tensor
from ...errors import IndexingError
from ...ground.modes import current_mode
from ..indexing import integer_indices


def _check_rows(numbers: Any, /, rows: int, operation: str) -> Any:
    if numbers.size and (np.min(numbers) < 0 or np.max(numbers) >= rows):
        wrong = numbers[(numbers < 0) | (numbers >= rows)].flat[0]
        raise IndexingError(f"{operation}: number {wrong} is out of range for {rows} rows; numbers run "
                            f"from 0 to {rows - 1}")
    return numbers


check_rows = primitive(_check_rows, kind="check", atomic=True, internal=True)


def row_numbers(operation: str, numbers: Any, rows: int) -> Any:
    """``numbers`` as integers from 0 to ``rows`` - 1; NumPy would count negative ones from the end."""
    numbers, mode = integer_indices(operation, numbers), current_mode()
    if mode.observer is not None or mode.lockstep is not None:
        return apply(check_rows, (numbers,), {"rows": rows, "operation": operation})
    _check_rows(np.asarray(numbers._value if isinstance(numbers, Tensor) else numbers), rows, operation)
    return numbers
