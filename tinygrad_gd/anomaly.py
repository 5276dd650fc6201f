"""`detect_anomaly`: stop at the first NaN or infinity, and say where it came from."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import NonFiniteError, describe, user_line
from .modes import using
from .tensor import Tensor


class _Watch:
    """An observer that looks at every value and every cotangent."""

    wants_tensors = False

    def __init__(self) -> None:
        self.lines: dict[int, str] = {}  # by creation number

    def forward(self, out: Tensor, primitive: Any, inputs: Any, params: Any) -> None:
        self.lines[out._seq] = user_line()
        if np.all(np.isfinite(out._data)):
            return
        arrays = [(x, getattr(x, "_data", x), i) for i, x in enumerate(inputs)]
        source = next((describe(x, i) for x, a, i in arrays
                       if isinstance(a, np.ndarray | float) and not np.all(np.isfinite(a))), None)
        cause = f"{source} already held NaN or infinity" if source else (
            "its inputs were finite: " + ", ".join(describe(x, i) for x, _, i in arrays))
        raise NonFiniteError(
            f"{primitive.name} gave {_first_bad(out._data)} at {self.lines[out._seq]}; {cause}. "
            "Check the data, the learning rate, and logarithms, roots and divisions near 0")

    def backward(self, tensor: Tensor, position: int, g: Any, gx: Any) -> None:
        values = getattr(gx, "_data", gx)
        if not np.all(np.isfinite(values)):
            raise NonFiniteError(
                f"backward of {tensor._primitive.name}, recorded at "
                f"{self.lines.get(tensor._seq, 'a line outside detect_anomaly')}, gave "
                f"{_first_bad(values)} for {describe(tensor._inputs[position], position)}")

    def read(self, tensor: Tensor, how: str) -> None:
        pass

    def write(self, target: Tensor, primitive: Any, inputs: Any) -> None:
        if not np.all(np.isfinite(target._data)):
            raise NonFiniteError(f"in-place {primitive.name} wrote {_first_bad(target._data)} into "
                                 f"{describe(target)} at {user_line()}")


def _first_bad(values: Any) -> str:
    array = np.asarray(values)
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    return f"{array[index]} at index {index}" if index else f"{array[()]}"


def detect_anomaly() -> using:
    """Raise at the first NaN or infinity, forward or backward, naming operation and line.

    >>> import tinygrad_gd as tg
    >>> import numpy as np
    >>> try:
    ...     with np.errstate(divide="ignore"), tg.detect_anomaly():
    ...         tg.Tensor(-1.0, name="x") / 0.0
    ... except tg.NonFiniteError as error:
    ...     print(str(error)[:16])
    divide gave -inf
    """
    return using(observer=_Watch())
