"""Choosing among arrays, by conditions or by numbers."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from ..engine.operands import SCALARS
from ..engine.tensor import Tensor
from ..errors import DTypeError, IndexingError, OptionError, ShapeError, describe
from ..ground.registry import implements
from .elementwise import where
from .indexing import in_range, integer_indices
from .shape import broadcast_to
from .signatures import as_tensor, refuse


@implements(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Tensor:
    """Each element from the first choice whose condition holds.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = tg.Tensor([-1.0, 0.5, 3.0])
    >>> np.select([x < 0, x > 1], [0 * x, x**2], x).tolist()
    [-0.0, 0.5, 9.0]
    """
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ShapeError(f"select: expected one choice for each condition, got {len(condlist)} "
                         f"conditions and {len(choicelist)} choices")
    for condition in condlist:
        if as_tensor("select", condition).dtype != bool:
            raise OptionError(f"select: conditions must be booleans, got {describe(condition)}; "
                              "make them with a comparison such as x > 0")
    if default is None:
        raise DTypeError("select: default= must be numbers, got NoneType; use np.nan for what is "
                         "missing")
    plain = (*SCALARS, np.ndarray)
    default, *choices = (x if isinstance(x, plain) else as_tensor("select", x)
                         for x in (default, *choicelist))
    dtype = np.result_type(*choices, default)
    pairs = reversed(list(zip(condlist, choices, strict=True)))
    chosen = reduce(lambda rest, pair: where(pair[0], pair[1], rest), pairs, default)
    result: Tensor = chosen if chosen.dtype == dtype else chosen.astype(dtype)
    return result


@implements(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Tensor:
    """From each position of ``choices[a]``, all broadcast together.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.choose([1, 0], [tg.Tensor([1.0, 2.0]), [10.0, 20.0]]).tolist()
    [10.0, 2.0]
    """
    refuse("choose", "use the returned Tensor", out=out)
    number = in_range("choose", integer_indices("choose", a), len(choices), mode)
    wrong = np.asarray((number < 0) | (number >= len(choices)))
    if wrong.any():
        raise IndexingError(f"choose: {describe(number)} has entries outside of 0 to "
                            f"{len(choices) - 1}; use mode='clip' or 'wrap'")
    parts = list(choices)
    chosen = as_tensor("choose", reduce(lambda rest, i: where(number == i, parts[i], rest),
                                        range(len(parts) - 1), parts[-1]))
    result: Tensor = broadcast_to(chosen, np.broadcast_shapes(chosen.shape, number.shape))
    return result
