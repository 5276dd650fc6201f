"""`detect_anomaly`: stop at the first NaN or infinity and say where it came from."""

from __future__ import annotations

from collections import Counter
from threading import get_ident
from typing import Any

import numpy as np

from ..engine.graph import Node
from ..engine.tensor import Tensor
from ..engine.watched import note_line
from ..errors import NonFiniteError, describe
from ..ground.observer import Observer, observe
from ..ground.user_code import user_line


class _Anomaly(Observer):
    """An observer that looks at every value and every cotangent."""

    def __init__(self) -> None:
        self._passes: Counter[int] = Counter()  # reverse passes under way in each thread

    def forward(self, out: Tensor, primitive: Any, inputs: Any, params: Any) -> None:
        line = user_line()
        inside = self._passes[get_ident()] > 0  # a rule is judged by what it returns
        found = "" if inside else _first_bad(out)
        if found:
            for i, x in enumerate(inputs):
                if held := _first_bad(x):
                    raise NonFiniteError(f"{primitive.name} at {line}: {describe(x, i)} holds {held}; "
                                         "clean the data first, for example with np.nan_to_num")
            what = ", ".join(describe(x, i) for i, x in enumerate(inputs))
            raise NonFiniteError(f"{primitive.name} at {line}: made {found} from finite {what}; keep "
                                 "its arguments inside its domain, or lower the learning rate")
        if out.requires_grad:
            note_line(out)

    def backward(self, out: Tensor, position: int, g: Any, gx: Any) -> None:
        found, arrived = _first_bad(gx), _first_bad(g)
        if not found and not arrived:
            return
        line = Node(out).line or "a line outside detect_anomaly"
        where = f"backward of {Node(out).op.name}, computed at {line}"
        if arrived:
            raise NonFiniteError(
                f"{where}: the gradient that arrives at {describe(out)} is {arrived}, though none was "
                "before; it came with gradient=, from a hook, or from adding up gradients too large")
        raise NonFiniteError(
            f"{where}: the gradient of {describe(out.inputs[position], position)} is {found}, though "
            "the value is finite; the derivative has no finite value there. Move the argument away "
            "(x + 1e-12), or if a where() leaves that entry out, do so inside too: "
            "sqrt(where(x > 0, x, 1))")

    def replaces(self, tensor: Tensor, g: Any) -> None:
        if found := _first_bad(g):
            raise NonFiniteError(f"hook: what it returned for the gradient of {describe(tensor)} holds "
                                 f"{found}; look for a division or a root in the hook")

    def starts_backward(self, root: Tensor, seed: Any) -> None:
        self._passes[get_ident()] += 1

    def ends_backward(self) -> None:
        self._passes[get_ident()] -= 1

    def write(self, target: Tensor, primitive: Any, inputs: Any) -> None:
        if found := _first_bad(target):
            raise NonFiniteError(f"{primitive.name} in place at {user_line()}: {describe(target)} now "
                                 f"holds {found}; lower the learning rate")


def _first_bad(x: Any) -> str:
    """The first NaN or infinity of ``x`` and its index, or nothing."""
    array = Node(x).value if isinstance(x, Tensor) else np.asarray(x)
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return ""
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    return f"{array[index]} at index {index}" if index else str(array[()])


def detect_anomaly() -> observe[_Anomaly]:
    """Raise `NonFiniteError` at the first NaN or infinity, forward or backward.

    The message names the operation, the tensor, the index and your line. Every value is looked at,
    so use it to find a mistake, not to train.

    >>> import numpy as np, tinygrad_gd as tg
    >>> from tinygrad_gd.study.anomaly import detect_anomaly
    >>> x = tg.Tensor([1.0, np.nan], name="x")
    >>> with detect_anomaly():  # doctest: +ELLIPSIS
    ...     x * 2
    Traceback (most recent call last):
    tinygrad_gd.errors.NonFiniteError: multiply at <doctest ...>:2: 'x' (...) holds nan at index (1,)...
    """
    return observe(_Anomaly())
