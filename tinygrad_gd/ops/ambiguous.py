"""Calls that also run in PyTorch, with another result: ``tg.split(x, 2)``.

``np.split(t, 2)`` means what it means in NumPy. Under ``tg`` the same words may be PyTorch's: a call
that PyTorch would run with another result is refused, with both ways to write it. What everybody
who knows NumPy writes every day, such as ``t.max(1)``, stays; the README has a table of these, and
``[0]`` of what would be a pair in PyTorch is warned of.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..engine.pairs import as_pair
from ..engine.tensor import Tensor
from ..errors import OptionError, describe
from ..ground.registry import under_tg
from .arrange import meshgrid as grids
from .arrange import split as parts
from .elementwise import where as choose
from .norms import norm as norm_of
from .reductions import max, min
from .shape import axis_of
from .signatures import as_tensor


@under_tg
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """`numpy.split`, where PyTorch's would give the same parts or none.

    >>> import tinygrad_gd as tg
    >>> [part.tolist() for part in tg.split(tg.Tensor([1.0, 2.0, 3.0]), [1])]
    [[1.0], [2.0, 3.0]]
    """
    a, given = as_tensor("split", ary), indices_or_sections
    n = a.shape[axis_of("split", a, axis)]
    where = f", axis={axis}" if axis else ""
    if not np.ndim(given) and given and n != given * given:
        raise OptionError(f"split: NumPy makes {given} parts of {describe(a)}, PyTorch parts of length "
                          f"{given}; write np.split(t, {given}{where}) for the former, "
                          f"np.split(t, range({given}, {n}, {given}){where}) for the latter")
    if np.ndim(given) and len(given) and sum(given) == n:
        cuts = np.cumsum(given)[:-1].tolist()
        raise OptionError(f"split: for NumPy {given} are places to cut at, for PyTorch lengths; write "
                          f"np.split(t, {given}{where}) for the former, np.split(t, {cuts}{where}) for "
                          "the latter")
    return parts(a, given, axis)


@under_tg
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Tensor:
    """`numpy.linalg.norm`, but of a matrix no ``ord`` that PyTorch takes for a norm of its elements.

    >>> import tinygrad_gd as tg
    >>> tg.norm(tg.Tensor([[3.0, 0.0], [0.0, 4.0]])).item()
    5.0
    """
    x = as_tensor("norm", x)
    if axis is None and x.ndim == 2 and ord not in (None, "fro", "nuc"):
        shown = repr(ord).replace("inf", "np.inf")
        raise OptionError(f"norm: of {describe(x)}, ord={shown} is NumPy's norm of a matrix, and "
                          f"PyTorch's of all its elements; write np.linalg.norm(t, {shown}) for the "
                          f"former, np.linalg.norm(t.reshape(-1), {shown}) for the latter")
    return norm_of(x, ord, axis, keepdims)


@under_tg
def meshgrid(
    *xi: Any, copy: bool = True, sparse: bool = False, indexing: str | None = None
) -> tuple[Tensor, ...]:
    """`numpy.meshgrid`; of several vectors, ``indexing`` must be given.

    >>> import tinygrad_gd as tg
    >>> [grid.tolist() for grid in tg.meshgrid([1.0, 2.0], [3.0], indexing="ij")]
    [[[1.0], [2.0]], [[3.0], [3.0]]]
    """
    if indexing is None and len(xi) > 1:
        raise OptionError("meshgrid: the first vector runs along axis 1 in NumPy, along axis 0 in "
                          "PyTorch; write indexing='xy' for the former, indexing='ij' for the latter")
    return grids(*xi, copy=copy, sparse=sparse, indexing=indexing or "xy")


@under_tg
def where(condition: Any, *choices: Any, **named: Any) -> Any:
    """``x`` where the condition holds, else ``y``; with a condition only, the positions where it holds.

    >>> import tinygrad_gd as tg
    >>> tg.where(tg.Tensor([0.0, 2.0]) > 1), tg.where([True, False], 1.0, 2.0).tolist()
    ((array([1]),), [1.0, 2.0])
    """
    if choices or named:
        return choose(condition, *choices, **named)
    return np.where(as_tensor("where", condition))


def gives_a_pair(operation: Callable[..., Tensor], axis: int | None = None) -> None:
    """Under ``tg``, note the results that would be pairs in PyTorch; ``axis`` is the default."""

    @under_tg
    @wraps(operation)
    def called(*args: Any, **options: Any) -> Tensor:
        along = args[1] if len(args) > 1 else options.get("axis", axis)
        return as_pair(called.__name__, operation(*args, **options), along)


gives_a_pair(max)
gives_a_pair(min)
